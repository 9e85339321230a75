//! `dockless cache`, and `dockless cache prune`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use dockless::pipeline::{self, CacheReport, DEFAULT_CACHE_SIZE, Error, Held, PruneReport};
use dockless::sandbox::{Sandbox, SandboxError};
use dockless::store::{Store, StoreError};

use super::{Done, Failure, write_stdout};
use crate::cli::args::{CacheAction, CacheArgs, Common, PruneArgs};
use crate::cli::env::Environment;
use crate::cli::render::human::bytes;
use crate::cli::{exit, render, settings, stderr};

/// What each kind is, in the order it is shown.
const KINDS: [(&str, &str); 11] = [
    ("blobs", "layers and downloaded base layers"),
    ("layer", "layers that are known without reading a file"),
    ("chunks", "what each blob is made of"),
    ("states", "where packing may go on in each blob"),
    ("last", "the last blobs of each layer"),
    ("verified", "blobs that need not be hashed again"),
    ("facts", "the files of bases"),
    ("image", "manifests and configs of images that layers take from"),
    ("taken", "which files layers take from other images"),
    ("temporary", "files of runs at work, or killed"),
    ("sandbox", "the state of sandboxes; no bound counts it"),
];

/// Shows the cache, or makes it smaller. No build file is read.
pub(super) fn run(common: &Common, args: &CacheArgs) -> Result<Done, Failure> {
    let environment = Environment::read();
    let folder = settings::cache_dir(&environment);
    let configured = settings::user_config(&environment)?.cache_max_size.unwrap_or(DEFAULT_CACHE_SIZE);
    let text = match &args.action {
        None => {
            let report = pipeline::measure_cache(&folder, configured);
            if common.json { render::json::render(&report) } else { shown(&report) }
        }
        Some(CacheAction::Prune(args)) => {
            let report = prune(&folder, args, configured)?;
            if common.json { render::json::render(&report) } else { told(&report) }
        }
    };
    write_stdout(&text)?;
    Ok(Done { code: exit::DONE })
}

fn prune(folder: &Path, args: &PruneArgs, configured: u64) -> Result<PruneReport, Failure> {
    let max_size = if args.all { 0 } else { args.max_size.unwrap_or(configured) };
    // Nothing is made where there is nothing to remove.
    if !folder.exists() {
        return Ok(PruneReport { cache: folder.to_owned(), dry_run: args.dry_run, max_size, ..PruneReport::default() });
    }
    let store = Store::attach(folder).map_err(|error: StoreError| Failure::Pipeline(Error::Store(error)))?;
    let mut report = pipeline::prune_cache(&store, max_size, args.dry_run)?;
    if args.all {
        let (held, kept) = clear_sandboxes(folder, args.dry_run)?;
        report.removed_bytes += held.bytes;
        if held.files > 0 {
            report.removed.insert("sandbox".to_owned(), held);
        }
        for state in kept {
            stderr::tell(&format!("note: the sandbox in `{state}` runs, and stays\n"));
        }
    }
    Ok(report)
}

/// Empties the sandboxes that nobody runs; returns what they held, and those that run.
fn clear_sandboxes(folder: &Path, dry_run: bool) -> Result<(Held, Vec<String>), Failure> {
    let (mut held, mut kept) = (Held::default(), Vec::new());
    for entry in std::fs::read_dir(folder.join("sandbox")).into_iter().flatten().flatten() {
        let state = entry.path();
        let size = pipeline::folder_size(&state);
        match if dry_run { Ok(()) } else { Sandbox::reset(&state) } {
            Ok(()) => held = Held { files: held.files + size.files, bytes: held.bytes + size.bytes },
            Err(SandboxError::Locked(_)) => kept.push(state.display().to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok((held, kept))
}

fn shown(report: &CacheReport) -> String {
    let mut text = table(&report.kinds);
    let _ = writeln!(text, "{}: {} of {}", report.cache.display(), bytes(report.bytes), bytes(report.max_size));
    text
}

fn told(report: &PruneReport) -> String {
    let mut text = table(&report.removed);
    if let Some(why) = report.skipped {
        let _ = writeln!(text, "nothing is removed: {why}");
    }
    let verb = if report.dry_run { "would remove" } else { "removed" };
    let (removed, kept) = (bytes(report.removed_bytes), bytes(report.kept_bytes));
    let _ = writeln!(text, "{}: {verb} {removed}, {kept} stay", report.cache.display());
    text
}

fn table(kinds: &BTreeMap<String, Held>) -> String {
    let mut text = String::new();
    let order = |kind: &str| KINDS.iter().position(|(name, _)| *name == kind).unwrap_or(KINDS.len());
    let mut kinds: Vec<_> = kinds.iter().collect();
    kinds.sort_by_key(|(kind, _)| order(kind));
    for (kind, held) in kinds {
        let what = KINDS.iter().find(|(name, _)| name == kind).map_or("", |(_, what)| what);
        let _ = writeln!(text, "{kind:<10} {:>7} files {:>10}  {what}", held.files, bytes(held.bytes));
    }
    text
}
