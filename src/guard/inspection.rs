//! The look at a layer while it is packed.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::oci::{ImagePath, Platform};
use crate::tree::SourceFile;

use super::finding::{Finding, Severity};
use super::inspected::{Asked, AskedKind, Inspected, MachineLink, MachineScript, OtherMachine};
use super::machine::Machine;
use super::program::{self, Program};
use super::rules::{Guard, is_published, shown};
use super::scan::{self, Hits, Scan};

/// What an inspection looks for.
#[derive(Clone, Debug)]
pub struct InspectionOptions {
    /// Which secrets may pass.
    pub guard: Arc<Guard>,
    /// What the images run on that the layer may be a part of.
    pub platforms: Vec<Platform>,
    /// Absolute paths that exist only on the machine that builds: the checkout, the home of the user.
    pub machine_paths: Vec<PathBuf>,
    /// Paths of the image of which all is to be told: candidates for the entrypoint.
    pub asked: BTreeSet<ImagePath>,
}

/// Looks at the entries of a layer, on whatever threads have them. Its memory does not grow with the layer.
#[derive(Debug)]
pub struct Inspection {
    options: Arc<InspectionOptions>,
    seen: Mutex<Inspected>,
}

/// An entry that is looked at.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its path in the image.
    pub path: ImagePath,
    /// The twelve permission bits.
    pub mode: u32,
    /// The file that it comes from; `None` for what the build file wrote.
    pub source: Option<SourceFile>,
}

/// A file that is looked at piece by piece.
#[derive(Debug)]
pub struct Examination<'a> {
    inspection: &'a Inspection,
    subject: Subject,
    scan: Scan,
}

impl Inspection {
    /// Begins to look.
    pub fn new(options: InspectionOptions) -> Self {
        Self { options: Arc::new(options), seen: Mutex::default() }
    }

    /// Begins to look for the same, apart from what is seen here.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { options: Arc::clone(&self.options), seen: Mutex::default() }
    }

    /// Adds what was seen elsewhere.
    pub fn add(&self, seen: Inspected) {
        self.seen().merge(seen);
    }

    /// Looks at a file that is in memory.
    pub fn file(&self, subject: &Subject, content: &[u8]) {
        self.conclude(subject, &scan::whole(subject.name(), content), content);
    }

    /// Begins to look at a file that comes in pieces.
    pub fn pieces(&self, subject: Subject) -> Examination<'_> {
        Examination { inspection: self, subject, scan: Scan::default() }
    }

    /// Looks at a symlink.
    pub fn symlink(&self, path: &ImagePath, target: &[u8]) {
        if self.is_of_this_machine(target) {
            self.seen().machine_links.add(MachineLink { path: path.clone(), target: target.to_vec() });
        }
        self.answer(path, || Asked { mode: 0o777, kind: AskedKind::Symlink(target.to_vec()) });
    }

    /// Looks at a folder.
    pub fn directory(&self, path: &ImagePath, mode: u32) {
        self.answer(path, || Asked { mode, kind: AskedKind::Directory });
    }

    /// Returns what was seen since the last call.
    pub fn take(&self) -> Inspected {
        std::mem::take(&mut self.seen())
    }

    fn conclude(&self, subject: &Subject, hits: &Hits, head: &[u8]) {
        self.report(subject, hits);
        let program = Program::of(head);
        match &program {
            Some(Program::Elf { machine, interpreter }) => self.judge_elf(subject, *machine, interpreter.as_deref()),
            Some(Program::Script { .. }) if subject.mode & 0o111 != 0 => self.judge_script(subject, head),
            _ => {}
        }
        self.answer(&subject.path, || Asked { mode: subject.mode, kind: AskedKind::File(program) });
    }

    fn report(&self, subject: &Subject, hits: &Hits) {
        let mut secrets = hits.secrets().peekable();
        let Some(severity) = secrets.peek().and_then(|_| self.options.guard.severity(subject.source_path())) else {
            return;
        };
        let path = shown(subject.source_path());
        let mut seen = self.seen();
        for (line, what) in secrets {
            seen.add_finding(Finding { path: path.clone(), line, what, severity });
        }
        match severity {
            Severity::Refusal => seen.refused.more += hits.more(),
            Severity::Warning => seen.warned.more += hits.more(),
        }
    }

    fn judge_elf(&self, subject: &Subject, machine: Machine, interpreter: Option<&[u8]>) {
        let everywhere = self.options.platforms.iter().all(|platform| machine.fits(platform));
        if !everywhere && !is_published(subject.source_path()) {
            self.seen().other_machines.add(OtherMachine { path: subject.path.clone(), machine });
        }
        if let Some(interpreter) = interpreter.filter(|_| subject.mode & 0o111 != 0) {
            self.seen().add_interpreter(interpreter, &subject.path);
        }
    }

    fn judge_script(&self, subject: &Subject, head: &[u8]) {
        if let Some(word) = program::first_words(head).find(|word| self.is_of_this_machine(word)) {
            let script = MachineScript { path: subject.path.clone(), interpreter: word.to_vec() };
            self.seen().machine_scripts.add(script);
        }
    }

    fn is_of_this_machine(&self, path: &[u8]) -> bool {
        is_below(path, &self.options.machine_paths)
    }

    fn answer(&self, path: &ImagePath, answer: impl FnOnce() -> Asked) {
        if self.options.asked.contains(path) {
            self.seen().asked.insert(path.clone(), answer());
        }
    }

    fn seen(&self) -> MutexGuard<'_, Inspected> {
        // What one thread left stays true when another panicked.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Examination<'_> {
    /// Looks at the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        self.scan.feed(piece);
    }

    /// Ends the look: all pieces came.
    pub fn end(self) {
        let head = self.scan.head()[..self.scan.head().len().min(program::HEAD)].to_vec();
        let hits = self.scan.end(self.subject.name());
        self.inspection.conclude(&self.subject, &hits, &head);
    }
}

impl Subject {
    /// Returns the path that `secrets.allow` speaks of and messages show.
    fn source_path(&self) -> &[u8] {
        self.source.as_ref().map_or(self.path.as_bytes(), |source| source.path().as_os_str().as_bytes())
    }

    fn name(&self) -> &[u8] {
        self.source_path().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }
}

/// Returns whether an absolute path is one of these folders or below one. The root is no such folder.
pub fn is_below(path: &[u8], folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| {
        let folder = folder.as_os_str().as_bytes();
        let rest = path.strip_prefix(folder.strip_suffix(b"/").unwrap_or(folder));
        folder.len() > 1 && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}
