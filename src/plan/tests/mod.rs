//! Placement, case by case, on bases and projects that exist in memory.

mod descent;
mod model;
mod order;
mod owners;
mod replace;
mod symlinks;
mod takes;
mod trees;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tar::{Builder, EntryType, Header};

use super::*;
use crate::base::{BaseTree, FactsBuilder, Limits};
use crate::ground::Hint;
use crate::oci::ImagePath;
use crate::spec::{
    FileContent, FileSpec, FileWhat, IgnoreFile, LayerSource, LayerSpec, ModeRule, MtimeRule, OwnerSpec, PathRule,
};
use crate::tree::{MemorySources, Sources};

pub(super) fn path(text: &str) -> ImagePath {
    ImagePath::parse(text.as_bytes()).expect("inside the image")
}

/// A base of one layer: `name/ MODE`, `name -> target`, `name=text`; owner 5:6, time 7.
pub(super) fn base(entries: &[&str]) -> Arc<BaseTree> {
    let mut tar = Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_ustar();
        header.set_uid(5);
        header.set_gid(6);
        header.set_mtime(7);
        let mut body: &[u8] = b"";
        let name = if let Some((name, target)) = entry.split_once(" -> ") {
            header.set_entry_type(EntryType::Symlink);
            header.set_link_name_literal(target).unwrap();
            header.set_mode(0o777);
            name
        } else if let Some((name, text)) = entry.split_once('=') {
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o600);
            body = text.as_bytes();
            name
        } else {
            let (name, mode) = entry.split_once(' ').unwrap_or((entry, "755"));
            header.set_entry_type(EntryType::Directory);
            header.set_mode(u32::from_str_radix(mode, 8).unwrap());
            name
        };
        header.set_path(name).unwrap();
        header.set_size(body.len() as u64);
        header.set_cksum();
        tar.append(&header, body).unwrap();
    }
    let mut builder = FactsBuilder::new(Limits::default(), &std::env::temp_dir());
    builder.add_layer(tar.into_inner().unwrap().as_slice()).unwrap();
    Arc::new(BaseTree::recording(builder.finish().unwrap()))
}

/// A layer that takes `from` by all the defaults.
pub(super) fn layer(from: &str) -> LayerSpec {
    let source = LayerSource {
        origin: crate::spec::LayerOrigin::Project,
        from: PathBuf::from(if from == "." { "" } else { from }),
        to: crate::spec::Destination::Absolute(ImagePath::ROOT),
        to_is_folder: false,
        include: Vec::new(),
        exclude: Vec::new(),
        ignore_file: IgnoreFile::Auto,
    };
    LayerSpec { source: Some(source), ..written(&[]) }
}

/// A layer of `files`.
fn written(files: &[FileSpec]) -> LayerSpec {
    LayerSpec {
        name: "app".to_owned(),
        source: None,
        owner: OwnerSpec::default(),
        mode: ModeRule::Normal,
        mtime: MtimeRule::Content,
        replace: false,
        split: crate::spec::Split::default(),
        paths: Vec::new(),
        files: files.to_vec(),
    }
}

/// An entry of `files`: `path=text`, `path -> target`, `path/`, `!path`.
fn file(text: &str) -> FileSpec {
    let (name, what) = if let Some((name, target)) = text.split_once(" -> ") {
        (name, FileWhat::Link(target.to_owned()))
    } else if let Some((name, text)) = text.split_once('=') {
        (name, FileWhat::File(FileContent::Inline(text.as_bytes().to_vec())))
    } else if let Some(name) = text.strip_prefix('!') {
        (name, FileWhat::Remove)
    } else {
        (text, FileWhat::Dir)
    };
    FileSpec { path: path(name), what, owner: None, mode: None, mtime: None, capabilities: None }
}

pub(super) fn files(list: &[&str]) -> LayerSpec {
    written(&list.iter().map(|text| file(text)).collect::<Vec<_>>())
}

pub(super) fn project(paths: &[&str]) -> MemorySources {
    let mut sources = MemorySources::new();
    for entry in paths {
        if let Some((name, target)) = entry.split_once(" -> ") {
            sources.link(name, target);
        } else if let Some((name, text)) = entry.split_once('=') {
            sources.text(name, text);
        } else if let Some(name) = entry.strip_suffix('/') {
            sources.folder(name);
        } else {
            sources.text(entry, "x");
        }
    }
    sources
}

pub(super) fn placed(
    facts: &Arc<BaseTree>,
    sources: impl Sources + 'static,
    layers: &[(LayerSpec, &str)],
) -> Result<Placement, PlanError> {
    let (specs, destinations): (Vec<LayerSpec>, Vec<ImagePath>) =
        layers.iter().map(|(layer, to)| (layer.clone(), path(to))).unzip();
    let left_out = LeftOut::new(Path::new("build.yaml"), [PathBuf::from("out.tar")]);
    Placement::new(Arc::clone(facts), &Roots::project(Arc::new(sources)), &specs, &destinations, &left_out)
}

fn place(
    facts: &Arc<BaseTree>,
    sources: impl Sources + 'static,
    layers: &[(LayerSpec, &str)],
) -> Result<Vec<Vec<Entry>>, PlanError> {
    let placement = placed(facts, sources, layers)?;
    (0..placement.len()).map(|index| placement.entries(index).collect()).collect()
}

/// Shows entries as `d755 5:6 @7 /tmp`; what is 0:0 or has the usual mode or time is not shown.
fn show(entries: &[Entry]) -> String {
    let line = |entry: &Entry| {
        let (kind, usual) = match &entry.kind {
            EntryKind::Directory => ("d", 0o755),
            EntryKind::File(_) => ("f", 0o644),
            EntryKind::Symlink(_) => ("l", 0o777),
        };
        let mut line = kind.to_owned();
        if entry.mode != usual {
            line += &format!("{:o}", entry.mode);
        }
        if (entry.uid, entry.gid) != (0, 0) {
            line += &format!(" {}:{}", entry.uid, entry.gid);
        }
        match (entry.mtime, kind) {
            (Mtime::Content, _) | (Mtime::Seconds(1), "d" | "l") => {}
            (Mtime::Seconds(seconds), _) => line += &format!(" @{seconds}"),
        }
        line += &format!(" {}", entry.path);
        if let EntryKind::Symlink(target) = &entry.kind {
            line += &format!(" -> {}", String::from_utf8_lossy(target));
        }
        line
    };
    entries.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Checks the entries of the last layer.
fn check(facts: &[&str], paths: &[&str], layers: &[(LayerSpec, &str)], expected: &[&str]) {
    let all = place(&base(facts), project(paths), layers).unwrap();
    for entries in &all {
        assert_in_order(entries);
    }
    assert_eq!(show(all.last().unwrap()), expected.join("\n"));
}

fn refused(facts: &[&str], paths: &[&str], layers: &[(LayerSpec, &str)]) -> PlanError {
    let error = place(&base(facts), project(paths), layers).unwrap_err();
    assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{error} has a remedy");
    error
}

/// Asserts what every layer promises: sorted, unique, folders before what they hold, removals first, never the root.
fn assert_in_order(entries: &[Entry]) {
    let key = |path: &ImagePath| {
        let names = path.components().map(|name| (!name.starts_with(b".wh."), name.to_vec()));
        names.collect::<Vec<_>>()
    };
    let mut folders = std::collections::HashSet::from([ImagePath::ROOT]);
    for entry in entries {
        assert!(!entry.path.is_root());
        assert!(folders.contains(&entry.path.parent().unwrap()), "{} has its folder before it", entry.path);
        if entry.kind == EntryKind::Directory {
            folders.insert(entry.path.clone());
        }
    }
    for pair in entries.windows(2) {
        assert!(key(&pair[0].path) < key(&pair[1].path), "{} before {}", pair[0].path, pair[1].path);
    }
}

fn rule(patterns: &[&str]) -> PathRule {
    PathRule {
        patterns: patterns.iter().map(ToString::to_string).collect(),
        owner: None,
        mode: None,
        dir_mode: None,
        file_mode: None,
        mtime: None,
        capabilities: None,
    }
}
