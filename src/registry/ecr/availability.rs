//! Which layers a repository has, a hundred in one call instead of a request each.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::LayerAvailability;

use super::{EcrError, EcrRepository};
use crate::oci::Digest;

/// Digests that one call takes (`BatchCheckLayerAvailability`, `layerDigests`).
const AT_ONCE: usize = 100;

/// What ECR says of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::registry) enum Availability {
    /// It is there, with this many bytes.
    Available(u64),
    /// It is in the archive, and cannot be pulled.
    Archived,
    /// It is not there.
    Unavailable,
}

impl EcrRepository {
    /// Returns what the repository has of these layers. A layer that ECR says nothing usable of is
    /// not in the answer.
    ///
    /// # Errors
    /// When ECR may not be asked, or does not answer.
    pub(in crate::registry) async fn layers(
        &self,
        digests: &[Digest],
    ) -> Result<BTreeMap<Digest, Availability>, EcrError> {
        let mut found = BTreeMap::new();
        for part in digests.chunks(AT_ONCE) {
            found.extend(self.layers_of(&self.name, part).await?);
        }
        Ok(found)
    }

    pub(super) async fn layers_of(
        &self,
        name: &str,
        digests: &[Digest],
    ) -> Result<BTreeMap<Digest, Availability>, EcrError> {
        let call = self.clients.optional(&self.host).await.batch_check_layer_availability();
        let call = call.registry_id(&self.host.account).repository_name(name);
        let texts = digests.iter().map(Digest::to_string).collect();
        let answer = call.set_layer_digests(Some(texts)).send().await;
        let answer = answer.map_err(|error| EcrError::of("BatchCheckLayerAvailability", &error))?;
        let known = |layer: &aws_sdk_ecr::types::Layer| {
            let digest: Digest = layer.layer_digest()?.parse().ok()?;
            match layer.layer_availability()? {
                LayerAvailability::Available => {
                    Some((digest, Availability::Available(u64::try_from(layer.layer_size()?).ok()?)))
                }
                LayerAvailability::Unavailable => Some((digest, Availability::Unavailable)),
                LayerAvailability::Archived => Some((digest, Availability::Archived)),
                _ => None,
            }
        };
        Ok(answer.layers().iter().filter_map(known).collect())
    }
}
