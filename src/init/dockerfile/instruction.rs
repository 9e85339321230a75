//! The door to the Dockerfile parser: instructions with their lines, reduced to what an import looks at.

use parse_dockerfile as parser;
use parser::{Flag, HealthcheckArguments, Instruction, JsonOrStringArray};

use super::here_doc;

/// One instruction of a Dockerfile.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Its first line, from 1.
    pub(super) line: usize,
    /// The whole of it as the file has it.
    pub(super) source: String,
    pub(super) what: What,
}

/// What an instruction says.
#[derive(Clone, Debug)]
pub(super) enum What {
    From {
        image: String,
        alias: Option<String>,
        platform: Option<String>,
    },
    Run {
        flags: Flags,
        command: Command,
        here_docs: Vec<HereDoc>,
    },
    Copy(Copy),
    /// The arguments as they stand, not yet split.
    Env(String),
    Arg(String),
    Label(String),
    Workdir(String),
    User(String),
    Expose(Vec<String>),
    Volume(Vec<String>),
    Cmd(Command),
    Entrypoint(Command),
    Stopsignal(String),
    /// `None` for `HEALTHCHECK NONE`.
    Healthcheck {
        flags: Flags,
        command: Option<Command>,
    },
    Shell(Vec<String>),
    Maintainer(String),
    Onbuild,
}

/// The flags of an instruction, in order: `--chown=app` is `chown` and `app`.
pub(super) type Flags = Vec<(String, Option<String>)>;

/// `COPY` or `ADD`.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) is_add: bool,
    pub(super) flags: Flags,
    pub(super) sources: Vec<Source>,
    pub(super) to: String,
}

impl Copy {
    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().rev().find(|(flag, _)| flag == name).and_then(|(_, value)| value.as_deref())
    }
}

/// What is copied.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Path(String),
    HereDoc(HereDoc),
}

/// A here-document.
#[derive(Clone, Debug)]
pub(super) struct HereDoc {
    pub(super) text: String,
    /// Whether variables in it are replaced.
    pub(super) expand: bool,
}

/// A command in either form.
#[derive(Clone, Debug)]
pub(super) enum Command {
    /// For a shell; lines that go on are joined.
    Shell(String),
    Exec(Vec<String>),
}

/// A Dockerfile that was read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) steps: Vec<Step>,
    /// What goes on with the next line: `\`, or what the directive `escape` says.
    pub(super) escape: char,
    /// The lines of directives, which must stay the first ones.
    pub(super) directives: Vec<String>,
}

/// Reads a Dockerfile.
///
/// # Errors
/// The parser's words, with line and column.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let escape = if text.lines().take_while(|line| line.starts_with('#')).any(is_backtick) { '`' } else { '\\' };
    let (text, bodies) = here_doc::set_aside(text, escape);
    let parsed = parser::parse(&text).map_err(|error| error.to_string())?;
    let starts: Vec<usize> = parsed.instructions.iter().map(start).collect();
    let line_of = |at: usize| text[..at].matches('\n').count() + 1;
    let mut steps = Vec::new();
    for (index, instruction) in parsed.instructions.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(text.len());
        let line = line_of(starts[index]);
        let (mut source, mut what) = (own_lines(&text[starts[index]..end]), what(instruction, escape));
        if let (Some(set_aside), What::Run { here_docs, .. }) = (bodies.get(&line), &mut what) {
            here_docs.extend(set_aside.documents.iter().cloned());
            source.clone_from(&set_aside.source);
        }
        steps.push(Step { line, source, what });
    }
    let is_directive = |line: &&str| {
        let word = line.trim_start_matches(['#', ' ', '\t']).to_ascii_lowercase();
        line.starts_with('#') && ["syntax", "escape", "check"].iter().any(|name| word.starts_with(name))
    };
    let directives = text.lines().take_while(is_directive).map(str::to_owned).collect();
    Ok(Parsed { steps, escape, directives })
}

fn is_backtick(line: &str) -> bool {
    let squeezed: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    squeezed.eq_ignore_ascii_case("#escape=`")
}

/// Cuts the comments and empty lines that follow an instruction.
fn own_lines(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    while lines.last().is_some_and(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        lines.pop();
    }
    lines.join("\n")
}

fn start(instruction: &Instruction<'_>) -> usize {
    let keyword = match instruction {
        Instruction::Add(it) => &it.add,
        Instruction::Arg(it) => &it.arg,
        Instruction::Cmd(it) => &it.cmd,
        Instruction::Copy(it) => &it.copy,
        Instruction::Entrypoint(it) => &it.entrypoint,
        Instruction::Env(it) => &it.env,
        Instruction::Expose(it) => &it.expose,
        Instruction::From(it) => &it.from,
        Instruction::Healthcheck(it) => &it.healthcheck,
        Instruction::Label(it) => &it.label,
        Instruction::Maintainer(it) => &it.maintainer,
        Instruction::Onbuild(it) => &it.onbuild,
        Instruction::Run(it) => &it.run,
        Instruction::Shell(it) => &it.shell,
        Instruction::Stopsignal(it) => &it.stopsignal,
        Instruction::User(it) => &it.user,
        Instruction::Volume(it) => &it.volume,
        Instruction::Workdir(it) => &it.workdir,
        // The enum may grow; what is unknown has no place.
        _ => return 0,
    };
    keyword.span.start
}

fn what(instruction: &Instruction<'_>, escape: char) -> What {
    let text = |value: &parser::UnescapedString<'_>| value.value.clone().into_owned();
    match instruction {
        Instruction::From(it) => What::From {
            image: text(&it.image),
            alias: it.as_.as_ref().map(|(_, alias)| text(alias)),
            platform: flags(&it.options).into_iter().find(|(name, _)| name == "platform").and_then(|(_, value)| value),
        },
        Instruction::Run(it) => What::Run {
            flags: flags(&it.options),
            command: command(&it.arguments, escape),
            here_docs: it.here_docs.iter().map(document).collect(),
        },
        Instruction::Copy(it) => What::Copy(copied(false, &it.options, &it.src, &it.dest)),
        Instruction::Add(it) => What::Copy(copied(true, &it.options, &it.src, &it.dest)),
        Instruction::Env(it) => What::Env(text(&it.arguments)),
        Instruction::Arg(it) => What::Arg(text(&it.arguments)),
        Instruction::Label(it) => What::Label(text(&it.arguments)),
        Instruction::Workdir(it) => What::Workdir(text(&it.arguments)),
        Instruction::User(it) => What::User(text(&it.arguments)),
        Instruction::Expose(it) => What::Expose(it.arguments.iter().map(text).collect()),
        Instruction::Volume(it) => What::Volume(match &it.arguments {
            JsonOrStringArray::Json(list) => list.value.iter().map(text).collect(),
            JsonOrStringArray::String(list) => list.iter().map(text).collect(),
        }),
        Instruction::Cmd(it) => What::Cmd(command(&it.arguments, escape)),
        Instruction::Entrypoint(it) => What::Entrypoint(command(&it.arguments, escape)),
        Instruction::Stopsignal(it) => What::Stopsignal(text(&it.arguments)),
        Instruction::Healthcheck(it) => What::Healthcheck {
            flags: flags(&it.options),
            command: match &it.arguments {
                HealthcheckArguments::Cmd { arguments, .. } => Some(command(arguments, escape)),
                _ => None,
            },
        },
        Instruction::Shell(it) => What::Shell(it.arguments.iter().map(text).collect()),
        Instruction::Maintainer(it) => What::Maintainer(text(&it.name)),
        _ => What::Onbuild,
    }
}

fn copied(
    is_add: bool,
    options: &[Flag<'_>],
    sources: &[parser::Source<'_>],
    to: &parser::UnescapedString<'_>,
) -> Copy {
    let source = |source: &parser::Source<'_>| match source {
        parser::Source::HereDoc(it) => Source::HereDoc(document(it)),
        parser::Source::Path(path) => Source::Path(path.value.clone().into_owned()),
        // The enum may grow.
        _ => Source::Path(String::new()),
    };
    Copy {
        is_add,
        flags: flags(options),
        sources: sources.iter().map(source).collect(),
        to: to.value.clone().into_owned(),
    }
}

fn document(it: &parser::HereDoc<'_>) -> HereDoc {
    HereDoc { text: it.value.clone().into_owned(), expand: it.expand }
}

fn flags(options: &[Flag<'_>]) -> Flags {
    let value = |flag: &Flag<'_>| flag.value.as_ref().map(|value| value.value.clone().into_owned());
    options.iter().map(|flag| (flag.name.value.clone().into_owned(), value(flag))).collect()
}

fn command(command: &parser::Command<'_>, escape: char) -> Command {
    match command {
        parser::Command::Exec(list) => {
            Command::Exec(list.value.iter().map(|word| word.value.clone().into_owned()).collect())
        }
        parser::Command::Shell(text) => Command::Shell(joined_lines(text.value, escape)),
        // The enum may grow.
        _ => Command::Shell(String::new()),
    }
}

/// Joins lines that go on, as Docker does before the shell sees them: without comments and empty lines in between.
pub(super) fn joined_lines(text: &str, escape: char) -> String {
    let mut out = String::new();
    for (index, line) in text.lines().enumerate() {
        if index > 0 && (line.trim().is_empty() || line.trim_start().starts_with('#')) {
            continue;
        }
        match line.trim_end().strip_suffix(escape) {
            Some(line) => out.push_str(line),
            None => out.push_str(line),
        }
    }
    out.trim().to_owned()
}
