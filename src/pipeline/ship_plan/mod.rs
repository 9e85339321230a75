//! Plan: what a push and a deployment would change, found out with nothing changed but the cache.
//!
//! Layers that are not known are packed into the store, so that sizes, digests and the steps in ECS are those that `ship`
//! would come to. Nothing is sent: the registry is asked with GET and HEAD alone, and ECS is read.

mod estimate;
mod report;
mod target;

use std::collections::BTreeMap;

use crate::deploy::DeployPlan;
use crate::oci::{Digest, Reference};
use crate::registry::PushedBlob;

use super::base::ResolvedBase;
use super::build::{Built, Sending, build_on, resolve_bases};
use super::deploy::{self, DeployContext};
use super::lock::Lookup;
use super::report::LayerReport;
use super::several::{self, Part, PlacedDeployment};
use super::{Context, Error, FormVersion, facts};

use report::either;
pub use report::{Making, PlanReport, PlannedLayer, PlannedTag, SeveralPlanReport, Way};
use target::Target;

/// Returns what [`ship`](super::ship()) would do, or [`push`](super::push()) without a deployment. With `estimate` no
/// layer is packed.
///
/// # Errors
/// As those, for what is refused before anything is sent.
pub async fn plan(context: &Context, deploy: Option<&DeployContext>, estimate: bool) -> Result<PlanReport, Error> {
    let part = deploy.map(|deploy| Part { file: String::new(), context: context.clone(), deploy: deploy.clone() });
    let mut places = match &part {
        Some(part) => several::prepare(std::slice::from_ref(part)).await?,
        None => Vec::new(),
    };
    let mut outlook = look(context, 0, &mut places, estimate).await?;
    if let (Some(part), Some(built)) = (&part, &outlook.built) {
        let targets = [target_of(context, built)?];
        outlook.report.deploys = deploys(std::slice::from_ref(part), &mut places, &targets).await?;
        outlook.report.steps = steps(&outlook.report.deploys);
    }
    let mut report = outlook.report;
    report.changes = either([report.changes, part.map_or(Some(false), |_| changes(&report))]);
    Ok(report)
}

/// Returns what several builds would do as one run: pushes, then the deployment of those that have one.
///
/// # Errors
/// As [`plan`] of each, and when the builds do not go together.
pub async fn plan_all(parts: &[Part], estimate: bool) -> Result<SeveralPlanReport, Error> {
    several::check_tags(parts)?;
    let deployed = parts.iter().any(|part| part.context.spec.deploy.is_some());
    let mut places = if deployed { several::prepare(parts).await? } else { Vec::new() };
    let (mut builds, mut targets) = (Vec::new(), Vec::new());
    for (index, part) in parts.iter().enumerate() {
        let Outlook { report, built } = look(&part.context, index, &mut places, estimate).await?;
        if let Some(built) = built.filter(|_| deployed) {
            targets.push(target_of(&part.context, &built)?);
        }
        builds.push(report);
    }
    let whole = targets.len() == parts.len();
    let deploys = if whole { deploys(parts, &mut places, &targets).await? } else { Vec::new() };
    let pushes = either(builds.iter().map(|build| build.changes));
    let services = match deployed && !whole {
        true => None,
        false => Some(deploys.iter().any(DeployPlan::changes_anything)),
    };
    let (steps, changes) = (steps(&deploys), either([pushes, services]));
    Ok(SeveralPlanReport { schema: FormVersion::default(), builds, changes, steps, deploys })
}

/// What is found out about one build.
struct Outlook {
    report: PlanReport,
    /// What was built, unless that would have meant to pack.
    built: Option<Built>,
}

/// Looks at the target of one build, and builds into the store.
async fn look(
    context: &Context,
    index: usize,
    places: &mut [PlacedDeployment],
    estimate: bool,
) -> Result<Outlook, Error> {
    let lock = Lookup::read(context)?;
    let running = match &context.spec.name {
        Some(name) => several::images_of(places, index, name),
        None => Vec::<Reference>::new(),
    };
    let target = Target::look(context, running).await?;
    let bases = resolve_bases(context, &lock).await?;
    if estimate && let Some(report) = estimated(context, &bases, &lock, target.as_ref()).await? {
        return Ok(Outlook { report, built: None });
    }
    let sending = target.as_ref().map(|target| Sending { uploads: None, reuse: Some(target.reuse()) });
    let built = build_on(context, bases, &lock, sending).await?;
    several::know(places, index, &facts::of_built(&built));
    let report = exact(context, &built, target.as_ref()).await?;
    Ok(Outlook { report, built: Some(built) })
}

/// Describes what was built, and what a push of it would do.
async fn exact(context: &Context, built: &Built, target: Option<&Target>) -> Result<PlanReport, Error> {
    let digest = built.digest();
    let mut report = PlanReport {
        image: Some(match context.first_reference() {
            Ok(reference) => format!("{reference}@{digest}"),
            Err(_) => digest.to_string(),
        }),
        digest: Some(digest),
        layers: built.report.layers.iter().map(PlannedLayer::of).collect(),
        reused_layers: built.report.reused_layers,
        ..PlanReport::default()
    };
    if let Some(target) = target {
        report.tags = target.tags(context, Some(digest))?;
        report.repository = target.making;
        let ways = target.ways(built).await?;
        report.take_ways(&ways, built.images.iter().map(|image| (image.image.config.digest, image.image.config.size)));
    }
    report.judge();
    Ok(report)
}

/// Describes what is known without packing; `None` where nothing is left to pack.
async fn estimated(
    context: &Context,
    bases: &[ResolvedBase],
    lock: &Lookup,
    target: Option<&Target>,
) -> Result<Option<PlanReport>, Error> {
    let Some(layers) = estimate::estimate(context, bases, lock).await? else { return Ok(None) };
    let known = layers.iter().filter(|layer| layer.origin == "own" && layer.digest.is_some()).count();
    let mut report = PlanReport { estimated: true, layers, reused_layers: known as u64, ..PlanReport::default() };
    if let Some(target) = target {
        report.tags = target.tags(context, None)?;
        report.repository = target.making;
        let asked = target.ask(report.layers.iter().filter_map(|layer| layer.digest.zip(layer.size))).await?;
        let way = |there| if there { PushedBlob::Existing } else { PushedBlob::Uploaded };
        report.take_ways(&asked.into_iter().map(|(digest, there)| (digest, way(there))).collect(), []);
    }
    report.judge();
    Ok(Some(report))
}

impl PlanReport {
    /// Takes note of how blobs get to the target, each once.
    fn take_ways(&mut self, ways: &BTreeMap<Digest, PushedBlob>, configs: impl IntoIterator<Item = (Digest, u64)>) {
        let mut sizes: BTreeMap<Digest, u64> = configs.into_iter().collect();
        for layer in &mut self.layers {
            let Some(digest) = layer.digest else {
                layer.way = Some(Way::Uploaded);
                continue;
            };
            sizes.insert(digest, layer.size.unwrap_or_default());
            let how = ways.get(&digest);
            layer.way = how.map(Way::of);
            layer.mounted_from = how.and_then(|how| match how {
                PushedBlob::Mounted { from } => Some(from.clone()),
                PushedBlob::Existing | PushedBlob::Uploaded => None,
            });
        }
        for (digest, how) in ways {
            self.count(how, sizes.get(digest).copied().unwrap_or_default());
        }
        // What is not packed yet is sent for sure: how much it is, nobody knows.
        self.uploaded_blobs += self.layers.iter().filter(|layer| layer.digest.is_none()).count() as u64;
    }
}

impl PlannedLayer {
    fn of(layer: &LayerReport) -> Self {
        Self {
            platform: layer.platform.clone(),
            name: layer.name.clone(),
            origin: layer.origin,
            digest: Some(layer.digest),
            diff_id: Some(layer.diff_id),
            size: Some(layer.size),
            entries: None,
            file_bytes: None,
            way: None,
            mounted_from: None,
        }
    }
}

/// Makes the image that would be written to ECS.
fn target_of(context: &Context, built: &Built) -> Result<crate::deploy::TargetImage, Error> {
    let (digest, reference) = (built.digest(), context.first_reference()?);
    let manifests = built.images.iter().map(|image| image.image.digest()).filter(|child| *child != digest).collect();
    Ok(deploy::target(context.name()?, format!("{reference}@{digest}"), digest, manifests))
}

/// Plans the deployments.
async fn deploys(
    parts: &[Part],
    places: &mut [PlacedDeployment],
    targets: &[crate::deploy::TargetImage],
) -> Result<Vec<DeployPlan>, Error> {
    let mut plans = Vec::new();
    for place in places {
        plans.push(place.plan(parts, targets).await?);
    }
    Ok(plans)
}

fn steps(plans: &[DeployPlan]) -> Vec<String> {
    plans.iter().flat_map(DeployPlan::steps).collect()
}

/// Whether ECS would change: unknown where nothing was built.
fn changes(report: &PlanReport) -> Option<bool> {
    (!report.estimated).then(|| report.deploys.iter().any(DeployPlan::changes_anything))
}
