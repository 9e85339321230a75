//! What a deployment reports: each service with its verdict, and the verdict that speaks for all.

use serde::Serialize;

use super::before::BeforeReport;
use super::dossier::Dossier;
use super::schedules::ScheduleReport;
use super::verdict::Verdict;
use crate::ground::Hint;
use crate::oci::Digest;

/// The outcome of a deployment; the top level speaks with the words of the first service that has the exit code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeployReport {
    /// The verdict that decides on the exit code.
    pub verdict: Verdict,
    /// The revision of that service.
    pub task_definition_arn: String,
    /// The deployment of that service.
    pub deployment_arn: Option<String>,
    /// Where that service answers, if that is known.
    pub url: Option<String>,
    /// Whether any revision was registered.
    pub registered: bool,
    /// Every service that was dealt with, in order.
    pub services: Vec<ServiceReport>,
    /// Services that were left as they are, because one before them ended badly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_started: Vec<String>,
    /// The one-off tasks that came before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<BeforeReport>,
    /// The schedules that were moved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleReport>,
}

/// The outcome for one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceReport {
    /// Its name.
    pub name: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why, where the verdict is no good news.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The revision that it was given, or had.
    pub task_definition_arn: String,
    /// The service deployment, where one was seen.
    pub deployment_arn: Option<String>,
    /// The digest that ECS reports for the image; absent where it reports none.
    pub digest: Option<Digest>,
    /// Whether the revision was registered by this run.
    pub registered: bool,
    /// Where it answers, if that is known.
    pub url: Option<String>,
    /// What is known of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dossier: Option<Dossier>,
}

impl ServiceReport {
    /// Makes the report of a service that nobody watched.
    pub(super) fn unwatched(name: &str, verdict: Verdict, task_definition: &str, deployment: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            verdict,
            reason: None,
            task_definition_arn: task_definition.to_owned(),
            deployment_arn: deployment,
            digest: None,
            registered: false,
            url: None,
            dossier: None,
        }
    }
}

impl DeployReport {
    /// Makes the report of services, of which there is at least one.
    pub(crate) fn of(services: Vec<ServiceReport>, not_started: Vec<String>) -> Self {
        let verdicts: Vec<Verdict> = services.iter().map(|service| service.verdict).collect();
        let decisive = Verdict::decisive(&verdicts).and_then(|index| services.get(index));
        Self {
            verdict: decisive.map_or(Verdict::NoChange, |service| service.verdict),
            task_definition_arn: decisive.map(|service| service.task_definition_arn.clone()).unwrap_or_default(),
            deployment_arn: decisive.and_then(|service| service.deployment_arn.clone()),
            url: decisive.and_then(|service| service.url.clone()),
            registered: services.iter().any(|service| service.registered),
            services,
            not_started,
            before: Vec::new(),
            schedules: Vec::new(),
        }
    }

    /// Returns the services that do not have what they had before.
    pub(super) fn changed(&self) -> impl Iterator<Item = &str> {
        let unchanged = [Verdict::NoChange, Verdict::RolledBack];
        let changed = self.services.iter().filter(move |service| !unchanged.contains(&service.verdict));
        changed.map(|service| service.name.as_str())
    }

    /// Makes one report of several, whose services follow one another.
    #[must_use]
    pub fn joined(reports: Vec<Self>) -> Self {
        let (mut services, mut not_started, mut before, mut schedules) = <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
        for report in reports {
            services.extend(report.services);
            not_started.extend(report.not_started);
            before.extend(report.before);
            schedules.extend(report.schedules);
        }
        Self { before, schedules, ..Self::of(services, not_started) }
    }

    /// Returns the exit code of the process.
    pub fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }

    /// Returns what went wrong, one error for each service whose verdict is no good news.
    pub fn failures(&self) -> Vec<BadVerdict> {
        let bad = self.services.iter().filter(|service| service.verdict.exit_code() != 0);
        bad.map(|service| BadVerdict {
            service: service.name.clone(),
            verdict: service.verdict,
            deployment_arn: service.deployment_arn.clone(),
            cause: service.dossier.as_ref().and_then(|dossier| dossier.cause.clone()),
            source: service.reason.clone().map(Reason),
        })
        .collect()
    }
}

/// A service that does not run what was wanted, as an error to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("service `{service}`: {}", words(*verdict))]
pub struct BadVerdict {
    /// The service.
    pub service: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The deployment.
    pub deployment_arn: Option<String>,
    /// The likely cause, where the dossier has one.
    pub cause: Option<String>,
    /// Why, in ECS's words.
    #[source]
    pub source: Option<Reason>,
}

/// Words of ECS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Reason(pub String);

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Successful | Verdict::NoChange => "it runs the image",
        Verdict::NotAwaited => "the deployment was accepted and not awaited",
        Verdict::RolledBack => "the deployment failed and was rolled back",
        Verdict::RollbackFailed => "the deployment failed, and so did going back",
        Verdict::Stopped => "the deployment was stopped",
        Verdict::WrongDigest => "the deployment ended well with a digest that is not ours",
        Verdict::Superseded => "another deployment replaced ours",
        Verdict::Paused => "the deployment waits for an answer",
        Verdict::Unproved => "the deployment ended well, and ECS reports no digest to prove the image with",
        Verdict::Timeout => "the deployment has not ended in time, and goes on",
        Verdict::GivenUp => "its tasks fail one after the other, and the deployment goes on",
    }
}

impl Hint for BadVerdict {
    fn hint(&self) -> Option<String> {
        Some(match self.verdict {
            Verdict::Successful | Verdict::NoChange | Verdict::NotAwaited => return None,
            Verdict::RolledBack | Verdict::RollbackFailed | Verdict::Stopped | Verdict::GivenUp => {
                self.cause.clone().unwrap_or_else(|| {
                    "look at the service's events above and at the logs of its stopped tasks; ECS keeps those for an hour"
                        .to_owned()
                })
            }
            Verdict::WrongDigest => {
                "find out who else writes to this service or to its tag, and run this again".to_owned()
            }
            Verdict::Unproved => "leave `--strict` away where ECS reports no digests".to_owned(),
            Verdict::Superseded => "the newer deployment decides now: `dockless status` shows it".to_owned(),
            Verdict::Paused => {
                "answer its hook with `dockless continue`, or `dockless continue --rollback` for no".to_owned()
            }
            Verdict::Timeout => {
                "await it with `dockless status --wait`, or give `deploy.wait.timeout` more time".to_owned()
            }
        })
    }
}
