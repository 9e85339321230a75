//! The stages of a Dockerfile: which become the image, which only compile, and where the files of the latter come from.

use std::collections::BTreeMap;

use super::instruction::{Command, Copy, Source, Step, What};
use super::scope::{Scope, Spot};
use super::words::Reader;
use crate::init::text::{Text, below, joined};

/// The stages, in order, and what stands before the first.
#[derive(Debug, Default)]
pub(super) struct Stages {
    pub(super) all: Vec<Stage>,
    /// ARGs before the first FROM.
    pub(super) global: BTreeMap<String, Text>,
    /// Their instructions.
    pub(super) global_steps: Vec<Step>,
    pub(super) escape: char,
}

/// One stage.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) alias: Option<String>,
    /// The stage that it goes on with.
    pub(super) parent: Option<usize>,
    /// The image that it is built on, with registry; of a parent's in the end.
    pub(super) image: Text,
    pub(super) platform: Option<String>,
    pub(super) from: Step,
    pub(super) steps: Vec<Step>,
}

impl Stage {
    pub(super) fn name(&self, index: usize) -> String {
        self.alias.clone().unwrap_or_else(|| index.to_string())
    }
}

/// Where a path of a stage comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// It is a path of the project, or what a step of CI leaves there.
    Project(String),
    /// It is a path of an image that the stage leaves as it is.
    Image(Text, String),
    /// A command of the stage makes it, outside of where the project lies.
    Built(usize, String),
}

/// A COPY of a stage: what is at `to` comes from `from`.
struct Mapping {
    to: String,
    from: Taken,
    is_folder: bool,
}

enum Taken {
    Project(String),
    Other(From, String),
}

/// What `COPY --from` names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum From {
    Stage(usize),
    Image(Text),
}

/// How deep stages may take from one another; they only name earlier ones, so that this is but a guard.
const DEPTH: usize = 64;

impl Stages {
    /// Sorts instructions into stages.
    pub(super) fn of(steps: Vec<Step>, escape: char) -> Self {
        let mut stages = Self { escape, ..Self::default() };
        let mut scope = Scope::of("");
        for step in steps {
            match (&step.what, stages.all.is_empty()) {
                (What::From { .. }, _) => stages.open(step, &mut scope),
                (What::Arg(text), true) => {
                    declare(&mut scope, text, escape, &BTreeMap::new());
                    stages.global = scope.arguments().clone();
                    stages.global_steps.push(step);
                }
                _ => stages.all.last_mut().into_iter().for_each(|stage| stage.steps.push(step.clone())),
            }
        }
        stages
    }

    fn open(&mut self, step: Step, scope: &mut Scope) {
        let What::From { image, alias, platform } = step.what.clone() else { return };
        let image = Reader { scope, escape: self.escape, spot: Spot::Elsewhere }.word(&image);
        let parent = self.find(&image.plain());
        let image = parent.map_or_else(|| qualified(&image), |parent| self.all[parent].image.clone());
        self.all.push(Stage { alias, parent, image, platform, from: step, steps: Vec::new() });
    }

    /// Returns the stage of a name or a number; names do not differ by case.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let named = |stage: &Stage| stage.alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(name));
        self.all.iter().rposition(named)
    }

    /// Returns what `--from` names in a stage.
    pub(super) fn source(&self, name: &Text) -> From {
        let plain = name.plain();
        let number = plain.parse::<usize>().ok().filter(|number| *number < self.all.len());
        match self.find(&plain).or(number) {
            Some(stage) => From::Stage(stage),
            None => From::Image(qualified(name)),
        }
    }

    /// Returns the stages that one goes on with, the first first, itself last.
    pub(super) fn lineage(&self, stage: usize) -> Vec<usize> {
        let mut lineage = vec![stage];
        while let Some(parent) = self.all[lineage[0]].parent.filter(|parent| *parent < lineage[0]) {
            lineage.insert(0, parent);
        }
        lineage
    }

    /// Returns the instructions of a stage with those of the stages that it goes on with.
    pub(super) fn steps(&self, stage: usize) -> impl Iterator<Item = &Step> {
        self.lineage(stage).into_iter().flat_map(|index| &self.all[index].steps)
    }

    /// Returns the stages that a stage takes files of, directly or through others.
    pub(super) fn used_by(&self, stage: usize) -> Vec<usize> {
        let mut used = Vec::new();
        let mut open = vec![stage];
        while let Some(stage) = open.pop() {
            for step in self.steps(stage) {
                let names = match &step.what {
                    What::Copy(copy) => copy.flag("from").map(str::to_owned).into_iter().collect(),
                    What::Run { flags, .. } => mounted(flags),
                    _ => Vec::new(),
                };
                for name in names {
                    if let From::Stage(other) = self.source(&Text::literal(&name))
                        && other < stage
                        && !used.contains(&other)
                    {
                        used.push(other);
                        open.push(other);
                    }
                }
            }
        }
        used.sort_unstable();
        used
    }

    /// Returns where a path of a stage comes from.
    pub(super) fn origin(&self, stage: usize, path: &str) -> Origin {
        self.origin_within(stage, path, DEPTH)
    }

    fn origin_within(&self, stage: usize, path: &str, depth: usize) -> Origin {
        let mappings = self.mappings(stage);
        for mapping in mappings.iter().rev() {
            let rest = if mapping.is_folder { below(path, &mapping.to) } else { (path == mapping.to).then_some("") };
            let Some(rest) = rest else { continue };
            match &mapping.from {
                Taken::Project(from) => return Origin::Project(child(from, rest)),
                Taken::Other(From::Image(image), from) => return Origin::Image(image.clone(), joined(from, rest)),
                Taken::Other(From::Stage(other), from) if *other < stage && depth > 0 => {
                    return self.origin_within(*other, &joined(from, rest), depth - 1);
                }
                Taken::Other(..) => {}
            }
        }
        // What a command leaves beside files of the project lies in the project when it runs there.
        let implied =
            mappings.iter().rev().find_map(implied_root).and_then(|root| below(path, &root).map(str::to_owned));
        match implied {
            Some(rest) => Origin::Project(rest),
            None if !self.steps(stage).any(|step| matches!(step.what, What::Run { .. })) => {
                Origin::Image(self.all[stage].image.clone(), path.to_owned())
            }
            None => Origin::Built(stage, path.to_owned()),
        }
    }

    /// Returns what the COPYs of a stage put where.
    fn mappings(&self, stage: usize) -> Vec<Mapping> {
        let mut scope = Scope::of(&self.all[stage].image.plain());
        let (mut folder, mut found) = ("/".to_owned(), Vec::new());
        for step in self.steps(stage) {
            match &step.what {
                What::Arg(text) => declare(&mut scope, text, self.escape, &self.global),
                What::Env(text) => self.environment(&mut scope, text),
                What::Workdir(text) => folder = joined(&folder, &self.word(&mut scope, text)),
                What::Copy(copy) => self.map(copy, &folder, &mut scope, &mut found),
                _ => {}
            }
        }
        found
    }

    fn environment(&self, scope: &mut Scope, text: &str) {
        let pairs = Reader { scope, escape: self.escape, spot: Spot::Elsewhere }.pairs(text);
        pairs.into_iter().for_each(|(name, value)| scope.set_env(&name, value));
    }

    fn word(&self, scope: &mut Scope, text: &str) -> String {
        Reader { scope, escape: self.escape, spot: Spot::Elsewhere }.word(text).plain()
    }

    fn map(&self, copy: &Copy, folder: &str, scope: &mut Scope, found: &mut Vec<Mapping>) {
        let to_text = self.word(scope, &copy.to);
        let to = joined(folder, &to_text);
        let into = to_text.ends_with('/') || to_text.ends_with('.') || copy.sources.len() > 1;
        let from = copy.flag("from").map(|name| self.source(&Text::literal(&self.word(scope, name))));
        for source in &copy.sources {
            let Source::Path(source) = source else { continue };
            let path = joined("/", &self.word(scope, source));
            let last = path.rsplit('/').next().unwrap_or_default().to_owned();
            let is_folder = path == "/" || !last.contains('.') || source.ends_with('/');
            let to = if is_folder || !into { to.clone() } else { joined(&to, &last) };
            let from = match &from {
                None => Taken::Project(path.trim_start_matches('/').to_owned()),
                Some(from) => Taken::Other(from.clone(), path),
            };
            found.push(Mapping { to, from, is_folder });
        }
    }
}

/// Returns the folder of a stage that stands for the project, if a COPY implies one: `COPY src /app/src`.
fn implied_root(mapping: &Mapping) -> Option<String> {
    let Taken::Project(from) = &mapping.from else { return None };
    let root = mapping.to.strip_suffix(from.as_str())?.strip_suffix('/')?;
    Some(if root.is_empty() { "/".to_owned() } else { root.to_owned() }).filter(|root| root != "/" && !from.is_empty())
}

fn child(folder: &str, rest: &str) -> String {
    match (folder.is_empty(), rest.is_empty()) {
        (true, _) => rest.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{folder}/{rest}"),
    }
}

/// Returns the stages that `--mount=from=...` names.
fn mounted(flags: &[(String, Option<String>)]) -> Vec<String> {
    let mounts = flags.iter().filter(|(name, _)| name == "mount").filter_map(|(_, value)| value.as_deref());
    mounts.flat_map(|mount| mount.split(',')).filter_map(|part| part.strip_prefix("from=")).map(str::to_owned).collect()
}

/// Reads an ARG into a scope.
pub(super) fn declare(scope: &mut Scope, text: &str, escape: char, global: &BTreeMap<String, Text>) {
    for word in super::words::split(text, escape) {
        let (name, default) = match word.split_once('=') {
            Some((name, default)) => {
                let value = Reader { scope, escape, spot: Spot::Elsewhere }.word(default);
                (name.to_owned(), Some(value))
            }
            None => (word, None),
        };
        scope.argument(&name, default.as_ref(), global.get(&name));
    }
}

/// Returns the name of an image with its registry: what Docker leaves out is Docker Hub.
pub(super) fn qualified(image: &Text) -> Text {
    let plain = image.plain();
    if plain == "scratch" || plain.is_empty() {
        return image.clone();
    }
    let first = plain.split('/').next().unwrap_or_default();
    let prefix = match plain.contains('/') {
        true if first.contains(['.', ':']) || first == "localhost" => return image.clone(),
        true => "docker.io/",
        false => "docker.io/library/",
    };
    // A variable that is the whole image may also name one of another registry.
    if let Some(name) = image.only_variable() {
        return Text::variable(&name, &format!("{prefix}{plain}"));
    }
    let mut whole = Text::literal(prefix);
    whole.push(image);
    whole
}

/// Returns what a stage runs, each command on one line.
pub(super) fn runs(stage: &Stage) -> Vec<String> {
    let run = |step: &Step| match &step.what {
        What::Run { command, here_docs, .. } => Some(match command {
            Command::Shell(text) if text.is_empty() => here_docs
                .iter()
                .flat_map(|document| document.text.lines())
                .map(str::trim)
                .collect::<Vec<_>>()
                .join("; "),
            Command::Shell(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Command::Exec(words) => words.join(" "),
        }),
        _ => None,
    };
    stage.steps.iter().filter_map(run).collect()
}
