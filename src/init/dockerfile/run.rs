//! RUN: what is simple becomes `files` and `paths`, all else is listed with what stands in for it.

use super::change;
use super::image::{Image, is_root};
use super::instruction::{Command, HereDoc};
use super::remedy::{Replacement, replacement};
use super::shell::{self, Simple};
use crate::init::draft::{FileWhat, LayerDraft};
use crate::init::text::{Text, joined};
use crate::tree::TreeError;

/// Takes a RUN.
pub(super) fn run(image: &mut Image<'_>, command: &Command, here_docs: &[HereDoc]) -> Result<(), TreeError> {
    let text = match command {
        Command::Shell(text) if text.is_empty() => {
            here_docs.first().map(|document| document.text.clone()).unwrap_or_default()
        }
        Command::Shell(text) => text.clone(),
        Command::Exec(words) => return of_words(image, words),
    };
    let documents = if command_is_empty(command) { &[] } else { here_docs };
    let Some(commands) = shell::commands(&text, documents, &image.scope) else {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        return listed(image, &words, &words.join(" "), false);
    };
    let outside = image.folder.clone();
    for simple in &commands {
        if !simple_command(image, simple)? {
            let words: Vec<String> = simple.words.iter().map(|word| word.text.plain()).collect();
            listed(image, &words, &simple.source, commands.len() > 1)?;
        }
    }
    // What `cd` changed ends with its shell.
    image.folder = outside;
    Ok(())
}

fn command_is_empty(command: &Command) -> bool {
    matches!(command, Command::Shell(text) if text.is_empty())
}

fn of_words(image: &mut Image<'_>, words: &[String]) -> Result<(), TreeError> {
    let word = |word: &String| shell::Word { text: Text::literal(word), is_pattern: false };
    let simple = Simple { words: words.iter().map(word).collect(), source: words.join(" "), ..Simple::default() };
    match simple_command(image, &simple)? {
        true => Ok(()),
        false => listed(image, words, &simple.source, false),
    }
}

/// Returns whether every command of a text becomes an entry of the build file, whatever is below.
pub(super) fn is_simple(image: &Image<'_>, command: &Command, here_docs: &[HereDoc]) -> bool {
    const SIMPLE: [&str; 11] =
        ["mkdir", "ln", "touch", "echo", "printf", "cat", "a2ensite", "a2dissite", "cd", "set", "true"];
    let Command::Shell(text) = command else { return false };
    let commands = shell::commands(text, here_docs, &image.scope).unwrap_or_default();
    !commands.is_empty()
        && commands.iter().all(|simple| {
            let to_file = !matches!(simple.program().as_str(), "echo" | "printf" | "cat") || simple.output.is_some();
            SIMPLE.contains(&simple.program().as_str()) && simple.arguments().is_some() && to_file
        })
}

/// Carries a command out on the image; returns whether it could be.
fn simple_command(image: &mut Image<'_>, simple: &Simple) -> Result<bool, TreeError> {
    let program = simple.program();
    if let Some(output) = &simple.output {
        return Ok(!output.to.is_pattern && printed(simple).is_some_and(|text| write(image, simple, &text)));
    }
    let Some(arguments) = simple.arguments() else {
        return Ok(program == "rm" && only_caches(simple));
    };
    Ok(match program.as_str() {
        "true" | ":" | "set" | "echo" | "printf" | "sync" => true,
        "cd" => change_folder(image, &arguments),
        "mkdir" => make_folders(image, &arguments)?,
        "touch" => touch(image, &arguments)?,
        "ln" => link(image, &arguments),
        "rm" | "unlink" => change::remove(image, &arguments)?,
        "chmod" => change::mode(image, &arguments)?,
        "chown" => change::owner(image, &arguments)?,
        "cp" => copy(image, &arguments)?,
        "a2ensite" => sites(image, &arguments, true),
        "a2dissite" => sites(image, &arguments, false),
        _ => false,
    })
}

/// Puts a command on the list, with what stands in for it; of several commands it is said which.
fn listed(image: &mut Image<'_>, words: &[String], command: &str, is_one_of: bool) -> Result<(), TreeError> {
    let what = replacement(words);
    let command = command.split_whitespace().collect::<Vec<_>>().join(" ");
    let part = if is_one_of { format!("`{command}`: ") } else { String::new() };
    image.find(format!("{part}{}", what.words()));
    match what {
        Replacement::Folder(folder) => {
            image.steps.push(command);
            installed(image, folder);
        }
        Replacement::Step => image.steps.push(command),
        _ => {}
    }
    Ok(())
}

/// Adds the layer of what a package manager installs into the project.
fn installed(image: &mut Image<'_>, folder: &str) {
    if image.slots.iter().any(|slot| !slot.is_gone && slot.from.as_deref() == Some(folder)) {
        return;
    }
    let to = image.absolute(&Text::literal(folder));
    let mut layer = LayerDraft::of(folder).split();
    layer.comment.push(format!("line {}: {}", image.line, image.instruction));
    layer.owner = image.user.clone().filter(|user| !is_root(user));
    layer.to = Some(to.clone());
    image.slots.push(super::image::Slot {
        layer,
        from: Some(folder.to_owned()),
        to: joined("/", &to.plain()),
        is_folder: true,
        only: Vec::new(),
        is_gone: false,
    });
}

/// Returns what a command prints, if that is certain.
fn printed(simple: &Simple) -> Option<String> {
    let arguments = simple.arguments()?;
    let words: Vec<String> = arguments.iter().map(Text::plain).collect();
    match (simple.program().as_str(), &simple.input) {
        ("cat", Some(input)) if words.is_empty() => Some(input.plain()),
        ("echo", None) => {
            let (words, newline) = match words.split_first() {
                Some((first, rest)) if first == "-n" => (rest, ""),
                Some((first, _)) if first == "-e" => return None,
                _ => (&words[..], "\n"),
            };
            let text = words.join(" ");
            // Whether `echo` reads `\n` depends on the shell.
            (!text.contains('\\')).then(|| format!("{text}{newline}"))
        }
        ("printf", None) if words.len() == 1 && !words[0].contains('%') => {
            let text = words[0].replace("\\n", "\n").replace("\\t", "\t");
            (!text.contains('\\')).then_some(text)
        }
        (":" | "true", None) => Some(String::new()),
        _ => None,
    }
}

fn write(image: &mut Image<'_>, simple: &Simple, text: &str) -> bool {
    let Some(output) = &simple.output else { return false };
    let path = image.absolute(&output.to.text);
    let before = image.written(&joined("/", &path.plain())).map(|file| file.what.clone());
    let text = match (output.appends, before) {
        (false, _) => text.to_owned(),
        (true, Some(FileWhat::Content(before))) => before + text,
        // What is appended to is not known.
        (true, _) => return false,
    };
    image.write(&path, FileWhat::Content(text));
    true
}

fn change_folder(image: &mut Image<'_>, arguments: &[Text]) -> bool {
    let [folder] = arguments else { return false };
    image.folder = image.absolute(folder);
    true
}

fn make_folders(image: &mut Image<'_>, arguments: &[Text]) -> Result<bool, TreeError> {
    let Some((flags, mut paths)) = split_flags(arguments, &["-p", "-v", "-m", "--parents"]) else { return Ok(false) };
    let mode = if flags.iter().any(|flag| flag == "-m") {
        if paths.is_empty() {
            return Ok(false);
        }
        let Some(modes) = super::mode::read(&paths.remove(0).plain(), true) else { return Ok(false) };
        Some(modes.dir)
    } else {
        None
    };
    for path in paths {
        let path = image.absolute(&path);
        let plain = joined("/", &path.plain());
        // A folder that a layer brings is there.
        let mut is_new = true;
        for (slot, inside) in image.layers_at(&plain)? {
            is_new &= !inside.is_empty() && !image.has(&image.slots[slot], &inside)?;
        }
        if mode.is_some() || is_new {
            image.write(&path, FileWhat::Dir).mode.clone_from(&mode);
        }
    }
    Ok(true)
}

fn touch(image: &mut Image<'_>, arguments: &[Text]) -> Result<bool, TreeError> {
    let Some((_, paths)) = split_flags(arguments, &[]) else { return Ok(false) };
    for path in paths {
        let path = image.absolute(&path);
        let plain = joined("/", &path.plain());
        let inside = image.layers_at(&plain)?;
        let mut is_there = image.written(&plain).is_some();
        for (slot, inside) in &inside {
            let from = image.slots[*slot].from.clone().unwrap_or_default();
            is_there |= image.project.has(joined(&format!("/{from}"), inside).trim_start_matches('/'))?;
        }
        if !is_there {
            image.write(&path, FileWhat::Content(String::new()));
        }
    }
    Ok(true)
}

fn link(image: &mut Image<'_>, arguments: &[Text]) -> bool {
    let Some((flags, paths)) = split_flags(arguments, &["-s", "-f", "-n", "-v", "--symbolic", "--force"]) else {
        return false;
    };
    if !flags.iter().any(|flag| flag == "-s" || flag == "--symbolic") {
        return false;
    }
    let name = |path: &Text| path.plain().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    let (target, at) = match &paths[..] {
        [target] => (target.clone(), Text::literal(&name(target))),
        [target, at] if at.plain().ends_with('/') || at.plain() == "." => {
            let mut inside = at.clone();
            if !at.plain().ends_with('/') {
                inside.push_char('/');
            }
            inside.push(&Text::literal(&name(target)));
            (target.clone(), inside)
        }
        [target, at] => (target.clone(), at.clone()),
        _ => return false,
    };
    let at = image.absolute(&at);
    image.write(&at, FileWhat::Link(target));
    true
}

/// A file of the project that is copied within the image.
fn copy(image: &mut Image<'_>, arguments: &[Text]) -> Result<bool, TreeError> {
    let Some((flags, paths)) = split_flags(arguments, &["-f", "-p", "-v"]) else { return Ok(false) };
    let ([from, to], false) = (&paths[..], flags.iter().any(|flag| flag == "-p")) else { return Ok(false) };
    let (from, to) = (image.absolute(from), image.absolute(to));
    let Some((slot, inside)) = image.layers_at(&joined("/", &from.plain()))?.pop() else { return Ok(false) };
    let folder = image.slots[slot].from.clone().unwrap_or_default();
    let path = joined(&format!("/{folder}"), &inside);
    let path = path.trim_start_matches('/');
    if to.plain().ends_with('/') || !image.project.has(path)? {
        return Ok(false);
    }
    let is_program = image.project.is_program(path)?;
    let file = image.write(&to, FileWhat::From(Text::literal(path)));
    file.mode = is_program.then(|| "0755".to_owned());
    Ok(true)
}

/// What Apache's own scripts do in Debian: links of `sites-enabled`.
fn sites(image: &mut Image<'_>, arguments: &[Text], enable: bool) -> bool {
    if arguments.is_empty() || arguments.iter().any(|site| site.plain().starts_with('-')) {
        return false;
    }
    for site in arguments {
        let name = site.plain();
        let name = name.strip_suffix(".conf").unwrap_or(&name);
        let path = Text::literal(&format!("/etc/apache2/sites-enabled/{name}.conf"));
        let target = FileWhat::Link(Text::literal(&format!("../sites-available/{name}.conf")));
        image.write(&path, if enable { target } else { FileWhat::Remove });
    }
    true
}

/// Whether `rm` empties only what caches fill: no layer has them.
fn only_caches(simple: &Simple) -> bool {
    const CACHES: [&str; 8] = [
        "/var/lib/apt/lists",
        "/var/cache",
        "/tmp",
        "/var/tmp",
        "/root/.cache",
        "/root/.npm",
        "/usr/share/doc",
        "/var/log/apt",
    ];
    let paths = simple.words[1..].iter().map(|word| word.text.plain()).filter(|word| !word.starts_with('-'));
    paths.into_iter().all(|path| CACHES.iter().any(|cache| path.starts_with(cache)))
}

/// Tells flags from paths. Short flags are taken apart; `None` where one is not known.
pub(super) fn split_flags(arguments: &[Text], known: &[&str]) -> Option<(Vec<String>, Vec<Text>)> {
    let (mut flags, mut paths, mut ended) = (Vec::new(), Vec::new(), false);
    for argument in arguments {
        let plain = argument.plain();
        match plain.strip_prefix('-') {
            _ if ended => paths.push(argument.clone()),
            Some("-") => ended = true,
            Some(rest) if rest.starts_with('-') => flags.push(plain),
            Some(rest) if !rest.is_empty() => flags.extend(rest.chars().map(|flag| format!("-{flag}"))),
            _ => paths.push(argument.clone()),
        }
    }
    flags.iter().all(|flag| known.contains(&flag.as_str())).then_some((flags, paths))
}
