//! What the build file's own reader would refuse is taken out of a draft before it is written, and told.
//!
//! Dockerfiles say much that Docker finds wrong only when it runs, or never. Each part is put into a file of its own and
//! read, so that what counts as wrong is said in one place alone: the reader.

use std::path::Path;

use super::draft::{ConfigDraft, Draft, LayerDraft};
use super::render;
use super::text::Text;
use crate::spec::{self, Inputs, Overrides, SpecError};

/// Takes out what cannot be read, and tells of each.
pub(super) fn prove(draft: &mut Draft, notes: &mut Vec<String>) {
    let frame = Draft { platforms: draft.platforms.clone(), base: Text::literal("scratch"), ..Draft::default() };
    if !draft.base.template().starts_with("${BASE:?") {
        let base = Draft { base: draft.base.clone(), ..frame.clone() };
        if let Some(fault) = fault(&base) {
            notes.push(format!("the base `{}` is left out: {fault}", draft.base.plain()));
            draft.base = Text::expression("${BASE:?name the base image}", "");
        }
    }
    config(&mut draft.config, Proof { frame: &frame, notes });
    draft.layers.retain_mut(|layer| layer_holds(layer, &frame, notes));
}

/// Returns why a draft cannot be read.
fn fault(part: &Draft) -> Option<String> {
    let mut part = part.clone();
    part.tags.push("latest".to_owned());
    "registry.example.com/x".clone_into(&mut part.name);
    let (overrides, unset) = (Overrides::default(), |_: &str| None);
    // Nothing of a project is looked at: what is there is another question.
    let inputs = Inputs { project: Path::new("/nonexistent"), file: None, environment: &unset, overrides: &overrides };
    match spec::load_text(&inputs, &render::render(&part)).err()? {
        SpecError::Flaw(flaw) | SpecError::Unanswered { flaw, .. } => Some(flaw.message),
        other => Some(other.to_string()),
    }
}

fn config(config: &mut ConfigDraft, mut proof: Proof<'_>) {
    config.env.retain(|entry| proof.holds("env", &entry.0, |part| part.env.push(entry.clone())));
    config.labels.retain(|entry| proof.holds("label", &entry.0, |part| part.labels.push(entry.clone())));
    config.ports.retain(|port| proof.holds("port", &port.plain(), |part| part.ports.push(port.clone())));
    config.volumes.retain(|path| proof.holds("volume", &path.plain(), |part| part.volumes.push(path.clone())));
    let one = |text: &Option<Text>| text.as_ref().map(Text::plain).unwrap_or_default();
    if !proof.holds("user", &one(&config.user), |part| part.user.clone_from(&config.user)) {
        config.user = None;
    }
    let folder = one(&config.working_dir);
    if !proof.holds("working directory", &folder, |part| part.working_dir.clone_from(&config.working_dir)) {
        config.working_dir = None;
    }
    if !proof.holds("signal", &one(&config.stop_signal), |part| part.stop_signal.clone_from(&config.stop_signal)) {
        config.stop_signal = None;
    }
    if !proof.holds("entrypoint", "", |part| part.entrypoint.clone_from(&config.entrypoint)) {
        config.entrypoint = None;
    }
    if !proof.holds("command", "", |part| part.cmd.clone_from(&config.cmd)) {
        config.cmd = None;
    }
    if !proof.holds("health check", "", |part| part.healthcheck.clone_from(&config.healthcheck)) {
        config.healthcheck = None;
    }
}

/// Puts parts of a config to the proof.
struct Proof<'a> {
    frame: &'a Draft,
    notes: &'a mut Vec<String>,
}

impl Proof<'_> {
    fn holds(&mut self, what: &str, name: &str, set: impl FnOnce(&mut ConfigDraft)) -> bool {
        let mut part = self.frame.clone();
        set(&mut part.config);
        let Some(fault) = fault(&part) else { return true };
        let name = if name.is_empty() { String::new() } else { format!(" `{name}`") };
        self.notes.push(format!("the {what}{name} is left out: {fault}"));
        false
    }
}

/// Takes entries and rules out of a layer; returns whether the layer itself can be read.
fn layer_holds(layer: &mut LayerDraft, frame: &Draft, notes: &mut Vec<String>) -> bool {
    let alone = |layer: LayerDraft| {
        // Relative places need a folder that they are relative to.
        let config = ConfigDraft { working_dir: Some(Text::literal("/")), ..ConfigDraft::default() };
        fault(&Draft { layers: vec![layer], config, ..frame.clone() })
    };
    let had_files = !layer.files.is_empty();
    layer.files.retain(|file| {
        let fault = alone(LayerDraft { name: "x".to_owned(), files: vec![file.clone()], ..LayerDraft::default() });
        let path = file.path.plain();
        notes.extend(fault.iter().map(|fault| format!("the entry `{path}` is left out: {fault}")));
        fault.is_none()
    });
    layer.paths.retain(|rule| {
        let fault = alone(LayerDraft { paths: vec![rule.clone()], ..LayerDraft::of("x").to("/x") });
        notes.extend(fault.iter().map(|fault| format!("a rule for paths is left out: {fault}")));
        fault.is_none()
    });
    if had_files && layer.files.is_empty() && layer.from.is_none() {
        return false;
    }
    let fault = alone(layer.clone());
    let from = layer.from.as_ref().map_or_else(|| layer.name.clone(), Text::plain);
    notes.extend(fault.iter().map(|fault| format!("a layer of `{from}` is left out: {fault}")));
    fault.is_none()
}
