//! Writing manifests, and the error bodies that come back.

use super::server::{Reply, Seen, Server, refuse, reply, reset};
use super::{Client, words};
use crate::event::Event;
use crate::oci::{Digest, Tag};
use crate::registry::{PushedManifest, RegistryError, TagOrDigest};

fn tag() -> TagOrDigest {
    "1.4".parse::<Tag>().expect("a tag").into()
}

const TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const HEAD_TAG: &str = "HEAD /v2/a/b/manifests/1.4";
const PUT_TAG: &str = "PUT /v2/a/b/manifests/1.4";

fn standing(bytes: &[u8]) -> Reply {
    reply(200)
        .header("docker-content-digest", Digest::of(bytes).to_string())
        .header("content-type", TYPE)
        .header("content-length", bytes.len().to_string())
}

/// Writes the manifest `{}` under the tag.
async fn written(script: Vec<(&str, Reply)>) -> (Result<PushedManifest, RegistryError>, Client, Vec<Seen>) {
    let server = Server::playing(script).await;
    let client = Client::of(&server);
    let result = client.repository.put_manifest(b"{}", TYPE, &tag()).await;
    (result, client, server.seen())
}

#[tokio::test]
async fn a_manifest_is_written_byte_for_byte() {
    let (result, client, seen) = written(vec![(HEAD_TAG, reply(404)), (PUT_TAG, reply(201))]).await;
    assert_eq!(result.expect("written"), PushedManifest::Written);
    assert_eq!((seen[1].header("content-type"), &seen[1].body[..]), (Some(TYPE), &b"{}"[..]));
    let reference = client.repository.repository().tagged("1.4".parse().expect("a tag"));
    assert_eq!(client.events.events(), [Event::ManifestPushed { reference, digest: Digest::of(b"{}") }]);
}

#[tokio::test]
async fn a_manifest_that_stands_is_not_written_again() {
    let (result, client, _) = written(vec![(HEAD_TAG, standing(b"{}"))]).await;
    assert_eq!(result.expect("there"), PushedManifest::Existing);
    assert!(client.events.events().is_empty());
}

#[tokio::test]
async fn another_manifest_under_the_tag_is_replaced() {
    let (result, _, _) = written(vec![(HEAD_TAG, standing(b"[]")), (PUT_TAG, reply(201))]).await;
    assert_eq!(result.expect("written"), PushedManifest::Written);
}

#[tokio::test]
async fn a_lost_answer_to_a_manifest_is_looked_up() {
    let script = vec![(HEAD_TAG, reply(404)), (PUT_TAG, reset(2)), (HEAD_TAG, standing(b"{}"))];
    let (result, client, _) = written(script).await;
    assert_eq!(result.expect("written"), PushedManifest::Written);
    assert_eq!(client.retries(), 1);
}

#[tokio::test]
async fn an_immutable_tag_says_so() {
    let message = "The image tag '1.4' already exists in the 'a/b' repository and cannot be overwritten because the \
                   repository is immutable.";
    let script = vec![(HEAD_TAG, standing(b"[]")), (PUT_TAG, refuse(400, "TAG_INVALID", message))];
    let (result, client, _) = written(script).await;
    let expect = "PUT /v2/a/b/manifests/1.4: 400 TAG_INVALID: tag `1.4` exists already, and tags of `a/b` are \
                  immutable\nhint: push another tag";
    assert_eq!(words(&result.expect_err("an error")), expect);
    assert_eq!(client.retries(), 0);
}

#[tokio::test]
async fn a_registry_that_stores_other_bytes_is_found_out() {
    let other = reply(201).header("docker-content-digest", Digest::of(b"other").to_string());
    let (result, _, _) = written(vec![(HEAD_TAG, reply(404)), (PUT_TAG, other)]).await;
    assert!(matches!(result, Err(RegistryError::Digest { .. })));
}

#[tokio::test]
async fn error_bodies_of_any_kind_are_bounded() {
    let huge = vec![b'x'; 5_000_000];
    let long = serde_json::json!({"errors": [{"code": "DENIED", "message": "no\u{1b}[31m\n".repeat(10_000)}]});
    for (body, expect) in [
        (b"<html>502</html>".to_vec(), "400 Bad Request".to_owned()),
        (Vec::new(), "400 Bad Request".to_owned()),
        (b"Client sent an HTTP request\n".to_vec(), "400 Bad Request: Client sent an HTTP request".to_owned()),
        (vec![0xff, 0x00, 0x7b], "400 Bad Request".to_owned()),
        (huge, "400 Bad Request".to_owned()),
        (br#"{"errors":[]}"#.to_vec(), "400 Bad Request".to_owned()),
        (br#"{"errors":[{"code":7}]}"#.to_vec(), "400 Bad Request".to_owned()),
        (
            br#"{"errors":[{"message":"see https://h/p?X-Amz-Signature=canary now"}]}"#.to_vec(),
            "400 Bad Request: see https://h/p?*** now".to_owned(),
        ),
        (
            br#"{"errors":[{"message":"not at h/p?token=canary nor at https://a:canary@h/p, really?"}]}"#.to_vec(),
            "400 Bad Request: not at h/p?*** nor at https://***@h/p, really?".to_owned(),
        ),
        (long.to_string().into_bytes(), "400 Bad Request".to_owned()),
    ] {
        let (result, _, _) = written(vec![(HEAD_TAG, reply(404)), (PUT_TAG, reply(400).body(body))]).await;
        assert_eq!(result.expect_err("an error").to_string(), format!("PUT /v2/a/b/manifests/1.4: {expect}"));
    }
}

#[tokio::test]
async fn a_write_follows_a_redirect_that_keeps_its_body() {
    let script = vec![
        (HEAD_TAG, reply(404)),
        (PUT_TAG, reply(307).header("location", "/elsewhere")),
        ("PUT /elsewhere", reply(201)),
    ];
    let (result, _, seen) = written(script).await;
    assert_eq!(result.expect("written"), PushedManifest::Written);
    assert_eq!(seen[2].body, b"{}"[..]);
    let (result, _, _) = written(vec![(HEAD_TAG, reply(404)), (PUT_TAG, reply(302).header("location", "/x"))]).await;
    let expect = "PUT /v2/a/b/manifests/1.4: the answer is 302 Found, which leads nowhere";
    assert_eq!(result.expect_err("an error").to_string(), expect);
}
