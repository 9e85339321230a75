//! Progress on a terminal: a line for each layer and blob that moves and for each service, below the lines of what is done.

use std::collections::BTreeMap;
use std::time::Duration;

use dockless::event::Event;
use dockless::ground::Timestamp;
use dockless::oci::Digest;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::human::{self, Level};
use super::screen::Face;
use super::terminal::Terminal;
use crate::cli::cleanup;

/// How often lines move that nothing is told about: a deployment may say nothing for a minute.
const SPIN: Duration = Duration::from_millis(500);

/// Lines that move.
pub(crate) struct Live {
    level: Level,
    lines: MultiProgress,
    styles: Styles,
    layers: BTreeMap<String, ProgressBar>,
    blobs: BTreeMap<Digest, ProgressBar>,
    services: BTreeMap<String, ProgressBar>,
    /// What the blobs are, where that is known.
    names: BTreeMap<Digest, String>,
    settled: bool,
}

struct Styles {
    packing: ProgressStyle,
    sending: ProgressStyle,
    waiting: ProgressStyle,
}

impl Styles {
    fn of(terminal: Terminal) -> Self {
        let (spinner, bar) = match terminal.unicode {
            true => ("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ", "━╸ "),
            false => ("|/-\\ ", "=> "),
        };
        let (tint, bar_tint) = if terminal.colour { (":.cyan", ".cyan") } else { ("", "") };
        let style = |template: String| {
            let style = ProgressStyle::with_template(&template).expect("the template is right");
            style.tick_chars(spinner).progress_chars(bar)
        };
        Self {
            packing: style(format!(
                "{{spinner{tint}}} layer   {{wide_msg}} packing {{decimal_bytes:>9}} {{decimal_bytes_per_sec:>11}}"
            )),
            sending: style(format!(
                "{{spinner{tint}}} push    {{wide_msg}} uploading {{bar:10{bar_tint}}} {{decimal_bytes:>9}} of \
                 {{decimal_total_bytes:>9}} {{decimal_bytes_per_sec:>11}}"
            )),
            waiting: style(format!("{{spinner{tint}}} deploy  {{wide_msg}} {{elapsed:>4}}")),
        }
    }
}

impl Live {
    pub(crate) fn new(level: Level, terminal: Terminal) -> Self {
        Self {
            level,
            lines: MultiProgress::new(),
            styles: Styles::of(terminal),
            layers: BTreeMap::new(),
            blobs: BTreeMap::new(),
            services: BTreeMap::new(),
            names: BTreeMap::new(),
            settled: false,
        }
    }

    fn line(&self, style: &ProgressStyle, length: Option<u64>, message: String) -> ProgressBar {
        let line = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let line = self.lines.add(line.with_style(style.clone()));
        line.set_message(cleanup::redacted(&message));
        line
    }

    /// Moves the lines.
    fn advance(&mut self, event: &Event) {
        match event {
            Event::LayerStarted { name } if !self.layers.contains_key(name) => {
                let line = self.line(&self.styles.packing, None, name.clone());
                line.tick();
                self.layers.insert(name.clone(), line);
            }
            Event::LayerAdvanced { name, tar_bytes } => {
                if let Some(line) = self.layers.get(name) {
                    line.set_position(*tar_bytes);
                }
            }
            Event::LayerPacked { name, digest, .. } | Event::LayerKnown { name, digest, .. } => {
                self.layers.remove(name).inspect(|line| self.lines.remove(line));
                self.names.insert(*digest, name.clone());
            }
            Event::UploadAdvanced { digest, sent, size } => self.sent(digest, *sent, *size),
            Event::BlobUploaded { digest, .. } | Event::BlobMounted { digest, .. } | Event::BlobExists { digest } => {
                self.blobs.remove(digest).inspect(|line| self.lines.remove(line));
            }
            Event::RolloutChanged { service, .. } => {
                let message = human::rollout(event).unwrap_or_default();
                let line = self.services.remove(service).unwrap_or_else(|| {
                    let line = self.line(&self.styles.waiting, None, String::new());
                    line.enable_steady_tick(SPIN);
                    line
                });
                line.set_message(cleanup::redacted(&message));
                self.services.insert(service.clone(), line);
            }
            _ => {}
        }
    }

    fn sent(&mut self, digest: &Digest, sent: u64, size: u64) {
        if let Some(line) = self.blobs.get(digest) {
            line.set_position(sent);
            return;
        }
        let name = self.names.get(digest).cloned().unwrap_or_else(|| digest.short());
        let line = self.line(&self.styles.sending, Some(size), name);
        // What was sent until now took a time that nobody measured: the rate begins here.
        line.set_position(sent);
        line.reset_eta();
        self.blobs.insert(*digest, line);
    }
}

impl Face for Live {
    fn show(&mut self, _at: Timestamp, event: &Event) {
        if !self.settled {
            self.advance(event);
        }
        // What moves is a line of its own already; what it came to stays.
        if matches!(event, Event::RolloutChanged { .. }) && self.level < Level::Verbose && !self.settled {
            return;
        }
        if let Some(line) = human::told(event, self.level) {
            // A closed terminal must not end the work.
            let _ = self.lines.println(cleanup::redacted(&line));
        }
    }

    fn settle(&mut self) {
        self.settled = true;
        let all = self.layers.values().chain(self.blobs.values()).chain(self.services.values());
        all.for_each(|line| {
            line.finish_and_clear();
            self.lines.remove(line);
        });
        (self.layers, self.blobs, self.services) = Default::default();
        let _ = self.lines.clear();
    }
}
