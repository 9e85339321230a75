//! Pushes of blobs: each refusal and each break that a registry is known for.

use std::io::Write;

use super::server::{Reply, Seen, Server, refuse, reply, reset, session};
use super::{Client, user_at, words};
use crate::event::Event;
use crate::oci::{Digest, Repository};
use crate::registry::{PushedBlob, RegistryError};
use crate::store::{Blob, BlobBytes};

const START: &str = "POST /v2/a/b/blobs/uploads/";

fn blob() -> Blob {
    Blob::of_bytes(b"layer".to_vec())
}

fn head(blob: &Blob) -> String {
    format!("HEAD /v2/a/b/blobs/{}", blob.digest)
}

fn put(session: &str, blob: &Blob) -> String {
    let join = if session.contains('?') { '&' } else { '?' };
    format!("PUT {session}{join}digest=sha256%3A{}", blob.digest.hex())
}

fn mount(blob: &Blob) -> String {
    format!("POST /v2/a/b/blobs/uploads/?mount=sha256%3A{}&from=base%2Fphp", blob.digest.hex())
}

fn base(server: &Server) -> Vec<Repository> {
    vec![Repository::new(&server.authority(), "base/php").expect("a repository")]
}

/// Pushes a blob against a script, and returns what became of it.
async fn pushed(script: Vec<(String, Reply)>, mounts: bool) -> (Result<PushedBlob, RegistryError>, Client, Vec<Seen>) {
    let server = Server::playing(script).await;
    let client = Client::of(&server);
    let mounts = if mounts { base(&server) } else { Vec::new() };
    let result = client.repository.push_blob(&blob(), &mounts).await;
    (result, client, server.seen())
}

#[tokio::test]
async fn an_upload_is_one_post_and_one_put_of_exact_length() {
    let blob = blob();
    let script = vec![
        (head(&blob), reply(404)),
        (START.to_owned(), session("/v2/a/b/blobs/uploads/1?_state=s%2Bx")),
        (put("/v2/a/b/blobs/uploads/1?_state=s%2Bx", &blob), reply(201)),
    ];
    let (result, client, seen) = pushed(script, false).await;
    assert_eq!(result.expect("pushed"), PushedBlob::Uploaded);
    assert_eq!((seen[1].header("content-length"), seen[1].header("transfer-encoding")), (Some("0"), None));
    assert_eq!((seen[2].header("content-length"), seen[2].header("transfer-encoding")), (Some("5"), None));
    assert_eq!(seen[2].header("content-type"), Some("application/octet-stream"));
    assert_eq!(seen[2].body, b"layer"[..]);
    let digest = blob.digest;
    let expect = [Event::UploadAdvanced { digest, sent: 5, size: 5 }, Event::BlobUploaded { digest, size: 5 }];
    assert_eq!(client.events.events(), expect);
}

#[tokio::test]
async fn a_blob_that_is_there_is_not_sent() {
    let script = vec![(head(&blob()), reply(200).body(*b"layer"))];
    let (result, client, _) = pushed(script, true).await;
    assert_eq!(result.expect("pushed"), PushedBlob::Existing);
    assert_eq!(client.events.events(), [Event::BlobExists { digest: blob().digest }]);
}

#[tokio::test]
async fn a_blob_of_another_size_is_absent_and_a_head_that_cannot_say_is_no_error() {
    let blob = blob();
    for answer in [reply(200).header("content-length", "4"), reply(405), reply(403), reply(400)] {
        let script = vec![(head(&blob), answer), (START.to_owned(), session("/u")), (put("/u", &blob), reply(204))];
        assert_eq!(pushed(script, false).await.0.expect("pushed"), PushedBlob::Uploaded);
    }
}

#[tokio::test]
async fn a_mounted_blob_is_not_sent() {
    let script = vec![(head(&blob()), reply(404)), (mount(&blob()), reply(201))];
    let (result, client, _) = pushed(script, true).await;
    assert_eq!(result.expect("pushed"), PushedBlob::Mounted { from: "base/php".into() });
    let expect = Event::BlobMounted { digest: blob().digest, from: "base/php".into() };
    assert_eq!(client.events.events(), [expect]);
}

#[tokio::test]
async fn a_refused_mount_uses_the_session_that_came_with_it() {
    let blob = blob();
    let script = vec![
        (head(&blob), reply(404)),
        (mount(&blob), session("/from-mount")),
        (put("/from-mount", &blob), reply(201)),
    ];
    assert_eq!(pushed(script, true).await.0.expect("pushed"), PushedBlob::Uploaded);
}

#[tokio::test]
async fn refused_mount_falls_back_to_upload() {
    let blob = blob();
    for status in [400, 401, 403, 404, 405, 501] {
        let script = vec![
            (head(&blob), reply(404)),
            (mount(&blob), refuse(status, "", "no")),
            (START.to_owned(), session("/u")),
            (put("/u", &blob), reply(201)),
        ];
        let (result, client, _) = pushed(script, true).await;
        assert_eq!(result.expect("pushed"), PushedBlob::Uploaded, "{status}");
        assert_eq!(client.retries(), 0, "{status}");
    }
}

#[tokio::test]
async fn a_mount_that_fails_in_passing_is_tried_again_as_a_mount_and_then_given_up() {
    let blob = blob();
    let script = vec![(head(&blob), reply(404)), (mount(&blob), reply(503)), (mount(&blob), reply(201))];
    let (result, client, _) = pushed(script, true).await;
    assert_eq!(result.expect("pushed"), PushedBlob::Mounted { from: "base/php".into() });
    assert_eq!(client.retries(), 1);
    let script = vec![
        (head(&blob), reply(404)),
        (mount(&blob), reply(503)),
        (mount(&blob), reset(0)),
        (mount(&blob), reply(500)),
        (START.to_owned(), session("/u")),
        (put("/u", &blob), reply(201)),
    ];
    assert_eq!(pushed(script, true).await.0.expect("pushed"), PushedBlob::Uploaded);
}

#[tokio::test]
async fn repositories_of_other_hosts_are_no_source_of_a_mount() {
    let blob = blob();
    let server =
        Server::playing([(head(&blob), reply(404)), (START.into(), session("/u")), (put("/u", &blob), reply(201))])
            .await;
    let others =
        ["docker.io/library/php".parse().expect("one"), Repository::new(&server.authority(), "a/b").expect("one")];
    let result = Client::of(&server).repository.push_blob(&blob, &others).await;
    assert_eq!(result.expect("pushed"), PushedBlob::Uploaded);
    server.seen();
}

#[tokio::test]
async fn a_broken_put_begins_again_with_a_new_session() {
    let blob = blob();
    for broken in [reset(1), reply(500), reply(429), refuse(404, "BLOB_UPLOAD_UNKNOWN", ""), reply(416)] {
        let script = vec![
            (head(&blob), reply(404)),
            (START.to_owned(), session("/old")),
            (put("/old", &blob), broken),
            (head(&blob), reply(404)),
            ("DELETE /old".to_owned(), reply(404)),
            (START.to_owned(), session("/new")),
            (put("/new", &blob), reply(201)),
        ];
        let (result, client, seen) = pushed(script, false).await;
        assert_eq!(result.expect("pushed"), PushedBlob::Uploaded);
        assert_eq!(client.retries(), 1);
        assert_eq!(seen.last().expect("a request").body, b"layer"[..]);
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_is_not_paid_for_twice() {
    let blob = blob();
    let script = vec![
        (head(&blob), reply(404)),
        (START.to_owned(), session("/u")),
        (put("/u", &blob), reset(5)),
        (head(&blob), reply(200).header("content-length", "5")),
    ];
    let (result, client, _) = pushed(script, false).await;
    assert_eq!(result.expect("pushed"), PushedBlob::Uploaded);
    assert!(client.events.events().contains(&Event::BlobUploaded { digest: blob.digest, size: 5 }));
}

#[tokio::test]
async fn an_accepted_put_is_confirmed() {
    let blob = blob();
    let script = vec![
        (head(&blob), reply(404)),
        (START.to_owned(), session("/u")),
        (put("/u", &blob), reply(202)),
        (head(&blob), reply(200).header("content-length", "5")),
    ];
    assert_eq!(pushed(script, false).await.0.expect("pushed"), PushedBlob::Uploaded);
}

#[tokio::test]
async fn a_wrong_digest_is_not_sent_again() {
    let blob = blob();
    let script = vec![
        (head(&blob), reply(404)),
        (START.to_owned(), session("/u?_state=canary")),
        (
            put("/u?_state=canary", &blob),
            refuse(400, "DIGEST_INVALID", "provided digest did not match uploaded content"),
        ),
    ];
    let (result, client, _) = pushed(script, false).await;
    let text = words(&result.expect_err("an error"));
    let expect = format!(
        "PUT /u?_state=***&digest={}: 400 DIGEST_INVALID: provided digest did not match uploaded content\n\
         hint: the bytes changed on their way; run it again",
        blob.digest
    );
    assert_eq!(text, expect);
    assert_eq!(client.retries(), 0);
}

#[tokio::test]
async fn a_missing_repository_is_named_with_its_remedy() {
    let message = "The repository with name 'a/b' does not exist in the registry with id '1'";
    let script = || vec![(head(&blob()), reply(404)), (START.to_owned(), refuse(404, "NAME_UNKNOWN", message))];
    let (result, client, _) = pushed(script(), false).await;
    let text = words(&result.expect_err("an error"));
    let line = "POST /v2/a/b/blobs/uploads/: 404 NAME_UNKNOWN: repository `a/b` does not exist\nhint: ";
    assert!(text.starts_with(&format!("{line}create repository `a/b` at `127.0.0.1:")), "{text}");
    assert_eq!(client.retries(), 0);
    let server = Server::playing(script()).await;
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let client = Client::named(ecr, |options| {
        options.credentials = user_at(ecr);
        options.hosts.entry(ecr.to_owned()).or_default().endpoint = Some(server.authority());
    });
    let error = client.repository.push_blob(&blob(), &[]).await.expect_err("an error");
    let create = "add `repository: {create: true}` to the build file, or run `aws ecr create-repository \
                  --repository-name a/b --region eu-west-1`";
    assert_eq!(words(&error), format!("{line}{create}"));
}

#[tokio::test]
async fn a_file_that_changes_is_an_error_and_its_last_bytes_stay_here() {
    let blob = blob();
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for (content, status) in [(&b"lAyer"[..], "changed"), (b"lay", "short")] {
        file.as_file_mut().set_len(0).expect("empty");
        std::io::Seek::rewind(file.as_file_mut()).expect("a rewind");
        file.write_all(content).expect("content");
        let bytes = BlobBytes::File { path: file.path().to_owned(), offset: 0 };
        let changed = Blob { bytes, ..blob.clone() };
        let server = Server::playing([
            (head(&blob), reply(404)),
            (START.into(), session("/u")),
            (put("/u", &blob), reset(usize::MAX)),
        ])
        .await;
        let client = Client::of(&server);
        let error = client.repository.push_blob(&changed, &[]).await.expect_err(status);
        assert!(matches!(error, RegistryError::SourceChanged { digest } if digest == blob.digest), "{error}");
        assert_eq!(client.retries(), 0);
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_an_error_that_names_it() {
    let gone = Blob { bytes: BlobBytes::File { path: "/nowhere/blob".into(), offset: 0 }, ..blob() };
    let server = Server::playing([(head(&gone), reply(404)), (START.into(), session("/u"))]).await;
    let error = Client::of(&server).repository.push_blob(&gone, &[]).await.expect_err("an error");
    assert!(words(&error).starts_with("cannot open `/nowhere/blob` <- "), "{}", words(&error));
}

#[tokio::test]
async fn a_large_file_is_sent_whole_from_its_offset() {
    let content: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"header").expect("content");
    file.write_all(&content).expect("content");
    file.write_all(b"trailer").expect("content");
    let bytes = BlobBytes::File { path: file.path().to_owned(), offset: 6 };
    let blob = Blob { digest: Digest::of(&content), size: content.len() as u64, bytes };
    let server =
        Server::playing([(head(&blob), reply(404)), (START.into(), session("/u")), (put("/u", &blob), reply(201))])
            .await;
    Client::of(&server).repository.push_blob(&blob, &[]).await.expect("pushed");
    assert_eq!(Digest::of(&server.seen()[2].body), blob.digest);
}

#[tokio::test]
async fn a_registry_that_stays_broken_is_given_up_within_the_budget() {
    let blob = blob();
    let script: Vec<_> = std::iter::once((head(&blob), reply(404)))
        .chain((0..200).map(|_| (START.to_owned(), refuse(503, "UNAVAILABLE", "try later"))))
        .collect();
    let server = Server::playing(script).await;
    let client = Client::of(&server);
    let began = crate::ground::Clock::now(client.clock.as_ref());
    let error = client.repository.push_blob(&blob, &[]).await.expect_err("an error");
    let waited = crate::ground::Clock::now(client.clock.as_ref()).since(began).as_secs();
    assert!((250..=300).contains(&waited), "{waited}");
    assert_eq!(error.to_string(), "POST /v2/a/b/blobs/uploads/: 503 UNAVAILABLE: try later");
}
