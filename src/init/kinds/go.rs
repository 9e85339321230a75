//! Go: one static program, and the folders that it reads.

use super::Outline;
use crate::init::draft::{LayerDraft, words};
use crate::init::listing::Project;
use crate::init::text::Text;
use crate::tree::TreeError;

/// Folders that a program often reads at run time, if it does not embed them.
const FOLDERS: [&str; 6] = ["templates", "static", "public", "assets", "migrations", "config"];

pub(super) fn go(project: &Project<'_>) -> Result<Outline, TreeError> {
    let mut outline = Outline::default();
    let (package, name) = main_package(project)?;
    let program = format!("/usr/local/bin/{name}");
    let machine = if project.is_arm { "arm64" } else { "amd64" };
    let step = format!("CGO_ENABLED=0 GOOS=linux GOARCH={machine} go build -trimpath -o build/{name} {package}");
    let draft = &mut outline.draft;
    // It has CA certificates, time zones and an unprivileged user, and nothing else.
    draft.base = Text::literal("gcr.io/distroless/static-debian12:nonroot");
    draft.base_comment = "or `scratch`, for a program that needs no certificates".to_owned();
    for folder in project.folders_of(&FOLDERS)? {
        draft.layers.push(LayerDraft::of(folder).to(&format!("/app/{folder}")));
    }
    let layer = LayerDraft::of(&format!("build/{name}")).to(&program).mode("0755");
    draft.layers.push(layer.saying(&format!("made by `{step}`")));
    draft.config.working_dir = draft.layers.get(1).map(|_| Text::literal("/app"));
    draft.config.entrypoint = Some(words(&[&program]));
    draft.config.ports = words(&["8080"]);
    draft.config.ports_comment = "what the program listens on";
    outline.steps.push(step);
    outline.ignored.extend(["build", "**/*_test.go", "testdata"]);
    Ok(outline)
}

/// Returns the package with `main`, and the name of its program.
fn main_package(project: &Project<'_>) -> Result<(String, String), TreeError> {
    let module = project.text("go.mod")?;
    let module = module.lines().find_map(|line| line.trim().strip_prefix("module ")).unwrap_or_default();
    let mut parts = module.trim().trim_matches('"').rsplit('/');
    let last = parts.next().unwrap_or_default();
    // `example.com/shop/v2` is the second major version of `shop`.
    let is_version = last.strip_prefix('v').is_some_and(|digits| digits.parse::<u32>().is_ok());
    let name = if is_version { parts.next().unwrap_or_default() } else { last };
    let name = if is_file_name(name) { name } else { "app" };
    let commands = project.names("cmd")?;
    let own = commands.iter().find(|command| *command == name).or(commands.first());
    match own {
        Some(command) if !project.has("main.go")? && is_file_name(command) => {
            Ok((format!("./cmd/{command}"), command.clone()))
        }
        _ => Ok((".".to_owned(), name.to_owned())),
    }
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['.', '-'])
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
