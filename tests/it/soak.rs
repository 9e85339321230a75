//! Much of everything: blobs that repeat, tags, and faults now and then, within bounds.

use dockless::oci::{MediaType, Tag};
use dockless::registry::TagOrDigest;
use dockless::sandbox::{Fault, Personality};
use dockless::store::Blob;
use futures_util::StreamExt;

use super::random_faults::faults;
use super::support::bench::{Bench, blob, manifest};

/// Blobs that are asked to be pushed, of which so many differ.
const PUSHES: usize = 10_000;
const BLOBS: usize = 400;
const TAGS: usize = 500;
const SIZE: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_blobs_and_five_hundred_tags_end_right_within_their_bounds() {
    let bench = Bench::swift(Personality::distribution()).await;
    bench.sandbox.script(Fault::at_random(42, 50, faults()));
    let blobs: Vec<Blob> = (0..BLOBS).map(|n| blob(n as u64, SIZE)).collect();
    let pushes = (0..PUSHES).map(|n| bench.client.push_blob(&blobs[(n * 7919) % BLOBS], &[]));
    let mut pushes = futures_util::stream::iter(pushes).buffer_unordered(16);
    while let Some(pushed) = pushes.next().await {
        pushed.expect("a blob");
    }
    drop(pushes);
    let requests = bench.sandbox.request_count();
    // HEAD, POST and PUT of each, the token, and what the faults cost.
    assert!((1_200..1_200 + 600).contains(&requests), "{requests} requests for {BLOBS} blobs");
    let total = (BLOBS * SIZE) as u64;
    assert!(bench.sent() < total * 5 / 4, "{} bytes sent of {total}", bench.sent());

    let bytes = manifest(&blobs[..50]);
    let tags: Vec<Tag> = (0..TAGS).map(|n| format!("v{n:03}").parse().expect("a tag")).collect();
    let puts = tags.iter().map(|tag| {
        let (client, bytes) = (&bench.client, &bytes);
        async move { client.put_manifest(bytes, MediaType::Manifest.as_str(), &TagOrDigest::Tag(tag.clone())).await }
    });
    let mut puts = futures_util::stream::iter(puts).buffer_unordered(8);
    while let Some(put) = puts.next().await {
        put.expect("a tag");
    }
    drop(puts);
    let requests = bench.sandbox.request_count();
    assert!((2_200..2_200 + 1_000).contains(&requests), "{requests} requests in all");
    bench.sandbox.clear_faults();
    assert_eq!(bench.client.tags(1_000).await.expect("a list"), tags);
    // A session whose only answer was lost has no name that anybody could give it up by.
    assert!(bench.sandbox.open_uploads() <= 12, "{} sessions left", bench.sandbox.open_uploads());
    bench.sandbox.stop().await;
}
