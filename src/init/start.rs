//! The documents that a project begins with, and what to tell about them.

use std::collections::BTreeSet;

use super::draft::{Draft, LayerDraft};
use super::kind::{self, Kind};
use super::kinds::{self, Outline};
use super::listing::Project;
use super::service::LiveService;
use super::text::{Text, joined, repository_name};
use super::{CiStage, Finding, InitError, dockerfile, ignore, proof, render};
use crate::spec::{SCHEMA_FILE, build_file_schema};
use crate::tree::{Sources, TreeError};

/// What is known besides the project's files. The default decides everything by them.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The repository that the image goes to.
    pub name: Option<String>,
    /// The base, instead of the one that the kind or the Dockerfile says.
    pub base: Option<String>,
    /// The tags, instead of the commit and `latest`.
    pub tags: Vec<String>,
    /// The platforms, instead of `linux/amd64`.
    pub platforms: Vec<String>,
    /// The kind, instead of the one that is recognised.
    pub kind: Option<Kind>,
    /// The service that the image is deployed to.
    pub service: Option<LiveService>,
    /// The name of the build file; `build.yaml` where it is empty.
    pub build_file: String,
    /// The stage of the Dockerfile that becomes the image, instead of the last.
    pub target: Option<String>,
}

impl Options {
    /// Whether the first platform is one of arm64.
    fn is_arm(&self) -> bool {
        match self.platforms.first() {
            Some(platform) => platform.starts_with("linux/arm64"),
            None => self.service.as_ref().and_then(|service| service.architecture.as_deref()) == Some("ARM64"),
        }
    }

    fn build_file(&self) -> String {
        if self.build_file.is_empty() { "build.yaml".to_owned() } else { self.build_file.clone() }
    }
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its path, relative to the project.
    pub path: String,
    /// What it says.
    pub text: String,
    /// What becomes of one that is there already.
    pub standing: Standing,
}

/// What a document is to its reader, and so what becomes of one that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What was asked for: one that is there is in the way, unless it is to be written anew.
    Asked,
    /// Made by a table: one that is there stays, unless all is to be written anew.
    Made,
    /// A proposal: one that is there was written by hand, and stays in any case.
    Proposed,
}

/// A first build file, what stands beside it, and what its reader should know.
#[derive(Clone, Debug)]
pub struct Start {
    /// What the project is.
    pub kind: Kind,
    /// The file that says so.
    pub because: String,
    /// What else it may be.
    pub also: Vec<Kind>,
    /// The build file first.
    pub documents: Vec<Document>,
    /// Commands that make what the layers take, in order.
    pub steps: Vec<String>,
    /// What a reader should know before trusting it.
    pub notes: Vec<String>,
    /// Instructions of a Dockerfile that became something else than a line of the build file, by line.
    pub findings: Vec<Finding>,
    /// Stages of a Dockerfile that only compile.
    pub ci: Vec<CiStage>,
}

/// Returns the kinds that a project may be of, the likeliest first.
///
/// # Errors
/// When the project cannot be looked at.
pub fn kinds(sources: &dyn Sources) -> Result<Vec<Kind>, InitError> {
    let found = kind::recognised(&Project::new(sources, ""))?;
    Ok(found.into_iter().map(|(kind, _)| kind).collect())
}

/// Returns the repository that stands for one where nobody said which.
///
/// ```
/// assert_eq!(dockless::init::default_name("My Shop"), "registry.example.com/my-shop");
/// ```
pub fn default_name(folder_name: &str) -> String {
    format!("registry.example.com/{}", repository_name(folder_name))
}

/// Makes the documents of a project by its files.
///
/// # Errors
/// When the project cannot be looked at.
///
/// ```
/// use dockless::init::{self, Kind, Options};
/// let mut project = dockless::tree::MemorySources::new();
/// project.text("go.mod", "module example.com/shop\n").text("main.go", "package main\n");
/// let start = init::of_project(&project, "shop", &Options::default()).expect("a project in memory");
/// assert_eq!(start.kind, Kind::Go);
/// assert!(start.documents[0].text.contains("from: build/shop"));
/// ```
pub fn of_project(sources: &dyn Sources, folder_name: &str, options: &Options) -> Result<Start, InitError> {
    let project = Project::new(sources, folder_name).on_arm(options.is_arm());
    let found = kind::recognised(&project)?;
    let (kind, because) = chosen(&found, options.kind);
    let Outline { draft, ignored, steps, mut notes } = kinds::outline(&project, kind)?;
    if let Some(name) = another_dockerfile(&project)? {
        notes.push(format!(
            "there is a `{name}`: `dockless init --from-dockerfile {name} --force` takes it over instead"
        ));
    }
    let mut draft = completed(draft, folder_name, options, &opening(kind, &steps));
    proof::prove(&mut draft, &mut notes);
    let documents = vec![build_file(&draft, options), ignore_file(&ignored), schema_file(options)];
    let also = found.iter().map(|(other, _)| *other).filter(|other| *other != kind).collect();
    Ok(Start { kind, because, also, documents, steps, notes, findings: Vec::new(), ci: Vec::new() })
}

/// Makes the documents of a project by its Dockerfile, which is called `file` in messages.
///
/// # Errors
/// When the Dockerfile is none, or the project cannot be looked at.
pub fn of_dockerfile(
    sources: &dyn Sources,
    folder_name: &str,
    file: &str,
    text: &str,
    options: &Options,
) -> Result<Start, InitError> {
    let project = Project::new(sources, folder_name).on_arm(options.is_arm());
    let found = kind::recognised(&project)?;
    let (kind, because) = chosen(&found, options.kind);
    let base_name = format!("{}-base:latest", options.name.clone().unwrap_or_else(|| default_name(folder_name)));
    let imported = dockerfile::import(&project, file, text, options.target.as_deref(), &base_name)?;
    let mut about = vec![format!("Made by `dockless init --from-dockerfile {file}`.")];
    if !imported.ci.is_empty() {
        about.push("What its other stages compile, CI makes before `dockless ship`:".to_owned());
    }
    for stage in &imported.ci {
        about.push(format!("  stage `{}` (line {}), in {}:", stage.name, stage.line, stage.image));
        about.extend(stage.commands.iter().map(|command| format!("    {command}")));
    }
    let mut draft = completed(imported.draft, folder_name, options, &about);
    let mut notes = imported.notes;
    proof::prove(&mut draft, &mut notes);
    let mut documents = vec![build_file(&draft, options)];
    documents.extend(imported.base.map(|text| Document {
        path: "Dockerfile.base".to_owned(),
        text,
        standing: Standing::Asked,
    }));
    documents.push(ignore_file(&kinds::outline(&project, kind)?.ignored));
    documents.push(schema_file(options));
    let (steps, findings, ci) = (imported.steps, imported.findings, imported.ci);
    Ok(Start { kind, because, also: Vec::new(), documents, steps, notes, findings, ci })
}

fn chosen(found: &[(Kind, String)], wanted: Option<Kind>) -> (Kind, String) {
    let first = match wanted {
        None => found.first().cloned(),
        Some(wanted) => found.iter().find(|(kind, _)| *kind == wanted).cloned(),
    };
    first.unwrap_or((wanted.unwrap_or(Kind::Other), String::new()))
}

fn another_dockerfile(project: &Project<'_>) -> Result<Option<&'static str>, TreeError> {
    project.first_of(&["Dockerfile", "docker/Dockerfile", "Containerfile"])
}

fn opening(kind: Kind, steps: &[String]) -> Vec<String> {
    let mut about = vec![format!("The image of {}, made by `dockless init`.", kind.title())];
    if !steps.is_empty() {
        about.push("Before `dockless ship`, on your machine or in CI:".to_owned());
        about.extend(steps.iter().map(|step| format!("  {step}")));
    }
    about
}

/// Fills what does not depend on the kind.
fn completed(mut draft: Draft, folder_name: &str, options: &Options, about: &[String]) -> Draft {
    draft.about =
        about.iter().map(|line| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()).collect();
    named_apart(&mut draft.layers);
    draft.name = options.name.clone().unwrap_or_else(|| default_name(folder_name));
    draft.name_is_made_up = options.name.is_none();
    draft.tags = match options.tags.is_empty() {
        true => vec!["${git.commit:-dev}".to_owned(), "latest".to_owned()],
        false => options.tags.clone(),
    };
    if let Some(base) = &options.base {
        draft.base = Text::literal(base);
        draft.base_comment.clear();
    }
    if draft.platforms.is_empty() {
        draft.platforms = vec!["linux/amd64".to_owned()];
    }
    if let Some(service) = &options.service {
        service.lay_over(&mut draft);
    }
    if !options.platforms.is_empty() {
        draft.platforms.clone_from(&options.platforms);
    }
    draft
}

/// Gives layers that would have the name of another one a name of their own: by default it is what they take.
fn named_apart(layers: &mut [LayerDraft]) {
    let mut taken = BTreeSet::new();
    for layer in layers {
        let own = match (&layer.from, layer.name.is_empty()) {
            (Some(from), true) => joined("/", &from.plain()),
            _ => layer.name.clone(),
        };
        let bare = own.trim_start_matches('/').to_owned();
        let bare = if bare.is_empty() { ".".to_owned() } else { bare };
        if taken.insert(bare.clone()) {
            continue;
        }
        let numbered = (2..).map(|number| format!("{bare} ({number})"));
        let free = numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or(bare);
        taken.insert(free.clone());
        layer.name = free;
    }
}

fn build_file(draft: &Draft, options: &Options) -> Document {
    Document { path: options.build_file(), text: render::render(draft), standing: Standing::Asked }
}

fn ignore_file(further: &[&str]) -> Document {
    let text = ignore::document(further);
    Document { path: ".dockerignore".to_owned(), text, standing: Standing::Proposed }
}

/// Makes the schema that the first line of the build file names: beside it, so that editors find it with no network.
fn schema_file(options: &Options) -> Document {
    let build_file = options.build_file();
    let path = match build_file.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{SCHEMA_FILE}"),
        None => SCHEMA_FILE.to_owned(),
    };
    // With `#`, it is pretty, and it is what `dockless schema` prints.
    let text = format!("{:#}\n", build_file_schema());
    Document { path, text, standing: Standing::Made }
}
