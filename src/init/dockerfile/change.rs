//! `chmod`, `chown` and `rm` on what layers brought: rules of `paths`, modes and owners of `files`, `exclude`.

use super::image::Image;
use super::mode::{self, Modes};
use super::run::split_flags;
use crate::init::draft::FileWhat;
use crate::init::text::{Text, below, joined};
use crate::tree::TreeError;

const RECURSIVE: [&str; 2] = ["-R", "--recursive"];
/// Folders of every image: a mode or an owner given to one of them is given to a folder.
const FOLDERS: [&str; 12] = [
    "/tmp",
    "/var/tmp",
    "/run",
    "/var/run",
    "/var/log",
    "/var/cache",
    "/var/lib",
    "/var/www",
    "/var/www/html",
    "/srv",
    "/opt",
    "/home",
];

/// `chmod MODE PATH...`; returns whether all of it could be said.
pub(super) fn mode(image: &mut Image<'_>, arguments: &[Text]) -> Result<bool, TreeError> {
    // A mode such as `-x` is no flag.
    let first = arguments.iter().position(|argument| !argument.plain().starts_with("-R"));
    let Some(mode) = first.and_then(|at| mode::read(&arguments[at].plain(), false).map(|_| arguments[at].plain()))
    else {
        return Ok(false);
    };
    let rest: Vec<Text> =
        arguments.iter().enumerate().filter(|(at, _)| Some(*at) != first).map(|(_, a)| a.clone()).collect();
    let Some((flags, paths)) = split_flags(&rest, &["-R", "--recursive", "-v", "-f"]) else { return Ok(false) };
    let recursive = flags.iter().any(|flag| RECURSIVE.contains(&flag.as_str()));
    let mut all = !paths.is_empty();
    for path in paths {
        all &= mode_of(image, &mode, &path, recursive)?;
    }
    Ok(all)
}

fn mode_of(image: &mut Image<'_>, text: &str, path: &Text, recursive: bool) -> Result<bool, TreeError> {
    let path = image.absolute(path);
    let plain = joined("/", &path.plain());
    let Some(modes) = mode::read(text, false) else { return Ok(false) };
    if let Some(file) = image.written(&plain) {
        file.mode = match file.what {
            FileWhat::Dir => Some(modes.dir.clone()),
            FileWhat::Content(_) | FileWhat::From(_) => Some(modes.file.clone()),
            FileWhat::Link(_) | FileWhat::Remove => return Ok(false),
        };
        if !recursive {
            return Ok(true);
        }
    }
    let mut found =
        written_below(
            image,
            &plain,
            recursive,
            |file_is_dir| if file_is_dir { modes.dir.clone() } else { modes.file.clone() },
        );
    for (slot, inside) in image.layers_at(&plain)? {
        found |= mode_of_layer(image, slot, &inside, &plain, text, recursive)?;
    }
    if !found && (FOLDERS.contains(&plain.as_str()) || plain == joined("/", &image.folder.plain())) && !recursive {
        image.write(&path, FileWhat::Dir).mode = Some(modes.dir);
        found = true;
    }
    Ok(found)
}

/// Gives entries of the build file below a path their modes.
fn written_below(image: &mut Image<'_>, path: &str, recursive: bool, mode: impl Fn(bool) -> String) -> bool {
    let mut found = false;
    for file in image.slots.iter_mut().flat_map(|slot| &mut slot.layer.files) {
        let is_dir = file.what == FileWhat::Dir;
        let has_mode = is_dir || matches!(file.what, FileWhat::Content(_) | FileWhat::From(_));
        if below(&file.path.plain(), path).is_some_and(|rest| rest.is_empty() || recursive) && has_mode {
            file.mode = Some(mode(is_dir));
            found = true;
        }
    }
    found
}

/// Changes modes in one layer; returns whether it has the path.
fn mode_of_layer(
    image: &mut Image<'_>,
    slot: usize,
    inside: &str,
    path: &str,
    text: &str,
    recursive: bool,
) -> Result<bool, TreeError> {
    let from = image.slots[slot].from.clone().unwrap_or_default();
    let of_project = joined(&format!("/{from}"), inside);
    let of_project = of_project.trim_start_matches('/');
    let is_program = image.project.is_program(of_project)?;
    let is_folder = image.slots[slot].is_folder && (inside.is_empty() || image.project.has_folder(of_project)?);
    let Some(modes) = mode::read(text, is_program) else { return Ok(false) };
    if is_folder && !recursive {
        // The folder alone: rules cover what is below too, an entry of `files` does not.
        image.write(&Text::literal(path), FileWhat::Dir).mode = Some(modes.dir);
        return Ok(true);
    }
    if !image.slots[slot].is_folder && image.slots[slot].layer.paths.is_empty() {
        image.slots[slot].layer.mode = Some(modes.file);
        return Ok(true);
    }
    set_modes(image, slot, inside, &modes, is_folder || !image.project.has(of_project)?);
    Ok(true)
}

fn set_modes(image: &mut Image<'_>, slot: usize, inside: &str, modes: &Modes, may_be_folder: bool) {
    image.rule(slot, inside, |rule| {
        if may_be_folder {
            rule.dir_mode = Some(modes.dir.clone());
        }
        rule.file_mode = Some(modes.file.clone());
    });
}

/// `chown OWNER PATH...`; returns whether all of it could be said.
pub(super) fn owner(image: &mut Image<'_>, arguments: &[Text]) -> Result<bool, TreeError> {
    let Some((flags, mut words)) = split_flags(arguments, &["-R", "--recursive", "-v", "-f", "-h"]) else {
        return Ok(false);
    };
    if words.len() < 2 {
        return Ok(false);
    }
    let owner = words.remove(0);
    let (user, group) =
        owner.plain().split_once([':', '.']).map_or((owner.plain(), None), |(u, g)| (u.to_owned(), Some(g.to_owned())));
    // `chown :group` leaves the user as it is, which a build file does not know.
    if user.is_empty() {
        return Ok(false);
    }
    // `chown user:` is the user's own group.
    let owner = if group.as_deref() == Some("") { Text::literal(&user) } else { owner };
    let recursive = flags.iter().any(|flag| RECURSIVE.contains(&flag.as_str()));
    let mut all = true;
    for path in words {
        all &= owner_of(image, &owner, &path, recursive)?;
    }
    Ok(all)
}

fn owner_of(image: &mut Image<'_>, owner: &Text, path: &Text, recursive: bool) -> Result<bool, TreeError> {
    let path = image.absolute(path);
    let plain = joined("/", &path.plain());
    let mut found = false;
    for file in image.slots.iter_mut().flat_map(|slot| &mut slot.layer.files) {
        let concerns = below(&file.path.plain(), &plain).is_some_and(|rest| rest.is_empty() || recursive);
        if concerns && file.what != FileWhat::Remove {
            file.owner = Some(owner.clone());
            found = true;
        }
    }
    for (slot, inside) in image.layers_at(&plain)? {
        owner_of_layer(image, slot, &inside, &plain, owner, recursive)?;
        found = true;
    }
    let is_top = FOLDERS.contains(&plain.as_str()) || plain == joined("/", &image.folder.plain());
    if is_top && image.written(&plain).is_none() && (found || !recursive) {
        // The folder itself, which a layer only passes through.
        image.write(&path, FileWhat::Dir).owner = Some(owner.clone());
        found = true;
    }
    Ok(found)
}

fn owner_of_layer(
    image: &mut Image<'_>,
    slot: usize,
    inside: &str,
    path: &str,
    owner: &Text,
    recursive: bool,
) -> Result<(), TreeError> {
    let from = image.slots[slot].from.clone().unwrap_or_default();
    let of_project = joined(&format!("/{from}"), inside);
    let is_file = !image.slots[slot].is_folder || image.project.has(of_project.trim_start_matches('/'))?;
    if !recursive && !is_file {
        image.write(&Text::literal(path), FileWhat::Dir).owner = Some(owner.clone());
        return Ok(());
    }
    let layer = &mut image.slots[slot].layer;
    let ruled = layer.paths.iter().any(|rule| rule.owner.is_some());
    if inside.is_empty() && !ruled {
        layer.owner = Some(owner.clone());
    } else {
        image.rule(slot, inside, |rule| rule.owner = Some(owner.clone()));
    }
    Ok(())
}

/// `rm PATH...`; returns whether all of it could be said.
pub(super) fn remove(image: &mut Image<'_>, arguments: &[Text]) -> Result<bool, TreeError> {
    let Some((flags, paths)) = split_flags(arguments, &["-r", "-f", "-R", "-v", "--recursive", "--force"]) else {
        return Ok(false);
    };
    let forced = flags.iter().any(|flag| flag == "-f" || flag == "--force");
    for path in paths {
        let path = image.absolute(&path);
        remove_one(image, &path, forced)?;
    }
    Ok(true)
}

fn remove_one(image: &mut Image<'_>, path: &Text, forced: bool) -> Result<(), TreeError> {
    let plain = joined("/", &path.plain());
    let mut found = false;
    for slot in &mut image.slots {
        let before = slot.layer.files.len();
        slot.layer.files.retain(|file| below(&file.path.plain(), &plain).is_none());
        found |= slot.layer.files.len() < before;
        slot.is_gone |= before > 0 && slot.layer.files.is_empty() && slot.layer.from.is_none();
    }
    for (slot, inside) in image.layers_at(&plain)? {
        let slot = &mut image.slots[slot];
        match inside.is_empty() {
            true => slot.is_gone = true,
            false => slot.layer.exclude.push(Text::literal(&inside)),
        }
        found = true;
    }
    if found || ["/tmp/", "/var/cache/", "/var/lib/apt/lists", "/root/."].iter().any(|cache| plain.starts_with(cache)) {
        return Ok(());
    }
    if forced {
        let note = format!(
            "`{plain}` is hidden by `remove: true`, which fails where the base has no such path: then take it out"
        );
        image.notes.push(note);
    }
    image.write(path, FileWhat::Remove);
    Ok(())
}
