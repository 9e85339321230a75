//! Several builds as one run: one look at what is there, all pushes, then one deployment, in which builds that go to one
//! place take part together and may bring images for one service, even for one task.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::deploy::{BadVerdict, BeforeReport, ServiceReport};
use crate::deploy::{
    DeployOptions, DeployPlan, DeployReport, Deployment, Ecs, ScheduleReport, Share, TargetImage, Together, Verdict,
    deploy_together,
};
use crate::oci::{Reference, Repository};
use crate::spec::DeploySpec;

use super::deploy::{self, DeployContext};
use super::push::push_after;
use super::ship::running;
use super::{Context, Error, FormVersion, Report, facts};

/// One of several builds.
#[derive(Clone)]
pub struct Part {
    /// Its build file, as people call it.
    pub file: String,
    /// What it is built with.
    pub context: Context,
    /// What it is deployed with.
    pub deploy: DeployContext,
}

/// What several builds did, for programs: report schema 1 with `builds`.
#[derive(Clone, Debug, Serialize)]
pub struct SeveralReport {
    /// The version of this form.
    pub schema: FormVersion,
    /// Each build, in the order of the command line, with the services that it names.
    pub builds: Vec<Report>,
    /// Whether any revision was registered.
    pub registered: bool,
    /// Every service, once.
    pub services: Vec<ServiceReport>,
    /// The revision of the first service that has the process's exit code.
    pub task_definition_arn: Option<String>,
    /// The deployment of that service.
    pub deployment_arn: Option<String>,
    /// The verdict on that service.
    pub verdict: Option<Verdict>,
    /// Where that service answers, if it is known.
    pub url: Option<String>,
    /// Services that were left as they are, because one before them ended badly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_started: Vec<String>,
    /// The one-off tasks that came before the services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<BeforeReport>,
    /// The schedules that were moved to new revisions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleReport>,
    /// The services whose verdict is no good news, as errors to show.
    #[serde(skip)]
    pub failures: Vec<BadVerdict>,
}

impl SeveralReport {
    fn new(builds: Vec<Report>) -> Self {
        Self {
            schema: FormVersion::default(),
            builds,
            registered: false,
            services: Vec::new(),
            task_definition_arn: None,
            deployment_arn: None,
            verdict: None,
            url: None,
            not_started: Vec::new(),
            before: Vec::new(),
            schedules: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Returns the exit code of the process: the worst of all services, as of one deployment.
    pub fn exit_code(&self) -> u8 {
        self.verdict.map_or(0, Verdict::exit_code)
    }

    /// Takes over what became of the services, as a whole and for each build that names them.
    fn deployed(mut self, parts: &[Part], targets: &[TargetImage], done: DeployReport) -> Self {
        for ((build, part), target) in self.builds.iter_mut().zip(parts).zip(targets) {
            let names: BTreeSet<&str> = part.services().collect();
            let own = done.services.iter().filter(|service| names.contains(service.name.as_str()));
            let own = own.map(|service| ServiceReport {
                // Of a task with several images the proof holds for each, and the report of the whole names one.
                digest: service.digest.map(|digest| if target.is(&digest) { digest } else { target.digest }),
                ..service.clone()
            });
            let not_started = done.not_started.iter().filter(|name| names.contains(name.as_str())).cloned();
            let own = DeployReport::joined(vec![DeployReport::of(own.collect(), not_started.collect())]);
            if !own.services.is_empty() {
                build.deployed(own);
            }
        }
        self.failures = done.failures();
        self.registered = done.registered;
        if !done.services.is_empty() {
            (self.task_definition_arn, self.verdict) = (Some(done.task_definition_arn), Some(done.verdict));
        }
        (self.deployment_arn, self.url, self.services) = (done.deployment_arn, done.url, done.services);
        (self.not_started, self.before, self.schedules) = (done.not_started, done.before, done.schedules);
        self
    }
}

impl Part {
    fn services(&self) -> impl Iterator<Item = &str> {
        self.context.spec.deploy.iter().flat_map(|deploy| &deploy.services).map(|service| service.name.as_str())
    }

    fn options(&self) -> DeployOptions {
        self.deploy.options(&self.context)
    }
}

/// Builds and pushes all, one after the other: each push uses all cores and the whole line by itself.
///
/// # Errors
/// As [`super::push()`]; the first failure ends the run. When two builds push to one tag.
pub async fn push_all(parts: &[Part]) -> Result<SeveralReport, Error> {
    check_tags(parts)?;
    let mut builds = Vec::new();
    for part in parts {
        builds.push(push_after(&part.context, Box::pin(async { Ok(Vec::new()) })).await?.report);
    }
    Ok(SeveralReport::new(builds))
}

/// Builds, pushes and deploys all. ECS is read for every one before anything is sent.
///
/// # Errors
/// As [`super::ship()`] of each, and when the builds do not go together. The services follow only after all pushes.
pub async fn ship_all(parts: &[Part]) -> Result<SeveralReport, Error> {
    check_tags(parts)?;
    let mut places = prepare(parts).await?;
    let (mut builds, mut targets) = (Vec::new(), Vec::new());
    for (index, part) in parts.iter().enumerate() {
        let repository = part.context.name()?.clone();
        let images = images_of(&places, index, &repository);
        let built = push_after(&part.context, Box::pin(async { Ok(images) })).await?;
        let digest = built.digest();
        let manifests =
            built.images.iter().map(|image| image.image.digest()).filter(|child| *child != digest).collect();
        know(&mut places, index, &facts::of_built(&built));
        let reference = built.report.image.clone().unwrap_or_default();
        targets.push(deploy::target(&repository, reference, digest, manifests));
        builds.push(built.report);
    }
    finish(parts, places, targets, builds).await
}

/// Deploys the images that were pushed under the first tags.
///
/// # Errors
/// As [`super::deploy()`] of each, and when the builds do not go together.
pub async fn deploy_all(parts: &[Part]) -> Result<SeveralReport, Error> {
    let (places, targets) = resolve(parts).await?;
    let image = |target: &TargetImage| Report {
        image: Some(target.reference.clone()),
        digest: Some(target.digest),
        ..Report::default()
    };
    let builds = targets.iter().map(image).collect();
    finish(parts, places, targets, builds).await
}

/// Returns what [`deploy_all`] would do, and changes nothing: a plan for each place.
///
/// # Errors
/// As [`deploy_all`], before anything is changed.
pub async fn deploy_all_plan(parts: &[Part]) -> Result<Vec<DeployPlan>, Error> {
    let (mut places, targets) = resolve(parts).await?;
    let mut plans = Vec::new();
    for place in &mut places {
        plans.push(place.plan(parts, &targets).await?);
    }
    Ok(plans)
}

async fn resolve(parts: &[Part]) -> Result<(Vec<PlacedDeployment>, Vec<TargetImage>), Error> {
    let (mut targets, mut known) = (Vec::new(), Vec::new());
    for part in parts {
        let (target, facts) = deploy::tagged(&part.context).await?;
        targets.push(target);
        known.push(facts);
    }
    let mut places = prepare(parts).await?;
    for (index, facts) in known.into_iter().enumerate() {
        facts.iter().for_each(|facts| know(&mut places, index, facts));
    }
    Ok((places, targets))
}

async fn finish(
    parts: &[Part],
    mut places: Vec<PlacedDeployment>,
    targets: Vec<TargetImage>,
    builds: Vec<Report>,
) -> Result<SeveralReport, Error> {
    let Some(first) = parts.first() else { return Ok(SeveralReport::new(builds)) };
    let mut all: Vec<Together<'_>> = Vec::new();
    for place in &mut places {
        let targets = place.targets(&targets);
        all.push(Together { deployment: &mut place.deployment, ecs: &place.ecs, targets });
    }
    let done = deploy_together(&mut all, &first.options()).await?;
    Ok(SeveralReport::new(builds).deployed(parts, &targets, DeployReport::joined(done)))
}

/// A deployment with the builds that take part in it.
pub(super) struct PlacedDeployment {
    deployment: Deployment,
    ecs: Ecs,
    /// The positions of the builds, which are the deployment's shares in this order.
    members: Vec<usize>,
}

impl PlacedDeployment {
    fn targets(&self, all: &[TargetImage]) -> Vec<TargetImage> {
        self.members.iter().filter_map(|index| all.get(*index).cloned()).collect()
    }

    /// Plans the deployment, and refuses what it would refuse.
    pub(super) async fn plan(&mut self, parts: &[Part], targets: &[TargetImage]) -> Result<DeployPlan, Error> {
        let (options, targets) = (parts[self.members[0]].options(), self.targets(targets));
        Ok(deploy::planned(&mut self.deployment, &self.ecs, &targets, &options).await?)
    }
}

/// Returns the images that the services of a build run, of the registry that it is pushed to.
pub(super) fn images_of(places: &[PlacedDeployment], build: usize, repository: &Repository) -> Vec<Reference> {
    let places = places.iter().filter(|place| place.members.contains(&build));
    places.flat_map(|place| running(&place.deployment, repository)).collect()
}

pub(super) fn know(places: &mut [PlacedDeployment], build: usize, facts: &crate::deploy::ImageFacts) {
    for place in places {
        if let Some(share) = place.members.iter().position(|index| *index == build) {
            place.deployment.know_image(share, facts.clone());
        }
    }
}

pub(super) async fn prepare(parts: &[Part]) -> Result<Vec<PlacedDeployment>, Error> {
    let mut places = Vec::new();
    for members in together(parts)? {
        let (spec, shares) = merged(parts, &members)?;
        let part = &parts[members[0]];
        let (ecs, options) = (part.deploy.ecs.clone(), part.options());
        let deployment = Deployment::prepare_shared(&ecs, &spec, shares, &options).await?;
        deployment.guard_account(&ecs, &options).await?;
        places.push(PlacedDeployment { deployment, ecs, members });
    }
    Ok(places)
}

/// Puts builds together that go to one cluster in the same way.
///
/// # Errors
/// When two builds name one service, and do not say the same of how it is deployed.
fn together(parts: &[Part]) -> Result<Vec<Vec<usize>>, Error> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let way = way(part)?;
        let mut found = None;
        for (at, group) in groups.iter().enumerate() {
            let other = &parts[group[0]];
            if self::way(other)? == way {
                found = Some(at);
            } else if let Some(service) = shared_service(part, group.iter().map(|index| &parts[*index])) {
                let (service, files) = (service.to_owned(), [other.file.clone(), part.file.clone()]);
                return Err(Error::ServiceOfTwo { service, files });
            }
        }
        match found {
            Some(at) => groups[at].push(index),
            None => groups.push(vec![index]),
        }
    }
    Ok(groups)
}

/// Where a build goes, and all that is said of the way there.
fn way(part: &Part) -> Result<(Option<String>, DeploySpec), Error> {
    let spec = part.context.deploy_spec()?.clone();
    let region = part.deploy.ecs.region().map(str::to_owned);
    let way = DeploySpec {
        region: None,
        services: Vec::new(),
        before: Vec::new(),
        schedules: Vec::new(),
        containers: crate::spec::ContainerChoice::Auto,
        ..spec
    };
    Ok((region, way))
}

fn shared_service<'a>(part: &'a Part, mut others: impl Iterator<Item = &'a Part>) -> Option<&'a str> {
    let same_place = |other: &Part| {
        let cluster = |part: &Part| part.context.spec.deploy.as_ref().map(|deploy| deploy.cluster.clone());
        cluster(part) == cluster(other) && part.deploy.ecs.region() == other.deploy.ecs.region()
    };
    others.find_map(|other| {
        let shared = part.services().find(|name| other.services().any(|one| one == *name))?;
        same_place(other).then_some(shared)
    })
}

/// Makes one deployment of several: each service once, in the order of the builds.
fn merged(parts: &[Part], members: &[usize]) -> Result<(DeploySpec, Vec<Share>), Error> {
    let mut spec = parts[members[0]].context.deploy_spec()?.clone();
    (spec.services, spec.before, spec.schedules) = Default::default();
    let mut shares = Vec::new();
    for part in members.iter().map(|index| &parts[*index]) {
        let own = part.context.deploy_spec()?;
        let new = own.services.iter().filter(|service| !spec.services.iter().any(|one| one.name == service.name));
        let new: Vec<_> = new.cloned().collect();
        spec.services.extend(new);
        spec.before.extend(own.before.iter().cloned());
        for schedule in &own.schedules {
            if !spec.schedules.contains(schedule) {
                spec.schedules.push(schedule.clone());
            }
        }
        let (repository, services, before) = (part.context.name()?.clone(), own.services.clone(), own.before.clone());
        shares.push(Share { repository, services, before, container: None });
    }
    Ok((spec, shares))
}

/// Refuses builds of which one would write over the other's tag.
pub(super) fn check_tags(parts: &[Part]) -> Result<(), Error> {
    let mut seen: Vec<(String, &str)> = Vec::new();
    for part in parts {
        for tag in &part.context.spec.tags {
            let reference = part.context.tagged(tag);
            if let Some((_, other)) = seen.iter().find(|(known, _)| *known == reference) {
                return Err(Error::TagOfTwo { reference, files: [(*other).to_owned(), part.file.clone()] });
            }
            seen.push((reference, &part.file));
        }
    }
    Ok(())
}
