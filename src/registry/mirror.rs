//! Reading through mirrors: they are asked first, and one that does not have an image, or does not answer, is passed over.

use super::{RegistryError, RepositoryClient, TagOrDigest};
use crate::event::Event;
use crate::oci::Document;

impl RepositoryClient {
    /// Returns the manifest or index under a tag or digest, and who had it: a mirror of the configuration, or this
    /// repository. What it names is to be had there.
    ///
    /// # Errors
    /// As [`manifest`](Self::manifest), of the repository itself.
    pub async fn find_manifest(&self, which: &TagOrDigest) -> Result<(Document, Self), RegistryError> {
        for mirror in self.mirrors()? {
            match mirror.manifest(which).await {
                Err(error @ (RegistryError::Response(_) | RegistryError::Transport(_))) => {
                    let message = format!("mirror `{}` is passed over: {error}", mirror.repository());
                    self.shared.observer.observe(Event::Note { message });
                }
                found => return Ok((found?, mirror)),
            }
        }
        Ok((self.manifest(which).await?, self.clone()))
    }
}
