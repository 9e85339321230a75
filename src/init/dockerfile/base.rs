//! `Dockerfile.base`: what a Dockerfile does before it takes the first file of the project. It needs a builder that can
//! run commands, and seldom changes: now and then, elsewhere.

use super::image::Image;
use super::instruction::{Step, What};
use super::stages::Stages;
use super::{run, takes_project};

/// Returns how many instructions of a stage and those before it belong to the base: up to the last RUN before the first
/// file of the project; none where those RUNs are so simple that the build file says them itself.
pub(super) fn region(stages: &Stages, last: usize, image: &Image<'_>) -> usize {
    let steps: Vec<&Step> = stages.steps(last).take_while(|step| !takes_project(step, stages)).collect();
    let end = steps.iter().rposition(|step| matches!(step.what, What::Run { .. })).map_or(0, |at| at + 1);
    let simple = |step: &&Step| match &step.what {
        What::Run { command, here_docs, .. } => run::is_simple(image, command, here_docs),
        _ => true,
    };
    if steps[..end].iter().all(simple) { 0 } else { end }
}

/// Returns the text of `Dockerfile.base`.
pub(super) fn document(stages: &Stages, last: usize, directives: &[String], region: usize, name: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(directives.iter().cloned());
    parts.push(format!(
        "# The base of build.yaml: what needs a builder that runs commands. Build it where there is one, now and then:\n\
         #   docker build --pull --file Dockerfile.base --tag {name} . && docker push {name}"
    ));
    parts.extend(stages.global_steps.iter().map(|step| step.source.clone()));
    let first = stages.lineage(last)[0];
    parts.push(stages.all[first].from.source.clone());
    let belongs = |step: &&Step| {
        matches!(
            step.what,
            What::Run { .. }
                | What::Copy(_)
                | What::Env(_)
                | What::Arg(_)
                | What::Shell(_)
                | What::User(_)
                | What::Workdir(_)
        )
    };
    parts.extend(stages.steps(last).take(region).filter(belongs).map(|step| step.source.clone()));
    let mut text = parts.join("\n");
    text.push('\n');
    text
}
