//! What is nothing that is known: the folder as it is, on a plain Debian.

use super::Outline;
use crate::init::draft::LayerDraft;
use crate::init::listing::Project;
use crate::init::text::Text;
use crate::tree::TreeError;

pub(super) fn other(_project: &Project<'_>) -> Result<Outline, TreeError> {
    let mut outline = Outline::default();
    outline.draft.base = Text::literal("docker.io/library/debian:13-slim");
    outline.draft.layers.push(LayerDraft::of(".").saying("the whole folder"));
    outline.draft.config.working_dir = Some(Text::literal("/app"));
    outline.notes.push("say under `config.cmd` what the container starts: `cmd: [/app/bin/start]`".to_owned());
    Ok(outline)
}
