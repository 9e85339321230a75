//! Progress as lines on stderr, one for each thing done.

use std::io::Write;
use std::sync::Mutex;

use dockless::event::{Event, Observer};

use crate::cli::cleanup;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing but errors.
    Quiet,
    /// Warnings.
    Warnings,
    /// What was done.
    Normal,
    /// Also what was found done already, and retries.
    Verbose,
}

/// Writes events to stderr.
pub(crate) struct Lines<W> {
    level: Level,
    out: Mutex<W>,
}

impl<W: Write> Lines<W> {
    pub(crate) fn new(level: Level, out: W) -> Self {
        Self { level, out: Mutex::new(out) }
    }
}

impl<W: Write + Send> Observer for Lines<W> {
    fn observe(&self, event: Event) {
        let Some((level, line)) = line(&event) else { return };
        if level <= self.level {
            let mut out = self.out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // A closed stderr must not end the work.
            let _ = writeln!(out, "{}", cleanup::redacted(&line));
        }
    }
}

fn line(event: &Event) -> Option<(Level, String)> {
    use Level::{Normal, Verbose, Warnings};
    Some(match event {
        Event::BaseResolved { base, digest } => (Normal, format!("base      {base} ({})", digest.short())),
        Event::BaseLayerScanned { digest, size } => {
            (Normal, format!("base      read layer {} once, {}", digest.short(), bytes(*size)))
        }
        Event::LayerStarted { name } => (Verbose, format!("layer     {name}: packing")),
        Event::LayerPacked { name, digest, entries, tar_bytes, size, .. } => (
            Normal,
            format!(
                "layer     {name}: {entries} entries, {} -> {} ({})",
                bytes(*tar_bytes),
                bytes(*size),
                digest.short()
            ),
        ),
        Event::LayerKnown { name, digest, entries, size, .. } => {
            (Normal, format!("layer     {name}: {entries} entries, unchanged, {} ({})", bytes(*size), digest.short()))
        }
        Event::CredentialsFound { host, origin } => (Verbose, format!("login     {host}: credentials from {origin}")),
        Event::BlobExists { digest } => (Verbose, format!("push      {}: exists", digest.short())),
        Event::BlobMounted { digest, from } => (Normal, format!("push      {}: mounted from {from}", digest.short())),
        Event::BlobUploaded { digest, size } => {
            (Normal, format!("push      {}: uploaded {}", digest.short(), bytes(*size)))
        }
        Event::Retrying { what, why, pause_ms } => {
            (Normal, format!("retry     {what} in {:.1} s: {why}", *pause_ms as f64 / 1000.0))
        }
        Event::ManifestPushed { reference, digest } => (Normal, format!("push      {reference} ({})", digest.short())),
        Event::TaskDefinitionRegistered { arn } => (Normal, format!("deploy    registered {}", last_part(arn))),
        Event::ServiceUpdated { service, task_definition } => {
            (Normal, format!("deploy    {service}: updated to {}", last_part(task_definition)))
        }
        Event::RolloutChanged { service, status, running, pending, desired, stage, traffic } => {
            let stage = stage.as_ref().map(|stage| format!(" {stage}")).unwrap_or_default();
            let traffic = traffic.map(|percent| format!(", {percent} % of the traffic")).unwrap_or_default();
            let counts = format!("{running} running, {pending} pending of {desired}");
            (Normal, format!("deploy    {service}: {status}{stage}, {counts}{traffic}"))
        }
        Event::ServiceEvent { service, at, message } => {
            (Normal, format!("event     {service} {}: {message}", at.rfc3339()))
        }
        Event::TaskLog { task, line } => (Normal, format!("log       {task}: {line}")),
        Event::Warning { message, hint } => {
            let hint = hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            (Warnings, format!("warning: {message}{hint}"))
        }
        Event::Note { message } => (Normal, format!("note: {message}")),
        _ => return None,
    })
}

fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Returns a count of bytes in the unit that people read it in.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_a_readable_unit() {
        let told: Vec<String> = [0, 999, 1000, 1_500_000, 654_000_000, 2_000_000_000].map(bytes).into();
        assert_eq!(told, ["0 B", "999 B", "1.0 kB", "1.5 MB", "654.0 MB", "2.0 GB"]);
    }

    #[test]
    fn a_quiet_terminal_shows_no_warning_and_a_normal_one_no_detail() {
        let shown = |level, event: Event| {
            let lines = Lines::new(level, Vec::new());
            lines.observe(event);
            !lines.out.into_inner().expect("no panic").is_empty()
        };
        let warning = || Event::Warning { message: "w".into(), hint: None };
        let detail = || Event::LayerStarted { name: "n".into() };
        assert!(!shown(Level::Quiet, warning()) && shown(Level::Warnings, warning()));
        assert!(!shown(Level::Normal, detail()) && shown(Level::Verbose, detail()));
    }
}
