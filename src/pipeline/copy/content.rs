//! All that an image is made of, found by following its documents: what must be at the target before its name is.

use std::collections::{BTreeMap, BTreeSet};

use super::CopyError;
use super::source::Source;
use crate::oci::{Descriptor, Digest, Document, MediaType};

/// Indexes within indexes that are followed, documents of one image, and their bytes in memory.
const DEPTH: usize = 4;
const DOCUMENTS: usize = 1000;
const BYTES: usize = 64 << 20;

/// The parts of an image.
#[derive(Default)]
pub(crate) struct Content {
    /// The manifests and indexes; what one names stands before it.
    pub(crate) documents: Vec<Document>,
    /// Configs and layers, each once.
    pub(crate) blobs: BTreeMap<Digest, Descriptor>,
    /// Layers that must not be distributed; they are left where they are.
    pub(crate) left_out: BTreeSet<Digest>,
    bytes: usize,
}

impl Content {
    /// Follows an image from its root.
    pub(crate) async fn of(source: &Source) -> Result<Self, CopyError> {
        let mut content = Self::default();
        content.add(source, source.root.clone()).await?;
        Ok(content)
    }

    /// Adds a document and all that it names.
    pub(crate) async fn add(&mut self, source: &Source, root: Document) -> Result<(), CopyError> {
        let mut known: BTreeSet<Digest> = self.documents.iter().map(Document::digest).collect();
        // Each open document with those of its children that are still to come.
        let mut open = vec![(children(&root), root)];
        while let Some((left, _)) = open.last_mut() {
            let Some(child) = left.pop() else {
                let (_, document) = open.pop().expect("there is a last one");
                self.close(source, document)?;
                continue;
            };
            if open.len() > DEPTH {
                return Err(self.excess(source, "indexes within indexes without end"));
            }
            if known.insert(child.digest) {
                let document = source.document(&child).await?;
                open.push((children(&document), document));
            }
        }
        Ok(())
    }

    fn close(&mut self, source: &Source, document: Document) -> Result<(), CopyError> {
        self.bytes += bytes(&document).len();
        if self.documents.len() >= DOCUMENTS || self.bytes > BYTES {
            return Err(self.excess(source, "more manifests than any image needs"));
        }
        if let Document::Manifest(manifest) = &document {
            for descriptor in manifest.layers.iter().chain([&manifest.config]) {
                match MediaType::parse(&descriptor.media_type) {
                    Some(MediaType::ForeignLayer(_)) => drop(self.left_out.insert(descriptor.digest)),
                    _ => drop(self.blobs.insert(descriptor.digest, descriptor.clone())),
                }
            }
        }
        self.documents.push(document);
        Ok(())
    }

    fn excess(&self, source: &Source, what: &'static str) -> CopyError {
        CopyError::Excess { name: source.name.clone(), what }
    }
}

/// Returns the children of a document in reverse, so that the first is the last.
fn children(document: &Document) -> Vec<Descriptor> {
    match document {
        Document::Index(index) => index.manifests.iter().rev().cloned().collect(),
        Document::Manifest(_) => Vec::new(),
    }
}

/// Returns the bytes of a document as they came.
pub(crate) fn bytes(document: &Document) -> &[u8] {
    match document {
        Document::Manifest(manifest) => &manifest.bytes,
        Document::Index(index) => &index.bytes,
    }
}

/// Returns the media type of a document: its own word, else what it is.
pub(crate) fn media_type(document: &Document) -> String {
    match document {
        Document::Manifest(manifest) => manifest.media_type.clone(),
        Document::Index(index) => {
            let said = serde_json::from_slice::<serde_json::Value>(&index.bytes).ok();
            let said = said.and_then(|index| index["mediaType"].as_str().map(str::to_owned));
            said.unwrap_or_else(|| MediaType::Index.as_str().to_owned())
        }
    }
}
