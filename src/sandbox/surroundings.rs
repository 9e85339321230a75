//! What stands around ECS and explains a failure: the health of targets at their load balancers.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::StatusCode;

use super::answer::{self, Answer};

/// Targets, as scripted.
#[derive(Debug, Default)]
pub(super) struct Surroundings(Mutex<Scripted>);

#[derive(Debug, Default)]
struct Scripted {
    /// Targets by the ARN of their group.
    targets: BTreeMap<String, Vec<Target>>,
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

    /// An action of the query protocol; the only one is `DescribeTargetHealth`.
    pub(super) fn query(&self, form: &[u8]) -> Answer {
        let field = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(form);
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        if field("Action") != "DescribeTargetHealth" {
            let body =
                "<ErrorResponse><Error><Code>InvalidAction</Code><Message>unknown</Message></Error></ErrorResponse>";
            return answer::bytes(StatusCode::BAD_REQUEST, "text/xml", body.as_bytes().to_vec());
        }
        let mut members = String::new();
        for target in self.lock().targets.get(&field("TargetGroupArn")).into_iter().flatten() {
            let Target { id, port, state, reason, description } = target;
            // Writing to a string cannot fail.
            let _ = write!(
                members,
                "<member><Target><Id>{id}</Id><Port>{port}</Port></Target><TargetHealth><State>{state}</State>\
                 <Reason>{reason}</Reason><Description>{description}</Description></TargetHealth></member>"
            );
        }
        let body = format!(
            "<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions>{members}\
             </TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>"
        );
        answer::bytes(StatusCode::OK, "text/xml", body.into_bytes())
    }

    fn lock(&self) -> MutexGuard<'_, Scripted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the action of a request of the query protocol.
pub(super) fn action(form: &[u8]) -> Option<String> {
    url::form_urlencoded::parse(form).find(|(key, _)| key == "Action").map(|(_, value)| value.into_owned())
}
