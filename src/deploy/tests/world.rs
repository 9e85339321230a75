//! One service in one cluster, as far as a deployment sees it, with its answers for the taking.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::stand_in::{Refusal, StandIn};
use crate::deploy::{DeployError, DeployOptions, DeployReport, Deployment, FillIn, TargetImage};
use crate::event::{Event, Recording};
use crate::ground::{DrivenClock, Timestamp};
use crate::oci::{Digest, Repository};
use crate::spec::{
    ActiveDeployment, ContainerChoice, DeploySpec, DossierSpec, GiveUpSpec, ServiceOrder, ServiceSpec,
    TaskDefinitionSource, WaitTimeout,
};

pub(super) const REPOSITORY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop";
const PREFIX: &str = "arn:aws:ecs:eu-west-1:123456789012";

pub(super) const SERVICE_ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:service/main/shop";

pub(super) fn old_digest() -> Digest {
    Digest::of(b"old")
}

pub(super) fn new_digest() -> Digest {
    Digest::of(b"new")
}

/// A service deployment of the world.
#[derive(Clone, Debug)]
pub(super) struct Rollout {
    pub(super) arn: String,
    pub(super) revision: String,
    pub(super) status: String,
    pub(super) extra: Value,
}

/// What ECS holds.
pub(super) struct World {
    pub(super) calls: Vec<(String, Value)>,
    /// Answers that come instead of the true ones, by operation, each once.
    pub(super) refusals: BTreeMap<&'static str, VecDeque<Refusal>>,
    /// Operations that the caller may not use.
    pub(super) denied: BTreeSet<&'static str>,
    pub(super) definitions: BTreeMap<String, Value>,
    pub(super) tags: Value,
    pub(super) task_definition: String,
    pub(super) number: u64,
    pub(super) rollout_state: String,
    /// Members laid over the service's description.
    pub(super) service: Value,
    pub(super) events: Vec<Value>,
    /// Newest first.
    pub(super) rollouts: Vec<Rollout>,
    /// Service revision -> task definition and reported digest.
    pub(super) revisions: BTreeMap<String, (String, Option<String>)>,
    /// What the newest deployment becomes, look by look; the last stays.
    pub(super) course: VecDeque<(&'static str, Value)>,
    /// The digest reported for revisions to come; that of the image where `None`.
    pub(super) reported: Option<Option<String>>,
    /// A deployment of another client that begins at this look at ours.
    pub(super) intruder_at: Option<usize>,
    /// What becomes of the rollout state of our PRIMARY, look by look at the service after its update.
    pub(super) rollout_course: VecDeque<&'static str>,
    /// Whether the number of a service revision is not that of `ecs-svc/N`.
    pub(super) numbers_differ: bool,
    looks: usize,
}

pub(super) fn definition(revision: u64, image: &str) -> Value {
    json!({
        "taskDefinitionArn": format!("{PREFIX}:task-definition/shop:{revision}"),
        "family": "shop", "revision": revision, "status": "ACTIVE", "registeredBy": "x", "compatibilities": ["EC2"],
        "networkMode": "awsvpc", "newerThanTheSdk": {"kept": ["", null]}, "volumes": [],
        "containerDefinitions": [
            {"name": "web", "image": image, "essential": true, "cpu": 0, "command": [], "environment": [{"name": "A", "value": ""}]},
            {"name": "proxy", "image": "nginx:1", "essential": true, "cpu": 0, "alsoNew": 1}
        ]
    })
}

impl World {
    /// A service that runs the old image after a deployment that ended well.
    pub(super) fn new() -> Self {
        let live = format!("{PREFIX}:task-definition/shop:1");
        let image = format!("{REPOSITORY}:1@{}", old_digest());
        let mut world = Self {
            calls: Vec::new(),
            refusals: BTreeMap::new(),
            denied: BTreeSet::new(),
            definitions: BTreeMap::from([(live.clone(), definition(1, &image))]),
            tags: json!([{"key": "team", "value": "a"}, {"key": "aws:cloudformation:stack-name", "value": "b"}]),
            task_definition: live.clone(),
            number: 100,
            rollout_state: "COMPLETED".to_owned(),
            service: json!({}),
            events: vec![json!({"id": "e0", "createdAt": 1.0, "message": "has reached a steady state"})],
            rollouts: Vec::new(),
            revisions: BTreeMap::new(),
            course: VecDeque::from([("IN_PROGRESS", json!({})), ("SUCCESSFUL", json!({}))]),
            reported: None,
            intruder_at: None,
            rollout_course: VecDeque::new(),
            numbers_differ: false,
            looks: 0,
        };
        world.begin(&live, "SUCCESSFUL", Some(old_digest().to_string()));
        world
    }

    pub(super) fn deny(mut self, operations: &[&'static str]) -> Self {
        self.denied.extend(operations);
        self
    }

    pub(super) fn course(mut self, course: &[(&'static str, Value)]) -> Self {
        self.course = course.iter().cloned().collect();
        self
    }

    pub(super) fn refuse(mut self, operation: &'static str, code: &'static str, message: &str) -> Self {
        let refusal = Refusal { status: 400, code, message: message.to_owned() };
        self.refusals.entry(operation).or_default().push_back(refusal);
        self
    }

    /// Begins a deployment of a task definition, as the newest.
    pub(super) fn begin(&mut self, task_definition: &str, status: &str, digest: Option<String>) {
        self.number += 1;
        let prefix = if self.numbers_differ { "r" } else { "" };
        let revision = format!("{PREFIX}:service-revision/main/shop/{prefix}{}", self.number);
        self.revisions.insert(revision.clone(), (task_definition.to_owned(), digest));
        let arn = format!("{PREFIX}:service-deployment/main/shop/d{}", self.number);
        self.rollouts.insert(0, Rollout { arn, revision, status: status.to_owned(), extra: json!({}) });
        self.task_definition = task_definition.to_owned();
    }

    pub(super) fn call(&mut self, operation: &str, body: Value) -> Result<Value, Refusal> {
        self.calls.push((operation.to_owned(), body.clone()));
        if self.denied.contains(operation) {
            let message = format!("User: x is not authorized to perform: ecs:{operation}");
            return Err(Refusal { status: 400, code: "AccessDeniedException", message });
        }
        if let Some(refusal) = self.refusals.get_mut(operation).and_then(VecDeque::pop_front) {
            return Err(refusal);
        }
        match operation {
            "DescribeServices" => Ok(self.describe_services(&body)),
            "DescribeTaskDefinition" => self.describe_task_definition(&body),
            "ListTasks" => Ok(json!({"taskArns": []})),
            "RegisterTaskDefinition" => Ok(self.register(body)),
            "UpdateService" => Ok(self.update(&body)),
            "ListServiceDeployments" => Ok(self.list_deployments()),
            "DescribeServiceDeployments" => Ok(self.describe_deployment(&body)),
            "DescribeServiceRevisions" => Ok(self.describe_revisions(&body)),
            "ListServices" => Ok(json!({"serviceArns": [format!("{PREFIX}:service/main/shop")]})),
            "ListClusters" => Ok(json!({"clusterArns": [format!("{PREFIX}:cluster/main")]})),
            "DeregisterTaskDefinition" => Ok(json!({"taskDefinition": {}})),
            "GetLifecyclePolicy" => {
                Err(Refusal { status: 400, code: "LifecyclePolicyNotFoundException", message: String::new() })
            }
            _ => Err(Refusal { status: 500, code: "InternalFailure", message: operation.to_owned() }),
        }
    }

    fn describe_services(&mut self, body: &Value) -> Value {
        if body["services"].as_array().into_iter().flatten().any(|name| name != "shop" && name != SERVICE_ARN) {
            let arn = format!("{PREFIX}:service/main/{}", body["services"][0].as_str().unwrap_or_default());
            return json!({"services": [], "failures": [{"arn": arn, "reason": "MISSING"}]});
        }
        if self.rollout_state == "IN_PROGRESS"
            && let Some(next) = self.rollout_course.pop_front()
        {
            self.rollout_state = next.to_owned();
        }
        json!({"services": [self.describe()], "failures": []})
    }

    fn describe(&self) -> Value {
        let mut service = json!({
            "serviceName": "shop", "serviceArn": format!("{PREFIX}:service/main/shop"), "status": "ACTIVE",
            "taskDefinition": self.task_definition, "desiredCount": 1, "runningCount": 1, "events": self.events,
            "currentServiceRevisions": [{"arn": format!("{PREFIX}:service-revision/main/shop/{}", self.number)}],
            "deployments": [{
                "id": format!("ecs-svc/{}", self.number), "status": "PRIMARY", "taskDefinition": self.task_definition,
                "rolloutState": self.rollout_state, "desiredCount": 1, "runningCount": 1
            }],
        });
        for (name, member) in self.service.as_object().into_iter().flatten() {
            service[name] = member.clone();
        }
        service
    }

    fn describe_task_definition(&self, body: &Value) -> Result<Value, Refusal> {
        let name = body["taskDefinition"].as_str().unwrap_or_default();
        let newest = || self.definitions.values().next_back().filter(|newest| newest["family"] == *name);
        let Some(definition) = self.definitions.get(name).or_else(newest) else {
            let message = "Unable to describe task definition.".to_owned();
            return Err(Refusal { status: 400, code: "ClientException", message });
        };
        Ok(json!({"taskDefinition": definition, "tags": self.tags}))
    }

    fn register(&mut self, mut body: Value) -> Value {
        let revision = self.definitions.len() + 1;
        let arn = format!("{PREFIX}:task-definition/shop:{revision}");
        body["taskDefinitionArn"] = json!(arn);
        self.definitions.insert(arn, body.clone());
        json!({"taskDefinition": body})
    }

    fn update(&mut self, body: &Value) -> Value {
        let arn = body["taskDefinition"].as_str().unwrap_or_default().to_owned();
        let digest = self.reported.clone().unwrap_or_else(|| Some(new_digest().to_string()));
        self.begin(&arn, "PENDING", digest);
        self.rollout_state = "IN_PROGRESS".to_owned();
        self.looks = 0;
        json!({"service": self.describe()})
    }

    fn list_deployments(&self) -> Value {
        let brief = |rollout: &Rollout| {
            json!({
                "serviceDeploymentArn": rollout.arn, "targetServiceRevisionArn": rollout.revision,
                "status": rollout.status
            })
        };
        json!({"serviceDeployments": self.rollouts.iter().map(brief).collect::<Vec<_>>()})
    }

    fn describe_deployment(&mut self, body: &Value) -> Value {
        let arn = body["serviceDeploymentArns"][0].as_str().unwrap_or_default().to_owned();
        if !self.rollouts.iter().any(|rollout| rollout.arn == arn && is_final(&rollout.status)) {
            self.proceed(&arn);
        }
        let Some(rollout) = self.rollouts.iter().find(|rollout| rollout.arn == arn) else {
            return json!({"serviceDeployments": [], "failures": [{"arn": arn, "reason": "MISSING"}]});
        };
        let mut described = json!({
            "serviceDeploymentArn": rollout.arn, "status": rollout.status, "statusReason": "because",
            "targetServiceRevision":
                {"arn": rollout.revision, "requestedTaskCount": 1, "runningTaskCount": 0, "pendingTaskCount": 1}
        });
        for (name, member) in rollout.extra.as_object().into_iter().flatten() {
            described[name] = member.clone();
        }
        json!({"serviceDeployments": [described]})
    }

    fn proceed(&mut self, arn: &str) {
        self.looks += 1;
        self.events.insert(0, json!({"id": format!("e{}", self.looks), "createdAt": 2.0, "message": "started 1 task"}));
        let next = if self.course.len() > 1 { self.course.pop_front() } else { self.course.front().cloned() };
        if let (Some((status, extra)), Some(rollout)) = (next, self.rollouts.iter_mut().find(|r| r.arn == arn)) {
            rollout.status = status.to_owned();
            rollout.extra = extra;
        }
        if self.intruder_at == Some(self.looks) {
            let other = format!("{PREFIX}:task-definition/shop:99");
            self.begin(&other, "IN_PROGRESS", None);
        }
    }

    fn describe_revisions(&self, body: &Value) -> Value {
        let arns = body["serviceRevisionArns"].as_array().cloned().unwrap_or_default();
        let known = arns.iter().filter_map(|arn| {
            let (task_definition, digest) = self.revisions.get(arn.as_str()?)?;
            let mut image = json!({"containerName": "web", "image": "x"});
            if let Some(digest) = digest {
                image["imageDigest"] = json!(digest);
            }
            Some(json!({"serviceRevisionArn": arn, "taskDefinition": task_definition, "containerImages": [image]}))
        });
        json!({"serviceRevisions": known.collect::<Vec<_>>()})
    }
}

fn is_final(status: &str) -> bool {
    crate::deploy::Status::parse(status).is_final()
}

/// A run of the product against a world.
pub(super) struct Trial {
    pub(super) stand_in: StandIn,
    pub(super) spec: DeploySpec,
    pub(super) target: TargetImage,
    pub(super) clock: Arc<DrivenClock>,
    pub(super) events: Arc<Recording>,
    pub(super) wait: bool,
    pub(super) strict: bool,
    pub(super) force: bool,
}

impl Trial {
    pub(super) async fn of(world: World) -> Self {
        let service = ServiceSpec { name: "shop".to_owned(), containers: ContainerChoice::Auto };
        let spec = DeploySpec {
            region: None,
            cluster: "main".to_owned(),
            task_definition: TaskDefinitionSource::Live,
            containers: ContainerChoice::Auto,
            services: vec![service],
            order_of_services: ServiceOrder::OneByOne,
            all_or_nothing: false,
            schedules: Vec::new(),
            before: Vec::new(),
            on_active_deployment: ActiveDeployment::Wait,
            wait: WaitTimeout::After(Duration::from_secs(120)),
            give_up: GiveUpSpec::default(),
            dossier: DossierSpec::default(),
            order: None,
        };
        Self {
            stand_in: StandIn::start(world).await,
            spec,
            target: target(new_digest()),
            // An hour before anything that the world says: clocks are never compared.
            clock: Arc::new(DrivenClock::new(Timestamp::from_seconds(-3600))),
            events: Arc::default(),
            wait: true,
            strict: false,
            force: false,
        }
    }

    pub(super) fn options(&self) -> DeployOptions {
        let (clock, observer) = (self.clock.clone(), self.events.clone());
        DeployOptions {
            wait: self.wait,
            clock,
            observer,
            jitter_seed: 1,
            strict: self.strict,
            force: self.force,
            fill_in: FillIn::nothing(),
            running: Default::default(),
        }
    }

    pub(super) async fn prepare(&self) -> Result<Deployment, DeployError> {
        let repository: Repository = REPOSITORY.parse().expect("a repository");
        Deployment::prepare(&self.stand_in.ecs, &self.spec, &repository, &self.options()).await
    }

    pub(super) async fn run(&self) -> Result<DeployReport, DeployError> {
        let mut deployment = self.prepare().await?;
        deployment.deploy(&self.stand_in.ecs, &self.target, &self.options()).await
    }

    /// The notes and warnings that were told.
    pub(super) fn words(&self) -> Vec<String> {
        let word = |event| match event {
            Event::Note { message } | Event::Warning { message, .. } => Some(message),
            _ => None,
        };
        self.events.events().into_iter().filter_map(word).collect()
    }
}

pub(super) fn target(digest: Digest) -> TargetImage {
    TargetImage {
        reference: format!("{REPOSITORY}:2@{digest}"),
        repository: REPOSITORY.parse().expect("a repository"),
        digest,
        manifests: vec![Digest::of(b"platform")],
    }
}
