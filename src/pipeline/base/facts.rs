//! The facts of a base's file system: kept from an earlier run, or by reading each layer once.

use crate::base::{Facts, FactsBuilder, Limits};
use crate::event::Event;
use crate::oci::{Digest, Hasher, HashingReader};

use super::{Context, Error, ResolvedBase, blocking};

/// The kind of record that keeps facts.
const FACTS: &str = "facts";

impl ResolvedBase {
    /// Returns the whole of the facts.
    pub(crate) async fn facts(&self, context: &Context) -> Result<Facts, Error> {
        if self.image.layers.is_empty() {
            return Ok(Facts::empty());
        }
        let path = context.store.record_file(FACTS, &self.facts_key());
        let known = path.clone();
        if context.use_cache
            && let Ok(facts) = blocking(move || Facts::open(&known)).await
        {
            context.store.use_record_file(FACTS, &self.facts_key());
            return Ok(facts);
        }
        let facts = self.scan(context).await?;
        let kept = blocking(move || facts.finish().and_then(|mut facts| facts.persist(&path).map(|()| facts))).await;
        kept.map_err(|source| Error::Facts { base: self.shown(), source })
    }

    /// Facts depend on the layers alone, so images that share them share the record.
    fn facts_key(&self) -> String {
        let mut hasher = Hasher::default();
        for layer in &self.image.layers {
            hasher.update(layer.diff_id.0.as_bytes());
        }
        hasher.finish().hex()
    }

    async fn scan(&self, context: &Context) -> Result<FactsBuilder, Error> {
        let mut builder = FactsBuilder::new(Limits::default(), &context.store.scratch());
        for (index, layer) in self.image.layers.iter().enumerate() {
            let reader = self.layer_reader(context, index).await?;
            let (scanned, found) = blocking(move || {
                let mut reader = HashingReader::new(reader);
                let result = builder.add_layer(&mut reader);
                let found = reader.finish();
                (result.map(|()| builder), found)
            })
            .await;
            // A layer that is not what the manifest names explains a tar that cannot be read, so it is told first.
            self.check(index, found)?;
            builder = scanned.map_err(|source| Error::Facts { base: self.shown(), source })?;
            context.observer.observe(Event::BaseLayerScanned { digest: layer.blob.digest, size: layer.blob.size });
        }
        Ok(builder)
    }

    fn check(&self, index: usize, found: std::io::Result<(Digest, u64)>) -> Result<(), Error> {
        let expected = self.image.layers[index].blob.digest;
        match found {
            Ok((found, _)) if found == expected => Ok(()),
            Ok((found, _)) => Err(Error::BaseLayer { base: self.shown(), expected, found }),
            Err(source) => Err(Error::Download { base: self.shown(), digest: expected, source }),
        }
    }
}
