//! What would go wrong with this image in this task definition, found before it does: whoever builds the image sees
//! both sides. Pure: the same facts, the same findings.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::fargate;
use super::task_definition::TaskDefinition;

/// What is known of an image without running it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// The architectures that it is for, in the words of OCI; of an index those of all of its images.
    pub architectures: BTreeSet<String>,
    /// The ports that it exposes.
    pub ports: BTreeSet<u16>,
    /// The names of the variables that it sets.
    pub env: BTreeSet<String>,
    /// The stored bytes of its layers; of an index those of its largest image.
    pub size: u64,
}

/// Something that would not work, or not for long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Finding {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// What is looked at for one service.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The service.
    pub service: &'a str,
    /// What is to be registered.
    pub definition: &'a TaskDefinition,
    /// The containers that get the image.
    pub containers: &'a [String],
    /// Whether the service's tasks run on Fargate.
    pub fargate: bool,
}

/// Returns what would go wrong. Without facts only the task definition itself is looked at.
pub fn examine(candidate: &Candidate<'_>, image: Option<&ImageFacts>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if candidate.fargate {
        findings.extend(fargate::size(candidate.definition));
    }
    for container in chosen(candidate) {
        findings.extend(env_and_secrets(container, image));
        if let Some(image) = image {
            findings.extend(ports(container, image));
        }
    }
    if let Some(image) = image {
        findings.extend(architecture(candidate, image));
        findings.extend(storage(candidate, image));
    }
    findings
}

fn chosen<'a>(candidate: &Candidate<'a>) -> impl Iterator<Item = &'a Value> {
    let all = candidate.definition.document()["containerDefinitions"].as_array().into_iter().flatten();
    let names = candidate.containers;
    all.filter(move |container| names.iter().any(|name| container["name"] == **name))
}

fn architecture(candidate: &Candidate<'_>, image: &ImageFacts) -> Option<Finding> {
    let platform = &candidate.definition.document()["runtimePlatform"];
    let said = platform["cpuArchitecture"].as_str();
    // On instances that are not said to be of one kind, the image's architecture decides alone.
    let wanted = match (said, candidate.fargate) {
        (Some("ARM64"), _) => "arm64",
        (Some(_), _) | (None, true) => "amd64",
        (None, false) => return None,
    };
    if image.architectures.is_empty() || image.architectures.contains(wanted) {
        return None;
    }
    let has = image.architectures.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let word = if wanted == "arm64" { "ARM64" } else { "X86_64" };
    Some(Finding::new(
        format!(
            "service `{}` runs on {word}, and the image is for {has}: it would end with `exec format error`",
            candidate.service
        ),
        format!("build for it with `platforms: [linux/{wanted}]`, or change `runtimePlatform.cpuArchitecture`"),
    ))
}

fn numbers(container: &Value) -> BTreeSet<u16> {
    let mappings = container["portMappings"].as_array().into_iter().flatten();
    mappings.filter_map(|mapping| u16::try_from(mapping["containerPort"].as_u64()?).ok()).collect()
}

fn listed(ports: &BTreeSet<u16>) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

fn ports(container: &Value, image: &ImageFacts) -> Vec<Finding> {
    let (name, mapped) = (container["name"].as_str().unwrap_or_default(), numbers(container));
    let mut findings = Vec::new();
    if image.ports.is_empty() {
        return findings;
    }
    let exposed = listed(&image.ports);
    if !mapped.is_empty() && mapped.is_disjoint(&image.ports) {
        findings.push(Finding::new(
            format!("container `{name}` maps the port {}, and the image exposes {exposed}", listed(&mapped)),
            "correct `portMappings` of the task definition, or `config.ports` of the build file",
        ));
    }
    for port in health_ports(container).difference(&image.ports) {
        if !mapped.contains(port) {
            findings.push(Finding::new(
                format!("the health check of container `{name}` asks port {port}, and the image exposes {exposed}"),
                "correct `healthCheck` of the task definition, or `config.ports` of the build file",
            ));
        }
    }
    findings
}

/// Returns the ports of this machine that the words of a health check name.
fn health_ports(container: &Value) -> BTreeSet<u16> {
    let words = container["healthCheck"]["command"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut ports = BTreeSet::new();
    for word in words {
        for host in ["localhost:", "127.0.0.1:", "0.0.0.0:", "[::1]:"] {
            for (at, _) in word.match_indices(host) {
                let digits: String = word[at + host.len()..].chars().take_while(char::is_ascii_digit).collect();
                ports.extend(digits.parse::<u16>());
            }
        }
    }
    ports
}

fn env_and_secrets(container: &Value, image: Option<&ImageFacts>) -> Vec<Finding> {
    let name = container["name"].as_str().unwrap_or_default();
    let names = |list: &str| -> BTreeSet<&str> {
        let all = container[list].as_array().into_iter().flatten();
        all.filter_map(|item| item["name"].as_str()).collect()
    };
    let (env, secrets) = (names("environment"), names("secrets"));
    let twice = env.intersection(&secrets).map(|variable| {
        Finding::new(
            format!("container `{name}` has `{variable}` under both `environment` and `secrets`: ECS refuses that"),
            format!("remove one: `deploy.containers.{name}.env: {{{variable}: null}}`"),
        )
    });
    let built_in = secrets
        .iter()
        .filter(|variable| !env.contains(**variable) && image.is_some_and(|image| image.env.contains(**variable)));
    let built_in = built_in.map(|variable| {
        Finding::new(
            format!("the image sets `{variable}` itself, which container `{name}` gets as a secret"),
            format!("take it out of the image, `config.env: {{{variable}: null}}`: everybody who can pull it reads it"),
        )
    });
    twice.chain(built_in).collect()
}

/// What Fargate gives a task that does not ask for more, in GiB.
const FARGATE_STORAGE_GIB: u64 = 20;
/// How much larger files are than the stored bytes of their layers, as far as one can say without unpacking.
const UNPACKED: u64 = 3;

fn storage(candidate: &Candidate<'_>, image: &ImageFacts) -> Option<Finding> {
    let said = candidate.definition.document()["ephemeralStorage"]["sizeInGiB"].as_u64();
    let gib = said.or(candidate.fargate.then_some(FARGATE_STORAGE_GIB))?;
    // Stored and unpacked layers stand side by side.
    let needed = image.size.saturating_mul(1 + UNPACKED);
    if needed <= gib << 30 {
        return None;
    }
    let needed = needed.div_ceil(1 << 30);
    Some(Finding::new(
        format!(
            "the image takes about {needed} GiB once it is unpacked, and a task of service `{}` has {gib} GiB",
            candidate.service
        ),
        format!(
            "set `ephemeralStorage: {{sizeInGiB: {}}}` in the task definition",
            (needed + needed / 4).clamp(21, 200)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(container: &Value, rest: &Value, fargate: bool, image: &ImageFacts) -> Vec<String> {
        let mut document = json!({"family": "f", "cpu": "256", "memory": "512", "containerDefinitions": [{"name": "web", "image": "x"}]});
        for (name, member) in rest.as_object().into_iter().flatten() {
            document[name] = member.clone();
        }
        for (name, member) in container.as_object().into_iter().flatten() {
            document["containerDefinitions"][0][name] = member.clone();
        }
        let definition = TaskDefinition::from_value(document).expect("a task definition");
        let containers = ["web".to_owned()];
        let candidate = Candidate { service: "shop", definition: &definition, containers: &containers, fargate };
        examine(&candidate, Some(image)).into_iter().map(|finding| finding.message).collect()
    }

    fn image(architecture: &str, ports: &[u16]) -> ImageFacts {
        ImageFacts {
            architectures: BTreeSet::from([architecture.to_owned()]),
            ports: ports.iter().copied().collect(),
            env: BTreeSet::from(["DB".to_owned()]),
            size: 1 << 20,
        }
    }

    /// Each row is a container, the rest of the definition, whether it is for Fargate, the image, and the only finding.
    fn check(rows: Vec<(Value, Value, bool, ImageFacts, Option<&str>)>) {
        for (container, rest, fargate, image, expect) in rows {
            let found = words(&container, &rest, fargate, &image);
            assert_eq!(found.len(), usize::from(expect.is_some()), "{container} {rest}: {found:?}");
            assert!(found.iter().all(|words| words.contains(expect.unwrap_or_default())), "{found:?}");
        }
    }

    #[test]
    fn architecture_and_size_are_those_that_the_tasks_have() {
        let none = || json!({});
        let arm = json!({"runtimePlatform": {"cpuArchitecture": "ARM64"}});
        let large = |gib: u64| ImageFacts { size: gib << 30, ..ImageFacts::default() };
        let storage = json!({"ephemeralStorage": {"sizeInGiB": 40}});
        check(vec![
            (none(), none(), true, image("amd64", &[]), None),
            (none(), none(), true, image("arm64", &[]), Some("runs on X86_64, and the image is for `arm64`")),
            (none(), none(), false, image("arm64", &[]), None),
            (none(), arm.clone(), false, image("amd64", &[]), Some("runs on ARM64")),
            (none(), arm, true, image("arm64", &[]), None),
            (none(), none(), true, large(6), Some("takes about 24 GiB")),
            (none(), storage, true, large(6), None),
            (none(), none(), false, large(60), None),
        ]);
    }

    #[test]
    fn ports_and_variables_of_a_container_fit_those_of_the_image() {
        let none = || json!({});
        let mapping = |port: u16| json!({"portMappings": [{"containerPort": port}]});
        let asks = |line: &str| json!({"healthCheck": {"command": ["CMD-SHELL", line]}});
        let both = json!({"environment": [{"name": "A", "value": ""}], "secrets": [{"name": "A", "valueFrom": "x"}]});
        let secret = json!({"secrets": [{"name": "DB", "valueFrom": "x"}]});
        let other = asks("curl -f http://localhost:9000/up || exit 1");
        check(vec![
            (mapping(80), none(), true, image("amd64", &[80]), None),
            (mapping(80), none(), true, image("amd64", &[]), None),
            (mapping(80), none(), true, image("amd64", &[8080]), Some("maps the port 80, and the image exposes 8080")),
            (other, none(), true, image("amd64", &[80]), Some("asks port 9000")),
            (asks("curl -f http://127.0.0.1:80/"), none(), true, image("amd64", &[80]), None),
            (both, none(), true, image("amd64", &[]), Some("`A` under both")),
            (secret, none(), true, image("amd64", &[]), Some("the image sets `DB` itself")),
        ]);
    }
}
