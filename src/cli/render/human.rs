//! Progress as lines on stderr, one for each thing done.

use std::collections::BTreeMap;
use std::io::Write;

use dockless::event::Event;
use dockless::ground::Timestamp;
use dockless::oci::Digest;

use super::printable;
use super::screen::Face;
use crate::cli::stderr;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing but errors.
    Quiet,
    /// Warnings.
    Warnings,
    /// What was done.
    Normal,
    /// Also what was found done already, and every request to a registry.
    Verbose,
    /// Everything, also how far layers and blobs are.
    All,
}

/// Of what moves, one line in so many milliseconds at most.
const MOVING_MS: i64 = 1000;

/// Writes events as lines with the time of day (UTC): for logs, where nothing can be drawn anew.
pub(crate) struct Lines<W> {
    level: Level,
    out: W,
    /// What is packed and what is sent just now, with the bytes done, and all bytes where they are known.
    packing: BTreeMap<String, u64>,
    sending: BTreeMap<Digest, (u64, u64)>,
    moved: bool,
    told: i64,
}

impl<W: Write> Lines<W> {
    pub(crate) fn new(level: Level, out: W) -> Self {
        Self { level, out, packing: BTreeMap::new(), sending: BTreeMap::new(), moved: false, told: 0 }
    }

    fn write(&mut self, at: Timestamp, line: &str) {
        let time = at.rfc3339();
        let time = time.get(11..19).unwrap_or_default();
        // A closed stderr must not end the work.
        let _ = writeln!(self.out, "{time} {}", stderr::shown(line));
    }

    fn advance(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::LayerAdvanced { name, tar_bytes } => _ = self.packing.insert(name.clone(), *tar_bytes),
            Event::UploadAdvanced { digest, sent, size } => _ = self.sending.insert(*digest, (*sent, *size)),
            Event::LayerPacked { name, .. } | Event::LayerKnown { name, .. } => _ = self.packing.remove(name),
            Event::BlobUploaded { digest, .. } | Event::BlobExists { digest } | Event::BlobMounted { digest, .. } => {
                self.sending.remove(digest);
            }
            _ => return,
        }
        let moves = matches!(event, Event::LayerAdvanced { .. } | Event::UploadAdvanced { .. });
        if moves && !self.moved {
            (self.moved, self.told) = (true, self.told.max(at.millis() - MOVING_MS / 2));
        }
    }

    /// Returns what moves, in one line.
    fn moving(&self) -> Option<String> {
        let packing = self.packing.iter().map(|(name, done)| format!("packing {name} {}", bytes(*done)));
        let mut parts: Vec<String> = packing.collect();
        if !self.sending.is_empty() {
            let (sent, size) = self.sending.values().fold((0, 0), |(a, b), (sent, size)| (a + sent, b + size));
            let count = self.sending.len();
            let blobs = if count == 1 { "1 blob".to_owned() } else { format!("{count} blobs") };
            parts.push(format!("uploading {blobs}, {} of {}", bytes(sent), bytes(size)));
        }
        (!parts.is_empty()).then(|| format!("progress  {}", parts.join("; ")))
    }
}

impl<W: Write + Send> Face for Lines<W> {
    fn show(&mut self, at: Timestamp, event: &Event) {
        self.advance(at, event);
        let Some(line) = told(event, self.level) else { return };
        match event {
            // What is to be heeded begins its line.
            Event::Warning { .. } => _ = writeln!(self.out, "{}", stderr::shown(&line)),
            _ => self.write(at, &line),
        }
    }

    fn tick(&mut self, now: Timestamp) {
        if !self.moved || self.level < Level::Normal || now.millis() - self.told < MOVING_MS {
            return;
        }
        (self.moved, self.told) = (false, now.millis());
        if let Some(line) = self.moving() {
            self.write(now, &printable::line(&line));
        }
    }
}

/// Returns the line of an event, if it is of interest at this level.
pub(crate) fn told(event: &Event, shown: Level) -> Option<String> {
    let (_, text) = line(event).filter(|(level, _)| *level <= shown)?;
    // A warning has its remedy on a line of its own; all else is one line, whatever the names in it hold.
    Some(if matches!(event, Event::Warning { .. }) { text } else { printable::line(&text) })
}

/// Returns how a service's deployment stands.
fn rollout(event: &Event) -> Option<String> {
    let Event::RolloutChanged { service, status, running, pending, desired, stage, traffic } = event else {
        return None;
    };
    let stage = stage.as_ref().map(|stage| format!(" {stage}")).unwrap_or_default();
    let traffic = traffic.map(|percent| format!(", {percent} % of the traffic")).unwrap_or_default();
    Some(format!("{service}: {status}{stage}, {running} running, {pending} pending of {desired}{traffic}"))
}

fn line(event: &Event) -> Option<(Level, String)> {
    use Level::{All, Normal, Verbose, Warnings};
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
        Event::RolloutChanged { .. } => (Normal, format!("deploy    {}", rollout(event)?)),
        Event::RequestEnded { host, what, status, took_ms } => {
            let answer = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            (Verbose, format!("request   {host} {what}: {answer} in {took_ms} ms"))
        }
        Event::LayerAdvanced { name, tar_bytes } => (All, format!("layer     {name}: {} packed", bytes(*tar_bytes))),
        Event::UploadAdvanced { digest, sent, size } => {
            (All, format!("push      {}: {} of {}", digest.short(), bytes(*sent), bytes(*size)))
        }
        Event::ServiceEvent { service, at, message } => {
            (Normal, format!("event     {service} {}: {message}", at.rfc3339()))
        }
        Event::TaskLog { task, line } => (Normal, format!("log       {task}: {line}")),
        Event::Warning { message, hint } => {
            let hint = hint.iter().map(|hint| format!("\nhint: {}", printable::block(hint)));
            (Warnings, format!("warning: {}{}", printable::block(message), hint.collect::<String>()))
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

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_seconds(43_200).plus(std::time::Duration::from_millis(millis.unsigned_abs()))
    }

    #[test]
    fn a_quiet_terminal_shows_no_warning_and_a_normal_one_no_detail() {
        let shown = |level, event: Event| {
            let mut lines = Lines::new(level, Vec::new());
            lines.show(at(0), &event);
            !lines.out.is_empty()
        };
        let warning = || Event::Warning { message: "w".into(), hint: None };
        let detail = || Event::LayerStarted { name: "n".into() };
        assert!(!shown(Level::Quiet, warning()) && shown(Level::Warnings, warning()));
        assert!(!shown(Level::Normal, detail()) && shown(Level::Verbose, detail()));
    }

    #[test]
    fn what_moves_is_told_once_in_a_second_with_the_time() {
        let mut lines = Lines::new(Level::Normal, Vec::new());
        let digest = Digest::of(b"blob");
        for step in 0..40 {
            let sent = step * 1_000_000;
            lines.show(at(step as i64 * 100), &Event::UploadAdvanced { digest, sent, size: 40_000_000 });
            lines.tick(at(step as i64 * 100));
        }
        lines.show(at(4000), &Event::BlobUploaded { digest, size: 40_000_000 });
        lines.tick(at(9000));
        let text = String::from_utf8(lines.out).expect("text");
        let line = |time: &str, sent: &str| format!("12:00:{time} progress  uploading 1 blob, {sent} of 40.0 MB\n");
        let moving = [("00", "5.0 MB"), ("01", "15.0 MB"), ("02", "25.0 MB"), ("03", "35.0 MB")];
        let expect: String = moving.map(|(time, sent)| line(time, sent)).concat();
        assert_eq!(text, expect + &format!("12:00:04 push      {}: uploaded 40.0 MB\n", digest.short()));
    }
}
