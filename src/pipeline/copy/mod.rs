//! Copy: an image as it is, from one registry, layout or archive to another.
//!
//! Manifests keep their bytes, so an image keeps its digest. Blobs go through: they are downloaded while they are
//! uploaded, and the last piece leaves when the digest of all is right. Nothing of them is kept.

mod content;
mod docker;
mod error;
mod place;
mod registry;
mod source;

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use content::{bytes, media_type};
pub use error::CopyError;
pub use place::{Place, PlaceError};
pub(crate) use source::Source;

use super::bridge::blocking;
use super::{Error, Report};
use crate::event::{Event, Observer};
use crate::ground::Clock;
use crate::image::ImageError;
use crate::image::export::{Export, Exported, to_file, to_layout, to_oci_archive};
use crate::oci::{Descriptor, Platform, Tag};
use crate::registry::Registry;
use crate::store::{Blob, Store, StoreError};

use content::Content;

/// The longest config that is read, in bytes.
pub(crate) const CONFIG_LIMIT: u64 = 16 << 20;

/// What copying and inspecting work with; no build file is needed.
#[derive(Clone)]
pub struct CopyContext {
    /// Registries.
    pub registry: Registry,
    /// Our own store: compressed archives are unpacked into it.
    pub store: Arc<Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// Where an archive goes that is written to `-`.
    pub stdout: Arc<Mutex<dyn Write + Send>>,
}

/// What is copied beside the image, and how.
#[derive(Clone, Debug, Default)]
pub struct CopyOptions {
    /// The image of this platform alone; by default all, as they are.
    pub platform: Option<Platform>,
    /// Also what refers to the image: signatures, attestations, indexes of layers.
    pub referrers: bool,
    /// Whether a repository of ECR that does not exist is made.
    pub create_repository: bool,
}

impl CopyContext {
    fn note(&self, message: String) {
        self.observer.observe(Event::Note { message });
    }
}

/// Copies an image. Without a tag the target takes that of the source.
///
/// # Errors
/// When the image cannot be read, or the target does not take it.
pub async fn copy(context: &CopyContext, from: &Place, to: &Place, options: &CopyOptions) -> Result<Report, Error> {
    let started = context.clock.now();
    let mut source = Source::open(context, from).await?;
    if let Some(platform) = &options.platform {
        source = source.narrowed(platform).await?;
    }
    let to = to.clone().or_tag(from.tag().cloned());
    let mut report = Report::default();
    let mut digest = source.root.digest();
    match &to {
        Place::Registry(reference) => {
            registry::write(context, &source, reference, options, &mut report).await?;
        }
        _ if options.referrers => return Err(CopyError::Referrers.into()),
        Place::DockerArchive(path) => {
            digest = docker::write(context, &source, &to, path.clone(), docker::tag_of(from)).await?;
        }
        _ => files(context, &source, &to, &mut report).await?,
    }
    report.digest = Some(digest);
    report.image = Some(match &to {
        // A digest that the target names is ours, or the copy would have failed.
        Place::Registry(reference) => crate::oci::Reference { digest: Some(digest), ..reference.clone() }.to_string(),
        other => format!("{other}@{digest}"),
    });
    report.time("copy", started, context.clock.now());
    Ok(report)
}

/// Says that some layers stay where they are.
fn tell_left_out(context: &CopyContext, content: &Content) {
    let count = content.left_out.len();
    if count > 0 {
        context.note(format!("{count} layers must not be distributed and are not copied; runtimes fetch them by URL"));
    }
}

/// Writes an image to a layout or an archive.
async fn files(context: &CopyContext, source: &Source, to: &Place, report: &mut Report) -> Result<(), CopyError> {
    let content = Content::of(source).await?;
    tell_left_out(context, &content);
    let mut blobs = Vec::new();
    for descriptor in content.blobs.values() {
        blobs.push(source.blob(descriptor).await?);
    }
    blobs.extend(content.documents.iter().map(|document| Blob::of_bytes(bytes(document).to_vec())));
    let root = &source.root;
    let descriptor = Descriptor {
        media_type: media_type(root),
        digest: root.digest(),
        size: bytes(root).len() as u64,
        annotations: Default::default(),
        platform: None,
    };
    report.existing = 0;
    let (name, place) = (to.to_string(), to.clone());
    let stdout = Arc::clone(&context.stdout);
    let written = blocking(move || write(&place, &descriptor, &blobs, &stdout)).await;
    written.map_err(|source| CopyError::WriteFiles { name, source })
}

fn write(place: &Place, root: &Descriptor, blobs: &[Blob], stdout: &Mutex<dyn Write + Send>) -> Result<(), ImageError> {
    let find = |digest: &crate::oci::Digest| -> Result<Blob, StoreError> {
        Err(StoreError::Missing { digest: *digest, place: PathBuf::from("the image") })
    };
    let tags: Vec<Tag> = place.tag().cloned().into_iter().collect();
    let export = Export { image: Exported::Foreign(root, blobs), blobs: &find, repository: None, tags: &tags };
    match place {
        Place::Layout { path, .. } => to_layout(&export, path),
        Place::OciArchive { path: Some(path), .. } => to_file(path, |out| to_oci_archive(&export, out)),
        Place::OciArchive { path: None, .. } => {
            to_oci_archive(&export, &mut *stdout.lock().unwrap_or_else(PoisonError::into_inner))
        }
        Place::DockerArchive(_) | Place::Registry(_) => Err(ImageError::NotForDocker),
    }
}
