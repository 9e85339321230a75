//! Clusters, and finding services in them.

use serde_json::{Value, json};

use super::arn::short;
use super::document::{Cluster, Service};
use super::operation::Call;
use crate::sandbox::aws_json::{AwsError, Input};

/// The name of an input's cluster, which may be given by its ARN.
pub(super) fn name(input: Input<'_>) -> &str {
    short(input.text("cluster").unwrap_or("default"))
}

/// Finds the cluster of an input.
///
/// # Errors
/// `ClusterNotFoundException`.
pub(super) fn find<'c>(call: &'c Call<'_>, input: Input<'_>) -> Result<&'c Cluster, AwsError> {
    call.document.clusters.get(name(input)).ok_or_else(not_found)
}

/// Finds a service of the input's cluster by its name or its ARN.
///
/// # Errors
/// `ClusterNotFoundException`, `ServiceNotFoundException`.
pub(super) fn find_service<'c>(call: &'c Call<'_>, input: Input<'_>) -> Result<&'c Service, AwsError> {
    let service = short(input.required("service")?);
    find(call, input)?
        .services
        .get(service)
        .ok_or_else(|| AwsError::new("ServiceNotFoundException", "Service not found."))
}

/// The exception for a cluster that does not exist.
pub(super) fn not_found() -> AwsError {
    AwsError::new("ClusterNotFoundException", "Cluster not found.")
}

/// `CreateCluster`: one that exists is given back.
pub(super) fn create(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let name = input.text("clusterName").unwrap_or("default");
    if name.len() > 255 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(AwsError::new("InvalidParameterException", "Invalid cluster name"));
    }
    call.document.clusters.entry(name.to_owned()).or_default();
    Ok(json!({ "cluster": view(call, name) }))
}

/// `DescribeClusters`: one that is missing is a failure within the answer.
pub(super) fn describe(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let names = match input.texts("clusters") {
        names if names.is_empty() => vec!["default"],
        names => names,
    };
    let (known, missing): (Vec<&str>, Vec<&str>) =
        names.into_iter().map(short).partition(|name| call.document.clusters.contains_key(*name));
    let clusters: Vec<Value> = known.into_iter().map(|name| view(call, name)).collect();
    let failures: Vec<Value> =
        missing.into_iter().map(|name| json!({ "arn": call.arns.cluster(name), "reason": "MISSING" })).collect();
    Ok(json!({ "clusters": clusters, "failures": failures }))
}

/// `ListClusters`, all on one page.
pub(super) fn list(call: &Call<'_>) -> Value {
    let arns: Vec<String> = call.document.clusters.keys().map(|name| call.arns.cluster(name)).collect();
    json!({ "clusterArns": arns })
}

/// `ListServices` of what is active, all on one page.
pub(super) fn list_services(call: &Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let services = find(call, input)?.services.values().filter(|service| !service.is_inactive);
    let arns: Vec<String> = services.map(|service| call.arns.service(&service.cluster, &service.name)).collect();
    Ok(json!({ "serviceArns": arns }))
}

fn view(call: &Call<'_>, name: &str) -> Value {
    let services = call.document.clusters.get(name).into_iter().flat_map(|cluster| cluster.services.values());
    let active = services.filter(|service| !service.is_inactive).count();
    json!({
        "clusterArn": call.arns.cluster(name),
        "clusterName": name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": 0,
        "pendingTasksCount": 0,
        "activeServicesCount": active,
        "statistics": [], "tags": [], "settings": [], "capacityProviders": [], "defaultCapacityProviderStrategy": [],
    })
}
