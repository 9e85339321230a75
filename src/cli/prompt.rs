//! Questions on a terminal: each has an answer already, which Enter takes.

use std::io::{BufRead, Write};
use std::path::Path;

use dockless::ground::FileError;
use dockless::init::{self, Kind, LiveService, Options};
use dockless::tree::Sources;

/// Asks for what the files do not say. The end of the input takes the answers that are there.
pub(crate) fn ask(
    sources: &dyn Sources,
    folder_name: &str,
    ask_kind: bool,
    options: &mut Options,
) -> Result<(), FileError> {
    let mut input = std::io::stdin().lock();
    let mut output = std::io::stderr().lock();
    if ask_kind && options.kind.is_none() {
        // A project that cannot be looked at is told of by whoever looks next.
        let kinds = init::kinds(sources).unwrap_or_default();
        if let [first, _, ..] = kinds[..] {
            let known: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            eprint_line(&mut output, &format!("This may be {}.", known.join(" or ")))?;
            options.kind = Some(kind(&mut input, &mut output, first)?);
        }
    }
    if options.name.is_none() && options.service.as_ref().and_then(LiveService::repository).is_none() {
        let made_up = init::default_name(folder_name);
        let answer = question(&mut input, &mut output, "Push to (registry/repository)", &made_up)?;
        options.name = Some(answer).filter(|answer| *answer != made_up);
    }
    if options.service.is_none() {
        let answer = question(&mut input, &mut output, "Deploy to (CLUSTER/SERVICE of ECS)", "nothing yet")?;
        if let Some((cluster, service)) = answer.split_once('/') {
            let (cluster, service) = (cluster.trim().to_owned(), service.trim().to_owned());
            options.service = Some(LiveService { cluster, service, ..LiveService::default() });
        }
    }
    Ok(())
}

fn kind(input: &mut impl BufRead, output: &mut impl Write, first: Kind) -> Result<Kind, FileError> {
    loop {
        match question(input, output, "Which", first.as_str())?.parse() {
            Ok(kind) => return Ok(kind),
            Err(error) => eprint_line(output, &format!("{error}"))?,
        }
    }
}

/// Asks one question, and returns the answer or what stands for none.
fn question(
    input: &mut impl BufRead,
    output: &mut impl Write,
    text: &str,
    otherwise: &str,
) -> Result<String, FileError> {
    let terminal = Path::new("the terminal");
    write!(output, "{text} [{otherwise}]: ")
        .and_then(|()| output.flush())
        .map_err(FileError::on("write to", terminal))?;
    let mut line = String::new();
    let read = input.read_line(&mut line).map_err(FileError::on("read", terminal))?;
    if read == 0 {
        eprint_line(output, "")?;
    }
    let answer = line.trim();
    Ok(if answer.is_empty() { otherwise.to_owned() } else { answer.to_owned() })
}

fn eprint_line(output: &mut impl Write, text: &str) -> Result<(), FileError> {
    writeln!(output, "{text}").map_err(FileError::on("write to", Path::new("the terminal")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_and_the_end_of_input_take_the_answer_that_is_there() {
        for (typed, expect) in [("", "go"), ("\n", "go"), ("node\n", "node"), ("  node ", "node")] {
            let answer = question(&mut typed.as_bytes(), &mut Vec::new(), "Which", "go").expect("memory");
            assert_eq!(answer, expect, "{typed:?}");
        }
    }

    #[test]
    fn a_word_that_is_no_kind_is_asked_again() {
        let (mut typed, mut said) = (&b"nod\nnode\n"[..], Vec::new());
        assert_eq!(kind(&mut typed, &mut said, Kind::Go).expect("memory"), Kind::Node);
        assert!(String::from_utf8_lossy(&said).contains("did you mean `node`?"));
    }
}
