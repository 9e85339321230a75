//! Images in layouts and archives on this machine.

use std::path::Path;
use std::sync::Arc;

use crate::base::{BaseImage, BaseLayer};
use crate::oci::Platform;
use crate::store::{LocalImage, LocalLayer, LocalSource, Store, StoreError};

use super::resolve::choose;
use super::{Context, Error, Fates, Origin, ResolvedBase, blocking};

/// What an image in files is called.
pub(super) struct Names {
    /// In messages: with its whole path.
    pub(super) told: String,
    /// In the image and the lock: without the machine's path, so that neither depends on it.
    pub(super) written: String,
}

impl Names {
    pub(super) fn of(form: &str, path: &Path, tag: Option<&str>) -> Self {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let last = path.file_name().unwrap_or_default().to_string_lossy();
        Self { told: format!("{form}:{}{tag}", path.display()), written: format!("{form}:{last}{tag}") }
    }
}

/// Reads an image in files; without a platform its only one, or the default.
pub(super) async fn local(
    context: &Context,
    names: Names,
    platform: Option<&Platform>,
    open: impl FnOnce(&Store) -> Result<LocalSource, StoreError> + Send + 'static,
) -> Result<ResolvedBase, Error> {
    let store = context.store.clone();
    let failed = |source| Error::LocalBase { base: names.told.clone(), source };
    let source = Arc::new(blocking(move || open(&store)).await.map_err(failed)?);
    let platform = match platform {
        Some(platform) => platform.clone(),
        None => {
            let source = source.clone();
            choose(context, &names.told, blocking(move || source.platforms()).await.map_err(failed)?)?
        }
    };
    let image = blocking(move || source.image(Some(&platform))).await.map_err(failed)?;
    Ok(from_files(names.written, image))
}

fn from_files(name: String, image: LocalImage) -> ResolvedBase {
    let layer = |layer: &LocalLayer| BaseLayer { blob: layer.descriptor.clone(), diff_id: layer.diff_id };
    let base = BaseImage {
        name: Some(name),
        digest: image.manifest.as_ref().map(|manifest| manifest.digest),
        layers: image.layers.iter().map(layer).collect(),
        config: image.config,
    };
    ResolvedBase {
        image: base,
        manifest: image.manifest.map(|manifest| manifest.bytes),
        config: image.config_bytes,
        answers: None,
        fates: Fates::default(),
        origin: Origin::Files(image.layers.into_iter().map(|layer| layer.blob).collect()),
    }
}
