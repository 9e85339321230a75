//! `--events FILE`: what happens as one JSON object a line, for programs (`docs/report.md`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use dockless::event::Event;
use dockless::ground::{FileError, Timestamp};
use dockless::pipeline::ErrorReport;
use serde::Serialize;
use serde_json::json;

use super::printable;
use super::screen::Face;
use crate::cli::{cleanup, stderr};

/// The version of the lines.
const SCHEMA: u32 = 1;
/// Of what moves, one line in so many milliseconds.
const MOVING_MS: i64 = 1000;

/// Why the command fails, once it does.
static ERROR: Mutex<Option<ErrorReport>> = Mutex::new(None);

/// Keeps the first error for the last line.
pub(crate) fn keep(error: &ErrorReport) {
    ERROR.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
}

/// Writes events to a file.
pub(crate) struct Events {
    file: Box<dyn Write + Send>,
    /// Why the file takes nothing more.
    failed: Option<std::io::Error>,
    /// When something that moves was told last.
    told: BTreeMap<String, i64>,
}

#[derive(Serialize)]
struct Line<'a, T> {
    schema: u32,
    time: String,
    #[serde(flatten)]
    event: &'a T,
}

impl Events {
    /// Makes the file anew.
    pub(crate) fn create(path: &Path, at: Timestamp) -> Result<Self, FileError> {
        let file: Box<dyn Write + Send> = match path == Path::new("/dev/stderr") {
            // Opened anew, a log behind it would be cut.
            true => Box::new(std::io::stderr()),
            false => {
                if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                    std::fs::create_dir_all(folder).map_err(FileError::on("create", folder))?;
                }
                Box::new(File::create(path).map_err(FileError::on("create", path))?)
            }
        };
        let mut events = Self { file, told: BTreeMap::new(), failed: None };
        events.write(at, &json!({ "event": "started", "version": env!("CARGO_PKG_VERSION") }));
        Ok(events)
    }

    fn write(&mut self, at: Timestamp, event: &impl Serialize) {
        let line = Line { schema: SCHEMA, time: at.rfc3339(), event };
        // Events have string keys alone.
        let line = printable::json(&serde_json::to_string(&line).expect("an event is always JSON"));
        if self.failed.is_none() {
            // A full disk must not end the work.
            self.failed = self.file.write_all((cleanup::redacted(&line) + "\n").as_bytes()).err();
        }
    }

    fn is_due(&mut self, at: Timestamp, key: String) -> bool {
        let due = self.told.get(&key).is_none_or(|last| at.millis() - last >= MOVING_MS);
        if due {
            self.told.insert(key, at.millis());
        }
        due
    }
}

impl Face for Events {
    fn show(&mut self, at: Timestamp, event: &Event) {
        let due = match event {
            Event::UploadAdvanced { digest, .. } => self.is_due(at, digest.to_string()),
            Event::LayerAdvanced { name, .. } => self.is_due(at, name.clone()),
            _ => true,
        };
        if due {
            self.write(at, event);
        }
    }

    fn end(&mut self, at: Timestamp, code: u8) {
        let error = ERROR.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.write(at, &json!({ "event": "ended", "exit_code": code, "error": error }));
        if let Some(error) = &self.failed {
            stderr::tell(&format!("warning: not all events could be written: {error}\n"));
        }
    }
}
