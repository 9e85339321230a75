//! The proof that the digest which runs is ours: what ECS reports of the service revision, else of the tasks.

use std::time::Duration;

use super::api_error::ApiError;
use super::aws::Ecs;
use super::observation::ServiceState;
use super::options::DeployOptions;
use super::plan::TargetImage;
use super::service_deployment::ContainerImage;
use super::verdict::{self, Judgement, Proof, Verdict};
use crate::ground::Hint;
use crate::oci::Digest;

/// ECS reports digests a little later than the status that they belong to.
const LOOKS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

/// What of a service is to be proved.
pub(super) struct Claim<'a> {
    pub(super) ecs: &'a Ecs,
    pub(super) options: &'a DeployOptions,
    pub(super) cluster: &'a str,
    pub(super) state: &'a ServiceState,
    pub(super) targets: &'a [TargetImage],
    /// The ARN of the task definition whose tasks count.
    pub(super) task_definition: &'a str,
}

/// A proof, and what it makes of a good end.
pub(super) struct Proved {
    pub(super) judgement: Judgement,
    pub(super) digest: Option<Digest>,
}

impl Claim<'_> {
    /// Proves a deployment that ended well by its service revision; where that reports nothing, by its tasks.
    pub(super) async fn prove(&self, good: Verdict, revision: Option<&str>) -> Proved {
        let mut proof = Proof::NotReported;
        for look in 1..=LOOKS {
            if let Some(revision) = revision {
                proof = self.by_revision(revision).await;
            }
            if proof == Proof::NotReported {
                proof = self.by_tasks(revision).await;
            }
            if proof != Proof::NotReported || self.state.service.desired == 0 || look == LOOKS {
                break;
            }
            self.options.clock.sleep(PAUSE).await;
        }
        self.judge(good, proof)
    }

    /// Proves what runs already by the images that were read of its service revision, else by its tasks.
    pub(super) async fn prove_standing(&self, good: Verdict, images: &[ContainerImage]) -> Proved {
        let proof = match verdict::prove(images, &self.state.wanted(self.targets)) {
            Proof::NotReported => self.by_tasks(None).await,
            other => other,
        };
        self.judge(good, proof)
    }

    async fn by_revision(&self, revision: &str) -> Proof {
        match self.ecs.describe_service_revisions(&[revision.to_owned()]).await {
            Ok(revisions) => {
                let images = revisions.first().map(|revision| revision.images.as_slice()).unwrap_or_default();
                verdict::prove(images, &self.state.wanted(self.targets))
            }
            Err(_) => Proof::NotReported,
        }
    }

    /// Asks the tasks that run. Those of another deployment do not count, where it is known which one is ours.
    async fn by_tasks(&self, revision: Option<&str>) -> Proof {
        if self.state.service.desired == 0 || self.state.edits.is_empty() {
            return Proof::NotReported;
        }
        let started_by = revision.map(|revision| format!("ecs-svc/{}", super::arn::last_part(revision)));
        let images = match self.images_of_tasks(started_by.as_deref()).await {
            Ok(images) => images,
            Err(error) => {
                self.options.warn(format!("the tasks could not be asked for their digests: {error}"), error.hint());
                return Proof::NotReported;
            }
        };
        let mut proof = Proof::NotReported;
        for images in &images {
            match verdict::prove(images, &self.state.wanted(self.targets)) {
                Proof::NotReported => {}
                different @ Proof::Different { .. } => return different,
                ours => proof = ours,
            }
        }
        proof
    }

    async fn images_of_tasks(&self, started_by: Option<&str>) -> Result<Vec<Vec<ContainerImage>>, ApiError> {
        let arns = self.ecs.list_tasks(self.cluster, &self.state.service.name, false).await?;
        let tasks = self.ecs.describe_seen_tasks(self.cluster, &arns).await?;
        let known = tasks.iter().any(|task| started_by == Some(task.started_by.as_str()));
        let ours = tasks.into_iter().filter(|task| {
            task.task_definition == self.task_definition && (!known || started_by == Some(task.started_by.as_str()))
        });
        let image = |one: super::dossier::SeenContainer| ContainerImage {
            container: one.name,
            image: None,
            digest: one.digest,
        };
        Ok(ours.map(|task| task.containers.into_iter().map(image).collect()).collect())
    }

    fn judge(&self, good: Verdict, proof: Proof) -> Proved {
        match proof {
            Proof::Ours(digest) => Proved { judgement: Judgement::new(good, None), digest: Some(digest) },
            Proof::NotReported => {
                self.options.note(format!("service `{}`: digest not reported by ECS", self.state.spec.name));
                // Where no container is to be proved, nothing is demanded either.
                let demanded = self.options.strict && !self.state.edits.is_empty();
                let judgement = match demanded {
                    true => Judgement::new(Verdict::Unproved, Some("digest not reported".to_owned())),
                    false => Judgement::new(good, None),
                };
                Proved { judgement, digest: None }
            }
            Proof::Different { container, reported } => {
                let wanted = self.state.wanted(self.targets);
                let ours = wanted
                    .iter()
                    .find(|(name, _)| *name == container)
                    .map_or_else(String::new, |(_, target)| target.digest.to_string());
                let reason = format!("container `{container}` runs `{reported}`, and `{ours}` was deployed");
                let judgement = Judgement::new(Verdict::WrongDigest, Some(reason));
                Proved { judgement, digest: reported.parse().ok() }
            }
        }
    }
}
