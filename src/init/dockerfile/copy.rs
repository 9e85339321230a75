//! COPY and ADD: layers of the project's files, of another image, and of what CI leaves behind.

use super::image::{Image, Slot};
use super::instruction::{Copy, HereDoc, Source};
use super::mode;
use super::stages::{From, Origin};
use crate::init::draft::{FileWhat, LayerDraft};
use crate::init::text::{Text, joined};
use crate::tree::TreeError;

/// Folders that images have: a file that is copied to one of them goes into it.
const KNOWN_FOLDERS: [&str; 18] = [
    "/",
    "/app",
    "/bin",
    "/etc",
    "/home",
    "/opt",
    "/root",
    "/sbin",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/usr/src/app",
    "/var/www/html",
];
const ARCHIVES: [&str; 9] = [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tar.Z"];

/// What all files of one COPY share.
struct Common {
    to: Text,
    /// Whether a file goes into `to`, under its own name.
    into: bool,
    owner: Option<Text>,
    mode: Option<String>,
    excluded: Vec<Text>,
}

/// Takes a COPY or an ADD.
pub(super) fn copy(image: &mut Image<'_>, copy: &Copy) -> Result<(), TreeError> {
    let common = common(image, copy);
    let from = copy.flag("from").map(|name| image.word(name)).map(|name| image.stages.source(&name));
    let mut files: Vec<String> = Vec::new();
    for source in &copy.sources {
        match (source, &from) {
            (Source::HereDoc(document), _) => here_doc(image, document, &common),
            (Source::Path(path), Some(from)) => of_elsewhere(image, path, from, &common)?,
            (Source::Path(path), None) => of_project(image, path, copy.is_add, &common, &mut files)?,
        }
    }
    grouped(image, &files, &common);
    Ok(())
}

fn common(image: &mut Image<'_>, copy: &Copy) -> Common {
    let to_text = image.word(&copy.to);
    let to = image.absolute(&to_text);
    let (plain, whole) = (to_text.plain(), joined("/", &to.plain()));
    let is_known = KNOWN_FOLDERS.contains(&whole.as_str()) || whole == joined("/", &image.folder.plain());
    let placed = image.slots.iter().any(|slot| slot.is_folder && slot.from.is_some() && slot.to == whole);
    let into =
        plain.ends_with('/') || plain.ends_with("/.") || plain == "." || copy.sources.len() > 1 || is_known || placed;
    let owner = copy.flag("chown").map(|owner| image.word(owner));
    let mode = copy.flag("chmod").map(|mode| image.word(mode).plain());
    let excluded = copy.flags.iter().filter(|(name, _)| name == "exclude").filter_map(|(_, value)| value.clone());
    let excluded: Vec<String> = excluded.collect();
    let excluded = excluded.iter().map(|pattern| image.word(pattern)).collect();
    if copy.flags.iter().any(|(name, value)| name == "parents" && value.as_deref() != Some("false")) {
        image.find(
            "`--parents` keeps the folders above each source: write a layer for each with its whole `to`".to_owned(),
        );
    }
    Common { to, into, owner, mode, excluded }
}

impl Common {
    /// Returns `to` as a layer of a file takes it.
    fn for_file(&self) -> Text {
        let mut to = self.to.clone();
        if self.into && !to.plain().ends_with('/') {
            to.push_char('/');
        }
        to
    }

    /// Returns where a file lands.
    fn landing(&self, name: &str) -> String {
        let to = joined("/", &self.to.plain());
        if self.into { joined(&to, name) } else { to }
    }

    fn dress(&self, layer: &mut LayerDraft) {
        layer.owner.clone_from(&self.owner);
        layer.exclude.clone_from(&self.excluded);
    }
}

/// A file that stands in the Dockerfile itself.
fn here_doc(image: &mut Image<'_>, document: &HereDoc, common: &Common) {
    if common.into {
        return image.find(
            "the name of a here-document is not kept: write it with `files: [{path: ..., content: ...}]`".to_owned(),
        );
    }
    let text = if document.expand { here_text(image, &document.text) } else { document.text.clone() };
    let file = image.write(&common.to, FileWhat::Content(text));
    file.owner.clone_from(&common.owner);
    file.mode = common.mode.as_deref().and_then(|mode| mode::read(mode, false)).map(|modes| modes.file);
}

/// Replaces variables in a here-document; quotes stay.
fn here_text(image: &mut Image<'_>, text: &str) -> String {
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    image.word(&format!("\"{quoted}\"")).plain()
}

fn of_project(
    image: &mut Image<'_>,
    source: &str,
    is_add: bool,
    common: &Common,
    files: &mut Vec<String>,
) -> Result<(), TreeError> {
    let word = image.word(source);
    let plain = word.plain();
    if is_add && (plain.contains("://") || plain.starts_with("git@")) {
        image.find(format!("fetch `{plain}` in CI, checked by its sum, and take it as a layer"));
        return Ok(());
    }
    if is_add && ARCHIVES.iter().any(|ending| plain.ends_with(ending)) {
        image.find(format!("ADD unpacks `{plain}`: unpack it in CI into a folder, and take that as a layer"));
        return Ok(());
    }
    let path = joined("/", &plain).trim_start_matches('/').to_owned();
    if word.template() != plain && plain.trim_end_matches('/') == path {
        image.variable_sources.insert(path.clone(), word);
    }
    if is_folder(image, &path, plain.ends_with('/'))? {
        folder(image, &path, common);
    } else {
        files.push(path);
    }
    Ok(())
}

/// Returns whether a source is a folder: as the project has it, else as its name says.
fn is_folder(image: &Image<'_>, path: &str, slash: bool) -> Result<bool, TreeError> {
    if path.is_empty() || slash || image.project.has_folder(path)? {
        return Ok(true);
    }
    if path.contains(['*', '?', '[']) || image.project.has(path)? {
        return Ok(false);
    }
    // What is not there yet is made before the image: names with a dot are files as a rule.
    Ok(!path.rsplit('/').next().unwrap_or_default().contains('.'))
}

/// Begins the layer of a source, with the variables that it was written with.
fn taking(image: &Image<'_>, path: &str) -> LayerDraft {
    let mut layer = LayerDraft::of(path);
    layer.from = image.variable_sources.get(path).cloned().or(layer.from);
    layer
}

fn folder(image: &mut Image<'_>, path: &str, common: &Common) {
    let mut layer = taking(image, if path.is_empty() { "." } else { path });
    common.dress(&mut layer);
    layer.to = Some(common.to.clone());
    if is_dependencies(path) {
        layer = layer.split();
    }
    let slot = Slot {
        layer,
        from: Some(path.to_owned()),
        to: joined("/", &common.to.plain()),
        is_folder: true,
        only: Vec::new(),
        is_gone: false,
    };
    place(image, slot, common);
}

/// Whether a folder is what a package manager installs.
fn is_dependencies(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    matches!(last, "vendor" | "node_modules" | "bundle" | "site-packages" | "lib" | "libs" | "dependencies")
}

/// Files of one COPY: one layer for those of one folder.
fn grouped(image: &mut Image<'_>, files: &[String], common: &Common) {
    let parent = |path: &str| path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
    let mut parents: Vec<String> = files.iter().map(|path| parent(path)).collect();
    parents.dedup();
    for folder in parents {
        let names: Vec<&str> = files.iter().filter(|path| parent(path) == folder).map(|path| name(path)).collect();
        match names[..] {
            [name] if !name.contains(['*', '?', '[']) => one_file(image, &folder, name, common),
            _ => some_files(image, &folder, &names, common),
        }
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn one_file(image: &mut Image<'_>, folder: &str, name: &str, common: &Common) {
    let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let mut layer = taking(image, &path);
    common.dress(&mut layer);
    layer.to = Some(common.for_file());
    let slot =
        Slot { layer, to: common.landing(name), from: Some(path), is_folder: false, only: Vec::new(), is_gone: false };
    place(image, slot, common);
}

fn some_files(image: &mut Image<'_>, folder: &str, names: &[&str], common: &Common) {
    if !common.into {
        image.find("several files cannot become one: name the file under `from`".to_owned());
    }
    let mut layer = LayerDraft::of(if folder.is_empty() { "." } else { folder }).including(names);
    common.dress(&mut layer);
    layer.to = Some(common.to.clone());
    let slot = Slot {
        layer,
        from: Some(folder.to_owned()),
        to: joined("/", &common.to.plain()),
        is_folder: true,
        only: names.iter().map(|name| (*name).to_owned()).collect(),
        is_gone: false,
    };
    place(image, slot, common);
}

/// Files of another image, or of a stage.
fn of_elsewhere(image: &mut Image<'_>, source: &str, from: &From, common: &Common) -> Result<(), TreeError> {
    let word = image.word(source);
    let path = joined("/", &word.plain());
    let origin = match from {
        From::Image(other) => Origin::Image(other.clone(), path),
        From::Stage(stage) => image.stages.origin(*stage, &path),
    };
    match origin {
        Origin::Project(path) => of_ci(image, &path, common),
        Origin::Image(other, path) => {
            of_image(image, &other, &path, common);
            Ok(())
        }
        Origin::Built(stage, path) => {
            let name = image.stages.all[stage].name(stage);
            let left = format!("stages/{name}{path}");
            image.steps.push(format!("leave what stage `{name}` has at `{path}` in `{left}`"));
            of_ci(image, &left, common)
        }
    }
}

/// What a stage makes, which a step of CI leaves at this path of the project.
fn of_ci(image: &mut Image<'_>, path: &str, common: &Common) -> Result<(), TreeError> {
    if is_folder(image, path, false)? && !(path.contains("/bin/") || path.contains("release/")) {
        folder(image, path, common);
    } else if name(path).contains('*') && !common.into {
        let (parent, _) = path.rsplit_once('/').unwrap_or((".", path));
        let wanted = common.landing("").rsplit('/').next().unwrap_or("app").to_owned();
        image.find(format!("leave the one file `{path}` as `{parent}/{wanted}` in CI: a layer takes it by its name"));
        one_file(image, parent, &wanted, common);
    } else {
        grouped(image, &[path.to_owned()], common);
    }
    Ok(())
}

fn of_image(image: &mut Image<'_>, other: &Text, path: &str, common: &Common) {
    let mut layer = LayerDraft::of(path);
    layer.image = Some(other.clone());
    common.dress(&mut layer);
    layer.to = Some(common.for_file());
    let slot =
        Slot { layer, from: None, to: common.landing(name(path)), is_folder: false, only: Vec::new(), is_gone: false };
    place(image, slot, common);
}

/// Adds a layer, with the mode that the instruction gives, and drops what it repeats.
fn place(image: &mut Image<'_>, mut slot: Slot, common: &Common) {
    let said = format!("line {}: {}", image.line, image.instruction);
    slot.layer.comment.push(said);
    if let Some(text) = &common.mode {
        match mode::read(text, false) {
            Some(modes) if modes.file == modes.dir => slot.layer.mode = Some(modes.file),
            Some(modes) => slot.layer.paths.push(crate::init::draft::RuleDraft {
                patterns: vec![Text::literal("**")],
                dir_mode: Some(modes.dir),
                file_mode: Some(modes.file),
                ..Default::default()
            }),
            None => image.find(format!("`{text}` is no mode that a build file has: write one like `mode: \"0755\"`")),
        }
    }
    let lines = repeated(image, &slot);
    if !lines.is_empty() {
        slot.layer.comment.push(format!("and {}, which Docker needs for its cache alone", lines.join(" and ")));
    }
    let twin = |other: &Slot| {
        !other.is_gone
            && (&other.layer.image, &other.layer.from, &other.layer.to)
                == (&slot.layer.image, &slot.layer.from, &slot.layer.to)
            && (&other.layer.include, &other.layer.exclude) == (&slot.layer.include, &slot.layer.exclude)
    };
    if image.slots.iter().any(twin) {
        return;
    }
    image.slots.push(slot);
}

/// Drops layers of single files that a whole folder brings to the same place: in a Dockerfile they stand before it so
/// that a RUN between the two is cached. Returns where they were said.
fn repeated(image: &mut Image<'_>, next: &Slot) -> Vec<String> {
    let (Some(from), true) = (&next.from, next.is_folder && next.only.is_empty()) else { return Vec::new() };
    let mut lines = Vec::new();
    for slot in image.slots.iter_mut().filter(|slot| !slot.is_gone) {
        let Some(own) = &slot.from else { continue };
        // What was said of its owner and mode holds no more once it is copied again.
        let folder = if slot.is_folder { Some(own.as_str()) } else { Some(own.as_str()).filter(|own| !own.is_empty()) };
        let same_place = folder.is_some_and(|own| {
            let rest = if from.is_empty() { Some(own) } else { own.strip_prefix(from.as_str()) };
            rest.is_some_and(|rest| joined(&next.to, rest.trim_start_matches('/')) == slot.to)
        });
        let few = !slot.is_folder || !slot.only.is_empty();
        if few && same_place {
            slot.is_gone = true;
            lines.extend(
                slot.layer.comment.first().and_then(|said| said.split_once(": ")).map(|(line, _)| line.to_owned()),
            );
        }
    }
    lines
}
