//! A dossier on the terminal. Each line from elsewhere stands behind a mark, so that none is taken for a command of a
//! CI system, which begin a line.

use std::fmt::Write;

use dockless::deploy::{Dossier, StoppedGroup};

use super::printable;

/// Returns the lines of a service's dossier. Its events were shown as they came.
pub(crate) fn render(service: &str, dossier: &Dossier) -> String {
    let mut text = String::new();
    for group in &dossier.stopped {
        write_group(service, group, &mut text);
    }
    for target in &dossier.targets {
        let why: Vec<&str> = [&target.code, &target.words].into_iter().filter_map(Option::as_deref).collect();
        let why = if why.is_empty() { String::new() } else { format!(": {}", why.join(", ")) };
        line(
            &mut text,
            format_args!("dossier   {service}: {} in {} is {}{why}", target.target, target.group, target.state),
        );
    }
    if let Some(cause) = &dossier.cause {
        line(&mut text, format_args!("dossier   {service}: likely cause: {cause}"));
    }
    text
}

fn write_group(service: &str, group: &StoppedGroup, text: &mut String) {
    let tasks = if group.count == 1 { "1 task".to_owned() } else { format!("{} tasks", group.count) };
    line(text, format_args!("dossier   {service}: {tasks} stopped: {} (such as {})", group.reason, group.task));
    for container in &group.containers {
        let exit = container.exit_code.map(|code| format!("exit code {code}"));
        let words = [exit, container.meaning.clone(), container.reason.clone()];
        let words: Vec<String> = words.into_iter().flatten().collect();
        line(text, format_args!("          container {}: {}", container.name, words.join(", ")));
        container.log.iter().for_each(|log| line(text, format_args!("            | {log}")));
    }
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", printable::line(&words.to_string()));
}

#[cfg(test)]
mod tests {
    use dockless::deploy::{FailedContainer, UnhealthyTarget};

    use super::*;

    #[test]
    fn a_dossier_is_told_in_lines_that_no_log_can_begin() {
        let container = FailedContainer {
            name: "web".to_owned(),
            exit_code: Some(137),
            meaning: Some("killed".to_owned()),
            log: vec!["::set-output name=x::y".to_owned()],
            ..FailedContainer::default()
        };
        let group = StoppedGroup {
            reason: "exited".to_owned(),
            count: 2,
            task: "abc".to_owned(),
            containers: vec![container],
            ..StoppedGroup::default()
        };
        let target = UnhealthyTarget {
            group: "tg".to_owned(),
            target: "10.0.0.1:80".to_owned(),
            state: "unhealthy".to_owned(),
            words: Some("codes: [404]".to_owned()),
            ..UnhealthyTarget::default()
        };
        let cause = Some("memory".to_owned());
        let dossier = Dossier { cause, stopped: vec![group], targets: vec![target], events: Vec::new() };
        assert_eq!(
            render("shop", &dossier),
            "dossier   shop: 2 tasks stopped: exited (such as abc)\n          container web: exit code 137, killed\n            \
             | ::set-output name=x::y\ndossier   shop: 10.0.0.1:80 in tg is unhealthy: codes: [404]\ndossier   shop: likely \
             cause: memory\n"
        );
    }
}
