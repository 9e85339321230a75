//! Progress on a terminal: a line for each layer and blob that moves and for each service, below the lines of what is done.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use dockless::event::Event;
use dockless::ground::Timestamp;
use dockless::oci::Digest;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::human::{self, Level};
use super::printable;
use super::screen::Face;
use super::terminal::Terminal;
use crate::cli::stderr;

/// How often lines move that nothing is told about: a deployment may say nothing for a minute.
const SPIN: Duration = Duration::from_millis(500);

/// Lines that move.
pub(crate) struct Live {
    level: Level,
    lines: MultiProgress,
    terminal: Terminal,
    width: Width,
    styles: Styles,
    layers: BTreeMap<String, ProgressBar>,
    blobs: BTreeMap<Digest, ProgressBar>,
    services: BTreeMap<String, (ProgressBar, Row)>,
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
    fn of(terminal: Terminal, width: Width) -> Self {
        let (spinner, bar) = match terminal.unicode {
            true => ("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ", "━╸ "),
            false => ("|/-\\ ", "=> "),
        };
        let (tint, bar_tint) = if terminal.colour { (":.cyan", ".cyan") } else { ("", "") };
        let style = |line: &str| {
            let style = ProgressStyle::with_template(&format!("{{spinner{tint}}} {line}"));
            style.expect("the template is right").tick_chars(spinner).progress_chars(bar)
        };
        let wide = format!(
            "push    {{wide_msg}} uploading {{bar:10{bar_tint}}} {{decimal_bytes:>9}} of {{decimal_total_bytes:>9}} \
             {{decimal_bytes_per_sec:>11}}"
        );
        let (packing, sending, waiting) = match width {
            Width::Wide => (
                "layer   {wide_msg} packing {decimal_bytes:>9} {decimal_bytes_per_sec:>11}",
                wide.as_str(),
                "deploy  {wide_msg} {elapsed:>4}",
            ),
            Width::Narrow => (
                "layer   {wide_msg} {decimal_bytes:>9}",
                "push    {wide_msg} {percent:>3} % {decimal_bytes_per_sec:>11}",
                "deploy  {wide_msg}",
            ),
            Width::Tiny => ("{wide_msg}", "{percent:>3} % {wide_msg}", "{wide_msg}"),
        };
        Self { packing: style(packing), sending: style(sending), waiting: style(waiting) }
    }
}

/// How much a line can hold: one that is too long would be broken, and not be drawn anew as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Wide,
    Narrow,
    Tiny,
}

impl Width {
    /// Measures the terminal as it is now; one that does not say is taken for a usual one.
    fn of_stderr() -> Self {
        let columns = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(0, |size| size.ws_col);
        match columns {
            1..40 => Self::Tiny,
            40..76 => Self::Narrow,
            _ => Self::Wide,
        }
    }
}

impl Live {
    pub(crate) fn new(level: Level, terminal: Terminal) -> Self {
        let width = Width::of_stderr();
        Self {
            level,
            lines: MultiProgress::new(),
            terminal,
            width,
            styles: Styles::of(terminal, width),
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
        line.set_message(shown(&message));
        line
    }

    /// Draws the lines as the terminal's width asks for.
    fn fit(&mut self) {
        let width = Width::of_stderr();
        if width == self.width {
            return;
        }
        (self.width, self.styles) = (width, Styles::of(self.terminal, width));
        self.layers.values().for_each(|line| line.set_style(self.styles.packing.clone()));
        self.blobs.values().for_each(|line| line.set_style(self.styles.sending.clone()));
        self.services.values().for_each(|(line, _)| line.set_style(self.styles.waiting.clone()));
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
                let Some(row) = Row::of(event) else { return };
                let (line, _) = self.services.remove(service).unwrap_or_else(|| {
                    let line = self.line(&self.styles.waiting, None, service.clone());
                    line.enable_steady_tick(SPIN);
                    (line, Row::default())
                });
                self.services.insert(service.clone(), (line, row));
                self.table();
            }
            _ => {}
        }
    }

    /// Writes the services below each other, column by column.
    fn table(&self) {
        let rows = || self.services.values().map(|(_, row)| row);
        let width = |cell: usize| rows().map(|row| row.0[cell].chars().count()).max().unwrap_or_default();
        let widths: [usize; CELLS] = std::array::from_fn(width);
        self.services.values().for_each(|(line, row)| line.set_message(row.text(&widths)));
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
            self.lines.suspend(|| writeln!(std::io::stderr(), "{}", stderr::shown(&line))).unwrap_or_default();
        }
    }

    fn tick(&mut self, _now: Timestamp) {
        self.fit();
    }

    fn settle(&mut self) {
        self.settled = true;
        let services = self.services.values().map(|(line, _)| line);
        let all = self.layers.values().chain(self.blobs.values()).chain(services);
        all.for_each(|line| {
            line.finish_and_clear();
            self.lines.remove(line);
        });
        (self.layers, self.blobs, self.services) = Default::default();
        let _ = self.lines.clear();
    }
}

/// How many cells a service has in the table.
const CELLS: usize = 5;

/// A service in the table: name, state, tasks, those that start, and the share of the traffic.
#[derive(Default)]
struct Row([String; CELLS]);

impl Row {
    fn of(event: &Event) -> Option<Self> {
        let Event::RolloutChanged { service, status, running, pending, desired, stage, traffic } = event else {
            return None;
        };
        let state: Vec<&str> = [Some(status.as_str()), stage.as_deref()].into_iter().flatten().collect();
        let tasks = format!("{running} of {desired} running");
        let traffic = traffic.map(|percent| format!("{percent} % of the traffic")).unwrap_or_default();
        let cells = [service.clone(), state.join(" "), tasks, format!("{pending} pending"), traffic];
        Some(Self(cells.map(|cell| shown(&cell))))
    }

    fn text(&self, widths: &[usize; CELLS]) -> String {
        let cells: Vec<String> = self
            .0
            .iter()
            .zip(widths)
            .filter(|(_, width)| **width > 0)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    }
}

/// Returns what may stand in a line that moves.
fn shown(text: &str) -> String {
    stderr::shown(&printable::line(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_stand_below_each_other_in_columns() {
        let changed = |service: &str, status: &str, traffic| Event::RolloutChanged {
            service: service.to_owned(),
            status: status.to_owned(),
            running: 1,
            pending: 0,
            desired: 2,
            stage: None,
            traffic,
        };
        let terminal = Terminal { live: true, colour: false, unicode: true };
        let mut live = Live::new(Level::Normal, terminal);
        live.advance(&changed("web", "IN_PROGRESS", Some(10.0)));
        live.advance(&changed("work\u{1b}er", "PENDING", None));
        let texts: Vec<String> = live.services.values().map(|(line, _)| line.message()).collect();
        assert_eq!(
            texts,
            [
                "web           IN_PROGRESS  1 of 2 running  0 pending  10 % of the traffic",
                "work\\u{1b}er  PENDING      1 of 2 running  0 pending"
            ]
        );
    }
}
