//! One streaming pass over a base's layers: headers kept, bytes dropped.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Cursor, Read};

use tar::EntryType;

use super::decoder::{Decoder, magic};
use super::member::{Member, Members};
use super::table::{FolderId, Kind, ROOT, Record, Table};
use super::{Facts, FactsError, Limits, Names};
use crate::oci::ImagePath;

/// How many symlinks a path may lead through (Linux: 40).
const MAX_SYMLINKS: u32 = 40;

/// How many bytes of files that are named as passwd and group are kept before it is known which of them count.
const NAME_FILES_BYTES: usize = 16 << 20;

/// Builds [`Facts`] from the layers of a base, lowest first.
#[derive(Debug, Default)]
pub struct FactsBuilder {
    limits: Limits,
    table: Table,
    layer: u16,
    entries: u64,
    unpacked_left: u64,
    /// The bytes of files named `passwd` or `group`: which of them is the one in `/etc` is known only at the end.
    texts: BTreeMap<(FolderId, Vec<u8>), Vec<u8>>,
}

impl FactsBuilder {
    /// Starts with an empty file system.
    pub fn new(limits: Limits) -> Self {
        Self { limits, unpacked_left: limits.unpacked_bytes, ..Self::default() }
    }

    /// Applies one layer: gzip (one member or several), zstd or plain tar, told by its first bytes.
    ///
    /// Reads `bytes` to their end, also what follows the tar, and verifies no digest: the caller hands in a reader that
    /// hashes.
    ///
    /// # Errors
    /// When the layer cannot be read, is no tar, names paths outside the image, or exceeds a limit. The builder is of
    /// no use afterwards.
    pub fn add_layer(&mut self, mut bytes: impl Read) -> Result<(), FactsError> {
        self.layer += 1;
        let layer = self.layer;
        let failed = |source| FactsError::Read { layer, source };
        let head = magic(&mut bytes).map_err(failed)?;
        let mut whole = BufReader::with_capacity(1 << 16, Cursor::new(head.clone()).chain(bytes));
        let decoder = Decoder::new(&head, &mut whole).map_err(failed)?;
        let limits = self.limits;
        let mut budget = self.unpacked_left;
        let mut members = Members::new(BufReader::with_capacity(1 << 16, decoder), &limits, layer, &mut budget);
        while let Some(member) = members.next()? {
            self.add(&member, &mut members)?;
        }
        members.drain()?;
        drop(members);
        self.unpacked_left = budget;
        io::copy(&mut whole, &mut io::sink()).map_err(failed)?;
        Ok(())
    }

    /// Returns the file system that the layers make.
    pub fn finish(self) -> Facts {
        let text = |name: &[u8]| {
            let key = resolve(&self.table, &[b"etc".to_vec(), name.to_vec()])?;
            self.texts.get(&key).cloned()
        };
        let names = Names { passwd: text(b"passwd"), group: text(b"group") };
        Facts::new(self.table, names)
    }

    fn add(&mut self, member: &Member, members: &mut Members<'_, impl Read>) -> Result<(), FactsError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(FactsError::Limit { layer: self.layer, what: "entries", limit: self.limits.entries });
        }
        let path = ImagePath::parse(&member.path).ok_or_else(|| FactsError::Outside {
            layer: self.layer,
            path: String::from_utf8_lossy(&member.path).into_owned(),
        })?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        let folder = self.folder(&parent)?;
        if let Some(hidden) = name.strip_prefix(b".wh.") {
            match hidden {
                b".wh..opq" => self.table.prune(folder, self.layer),
                // Other names of this form are bookkeeping of AUFS.
                hidden if hidden.is_empty() || hidden.starts_with(b".wh.") => {}
                hidden => self.table.remove(folder, hidden, self.layer),
            }
            return Ok(());
        }
        let record = self.record(member);
        self.table.put(folder, name, record);
        let text = self.text(member, members, &path)?;
        let key = (folder, name.to_vec());
        match text {
            Some(text) => drop(self.texts.insert(key, text)),
            None => drop(self.texts.remove(&key)),
        }
        Ok(())
    }

    fn record(&mut self, member: &Member) -> Record {
        if member.kind == EntryType::Link {
            let target = ImagePath::parse(&member.link).and_then(|path| self.table.at(&path)).copied();
            if let Some(target) = target.filter(|target| !matches!(target.kind, Kind::Directory(_))) {
                return Record { layer: self.layer, ..target };
            }
        }
        let kind = match member.kind {
            EntryType::Directory => self.table.new_folder(),
            EntryType::Symlink => self.table.new_symlink(&member.link),
            EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Other,
            // A trailing slash is how writers before ustar mark a folder.
            EntryType::Regular if member.path.ends_with(b"/") => self.table.new_folder(),
            _ => Kind::File,
        };
        let capability = member.capability.as_deref().map_or(0, |value| self.table.new_capability(value));
        Record {
            kind,
            mode: u16::try_from(member.mode).expect("twelve bits"),
            layer: self.layer,
            uid: u32::try_from(member.uid).expect("checked when it was read"),
            gid: u32::try_from(member.gid).expect("checked when it was read"),
            capability,
            mtime: member.mtime,
        }
    }

    /// Returns the number of the folder at a path. Like every runtime this makes what is missing, goes through symlinks
    /// of the same layer, and puts a folder in the place of a symlink of a lower one.
    fn folder(&mut self, path: &ImagePath) -> Result<FolderId, FactsError> {
        let mut names: Vec<Vec<u8>> = path.components().rev().map(<[u8]>::to_vec).collect();
        let mut stack = vec![ROOT];
        let mut followed = 0;
        while let Some(name) = names.pop() {
            if name == b".." {
                stack.truncate((stack.len() - 1).max(1));
                continue;
            }
            let here = *stack.last().expect("the root stays");
            match self.table.get(here, &name).copied() {
                Some(Record { kind: Kind::Directory(id), .. }) => stack.push(id),
                Some(Record { kind: Kind::Symlink(place), layer, .. }) if layer == self.layer => {
                    followed += 1;
                    if followed > MAX_SYMLINKS {
                        return Err(FactsError::Loop { layer: self.layer, path: path.to_string() });
                    }
                    follow(self.table.target(place), &mut names, &mut stack);
                }
                _ => stack.push(self.new_folder(here, &name)),
            }
        }
        Ok(*stack.last().expect("the root stays"))
    }

    fn new_folder(&mut self, parent: FolderId, name: &[u8]) -> FolderId {
        let kind = self.table.new_folder();
        let record = Record { kind, mode: 0o755, layer: self.layer, uid: 0, gid: 0, capability: 0, mtime: 1 };
        self.table.put(parent, name, record);
        match kind {
            Kind::Directory(id) => id,
            _ => unreachable!("a new folder is a folder"),
        }
    }

    /// Returns the bytes of a file that may be `/etc/passwd` or `/etc/group`.
    fn text(
        &self,
        member: &Member,
        members: &mut Members<'_, impl Read>,
        path: &ImagePath,
    ) -> Result<Option<Vec<u8>>, FactsError> {
        if !path.file_name().is_some_and(is_name_file) {
            return Ok(None);
        }
        if member.kind == EntryType::Link {
            let target = ImagePath::parse(&member.link);
            let names: Vec<Vec<u8>> = target.iter().flat_map(ImagePath::components).map(<[u8]>::to_vec).collect();
            return Ok(resolve(&self.table, &names).and_then(|key| self.texts.get(&key)).cloned());
        }
        let limit = self.limits.names_bytes;
        let in_etc = path.to_string() == "/etc/passwd" || path.to_string() == "/etc/group";
        let kept: usize = self.texts.values().map(Vec::len).sum();
        if member.kind != EntryType::Regular || !in_etc && (member.size > limit || kept > NAME_FILES_BYTES) {
            return Ok(None);
        }
        members.body(member.size, limit, "bytes in its passwd or group").map(Some)
    }
}

fn is_name_file(name: &[u8]) -> bool {
    name == b"passwd" || name == b"group"
}

/// Puts a symlink's target before what is still to be walked.
fn follow(target: &[u8], names: &mut Vec<Vec<u8>>, stack: &mut Vec<FolderId>) {
    if target.starts_with(b"/") {
        stack.truncate(1);
    }
    let parts = target.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    names.extend(parts.rev().map(<[u8]>::to_vec));
}

/// Returns where a path leads in a finished table, all symlinks followed.
fn resolve(table: &Table, path: &[Vec<u8>]) -> Option<(FolderId, Vec<u8>)> {
    let mut names: Vec<Vec<u8>> = path.iter().rev().cloned().collect();
    let mut stack = vec![ROOT];
    let mut followed = 0;
    while let Some(name) = names.pop() {
        if name == b".." {
            stack.truncate((stack.len() - 1).max(1));
            continue;
        }
        let here = *stack.last()?;
        match table.get(here, &name)?.kind {
            Kind::Directory(id) => stack.push(id),
            Kind::Symlink(place) if followed < MAX_SYMLINKS => {
                followed += 1;
                follow(table.target(place), &mut names, &mut stack);
            }
            Kind::File if names.is_empty() => return Some((here, name)),
            _ => return None,
        }
    }
    None
}
