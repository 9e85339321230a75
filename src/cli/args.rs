//! The command line as clap reads it: values are checked for form, nothing is done.

use std::path::PathBuf;

use dockless::deploy::RunningTasks;
use dockless::init::Kind;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

mod tooling;

pub(crate) use tooling::{CacheAction, CacheArgs, CompletionsArgs, ManArgs, PruneArgs, SandboxArgs, SchemaArgs};

/// Takes a project to a running Amazon ECS service without a Docker daemon.
#[derive(Debug, Parser)]
#[command(name = "dockless", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 internal, 2 usage, 3 build file or lock, 4 build, 5 registry, 6 rolled back, \
    7 deployment failed, 8 no verdict in time, 9 superseded, 10 paused, 11 a difference, 12 refused, 13 a task before \
    failed, 130 interrupted"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What dockless can be asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at the project and write its first build file
    Init(InitArgs),
    /// Show what ship, or push without a deployment, would do; nothing is sent
    Plan(PlanArgs),
    /// Build the image; nothing is pushed
    Build(BuildArgs),
    /// Build the image and push it under every tag
    Push,
    /// Deploy the pushed image: next revision, update, verdict
    Deploy(DeployArgs),
    /// Build, push and deploy: the one command of CI
    Ship(ShipArgs),
    /// Show what the services run, since when, and how their last deployments ended
    Status(StatusArgs),
    /// Take the services back to the last revision that was deployed well
    Rollback(RollbackArgs),
    /// Answer a deployment that waits at a pause hook
    Continue(ContinueArgs),
    /// Write down what the base is, so that builds need not ask
    Lock(LockArgs),
    /// Show how large the cache is, or make it smaller
    Cache(CacheArgs),
    /// Copy an image, as it is, between registries, layouts and archives
    Copy(CopyArgs),
    /// Show what an image is made of: platforms, config, layers and their sizes
    Inspect(InspectArgs),
    /// Run the embedded registry, ECR and ECS stand-in on a loopback port
    Sandbox(SandboxArgs),
    /// Print the JSON Schema of the build file, for editors
    Schema(SchemaArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands
    Man(ManArgs),
}

impl Command {
    /// Returns whether an archive goes to stdout, where nothing else may stand.
    pub(crate) fn takes_stdout(&self) -> bool {
        match self {
            Self::Build(args) => args.outputs.iter().any(|output| output.ends_with(":-")),
            Self::Copy(args) => args.to.ends_with(":-"),
            _ => false,
        }
    }
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The project
    #[arg(short = 'C', value_name = "DIR", default_value = ".", global = true)]
    pub(crate) project: PathBuf,
    /// The build file, relative to the project; of plan, push, deploy and ship several, as one run [default: build.yaml, else
    /// dockless.yaml]
    #[arg(short = 'f', long = "file", value_name = "FILE", global = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Lay this environment of the build file over the rest of it
    #[arg(short = 'e', long = "environment", value_name = "ENVIRONMENT", global = true)]
    pub(crate) environment: Option<String>,
    /// Push to this repository instead of the build file's `name`
    #[arg(long, value_name = "REPOSITORY", global = true)]
    pub(crate) name: Option<String>,
    /// Use these tags instead of the build file's
    #[arg(long = "tag", value_name = "TAG", global = true)]
    pub(crate) tags: Vec<String>,
    /// Build on this instead of the build file's `base`
    #[arg(long, value_name = "BASE", global = true)]
    pub(crate) base: Option<String>,
    /// Build for this platform, such as linux/arm64; several make an index
    #[arg(long = "platform", value_name = "PLATFORM", global = true)]
    pub(crate) platforms: Vec<String>,
    /// Take layers over from this image too, if its registry can mount them
    #[arg(long = "cache-from", value_name = "REFERENCE", global = true)]
    pub(crate) cache_from: Vec<String>,
    /// Use this folder for the build file's context of the name
    #[arg(long = "context", value_name = "NAME=DIR", global = true)]
    pub(crate) contexts: Vec<String>,
    /// Never resolve a tag: the base's digest comes from the build file or the lock
    #[arg(long, global = true)]
    pub(crate) locked: bool,
    /// Never ask the base's registry: the lock and the cache hold what is needed
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Threads that pack layers [default: all cores]
    #[arg(long, value_name = "N", global = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Take nothing from the cache
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,
    /// Use the embedded registry, ECR and ECS instead of the real ones
    #[arg(long, global = true)]
    pub(crate) sandbox: bool,
    /// Go on where a guard refuses: an older deployment over a newer one, an image of a foreign account
    #[arg(long, global = true)]
    pub(crate) force: bool,
    /// Refuse what would only be warned of
    #[arg(long, global = true)]
    pub(crate) strict: bool,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Write the image's digest to this file
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) digest_file: Option<PathBuf>,
    /// Write image, digest, ARNs, verdict and URL to this file, as lines DOCKLESS_...=VALUE
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) dotenv: Option<PathBuf>,
    /// Write what happens to this file, one JSON object a line
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) events: Option<PathBuf>,
    /// Add a summary of the deployment to this file, in Markdown
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) summary: Option<PathBuf>,
    /// How progress is shown on stderr
    #[arg(long, value_enum, default_value_t = Progress::Auto, global = true)]
    pub(crate) progress: Progress,
    /// Show errors only
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Show every request too; -vv shows everything
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Not of the command line: the one-off tasks that an interrupt must stop.
    #[arg(skip)]
    pub(crate) running: RunningTasks,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// Live lines on a terminal, else as `plain`
    Auto,
    /// A line with its time for each thing done, and one a second for what moves
    Plain,
    /// Nothing but warnings and errors
    None,
}

/// Options of `init`.
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing that is there is written over, unless with --force. On a terminal it asks what the files \
    do not say; --name, --kind, --from-ecs and --yes answer."
)]
pub(crate) struct InitArgs {
    /// Take this Dockerfile over, instruction by instruction
    #[arg(long, value_name = "FILE")]
    pub(crate) from_dockerfile: Option<PathBuf>,
    /// The stage of the Dockerfile that becomes the image [default: the last]
    #[arg(long, value_name = "STAGE", requires = "from_dockerfile")]
    pub(crate) target: Option<String>,
    /// Make the section `deploy` of this service as it runs
    #[arg(long, value_name = "CLUSTER/SERVICE")]
    pub(crate) from_ecs: Option<String>,
    /// What the project is, instead of what it is recognised as, such as laravel, node or go
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<Kind>,
    /// Ask nothing
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Layers that are not known are packed into the cache, so that digests, sizes and steps are those \
    of the run itself."
)]
pub(crate) struct PlanArgs {
    /// Pack nothing: of layers that are not known, tell what their files are
    #[arg(long)]
    pub(crate) estimate: bool,
    /// Exit with 11 when something would change
    #[arg(long, conflicts_with = "estimate")]
    pub(crate) exit_code: bool,
}

/// Options of `build`.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Write the image: oci:DIR, oci-archive:FILE or docker-archive:FILE; `-` as FILE is stdout
    #[arg(long = "output", short = 'o', value_name = "FORM:PATH")]
    pub(crate) outputs: Vec<String>,
}

/// Options of `deploy`.
#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    /// Deploy this image instead of resolving the first tag; several, each for a container
    #[arg(long = "image", value_name = "[CONTAINER=]REF@DIGEST")]
    pub(crate) images: Vec<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not wait for a verdict
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Options of `ship`.
#[derive(Debug, Args)]
pub(crate) struct ShipArgs {
    /// Do not wait for a verdict
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only this service; by default all of the build file's
    #[arg(long = "service", value_name = "NAME")]
    pub(crate) services: Vec<String>,
    /// Wait for the deployments to end, and exit with the verdict
    #[arg(long)]
    pub(crate) wait: bool,
}

/// Options of `rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// Only this service; by default all of the build file's
    #[arg(long = "service", value_name = "NAME")]
    pub(crate) services: Vec<String>,
    /// Go to this revision: a number, FAMILY:NUMBER or an ARN
    #[arg(long, value_name = "REVISION")]
    pub(crate) to: Option<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not wait for a verdict
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Options of `continue`.
#[derive(Debug, Args)]
pub(crate) struct ContinueArgs {
    /// Only this service; by default all of the build file's
    #[arg(long = "service", value_name = "NAME")]
    pub(crate) services: Vec<String>,
    /// Answer no: the deployment goes back
    #[arg(long)]
    pub(crate) rollback: bool,
    /// Do not wait for a verdict
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Options of `lock`.
#[derive(Debug, Args)]
pub(crate) struct LockArgs {
    /// Resolve every tag anew, instead of keeping the digests that the lock has
    #[arg(long, conflicts_with = "check")]
    pub(crate) upgrade: bool,
    /// Write nothing; exit with 11 when the lock is not for this build file
    #[arg(long)]
    pub(crate) check: bool,
}

/// Options of `copy`.
#[derive(Debug, Args)]
#[command(after_help = "Places: registry/repository:tag[@digest], oci:DIR[:tag], oci-archive:FILE[:tag], \
    docker-archive:FILE.\nWithout a tag DST takes that of SRC. --platform copies the image of one platform alone.")]
pub(crate) struct CopyArgs {
    /// The image
    #[arg(value_name = "SRC")]
    pub(crate) from: String,
    /// Where it goes; `oci-archive:-` is stdout
    #[arg(value_name = "DST")]
    pub(crate) to: String,
    /// Copy also what refers to the image: signatures, attestations
    #[arg(long)]
    pub(crate) referrers: bool,
    /// Make the repository of DST if it does not exist in ECR
    #[arg(long)]
    pub(crate) create_repository: bool,
}

/// Options of `inspect`.
#[derive(Debug, Args)]
#[command(after_help = "Places: registry/repository:tag[@digest], oci:DIR[:tag], oci-archive:FILE[:tag], \
    docker-archive:FILE.")]
pub(crate) struct InspectArgs {
    /// The image
    #[arg(value_name = "REF")]
    pub(crate) image: String,
    /// Print the manifest or index as it stands, byte by byte
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
}
