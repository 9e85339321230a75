//! ECR beside the protocol: layers asked for in advance, and quotas.

use super::Client;
use super::auth::aws_host;
use super::server::{Reply, Server, reply};
use crate::oci::{Digest, Tag};
use crate::registry::{CredentialSources, PushedBlob};
use crate::store::Blob;

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

fn json(body: &serde_json::Value) -> Reply {
    reply(200).header("content-type", "application/x-amz-json-1.1").body(body.to_string())
}

fn minted() -> Reply {
    json(
        &serde_json::json!({"authorizationData": [{"authorizationToken": "QVdTOm9uZQ==", "expiresAt": 9_999_999_999.0}]}),
    )
}

/// A client that has its token already.
async fn known(server: &Server, aws: &Server) -> Client {
    aws.play([("POST /", minted())]);
    server.play([("HEAD /v2/a/b/manifests/latest", reply(404))]);
    let client = aws_host(HOST, server, aws, CredentialSources::default());
    client.repository.head_manifest(&crate::oci::Tag::latest().into()).await.expect("an answer");
    client
}

#[tokio::test]
async fn layers_that_were_asked_for_in_advance_cost_no_request_each() {
    let (server, aws) = (Server::start().await, Server::start().await);
    let client = known(&server, &aws).await;
    let (there, missing) = (Blob::of_bytes(b"there".to_vec()), Blob::of_bytes(b"missing".to_vec()));
    aws.play([(
        "POST /",
        json(&serde_json::json!({"layers": [
        {"layerDigest": there.digest.to_string(), "layerAvailability": "AVAILABLE", "layerSize": 5},
        {"layerDigest": missing.digest.to_string(), "layerAvailability": "UNAVAILABLE"},
    ], "failures": []})),
    )]);
    client.repository.look_ahead(&[there.digest, missing.digest]).await;
    let session = super::server::session("/u");
    server.play([
        ("POST /v2/a/b/blobs/uploads/".to_owned(), session),
        (format!("PUT /u?digest=sha256%3A{}", missing.digest.hex()), reply(201)),
    ]);
    client.repository.push_blob(&there, &[]).await.expect("there");
    client.repository.push_blob(&missing, &[]).await.expect("pushed");
    server.seen();
    let body: serde_json::Value = serde_json::from_slice(&aws.seen()[1].body).expect("JSON");
    assert_eq!(body["layerDigests"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn an_answer_in_advance_that_one_request_refutes_is_not_believed() {
    let (server, aws) = (Server::start().await, Server::start().await);
    let client = known(&server, &aws).await;
    let blobs: Vec<Blob> = (0..3_u8).map(|n| Blob::of_bytes(vec![n])).collect();
    let digests: Vec<Digest> = blobs.iter().map(|blob| blob.digest).collect();
    let gone =
        |digest: &Digest| serde_json::json!({"layerDigest": digest.to_string(), "layerAvailability": "UNAVAILABLE"});
    let answer = serde_json::json!({"layers": digests.iter().map(gone).collect::<Vec<_>>(), "failures": []});
    aws.play([("POST /", json(&answer))]);
    server.play([("HEAD /v2/a/b/manifests/1", reply(200))]);
    server.play([("GET /v2/a/b/manifests/1", reply(200).body(*b"{}"))]);
    client.repository.head_manifest(&"1".parse::<Tag>().expect("a tag").into()).await.expect("an image");
    let here = || reply(200).header("content-length", "1");
    let first = digests.iter().min().expect("a digest");
    server.play([(format!("HEAD /v2/a/b/blobs/{first}"), here())]);
    client.repository.look_ahead(&digests).await;
    for blob in &blobs {
        server.play([(format!("HEAD /v2/a/b/blobs/{}", blob.digest), here())]);
        assert_eq!(client.repository.push_blob(blob, &[]).await.expect("there"), PushedBlob::Existing);
    }
}

#[tokio::test]
async fn who_may_not_ask_in_advance_asks_for_each_layer_and_hears_nothing_of_it() {
    let (server, aws) = (Server::start().await, Server::start().await);
    let client = known(&server, &aws).await;
    let denied = reply(400)
        .header("content-type", "application/x-amz-json-1.1")
        .body(*br#"{"__type":"AccessDeniedException","Message":"User: x is not authorized to perform: a:b"}"#);
    aws.play([("POST /", denied)]);
    let blobs: Vec<Blob> = (0..2_u8).map(|n| Blob::of_bytes(vec![n])).collect();
    let digests: Vec<Digest> = blobs.iter().map(|blob| blob.digest).collect();
    // The second time nobody is asked.
    client.repository.look_ahead(&digests).await;
    client.repository.look_ahead(&digests).await;
    for blob in &blobs {
        server.play([(format!("HEAD /v2/a/b/blobs/{}", blob.digest), reply(200).header("content-length", "1"))]);
        client.repository.push_blob(blob, &[]).await.expect("there");
    }
    aws.seen();
    assert_eq!(client.retries(), 0);
}

#[tokio::test]
async fn manifests_are_written_no_faster_than_the_quota_allows() {
    let (server, aws) = (Server::start().await, Server::start().await);
    let client = known(&server, &aws).await;
    let before = crate::ground::Clock::now(client.clock.as_ref());
    for number in 0..24 {
        let tag = format!("t{number}");
        server.play([
            (format!("HEAD /v2/a/b/manifests/{tag}"), reply(404)),
            (format!("PUT /v2/a/b/manifests/{tag}"), reply(201)),
        ]);
        let which = tag.parse::<crate::oci::Tag>().expect("a tag").into();
        client.repository.put_manifest(b"{}", "x/y", &which).await.expect("written");
    }
    let took = crate::ground::Clock::now(client.clock.as_ref()).since(before);
    assert_eq!(took, std::time::Duration::from_secs(2), "8 at once, then 8 a second");
}
