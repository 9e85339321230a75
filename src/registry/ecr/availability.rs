//! Which layers a repository has, a hundred in one call instead of a request each.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::LayerAvailability;

use super::{EcrError, EcrRepository};
use crate::oci::Digest;

/// Digests that one call takes (`BatchCheckLayerAvailability`, `layerDigests`).
const AT_ONCE: usize = 100;

impl EcrRepository {
    /// Returns which of these layers the repository has, with their sizes. A layer that ECR says nothing usable of is
    /// not in the answer.
    ///
    /// # Errors
    /// When ECR may not be asked, or does not answer.
    pub async fn layers(&self, digests: &[Digest]) -> Result<BTreeMap<Digest, Option<u64>>, EcrError> {
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
    ) -> Result<BTreeMap<Digest, Option<u64>>, EcrError> {
        let call = self.clients.optional(&self.host).await.batch_check_layer_availability();
        let call = call.registry_id(&self.host.account).repository_name(name);
        let texts = digests.iter().map(Digest::to_string).collect();
        let answer = call.set_layer_digests(Some(texts)).send().await;
        let answer = answer.map_err(|error| EcrError::of("BatchCheckLayerAvailability", &error))?;
        let known = |layer: &aws_sdk_ecr::types::Layer| {
            let digest: Digest = layer.layer_digest()?.parse().ok()?;
            match layer.layer_availability()? {
                LayerAvailability::Available => Some((digest, Some(u64::try_from(layer.layer_size()?).ok()?))),
                // One in the archive cannot be pulled: it is sent again.
                LayerAvailability::Unavailable | LayerAvailability::Archived => Some((digest, None)),
                _ => None,
            }
        };
        Ok(answer.layers().iter().filter_map(known).collect())
    }
}
