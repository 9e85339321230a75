//! From the SDK's types, where everything is optional, to ours.

use aws_sdk_ecs::types as sdk;

use super::service::{Controller, RolloutConfig, Service, ServiceEvent, ServiceRollout, Strategy};
use super::service_deployment::{
    ContainerImage, DeploymentBrief, RevisionCounts, ServiceDeployment, ServiceRevision, Status,
};
use crate::ground::Timestamp;

fn owned(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

pub(super) fn service(service: &sdk::Service) -> Service {
    let controller = match service.deployment_controller() {
        Some(controller) if *controller.r#type() != sdk::DeploymentControllerType::Ecs => {
            Controller::Other(controller.r#type().as_str().to_owned())
        }
        _ => Controller::Ecs,
    };
    Service {
        name: owned(service.service_name()),
        arn: owned(service.service_arn()),
        status: owned(service.status()),
        controller,
        task_definition: owned(service.task_definition()),
        desired: service.desired_count(),
        rollout: service.deployment_configuration().map(rollout_config).unwrap_or_default(),
        deployments: service.deployments().iter().map(rollout).collect(),
        current_revisions: service
            .current_service_revisions()
            .iter()
            .filter_map(|revision| revision.arn().map(str::to_owned))
            .collect(),
        events: service.events().iter().map(event).collect(),
        target_groups: target_groups(service),
    }
}

fn target_groups(service: &sdk::Service) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for balancer in service.load_balancers() {
        let other = balancer.advanced_configuration().and_then(|advanced| advanced.alternate_target_group_arn());
        for arn in balancer.target_group_arn().into_iter().chain(other) {
            if !groups.iter().any(|known| known == arn) {
                groups.push(arn.to_owned());
            }
        }
    }
    groups
}

fn rollout_config(config: &sdk::DeploymentConfiguration) -> RolloutConfig {
    // The defaults are those of the API reference for members that the answer leaves out.
    let strategy = match config.strategy() {
        Some(sdk::DeploymentStrategy::BlueGreen) => Strategy::BlueGreen,
        Some(sdk::DeploymentStrategy::Linear) => {
            let linear = config.linear_configuration();
            Strategy::Linear {
                step_percent: linear.and_then(|linear| linear.step_percent()).unwrap_or(10.0),
                step_bake_minutes: linear.and_then(|linear| linear.step_bake_time_in_minutes()).unwrap_or(6),
            }
        }
        Some(sdk::DeploymentStrategy::Canary) => Strategy::Canary {
            canary_bake_minutes: config
                .canary_configuration()
                .and_then(|canary| canary.canary_bake_time_in_minutes())
                .unwrap_or(10),
        },
        _ => Strategy::Rolling,
    };
    let circuit_breaker = config.deployment_circuit_breaker().is_some_and(|breaker| breaker.enable());
    RolloutConfig { strategy, bake_minutes: config.bake_time_in_minutes(), circuit_breaker }
}

fn rollout(deployment: &sdk::Deployment) -> ServiceRollout {
    ServiceRollout {
        id: owned(deployment.id()),
        status: owned(deployment.status()),
        task_definition: owned(deployment.task_definition()),
        rollout_state: deployment.rollout_state().map(|state| state.as_str().to_owned()),
        desired: deployment.desired_count(),
        running: deployment.running_count(),
        pending: deployment.pending_count(),
        failed_tasks: deployment.failed_tasks(),
    }
}

fn event(event: &sdk::ServiceEvent) -> ServiceEvent {
    let at = event.created_at().and_then(|at| at.to_millis().ok()).unwrap_or_default();
    ServiceEvent { id: owned(event.id()), at: Timestamp::from_millis(at), message: owned(event.message()) }
}

pub(super) fn brief(brief: &sdk::ServiceDeploymentBrief) -> DeploymentBrief {
    DeploymentBrief {
        arn: owned(brief.service_deployment_arn()),
        target_revision: owned(brief.target_service_revision_arn()),
        status: Status::parse(brief.status().map_or("", |status| status.as_str())),
        reason: brief.status_reason().map(str::to_owned),
    }
}

pub(super) fn deployment(deployment: &sdk::ServiceDeployment) -> ServiceDeployment {
    let target = deployment.target_service_revision().map(|target| RevisionCounts {
        arn: owned(target.arn()),
        requested: target.requested_task_count(),
        running: target.running_task_count(),
        pending: target.pending_task_count(),
        traffic: target.requested_production_traffic_weight(),
    });
    let awaiting = |hook: &&sdk::DeploymentLifecycleHookDetail| {
        hook.status() == Some(&sdk::DeploymentLifecycleHookStatus::AwaitingAction)
    };
    ServiceDeployment {
        arn: owned(deployment.service_deployment_arn()),
        status: Status::parse(deployment.status().map_or("", |status| status.as_str())),
        reason: deployment.status_reason().map(str::to_owned),
        stage: deployment.lifecycle_stage().map(|stage| stage.as_str().to_owned()),
        target: target.unwrap_or_default(),
        awaiting_hooks: deployment
            .lifecycle_hook_details()
            .iter()
            .filter(awaiting)
            .map(|hook| owned(hook.hook_id()))
            .collect(),
        rollback_reason: deployment.rollback().and_then(|rollback| rollback.reason()).map(str::to_owned),
        failures: deployment.deployment_circuit_breaker().map(|breaker| (breaker.failure_count(), breaker.threshold())),
        alarms: deployment.alarms().map(|alarms| alarms.triggered_alarm_names().to_vec()).unwrap_or_default(),
        early_success: deployment
            .deployment_configuration()
            .and_then(|config| config.early_success_criteria())
            .is_some_and(|criteria| criteria.enable()),
    }
}

pub(super) fn revision(revision: &sdk::ServiceRevision) -> ServiceRevision {
    let image = |image: &sdk::ContainerImage| ContainerImage {
        container: owned(image.container_name()),
        image: image.image().map(str::to_owned),
        digest: image.image_digest().map(str::to_owned),
    };
    ServiceRevision {
        arn: owned(revision.service_revision_arn()),
        task_definition: owned(revision.task_definition()),
        images: revision.container_images().iter().map(image).collect(),
    }
}
