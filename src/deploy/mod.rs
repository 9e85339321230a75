//! Floor 6: Amazon ECS: the next revision, the plan, the verdict.
//!
//! [`Deployment::prepare`] reads what is there and refuses before anything is built; [`Deployment::plan`] says, as
//! data, what an image's deployment will do; [`Deployment::apply`] does it and ends with the verdict on the service
//! deployment that it started, identified by its ARN, and with the digest that ECS reports for it.
//! [`Deployment::deploy`] is all three after another look.
//!
//! Sources obeyed: the Amazon ECS API reference for `2014-11-13`, and the members of the SDK's own model.

mod answer;
mod api_error;
mod apply;
mod arn;
mod aws;
mod balancer;
mod before;
mod before_error;
mod canonical;
mod containers;
mod definition_edit;
mod definition_file;
mod deployment;
mod diff;
mod dossier;
mod ecr_repository;
mod error;
mod fargate;
mod fleet;
mod going_back;
mod guards;
mod history;
mod identity;
mod lifecycle;
mod live_images;
mod look;
mod model;
mod observation;
mod one_off;
mod options;
mod order;
mod own_definition;
mod plan;
mod policy;
mod preflight;
mod preflight_run;
mod proof;
mod raw_body;
mod registering;
mod report;
mod repository_policy;
mod rights;
mod rollback;
mod running_tasks;
mod schedule_calls;
mod schedule_document;
mod schedules;
mod sdk_view;
mod service;
mod service_deployment;
mod share;
mod standing;
mod status;
mod summary;
mod task_definition;
mod task_log;
mod timing;
mod together;
mod verdict;
mod verdict_table;
mod wait;

pub use answer::{Answer, AnswerError};
pub use api_error::ApiError;
pub use aws::{DescribedServices, Ecs, RawTaskDefinition};
pub use before::{BeforeReport, BeforeRun};
pub use before_error::BeforeError;
pub use containers::{ContainerError, choose};
pub use definition_file::{FillIn, TaskDefinitionFileError, Unfilled};
pub use deployment::Deployment;
pub use diff::{Change, diff};
pub use dossier::{Dossier, EventLine, FailedContainer, StoppedGroup, UnhealthyTarget, meaning};
pub use error::{DeployError, ErrorClass, Leftover, Place, VERDICT_ACTIONS};
pub use history::PastDeployment;
pub use look::look_at;
pub use options::DeployOptions;
pub use order::OrderTag;
pub use plan::{Action, DeployPlan, Revision, TargetImage};
pub use policy::{FEATURES, Feature, Statement, policy_page};
pub use preflight::{Candidate, Finding, ImageFacts, examine};
pub use report::{BadVerdict, DeployReport, Reason, ServiceReport};
pub use rollback::{RollbackError, RollbackPlan, RollbackReport, RollbackStep};
pub use running_tasks::RunningTasks;
pub use schedules::{ScheduleError, ScheduleMove, ScheduleReport};
pub use service::{Controller, RolloutConfig, Service, ServiceEvent, ServiceRollout, Strategy};
pub use service_deployment::{
    ContainerImage, DeploymentBrief, RevisionCounts, ServiceDeployment, ServiceRevision, Status,
};
pub use share::Share;
pub use standing::{Last, Standing, Witness};
pub use status::{DeploymentStatus, RunningImage, ServiceStatus};
pub use summary::summary;
pub use task_definition::{Container, TaskDefinition, TaskDefinitionError};
pub use timing::{Pauses, timeout};
pub use together::{Together, deploy_together};
pub use verdict::{
    Footprint, Judgement, OurRollout, Proof, Verdict, find_by_task_definition, find_ours, find_standing, judge,
    judge_rollout, newer_than, prove,
};
pub use verdict_table::verdict_table;

#[cfg(test)]
mod tests;
