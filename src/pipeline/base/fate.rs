//! What becomes of the layers of bases at a push: whoever reads one for its facts waits until it is known whether it is
//! downloaded anyway, so that no layer is downloaded twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::oci::Digest;

/// The open fate of a layer. Dropped, it is settled: the layer is in our store, or will not come there.
#[derive(Debug)]
pub(crate) struct Fate(#[expect(dead_code, reason = "its end is what is waited for")] watch::Sender<()>);

/// The fates of layers, as those see them who wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fates(Arc<BTreeMap<Digest, watch::Receiver<()>>>);

impl Fates {
    /// Opens the fates of layers.
    pub(crate) fn open(digests: impl Iterator<Item = Digest>) -> (BTreeMap<Digest, Fate>, Self) {
        let (mut open, mut seen) = (BTreeMap::new(), BTreeMap::new());
        for digest in digests {
            let (sender, receiver) = watch::channel(());
            open.insert(digest, Fate(sender));
            seen.insert(digest, receiver);
        }
        (open, Self(Arc::new(seen)))
    }

    /// Waits until the fate of a layer is settled. One that nobody opened is.
    pub(crate) async fn settled(&self, digest: &Digest) {
        if let Some(fate) = self.0.get(digest) {
            // Nothing is ever sent: the only news is the end.
            let _ = fate.clone().changed().await;
        }
    }
}
