//! One streaming pass over a base's layers: headers kept, bytes dropped.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use tar::EntryType;

use super::decoder::{Counted, Decoder, magic};
use super::index::{FolderId, Kind, ROOT, Record, Span, Table};
use super::member::{Member, Members};
use super::stored::Writer;
use super::walk::Walk;
use super::{Budget, CAPABILITY, Fact, FactKind, Facts, FactsError, Limits, Names};
use crate::oci::ImagePath;

/// How many bytes of files that are named as passwd and group are kept before it is known which of them count.
const NAME_FILES_BYTES: u64 = 16 << 20;

/// Builds [`Facts`] from the layers of a base, lowest first.
#[derive(Debug)]
pub struct FactsBuilder {
    limits: Limits,
    folder: PathBuf,
    table: Table,
    layer: u16,
    entries: u64,
    walked_bytes: u64,
    unpacked_left: u64,
    /// The bytes of files named `passwd` or `group`: which of them is the one in `/etc` is known only at the end.
    name_files: u64,
    /// The folder that the last entry was in.
    last: Option<(ImagePath, FolderId)>,
}

impl FactsBuilder {
    /// Starts with an empty file system. What does not fit into [`Limits::memory_bytes`] goes to files in `folder`, which
    /// vanish with the builder and with what it makes.
    pub fn new(limits: Limits, folder: &Path) -> Self {
        let limits = Limits { path_bytes: limits.path_bytes.min(4096), ..limits };
        Self {
            limits,
            folder: folder.to_owned(),
            table: Table::new(folder, limits.memory_bytes),
            layer: 0,
            entries: 0,
            walked_bytes: 0,
            unpacked_left: limits.unpacked_bytes,
            name_files: 0,
            last: None,
        }
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
        // The highest number stays free, so that there is one above every layer.
        let next = self.layer.checked_add(1).filter(|layer| *layer < u16::MAX);
        let layer = next.ok_or_else(|| self.limit("layers", u64::from(u16::MAX - 1)))?;
        self.layer = layer;
        self.last = None;
        let failed = |source| FactsError::Read { layer, source };
        let head = magic(&mut bytes).map_err(failed)?;
        let packed = Cell::new(0);
        let counted = Counted::new(Cursor::new(head.clone()).chain(bytes), &packed);
        let mut whole = BufReader::with_capacity(1 << 16, counted);
        let decoder = Decoder::new(&head, &mut whole).map_err(failed)?;
        let limits = self.limits;
        let budget = Budget::new(&limits, self.unpacked_left, &packed);
        let mut members = Members::new(BufReader::with_capacity(1 << 16, decoder), &limits, layer, budget);
        while let Some(member) = members.next()? {
            self.add(&member, &mut members)?;
        }
        self.unpacked_left = members.finish()?;
        io::copy(&mut whole, &mut io::sink()).map_err(failed)?;
        Ok(())
    }

    /// Returns the file system that the layers make.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn finish(mut self) -> Result<Facts, FactsError> {
        let names = Names { passwd: self.name_file(b"passwd")?, group: self.name_file(b"group")? };
        let mut writer = Writer::new(&self.folder, self.limits.memory_bytes)?;
        let mut open = vec![(ROOT, ImagePath::ROOT, Vec::new())];
        while let Some((folder, path, after)) = open.last_mut() {
            let Some((name, record)) = self.table.next_child(*folder, after)? else {
                open.pop();
                continue;
            };
            let child = path.join(&name);
            *after = name;
            writer.add(&child, &self.fact(&record)?)?;
            if let Kind::Directory(id) = record.kind {
                open.push((id, child, Vec::new()));
            }
        }
        writer.finish(&names).map(Facts::new)
    }

    fn add(&mut self, member: &Member, members: &mut Members<'_, impl Read>) -> Result<(), FactsError> {
        self.count_entry()?;
        let path = ImagePath::parse(&member.path).ok_or_else(|| FactsError::Outside {
            layer: self.layer,
            path: String::from_utf8_lossy(&member.path).into_owned(),
        })?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        let folder = self.folder(&parent)?;
        if let Some(hidden) = name.strip_prefix(b".wh.") {
            return self.whiteout(folder, hidden);
        }
        let record = self.record(member, members, &path)?;
        let old = self.table.put(folder, name, record)?;
        if old.is_some_and(|old| matches!(old.kind, Kind::Directory(_) | Kind::Symlink(_))) {
            self.last = None;
        }
        if self.table.bytes() > self.limits.index_bytes {
            return Err(self.limit("bytes in the index of its paths", self.limits.index_bytes));
        }
        Ok(())
    }

    fn whiteout(&mut self, folder: FolderId, hidden: &[u8]) -> Result<(), FactsError> {
        self.last = None;
        match hidden {
            b".wh..opq" => self.table.prune(folder, self.layer)?,
            b"" | b"." | b".." => {
                return Err(FactsError::Malformed { layer: self.layer, reason: "a whiteout names no file" });
            }
            // Other names of this form are bookkeeping of AUFS.
            hidden if hidden.starts_with(b".wh.") => {}
            hidden => self.table.remove(folder, hidden, self.layer)?,
        }
        Ok(())
    }

    fn record(
        &mut self,
        member: &Member,
        members: &mut Members<'_, impl Read>,
        path: &ImagePath,
    ) -> Result<Record, FactsError> {
        if member.kind == EntryType::Link
            && let Some(target) = self.link_target(&member.link)?
        {
            return Ok(Record { layer: self.layer, ..target });
        }
        let kind = match member.kind {
            EntryType::Directory => self.table.new_folder(),
            EntryType::Symlink => Kind::Symlink(self.table.store(&member.link)?),
            EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Other,
            // A trailing slash is how writers before ustar mark a folder.
            EntryType::Regular if member.path.ends_with(b"/") => self.table.new_folder(),
            EntryType::Regular => self.text(member, members, path)?.map_or(Kind::File, Kind::NameFile),
            _ => Kind::File,
        };
        Ok(Record {
            kind,
            mode: u16::try_from(member.mode).expect("twelve bits"),
            layer: self.layer,
            uid: u32::try_from(member.uid).expect("checked when it was read"),
            gid: u32::try_from(member.gid).expect("checked when it was read"),
            capability: member.capability.as_deref().map_or(Ok(Span::default()), |value| self.table.store(value))?,
            mtime: member.mtime,
        })
    }

    /// Returns what a hard link is another name of, if that is there and no folder.
    fn link_target(&mut self, link: &[u8]) -> Result<Option<Record>, FactsError> {
        let Some(path) = ImagePath::parse(link) else { return Ok(None) };
        let mut walk = Walk::new(path.components());
        let found = walk.end(&mut self.table, false)?;
        self.count_walked(walk.walked)?;
        Ok(found.filter(|record| !matches!(record.kind, Kind::Directory(_))))
    }

    /// Returns the number of the folder at a path. Like every runtime this makes what is missing, goes through symlinks
    /// of the same layer, and puts a folder in the place of a symlink of a lower one.
    fn folder(&mut self, path: &ImagePath) -> Result<FolderId, FactsError> {
        if let Some((last, id)) = &self.last
            && last == path
        {
            return Ok(*id);
        }
        let mut walk = Walk::new(path.components());
        while let Some(name) = walk.next() {
            match self.table.get(walk.here(), &name)? {
                Some(Record { kind: Kind::Directory(id), .. }) => walk.enter(id, &name),
                Some(Record { kind: Kind::Symlink(target), layer, .. }) if layer == self.layer => {
                    if !walk.follow(&self.table.stored(target)?) {
                        return Err(FactsError::Loop { layer: self.layer, path: path.to_string() });
                    }
                }
                _ => {
                    let id = self.new_folder(walk.here(), &name)?;
                    walk.enter(id, &name);
                }
            }
            if walk.length() > self.limits.path_bytes {
                return Err(self.limit("bytes in a path", self.limits.path_bytes));
            }
        }
        self.count_walked(walk.walked)?;
        self.last = Some((path.clone(), walk.here()));
        Ok(walk.here())
    }

    fn new_folder(&mut self, parent: FolderId, name: &[u8]) -> Result<FolderId, FactsError> {
        self.count_entry()?;
        let kind = self.table.new_folder();
        let capability = Span::default();
        self.table.put(
            parent,
            name,
            Record { kind, mode: 0o755, layer: self.layer, uid: 0, gid: 0, capability, mtime: 1 },
        )?;
        match kind {
            Kind::Directory(id) => Ok(id),
            _ => unreachable!("a new folder is a folder"),
        }
    }

    /// Keeps the bytes of a file that may be `/etc/passwd` or `/etc/group`.
    fn text(
        &mut self,
        member: &Member,
        members: &mut Members<'_, impl Read>,
        path: &ImagePath,
    ) -> Result<Option<Span>, FactsError> {
        if !path.file_name().is_some_and(|name| name == b"passwd" || name == b"group") {
            return Ok(None);
        }
        let limit = self.limits.names_bytes;
        let in_etc = path.as_bytes() == b"etc/passwd" || path.as_bytes() == b"etc/group";
        if !in_etc && (member.size > limit || self.name_files > NAME_FILES_BYTES) {
            return Ok(None);
        }
        let text = members.body(member.size, limit, "bytes in its passwd or group")?;
        self.name_files += text.len() as u64;
        Ok(Some(self.table.store(&text)?))
    }

    /// Returns the bytes of a file of `/etc`, wherever its symlinks lead.
    fn name_file(&mut self, name: &[u8]) -> Result<Option<Vec<u8>>, FactsError> {
        let found = Walk::new([b"etc".as_slice(), name].into_iter()).end(&mut self.table, true)?;
        match found.map(|record| record.kind) {
            Some(Kind::NameFile(span)) => Ok(Some(self.table.stored(span)?)),
            _ => Ok(None),
        }
    }

    fn fact(&self, record: &Record) -> Result<Fact, FactsError> {
        let kind = match record.kind {
            Kind::Directory(_) => FactKind::Directory,
            Kind::File | Kind::NameFile(_) => FactKind::File,
            Kind::Symlink(target) => FactKind::Symlink(self.table.stored(target)?),
            Kind::Other => FactKind::Other,
        };
        let mut fact = Fact {
            kind,
            mode: u32::from(record.mode),
            uid: u64::from(record.uid),
            gid: u64::from(record.gid),
            mtime: record.mtime,
            xattrs: [].into(),
        };
        if !record.capability.is_empty() {
            fact.xattrs.insert(CAPABILITY.to_owned(), self.table.stored(record.capability)?);
        }
        Ok(fact)
    }

    fn count_entry(&mut self) -> Result<(), FactsError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(self.limit("entries", self.limits.entries));
        }
        Ok(())
    }

    fn count_walked(&mut self, bytes: u64) -> Result<(), FactsError> {
        self.walked_bytes += bytes;
        if self.walked_bytes > self.limits.walked_bytes {
            return Err(self.limit("bytes in all its paths", self.limits.walked_bytes));
        }
        Ok(())
    }

    fn limit(&self, what: &'static str, limit: u64) -> FactsError {
        FactsError::Limit { layer: self.layer, what, limit }
    }

    /// Returns about how many bytes of the index are in memory.
    #[cfg(test)]
    pub(super) fn resident_bytes(&self) -> usize {
        self.table.resident_bytes()
    }
}
