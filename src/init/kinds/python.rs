//! Python: packages installed into a folder of their own, which PYTHONPATH names, below the code.
//!
//! Not a virtual environment: its programs name its absolute path and its interpreter is a link to the one that made
//! it, so that it works only in an image that has both at the same place.

use super::Outline;
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
        draft.layers.push(packages.saying("the packages, see above").excluding(&["**/__pycache__"]));
    }
    draft.layers.push(LayerDraft::of(".").saying("the code").excluding(&["build"]));
    let config = &mut draft.config;
    config.working_dir = Some(Text::literal(ROOT));
    config.user = Some(Text::literal("65534:65534"));
    let path = if src { format!("{PACKAGES_IN_IMAGE}:{ROOT}/src") } else { PACKAGES_IN_IMAGE.to_owned() };
    config.set_env("PYTHONPATH", Text::literal(&path));
    config.set_env("PYTHONUNBUFFERED", Text::literal("1"));
    config.set_env("PYTHONDONTWRITEBYTECODE", Text::literal("1"));
    let start = start(project, &manifest)?;
    if start.len() > 2 {
        config.ports = words(&["8000"]);
    }
    config.cmd = Some(start.iter().map(|word| Text::literal(word)).collect());
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
    let install = |from: &str| {
        format!(
            "python3 -m pip install --target {PACKAGES} --python-version {python} --platform manylinux2014_x86_64 \
             --only-binary=:all: -r {from}"
        )
    };
    let made = "build/requirements.txt";
    Ok(if uv {
        vec![
            format!("uv export --frozen --no-dev --no-emit-project --output-file {made}"),
            format!(
                "uv pip install --target {PACKAGES} --python-version {python} --python-platform x86_64-unknown-linux-gnu \
                 -r {made}"
            ),
        ]
    } else if poetry {
        vec![format!("mkdir -p build && poetry export --without-hashes --output {made}"), install(made)]
    } else if requirements {
        vec![install("requirements.txt")]
    } else if manifest.get("project").is_some_and(|project| project.get("dependencies").is_some()) {
        vec![format!("python3 -m pip install --target {PACKAGES} .")]
    } else if project.has("Pipfile.lock")? {
        vec![format!("mkdir -p build && pipenv requirements > {made}"), install(made)]
    } else {
        Vec::new()
    })
}

/// Returns how the program starts, by what it is made with.
fn start(project: &Project<'_>, manifest: &toml::Table) -> Result<Vec<String>, TreeError> {
    let dependencies = dependencies(project, manifest)?;
    let uses = |name: &str| dependencies.iter().any(|dependency| dependency == name);
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    if project.has("manage.py")? {
        let package = django_package(project)?;
        return Ok(owned(&[
            "python",
            "-m",
            "gunicorn",
            "--bind",
            "0.0.0.0:8000",
            &format!("{package}.wsgi:application"),
        ]));
    }
    let file =
        project.first_of(&["main.py", "app.py", "app/main.py", "src/main.py", "src/app.py", "wsgi.py", "run.py"])?;
    let module = |file: &str| file.trim_start_matches("src/").trim_end_matches(".py").replace('/', ".");
    let app = format!("{}:app", module(file.unwrap_or("main.py")));
    Ok(if uses("fastapi") || uses("starlette") || uses("uvicorn") {
        owned(&["python", "-m", "uvicorn", "--host", "0.0.0.0", "--port", "8000", &app])
    } else if uses("flask") || uses("gunicorn") {
        owned(&["python", "-m", "gunicorn", "--bind", "0.0.0.0:8000", &app])
    } else {
        owned(&["python", file.unwrap_or("main.py")])
    })
}

/// Returns the package of a Django project: the folder with its `wsgi.py`.
fn django_package(project: &Project<'_>) -> Result<String, TreeError> {
    for name in project.names("")? {
        if project.has(&format!("{name}/wsgi.py"))? {
            return Ok(name);
        }
    }
    Ok("config".to_owned())
}

/// Returns the names of what the project depends on, in lower case, without versions and extras.
fn dependencies(project: &Project<'_>, manifest: &toml::Table) -> Result<Vec<String>, TreeError> {
    let mut found: Vec<String> = project.text("requirements.txt")?.lines().map(str::to_owned).collect();
    let listed =
        manifest.get("project").and_then(|project| project.get("dependencies")).and_then(toml::Value::as_array);
    found.extend(listed.into_iter().flatten().filter_map(|entry| entry.as_str()).map(str::to_owned));
    let poetry = manifest.get("tool").and_then(|tool| tool.get("poetry")).and_then(|poetry| poetry.get("dependencies"));
    found.extend(poetry.and_then(toml::Value::as_table).into_iter().flat_map(|table| table.keys().cloned()));
    let bare = |line: &String| -> String {
        line.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
    };
    Ok(found.iter().map(|line| bare(line).to_ascii_lowercase()).filter(|name| !name.is_empty()).collect())
}
