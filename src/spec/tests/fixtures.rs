//! Each file of `fixtures/specs` has a `.txt` beside it that holds its outcome: the resolved build file, or the whole
//! message. `DOCKLESS_UPDATE_FIXTURES=1 cargo test spec::` writes them anew.

use std::path::{Path, PathBuf};

use super::*;
use crate::spec::{ConfigSpec, FileContent, FileSpec, FileWhat, ImageSpec};

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/specs").join(kind);
    let entries = std::fs::read_dir(folder).expect("fixtures");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Writes a build file's meaning, one thing a line.
fn show(spec: &BuildSpec) -> String {
    let mut text = format!(
        "project: {:?}\nfile: {:?}\nlock: {:?}\nformat: {:?}\nname: {:?}\ntags: {:?}\ncompression: {:?}\n",
        spec.project, spec.file, spec.lock, spec.format, spec.name, spec.tags, spec.compression
    );
    spec.images.iter().for_each(|image| text.push_str(&show_image(image)));
    text.push_str(&format!("cache_from: {:?}\n", spec.cache_from));
    text.push_str(&format!("annotations: {:?}\n", spec.annotations));
    text.push_str(&format!("repository: {:?}\n", spec.repository));
    text.push_str(&format!("secrets_allow: {:?}\ndeploy: {:?}\n", spec.secrets_allow, spec.deploy));
    text.push_str(&format!("source_date_epoch: {:?}\n", spec.source_date_epoch));
    text
}

fn show_image(spec: &ImageSpec) -> String {
    let mut text = format!("base: {:?}\nplatform: {:?}\n", spec.base, spec.platform);
    for layer in &spec.layers {
        text.push_str(&format!("layer: {:?}\n  source: {:?}\n", layer.name, layer.source));
        text.push_str(&format!("  owner: {:?}\n  mode: {:?}\n  mtime: {:?}\n", layer.owner, layer.mode, layer.mtime));
        text.push_str(&format!("  replace: {:?}\n  split: {:?}\n", layer.replace, layer.split));
        layer.paths.iter().for_each(|rule| text.push_str(&format!("  paths: {rule:?}\n")));
        for file in &layer.files {
            let what = match &file.what {
                FileWhat::File(FileContent::Inline(bytes)) => format!("{:?}", String::from_utf8_lossy(bytes)),
                other => format!("{other:?}"),
            };
            let FileSpec { path, owner, mode, mtime, capabilities, .. } = file;
            let rules = format!("owner={owner:?} mode={mode:?} mtime={mtime:?} capabilities={capabilities:?}");
            text.push_str(&format!("  file: {path} {what} {rules}\n"));
        }
    }
    spec.config.env.iter().for_each(|(name, value)| text.push_str(&format!("env: {name} {value:?}\n")));
    let rest = ConfigSpec { env: Vec::new(), ..spec.config.clone() };
    text.push_str(&format!("config: {rest:?}\n"));
    text
}

/// Compares outcomes with what is pinned, and reports all differences at once.
fn check(kind: &str, outcome: impl Fn(&str) -> String) {
    let update = std::env::var_os("DOCKLESS_UPDATE_FIXTURES").is_some();
    let mut differences = String::new();
    for file in fixtures(kind) {
        let outcome = outcome(&std::fs::read_to_string(&file).expect("a fixture"));
        let pinned_file = file.with_extension("txt");
        if update {
            std::fs::write(&pinned_file, &outcome).expect("written");
        }
        let pinned = std::fs::read_to_string(&pinned_file).unwrap_or_default();
        if pinned != outcome {
            differences.push_str(&format!("--- {}\n{pinned}+++\n{outcome}", file.display()));
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn valid_files_resolve_as_pinned() {
    check("valid", |text| {
        let spec = load_text(text).unwrap_or_else(|error| panic!("{}", shown(&error)));
        show(&spec).replace(&spec.project.display().to_string(), "/project")
    });
}

#[test]
fn invalid_files_are_refused_with_the_pinned_message() {
    check("invalid", |text| match load_text(text) {
        Ok(_) => "accepted\n".to_owned(),
        Err(error) => shown(&error),
    });
}

#[test]
fn no_pinned_outcome_is_left_over() {
    for kind in ["valid", "invalid"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/specs").join(kind);
        for entry in std::fs::read_dir(folder).expect("fixtures") {
            let file = entry.expect("an entry").path();
            assert!(file.with_extension("yaml").is_file(), "{}", file.display());
        }
    }
}
