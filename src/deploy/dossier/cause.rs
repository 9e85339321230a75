//! The likely cause of a failure, in a sentence. Pure: the same findings, the same sentence.

use super::{EventLine, FailedContainer, StoppedGroup, UnhealthyTarget};

/// Returns the likely cause and what to do about it. What most tasks stopped of counts before what load balancers say,
/// and that before what the service says of itself.
pub(super) fn likely(stopped: &[StoppedGroup], targets: &[UnhealthyTarget], events: &[EventLine]) -> Option<String> {
    stopped
        .iter()
        .find_map(of_group)
        .or_else(|| of_health(stopped, targets, events))
        .or_else(|| of_placement(events))
        .or_else(|| stopped.iter().flat_map(|group| &group.containers).find_map(of_exit))
}

fn has(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}

fn of_group(group: &StoppedGroup) -> Option<String> {
    let reasons = group.containers.iter().filter_map(|container| container.reason.as_deref());
    let all = std::iter::once(group.reason.as_str()).chain(reasons).collect::<Vec<_>>().join(" ");
    if has(&all, &["exec format error"]) || group.containers.iter().any(is_other_architecture) {
        return Some(ARCHITECTURE.to_owned());
    }
    if has(&all, &["cannotpullcontainer", "cannotpullimagemanifest", "pull image manifest"]) {
        return Some(of_pull(&all).to_owned());
    }
    if has(&all, &["resourceinitializationerror"]) {
        return Some(of_initialization(&all));
    }
    if has(&all, &["outofmemory", "out of memory"]) {
        let name = group.containers.iter().find(|one| one.reason.as_deref().is_some_and(|text| has(text, &["memory"])));
        let name = name.map(|one| format!("container `{}`", one.name)).unwrap_or_else(|| "a container".to_owned());
        return Some(format!("{name} needs more memory than it may take: give it or the task more `memory`"));
    }
    None
}

const ARCHITECTURE: &str = "the image is built for another processor than the tasks run on: set `runtimePlatform` of the task \
     definition to the image's, or build for theirs with `platforms`";

fn is_other_architecture(container: &FailedContainer) -> bool {
    container.log.iter().any(|line| has(line, &["exec format error"]))
}

fn of_pull(text: &str) -> &'static str {
    if has(text, &["no matching manifest", "does not contain descriptor matching platform", "image operating system"]) {
        ARCHITECTURE
    } else if has(
        text,
        &["i/o timeout", "dial tcp", "deadline exceeded", "timed out", "connection refused", "no such host"],
    ) {
        "the tasks have no way to the registry: give their subnets a NAT gateway, a public address, or VPC endpoints for \
         ECR and S3"
    } else if has(text, &["not authorized", "accessdenied", "denied", "403", "no basic auth"]) {
        "the tasks may not pull the image: give the execution role `ecr:GetAuthorizationToken`, `ecr:BatchGetImage` and \
         `ecr:GetDownloadUrlForLayer`, and let the repository's policy admit it"
    } else if has(text, &["toomanyrequests", "rate limit"]) {
        "the registry limits anonymous pulls: copy the image to ECR"
    } else if has(text, &["not found", "manifest unknown", "does not exist"]) {
        "the image is not in the registry: a lifecycle policy may have taken it away, or it was never pushed there"
    } else if has(text, &["no space left"]) {
        "the image does not fit on the disk: give the tasks more ephemeral storage"
    } else {
        "the image cannot be pulled"
    }
}

fn of_initialization(text: &str) -> String {
    let secret = text
        .split(|character: char| character.is_whitespace() || character == ',')
        .find(|word| word.starts_with("arn:") && has(word, &[":secretsmanager:", ":ssm:"]))
        .map(|arn| arn.trim_end_matches([':', '.', ';']));
    if has(text, &["secret", "ssm", "parameter"]) {
        let which = secret.map(|arn| format!("the secret `{arn}`")).unwrap_or_else(|| "a secret".to_owned());
        return format!(
            "the tasks cannot read {which}: check that it exists, that the execution role may read it, and that their \
             subnets have a way to Secrets Manager or SSM"
        );
    }
    if has(text, &["logger", "log group", "logs"]) {
        return "the log group is not there, or the execution role may not write to it: create it, or allow \
                `logs:CreateLogStream` and `logs:PutLogEvents`"
            .to_owned();
    }
    if has(text, &["registry auth", "ecr"]) {
        return "the tasks cannot log in to the registry: give the execution role `ecr:GetAuthorizationToken`, and their \
                subnets a way to ECR"
            .to_owned();
    }
    "what the tasks need cannot be prepared: secrets, volumes or the network".to_owned()
}

fn of_health(stopped: &[StoppedGroup], targets: &[UnhealthyTarget], events: &[EventLine]) -> Option<String> {
    if stopped.iter().any(|group| has(&group.reason, &["container health checks"])) {
        return Some(
            "the container's own health check fails: check its command, and give it a longer `startPeriod`".to_owned(),
        );
    }
    let unhealthy = targets.iter().find(|target| target.state == "unhealthy");
    let by_task = stopped.iter().any(|group| has(&group.reason, &["elb health checks"]));
    let by_event = events.iter().find(|event| has(&event.message, &["is unhealthy in (target-group"]));
    if unhealthy.is_none() && !by_task && by_event.is_none() {
        return None;
    }
    let words = unhealthy.and_then(|target| target.words.as_deref());
    let words = words.or_else(|| by_event.and_then(|event| Some(event.message.split_once("due to")?.1.trim())));
    let words = words.map(|words| format!(" ({})", words.trim_matches(['(', ')', '.']))).unwrap_or_default();
    Some(format!(
        "the load balancer's health check fails{words}: check its path and port against what the container serves, and \
         give the service a longer `healthCheckGracePeriodSeconds`"
    ))
}

fn of_placement(events: &[EventLine]) -> Option<String> {
    let event = events.iter().rev().find(|event| has(&event.message, &["unable to place a task"]))?;
    let why = if has(&event.message, &["port"]) {
        "no instance has the fixed host port free, which the old task still holds: map `hostPort: 0`, let the service go \
         below 100 % with `minimumHealthyPercent: 0`, or add an instance"
    } else if has(&event.message, &["memory", "cpu"]) {
        "no instance has enough memory or CPU left: add one, or ask for less"
    } else if has(&event.message, &["no container instances were found"]) {
        "the cluster has no instance: start one, or use Fargate"
    } else {
        "no instance meets what the task asks for: with a fixed host port and one instance, map `hostPort: 0`"
    };
    Some(why.to_owned())
}

fn of_exit(container: &FailedContainer) -> Option<String> {
    let name = &container.name;
    Some(match container.exit_code? {
        0 => format!("container `{name}` ended without an error, and a service needs a program that goes on"),
        126 | 127 => format!("container `{name}` does not start: check `command` and `entryPoint` against the image"),
        137 => format!("container `{name}` was killed, most likely for its memory: give it or the task more `memory`"),
        139 => format!("container `{name}` crashed: its program has a fault, or does not fit the processor"),
        code => format!("the program in container `{name}` ended with {code}: its log says why"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(reason: &str, exit_code: Option<i32>, container_reason: Option<&str>, log: &[&str]) -> StoppedGroup {
        let container = FailedContainer {
            name: "web".to_owned(),
            exit_code,
            reason: container_reason.map(str::to_owned),
            log: log.iter().map(|&line| line.to_owned()).collect(),
            ..FailedContainer::default()
        };
        StoppedGroup { reason: reason.to_owned(), count: 1, containers: vec![container], ..StoppedGroup::default() }
    }

    #[test]
    fn each_way_to_stop_has_its_sentence() {
        const EXITED: &str = "Essential container in task exited";
        let secret = "ResourceInitializationError: unable to pull secrets or registry auth: AccessDenied on resource: \
                      arn:aws:secretsmanager:eu-west-1:1:secret:db-AbC, retried";
        let rows: [(StoppedGroup, &str); 14] = [
            (group("CannotPullContainerError: x: not found", None, None, &[]), "is not in the registry"),
            (group("CannotPullContainerError: dial tcp 1.2.3.4:443: i/o timeout", None, None, &[]), "NAT gateway"),
            (group("CannotPullContainerError: 403 Forbidden", None, None, &[]), "may not pull"),
            (group("CannotPullContainerError: no matching manifest for linux/amd64", None, None, &[]), "`platforms`"),
            (group(EXITED, Some(255), None, &["exec /app: exec format error"]), "`runtimePlatform`"),
            (group(secret, None, None, &[]), "`arn:aws:secretsmanager:eu-west-1:1:secret:db-AbC`"),
            (group("ResourceInitializationError: failed to validate logger args", None, None, &[]), "log group"),
            (group(EXITED, Some(137), Some("OutOfMemoryError: Container killed"), &[]), "more memory than it may"),
            (group("Task failed container health checks", Some(143), None, &[]), "`startPeriod`"),
            (group("Task failed ELB health checks in (target-group x)", Some(143), None, &[]), "health check fails"),
            (group(EXITED, Some(0), None, &[]), "a program that goes on"),
            (group(EXITED, Some(127), None, &[]), "`entryPoint`"),
            (group(EXITED, Some(139), None, &[]), "crashed"),
            (group(EXITED, Some(3), None, &[]), "ended with 3"),
        ];
        for (group, words) in rows {
            let cause = likely(std::slice::from_ref(&group), &[], &[]).unwrap_or_default();
            assert!(cause.contains(words), "`{words}` in `{cause}` for {group:?}");
        }
    }

    #[test]
    fn events_tell_of_placement_and_health() {
        let event = |message: &str| EventLine { message: message.to_owned(), ..EventLine::default() };
        let rows = [
            (
                "unable to place a task because no container instance met all of its requirements. The closest matching \
              (container-instance x) is already using a port required by your task",
                "minimumHealthyPercent",
            ),
            (
                "unable to place a task because no container instance met all of its requirements. Reason: No Container \
              Instances were found in your cluster",
                "has no instance",
            ),
            (
                "(port 80) is unhealthy in (target-group arn:x) due to (reason Health checks failed with these codes: [404])",
                "reason Health checks failed with these codes: [404]",
            ),
        ];
        for (message, words) in rows {
            let cause = likely(&[], &[], &[event(message)]).unwrap_or_default();
            assert!(cause.contains(words), "`{words}` in `{cause}`");
        }
        assert_eq!(likely(&[], &[], &[event("has reached a steady state")]), None);
    }
}
