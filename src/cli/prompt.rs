//! Questions on a terminal: each has an answer already, which Enter takes. A wrong answer is asked for again, and the
//! end of the input is no answer: whoever leaves wants nothing written.

use std::io::{BufRead, Write};
use std::path::Path;

use dockless::ground::FileError;
use dockless::init::{self, LiveService, Options};
use dockless::tree::Sources;

use super::commands::{InitFailure, cluster_and_service, name_fault};

/// Asks on the terminal for what the files do not say.
///
/// # Errors
/// When the input ends, or the terminal is gone.
pub(crate) async fn ask(
    sources: &dyn Sources,
    folder_name: &str,
    ask_kind: bool,
    options: &mut Options,
) -> Result<(), InitFailure> {
    Asker { read: next_line, output: std::io::stderr() }.all(sources, folder_name, ask_kind, options).await
}

/// Reads a line of stdin; nothing at its end.
///
/// On a thread that nobody waits for: an interrupt at a question ends the process at once.
async fn next_line() -> std::io::Result<Option<String>> {
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_until(b'\n', &mut bytes);
        let line = read.map(|count| (count > 0).then(|| String::from_utf8_lossy(&bytes).into_owned()));
        // Nobody listens any more after an interrupt.
        drop(send.send(line));
    });
    receive.await.unwrap_or(Ok(None))
}

/// Whoever asks: where answers come from, and where questions go.
struct Asker<R, W> {
    read: R,
    output: W,
}

impl<R: AsyncFnMut() -> std::io::Result<Option<String>>, W: Write> Asker<R, W> {
    async fn all(
        &mut self,
        sources: &dyn Sources,
        folder_name: &str,
        ask_kind: bool,
        options: &mut Options,
    ) -> Result<(), InitFailure> {
        if ask_kind && options.kind.is_none() {
            // A project that cannot be looked at is told of by whoever looks next.
            let kinds = init::kinds(sources).unwrap_or_default();
            if let [first, _, ..] = kinds[..] {
                let known: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
                self.say(&format!("This may be {}.", known.join(" or ")))?;
                let read = |answer: &str| answer.parse().map_err(|error: init::NoKind| error.to_string());
                options.kind = Some(self.question("Which", first.as_str(), read).await?.unwrap_or(first));
            }
        }
        if options.name.is_none() && options.service.as_ref().and_then(LiveService::repository).is_none() {
            let made_up = init::default_name(folder_name);
            let read = |answer: &str| name_fault(answer).map_or_else(|| Ok(answer.to_owned()), Err);
            options.name = self.question("Push to (registry/repository)", &made_up, read).await?;
        }
        if options.service.is_none() {
            let read = |answer: &str| {
                cluster_and_service(answer).ok_or_else(|| format!("`{answer}` names no service: write CLUSTER/SERVICE"))
            };
            let answer = self.question("Deploy to (CLUSTER/SERVICE of ECS)", "nothing yet", read).await?;
            options.service =
                answer.map(|(cluster, service)| LiveService { cluster, service, ..LiveService::default() });
        }
        Ok(())
    }

    /// Asks one question until its answer can be read; nothing when it is the one in brackets.
    async fn question<T>(
        &mut self,
        text: &str,
        otherwise: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, InitFailure> {
        loop {
            self.show(&format!("{text} [{otherwise}]: "))?;
            let line = (self.read)().await.map_err(FileError::on("read", terminal()))?;
            let Some(line) = line else {
                self.say("")?;
                return Err(InitFailure::Unanswered);
            };
            let answer = line.trim();
            if answer.is_empty() || answer == otherwise {
                return Ok(None);
            }
            match read(answer) {
                Ok(answer) => return Ok(Some(answer)),
                Err(problem) => self.say(&problem)?,
            }
        }
    }

    fn say(&mut self, line: &str) -> Result<(), FileError> {
        self.show(&format!("{line}\n"))
    }

    fn show(&mut self, text: &str) -> Result<(), FileError> {
        let written = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
        written.map_err(FileError::on("write to", terminal()))
    }
}

fn terminal() -> &'static Path {
    Path::new("the terminal")
}

#[cfg(test)]
mod tests {
    use dockless::init::Kind;
    use dockless::tree::MemorySources;

    use super::*;

    async fn answered(lines: &[&str]) -> (Result<Options, InitFailure>, String) {
        let mut project = MemorySources::new();
        project.text("go.mod", "").text("package.json", "{}");
        let (mut typed, mut output, mut options) = (lines.iter(), Vec::new(), Options::default());
        let read = async || Ok(typed.next().map(|line| (*line).to_owned()));
        let end = Asker { read, output: &mut output }.all(&project, "shop", true, &mut options).await;
        (end.map(|()| options), String::from_utf8(output).expect("text"))
    }

    #[tokio::test]
    async fn enter_takes_the_answer_that_is_there() {
        let (options, _) = answered(&["\n", " \n", "\n"]).await;
        let options = options.expect("answers");
        assert_eq!((options.kind, options.name, options.service), (Some(Kind::Go), None, None));
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_is_asked_for_again() {
        let lines = ["nod\n", "node\n", "HTTP://x\n", "r.example.com/a:1\n", "r.example.com/a\n", "web\n", "m/web\n"];
        let (options, seen) = answered(&lines).await;
        let options = options.expect("answers");
        let service = options.service.expect("a service");
        assert_eq!((options.kind, options.name.as_deref()), (Some(Kind::Node), Some("r.example.com/a")));
        assert_eq!((service.cluster.as_str(), service.service.as_str()), ("m", "web"));
        assert_eq!(seen.matches("Push to").count(), 3, "{seen}");
        for words in ["did you mean `node`?", "`web` names no service"] {
            assert!(seen.contains(words), "{seen}");
        }
    }

    #[tokio::test]
    async fn the_end_of_the_input_is_no_answer() {
        for typed in [&[][..], &["\n"], &["\n", "\n"]] {
            assert!(matches!(answered(typed).await.0, Err(InitFailure::Unanswered)), "{typed:?}");
        }
    }
}
