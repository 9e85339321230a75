//! What the next step of a job wants to know, as lines of names and values.

use std::fmt::Write;

use dockless::pipeline::Report;

/// Returns the names and values that are known.
fn known(report: &Report) -> Vec<(&'static str, String)> {
    let digest = report.digest.map(|digest| digest.to_string());
    let verdict = report.verdict.map(|verdict| verdict.as_str().to_owned());
    let all = [
        ("image", report.image.clone()),
        ("digest", digest),
        ("task_definition_arn", report.task_definition_arn.clone()),
        ("deployment_arn", report.deployment_arn.clone()),
        ("verdict", verdict),
        ("url", report.url.clone()),
    ];
    // A value of another's making begins no line of its own.
    let one_line = |value: String| value.chars().filter(|c| !c.is_control()).collect::<String>();
    all.into_iter().filter_map(|(name, value)| Some((name, one_line(value?)))).collect()
}

/// Returns the outputs of a step on GitHub.
pub(crate) fn github(report: &Report) -> String {
    lines(report, str::to_owned)
}

/// Returns the variables of a `dotenv` report, as GitLab reads it: no quotes, no blanks around `=`.
pub(crate) fn dotenv(report: &Report) -> String {
    lines(report, |name| format!("DOCKLESS_{}", name.to_uppercase()))
}

fn lines(report: &Report, name: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for (key, value) in known(report) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}={value}", name(key));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line_and_what_is_unknown_has_none() {
        let report = Report {
            image: Some("a/b:c".to_owned()),
            url: Some("http://x\nverdict=y".to_owned()),
            ..Report::default()
        };
        assert_eq!(github(&report), "image=a/b:c\nurl=http://xverdict=y\n");
        assert_eq!(dotenv(&report), "DOCKLESS_IMAGE=a/b:c\nDOCKLESS_URL=http://xverdict=y\n");
    }
}
