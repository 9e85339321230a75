//! Service revisions: what a deployment deploys, with the digests that prove it.

use serde_json::{Value, json};

use super::document::{Deployment, Service};
use super::operation::Call;
use crate::sandbox::aws_json::{AwsError, Input, time};

/// `DescribeServiceRevisions`, of at most 20.
pub(super) fn describe(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let arns = input.texts("serviceRevisionArns");
    if arns.is_empty() || arns.len() > 20 {
        return Err(AwsError::new("InvalidParameterException", "serviceRevisionArns must have 1 to 20 members"));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in arns {
        match find(call, arn) {
            Some((service, deployment)) => found.push(view(call, service, deployment)),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "serviceRevisions": found, "failures": failures }))
}

fn find<'c>(call: &'c Call<'_>, arn: &str) -> Option<(&'c Service, &'c Deployment)> {
    let mut parts = arn.strip_prefix("arn:")?.rsplit('/');
    let (number, name, cluster) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    let service = call.document.clusters.get(cluster)?.services.get(name)?;
    let deployment = service.visible(call.as_of).iter().find(|deployment| deployment.number == number)?;
    (call.arns.revision(cluster, name, number) == arn).then_some((service, deployment))
}

fn view(call: &Call<'_>, service: &Service, deployment: &Deployment) -> Value {
    let images: Vec<Value> = deployment
        .images
        .iter()
        .map(|image| {
            let mut view = json!({ "containerName": image.container, "image": image.image });
            if let Some(digest) = &image.revision_digest {
                view["imageDigest"] = json!(digest);
            }
            view
        })
        .collect();
    let mut view = json!({
        "serviceRevisionArn": call.arns.revision(&service.cluster, &service.name, deployment.number),
        "serviceArn": call.arns.service(&service.cluster, &service.name),
        "clusterArn": call.arns.cluster(&service.cluster),
        "taskDefinition": deployment.task_definition,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "containerImages": images,
        "guardDutyEnabled": false,
        "createdAt": time(deployment.created_at),
    });
    for key in [
        "capacityProviderStrategy",
        "launchType",
        "loadBalancers",
        "networkConfiguration",
        "platformVersion",
        "serviceConnectConfiguration",
        "serviceRegistries",
        "volumeConfigurations",
        "vpcLatticeConfigurations",
    ] {
        if let Some(value) = deployment.settings.get(key) {
            view[key] = value.clone();
        }
    }
    view
}
