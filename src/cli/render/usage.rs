//! A command line that cannot be meant, in the shape of every failure: what is wrong, and what was probably meant.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};
use dockless::pipeline::ErrorReport;

use crate::cli::args::Cli;
use crate::cli::exit;

/// Returns the error of a command line that clap refuses.
pub(crate) fn report(error: &Error, arguments: &[String]) -> ErrorReport {
    let cause = std::error::Error::source(error).map(|cause| cause_in_words(&cause.to_string()));
    // What was probably meant is the remedy, whoever says so.
    let (cause, near) = match cause.as_deref().and_then(|cause| cause.split_once("; did you mean ")) {
        Some((cause, near)) => (Some(cause.to_owned()), Some(format!("did you mean {near}"))),
        None => (cause, None),
    };
    let hint = near.unwrap_or_else(|| hint(error, arguments));
    let causes = cause.into_iter().collect();
    ErrorReport { message: message(error), causes, hint: Some(hint), exit_code: exit::USAGE }
}

/// Returns why a value is none; of numbers the program's own readers speak as programs do.
fn cause_in_words(cause: &str) -> String {
    match cause.split_once(" is not in ").and_then(|(value, range)| Some((value, range.split_once("..=")?))) {
        Some((value, (least, most))) => format!("{value} is not between {least} and {most}"),
        None if cause == "invalid digit found in string" => "it is no number".to_owned(),
        None => cause.to_owned(),
    }
}

fn message(error: &Error) -> String {
    let argument = words(error, ContextKind::InvalidArg).join(", ");
    let value = words(error, ContextKind::InvalidValue).concat();
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            format!("there is no command `{}`", words(error, ContextKind::InvalidSubcommand).concat())
        }
        ErrorKind::UnknownArgument if argument.starts_with('-') => format!("there is no option `{argument}` here"),
        ErrorKind::UnknownArgument => format!("`{argument}` is one word too many"),
        ErrorKind::InvalidValue if value.is_empty() => format!("`{argument}` has no value"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("`{value}` is no value of `{argument}`"),
        ErrorKind::MissingRequiredArgument => format!("`{argument}` is missing"),
        ErrorKind::ArgumentConflict => match words(error, ContextKind::PriorArg).join("`, `") {
            prior if prior.is_empty() || prior == argument => format!("`{argument}` is given twice"),
            prior => format!("`{argument}` and `{prior}` do not go together"),
        },
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "no command is given".to_owned()
        }
        ErrorKind::InvalidUtf8 => "an argument is no UTF-8".to_owned(),
        _ => {
            let all = error.to_string();
            let first = all.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        }
    }
}

fn hint(error: &Error, arguments: &[String]) -> String {
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    if let Some(near) = near.into_iter().flat_map(|kind| words(error, kind)).next() {
        return format!("did you mean `{near}`?");
    }
    let values = words(error, ContextKind::ValidValue);
    if !values.is_empty() && !matches!(error.kind(), ErrorKind::MissingRequiredArgument) {
        return format!("write one of `{}`", values.join("`, `"));
    }
    match error.kind() {
        ErrorKind::ArgumentConflict => "leave one of them away".to_owned(),
        ErrorKind::InvalidSubcommand => "`dockless --help` lists the commands".to_owned(),
        _ => format!("`{} --help` tells what can be written", command(arguments)),
    }
}

/// Returns the command that arguments name, as far as they do.
fn command(arguments: &[String]) -> String {
    let (mut command, mut name) = (Cli::command(), "dockless".to_owned());
    for argument in arguments {
        if let Some(within) = command.find_subcommand(argument).cloned() {
            name = format!("{name} {}", within.get_name());
            command = within;
        }
    }
    name
}

fn words(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn a_value_that_is_none_is_told_in_words() {
        let rows: [(&[&str], &str, &str); 3] = [
            (&["push", "--jobs", "x"], "it is no number", "`dockless push --help` tells what can be written"),
            (
                &["push", "--jobs", "999"],
                "999 is not between 1 and 256",
                "`dockless push --help` tells what can be written",
            ),
            (&["init", "--kind", "larvel"], "`larvel` is no kind of project", "did you mean `laravel`?"),
        ];
        for (arguments, cause, hint) in rows {
            let words: Vec<String> = std::iter::once(&"dockless").chain(arguments).map(ToString::to_string).collect();
            let report = report(&Cli::try_parse_from(&words).expect_err("it is wrong"), &words);
            assert_eq!((report.causes.concat().as_str(), report.hint.as_deref()), (cause, Some(hint)), "{arguments:?}");
        }
    }

    #[test]
    fn a_wrong_command_line_says_what_was_probably_meant() {
        let rows: [(&[&str], &str, &str); 14] = [
            (&["shpi"], "there is no command `shpi`", "did you mean `ship`?"),
            (&["xyzzy"], "there is no command `xyzzy`", "`dockless --help` lists the commands"),
            (&["ship", "--no-wiat"], "there is no option `--no-wiat` here", "did you mean `--no-wait`?"),
            (&["ship", "-Q"], "there is no option `-Q` here", "`dockless ship --help` tells what can be written"),
            (&["cache", "prun"], "there is no command `prun`", "did you mean `prune`?"),
            (&["push", "now"], "`now` is one word too many", "`dockless push --help` tells what can be written"),
            (
                &["push", "--progress", "plian"],
                "`plian` is no value of `--progress <PROGRESS>`",
                "did you mean `plain`?",
            ),
            (
                &["push", "--progress", "x"],
                "`x` is no value of `--progress <PROGRESS>`",
                "write one of `auto`, `plain`, `none`",
            ),
            (
                &["push", "--jobs", "0"],
                "`0` is no value of `--jobs <N>`",
                "`dockless push --help` tells what can be written",
            ),
            (&["push", "--jobs"], "`--jobs <N>` has no value", "`dockless push --help` tells what can be written"),
            (&["copy", "a"], "`<DST>` is missing", "`dockless copy --help` tells what can be written"),
            (
                &["lock", "--check", "--upgrade"],
                "`--check` and `--upgrade` do not go together",
                "leave one of them away",
            ),
            (&["push", "--base", "a", "--base", "b"], "`--base <BASE>` is given twice", "leave one of them away"),
            (
                &["cache", "prune", "--max-size", "lots"],
                "`lots` is no value of `--max-size <SIZE>`",
                "`dockless cache prune --help` tells what can be written",
            ),
        ];
        for (arguments, message, hint) in rows {
            let words: Vec<String> = std::iter::once(&"dockless").chain(arguments).map(ToString::to_string).collect();
            let report = report(&Cli::try_parse_from(&words).expect_err("it is wrong"), &words);
            assert_eq!((report.message.as_str(), report.hint.as_deref()), (message, Some(hint)), "{arguments:?}");
        }
    }
}
