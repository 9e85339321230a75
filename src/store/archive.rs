//! A tar whose members are read where they stand: names, offsets and sizes, nothing is extracted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use super::{BlobBytes, Store, StoreError};
use crate::ground::{FileError, files};
use crate::oci::{HashingReader, ImagePath, LayerCodec};

/// The members of an uncompressed tar in a file.
#[derive(Debug)]
pub(super) struct Archive {
    /// The archive as it was named, for messages.
    pub(super) place: PathBuf,
    /// The uncompressed tar: the same file, or its content in the store.
    file: PathBuf,
    members: BTreeMap<ImagePath, Member>,
}

#[derive(Debug)]
enum Member {
    File {
        offset: u64,
        size: u64,
    },
    /// A link within the archive; `docker save` and `podman save` share layers this way.
    Link(ImagePath),
    /// A link that leads out of the archive, or a member of another kind. Only its use is an error.
    Other(String),
}

/// A member's bytes within the tar.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Found {
    pub(super) fn bytes(&self) -> BlobBytes {
        BlobBytes::File { path: self.path.clone(), offset: self.offset }
    }
}

/// Links that are followed one after the other before a member counts as a loop.
const LINK_LIMIT: usize = 8;

impl Archive {
    /// Reads the names of an archive. A gzip or zstd one is first unpacked to a plain tar in the store, so that its
    /// members can be opened by their offset.
    pub(super) fn open(place: &Path, form: &'static str, store: &Store) -> Result<Self, StoreError> {
        let refused = |why: &str| StoreError::Form { place: place.to_owned(), form, why: why.to_owned() };
        // Looked at before it is opened: opening a pipe would wait for its writer.
        match fs::metadata(place).map_err(FileError::on("open", place))? {
            found if found.is_dir() => return Err(refused("it is a folder")),
            found if !found.is_file() => return Err(refused("it is no regular file; save it to one first")),
            _ => {}
        }
        let mut input = files::open(place)?;
        let magic = first_bytes(&mut input).map_err(FileError::on("read", place))?;
        let file = match (LayerCodec::of_magic(&magic), &magic[..]) {
            (_, []) => return Err(refused("it is empty")),
            (_, [b'B', b'Z', b'h', ..]) => return Err(refused("it is compressed with bzip2; unpack it first")),
            (_, [0xfd, b'7', b'z', b'X', ..]) => return Err(refused("it is compressed with xz; unpack it first")),
            (LayerCodec::None, _) => place.to_owned(),
            (codec, _) => unpack(place, codec, store)?,
        };
        let members = members(place, &file)?;
        Ok(Self { place: place.to_owned(), file, members })
    }

    /// Returns where a member's bytes are; links within the archive are followed.
    pub(super) fn locate(&self, name: &str) -> Result<Option<Found>, StoreError> {
        let escape = |member: &str| StoreError::Escape { place: self.place.clone(), member: member.to_owned() };
        let mut path = ImagePath::parse(name.as_bytes()).ok_or_else(|| escape(name))?;
        for _ in 0..LINK_LIMIT {
            match self.members.get(&path) {
                None => return Ok(None),
                Some(Member::File { offset, size }) => {
                    return Ok(Some(Found { path: self.file.clone(), offset: *offset, size: *size }));
                }
                Some(Member::Link(target)) => path = target.clone(),
                Some(Member::Other(why)) => return Err(escape(&format!("{name} ({why})"))),
            }
        }
        Err(escape(&format!("{name} (a loop of links)")))
    }
}

/// Reads up to four bytes and goes back to the start.
fn first_bytes(file: &mut File) -> io::Result<Vec<u8>> {
    let mut magic = Vec::new();
    file.take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic)
}

fn unpack(place: &Path, codec: LayerCodec, store: &Store) -> Result<PathBuf, StoreError> {
    let failed = |source| StoreError::Archive { place: place.to_owned(), source };
    let input = BufReader::new(files::open(place)?);
    let plain: Box<dyn Read> = match codec {
        LayerCodec::Zstd => Box::new(zstd::Decoder::with_buffer(input).map_err(failed)?),
        _ => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
    };
    let mut staged = store.stage()?;
    let mut plain = HashingReader::new(plain);
    io::copy(&mut plain, &mut staged).map_err(failed)?;
    let (digest, size) = plain.finish().map_err(failed)?;
    match staged.commit(digest, size)?.bytes {
        BlobBytes::File { path, .. } => Ok(path),
        BlobBytes::Memory(_) | BlobBytes::Remote(_) => unreachable!("a store keeps its blobs in files"),
    }
}

fn members(place: &Path, file: &Path) -> Result<BTreeMap<ImagePath, Member>, StoreError> {
    let failed = |source| StoreError::Archive { place: place.to_owned(), source };
    let input = files::open(file)?;
    let length = input.metadata().map_err(FileError::on("read", file))?.len();
    let mut archive = tar::Archive::new(BufReader::new(input));
    let mut members = BTreeMap::new();
    for entry in archive.entries_with_seek().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let raw = entry.path_bytes();
        let name = String::from_utf8_lossy(&raw).into_owned();
        let escape = || StoreError::Escape { place: place.to_owned(), member: name.clone() };
        let path = ImagePath::parse(&raw).ok_or_else(escape)?;
        let end = entry.raw_file_position().saturating_add(entry.size());
        let kind = entry.header().entry_type();
        let link = || entry.link_name_bytes().unwrap_or_default();
        let member = if kind.is_file() || kind.is_contiguous() {
            if end > length {
                return Err(StoreError::Truncated { place: place.to_owned(), member: name, end, length });
            }
            Member::File { offset: entry.raw_file_position(), size: entry.size() }
        } else if kind.is_symlink() {
            let folder = path.parent().unwrap_or_default();
            target(&folder, &link()).map_or_else(|| Member::Other("a link out of the archive".into()), Member::Link)
        } else if kind.is_hard_link() {
            target(&ImagePath::ROOT, &link())
                .map_or_else(|| Member::Other("a link out of the archive".into()), Member::Link)
        } else if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        } else {
            Member::Other("neither a file nor a link".to_owned())
        };
        members.insert(path, member);
    }
    Ok(members)
}

/// Resolves a link by its text alone. `None` where it is absolute or climbs out.
fn target(folder: &ImagePath, link: &[u8]) -> Option<ImagePath> {
    if link.starts_with(b"/") {
        return None;
    }
    let mut path = folder.clone();
    for component in link.split(|byte| *byte == b'/') {
        path = match component {
            b"" | b"." => path,
            b".." => path.parent()?,
            name if name.contains(&0) => return None,
            name => path.join(name),
        };
    }
    Some(path)
}
