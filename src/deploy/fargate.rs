//! What sizes of tasks Fargate takes (Amazon ECS Developer Guide, "Task CPU and memory"). Pure.

use serde_json::Value;

use super::preflight::Finding;
use super::task_definition::TaskDefinition;

/// CPU units; the least and the most of memory in MiB; and in which steps.
const SIZES: [(u64, u64, u64, u64); 7] = [
    (256, 512, 2048, 0),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

/// Returns what Fargate would not take of a task definition.
pub(super) fn size(definition: &TaskDefinition) -> Vec<Finding> {
    let document = definition.document();
    let (cpu, memory) = (units(&document["cpu"], 1024.0), units(&document["memory"], 1024.0));
    let (Some(cpu), Some(memory)) = (cpu, memory) else {
        let hint = "set `cpu` and `memory` of the task in the task definition, such as `256` and `512`";
        return vec![Finding::new("Fargate takes no task without `cpu` and `memory` of its own", hint)];
    };
    let mut findings = Vec::new();
    findings.extend(pair(cpu, memory));
    let containers = document["containerDefinitions"].as_array().into_iter().flatten();
    let reserved: u64 = containers.filter_map(reservation).sum();
    if reserved > memory {
        findings.push(Finding::new(
            format!("the containers reserve {reserved} MiB of memory, and the task has {memory}"),
            "raise `memory` of the task, or lower that of the containers",
        ));
    }
    findings
}

/// What a container is sure to get: its reservation, else its limit.
fn reservation(container: &Value) -> Option<u64> {
    container["memoryReservation"].as_u64().or_else(|| container["memory"].as_u64())
}

fn pair(cpu: u64, memory: u64) -> Option<Finding> {
    let Some((_, least, most, step)) = SIZES.into_iter().find(|(units, ..)| *units == cpu) else {
        let known: Vec<String> = SIZES.iter().map(|(units, ..)| units.to_string()).collect();
        let hint = format!("set `cpu` of the task to one of {}", known.join(", "));
        return Some(Finding::new(format!("Fargate has no task of {cpu} CPU units"), hint));
    };
    let fits = match step {
        0 => memory.is_power_of_two(),
        step => (memory - memory.min(least)).is_multiple_of(step),
    };
    if fits && (least..=most).contains(&memory) {
        return None;
    }
    let steps =
        if step == 0 { "512, 1024 or 2048".to_owned() } else { format!("{least} to {most} in steps of {step}") };
    let hint = format!("set `memory` of the task to {steps}");
    Some(Finding::new(format!("Fargate has no task of {cpu} CPU units with {memory} MiB of memory"), hint))
}

/// Reads `256`, `.25 vCPU`, `512` or `0.5 GB`; of the second form one is `factor` of the first.
fn units(value: &Value, factor: f64) -> Option<u64> {
    if let Some(number) = value.as_u64() {
        return Some(number);
    }
    let text = value.as_str()?.trim().to_ascii_lowercase();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number = text.strip_suffix("vcpu").or_else(|| text.strip_suffix("gb"))?.trim().parse::<f64>().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes of tasks are small and positive"
    )]
    (0.0..1e6).contains(&number).then(|| (number * factor).round() as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_size_is_one_of_the_table() {
        let rows = [
            (json!("256"), json!("512"), true),
            (json!(".25 vCPU"), json!("0.5 GB"), true),
            (json!("256"), json!("1536"), false),
            (json!("512"), json!("3072"), true),
            (json!("512"), json!("512"), false),
            (json!("1024"), json!("2500"), false),
            (json!("8192"), json!("20480"), true),
            (json!("8192"), json!("17408"), false),
            (json!("300"), json!("512"), false),
            (json!("16 vCPU"), json!("120GB"), true),
        ];
        for (cpu, memory, fits) in rows {
            let document =
                json!({"family": "f", "cpu": cpu, "memory": memory, "containerDefinitions": [{"name": "a"}]});
            let definition = TaskDefinition::from_value(document).expect("a task definition");
            assert_eq!(size(&definition).is_empty(), fits, "{cpu} {memory}");
        }
    }

    #[test]
    fn containers_cannot_reserve_more_than_the_task_has() {
        let document = json!({"family": "f", "cpu": "256", "memory": "512", "containerDefinitions": [
            {"name": "a", "memory": 400}, {"name": "b", "memory": 900, "memoryReservation": 200}]});
        let definition = TaskDefinition::from_value(document).expect("a task definition");
        assert!(size(&definition)[0].message.contains("reserve 600 MiB"));
    }
}
