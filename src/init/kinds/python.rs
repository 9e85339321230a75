//! Python: packages installed into a folder of their own, which PYTHONPATH names, below the code.
//!
//! Not a virtual environment: its programs name its absolute path and its interpreter is a link to the one that made
//! it, so that it works only in an image that has both at the same place.

use super::Outline;
use super::python_start::{self, Start};
use crate::init::draft::{LayerDraft, words};
use crate::init::listing::Project;
use crate::init::manifest::{toml, toml_text, version};
use crate::init::text::Text;
use crate::tree::TreeError;

const ROOT: &str = "/app";
/// Where packages lie in the project, and in the image.
const PACKAGES: &str = "build/python";
const PACKAGES_IN_IMAGE: &str = "/opt/python";
/// The version where the project does not say.
const PYTHON: &str = "3.13";
/// The files that programs begin with.
pub(super) const PYTHON_FILES: [&str; 8] =
    ["main.py", "app.py", "wsgi.py", "asgi.py", "server.py", "api.py", "run.py", "application.py"];
const IGNORED: [&str; 9] = [
    "**/__pycache__",
    "**/*.pyc",
    ".venv",
    "venv",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    "tests",
    "*.egg-info",
];

pub(super) fn python(project: &Project<'_>) -> Result<Outline, TreeError> {
    let manifest = toml(project, "pyproject.toml")?;
    let python = python_version(project, &manifest)?;
    let mut outline = Outline { steps: steps(project, &manifest, &python)?, ..Outline::default() };
    let src = project.has_folder("src")? && !project.has("src/__init__.py")?;
    let draft = &mut outline.draft;
    draft.base = Text::literal(&format!("docker.io/library/python:{python}-slim"));
    if !outline.steps.is_empty() {
        let packages = LayerDraft::of(PACKAGES).to(PACKAGES_IN_IMAGE).split();
        draft.layers.push(packages.saying("the packages, see above").excluding(&["**/__pycache__", ".lock"]));
    }
    draft.layers.push(LayerDraft::of(".").saying("the code").excluding(&["build"]));
    let config = &mut draft.config;
    config.working_dir = Some(Text::literal(ROOT));
    config.user = Some(Text::literal("65534:65534"));
    // The code counts before a copy of it that was installed among the packages.
    let path = if src { format!("{ROOT}/src:{PACKAGES_IN_IMAGE}") } else { PACKAGES_IN_IMAGE.to_owned() };
    config.set_env("PYTHONPATH", Text::literal(&path));
    config.set_env("PYTHONUNBUFFERED", Text::literal("1"));
    config.set_env("PYTHONDONTWRITEBYTECODE", Text::literal("1"));
    let installed = installed(project, &manifest)?;
    let depends = |name: &str| installed.iter().any(|dependency| dependency == name);
    let Start { command, note, serves } = python_start::start(project, &manifest, &depends)?;
    if serves {
        config.ports = words(&["8000"]);
    }
    config.cmd = Some(command.iter().map(|word| Text::literal(word)).collect());
    outline.notes.extend(note);
    if outline.steps.iter().any(|step| step.contains("poetry export")) {
        let note = "`poetry export` comes with a plugin: `pip install poetry-plugin-export`";
        outline.notes.push(note.to_owned());
    }
    outline.ignored.extend(IGNORED);
    Ok(outline)
}

fn python_version(project: &Project<'_>, manifest: &toml::Table) -> Result<String, TreeError> {
    if let Some(found) = version(&project.text(".python-version")?, 2) {
        return Ok(found);
    }
    let asked = toml_text(manifest, &["project", "requires-python"])
        .or_else(|| toml_text(manifest, &["tool", "poetry", "dependencies", "python"]));
    let supported = |version: &String| {
        version.strip_prefix("3.").is_some_and(|minor| minor.parse().is_ok_and(|minor: u32| minor >= 10))
    };
    Ok(asked.and_then(|range| version(range, 2)).filter(supported).unwrap_or_else(|| PYTHON.to_owned()))
}

/// Returns what installs the packages, for the Python and the platform of the image and not of this machine.
fn steps(project: &Project<'_>, manifest: &toml::Table, python: &str) -> Result<Vec<String>, TreeError> {
    let uv = project.has("uv.lock")? || toml_text(manifest, &["tool", "uv", "package"]).is_some();
    let poetry = project.has("poetry.lock")? || manifest.get("tool").is_some_and(|tool| tool.get("poetry").is_some());
    let requirements = project.has("requirements.txt")?;
    let machine = if project.is_arm { "aarch64" } else { "x86_64" };
    // What was installed before and is needed no more must not stay.
    let install = |from: &str| {
        format!(
            "rm -rf {PACKAGES} && python3 -m pip install --target {PACKAGES} --python-version {python} \
             --platform manylinux2014_{machine} --only-binary=:all: {from}"
        )
    };
    let made = "build/requirements.txt";
    let of_made = format!("-r {made}");
    if dependencies(project, manifest)?.is_empty() {
        return Ok(Vec::new());
    }
    Ok(if uv {
        vec![
            format!("uv export --frozen --no-dev --no-emit-project --output-file {made}"),
            format!(
                "rm -rf {PACKAGES} && uv pip install --target {PACKAGES} --python-version {python} \
                 --python-platform {machine}-unknown-linux-gnu -r {made}"
            ),
        ]
    } else if poetry {
        vec![format!("mkdir -p build && poetry export --without-hashes --output {made}"), install(&of_made)]
    } else if requirements {
        vec![install("-r requirements.txt")]
    } else if manifest.get("project").is_some_and(|project| project.get("dependencies").is_some()) {
        vec![install(".")]
    } else if project.has("Pipfile.lock")? {
        vec![format!("mkdir -p build && pipenv requirements > {made}"), install(&of_made)]
    } else {
        Vec::new()
    })
}

/// Returns the names of what the project depends on, in lower case, without versions and extras.
fn dependencies(project: &Project<'_>, manifest: &toml::Table) -> Result<Vec<String>, TreeError> {
    let mut found: Vec<String> = project.text("requirements.txt")?.lines().map(str::to_owned).collect();
    let listed =
        manifest.get("project").and_then(|project| project.get("dependencies")).and_then(toml::Value::as_array);
    found.extend(listed.into_iter().flatten().filter_map(|entry| entry.as_str()).map(str::to_owned));
    let poetry = manifest.get("tool").and_then(|tool| tool.get("poetry")).and_then(|poetry| poetry.get("dependencies"));
    let named = poetry.and_then(toml::Value::as_table).into_iter().flat_map(|table| table.keys().cloned());
    found.extend(named.filter(|name| name != "python"));
    let pipfile = toml(project, "Pipfile")?;
    let packages = pipfile.get("packages").and_then(toml::Value::as_table);
    found.extend(packages.into_iter().flat_map(|table| table.keys().cloned()));
    let bare = |line: &String| -> String {
        line.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
    };
    let is_package = |line: &&String| !line.trim_start().starts_with('#');
    Ok(found
        .iter()
        .filter(is_package)
        .map(|line| bare(line).to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect())
}

/// Returns the names of what will be installed: what the project depends on, and what its lock file has besides.
fn installed(project: &Project<'_>, manifest: &toml::Table) -> Result<Vec<String>, TreeError> {
    let mut found = dependencies(project, manifest)?;
    for lock in ["uv.lock", "poetry.lock"] {
        let text = project.text(lock)?;
        let name = |line: &str| line.strip_prefix("name = \"")?.strip_suffix('"').map(str::to_owned);
        found.extend(text.lines().filter_map(name));
    }
    Ok(found)
}
