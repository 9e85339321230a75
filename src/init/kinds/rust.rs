//! Rust: the program that Cargo leaves in `target/release`.

use super::Outline;
use crate::init::draft::{LayerDraft, words};
use crate::init::listing::Project;
use crate::init::manifest::{toml, toml_text};
use crate::init::text::Text;
use crate::tree::TreeError;

/// Folders that a program often reads at run time, if it does not include them.
const FOLDERS: [&str; 5] = ["templates", "static", "public", "assets", "migrations"];

pub(super) fn rust(project: &Project<'_>) -> Result<Outline, TreeError> {
    let mut outline = Outline::default();
    let found = program(project)?;
    let (package, name) = found.clone().unwrap_or_else(|| (None, "app".to_owned()));
    let of_package = package.map(|package| format!(" --package {package}")).unwrap_or_default();
    // Without a lock file there is nothing that could be locked; it should be written, and committed.
    let locked = if project.has("Cargo.lock")? { " --locked" } else { "" };
    let (target, folder) = match project.is_arm {
        true => (" --target aarch64-unknown-linux-gnu", "target/aarch64-unknown-linux-gnu/release"),
        false => ("", "target/release"),
    };
    let step = format!("cargo build --release{locked}{of_package}{target}");
    let draft = &mut outline.draft;
    draft.base = Text::literal("docker.io/library/debian:13-slim");
    draft.base_comment = "its C library must not be older than the builder's".to_owned();
    for folder in project.folders_of(&FOLDERS)? {
        draft.layers.push(LayerDraft::of(folder).to(&format!("/app/{folder}")));
    }
    let program = format!("/usr/local/bin/{name}");
    let layer = LayerDraft::of(&format!("{folder}/{name}")).to(&program).mode("0755");
    draft.layers.push(layer.saying(&format!("made by `{step}`")));
    draft.config.working_dir = draft.layers.get(1).map(|_| Text::literal("/app"));
    draft.config.user = Some(Text::literal("65534:65534"));
    draft.config.cmd = Some(words(&[&program]));
    outline.steps.push(step);
    if found.is_none() {
        outline.notes.push("Cargo.toml names no program: write its name where `build.yaml` has `app`".to_owned());
    }
    outline.notes.push("with `--target x86_64-unknown-linux-musl` the program needs no C library: take it from `target/x86_64-unknown-linux-musl/release` and build on `scratch`".to_owned());
    outline.ignored.extend(["target", "tests", "benches"]);
    Ok(outline)
}

/// Returns the package of the workspace that has a program, if it is a workspace, and the program's name.
fn program(project: &Project<'_>) -> Result<Option<(Option<String>, String)>, TreeError> {
    let manifest = toml(project, "Cargo.toml")?;
    if let Some(name) = of_package(project, "", &manifest)? {
        return Ok(Some((None, name)));
    }
    let members = manifest.get("workspace").and_then(|w| w.get("members")).and_then(toml::Value::as_array);
    for pattern in members.into_iter().flatten().filter_map(|member| member.as_str()) {
        for folder in matching(project, pattern)? {
            let manifest = toml(project, &format!("{folder}/Cargo.toml"))?;
            if let Some(name) = of_package(project, &format!("{folder}/"), &manifest)? {
                let package = toml_text(&manifest, &["package", "name"]).unwrap_or(&name).to_owned();
                return Ok(Some((Some(package), name)));
            }
        }
    }
    Ok(None)
}

/// Returns the program of one package: the one that `cargo run` runs, else the first.
fn of_package(project: &Project<'_>, folder: &str, manifest: &toml::Table) -> Result<Option<String>, TreeError> {
    let Some(package) = toml_text(manifest, &["package", "name"]) else { return Ok(None) };
    if let Some(name) = toml_text(manifest, &["package", "default-run"]) {
        return Ok(Some(name.to_owned()));
    }
    let named = manifest.get("bin").and_then(toml::Value::as_array).and_then(|bins| bins.first());
    if let Some(name) = named.and_then(|bin| bin.get("name")).and_then(toml::Value::as_str) {
        return Ok(Some(name.to_owned()));
    }
    if project.has(&format!("{folder}src/main.rs"))? {
        return Ok(Some(package.to_owned()));
    }
    let bins = project.names(&format!("{folder}src/bin"))?;
    Ok(bins.iter().find_map(|name| name.strip_suffix(".rs")).map(str::to_owned))
}

/// Returns the members that a pattern of a workspace names; of patterns the usual one alone, `crates/*`.
fn matching(project: &Project<'_>, pattern: &str) -> Result<Vec<String>, TreeError> {
    match pattern.strip_suffix("/*") {
        Some(folder) => Ok(project.names(folder)?.into_iter().map(|name| format!("{folder}/{name}")).collect()),
        None => Ok(vec![pattern.trim_end_matches('/').to_owned()]),
    }
}
