//! The stand-in that `--sandbox` and `dockless sandbox` start, made to hold what the build file names.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use dockless::ground::Secret;
use dockless::net::AwsOptions;
use dockless::net::aws::StaticCredentials;
use dockless::pipeline::SystemClock;
use dockless::registry::{CredentialSources, EcrHost};
use dockless::sandbox::{Link, Sandbox, SandboxError, SandboxOptions, Seed, SeedSchedule, SeedService};
use dockless::spec::{BuildSpec, ContainerChoice, HostConfig, ScheduleSpec, Scheme, ServiceSpec, UserConfig};

use serde_json::{Value, json};

use super::settings;

/// The region that the stand-in plays where the build file names none.
const REGION: &str = "us-east-1";

/// Starts the stand-in and makes what `name` and `deploy` expect: repository, cluster, services with a first revision.
pub(crate) async fn start(
    specs: &[Arc<BuildSpec>],
    state: PathBuf,
    port: u16,
    link: Link,
) -> Result<Sandbox, SandboxError> {
    let mut options = SandboxOptions::new(state, Arc::new(SystemClock));
    options.link = link;
    options.address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    options.region = specs.iter().find_map(|spec| settings::region(spec)).unwrap_or_else(|| REGION.to_owned());
    let names = specs.iter().filter_map(|spec| spec.name.as_ref());
    if let Some(host) = names.filter_map(|name| EcrHost::parse(name.host())).next() {
        options.account = host.account;
    }
    let sandbox = Sandbox::start(options).await?;
    seed_all(specs).iter().try_for_each(|seed| sandbox.seed(seed))?;
    Ok(sandbox)
}

/// Returns what all build files of a run expect. A service that several of them name is made at once, with the containers
/// of all.
fn seed_all(specs: &[Arc<BuildSpec>]) -> Vec<Seed> {
    let mut seeds: Vec<Seed> = Vec::new();
    for spec in specs {
        let mut next = seed(spec);
        let known = seeds.iter_mut().filter(|seed| seed.cluster == next.cluster).flat_map(|seed| &mut seed.services);
        for known in known {
            let Some(at) = next.services.iter().position(|service| service.name == known.name) else { continue };
            let service = next.services.remove(at);
            let name = |container: &String| match *container == service.name {
                // It is the one that the first build file speaks of.
                true => spec
                    .name
                    .as_ref()
                    .map_or("other", |name| name.name().rsplit('/').next().unwrap_or("other"))
                    .to_owned(),
                false => container.clone(),
            };
            known.beside.extend(service.containers.iter().map(|container| (name(container), service.image.clone())));
        }
        seeds.push(next);
    }
    seeds
}

fn seed(spec: &BuildSpec) -> Seed {
    let mut seed = Seed {
        repositories: spec.name.iter().map(|name| name.name().to_owned()).collect(),
        cluster: "default".to_owned(),
        ..Seed::default()
    };
    if let Some(deploy) = &spec.deploy {
        seed.cluster.clone_from(&deploy.cluster);
        seed.services = deploy.services.iter().map(|service| seed_service(spec, service)).collect();
        let family = deploy.services.first().map(|service| service.name.as_str()).unwrap_or_default();
        seed.schedules = deploy.schedules.iter().map(|schedule| seed_schedule(schedule, family)).collect();
    }
    seed
}

fn seed_schedule(schedule: &ScheduleSpec, family: &str) -> SeedSchedule {
    let (scheduler, place, name) = match schedule {
        ScheduleSpec::Rule { bus, name } => (false, bus, name),
        ScheduleSpec::Scheduler { group, name } => (true, group, name),
    };
    SeedSchedule { scheduler, place: place.clone(), name: name.clone(), family: family.to_owned() }
}

fn seed_service(spec: &BuildSpec, service: &ServiceSpec) -> SeedService {
    let containers = match &service.containers {
        ContainerChoice::Named(specs) => specs.iter().map(|spec| spec.name.clone()).collect(),
        ContainerChoice::Auto => vec![service.name.clone()],
    };
    let image = match &spec.name {
        Some(name) => format!("{name}:placeholder"),
        None => "localhost/placeholder:latest".to_owned(),
    };
    let (name, beside) = (service.name.clone(), Vec::new());
    SeedService { family: name.clone(), name, containers, image, beside }
}

/// Points the target's registry host and AWS at the stand-in, with credentials that only it takes.
pub(crate) fn redirect(
    sandbox: &Sandbox,
    spec: &BuildSpec,
    user: &mut UserConfig,
    credentials: &mut CredentialSources,
    aws: &mut AwsOptions,
) {
    aws.region.get_or_insert_with(|| REGION.to_owned());
    aws.endpoint_url = Some(sandbox.endpoint());
    aws.static_credentials = Some(StaticCredentials {
        access_key_id: "sandbox".to_owned(),
        secret_access_key: Secret::new("sandbox".to_owned()),
        session_token: None,
    });
    let Some(name) = &spec.name else { return };
    let host = HostConfig {
        endpoint: Some(sandbox.address().to_string()),
        scheme: Some(Scheme::Http),
        ..HostConfig::default()
    };
    user.hosts.insert(name.host().to_owned(), host);
    if EcrHost::parse(name.host()).is_none() {
        log_in(sandbox, name.host(), credentials);
    }
}

/// Gives the host of a registry that is not ECR the stand-in's own credentials; those of other hosts stay.
fn log_in(sandbox: &Sandbox, host: &str, credentials: &mut CredentialSources) {
    let given = credentials.docker_auth_config.as_ref().and_then(|text| serde_json::from_str(text.reveal()).ok());
    let mut config: Value = given.unwrap_or_else(|| json!({}));
    if !config["auths"].is_object() {
        config["auths"] = json!({});
    }
    config["auths"][host] = json!({ "auth": sandbox.login().reveal() });
    credentials.docker_auth_config = Some(Secret::new(config.to_string()));
}
