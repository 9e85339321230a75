//! What load balancers say of the service's targets. One call of the query protocol, read from its few XML elements:
//! the SDK's crate for it would be compiled for this alone.

use super::{UnhealthyTarget, printable};
use crate::deploy::api_error::ApiError;
use crate::deploy::aws::Ecs;
use crate::deploy::balancer::{BALANCING, VERSION};
use crate::net::{AwsCall, element};

impl Ecs {
    /// Returns the targets of a group that are not healthy.
    pub(super) async fn unhealthy_targets(&self, group: &str) -> Result<Vec<UnhealthyTarget>, ApiError> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", "DescribeTargetHealth").append_pair("Version", VERSION);
        form.append_pair("TargetGroupArn", group);
        let call = AwsCall::form(BALANCING, form.finish()).casually();
        let answer = self.calls().send(&call).await;
        let answer =
            answer.map_err(|failure| ApiError::of_action("elasticloadbalancing:DescribeTargetHealth", failure))?;
        Ok(read(&String::from_utf8_lossy(&answer), group))
    }
}

/// States that need no explanation.
const QUIET: [&str; 2] = ["healthy", "draining"];

fn read(xml: &str, group: &str) -> Vec<UnhealthyTarget> {
    let name = group_name(group);
    xml.split("<TargetHealth>")
        .zip(xml.split("<TargetHealth>").skip(1))
        .filter_map(|(before, after)| {
            // Within one member the target comes before its health, or after it.
            let health = after.split_once("</TargetHealth>")?.0;
            let member_start = before.rsplit_once("<member>").map_or(before, |(_, rest)| rest);
            let member_end =
                after.split_once("</TargetHealth>")?.1.split_once("</member>").map_or("", |(rest, _)| rest);
            let member = format!("{member_start}{member_end}");
            let state = element(health, "State")?;
            let text = |name: &str| element(health, name).map(unescaped).map(|text| printable(&text));
            let id = element(&member, "Id").unwrap_or("?");
            let port = element(&member, "Port").map(|port| format!(":{port}")).unwrap_or_default();
            (!QUIET.contains(&state)).then(|| UnhealthyTarget {
                group: name.to_owned(),
                target: format!("{id}{port}"),
                state: state.to_owned(),
                code: text("Reason"),
                words: text("Description"),
            })
        })
        .collect()
}

/// `arn:...:targetgroup/NAME/ID`.
fn group_name(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}

fn unescaped(text: &str) -> String {
    let replaced = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    replaced.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_that_are_not_healthy_are_read_with_their_reasons() {
        let xml = "<R><TargetHealthDescriptions><member><HealthCheckPort>80</HealthCheckPort><TargetHealth>\
            <State>unhealthy</State><Reason>Target.ResponseCodeMismatch</Reason><Description>codes: [404] &amp; more\
            </Description></TargetHealth><Target><Port>8080</Port><Id>10.0.0.1</Id></Target></member>\
            <member><Target><Id>10.0.0.2</Id><Port>80</Port></Target><TargetHealth><State>healthy</State></TargetHealth>\
            </member><member><Target><Id>i-1</Id><Port>80</Port></Target><TargetHealth><State>initial</State>\
            </TargetHealth></member></TargetHealthDescriptions></R>";
        let found = read(xml, "arn:aws:elasticloadbalancing:r:1:targetgroup/web/abc");
        let rows: Vec<_> = found.iter().map(|one| (one.target.as_str(), one.state.as_str())).collect();
        assert_eq!(rows, [("10.0.0.1:8080", "unhealthy"), ("i-1:80", "initial")]);
        assert_eq!((found[0].group.as_str(), found[0].words.as_deref()), ("web", Some("codes: [404] & more")));
    }
}
