//! The command line as a page of the documents.

use clap::{Arg, Command};

const HEAD: &str = "# Commands

What `dockless --help` and `dockless COMMAND --help` say, made of the same table. `dockless man --dir DIR` writes it as
manual pages, `dockless completions SHELL` as the completions of a shell.
";

/// Returns the reference page of all commands, in Markdown.
pub(crate) fn page(program: &Command) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Options of every command\n\n");
    options(program.get_arguments().filter(|arg| arg.is_global_set()), &mut page);
    for command in program.get_subcommands() {
        section(command, &format!("dockless {}", command.get_name()), &mut page);
    }
    page
}

fn section(command: &Command, name: &str, page: &mut String) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    page.push_str(&format!("\n## {name}\n\n{}.\n", escaped(&about)));
    let own: Vec<&Arg> = command.get_arguments().filter(|arg| is_own(arg)).collect();
    if !own.is_empty() {
        page.push('\n');
        options(own.into_iter(), page);
    }
    if let Some(after) = command.get_after_help() {
        page.push_str(&format!("\n{}\n", escaped(&after.to_string())));
    }
    for within in command.get_subcommands() {
        section(within, &format!("{name} {}", within.get_name()), page);
    }
}

fn is_own(arg: &Arg) -> bool {
    !arg.is_global_set() && !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version")
}

fn options<'a>(args: impl Iterator<Item = &'a Arg>, page: &mut String) {
    page.push_str("| option | what it does |\n| --- | --- |\n");
    for arg in args.filter(|arg| !arg.is_hide_set()) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        page.push_str(&format!("| `{}` | {}{} |\n", written(arg), escaped(&help), values(arg)));
    }
}

/// Returns an option as one writes it: `-f, --file FILE`.
fn written(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let flags: Vec<String> = [short, long].into_iter().flatten().collect();
    let takes = arg.get_action().takes_values();
    let value = arg.get_value_names().filter(|_| takes).map(|names| names.join(" "));
    [flags.join(", "), value.unwrap_or_default()].join(" ").trim().to_owned()
}

/// Returns the words that an option takes, if they are few, and its default.
fn values(arg: &Arg) -> String {
    let words: Vec<String> = arg.get_possible_values().iter().map(|word| format!("`{}`", word.get_name())).collect();
    let takes = arg.get_action().takes_values();
    let words = if takes && !words.is_empty() { format!(": {}", words.join(", ")) } else { String::new() };
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    match takes && !default.is_empty() {
        true => format!("{words} (default `{}`)", default.join(" ")),
        false => words,
    }
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
