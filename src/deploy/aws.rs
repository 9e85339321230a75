//! The calls to ECS that a deployment makes, each with what it sends and nothing else.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_ecs::types::TaskDefinitionField;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_types::SdkConfig;
use serde_json::Value;

use super::api_error::ApiError;
use super::raw_body::{RequestBody, ResponseBody};
use super::sdk_view;
use super::service::Service;
use super::service_deployment::{DeploymentBrief, ServiceDeployment, ServiceRevision};
use crate::net::{AwsCalls, Connector};

/// ECS takes at most this many names in one DescribeServices.
const SERVICES_A_CALL: usize = 10;
/// ECS takes at most this many ARNs in one DescribeServiceDeployments or DescribeServiceRevisions.
const DEPLOYMENTS_A_CALL: usize = 20;
/// The newest deployments of a service that are looked at: one page, the largest.
const NEWEST_DEPLOYMENTS: i32 = 100;
/// Names that are read for a suggestion.
const NAMES_FOR_SUGGESTION: i32 = 100;

/// The SDK takes `LimitExceededException` for a rate that was exceeded and asks again and again; at ECS it is a quota.
#[derive(Debug)]
struct QuotaIsNoThrottle;

impl ClassifyRetry for QuotaIsNoThrottle {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        // The typed error differs from operation to operation; the answer's own word is the same in all.
        let body = context.response().and_then(|response| response.body().bytes()).unwrap_or_default();
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = answer["__type"].as_str().and_then(|code| code.rsplit('#').next());
        match code {
            Some("LimitExceededException") => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "QuotaIsNoThrottle"
    }
}

/// A client of Amazon ECS in one region.
#[derive(Clone, Debug)]
pub struct Ecs {
    client: Client,
    config: SdkConfig,
    calls: AwsCalls,
}

/// A task definition as ECS holds it, not reduced to what this program knows.
#[derive(Clone, Debug, PartialEq)]
pub struct RawTaskDefinition {
    /// The member `taskDefinition` of the answer.
    pub definition: Value,
    /// The member `tags` of the answer, beside it.
    pub tags: Vec<Value>,
}

/// What DescribeServices says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedServices {
    /// The services that exist or existed.
    pub services: Vec<Service>,
    /// The ARNs of those that ECS does not know.
    pub missing: Vec<String>,
}

impl Ecs {
    /// Makes a client. Nothing is sent.
    pub fn new(config: &SdkConfig, connector: &Connector) -> Self {
        let calls = AwsCalls::new(config, connector);
        let own = aws_sdk_ecs::config::Builder::from(config).retry_classifier(QuotaIsNoThrottle).build();
        Self { client: Client::from_conf(own), config: config.clone(), calls }
    }

    /// Returns the SDK's client.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns what sends calls to other services.
    pub(super) fn calls(&self) -> &AwsCalls {
        &self.calls
    }

    /// Returns the region that is asked, if the configuration has one.
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// Returns the configuration that the client was made of.
    pub(super) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Describes services of a cluster by name or ARN.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached; an unknown service is no error, an unknown cluster is.
    pub async fn describe_services(&self, cluster: &str, names: &[String]) -> Result<DescribedServices, ApiError> {
        let mut all = DescribedServices::default();
        for names in names.chunks(SERVICES_A_CALL) {
            let call = self.client.describe_services().cluster(cluster).set_services(Some(names.to_vec()));
            let output = call.send().await.map_err(|error| ApiError::of("DescribeServices", error))?;
            all.services.extend(output.services().iter().map(sdk_view::service));
            all.missing.extend(output.failures().iter().filter_map(|failure| failure.arn().map(str::to_owned)));
        }
        Ok(all)
    }

    /// Describes one service that is known to exist.
    ///
    /// # Errors
    /// When ECS refuses, cannot be reached, or does not know the service any more.
    pub async fn describe_service(&self, cluster: &str, name: &str) -> Result<Service, ApiError> {
        let described = self.describe_services(cluster, &[name.to_owned()]).await?;
        described.services.into_iter().next().ok_or_else(|| ApiError::malformed("DescribeServices", "service"))
    }

    /// Lists the names of services of a cluster, for a suggestion: one page.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached.
    pub async fn list_service_names(&self, cluster: &str) -> Result<Vec<String>, ApiError> {
        let call = self.client.list_services().cluster(cluster).max_results(NAMES_FOR_SUGGESTION);
        let output = call.send().await.map_err(|error| ApiError::of("ListServices", error))?;
        Ok(output.service_arns().iter().map(|arn| super::arn::last_part(arn).to_owned()).collect())
    }

    /// Lists the names of clusters, for a suggestion: one page.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached.
    pub async fn list_cluster_names(&self) -> Result<Vec<String>, ApiError> {
        let call = self.client.list_clusters().max_results(NAMES_FOR_SUGGESTION);
        let output = call.send().await.map_err(|error| ApiError::of("ListClusters", error))?;
        Ok(output.cluster_arns().iter().map(|arn| super::arn::last_part(arn).to_owned()).collect())
    }

    /// Describes a task definition with its tags, every member kept.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached, or answers with something else.
    pub async fn describe_task_definition_raw(&self, name: &str) -> Result<RawTaskDefinition, ApiError> {
        const OPERATION: &str = "DescribeTaskDefinition";
        let body = ResponseBody::default();
        let call = self.client.describe_task_definition().task_definition(name).include(TaskDefinitionField::Tags);
        let sent = call.customize().interceptor(body.clone()).send().await;
        sent.map_err(|error| ApiError::of(OPERATION, error))?;
        let mut answer: Value =
            serde_json::from_slice(&body.take()).map_err(|_| ApiError::malformed(OPERATION, "JSON document"))?;
        let definition = answer["taskDefinition"].take();
        if !definition.is_object() {
            return Err(ApiError::malformed(OPERATION, "`taskDefinition`"));
        }
        let tags = match answer["tags"].take() {
            Value::Array(tags) => tags,
            _ => Vec::new(),
        };
        Ok(RawTaskDefinition { definition, tags })
    }

    /// Registers a task definition from the document as it is, and returns the new revision's ARN.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached. After a time-out the revision may exist.
    pub async fn register_raw(&self, document: &Value) -> Result<String, ApiError> {
        const OPERATION: &str = "RegisterTaskDefinition";
        let call = self.client.register_task_definition().customize();
        let sent = call.interceptor(RequestBody(document.to_string().into_bytes())).send().await;
        let output = sent.map_err(|error| ApiError::of(OPERATION, error))?;
        let arn = output.task_definition().and_then(|definition| definition.task_definition_arn());
        arn.map(str::to_owned).ok_or_else(|| ApiError::malformed(OPERATION, "`taskDefinitionArn`"))
    }

    /// Takes a revision out of use.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached.
    pub async fn deregister(&self, arn: &str) -> Result<(), ApiError> {
        let call = self.client.deregister_task_definition().task_definition(arn);
        call.send().await.map_err(|error| ApiError::of("DeregisterTaskDefinition", error))?;
        Ok(())
    }

    /// Sets a tag of a revision; the others stay.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached.
    pub async fn tag(&self, arn: &str, key: &str, value: &str) -> Result<(), ApiError> {
        let tag = aws_sdk_ecs::types::Tag::builder().key(key).value(value).build();
        let call = self.client.tag_resource().resource_arn(arn).tags(tag);
        call.send().await.map_err(|error| ApiError::of("TagResource", error))?;
        Ok(())
    }

    /// Tells a service to run a revision. Cluster, service and task definition are sent, and nothing else unless a new
    /// deployment is forced: every member that is sent is a member that is changed.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached. After a time-out the service may be updated.
    pub async fn update_service(
        &self,
        cluster: &str,
        service: &str,
        task_definition: &str,
        force_new_deployment: bool,
    ) -> Result<Service, ApiError> {
        let call = self.client.update_service().cluster(cluster).service(service).task_definition(task_definition);
        let call = if force_new_deployment { call.force_new_deployment(true) } else { call };
        let output = call.send().await.map_err(|error| ApiError::of("UpdateService", error))?;
        output.service().map(sdk_view::service).ok_or_else(|| ApiError::malformed("UpdateService", "`service`"))
    }

    /// Tells a service deployment to go back to what was before it.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached.
    pub async fn stop_with_rollback(&self, arn: &str) -> Result<(), ApiError> {
        let call = self.client.stop_service_deployment().service_deployment_arn(arn);
        let call = call.stop_type(aws_sdk_ecs::types::StopServiceDeploymentStopType::Rollback);
        call.send().await.map_err(|error| ApiError::of("StopServiceDeployment", error))?;
        Ok(())
    }

    /// Lists the newest deployments of a service, newest first, whatever their status.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached.
    pub async fn list_service_deployments(
        &self,
        cluster: &str,
        service: &str,
    ) -> Result<Vec<DeploymentBrief>, ApiError> {
        let call = self.client.list_service_deployments().cluster(cluster).service(service);
        let output = call.max_results(NEWEST_DEPLOYMENTS).send().await;
        let output = output.map_err(|error| ApiError::of("ListServiceDeployments", error))?;
        Ok(output.service_deployments().iter().map(sdk_view::brief).collect())
    }

    /// Describes one service deployment; `None` when ECS does not know it, or not yet.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached.
    pub async fn describe_service_deployment(&self, arn: &str) -> Result<Option<ServiceDeployment>, ApiError> {
        let call = self.client.describe_service_deployments().service_deployment_arns(arn);
        let output = call.send().await.map_err(|error| ApiError::of("DescribeServiceDeployments", error))?;
        Ok(output.service_deployments().first().map(sdk_view::deployment))
    }

    /// Describes service revisions; those that ECS does not know are left out.
    ///
    /// # Errors
    /// When ECS refuses or cannot be reached.
    pub async fn describe_service_revisions(&self, arns: &[String]) -> Result<Vec<ServiceRevision>, ApiError> {
        let mut revisions = Vec::new();
        for arns in arns.chunks(DEPLOYMENTS_A_CALL) {
            let call = self.client.describe_service_revisions().set_service_revision_arns(Some(arns.to_vec()));
            let output = call.send().await.map_err(|error| ApiError::of("DescribeServiceRevisions", error))?;
            revisions.extend(output.service_revisions().iter().map(sdk_view::revision));
        }
        Ok(revisions)
    }
}
