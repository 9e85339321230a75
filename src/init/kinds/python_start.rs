//! How a Python project starts: the web application that its files make, the script that it declares, or a file.

use super::python::PYTHON_FILES;
use crate::init::listing::Project;
use crate::init::manifest::toml_text;
use crate::tree::TreeError;

/// Frameworks by the name that makes an application, and whether it speaks ASGI.
const FRAMEWORKS: [(&str, bool); 7] = [
    ("FastAPI", true),
    ("Starlette", true),
    ("Litestar", true),
    ("Quart", true),
    ("Sanic", true),
    ("Flask", false),
    ("Bottle", false),
];

/// How the program starts, and what its reader should know of that.
pub(super) struct Start {
    pub(super) command: Vec<String>,
    pub(super) note: Option<String>,
    /// Whether it answers on port 8000.
    pub(super) serves: bool,
}

/// Finds how the project starts. `depends` says whether a package is installed.
pub(super) fn start(
    project: &Project<'_>,
    manifest: &toml::Table,
    depends: &dyn Fn(&str) -> bool,
) -> Result<Start, TreeError> {
    if project.has("manage.py")? {
        return django(project, depends);
    }
    let files = files(project, manifest)?;
    for file in &files {
        if let Some((application, is_asgi)) = application(&project.text(file)?) {
            return Ok(served(&format!("{}:{application}", module(file)), is_asgi, depends));
        }
    }
    if let Some((module, function)) = script(manifest) {
        let line = format!("import sys; from {module} import {function}; sys.exit({function}())");
        return Ok(Start { command: owned(&["python", "-c", &line]), note: None, serves: false });
    }
    let guessed = [("fastapi", true), ("starlette", true), ("uvicorn", true), ("flask", false), ("gunicorn", false)];
    let guessed = guessed.into_iter().find(|(package, _)| depends(package)).map(|(_, is_asgi)| is_asgi);
    if let (Some(file), Some(is_asgi)) = (files.first(), guessed) {
        return Ok(served(&format!("{}:app", module(file)), is_asgi, depends));
    }
    let main = files.iter().find(|file| file.ends_with("/__main__.py"));
    if let Some(main) = main {
        let package = module(main.trim_end_matches("/__main__.py"));
        return Ok(Start { command: owned(&["python", "-m", &package]), note: None, serves: false });
    }
    let unknown = "no file says what the container starts: correct `config.cmd`".to_owned();
    let note = files.is_empty().then_some(unknown);
    let file = files.first().map_or("main.py", String::as_str);
    Ok(Start { command: owned(&["python", file]), note, serves: false })
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Returns the files that a program may begin with, the likeliest first.
fn files(project: &Project<'_>, manifest: &toml::Table) -> Result<Vec<String>, TreeError> {
    let name = toml_text(manifest, &["project", "name"]).or_else(|| toml_text(manifest, &["tool", "poetry", "name"]));
    let package = name.unwrap_or(project.folder_name).replace(['-', '.'], "_").to_ascii_lowercase();
    let mut candidates: Vec<String> = Vec::new();
    for folder in ["", "app/", "src/", "src/app/"] {
        candidates.extend(PYTHON_FILES.iter().map(|file| format!("{folder}{file}")));
    }
    if is_identifier(&package) {
        for folder in [format!("{package}/"), format!("src/{package}/")] {
            candidates.extend(PYTHON_FILES.iter().map(|file| format!("{folder}{file}")));
            candidates.extend(["__init__.py", "__main__.py"].iter().map(|file| format!("{folder}{file}")));
        }
    }
    let mut found = Vec::new();
    for file in candidates {
        if project.has(&file)? {
            found.push(file);
        }
    }
    // What is a package alone starts as one, not as a file.
    Ok(found)
}

/// Returns the module of a file: folders are packages, and `src` is on the path.
fn module(file: &str) -> String {
    let file = file.strip_prefix("src/").unwrap_or(file);
    let file = file.strip_suffix(".py").unwrap_or(file);
    file.strip_suffix("/__init__").unwrap_or(file).replace('/', ".")
}

/// Returns the variable or the factory of an application that a file makes, and whether it speaks ASGI.
fn application(text: &str) -> Option<(String, bool)> {
    let of_line = |line: &str| {
        let (name, made) = line.split_once('=')?;
        let name = name.split(':').next().unwrap_or(name).trim_end();
        let made = made.trim_start();
        let called = made.split('(').next().filter(|called| called.len() < made.len())?;
        let class = called.trim().rsplit('.').next()?;
        let (_, is_asgi) = FRAMEWORKS.iter().find(|(framework, _)| *framework == class)?;
        is_identifier(name).then(|| (name.to_owned(), *is_asgi))
    };
    // What is indented belongs to a function, which no server can name.
    if let Some(found) = text.lines().filter(|line| !line.starts_with([' ', '\t'])).find_map(of_line) {
        return Some(found);
    }
    let factory = ["create_app", "make_app"].into_iter().find(|name| text.contains(&format!("\ndef {name}()")))?;
    let is_asgi = FRAMEWORKS.iter().any(|(framework, is_asgi)| *is_asgi && text.contains(&format!("{framework}(")));
    Some((format!("{factory}()"), is_asgi))
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Returns the command of the server that an application needs.
fn served(application: &str, is_asgi: bool, depends: &dyn Fn(&str) -> bool) -> Start {
    let server = if is_asgi { "uvicorn" } else { "gunicorn" };
    let factory = application.strip_suffix("()");
    let command = if !depends(server) && !is_asgi && depends("flask") {
        owned(&["python", "-m", "flask", "--app", application, "run", "--host", "0.0.0.0", "--port", "8000"])
    } else if is_asgi {
        let mut words = vec!["python", "-m", "uvicorn", "--host", "0.0.0.0", "--port", "8000"];
        words.extend(factory.map(|_| "--factory"));
        words.push(factory.unwrap_or(application));
        owned(&words)
    } else {
        owned(&["python", "-m", "gunicorn", "--bind", "0.0.0.0:8000", application])
    };
    let missing = format!("`{server}` is no dependency: add it, it is what serves the application in production");
    Start { command, note: (!depends(server)).then_some(missing), serves: true }
}

/// Returns module and function of the script that the project declares: the one of its own name, else the first.
fn script(manifest: &toml::Table) -> Option<(String, String)> {
    let table = |keys: [&str; 2]| manifest.get(keys[0])?.get(keys[1])?.as_table();
    let scripts = table(["project", "scripts"])
        .or_else(|| manifest.get("tool")?.get("poetry")?.get("scripts")?.as_table())
        .filter(|scripts| !scripts.is_empty())?;
    let own = toml_text(manifest, &["project", "name"]).and_then(|name| scripts.get(name));
    let target = own.or_else(|| scripts.values().next())?.as_str()?;
    let (module, function) = target.split_once(':')?;
    let function = function.split('[').next().unwrap_or(function).trim();
    let is_module = module.split('.').all(is_identifier);
    (is_module && is_identifier(function)).then(|| (module.to_owned(), function.to_owned()))
}

fn django(project: &Project<'_>, depends: &dyn Fn(&str) -> bool) -> Result<Start, TreeError> {
    if !depends("gunicorn") {
        let note = "`gunicorn` is no dependency: add it, Django's own server is for development".to_owned();
        let command = owned(&["python", "manage.py", "runserver", "0.0.0.0:8000"]);
        return Ok(Start { command, note: Some(note), serves: true });
    }
    let mut package = "config".to_owned();
    for name in project.names("")? {
        // A folder whose name is no package's would be no module.
        if is_identifier(&name) && project.has(&format!("{name}/wsgi.py"))? {
            package = name;
            break;
        }
    }
    let application = format!("{package}.wsgi:application");
    let command = owned(&["python", "-m", "gunicorn", "--bind", "0.0.0.0:8000", &application]);
    Ok(Start { command, note: None, serves: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_are_found_by_what_makes_them() {
        for (text, expect) in [
            ("app = FastAPI()", Some(("app", true))),
            ("import flask\nweb: Flask = flask.Flask(__name__)", Some(("web", false))),
            ("    app = Flask(__name__)\n", None),
            ("x = 1\ndef create_app():\n    return Flask(__name__)", Some(("create_app()", false))),
            ("\ndef create_app():\n    return FastAPI()", Some(("create_app()", true))),
            ("app.x = Flask()", None),
            ("def main(): pass", None),
        ] {
            let expect = expect.map(|(name, is_asgi)| (name.to_owned(), is_asgi));
            assert_eq!(application(text), expect, "{text}");
        }
    }
}
