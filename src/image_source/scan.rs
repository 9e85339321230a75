//! One reading of an image's layers that keeps what is taken: names in an index, bytes in the spool.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use sha2::{Digest as _, Sha256};
use tar::EntryType;

use super::index::{Index, Item, ItemKind, Kept};
use super::lead::stands_at;
use super::links::Links;
use crate::base::{FactKind, Facts, FactsError, Limits, Member, MemberBytes, read_layer};
use crate::oci::ImagePath;

/// Why a reading ended.
#[derive(Debug)]
pub(super) enum ScanError {
    /// The layers.
    Facts(FactsError),
    /// The spool.
    Spool(io::Error),
}

impl From<FactsError> for ScanError {
    fn from(error: FactsError) -> Self {
        Self::Facts(error)
    }
}

/// A reading of all layers, lowest first.
pub(super) struct Scan<'a> {
    facts: &'a Facts,
    limits: &'a Limits,
    spool: &'a File,
    /// The paths that are taken, with all below them.
    taken: &'a BTreeSet<ImagePath>,
    /// The files that hard links need, whether they last or not.
    needed: &'a BTreeSet<ImagePath>,
    index: Index,
    /// Files that hard links need beside those.
    missing: BTreeSet<ImagePath>,
    links: Links,
    layer: u16,
    /// The length of the spool.
    spooled: u64,
    /// Uncompressed bytes that may still be read.
    budget: u64,
    buffer: Vec<u8>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        facts: &'a Facts,
        limits: &'a Limits,
        spool: &'a File,
        taken: &'a BTreeSet<ImagePath>,
        needed: &'a BTreeSet<ImagePath>,
    ) -> Self {
        Self {
            facts,
            limits,
            spool,
            taken,
            needed,
            index: Index::default(),
            missing: BTreeSet::new(),
            links: Links::new(limits),
            layer: 0,
            spooled: 0,
            budget: limits.unpacked_bytes,
            buffer: vec![0; 1 << 16],
        }
    }

    /// Applies the next layer.
    pub(super) fn layer(&mut self, bytes: impl Read) -> Result<(), ScanError> {
        self.layer += 1;
        self.links.next_layer();
        let (limits, layer, mut budget) = (self.limits, self.layer, self.budget);
        read_layer(bytes, limits, layer, &mut budget, |member, bytes| self.member(member, bytes))?;
        self.budget = budget;
        Ok(())
    }

    /// Returns what the layers hold, and the files that another reading needs to keep.
    pub(super) fn finish(self) -> (Index, BTreeSet<ImagePath>) {
        (self.index, self.missing)
    }

    fn member(&mut self, member: &Member, bytes: &mut MemberBytes<'_>) -> Result<(), ScanError> {
        let outside =
            || FactsError::Outside { layer: self.layer, path: String::from_utf8_lossy(&member.path).into_owned() };
        let path = self.links.real(&ImagePath::parse(&member.path).ok_or_else(outside)?)?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        self.links.put_folders(&parent);
        self.imply_folders(&parent)?;
        if let Some(hidden) = name.strip_prefix(b".wh.") {
            self.hide(&parent, hidden);
            return Ok(());
        }
        let is_folder = member.kind.is_dir() || member.kind.is_file() && member.path.ends_with(b"/");
        let link = self.symlink_target(member)?;
        self.links.put(&path, link.as_deref(), is_folder)?;
        if self.covers(&path) {
            let kind = self.kind(&path, member, is_folder, bytes)?;
            let item = Item { layer: self.layer, kind, mode: member.mode, mtime: member.mtime };
            let item = if member.kind == EntryType::Link { self.like_target(&path, member, item)? } else { item };
            self.index.put(&path, item)?;
        } else if !is_folder {
            self.index.clear(&path);
        }
        Ok(())
    }

    /// Makes the folders above an entry that are not there, in place of whatever else is. Above a folder that is there
    /// all are.
    fn imply_folders(&mut self, folder: &ImagePath) -> Result<(), ScanError> {
        let mut next = Some(folder.clone());
        while let Some(path) = next.filter(|path| !path.is_root() && self.covers(path)) {
            if matches!(self.index.get(&path), Some(Item { kind: ItemKind::Directory, .. })) {
                break;
            }
            self.index.put(&path, Item::implied_folder(self.layer))?;
            next = path.parent();
        }
        Ok(())
    }

    fn hide(&mut self, folder: &ImagePath, hidden: &[u8]) {
        match hidden {
            b".wh..opq" => {
                self.links.hide_below(folder);
                self.index.prune(folder, self.layer);
            }
            // Other names of this form are bookkeeping of AUFS.
            hidden if matches!(hidden, b"" | b"." | b"..") || hidden.starts_with(b".wh.") => {}
            hidden => {
                let path = folder.join(hidden);
                self.links.hide(&path);
                self.index.remove(&path, self.layer);
            }
        }
    }

    /// Returns whether a path is, or is below, something that is taken, or is needed.
    fn covers(&self, path: &ImagePath) -> bool {
        self.taken.iter().any(|root| path.starts_with(root)) || self.needed.contains(path)
    }

    fn kind(
        &mut self,
        path: &ImagePath,
        member: &Member,
        is_folder: bool,
        bytes: &mut MemberBytes<'_>,
    ) -> Result<ItemKind, ScanError> {
        Ok(match member.kind {
            _ if is_folder => ItemKind::Directory,
            EntryType::Symlink => ItemKind::Symlink(member.link.clone()),
            EntryType::Fifo => ItemKind::Special("FIFO"),
            EntryType::Char | EntryType::Block => ItemKind::Special("device"),
            EntryType::Link => ItemKind::File(None),
            _ if !self.lasts(path)? => ItemKind::File(None),
            _ if member.sparse => return Err(self.malformed("it holds a sparse file, which cannot be taken")),
            _ => ItemKind::File(Some(self.keep(bytes)?)),
        })
    }

    /// Returns whether a file may be there when all layers are applied, or is needed anyway.
    fn lasts(&self, path: &ImagePath) -> Result<bool, ScanError> {
        if self.needed.contains(path) {
            return Ok(true);
        }
        let fact = stands_at(self.facts, path)?;
        Ok(fact.is_some_and(|fact| fact.kind != FactKind::Directory))
    }

    /// Returns what a hard link is: what its target is at this moment. The link itself may say anything.
    fn like_target(&mut self, path: &ImagePath, member: &Member, link: Item) -> Result<Item, ScanError> {
        if !self.lasts(path)? {
            return Ok(link);
        }
        let target = self.link_target(member)?;
        match self.index.get(&target) {
            Some(Item { kind: ItemKind::Directory, .. }) => Err(self.malformed("it holds a hard link to a folder")),
            None if self.needed.contains(&target) => Err(self.malformed("it holds a hard link to nothing")),
            None | Some(Item { kind: ItemKind::File(None), .. }) => {
                self.index.charge(self.layer, target.as_bytes().len())?;
                self.missing.insert(target);
                Ok(link)
            }
            Some(found) => Ok(Item { layer: self.layer, ..found.clone() }),
        }
    }

    fn link_target(&self, member: &Member) -> Result<ImagePath, ScanError> {
        let outside =
            || FactsError::Outside { layer: self.layer, path: String::from_utf8_lossy(&member.link).into_owned() };
        Ok(self.links.real(&ImagePath::parse(&member.link).ok_or_else(outside)?)?)
    }

    /// Returns the target of an entry that is a symlink, or a hard link to one.
    fn symlink_target(&self, member: &Member) -> Result<Option<Vec<u8>>, ScanError> {
        Ok(match member.kind {
            EntryType::Symlink => Some(member.link.clone()),
            EntryType::Link => match ImagePath::parse(&member.link) {
                Some(target) => self.links.target(&self.links.real(&target)?).map(<[u8]>::to_vec),
                None => None,
            },
            _ => None,
        })
    }

    /// Copies an entry's bytes into the spool.
    fn keep(&mut self, bytes: &mut MemberBytes<'_>) -> Result<Kept, ScanError> {
        let (offset, mut hash) = (self.spooled, Sha256::new());
        loop {
            let read = bytes.read(&mut self.buffer)?;
            if read == 0 {
                break;
            }
            hash.update(&self.buffer[..read]);
            self.spool.write_all_at(&self.buffer[..read], self.spooled).map_err(ScanError::Spool)?;
            self.spooled += read as u64;
        }
        let hash = hash.finalize();
        let half = |from: usize| u64::from_be_bytes(hash[from..from + 8].try_into().expect("eight bytes"));
        Ok(Kept { offset, length: self.spooled - offset, identity: [half(0), half(8)] })
    }

    fn malformed(&self, reason: &'static str) -> ScanError {
        FactsError::Malformed { layer: self.layer, reason }.into()
    }
}
