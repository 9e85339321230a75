//! Where a service answers: the name of the load balancer in front of it, and the listener that people use.

use super::api_error::ApiError;
use super::aws::Ecs;
use crate::net::{AwsCall, AwsService, element};

/// The load balancers of the second generation.
pub(super) const BALANCING: AwsService = AwsService {
    id: "Elastic Load Balancing v2",
    host: "elasticloadbalancing",
    signing_name: "elasticloadbalancing",
    global_region: None,
};

/// The version of its query protocol.
pub(super) const VERSION: &str = "2015-12-01";

impl Ecs {
    /// Returns where a service with these target groups answers; `None` where no load balancer sends to them.
    ///
    /// # Errors
    /// When one of the three calls is refused.
    pub(super) async fn url(&self, groups: &[String]) -> Result<Option<String>, ApiError> {
        if groups.is_empty() {
            return Ok(None);
        }
        let Some(balancer) = self.balancer_of(groups).await? else { return Ok(None) };
        let Some(name) = self.name_of(&balancer).await? else { return Ok(None) };
        let listeners = self.listeners_of(&balancer).await?;
        Ok(best(listeners).map(|(protocol, port)| url(&name, &protocol, port)))
    }

    async fn balancer_of(&self, groups: &[String]) -> Result<Option<String>, ApiError> {
        const ACTION: &str = "elasticloadbalancing:DescribeTargetGroups";
        let members =
            groups.iter().enumerate().map(|(at, arn)| (format!("TargetGroupArns.member.{}", at + 1), arn.as_str()));
        let xml = self.describe(ACTION, "DescribeTargetGroups", members).await?;
        let listed = xml.split("<LoadBalancerArns>").skip(1).filter_map(|part| part.split_once("</LoadBalancerArns>"));
        Ok(listed.filter_map(|(arns, _)| element(arns, "member")).map(str::to_owned).next())
    }

    async fn name_of(&self, balancer: &str) -> Result<Option<String>, ApiError> {
        const ACTION: &str = "elasticloadbalancing:DescribeLoadBalancers";
        let members = [("LoadBalancerArns.member.1".to_owned(), balancer)];
        let xml = self.describe(ACTION, "DescribeLoadBalancers", members).await?;
        Ok(element(&xml, "DNSName").map(str::to_owned))
    }

    async fn listeners_of(&self, balancer: &str) -> Result<Vec<(String, u16)>, ApiError> {
        const ACTION: &str = "elasticloadbalancing:DescribeListeners";
        let xml = self.describe(ACTION, "DescribeListeners", [("LoadBalancerArn".to_owned(), balancer)]).await?;
        Ok(listeners(&xml))
    }

    async fn describe<'a>(
        &self,
        action: &'static str,
        operation: &str,
        members: impl IntoIterator<Item = (String, &'a str)>,
    ) -> Result<String, ApiError> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", operation).append_pair("Version", VERSION);
        for (name, value) in members {
            form.append_pair(&name, value);
        }
        let answer = self.calls().send(&AwsCall::form(BALANCING, form.finish()).casually()).await;
        let answer = answer.map_err(|failure| ApiError::of_action(action, failure))?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// Reads protocols and ports. What a listener does with a request has both words too, of where it redirects to.
fn listeners(xml: &str) -> Vec<(String, u16)> {
    let plain =
        ["DefaultActions", "Certificates", "AlpnPolicy"].iter().fold(xml.to_owned(), |xml, name| without(&xml, name));
    let members = plain.split("<member>").skip(1);
    members
        .filter_map(|one| Some((element(one, "Protocol")?.to_owned(), element(one, "Port")?.parse().ok()?)))
        .collect()
}

fn without(xml: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut parts = xml.split(open.as_str());
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(close.as_str()).map_or("", |(_, rest)| rest))
}

/// The listener that people use: encrypted before plain, and of several the lowest port, since those that serve tests
/// stand beside it on a higher one.
fn best(mut listeners: Vec<(String, u16)>) -> Option<(String, u16)> {
    let rank = |protocol: &str| ["HTTPS", "HTTP", "TLS"].iter().position(|known| *known == protocol).unwrap_or(9);
    listeners.sort_by_key(|(protocol, port)| (rank(protocol), *port));
    listeners.into_iter().next()
}

fn url(name: &str, protocol: &str, port: u16) -> String {
    match (protocol, port) {
        ("HTTPS", 443) => format!("https://{name}/"),
        ("HTTP", 80) => format!("http://{name}/"),
        ("HTTPS" | "HTTP", _) => format!("{}://{name}:{port}/", protocol.to_lowercase()),
        _ => format!("{}://{name}:{port}", protocol.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listener_that_people_use_is_found_among_redirects_and_tests() {
        let redirect = "<DefaultActions><member><Type>redirect</Type><RedirectConfig><Protocol>HTTPS</Protocol>\
                        <Port>9443</Port></RedirectConfig></member></DefaultActions>";
        let one = |protocol: &str, port: u16| {
            format!("<member>{redirect}<Protocol>{protocol}</Protocol><Port>{port}</Port></member>")
        };
        let rows = [
            (vec![("HTTP", 80), ("HTTPS", 8443), ("HTTPS", 443)], Some("https://a.elb/")),
            (vec![("HTTP", 8080), ("HTTP", 80)], Some("http://a.elb/")),
            (vec![("HTTP", 8080)], Some("http://a.elb:8080/")),
            (vec![("TCP", 6379)], Some("tcp://a.elb:6379")),
            (vec![], None),
        ];
        for (listed, expect) in rows {
            let xml: String = listed.iter().map(|(protocol, port)| one(protocol, *port)).collect();
            let found = best(listeners(&format!("<Listeners>{xml}</Listeners>")));
            let found = found.map(|(protocol, port)| url("a.elb", &protocol, port));
            assert_eq!(found.as_deref(), expect, "{listed:?}");
        }
    }
}
