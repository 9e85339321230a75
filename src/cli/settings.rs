//! Flags over environment over build file: the one place where they meet.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use dockless::deploy::{Ecs, FillIn, RunningTasks, Unfilled};
use dockless::event::{Event, Observer};
use dockless::ground::{Clock, FileError};
use dockless::net::{AwsOptions, Connector, HttpOptions};
use dockless::oci::Digest;
use dockless::pipeline::{
    self, Context, CopyContext, DEFAULT_CACHE_SIZE, DeployContext, Error, Part, Resolving, SystemClock,
};
use dockless::registry::{CredentialSources, EcrHost, Registry, RegistryOptions};
use dockless::sandbox::{Link, Sandbox};
use dockless::spec::{self, BuildSpec, Inputs, Overrides, UserConfig};
use dockless::store::Store;

use super::args::{Common, Progress};
use super::cleanup;
use super::commands::Failure;
use super::env::{self, Environment};
use super::render::github::Annotations;
use super::render::human::{Level, Lines, bytes};
use super::render::live::Live;
use super::render::ndjson::Events;
use super::render::screen::{self, Face};
use super::render::tally::Tally;
use super::render::terminal::Terminal;
use super::standin;

/// The doors: store, registries, AWS, and the stand-in if it was asked for.
pub(crate) struct Tools {
    environment: Environment,
    store: Arc<Store>,
    registry: Registry,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    connector: Connector,
    aws: AwsOptions,
    sandbox: Option<Sandbox>,
    /// The bound of the cache in bytes.
    cache_max_size: u64,
}

impl Tools {
    /// Opens the doors for a command without a build file; only the stand-in needs one, to know what it stands for.
    pub(crate) async fn open(common: &Common) -> Result<Self, Failure> {
        let spec = common.sandbox.then(|| load_spec(common).map(Arc::new)).transpose()?;
        Self::for_specs(common, spec.as_slice()).await
    }

    /// One stand-in serves all build files of a run.
    async fn for_specs(common: &Common, specs: &[Arc<BuildSpec>]) -> Result<Self, Failure> {
        let environment = Environment::read();
        let observer = screen::observer();
        let mut user = user_config(&environment)?;
        let store = Arc::new(open_store(&environment, &*observer)?);
        let mut credentials = CredentialSources::of_environment(env::raw);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut aws = AwsOptions { region: specs.first().and_then(|spec| region(spec)), ..AwsOptions::default() };
        let sandbox = match common.sandbox && !specs.is_empty() {
            true => {
                let state = match store.is_temporary() {
                    true => store.root().join("sandbox"),
                    false => sandbox_state(common, &environment)?,
                };
                let sandbox = standin::start(specs, state, 0, Link::default()).await?;
                for spec in specs {
                    standin::redirect(&sandbox, spec, &mut user, &mut credentials, &mut aws);
                }
                Some(sandbox)
            }
            false => None,
        };
        let cache_max_size = user.cache_max_size.unwrap_or(DEFAULT_CACHE_SIZE);
        let connector = connector(&environment, &user)?;
        let registry = Registry::new(RegistryOptions {
            hosts: user.hosts,
            credentials,
            aws: Some(aws.clone()),
            observer: Arc::clone(&observer),
            ..RegistryOptions::new(connector.clone(), Arc::clone(&clock))
        })
        .map_err(|error| Failure::Pipeline(Error::Connector(error)))?;
        cleanup::keep(&registry);
        Ok(Self { environment, store, registry, clock, observer, connector, aws, sandbox, cache_max_size })
    }

    /// Returns what copying and inspecting work with.
    pub(crate) fn copy_context(&self) -> CopyContext {
        CopyContext {
            registry: self.registry.clone(),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            observer: Arc::clone(&self.observer),
            stdout: Arc::new(Mutex::new(std::io::stdout())),
        }
    }

    /// Returns Amazon ECS, for a command without a build file.
    pub(crate) async fn ecs(&self) -> Ecs {
        let config = dockless::net::load_aws(&self.aws, &self.connector).await;
        Ecs::new(&config, &self.connector)
    }

    /// Ends what was started, and keeps the cache within its bound.
    pub(crate) async fn close(self) {
        self.bound_cache();
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
        screen::settle();
    }
}

impl Tools {
    /// Removes what was used longest ago if the run made the cache too large. The run has done its work: here nothing
    /// fails it.
    fn bound_cache(&self) {
        let observer = &self.observer;
        match pipeline::bound_cache(&self.store, self.cache_max_size) {
            Ok(None) => {}
            Ok(Some(report)) => {
                let (removed, bound) = (bytes(report.removed_bytes), bytes(report.max_size));
                let message =
                    format!("the cache is kept within {bound}: removed {removed} of what was used longest ago");
                observer.observe(Event::Note { message });
            }
            Err(error) => observer.observe(Event::Warning {
                message: format!("the cache cannot be kept within its bound: {error}"),
                hint: Some("run `dockless cache prune`".to_owned()),
            }),
        }
    }
}

/// All that a command works with, from start to end.
pub(crate) struct Session {
    pub(crate) context: Context,
    doors: Doors,
}

/// All that a command works with that takes several build files.
pub(crate) struct Sessions {
    contexts: Vec<Context>,
    doors: Doors,
}

/// The doors, and what the flags say of deployments.
struct Doors {
    tools: Tools,
    strict: bool,
    force: bool,
    running: RunningTasks,
}

impl Session {
    /// Reads the build file and opens the doors: store, registries, and the stand-in if it was asked for.
    pub(crate) async fn open(common: &Common, outputs: &[PathBuf]) -> Result<Self, Failure> {
        let spec = Arc::new(load_spec(common)?);
        let doors = Doors::open(common, std::slice::from_ref(&spec)).await?;
        Ok(Self { context: doors.context(common, spec, outputs), doors })
    }

    /// Returns what a deployment works with besides.
    pub(crate) async fn deploy_context(&self, wait: bool) -> DeployContext {
        self.doors.deploy_context(&self.context.spec, wait).await
    }

    /// Ends what was started.
    pub(crate) async fn close(self) {
        self.doors.tools.close().await;
    }
}

impl Sessions {
    /// Reads all build files and opens the doors, once for all.
    pub(crate) async fn open(common: &Common) -> Result<Self, Failure> {
        let specs = common.files.iter().map(|file| load_file(common, Some(file)).map(Arc::new));
        let specs = specs.collect::<Result<Vec<_>, _>>()?;
        let doors = Doors::open(common, &specs).await?;
        let contexts = specs.into_iter().map(|spec| doors.context(common, spec, &[])).collect();
        Ok(Self { contexts, doors })
    }

    /// Returns the builds, each with what its deployment works with.
    pub(crate) async fn parts(&self, common: &Common, wait: bool) -> Vec<Part> {
        let mut parts = Vec::new();
        for (context, file) in self.contexts.iter().zip(&common.files) {
            let deploy = self.doors.deploy_context(&context.spec, wait).await;
            parts.push(Part { file: file.display().to_string(), context: context.clone(), deploy });
        }
        parts
    }

    /// Ends what was started.
    pub(crate) async fn close(self) {
        self.doors.tools.close().await;
    }
}

impl Doors {
    async fn open(common: &Common, specs: &[Arc<BuildSpec>]) -> Result<Self, Failure> {
        let tools = Tools::for_specs(common, specs).await?;
        let (strict, force, running) = (common.strict, common.force, common.running.clone());
        Ok(Self { tools, strict, force, running })
    }

    fn context(&self, common: &Common, spec: Arc<BuildSpec>, outputs: &[PathBuf]) -> Context {
        let tools = &self.tools;
        // A cache inside the project is written by this run like any output.
        let cache = std::path::absolute(tools.store.root()).ok();
        Context {
            store: Arc::clone(&tools.store),
            registry: tools.registry.clone(),
            clock: Arc::clone(&tools.clock),
            observer: Arc::clone(&tools.observer),
            jobs: threads(common),
            use_cache: !common.no_cache,
            machine_paths: machine_paths(&spec.project, &tools.environment),
            resolving: Resolving { locked: common.locked, offline: common.offline },
            outputs: outputs.iter().cloned().chain(cache).collect(),
            stdout: Arc::new(Mutex::new(std::io::stdout())),
            spec,
        }
    }

    async fn deploy_context(&self, spec: &BuildSpec, wait: bool) -> DeployContext {
        let tools = &self.tools;
        let aws = AwsOptions { region: region(spec).or_else(|| tools.aws.region.clone()), ..tools.aws.clone() };
        let config = dockless::net::load_aws(&aws, &tools.connector).await;
        let ecs = Ecs::new(&config, &tools.connector);
        let project = spec.project.clone();
        let fill_in = FillIn::new(move |text| {
            let unfilled = |error: spec::NotFilledIn| Unfilled { message: error.message, hint: error.hint };
            spec::fill_in(text, &project, &env::variable).map_err(unfilled)
        });
        let (strict, force) = (self.strict, self.force);
        DeployContext { ecs, wait, strict, force, fill_in, running: self.running.clone() }
    }
}

/// Reads the build file with what the flags lay over it.
pub(crate) fn load_spec(common: &Common) -> Result<BuildSpec, Failure> {
    load_file(common, common.files.first())
}

fn load_file(common: &Common, file: Option<&PathBuf>) -> Result<BuildSpec, Failure> {
    let project = std::path::absolute(&common.project).map_err(FileError::on("find", &common.project))?;
    let mut overrides = Overrides {
        environment: common.environment.clone(),
        name: common.name.clone(),
        tags: common.tags.clone(),
        base: common.base.clone(),
        platforms: common.platforms.clone(),
        cache_from: common.cache_from.clone(),
        contexts: Vec::new(),
    };
    for context in &common.contexts {
        overrides.add_context(context).map_err(|error| Failure::Pipeline(error.into()))?;
    }
    let inputs = Inputs {
        project: &project,
        file: file.map(PathBuf::as_path),
        environment: &env::variable,
        overrides: &overrides,
    };
    spec::load(&inputs).map_err(|error| Failure::Pipeline(error.into()))
}

/// Returns the folder that keeps the stand-in of a project.
pub(crate) fn sandbox_state(common: &Common, environment: &Environment) -> Result<PathBuf, Failure> {
    let project = std::fs::canonicalize(&common.project).map_err(FileError::on("open", &common.project))?;
    let name = Digest::of(project.as_os_str().as_encoded_bytes()).short();
    Ok(cache_dir(environment).join("sandbox").join(name))
}

/// Returns the folder of the cache; without a home, one that all temporary files share.
pub(crate) fn cache_dir(environment: &Environment) -> PathBuf {
    environment.cache_dir.clone().unwrap_or_else(|| std::env::temp_dir().join("dockless"))
}

fn open_store(environment: &Environment, observer: &dyn Observer) -> Result<Store, Failure> {
    let opened = environment.cache_dir.as_deref().map(Store::open);
    let why = match opened {
        Some(Ok(store)) => return Ok(store),
        Some(Err(error)) => error.to_string(),
        None => "there is no home directory".to_owned(),
    };
    let store = Store::temporary(&std::env::temp_dir()).map_err(|error| Failure::Pipeline(error.into()))?;
    observer.observe(Event::Warning {
        message: format!("the cache cannot be used, nothing is kept for the next run: {why}"),
        hint: Some("set DOCKLESS_CACHE_DIR to a folder that can be written".to_owned()),
    });
    Ok(store)
}

fn connector(environment: &Environment, user: &UserConfig) -> Result<Connector, Failure> {
    let options = HttpOptions {
        ca_bundles: environment.ca_bundle.iter().cloned().collect(),
        system_bundle: environment.ssl_cert_file.clone(),
        hosts: user.hosts.clone(),
        ..HttpOptions::default()
    };
    Connector::new(&options).map_err(Failure::Net)
}

/// Reads the user configuration.
pub(crate) fn user_config(environment: &Environment) -> Result<UserConfig, Failure> {
    let Some(path) = &environment.config else { return Ok(UserConfig::default()) };
    spec::load_user_config(path).map_err(|error| Failure::Pipeline(error.into()))
}

/// Opens the screen: lines or live lines, events for programs, annotations, and the count of what was done.
pub(crate) fn open_screen(common: &Common) -> Result<(), FileError> {
    let level = match (common.quiet, common.progress, common.verbose) {
        (true, ..) => Level::Quiet,
        (_, Progress::None, _) => Level::Warnings,
        (.., 0) => Level::Normal,
        (.., 1) => Level::Verbose,
        _ => Level::All,
    };
    let terminal = Terminal::of_stderr();
    let mut faces: Vec<Box<dyn Face>> = vec![Box::new(Tally)];
    if terminal.live && common.progress == Progress::Auto && level >= Level::Normal {
        faces.push(Box::new(Live::new(level, terminal)));
    } else {
        faces.push(Box::new(Lines::new(level, std::io::stderr())));
    }
    if let Some(path) = &common.events {
        faces.push(Box::new(Events::create(path, SystemClock.now())?));
    }
    if env::github_actions() {
        faces.push(Box::new(Annotations));
    }
    screen::open(faces, level >= Level::Verbose || common.events.is_some());
    Ok(())
}

/// Returns the paths that no image has because this machine has them.
fn machine_paths(project: &Path, environment: &Environment) -> Vec<PathBuf> {
    let real = std::fs::canonicalize(project).ok();
    [Some(project.to_owned()), real, environment.home.clone()].into_iter().flatten().collect()
}

fn threads(common: &Common) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    common.jobs.map_or_else(cores, usize::from)
}

/// Returns the region that the build file decides: its own, else the one in the name of an ECR repository.
pub(crate) fn region(spec: &BuildSpec) -> Option<String> {
    let said = spec.deploy.as_ref().and_then(|deploy| deploy.region.clone());
    said.or_else(|| EcrHost::parse(spec.name.as_ref()?.host()).map(|host| host.region))
}
