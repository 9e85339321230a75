//! The files of another image, as the layers of a build file ask for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ImageSourceError;
use super::index::{Index, Item, ItemKind};
use super::lead::lead;
use super::scan::{Scan, ScanError};
use crate::base::{Facts, FactsBuilder, FactsError, Limits};
use crate::oci::{Digest, ImagePath};
use crate::tree::{Child, FileStamp, Listing, Node, NodeKind, SourceFile, Sources, Spool, Spooled, TreeError};

/// How often the layers are read at most. Each reading finds the hard links of the one before; links to links beyond this
/// are no writer's work.
const READINGS: usize = 8;

/// The files of another image at and below the wanted paths.
///
/// What a wanted path leads to, through symlinks of the image also in its last component, is shown under the path that
/// was asked for, and the components above it as folders, so that placement finds no symlink in a `from`. Below it
/// everything is as in the image; symlinks are described and not followed.
#[derive(Debug)]
pub struct ImageFiles {
    pub(super) image: Arc<str>,
    pub(super) spool: Arc<Spool>,
    pub(super) index: Index,
    /// What decides the bytes of all files, if it is known.
    pub(super) identity: Option<Digest>,
    /// The wanted paths that lead somewhere, with where.
    pub(super) wanted: BTreeMap<ImagePath, ImagePath>,
}

/// An image whose layers can be opened.
struct Layers<'a, R> {
    image: &'a str,
    count: u16,
    open: &'a dyn Fn(usize) -> io::Result<R>,
}

impl ImageFiles {
    /// Reads what the wanted paths, relative to the image's root, lead to. A path that leads nowhere is no error: it is
    /// then not there.
    ///
    /// `image` names the image in messages. `open` opens a layer's blob from its first byte, counted from 0, the lowest
    /// first; each is opened at least twice, read to its end, and expected to verify its digest itself. `spool` is an
    /// empty file that nobody else writes to; it takes the bytes of what is wanted, which count as unpacked bytes. Facts
    /// that are too large for memory go to files in `scratch`.
    ///
    /// # Errors
    /// When a layer cannot be opened or read, is no tar, leads outside the image or exceeds a limit, or the spool takes
    /// no more.
    pub fn read<R: Read>(
        image: &str,
        layers: usize,
        open: &dyn Fn(usize) -> io::Result<R>,
        wanted: &[PathBuf],
        scratch: &Path,
        spool: File,
        limits: &Limits,
    ) -> Result<Self, ImageSourceError> {
        let layers = Layers::new(image, layers, open)?;
        let facts = layers.facts(scratch, limits)?;
        layers.files(&facts, wanted, spool, limits)
    }

    /// Reads as [`read`](Self::read) does, with facts of the same layers that are known already: one reading less.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with_facts<R: Read>(
        image: &str,
        facts: &Facts,
        layers: usize,
        open: &dyn Fn(usize) -> io::Result<R>,
        wanted: &[PathBuf],
        spool: File,
        limits: &Limits,
    ) -> Result<Self, ImageSourceError> {
        Layers::new(image, layers, open)?.files(facts, wanted, spool, limits)
    }

    /// Names what decides the bytes of all files, such as the digests of the image's layers.
    #[must_use]
    pub fn identified(self, identity: Digest) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// Returns where a path leads in the image: by the most specific wanted path at or above it.
    fn real(&self, path: &ImagePath) -> Option<ImagePath> {
        let mut above = Some(path.clone());
        while let Some(asked) = above {
            if let Some(real) = self.wanted.get(&asked) {
                return Some(real.join_path(&path.strip_prefix(&asked)?));
            }
            above = asked.parent();
        }
        None
    }

    fn node_at(&self, path: &ImagePath) -> Option<Node> {
        let node = self.real(path).and_then(|real| match self.index.get(&real) {
            None if real.is_root() => Some(node_of(&Item::implied_folder(0))),
            found => found.map(node_of),
        });
        let is_folder = matches!(node, Some(Node { kind: NodeKind::Directory, .. }));
        if !is_folder && self.wanted.keys().any(|wanted| wanted != path && wanted.starts_with(path)) {
            return Some(node_of(&Item::implied_folder(0)));
        }
        node
    }

    fn spooled(&self, path: &ImagePath) -> Spooled {
        let kept = match self.real(path).and_then(|real| self.index.get(&real)).map(|item| &item.kind) {
            Some(ItemKind::File(Some(kept))) => (kept.offset, kept.length),
            // Nothing to read: whoever opens it is told that it is not what was listed.
            _ => (0, 0),
        };
        Spooled::new(Arc::clone(&self.spool), kept.0, kept.1, Arc::clone(&self.image)).identified(self.identity)
    }

    fn display(&self, path: &Path) -> PathBuf {
        self.file(path.to_owned(), FileStamp::default()).display()
    }
}

impl<'a, R: Read> Layers<'a, R> {
    fn new(image: &'a str, layers: usize, open: &'a dyn Fn(usize) -> io::Result<R>) -> Result<Self, ImageSourceError> {
        match u16::try_from(layers) {
            Ok(count) => Ok(Self { image, count, open }),
            Err(_) => Err(ImageSourceError::TooManyLayers { image: image.to_owned(), layers }),
        }
    }

    fn facts(&self, scratch: &Path, limits: &Limits) -> Result<Facts, ImageSourceError> {
        let mut builder = FactsBuilder::new(*limits, scratch);
        for layer in 0..self.count {
            builder.add_layer(self.open(layer)?).map_err(|source| self.broken(source))?;
        }
        builder.finish().map_err(|source| self.broken(source))
    }

    fn files(
        &self,
        facts: &Facts,
        wanted: &[PathBuf],
        spool: File,
        limits: &Limits,
    ) -> Result<ImageFiles, ImageSourceError> {
        let mut leads = BTreeMap::new();
        for path in wanted.iter().filter_map(|path| image_path(path)) {
            if let Some(real) = lead(facts, &path).map_err(|source| self.broken(source))? {
                leads.insert(path, real);
            }
        }
        let taken = leads.values().cloned().collect();
        let index = self.index(facts, &taken, &spool, limits)?;
        self.check_complete(&index, &taken)?;
        Ok(ImageFiles {
            image: self.image.into(),
            spool: Arc::new(Spool::filled(spool)),
            index,
            identity: None,
            wanted: leads,
        })
    }

    fn index(
        &self,
        facts: &Facts,
        taken: &BTreeSet<ImagePath>,
        spool: &File,
        limits: &Limits,
    ) -> Result<Index, ImageSourceError> {
        let mut needed = BTreeSet::new();
        if taken.is_empty() {
            return Ok(Index::default());
        }
        for _ in 0..READINGS {
            spool.set_len(0).map_err(|source| self.full(source))?;
            let mut scan = Scan::new(facts, limits, spool, taken, &needed);
            for layer in 0..self.count {
                scan.layer(self.open(layer)?).map_err(|error| match error {
                    ScanError::Facts(source) => self.broken(source),
                    ScanError::Spool(source) => self.full(source),
                })?;
            }
            let (index, missing) = scan.finish();
            if missing.is_empty() {
                return Ok(index);
            }
            needed.extend(missing);
        }
        let (what, limit) = ("hard links to hard links in a row", READINGS as u64);
        Err(self.broken(FactsError::Limit { layer: self.count, what, limit }))
    }

    /// Refuses files that lasted by the first reading, and whose bytes did not come by the last.
    fn check_complete(&self, index: &Index, taken: &BTreeSet<ImagePath>) -> Result<(), ImageSourceError> {
        let lacks_bytes = |item: &Item| matches!(item.kind, ItemKind::File(None));
        let complete = taken.iter().all(|root| {
            let there = index.get(root).map_or(root.is_root(), |item| !lacks_bytes(item));
            there && !index.all_below(root).any(|(_, item)| lacks_bytes(item))
        });
        if complete { Ok(()) } else { Err(ImageSourceError::Changed { image: self.image.to_owned() }) }
    }

    fn open(&self, layer: u16) -> Result<R, ImageSourceError> {
        let failed = |source| ImageSourceError::Open { image: self.image.to_owned(), layer: layer + 1, source };
        (self.open)(usize::from(layer)).map_err(failed)
    }

    fn broken(&self, source: FactsError) -> ImageSourceError {
        ImageSourceError::Layers { image: self.image.to_owned(), source }
    }

    fn full(&self, source: io::Error) -> ImageSourceError {
        ImageSourceError::Spool { image: self.image.to_owned(), source }
    }
}

impl Sources for ImageFiles {
    fn stat(&self, path: &Path) -> Result<Option<Node>, TreeError> {
        Ok(image_path(path).and_then(|path| self.node_at(&path)))
    }

    fn list(&self, folder: &Path) -> Result<Listing, TreeError> {
        let vanished = || TreeError::Vanished { path: self.display(folder) };
        let path = image_path(folder).ok_or_else(vanished)?;
        let child = |name: &[u8], node| Child { name: name.to_vec(), node };
        if let Some(real) = self.real(&path) {
            match self.index.get(&real).map(|item| &item.kind) {
                Some(ItemKind::Directory) => {}
                None if real.is_root() => {}
                _ => return Err(vanished()),
            }
            let children = self.index.children(&real);
            let children = children.filter_map(|(path, item)| Some(child(path.file_name()?, node_of(item))));
            return Ok(children.collect::<Vec<Child>>().into());
        }
        // Above what is wanted: only the way to it.
        let names = self.wanted.keys().filter_map(|wanted| {
            let below = wanted.strip_prefix(&path)?;
            below.components().next().map(<[u8]>::to_vec)
        });
        let names: BTreeSet<Vec<u8>> = names.collect();
        if names.is_empty() {
            return Err(vanished());
        }
        let children = names.iter().filter_map(|name| Some(child(name, self.node_at(&path.join(name))?)));
        Ok(children.collect::<Vec<Child>>().into())
    }

    fn file(&self, path: PathBuf, stamp: FileStamp) -> SourceFile {
        let bytes = self.spooled(&image_path(&path).unwrap_or_default());
        SourceFile::spooled(bytes, path, stamp)
    }

    fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let Some(Node { kind: NodeKind::File, stamp }) = self.stat(path)? else { return Ok(None) };
        if stamp.size > limit {
            return Err(TreeError::TooLarge { path: self.display(path), limit });
        }
        let mut bytes = Vec::new();
        let mut file = self.file(path.to_owned(), stamp).open()?;
        file.read_to_end(&mut bytes).map_err(crate::ground::FileError::on("read", &self.display(path)))?;
        Ok(Some(bytes))
    }
}

fn image_path(path: &Path) -> Option<ImagePath> {
    ImagePath::parse(path.as_os_str().as_bytes())
}

fn node_of(item: &Item) -> Node {
    let (kind, format, size) = match &item.kind {
        ItemKind::Directory => (NodeKind::Directory, 0o040_000, 0),
        ItemKind::File(kept) => (NodeKind::File, 0o100_000, kept.map_or(0, |kept| kept.length)),
        ItemKind::Symlink(target) => (NodeKind::Symlink(target.clone()), 0o120_000, target.len() as u64),
        ItemKind::Special(what) => (NodeKind::Special(what), 0, 0),
    };
    let identity = if let ItemKind::File(Some(kept)) = &item.kind { kept.identity } else { [0; 2] };
    let stamp = FileStamp {
        device: identity[0],
        inode: identity[1],
        size,
        mtime_ns: i128::from(item.mtime) * 1_000_000_000,
        ctime_ns: 0,
        mode: format | item.mode,
    };
    Node { kind, stamp }
}
