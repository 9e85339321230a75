//! What stops a deployment, and whether anything was changed by then.

use super::answer::AnswerError;
use super::api_error::ApiError;
use super::before_error::BeforeError;
use super::containers::ContainerError;
use super::definition_file::TaskDefinitionFileError;
use super::preflight::Finding;
use super::rollback::RollbackError;
use super::schedules::ScheduleError;
use super::task_definition::TaskDefinitionError;
use crate::ground::Hint;

/// Where a deployment goes, as errors name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The cluster, as the build file names it.
    pub cluster: String,
    /// The region that was asked.
    pub region: Option<String>,
    /// The account that was asked, where it is known.
    pub account: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cluster `{}`", self.cluster)?;
        self.region.iter().try_for_each(|region| write!(f, " in {region}"))?;
        self.account.iter().try_for_each(|account| write!(f, " of account {account}"))
    }
}

/// What an error means for the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Nothing was changed.
    Refused,
    /// Something was changed, and what was wanted is not reached.
    HalfWay,
    /// A one-off task before failed; no service was changed.
    BeforeFailed,
}

impl ErrorClass {
    /// Returns the exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Refused => 12,
            Self::HalfWay => 7,
            Self::BeforeFailed => 13,
        }
    }
}

/// A deployment that ends without a verdict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// No region is known.
    #[error("no AWS region is known for cluster `{0}`")]
    NoRegion(String),
    /// ECS refused to describe what is there, or could not be reached.
    #[error("cannot read {what} ({place})")]
    Read {
        /// What was asked for.
        what: String,
        /// Where.
        place: Place,
        /// Why not.
        source: Box<ApiError>,
    },
    /// The cluster does not exist in this region and account.
    #[error("there is no {place}")]
    ClusterNotFound {
        /// Where it was looked for.
        place: Place,
        /// A cluster there with a similar name.
        nearest: Option<String>,
    },
    /// The service does not exist in the cluster.
    #[error("there is no service `{service}` in {place}")]
    ServiceNotFound {
        /// The service.
        service: String,
        /// Where it was looked for.
        place: Place,
        /// A service there with a similar name.
        nearest: Option<String>,
    },
    /// The service is deleted, or being deleted.
    #[error("service `{service}` of {place} is {status}")]
    ServiceNotActive {
        /// The service.
        service: String,
        /// ECS's word: `INACTIVE` or `DRAINING`.
        status: String,
        /// Where it is.
        place: Place,
    },
    /// The service's deployments are not ECS's own.
    #[error("service `{service}` is deployed by the controller {controller}, not by ECS")]
    Controller {
        /// The service.
        service: String,
        /// The controller, in ECS's words.
        controller: String,
    },
    /// No container of the task definition is the one.
    #[error("cannot tell which container of service `{service}` gets the image")]
    Container {
        /// The service.
        service: String,
        /// Why not.
        source: ContainerError,
    },
    /// The task definition file cannot be used.
    #[error(transparent)]
    File(#[from] TaskDefinitionFileError),
    /// ECS describes something that is no task definition.
    #[error("ECS describes `{arn}` in a way that cannot be registered again")]
    Described {
        /// The revision.
        arn: String,
        /// Why not.
        source: TaskDefinitionError,
    },
    /// The deployment of a service that is not rolling cannot be observed without three rights.
    #[error("the verdict on service `{service}` needs rights that are missing")]
    VerdictRights {
        /// The service.
        service: String,
        /// The refusal.
        source: Box<ApiError>,
    },
    /// An ARN is of another region than the one that is asked.
    #[error("`{arn}` is in region {named}, and region {asked} is asked")]
    OtherRegion {
        /// The ARN.
        arn: String,
        /// Its region.
        named: String,
        /// The region that is asked.
        asked: String,
    },
    /// What runs belongs to a later deployment than ours.
    #[error("service `{service}` runs a later deployment: its order is {running}, and ours is {ours}")]
    OutOfOrder {
        /// The service.
        service: String,
        /// Our place among deployments.
        ours: u64,
        /// The place of what runs.
        running: u64,
    },
    /// The image lies in another account, whose repository does not admit the service's.
    #[error("service `{service}` of account {own} may not pull `{repository}` of account {account}: {why}")]
    ForeignImage {
        /// The service.
        service: String,
        /// The service's account.
        own: String,
        /// The image's repository.
        repository: String,
        /// The image's account.
        account: String,
        /// Why not.
        why: &'static str,
    },
    /// The image lies in another account, and nothing says whether its repository admits the service's.
    #[error(
        "service `{service}` of account {own} takes no image from account {account} so far, and whether it may pull \
         `{repository}` is not known"
    )]
    ForeignUnknown {
        /// The service.
        service: String,
        /// The service's account.
        own: String,
        /// The image's repository.
        repository: String,
        /// The image's account.
        account: String,
        /// Why the repository's policy is not known.
        source: Box<ApiError>,
    },
    /// Another deployment of the service did not end in time.
    #[error("service `{service}` has an active deployment, `{deployment}`{}", waited(*waited_s))]
    ActiveDeployment {
        /// The service.
        service: String,
        /// The deployment's ARN.
        deployment: String,
        /// How long it was waited for, in seconds.
        waited_s: u64,
    },
    /// The service was given another task definition after the plan was made.
    #[error("service `{service}` changed since the plan was made: it has `{now}` instead of `{planned}`")]
    Moved {
        /// The service.
        service: String,
        /// The task definition that the plan starts from.
        planned: String,
        /// The task definition that it has now.
        now: String,
    },
    /// A revision cannot be registered.
    #[error("cannot register the next revision of `{family}`")]
    Register {
        /// The family.
        family: String,
        /// Why not.
        source: Box<ApiError>,
    },
    /// A service cannot be updated.
    #[error("cannot update service `{service}`; {leftover}")]
    Update {
        /// The service.
        service: String,
        /// What became of the revision that was registered for it.
        leftover: Leftover,
        /// Why not.
        source: Box<ApiError>,
    },
    /// A one-off task before cannot be what the build file says.
    #[error("cannot tell which container of task `{task}` is meant")]
    BeforeContainer {
        /// The task.
        task: String,
        /// Why not.
        source: ContainerError,
    },
    /// A one-off task before did not do what it should.
    #[error("no service was changed; {leftover}")]
    Before {
        /// What became of the revisions that were registered.
        leftover: Leftover,
        /// What became of the task.
        source: Box<BeforeError>,
    },
    /// A schedule cannot be moved.
    #[error("cannot deal with `deploy.schedules`")]
    Schedule(#[from] ScheduleError),
    /// The services run the image, and a schedule does not start it.
    #[error("the services run the image, and not every schedule does")]
    ScheduleLeft(#[source] ScheduleError),
    /// There is nothing to go back to.
    #[error(transparent)]
    Rollback(#[from] RollbackError),
    /// No deployment waits for an answer.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// Something would not work, and is not to be tried.
    #[error("the preflight has {} finding{}", findings.len(), if findings.len() == 1 { "" } else { "s" })]
    Preflight {
        /// What was found.
        findings: Vec<Finding>,
    },
    /// An error that would have changed nothing, after other services were updated.
    #[error("service {} changed already when the deployment stopped", listed(updated))]
    AfterChanges {
        /// The services that were updated.
        updated: Vec<String>,
        /// What stopped it.
        source: Box<DeployError>,
    },
}

/// What became of a revision that no service runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// None was registered.
    Nothing,
    /// It was deregistered again.
    Deregistered(String),
    /// It is still there.
    Left(String),
}

impl std::fmt::Display for Leftover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("no revision was registered for it"),
            Self::Deregistered(arn) => write!(f, "`{arn}`, registered for it, was deregistered again"),
            Self::Left(arn) => write!(f, "`{arn}`, registered for it, is left behind"),
        }
    }
}

fn waited(seconds: u64) -> String {
    if seconds == 0 { String::new() } else { format!(", which did not end in {seconds} s") }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl DeployError {
    /// Returns what the error means for the process.
    pub fn class(&self) -> ErrorClass {
        match self {
            // Nothing was registered for it, and ECS itself said no: all is as it was.
            Self::Update { leftover: Leftover::Nothing, source, .. } if source.is_refusal() => ErrorClass::Refused,
            Self::Update { .. } | Self::AfterChanges { .. } | Self::ScheduleLeft(_) => ErrorClass::HalfWay,
            Self::Answer(error) => error.class(),
            Self::Rollback(error) => error.class(),
            Self::Before { source, .. } => source.class(),
            _ => ErrorClass::Refused,
        }
    }
}

/// The actions that a verdict needs, on services, service deployments and service revisions.
pub const VERDICT_ACTIONS: [&str; 3] =
    ["ecs:ListServiceDeployments", "ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions"];

impl Hint for DeployError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRegion(_) => Some("set `deploy.region` in build.yaml, or AWS_REGION".to_owned()),
            Self::Read { source, .. } | Self::Register { source, .. } => source.hint(),
            Self::Update { source, leftover, .. } => match leftover {
                Leftover::Left(arn) => Some(format!(
                    "take it away with `aws ecs deregister-task-definition --task-definition {arn}`{}",
                    source.hint().map(|hint| format!("; {hint}")).unwrap_or_default()
                )),
                _ => source.hint(),
            },
            Self::ClusterNotFound { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`? set it as `deploy.cluster`"))
            }
            Self::ClusterNotFound { .. } => Some("check `deploy.cluster`, `deploy.region` and AWS_PROFILE".to_owned()),
            Self::ServiceNotFound { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`? set it in `deploy.services`"))
            }
            Self::ServiceNotFound { service, place, .. } => Some(format!(
                "create it with `aws ecs create-service --cluster {} --service-name {service} ...`, or correct \
                 `deploy.services`",
                place.cluster
            )),
            Self::ServiceNotActive { .. } => Some("create it again, or take it out of `deploy.services`".to_owned()),
            Self::Controller { .. } => Some(
                "give the service the deployment controller ECS with `aws ecs update-service \
                 --deployment-controller type=ECS`, or take it out of `deploy.services`"
                    .to_owned(),
            ),
            Self::Container { source, .. } => source.hint(),
            Self::File(error) => error.hint(),
            Self::Described { .. } => Some("give `deploy.task_definition` a file instead of `live`".to_owned()),
            Self::VerdictRights { .. } => {
                Some(format!("allow {} in the IAM policy, or use --no-wait", VERDICT_ACTIONS.join(", ")))
            }
            Self::ActiveDeployment { .. } => Some(
                "wait for it to end and run this again, or set `deploy.on_active_deployment: supersede` to take its place"
                    .to_owned(),
            ),
            Self::OtherRegion { named, .. } => Some(format!("set `deploy.region: {named}` in build.yaml")),
            Self::OutOfOrder { .. } => Some(
                "run the newest pipeline instead; to go back on purpose use `dockless rollback`, or --force".to_owned(),
            ),
            Self::ForeignImage { account, own, .. } => Some(admit(account, own)),
            Self::ForeignUnknown { account, own, .. } => Some(look_up(account, own)),
            Self::Moved { .. } => Some("run this again: it starts from what the service has now".to_owned()),
            Self::AfterChanges { source, .. } => source.hint(),
            Self::BeforeContainer { source, .. } => source.hint(),
            Self::Before { source, .. } => source.hint(),
            Self::Schedule(error) | Self::ScheduleLeft(error) => error.hint(),
            Self::Rollback(error) => error.hint(),
            Self::Answer(error) => error.hint(),
            Self::Preflight { .. } => {
                Some("follow the hints of the warnings above, or leave `--strict` away".to_owned())
            }
        }
    }
}

fn admit(account: &str, own: &str) -> String {
    format!(
        "copy the image to account {own} with `dockless copy`, or add to the repository's policy in {account}: \
         {{\"Effect\": \"Allow\", \"Principal\": {{\"AWS\": \"arn:aws:iam::{own}:root\"}}, \"Action\": \
         [\"ecr:BatchGetImage\", \"ecr:GetDownloadUrlForLayer\"]}}; --force goes on without it"
    )
}

fn look_up(account: &str, own: &str) -> String {
    format!(
        "use --force if the repository's policy in {account} admits account {own}; allow `ecr:GetRepositoryPolicy` there to \
         have it looked up"
    )
}
