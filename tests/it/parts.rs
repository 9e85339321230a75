//! Blobs in parts: for what stands before a registry and refuses a whole, as each registry wants its parts.

use dockless::sandbox::{Action, Fault, LoggedRequest, Personality, Reset};

use super::support::bench::{Bench, blob};

const MIB: u64 = 1024 * 1024;

/// What goes through a push of one blob, by method and length of body.
async fn pushed(ways: Personality, size: u64) -> Vec<(String, u64, u16)> {
    let bench = Bench::with(ways, |_| {}).await;
    let one = blob(7, usize::try_from(size).expect("a size"));
    bench.client.push_blob(&one, &[]).await.expect("the blob arrives");
    assert!(bench.client.has_blob(&one.digest, size).await.expect("an answer"));
    let is_upload = |r: &&LoggedRequest| r.target.contains("/blobs/uploads/") && r.method != "POST";
    let requests = bench.sandbox.requests();
    assert_eq!(bench.sandbox.open_uploads(), 0);
    bench.sandbox.stop().await;
    requests.iter().filter(is_upload).map(|r| (r.method.clone(), r.body_bytes, r.status)).collect()
}

/// The lengths of the parts that were taken, after checking that the last request closed the upload.
fn parts(requests: &[(String, u64, u16)]) -> Vec<u64> {
    assert_eq!(
        requests.last().map(|(method, bytes, status)| (method.as_str(), *bytes, *status)),
        Some(("PUT", 0, 201))
    );
    requests
        .iter()
        .filter(|(method, _, status)| method == "PATCH" && *status < 300)
        .map(|(_, bytes, _)| *bytes)
        .collect()
}

#[tokio::test]
async fn ecr_gets_parts_of_ten_mebibytes_and_its_stale_range_is_not_believed() {
    let mut ways = Personality::ecr();
    ways.longest_body = Some(12 * MIB);
    // Whole, then 20 MiB, then 10 MiB: what passes is multiples of what ECR stores by, and none is below 5 MiB but the last.
    assert_eq!(parts(&pushed(ways, 25 * MIB).await), [10 * MIB, 10 * MIB, 5 * MIB]);
}

#[tokio::test]
async fn a_last_part_of_one_byte_is_taken_by_ecr() {
    let mut ways = Personality::ecr();
    ways.longest_body = Some(12 * MIB);
    assert_eq!(parts(&pushed(ways, 20 * MIB + 1).await), [10 * MIB, 10 * MIB, 1]);
}

#[tokio::test]
async fn parts_are_at_least_as_long_as_the_server_says() {
    let mut ways = Personality::distribution();
    (ways.longest_body, ways.told_chunk) = (Some(2_500_000), Some(2_000_000));
    let lengths = parts(&pushed(ways, 5_000_000).await);
    let (last, others) = lengths.split_last().expect("parts");
    assert!(others.iter().all(|length| (2_000_000..=2_500_000).contains(length)) && *last <= 2_500_000, "{lengths:?}");
    assert_eq!(lengths.iter().sum::<u64>(), 5_000_000);
}

#[tokio::test]
async fn registries_that_mishandle_parts_say_so_at_the_limit() {
    let mut ways = Personality::google();
    ways.longest_body = Some(70_000);
    let bench = Bench::with(ways, |_| {}).await;
    let error = bench.client.push_blob(&blob(7, 100_000), &[]).await.expect_err("neither a whole nor parts");
    assert!(error.to_string().contains("405") || error.to_string().contains("413"), "{error}");
    assert_eq!(bench.sandbox.open_uploads(), 0, "the session is given up");
    bench.sandbox.stop().await;
}

#[tokio::test]
async fn a_session_is_given_up_also_where_the_connection_ends_with_the_refusal() {
    let mut ways = Personality::distribution();
    ways.longest_body = Some(70_000);
    let bench = Bench::with(ways, |_| {}).await;
    bench.sandbox.script(Fault::on_request("DELETE", "/v2/*/blobs/uploads/*", Action::Reset(Reset::Before)));
    bench.client.push_blob(&blob(7, 100_000), &[]).await.expect("the blob arrives in parts");
    assert_eq!(bench.sandbox.open_uploads(), 0);
    bench.sandbox.stop().await;
}

#[tokio::test]
async fn every_form_of_location_is_gone_on_with_from_part_to_part() {
    for (name, mut ways) in Personality::all() {
        // Those that take no parts, and the one that wants larger ones.
        if matches!(name, "GHCR" | "Google" | "ECR") {
            continue;
        }
        ways.longest_body = Some(70_000);
        assert_eq!(parts(&pushed(ways, 200_000).await), [65_536, 65_536, 65_536, 3_392], "{name}");
    }
}
