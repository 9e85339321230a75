//! Whether the rights that a plan needs are there, as IAM itself simulates them: nothing is tried.

use std::collections::BTreeMap;

use super::api_error::ApiError;
use super::aws::Ecs;
use super::deployment::Deployment;
use super::identity;
use super::options::DeployOptions;
use super::plan::{Action, DeployPlan};
use super::preflight::Finding;
use super::preflight_run::tell;
use super::task_definition::TaskDefinition;
use crate::net::{AwsCall, AwsService, element};
use crate::spec::ScheduleSpec;

const IAM: AwsService = AwsService { id: "IAM", host: "iam", signing_name: "iam", global_region: Some("us-east-1") };

/// What may be done to what; of a role also for whom it is passed on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    resource: String,
    passed_to: Option<&'static str>,
}

/// Returns a finding for each right that a plan needs and that the caller has not.
pub(super) async fn examine(
    deployment: &Deployment,
    ecs: &Ecs,
    plan: &DeployPlan,
    options: &DeployOptions,
) -> Vec<Finding> {
    let Some(caller) = identity::caller(ecs.config()).await.and_then(|arn| principal(&arn)) else { return Vec::new() };
    let mut findings = Vec::new();
    for (need, actions) in needs(deployment, plan) {
        match ecs.simulate(&caller, &need, &actions).await {
            Ok(denied) => findings.extend(denied.iter().map(|action| missing(action, &need))),
            Err(error) => {
                tell(&error, "whether all rights are there", options);
                return findings;
            }
        }
    }
    findings
}

fn missing(action: &str, need: &Need) -> Finding {
    let condition = need
        .passed_to
        .map(|service| format!(", \"Condition\": {{\"StringEquals\": {{\"iam:PassedToService\": \"{service}\"}}}}"));
    Finding::new(
        format!("the right `{action}` on `{}` is missing", need.resource),
        format!(
            "allow it with {{\"Effect\": \"Allow\", \"Action\": \"{action}\", \"Resource\": \"{}\"{}}}",
            need.resource,
            condition.unwrap_or_default()
        ),
    )
}

/// Returns what a plan needs, by resource: each as a policy may name it, since IAM simulates one resource at a time.
fn needs(deployment: &Deployment, plan: &DeployPlan) -> BTreeMap<Need, Vec<&'static str>> {
    let mut needs = Needs::default();
    let places = Places::of(deployment);
    for definition in plan.registrations() {
        needs.add("*", None, &["ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition"]);
        if definition.has_tags() {
            needs.add(&places.revision(definition.family()), None, &["ecs:TagResource"]);
        }
        for role in roles(definition) {
            needs.add(&role, Some("ecs-tasks.amazonaws.com"), &["iam:PassRole"]);
        }
    }
    for tag in &plan.order_tags {
        needs.add(&tag.task_definition, None, &["ecs:TagResource"]);
    }
    for action in &plan.actions {
        let Action::UpdateService { service, .. } = action else { continue };
        if let Some(state) = deployment.services.iter().find(|state| state.spec.name == *service) {
            let arn = &state.service.arn;
            needs.add(arn, None, &["ecs:UpdateService", "ecs:DescribeServices", "ecs:ListServiceDeployments"]);
            let below = |kind: &str| format!("{}/x", arn.replacen(":service/", &format!(":{kind}/"), 1));
            needs.add(&below("service-deployment"), None, &["ecs:DescribeServiceDeployments"]);
            needs.add(&below("service-revision"), None, &["ecs:DescribeServiceRevisions"]);
        }
    }
    for run in &plan.before {
        let family = run.own.as_ref().unwrap_or(&run.definition).family();
        needs.add(&places.revision(family), None, &["ecs:RunTask"]);
        needs.add(&places.task(), None, &["ecs:DescribeTasks", "ecs:StopTask"]);
    }
    for planned in &plan.schedules {
        let resource = places.schedule(&planned.schedule);
        match planned.schedule {
            ScheduleSpec::Rule { .. } => needs.add(&resource, None, &["events:ListTargetsByRule", "events:PutTargets"]),
            ScheduleSpec::Scheduler { .. } => {
                needs.add(&resource, None, &["scheduler:GetSchedule", "scheduler:UpdateSchedule"]);
            }
        }
    }
    needs.0
}

#[derive(Default)]
struct Needs(BTreeMap<Need, Vec<&'static str>>);

impl Needs {
    fn add(&mut self, resource: &str, passed_to: Option<&'static str>, actions: &[&'static str]) {
        let known = self.0.entry(Need { resource: resource.to_owned(), passed_to }).or_default();
        for action in actions {
            if !known.contains(action) {
                known.push(action);
            }
        }
    }
}

/// The parts that the names of all resources of a deployment share.
struct Places {
    partition: String,
    region: String,
    account: String,
    cluster: String,
}

impl Places {
    fn of(deployment: &Deployment) -> Self {
        let arn = deployment.services.first().map(|state| state.service.arn.as_str()).unwrap_or_default();
        let part = |index: usize| arn.split(':').nth(index).unwrap_or("*").to_owned();
        let cluster = super::arn::last_part(&deployment.place.cluster).to_owned();
        Self { partition: part(1), region: part(3), account: part(4), cluster }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account, .. } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// Any revision of a family.
    fn revision(&self, family: &str) -> String {
        self.arn("ecs", &format!("task-definition/{family}:1"))
    }

    /// Any task of the cluster.
    fn task(&self) -> String {
        self.arn("ecs", &format!("task/{}/x", self.cluster))
    }

    fn schedule(&self, schedule: &ScheduleSpec) -> String {
        match schedule {
            ScheduleSpec::Rule { bus, name } if bus == "default" => self.arn("events", &format!("rule/{name}")),
            ScheduleSpec::Rule { bus, name } => {
                self.arn("events", &format!("rule/{}/{name}", super::arn::last_part(bus)))
            }
            ScheduleSpec::Scheduler { group, name } => self.arn("scheduler", &format!("schedule/{group}/{name}")),
        }
    }
}

fn roles(definition: &TaskDefinition) -> Vec<String> {
    let role = |member: &str| definition.document()[member].as_str().filter(|arn| arn.starts_with("arn:"));
    let mut roles: Vec<String> =
        ["taskRoleArn", "executionRoleArn"].into_iter().filter_map(role).map(str::to_owned).collect();
    roles.dedup();
    roles
}

/// Returns whose policies count for a caller; `None` for the account's root, whom nothing is denied.
fn principal(caller: &str) -> Option<String> {
    // arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION
    let parts: Vec<&str> = caller.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts[..] else { return None };
    match (service, resource) {
        (_, "root") => None,
        ("sts", resource) => {
            let role = resource.strip_prefix("assumed-role/")?.split('/').next()?;
            Some(format!("{arn}:{partition}:iam:{region}:{account}:role/{role}"))
        }
        _ => Some(caller.to_owned()),
    }
}

impl Ecs {
    /// Asks IAM which of some actions on one resource are denied.
    async fn simulate(
        &self,
        caller: &str,
        need: &Need,
        actions: &[&'static str],
    ) -> Result<Vec<&'static str>, ApiError> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", "SimulatePrincipalPolicy").append_pair("Version", "2010-05-08");
        form.append_pair("PolicySourceArn", caller).append_pair("ResourceArns.member.1", &need.resource);
        for (index, action) in actions.iter().enumerate() {
            form.append_pair(&format!("ActionNames.member.{}", index + 1), action);
        }
        if let Some(service) = need.passed_to {
            form.append_pair("ContextEntries.member.1.ContextKeyName", "iam:PassedToService");
            form.append_pair("ContextEntries.member.1.ContextKeyType", "string");
            form.append_pair("ContextEntries.member.1.ContextKeyValues.member.1", service);
        }
        let call = AwsCall::form(IAM, form.finish()).casually();
        let answer = self.calls().send(&call).await;
        let answer = answer.map_err(|failure| ApiError::of_action("iam:SimulatePrincipalPolicy", failure))?;
        Ok(denied(&String::from_utf8_lossy(&answer), actions))
    }
}

/// Reads which actions an answer denies; one that it does not speak of counts as allowed.
fn denied(xml: &str, actions: &[&'static str]) -> Vec<&'static str> {
    let results: Vec<(&str, &str)> = xml
        .split("<EvalActionName>")
        .skip(1)
        .filter_map(|part| Some((part.split_once("</EvalActionName>")?.0, element(part, "EvalDecision")?)))
        .collect();
    let is_denied =
        |action: &&&str| results.iter().any(|(name, decision)| name == *action && decision.ends_with("Deny"));
    actions.iter().filter(is_denied).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assumed_role_is_judged_by_its_role_and_root_by_nobody() {
        let rows = [
            ("arn:aws:iam::123456789012:user/team/ci", Some("arn:aws:iam::123456789012:user/team/ci")),
            ("arn:aws:sts::123456789012:assumed-role/deploy/run-1", Some("arn:aws:iam::123456789012:role/deploy")),
            ("arn:aws-cn:sts::123456789012:assumed-role/deploy/x", Some("arn:aws-cn:iam::123456789012:role/deploy")),
            ("arn:aws:iam::123456789012:root", None),
            ("arn:aws:sts::123456789012:federated-user/x", None),
        ];
        for (caller, expect) in rows {
            assert_eq!(principal(caller).as_deref(), expect, "{caller}");
        }
    }

    #[test]
    fn what_iam_denies_is_read_action_by_action() {
        let result = |action: &str, decision: &str| {
            format!(
                "<member><EvalResourceName>*</EvalResourceName><EvalActionName>{action}</EvalActionName>\
                <EvalDecision>{decision}</EvalDecision></member>"
            )
        };
        let xml = result("ecs:RunTask", "implicitDeny")
            + &result("ecs:StopTask", "allowed")
            + &result("iam:PassRole", "explicitDeny");
        assert_eq!(denied(&xml, &["ecs:RunTask", "ecs:StopTask", "ecs:Other"]), ["ecs:RunTask"]);
        assert_eq!(denied("<html>", &["ecs:RunTask"]), [""; 0]);
    }
}
