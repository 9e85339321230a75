//! The work of a thread that packs or measures the parts of a layer.

use std::sync::Arc;

use crate::guard::{Inspected, Inspection};
use crate::layer::{Earlier, Fingerprint, Kept, KnownChunks, Measured, PackError, PackOptions, Packed, Part, Resume};
use crate::layer::{measure, pack, pack_with, part_entries};
use crate::oci::ImagePath;
use crate::plan::{Entry, Placement, PlanError, Start};
use crate::store::{FileClock, Staged, Store};

use super::Error;
use super::chunks::{self, LayerLine};
use super::known::{self, PackedPart};

/// The entries of a layer, part by part.
pub(super) struct Walk {
    pub(super) placement: Arc<Placement>,
    pub(super) index: usize,
    pub(super) plan: Vec<Part>,
}

impl Walk {
    /// Returns the entries of a part, or those behind a file that is packed already. No other part is walked for them.
    pub(super) fn part(
        &self,
        number: usize,
        done: Option<&ImagePath>,
    ) -> impl Iterator<Item = Result<Entry, PlanError>> + use<> {
        let start = match (done, &self.plan[number].start) {
            (Some(done), _) => Start::After(done.clone()),
            (None, Some(start)) => Start::At(start.clone()),
            (None, None) => Start::First,
        };
        let next = self.plan.get(number + 1).and_then(|part| part.start.clone());
        let done = done.cloned();
        // The folders above were packed with what is done.
        let is_done = move |entry: &Entry| done.as_ref().is_some_and(|done| done.starts_with(&entry.path));
        part_entries(self.placement.entries_from(self.index, start), next)
            .filter(move |entry| !entry.as_ref().is_ok_and(&is_done))
    }
}

/// What a thread needs that packs parts.
pub(super) struct Work {
    pub(super) store: Arc<Store>,
    pub(super) settings: Fingerprint,
    /// The layer's earlier states; `None` where nothing is taken from records, nor recorded.
    pub(super) line: Option<LayerLine>,
    /// The time before the first file is read.
    pub(super) clock: FileClock,
    pub(super) options: PackOptions,
}

/// A part that was read and not packed.
pub(super) struct Looked {
    pub(super) measured: Measured,
    /// What was seen of its content.
    pub(super) seen: Inspected,
    pub(super) fingerprint: Fingerprint,
    /// The time before the first file was read.
    pub(super) clock: FileClock,
}

/// Why packing ended.
pub(super) enum Failure {
    Pack(PackError<PlanError>),
    Store(Error),
}

impl Work {
    /// Packs what is missing of a layer.
    pub(super) fn fill(&self, walk: &Walk, parts: &mut [Option<PackedPart>]) -> Result<(), Failure> {
        let known = self.line.as_ref().map(|line| line.known(&self.store)).transpose()?;
        for (number, part) in parts.iter_mut().enumerate() {
            if part.is_none() {
                *part = Some(match &known {
                    Some(known) => self.on_earlier(walk, number, known)?,
                    None => self.afresh(walk, number)?,
                });
            }
        }
        if let Some(line) = &self.line {
            line.set(&self.store, parts.iter().flatten().filter_map(|part| part.blob.as_ref()))?;
        }
        Ok(())
    }

    /// Measures what is missing of a layer, and returns what was seen of it.
    pub(super) fn measure(&self, walk: &Walk, parts: &[Option<PackedPart>]) -> Result<Vec<Option<Looked>>, Failure> {
        let look = |(number, part): (usize, &Option<PackedPart>)| -> Result<Option<Looked>, Failure> {
            if part.is_some() {
                return Ok(None);
            }
            self.seen();
            let mut fingerprint = self.settings.clone();
            let entries = walk.part(number, None).inspect(|entry| {
                entry.iter().for_each(|entry| fingerprint.entry(entry));
            });
            let measured = measure(entries, &self.options)?;
            Ok(Some(Looked { measured, seen: self.seen(), fingerprint, clock: self.clock }))
        };
        parts.iter().enumerate().map(look).collect()
    }

    /// Returns what was seen since the last call; what an attempt saw that broke off is seen again.
    fn seen(&self) -> Inspected {
        self.options.inspection.as_deref().map(Inspection::take).unwrap_or_default()
    }

    /// Packs one part into the store, and neither looks at records nor leaves any.
    fn afresh(&self, walk: &Walk, number: usize) -> Result<PackedPart, Failure> {
        self.seen();
        let (packed, staged) = pack(walk.part(number, None), &self.options, self.store.stage()?)?;
        self.committed(packed, staged)
    }

    /// Packs one part into the store with the help of its earlier states, and keeps this one.
    fn on_earlier(&self, walk: &Walk, number: usize, known: &KnownChunks) -> Result<PackedPart, Failure> {
        let resume = walk.plan[number].resume.clone();
        let (packed, kept, staged) = match (self.try_earlier(walk, number, known, resume.clone()), resume) {
            (Err(Failure::Pack(PackError::Stale)), Some(_)) => self.try_earlier(walk, number, known, None)?,
            (tried, _) => tried?,
        };
        let part = self.committed(packed, staged)?;
        known::keep(&self.store, kept.fingerprint.clone(), self.clock, &part)?;
        if part.blob.is_some() {
            chunks::keep(&self.store, &packed.digest, kept)?;
        }
        Ok(part)
    }

    fn try_earlier(
        &self,
        walk: &Walk,
        number: usize,
        known: &KnownChunks,
        resume: Option<(Resume, Fingerprint)>,
    ) -> Result<(Packed, Kept, Staged), Failure> {
        self.seen();
        let entries = walk.part(number, resume.as_ref().map(|(resume, _)| resume.last()));
        let earlier = Earlier { known, settings: self.settings.clone(), clock: self.clock, resume };
        Ok(pack_with(entries, &self.options, earlier, self.store.stage()?)?)
    }

    fn committed(&self, packed: Packed, staged: Staged) -> Result<PackedPart, Failure> {
        let blob = match packed.entries {
            0 => None,
            _ => {
                let blob = staged.commit(packed.digest, packed.size)?;
                self.store.vouch(&blob)?;
                Some(blob)
            }
        };
        Ok(PackedPart { packed, blob, seen: self.seen(), taken: None })
    }
}

impl From<PackError<PlanError>> for Failure {
    fn from(error: PackError<PlanError>) -> Self {
        Self::Pack(error)
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Store(error.into())
    }
}
