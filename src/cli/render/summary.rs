//! The closing summary on stderr: what was built, reused, sent and saved, and where the time went.

use std::collections::BTreeMap;
use std::fmt::Write;

use dockless::deploy::ServiceReport;
use dockless::pipeline::{Report, SeveralReport};

use super::human::bytes;
use super::printable;

/// The steps in the order they are told.
const STEPS: [&str; 4] = ["base", "layers", "push", "deploy"];

/// Returns the lines; none for a command that did nothing of this.
pub(crate) fn render(report: &Report) -> String {
    let mut text: String = counts(report).map(|line| line + "\n").collect();
    deployed(&mut text, &report.services);
    times(&mut text, std::slice::from_ref(report));
    text
}

/// Writes where the time went, of all builds together.
fn times(text: &mut String, builds: &[Report]) {
    let times = STEPS.iter().filter_map(|step| {
        let millis: Vec<u64> = builds.iter().filter_map(|build| build.timings.get(step).copied()).collect();
        (!millis.is_empty()).then(|| format!("{step} {:.1} s", millis.iter().sum::<u64>() as f64 / 1000.0))
    });
    let times: Vec<String> = times.collect();
    if !times.is_empty() {
        line(text, "time", &times.join(", "));
    }
}

/// Returns the lines of several builds: each image with its own, then the services.
pub(crate) fn several(report: &SeveralReport) -> String {
    let mut text = String::new();
    for build in &report.builds {
        let own: String = counts(build).map(|line| line + "\n").collect();
        if let (Some(image), false) = (&build.image, own.is_empty()) {
            line(&mut text, "image", image);
            text.push_str(&own);
        }
    }
    deployed(&mut text, &report.services);
    times(&mut text, &report.builds);
    text
}

fn deployed(text: &mut String, services: &[ServiceReport]) {
    for service in services {
        let definition = service.task_definition_arn.rsplit('/').next().unwrap_or_default();
        line(text, "deployed", &format!("{}: {}, {definition}", service.name, service.verdict.as_str()));
    }
}

/// Returns what was built and reused, and what was sent and saved.
pub(crate) fn counts(report: &Report) -> impl Iterator<Item = String> {
    [built(report), sent(report)].into_iter().flatten()
}

fn built(report: &Report) -> Option<String> {
    let own: BTreeMap<_, _> =
        report.layers.iter().filter(|layer| layer.origin == "own").map(|layer| (layer.digest, layer.size)).collect();
    let reused = usize::try_from(report.reused_layers).unwrap_or(usize::MAX).min(own.len());
    let (count, size) = (own.len() - reused, bytes(own.values().sum()));
    (!own.is_empty()).then(|| format!("built     {count} of {} own layers, {reused} reused, {size} in all", own.len()))
}

fn sent(report: &Report) -> Option<String> {
    let all: BTreeMap<_, _> = report.layers.iter().map(|layer| (layer.digest, layer.size)).collect();
    let Report { uploaded_bytes, uploaded_blobs, mounted, existing, .. } = report;
    let saved = bytes(all.values().sum::<u64>().saturating_sub(*uploaded_bytes));
    let blobs = if *uploaded_blobs == 1 { "blob" } else { "blobs" };
    let sent = format!("{} in {uploaded_blobs} {blobs}, {mounted} mounted", bytes(*uploaded_bytes));
    (uploaded_blobs + mounted + existing > 0)
        .then(|| format!("sent      {sent}, {existing} there already, {saved} saved"))
}

fn line(text: &mut String, name: &str, words: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{name:<9} {}", printable::line(words));
}

#[cfg(test)]
mod tests {
    use dockless::oci::{DiffId, Digest};
    use dockless::pipeline::LayerReport;

    use super::*;

    fn layer(name: Option<&str>, size: u64) -> LayerReport {
        let digest = Digest::of(&size.to_le_bytes());
        let origin = if name.is_some() { "own" } else { "base" };
        let name = name.map(str::to_owned);
        LayerReport { platform: None, name, origin, digest, diff_id: DiffId(digest), size }
    }

    #[test]
    fn a_summary_tells_what_was_built_reused_sent_and_saved_and_where_the_time_went() {
        let report = Report {
            layers: vec![layer(None, 40_000_000), layer(Some("vendor"), 5_000_000), layer(Some("app"), 2_000_000)],
            reused_layers: 1,
            uploaded_bytes: 2_001_000,
            uploaded_blobs: 2,
            mounted: 1,
            existing: 1,
            timings: BTreeMap::from([("push", 1500), ("base", 20), ("layers", 300)]),
            ..Report::default()
        };
        let expect = "built     1 of 2 own layers, 1 reused, 7.0 MB in all\n\
                      sent      2.0 MB in 2 blobs, 1 mounted, 1 there already, 45.0 MB saved\n\
                      time      base 0.0 s, layers 0.3 s, push 1.5 s\n";
        assert_eq!(render(&report), expect);
        assert_eq!(render(&Report::default()), "");
    }
}
