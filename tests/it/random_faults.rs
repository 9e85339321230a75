//! Pushes through a network in which every eighth request goes wrong.

use dockless::oci::{Digest, MediaType, Tag};
use dockless::registry::{RegistryError, TagOrDigest};
use dockless::sandbox::{Action, Fault, Personality, Reset};
use dockless::store::Blob;
use futures_util::StreamExt;

use super::support::bench::{Bench, blob, manifest};

const SEEDS: u64 = 50;
const LAYERS: u64 = 24;
const SIZE: usize = 4_000;
/// Uploads at once, as the product does.
const AT_ONCE: usize = 6;

/// What goes wrong: each as often as the others.
pub(crate) fn faults() -> Vec<Action> {
    vec![
        Action::Reset(Reset::Before),
        Action::Reset(Reset::InBody(SIZE as u64 / 2)),
        Action::Reset(Reset::AfterBody),
        Action::Truncate { after: 1 },
        Action::Throttle,
        Action::status(500, "UNKNOWN", "internal error"),
        Action::status(503, "UNAVAILABLE", "try later"),
    ]
}

async fn push(bench: &Bench, blobs: &[Blob]) -> Result<(), RegistryError> {
    let uploads = blobs.iter().map(|blob| bench.client.push_blob(blob, &[]));
    let mut uploads = futures_util::stream::iter(uploads).buffer_unordered(AT_ONCE);
    while let Some(pushed) = uploads.next().await {
        pushed?;
    }
    let which: TagOrDigest = "1".parse::<Tag>().expect("a tag").into();
    bench.client.put_manifest_of(&manifest(blobs), MediaType::Manifest.as_str(), &which, blobs).await.map(drop)
}

/// Pushes with a seed, and returns what is wrong: the first thing that is.
async fn run(seed: u64) -> Option<String> {
    // Registries of the two kinds that differ most in what a session may do.
    let personality = if seed.is_multiple_of(2) { Personality::distribution() } else { Personality::ecr() };
    let bench = Bench::swift(personality).await;
    bench.sandbox.script(Fault::at_random(seed, 120, faults()));
    let blobs: Vec<Blob> = (0..=LAYERS).map(|n| blob(seed * 1000 + n, SIZE)).collect();
    let result = push(&bench, &blobs).await;
    bench.sandbox.clear_faults();
    let total: u64 = blobs.iter().map(|blob| blob.size).sum();
    let sent = bench.sent();
    if let Err(error) = result {
        return Some(format!("seed {seed}: {error}"));
    }
    if sent * 2 > total * 7 {
        return Some(format!("seed {seed}: {sent} bytes sent for {total}"));
    }
    for blob in &blobs {
        let mut stream = bench.client.blob(&blob.digest, blob.size);
        let mut got = Vec::new();
        while let Ok(Some(chunk)) = stream.chunk().await {
            got.extend_from_slice(&chunk);
        }
        if Digest::of(&got) != blob.digest {
            return Some(format!("seed {seed}: blob {} is not whole", blob.digest));
        }
    }
    bench.sandbox.stop().await;
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_push_through_a_bad_network_is_whole() {
    let wrong: Vec<Option<String>> =
        futures_util::stream::iter((0..SEEDS).map(run)).buffer_unordered(4).collect().await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Two clients that know nothing of each other push one image at one time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_that_push_the_same_end_well_both() {
    let bench = Bench::swift(Personality::distribution()).await;
    let blobs: Vec<Blob> = (0..8).map(|n| blob(n, SIZE)).collect();
    let other = bench.another();
    let (first, second) = tokio::join!(push(&bench, &blobs), async {
        for blob in &blobs {
            other.push_blob(blob, &[]).await?;
        }
        Ok::<_, RegistryError>(())
    });
    first.expect("the first");
    second.expect("the second");
}
