//! From a Dockerfile to a build file, instruction by instruction.
//!
//! What stands before the first file of the project becomes `Dockerfile.base`; what follows becomes layers, entries and
//! config as far as that is certain, and a list of the rest with what stands in for it.

mod base;
mod change;
mod config;
mod copy;
mod here_doc;
mod image;
mod instruction;
mod mode;
mod remedy;
mod run;
mod scope;
mod shell;
mod stages;
mod words;

use std::collections::BTreeMap;

use self::image::Image;
use self::instruction::{Source, Step, What};
use self::scope::Scope;
use self::stages::{From, Stages};
use super::InitError;
use super::draft::Draft;
use super::listing::Project;
use super::text::Text;
use crate::tree::TreeError;

/// An instruction that became something else than a line of the build file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its line, from 1.
    pub line: usize,
    /// The instruction, in one line.
    pub instruction: String,
    /// What to do instead.
    pub what: String,
}

/// A stage that compiles what the image takes: steps of CI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiStage {
    /// Its name, or its number.
    pub name: String,
    /// The line of its FROM.
    pub line: usize,
    /// The image that it compiles in.
    pub image: String,
    /// What it runs.
    pub commands: Vec<String>,
}

/// A Dockerfile that was taken over.
pub(super) struct Imported {
    pub(super) draft: Draft,
    /// The text of `Dockerfile.base`, if there is anything for it.
    pub(super) base: Option<String>,
    pub(super) steps: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) findings: Vec<Finding>,
    pub(super) ci: Vec<CiStage>,
}

/// Takes a Dockerfile over. `base_name` is what a base that must be prepared will be called.
pub(super) fn import(
    project: &Project<'_>,
    file: &str,
    text: &str,
    target: Option<&str>,
    base_name: &str,
) -> Result<Imported, InitError> {
    let parsed = instruction::parse(text).map_err(|problem| InitError::Syntax { file: file.to_owned(), problem })?;
    let stages = Stages::of(parsed.steps, parsed.escape);
    let last = last_stage(&stages, file, target)?;
    let mut image = Image::begin(*project, &stages, last);
    let region = base::region(&stages, last, &image);
    let steps: Vec<(usize, &Step)> = stages
        .lineage(last)
        .into_iter()
        .flat_map(|stage| stages.all[stage].steps.iter().map(move |step| (stage, step)))
        .collect();
    let mut stage = None;
    for (index, (of_stage, step)) in steps.iter().enumerate() {
        if stage.replace(*of_stage).is_some_and(|before| before != *of_stage) {
            image.scope.end_of_stage();
            image.has_cmd = false;
        }
        image.step(step, index < region)?;
    }
    let base = (region > 0).then(|| base::document(&stages, last, &parsed.directives, region, base_name));
    let mut draft = finished(&mut image, &stages, last);
    if base.is_some() {
        draft.base_comment = format!("Dockerfile.base over {}", draft.base.plain());
        draft.base = Text::literal(base_name);
    }
    let ci = ci(&stages, last, &mut image.notes);
    let (mut steps, notes, findings) = (image.steps, image.notes, image.findings);
    steps.dedup();
    Ok(Imported { draft, base, steps, notes, findings, ci })
}

fn last_stage(stages: &Stages, file: &str, target: Option<&str>) -> Result<usize, InitError> {
    let syntax = || InitError::Syntax { file: file.to_owned(), problem: "there is no FROM".to_owned() };
    let last = stages.all.len().checked_sub(1).ok_or_else(syntax)?;
    let Some(target) = target else { return Ok(last) };
    let number = target.parse::<usize>().ok().filter(|number| *number <= last);
    stages.find(target).or(number).ok_or_else(|| InitError::NoStage {
        file: file.to_owned(),
        stage: target.to_owned(),
        known: stages.all.iter().filter_map(|stage| stage.alias.clone()).collect(),
    })
}

/// Moves the layers into the draft, and says what is left of variables.
fn finished(image: &mut Image<'_>, stages: &Stages, last: usize) -> Draft {
    let mut draft = std::mem::take(&mut image.draft);
    let slots = std::mem::take(&mut image.slots);
    draft.layers = slots.into_iter().filter(|slot| !slot.is_gone).map(|slot| slot.layer).collect();
    draft.layers.iter_mut().for_each(|layer| layer.paths.dedup_by(|next, before| before.take_in(next)));
    draft.base = stages.all[last].image.clone();
    if draft.base.plain().is_empty() {
        draft.base = Text::expression("${BASE:?name the base image}", "");
    }
    let platform = stages.all[last].platform.as_deref().filter(|platform| platform.starts_with("linux/"));
    draft.platforms.extend(platform.map(str::to_owned));
    draft
}

/// Returns the stages that only compile, and tells of those that nothing needs.
fn ci(stages: &Stages, last: usize, notes: &mut Vec<String>) -> Vec<CiStage> {
    let lineage = stages.lineage(last);
    let mut used = stages.used_by(last);
    // What a used stage goes on with is needed too.
    used = used.iter().flat_map(|stage| stages.lineage(*stage)).collect();
    let mut found = Vec::new();
    for (index, stage) in stages.all.iter().enumerate().filter(|(index, _)| !lineage.contains(index)) {
        let (name, line) = (stage.name(index), stage.from.line);
        if !used.contains(&index) {
            notes.push(format!("stage `{name}` (line {line}) is no part of the image: left out"));
            continue;
        }
        let commands = stages::runs(stage);
        if !commands.is_empty() {
            found.push(CiStage { name, line, image: stage.image.plain(), commands });
        }
    }
    found
}

impl<'a> Image<'a> {
    fn begin(project: Project<'a>, stages: &'a Stages, last: usize) -> Self {
        Self {
            project,
            stages,
            draft: Draft::default(),
            slots: Vec::new(),
            scope: Scope::of(&stages.all[last].image.plain()),
            escape: stages.escape,
            folder: Text::literal("/"),
            user: None,
            shell: vec!["/bin/sh".to_owned(), "-c".to_owned()],
            has_cmd: false,
            findings: Vec::new(),
            steps: Vec::new(),
            notes: Vec::new(),
            variable_sources: BTreeMap::new(),
            line: 0,
            instruction: String::new(),
        }
    }

    /// Takes one instruction; what makes files is left out where `Dockerfile.base` has it.
    fn step(&mut self, step: &Step, in_base: bool) -> Result<(), TreeError> {
        self.line = step.line;
        self.instruction = in_one_line(&step.source);
        match &step.what {
            What::Run { .. } | What::Copy(_) if in_base => {}
            What::Run { command, here_docs, .. } => run::run(self, command, here_docs)?,
            What::Copy(copied) => copy::copy(self, copied)?,
            What::Env(text) => config::env(self, text),
            What::Arg(text) => stages::declare(&mut self.scope, text, self.escape, &self.stages.global),
            What::Label(text) => config::label(self, text),
            What::Workdir(text) => config::working_dir(self, text),
            What::User(text) => config::user(self, text),
            What::Expose(words) => config::expose(self, words),
            What::Volume(words) => config::volume(self, words),
            What::Cmd(command) => config::cmd(self, command),
            What::Entrypoint(command) => config::entrypoint(self, command),
            What::Stopsignal(text) => config::stop_signal(self, text),
            What::Healthcheck { flags, command } => config::healthcheck(self, flags, command.as_ref()),
            What::Shell(words) => self.shell.clone_from(words),
            What::Maintainer(name) => {
                let name = self.word(name);
                self.draft.config.set_label("org.opencontainers.image.authors", name);
            }
            What::Onbuild => {
                self.find("what is for images built on this one has no place here: say it in theirs".to_owned())
            }
            What::From { .. } => {}
        }
        Ok(())
    }
}

/// The most that is shown of an instruction.
const SHOWN: usize = 96;

fn in_one_line(source: &str) -> String {
    let words: Vec<&str> = source.split_whitespace().filter(|word| *word != "\\").collect();
    let whole = words.join(" ");
    match whole.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &whole[..end]),
        None => whole,
    }
}

/// Whether an instruction takes files of the project, or what other stages made of them.
fn takes_project(step: &Step, stages: &Stages) -> bool {
    match &step.what {
        What::Copy(copy) => match copy.flag("from") {
            Some(name) => matches!(stages.source(&Text::literal(name)), From::Stage(_)),
            None => copy.sources.iter().any(|source| matches!(source, Source::Path(path) if !path.contains("://"))),
        },
        // Without `from` a bind mount is of the project.
        What::Run { flags, .. } => flags.iter().any(|(name, value)| {
            let value = value.as_deref().unwrap_or_default();
            let of_image = value.split(',').find_map(|part| part.strip_prefix("from="));
            let is_bind =
                !["type=cache", "type=secret", "type=ssh", "type=tmpfs"].iter().any(|kind| value.contains(kind));
            name == "mount"
                && match of_image {
                    Some(from) => matches!(stages.source(&Text::literal(from)), From::Stage(_)),
                    None => is_bind,
                }
        }),
        _ => false,
    }
}
