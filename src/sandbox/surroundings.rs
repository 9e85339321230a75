//! What stands around ECS: load balancers with the health of their targets, who calls, and what IAM lets them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::StatusCode;

use super::answer::{self, Answer};

/// Targets and balancers, as scripted.
#[derive(Debug, Default)]
pub(super) struct Surroundings(Mutex<Scripted>);

#[derive(Debug, Default)]
struct Scripted {
    /// Targets by the ARN of their group.
    targets: BTreeMap<String, Vec<Target>>,
    /// Balancers by the ARN of a group that they send to.
    balancers: BTreeMap<String, Balancer>,
    /// Actions that IAM's simulation denies.
    denied: BTreeSet<String>,
}

/// A load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balancer {
    /// Its ARN.
    pub arn: String,
    /// Its name in the DNS.
    pub dns_name: String,
    /// The protocols and ports that it listens on.
    pub listeners: Vec<(String, u16)>,
}

/// A target of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Its address or instance.
    pub id: String,
    /// Its port.
    pub port: u16,
    /// Its state, such as `unhealthy`.
    pub state: String,
    /// The load balancer's code, such as `Target.ResponseCodeMismatch`.
    pub reason: String,
    /// Its words.
    pub description: String,
}

impl Surroundings {
    /// Gives a target group these targets.
    pub(super) fn script_targets(&self, group: &str, targets: Vec<Target>) {
        self.lock().targets.insert(group.to_owned(), targets);
    }

    /// Lets IAM's simulation deny an action.
    pub(super) fn script_denied(&self, action: &str) {
        self.lock().denied.insert(action.to_owned());
    }

    /// Lets a balancer send to a target group.
    pub(super) fn script_balancer(&self, group: &str, balancer: Balancer) {
        self.lock().balancers.insert(group.to_owned(), balancer);
    }

    /// An action of the query protocol.
    pub(super) fn query(&self, account: &str, form: &[u8]) -> Answer {
        let field = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(form);
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let scripted = self.lock();
        let body = match field("Action").as_str() {
            "GetCallerIdentity" => format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{account}:user/dockless</Arn>\
                 <UserId>AIDA</UserId><Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            ),
            "SimulatePrincipalPolicy" => scripted.simulated(form),
            "DescribeTargetHealth" => scripted.health(&field("TargetGroupArn")),
            "DescribeTargetGroups" => scripted.groups(&field("TargetGroupArns.member.1")),
            "DescribeLoadBalancers" => scripted.names(&field("LoadBalancerArns.member.1")),
            "DescribeListeners" => scripted.listeners(&field("LoadBalancerArn")),
            _ => return refusal(StatusCode::BAD_REQUEST, "InvalidAction", "unknown"),
        };
        answer::bytes(StatusCode::OK, "text/xml", body.into_bytes())
    }

    fn lock(&self) -> MutexGuard<'_, Scripted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scripted {
    fn health(&self, group: &str) -> String {
        let mut members = String::new();
        for target in self.targets.get(group).into_iter().flatten() {
            let Target { id, port, state, reason, description } = target;
            // Writing to a string cannot fail.
            let _ = write!(
                members,
                "<member><Target><Id>{id}</Id><Port>{port}</Port></Target><TargetHealth><State>{state}</State>\
                 <Reason>{reason}</Reason><Description>{description}</Description></TargetHealth></member>"
            );
        }
        format!(
            "<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions>{members}\
             </TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>"
        )
    }

    fn groups(&self, group: &str) -> String {
        let arn = self.balancers.get(group).map(|balancer| format!("<member>{}</member>", balancer.arn));
        format!(
            "<DescribeTargetGroupsResponse><DescribeTargetGroupsResult><TargetGroups><member><TargetGroupArn>{group}\
             </TargetGroupArn><LoadBalancerArns>{}</LoadBalancerArns></member></TargetGroups>\
             </DescribeTargetGroupsResult></DescribeTargetGroupsResponse>",
            arn.unwrap_or_default()
        )
    }

    fn simulated(&self, form: &[u8]) -> String {
        let asked = url::form_urlencoded::parse(form).filter(|(key, _)| key.starts_with("ActionNames.member."));
        let mut members = String::new();
        for (_, action) in asked {
            let decision = if self.denied.contains(&*action) { "implicitDeny" } else { "allowed" };
            // Writing to a string cannot fail.
            let _ = write!(
                members,
                "<member><EvalActionName>{action}</EvalActionName><EvalDecision>{decision}</EvalDecision></member>"
            );
        }
        format!(
            "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><EvaluationResults>{members}\
             </EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
        )
    }

    fn balancer(&self, arn: &str) -> Option<&Balancer> {
        self.balancers.values().find(|balancer| balancer.arn == arn)
    }

    fn names(&self, arn: &str) -> String {
        let name =
            self.balancer(arn).map(|balancer| format!("<member><DNSName>{}</DNSName></member>", balancer.dns_name));
        format!(
            "<DescribeLoadBalancersResponse><DescribeLoadBalancersResult><LoadBalancers>{}</LoadBalancers>\
             </DescribeLoadBalancersResult></DescribeLoadBalancersResponse>",
            name.unwrap_or_default()
        )
    }

    fn listeners(&self, arn: &str) -> String {
        let mut members = String::new();
        for (protocol, port) in self.balancer(arn).into_iter().flat_map(|balancer| &balancer.listeners) {
            // Writing to a string cannot fail.
            let _ = write!(members, "<member><Port>{port}</Port><Protocol>{protocol}</Protocol></member>");
        }
        format!(
            "<DescribeListenersResponse><DescribeListenersResult><Listeners>{members}</Listeners>\
             </DescribeListenersResult></DescribeListenersResponse>"
        )
    }
}

/// Returns the action of a request of the query protocol.
pub(super) fn action(form: &[u8]) -> Option<String> {
    url::form_urlencoded::parse(form).find(|(key, _)| key == "Action").map(|(_, value)| value.into_owned())
}

/// An error of the query protocol.
pub(super) fn refusal(status: StatusCode, code: &str, message: &str) -> Answer {
    let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
    answer::bytes(status, "text/xml", body.into_bytes())
}
