//! `dockless init`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use dockless::deploy::DeployError;
use dockless::ground::{FileError, Hint, files};
use dockless::init::{self, Document, LiveService, Options, Standing, Start};
use dockless::pipeline;
use dockless::spec::{self, Inputs, Overrides, SpecError};
use dockless::tree::DiskSources;
use serde_json::{Value, json};

use super::{Done, Failure, write_stdout};
use crate::cli::args::{Common, InitArgs};
use crate::cli::settings::Tools;
use crate::cli::{exit, prompt, render, stderr};

/// The most that a Dockerfile may have, in bytes.
const DOCKERFILE_LIMIT: u64 = 1 << 20;

/// What keeps `init` from writing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitFailure {
    /// The project or the Dockerfile.
    #[error(transparent)]
    Init(#[from] init::InitError),
    /// The service, with a remedy for someone who has no build file.
    #[error("cannot look at service `{service}` of cluster `{cluster}`")]
    Service { cluster: String, service: String, source: Box<DeployError> },
    /// Something is there already.
    #[error("{} there already, and nothing was written", are(paths))]
    Exists { paths: Vec<String> },
    /// Whoever was asked left.
    #[error("the input ended before all was answered, and nothing was written")]
    Unanswered,
    /// The terminal cannot be read or written.
    #[error(transparent)]
    Terminal(#[from] FileError),
    /// What the command line says cannot stand in a build file.
    #[error(transparent)]
    Value(#[from] SpecError),
    /// The Dockerfile is larger than any.
    #[error("`{}` is no Dockerfile: it has more than 1 MiB", path.display())]
    TooLarge { path: PathBuf },
}

fn are(paths: &[String]) -> String {
    let names: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    format!("{} {}", names.join(", "), if paths.len() == 1 { "is" } else { "are" })
}

impl InitFailure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Init(_) | Self::TooLarge { .. } | Self::Value(_) => exit::BUILD_FILE,
            Self::Unanswered => exit::USAGE,
            Self::Terminal(_) => exit::INTERNAL,
            Self::Service { .. } | Self::Exists { .. } => exit::REFUSED,
        }
    }
}

impl Hint for InitFailure {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Init(error) => error.hint(),
            Self::Exists { .. } => Some(
                "add `--force` to write it anew, `-f FILE` for a build file of another name, or `--dry-run` to see it"
                    .to_owned(),
            ),
            Self::Unanswered => {
                Some("answer by `--name`, `--kind` and `--from-ecs`; `--yes` takes the answers in brackets".to_owned())
            }
            Self::Terminal(error) => error.hint(),
            Self::Value(error) => error.hint(),
            Self::TooLarge { .. } => Some("name the Dockerfile itself".to_owned()),
            Self::Service { cluster, service, source } => match &**source {
                DeployError::ClusterNotFound { nearest: Some(nearest), .. } => {
                    Some(format!("did you mean `--from-ecs {nearest}/{service}`?"))
                }
                DeployError::ServiceNotFound { nearest: Some(nearest), .. } => {
                    Some(format!("did you mean `--from-ecs {cluster}/{nearest}`?"))
                }
                DeployError::NoRegion(_) => Some("set AWS_REGION, or use a profile that has a region".to_owned()),
                DeployError::ClusterNotFound { .. } | DeployError::ServiceNotFound { .. } => Some(
                    "check the names, AWS_REGION and AWS_PROFILE; `aws ecs list-services --cluster NAME` lists them"
                        .to_owned(),
                ),
                source => source.hint(),
            },
        }
    }
}

/// Looks at the project and writes its first build file.
pub(super) async fn run(common: &Common, args: &InitArgs) -> Result<Done, Failure> {
    let project = std::fs::canonicalize(&common.project).map_err(FileError::on("open", &common.project))?;
    let folder_name = project.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sources = DiskSources::open(&project).map_err(init::InitError::from).map_err(InitFailure::from)?;
    let build_file = build_file(common);
    check(&project, common).map_err(InitFailure::from)?;
    let service = match &args.from_ecs {
        Some(text) => Some(service(common, text).await?),
        None => None,
    };
    // A build file that is there stays; the section is for its reader to paste.
    if let (Some(service), None) = (&service, &args.from_dockerfile)
        && project.join(&build_file).exists()
        && !common.force
        && !args.dry_run
    {
        return section(common, service, &build_file);
    }
    if !args.dry_run && !common.force {
        // Nobody should answer questions for nothing.
        refuse_existing(&project, std::iter::once(build_file.as_str()))?;
    }
    let mut options = Options {
        name: common.name.clone(),
        base: common.base.clone(),
        tags: common.tags.clone(),
        platforms: common.platforms.clone(),
        kind: args.kind,
        service,
        build_file,
        target: args.target.clone(),
    };
    if !args.yes && !args.dry_run && std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        prompt::ask(&sources, &folder_name, args.from_dockerfile.is_none(), &mut options).await?;
    }
    let start = match &args.from_dockerfile {
        Some(file) => of_dockerfile(common, &project, &sources, &folder_name, file, &options)?,
        None => init::of_project(&sources, &folder_name, &options).map_err(InitFailure::from)?,
    };
    if args.dry_run {
        return show(common, &start);
    }
    let written = write(common, &project, &start.documents)?;
    finish(common, &start, &written)
}

/// Returns the name of the build file that is written; what `-f` names is relative to the project.
fn build_file(common: &Common) -> String {
    common.files.first().map_or_else(|| "build.yaml".to_owned(), |file| file.display().to_string())
}

/// Checks what the command line says as the build file's own reader does, before anything is asked or written.
fn check(project: &Path, common: &Common) -> Result<(), SpecError> {
    // What has variables in it is read when they have values.
    let whole = |text: &&String| !text.contains("${");
    let overrides = Overrides {
        name: common.name.iter().find(whole).cloned(),
        base: common.base.clone(),
        tags: common.tags.iter().filter(whole).cloned().collect(),
        platforms: common.platforms.clone(),
        ..Overrides::default()
    };
    let inputs = Inputs { project, file: None, environment: &|_| None, overrides: &overrides };
    spec::load_text(&inputs, "version: 1\nbase: scratch\n").map(drop)
}

/// Returns why a text cannot be the name of an image, in one line.
pub(crate) fn name_fault(text: &str) -> Option<String> {
    let overrides = Overrides { name: Some(text.to_owned()), ..Overrides::default() };
    let inputs = Inputs { project: Path::new("/"), file: None, environment: &|_| None, overrides: &overrides };
    let error = spec::load_text(&inputs, "version: 1\nbase: scratch\n").err()?;
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    Some(format!("{error}{hint}"))
}

/// Takes `CLUSTER/SERVICE` apart; the cluster may be an ARN, which has a slash of its own.
pub(crate) fn cluster_and_service(text: &str) -> Option<(String, String)> {
    let (cluster, service) = text.rsplit_once('/')?;
    let (cluster, service) = (cluster.trim(), service.trim());
    let both = !cluster.is_empty() && !service.is_empty();
    both.then(|| (cluster.to_owned(), service.to_owned()))
}

async fn service(common: &Common, text: &str) -> Result<LiveService, Failure> {
    let Some((cluster, service)) = cluster_and_service(text) else {
        return Err(Failure::Usage {
            message: format!("`{text}` names no service"),
            hint: Some("write `--from-ecs CLUSTER/SERVICE`".to_owned()),
        });
    };
    let tools = Tools::open(common).await?;
    let ecs = tools.ecs().await;
    let found = pipeline::live_service(&ecs, &cluster, &service).await;
    tools.close().await;
    found.map_err(|source| InitFailure::Service { cluster, service, source: Box::new(source) }.into())
}

/// Prints the section `deploy` for a build file that is there.
fn section(common: &Common, service: &LiveService, build_file: &str) -> Result<Done, Failure> {
    let name = service.repository();
    let text = service.section(name.as_deref());
    if common.json {
        write_stdout(&render::json::render(&json!({ "schema": 1, "written": [], "name": name, "deploy": text })))?;
    } else {
        write_stdout(&text)?;
    }
    if !common.quiet {
        stderr::tell(&format!("note: `{build_file}` is there already and stays as it is: put this section into it\n"));
    }
    Ok(Done { code: exit::DONE })
}

fn of_dockerfile(
    common: &Common,
    project: &Path,
    sources: &DiskSources,
    folder_name: &str,
    file: &Path,
    options: &Options,
) -> Result<Start, Failure> {
    // As the other options do, it names a file of the project; one that is only here is meant as well.
    let path = if project.join(file).exists() { project.join(file) } else { file.to_owned() };
    let metadata = std::fs::metadata(&path).map_err(FileError::on("open", &path))?;
    if metadata.len() > DOCKERFILE_LIMIT {
        return Err(InitFailure::TooLarge { path }.into());
    }
    let bytes = files::read(&path)?;
    let text = String::from_utf8_lossy(&bytes);
    let shown = path.strip_prefix(project).unwrap_or(file).display().to_string();
    let start = init::of_dockerfile(sources, folder_name, &shown, &text, options).map_err(InitFailure::from)?;
    if !common.quiet && !common.json {
        stderr::tell(&render::start::findings(&start, &shown));
    }
    Ok(start)
}

/// Prints the documents, and writes nothing.
fn show(common: &Common, start: &Start) -> Result<Done, Failure> {
    if common.json {
        write_stdout(&render::json::render(&report(start, &[])))?;
        return Ok(Done { code: exit::DONE });
    }
    let mut text = String::new();
    for document in &start.documents {
        match document.standing {
            Standing::Made => text.push_str(&format!("# ---- {}: what `dockless schema` prints\n", document.path)),
            _ => text.push_str(&format!("# ---- {}\n{}", document.path, document.text)),
        }
    }
    write_stdout(&text)?;
    Ok(Done { code: exit::DONE })
}

/// Refuses when one of the files is there.
fn refuse_existing<'a>(project: &Path, paths: impl Iterator<Item = &'a str>) -> Result<(), InitFailure> {
    let exists = |path: &&str| std::fs::symlink_metadata(project.join(path)).is_ok();
    let paths: Vec<String> = paths.filter(exists).map(str::to_owned).collect();
    if paths.is_empty() { Ok(()) } else { Err(InitFailure::Exists { paths }) }
}

/// Writes the documents; all or none, and never over what is there unless it was said.
fn write(common: &Common, project: &Path, documents: &[Document]) -> Result<Vec<String>, Failure> {
    let own = documents.iter().filter(|document| document.standing == Standing::Asked);
    if !common.force {
        refuse_existing(project, own.map(|document| document.path.as_str()))?;
    }
    let mut written = Vec::new();
    for document in documents {
        let path = project.join(&document.path);
        let stays = match document.standing {
            Standing::Asked => false,
            Standing::Made => !common.force,
            Standing::Proposed => true,
        };
        if stays && std::fs::symlink_metadata(&path).is_ok() {
            if !common.quiet && document.standing == Standing::Proposed {
                stderr::tell(&format!("note: `{}` is there already and stays as it is\n", document.path));
            }
            continue;
        }
        files::write_atomic(&path, document.text.as_bytes())?;
        written.push(document.path.clone());
    }
    Ok(written)
}

fn finish(common: &Common, start: &Start, written: &[String]) -> Result<Done, Failure> {
    if common.json {
        write_stdout(&render::json::render(&report(start, written)))?;
        return Ok(Done { code: exit::DONE });
    }
    if !common.quiet {
        stderr::tell(&render::start::summary(start, written));
    }
    write_stdout(&written.iter().map(|path| format!("{path}\n")).collect::<String>())?;
    Ok(Done { code: exit::DONE })
}

/// What programs get.
fn report(start: &Start, written: &[String]) -> Value {
    let documents: Vec<Value> =
        start.documents.iter().map(|document| json!({ "path": document.path, "text": document.text })).collect();
    let finding = |finding: &init::Finding| json!({ "line": finding.line, "instruction": finding.instruction, "instead": finding.what });
    let stage = |stage: &init::CiStage| json!({ "stage": stage.name, "line": stage.line, "image": stage.image, "commands": stage.commands });
    json!({
        "schema": 1,
        "kind": start.kind.as_str(),
        "because": start.because,
        "also": start.also.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "written": written,
        "documents": documents,
        "steps": start.steps,
        "notes": start.notes,
        "findings": start.findings.iter().map(finding).collect::<Vec<_>>(),
        "ci": start.ci.iter().map(stage).collect::<Vec<_>>(),
    })
}
