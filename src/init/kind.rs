//! The kinds of project that are recognised, and by which files.

use std::fmt;
use std::str::FromStr;

use super::listing::Project;
use super::manifest::{Package, composer_requires};
use crate::ground::did_you_mean;
use crate::tree::TreeError;

/// A kind of project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// PHP with the Laravel framework: `artisan`.
    Laravel,
    /// Any other PHP: `composer.json` or `index.php`.
    Php,
    /// Ruby: `Gemfile`.
    Ruby,
    /// Python: `pyproject.toml`, `requirements.txt`, `uv.lock`, `poetry.lock`, `Pipfile` or `setup.py`.
    Python,
    /// Go: `go.mod`.
    Go,
    /// Rust: `Cargo.toml`.
    Rust,
    /// Java: `pom.xml`, `build.gradle` or a jar.
    Java,
    /// Next.js: `package.json` that depends on `next`.
    Next,
    /// NestJS: `package.json` that depends on `@nestjs/core`.
    Nest,
    /// Any other Node program: `package.json`.
    Node,
    /// Files for a web server: `index.html`, or a `package.json` that only builds them.
    Static,
    /// Nothing of the above.
    Other,
}

/// Every kind, in the order in which projects are asked for them: a project of PHP or Python often has a `package.json`
/// for its assets, and hardly ever the reverse.
const ORDER: [Kind; 11] = [
    Kind::Laravel,
    Kind::Ruby,
    Kind::Python,
    Kind::Go,
    Kind::Rust,
    Kind::Java,
    Kind::Next,
    Kind::Nest,
    Kind::Php,
    Kind::Static,
    Kind::Node,
];

impl Kind {
    /// Returns every kind that `--kind` takes.
    pub fn all() -> Vec<Self> {
        let mut all = ORDER.to_vec();
        all.push(Self::Other);
        all.sort_unstable();
        all
    }

    /// Returns the word that `--kind` takes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Laravel => "laravel",
            Self::Php => "php",
            Self::Ruby => "ruby",
            Self::Python => "python",
            Self::Go => "go",
            Self::Rust => "rust",
            Self::Java => "java",
            Self::Next => "next",
            Self::Nest => "nest",
            Self::Node => "node",
            Self::Static => "static",
            Self::Other => "other",
        }
    }

    /// Returns what the project is, in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Laravel => "a Laravel project",
            Self::Php => "a PHP project",
            Self::Ruby => "a Ruby project",
            Self::Python => "a Python project",
            Self::Go => "a Go program",
            Self::Rust => "a Rust program",
            Self::Java => "a Java program",
            Self::Next => "a Next.js project",
            Self::Nest => "a NestJS project",
            Self::Node => "a Node program",
            Self::Static => "a static site",
            Self::Other => "a folder of files",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no kind of project; {}", match near { Some(near) => format!("did you mean `{near}`?"), None => format!("there are {}", known()) })]
pub struct NoKind {
    word: String,
    near: Option<&'static str>,
}

fn known() -> String {
    Kind::all().iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Kind {
    type Err = NoKind;

    fn from_str(word: &str) -> Result<Self, NoKind> {
        let found = Self::all().into_iter().find(|kind| kind.as_str() == word);
        let near = || did_you_mean(word, Self::all().iter().map(|kind| kind.as_str()));
        found.ok_or_else(|| NoKind { word: word.to_owned(), near: near() })
    }
}

/// Returns the kinds that a project may be of, the likeliest first, each with the file that says so.
pub(super) fn recognised(project: &Project<'_>) -> Result<Vec<(Kind, String)>, TreeError> {
    let mut found = Vec::new();
    for kind in ORDER {
        if let Some(because) = because(project, kind)? {
            found.push((kind, because));
        }
    }
    // What is one of the more special kinds is of the general ones too.
    let special = |kinds: &[Kind]| found.iter().any(|(kind, _)| kinds.contains(kind));
    let node = special(&[Kind::Next, Kind::Nest, Kind::Static]);
    let php = special(&[Kind::Laravel]);
    found.retain(|(kind, _)| !(*kind == Kind::Node && node || *kind == Kind::Php && php));
    Ok(found)
}

fn because(project: &Project<'_>, kind: Kind) -> Result<Option<String>, TreeError> {
    let first = |names: &[&str]| Ok(project.first_of(names)?.map(str::to_owned));
    match kind {
        Kind::Laravel if project.has("artisan")? && composer_requires(project, "laravel/")? => first(&["artisan"]),
        Kind::Laravel if project.has("artisan")? && project.has_folder("bootstrap")? => first(&["artisan"]),
        Kind::Laravel | Kind::Other => Ok(None),
        Kind::Php => first(&["composer.json", "index.php", "public/index.php"]),
        Kind::Ruby => first(&["Gemfile"]),
        Kind::Python => {
            first(&["uv.lock", "poetry.lock", "pyproject.toml", "requirements.txt", "Pipfile", "setup.py", "manage.py"])
        }
        Kind::Go => first(&["go.mod"]),
        Kind::Rust => first(&["Cargo.toml"]),
        Kind::Java => java(project),
        Kind::Next => package(project, |package| package.depends_on("next")),
        Kind::Nest => package(project, |package| package.depends_on("@nestjs/core")),
        Kind::Node => first(&["package.json"]),
        Kind::Static => site(project),
    }
}

fn package(project: &Project<'_>, is: impl FnOnce(&Package) -> bool) -> Result<Option<String>, TreeError> {
    let package = Package::read(project)?;
    Ok(package.filter(is).map(|_| "package.json".to_owned()))
}

fn java(project: &Project<'_>) -> Result<Option<String>, TreeError> {
    let builds = ["pom.xml", "build.gradle", "build.gradle.kts"];
    if let Some(name) = project.first_of(&builds)? {
        return Ok(Some(name.to_owned()));
    }
    for folder in ["", "target", "build/libs"] {
        if let Some(name) = project.names(folder)?.into_iter().find(|name| name.ends_with(".jar")) {
            return Ok(Some(if folder.is_empty() { name } else { format!("{folder}/{name}") }));
        }
    }
    Ok(None)
}

/// The tools whose result is a folder of files, by the package that says so.
pub(super) const SITE_TOOLS: [&str; 10] = [
    "vite",
    "react-scripts",
    "astro",
    "@angular/cli",
    "@vue/cli-service",
    "gatsby",
    "@11ty/eleventy",
    "parcel",
    "@docusaurus/core",
    "vitepress",
];

/// The folders that such tools write, and those of people who write by hand.
pub(super) const SITE_FOLDERS: [&str; 7] = ["dist", "build", "public", "_site", "out", "site", "www"];

fn site(project: &Project<'_>) -> Result<Option<String>, TreeError> {
    if let Some(package) = Package::read(project)? {
        // A start script that is no preview of the tool is a program of the project.
        let tool = SITE_TOOLS.iter().find(|tool| package.depends_on(tool));
        let serves = package.runs_a_server();
        return Ok(tool.filter(|_| !serves).map(|tool| format!("package.json, which has {tool} and starts no server")));
    }
    let mut pages = vec!["index.html".to_owned()];
    pages.extend(SITE_FOLDERS.iter().map(|folder| format!("{folder}/index.html")));
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    Ok(project.first_of(&pages)?.map(str::to_owned))
}
