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
    // A server that fails at mounts gets a minute; one that wants quiet, or breaks, gets what an upload gets.
    for (broken, tries) in [(reply(502), 11), (refuse(429, "TOOMANYREQUESTS", ""), 35), (reset(0), 35)] {
        let script = std::iter::once((head(&blob), reply(404)))
            .chain((0..tries).map(|_| (mount(&blob), broken.clone())))
            .chain([(START.to_owned(), session("/u")), (put("/u", &blob), reply(201))]);
        assert_eq!(pushed(script.collect(), true).await.0.expect("pushed"), PushedBlob::Uploaded, "{tries}");
    }
}

#[tokio::test]
async fn a_host_that_failed_at_one_mount_is_not_asked_for_another() {
    let (first, second) = (blob(), Blob::of_bytes(b"other".to_vec()));
    let upload = |blob: &Blob| [(START.to_owned(), session("/u")), (put("/u", blob), reply(201))];
    let script = std::iter::once((head(&first), reply(404)))
        .chain((0..11).map(|_| (mount(&first), reply(500))))
        .chain(upload(&first))
        .chain([(head(&second), reply(404))])
        .chain(upload(&second));
    let server = Server::playing(script).await;
    let client = Client::of(&server);
    for blob in [first, second] {
        let pushed = client.repository.push_blob(&blob, &base(&server)).await;
        assert_eq!(pushed.expect("pushed"), PushedBlob::Uploaded);
    }
    server.seen();
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
async fn a_wrong_digest_is_worth_one_new_session() {
    let blob = blob();
    let refused = || refuse(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
    let again = |last: Reply| {
        vec![
            (head(&blob), reply(404)),
            (START.to_owned(), session("/u")),
            (put("/u", &blob), refused()),
            (head(&blob), reply(404)),
            ("DELETE /u".to_owned(), reply(404)),
            (START.to_owned(), session("/v?_state=canary")),
            (put("/v?_state=canary", &blob), last),
        ]
    };
    assert_eq!(pushed(again(reply(201)), false).await.0.expect("pushed"), PushedBlob::Uploaded);
    let mut script = again(refused());
    script.push(("DELETE /v?_state=canary".to_owned(), reply(204)));
    let (result, client, _) = pushed(script, false).await;
    let text = words(&result.expect_err("an error"));
    let expect = format!(
        "PUT /v?_state=***&digest={}: 400 DIGEST_INVALID: provided digest did not match uploaded content\n\
         hint: the bytes changed on their way; run it again",
        blob.digest
    );
    assert_eq!(text, expect);
    assert_eq!(client.retries(), 1);
}

#[tokio::test]
async fn a_refused_body_leaves_no_session_behind() {
    let blob = blob();
    for refused in [refuse(403, "DENIED", "no"), reply(302), refuse(400, "SIZE_INVALID", "")] {
        let script = vec![
            (head(&blob), reply(404)),
            (START.to_owned(), session("/u")),
            (put("/u", &blob), refused),
            ("DELETE /u".to_owned(), reply(204)),
        ];
        let (result, client, _) = pushed(script, false).await;
        result.expect_err("an error");
        assert_eq!(client.retries(), 0);
    }
}

#[tokio::test]
async fn a_limit_of_bodies_is_learned_once() {
    let big = |seed: u8| Blob::of_bytes((0..300_000_u32).map(|n| (n % 251) as u8 ^ seed).collect());
    let (first, second) = (big(0), big(1));
    let parts = |blob: &Blob, least: u64| {
        let size = blob.size;
        let steps: Vec<u64> = (0..size).step_by(usize::try_from(least).expect("small")).collect();
        let patches = steps.iter().map(|at| (format!("PATCH /u{at}"), session(&format!("/u{}", at + least))));
        let last = format!("PUT /u{}?digest=sha256%3A{}", steps.last().expect("a part") + least, blob.digest.hex());
        patches.chain([(last, reply(201))]).collect::<Vec<_>>()
    };
    let mut script = vec![
        (head(&first), reply(404)),
        (START.to_owned(), session("/whole")),
        (put("/whole", &first), reply(413)),
        ("DELETE /whole".to_owned(), reply(204)),
        (START.to_owned(), session("/u0").header("oci-chunk-min-length", "100000")),
    ];
    // 256 KiB parts would pass a whole of 300,000 bytes; the server's least length lies below.
    script.extend(parts(&first, 262_144));
    script.extend([(head(&second), reply(404)), (START.to_owned(), session("/u0"))]);
    script.extend(parts(&second, 262_144));
    let server = Server::playing(script).await;
    let client = Client::of(&server);
    for blob in [&first, &second] {
        assert_eq!(client.repository.push_blob(blob, &[]).await.expect("pushed"), PushedBlob::Uploaded);
    }
    let seen = server.seen();
    assert_eq!((seen[5].header("content-range"), seen[5].header("content-length")), (Some("0-262143"), Some("262144")));
    assert_eq!(seen[6].header("content-range"), Some("262144-299999"));
    assert_eq!([&seen[5].body[..], &seen[6].body[..]].concat(), first.open().map(read_all).expect("bytes"));
}

fn read_all(mut reader: Box<dyn std::io::Read + Send>) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut bytes).expect("bytes in memory");
    bytes
}

#[tokio::test]
async fn a_missing_location_is_made_up_for_by_the_session_s_name() {
    let blob = blob();
    let named = reply(202).header("docker-upload-uuid", "0a-9_Z");
    let script = vec![
        (head(&blob), reply(404)),
        (START.to_owned(), named),
        (put("/v2/a/b/blobs/uploads/0a-9_Z", &blob), reply(201)),
    ];
    assert_eq!(pushed(script, false).await.0.expect("pushed"), PushedBlob::Uploaded);
    for unusable in [reply(202), reply(202).header("docker-upload-uuid", "../../x")] {
        let (result, ..) = pushed(vec![(head(&blob), reply(404)), (START.to_owned(), unusable)], false).await;
        let expect = "POST /v2/a/b/blobs/uploads/: the answer cannot be followed <- the answer has no `Location`";
        assert!(words(&result.expect_err("an error")).starts_with(expect));
    }
}

#[tokio::test]
async fn a_head_that_the_storage_refuses_is_asked_as_a_get() {
    let blob = blob();
    let storage = Server::playing([
        ("HEAD /x", reply(403)),
        ("GET /x", reply(206).header("content-range", "bytes 0-0/5").body(*b"l")),
    ])
    .await;
    let to = || reply(307).header("location", format!("http://{}/x", storage.authority()));
    let get = format!("GET /v2/a/b/blobs/{}", blob.digest);
    let (result, _, seen) = pushed(vec![(head(&blob), to()), (get, to())], false).await;
    assert_eq!(result.expect("there"), PushedBlob::Existing);
    assert_eq!(seen[1].header("range"), Some("bytes=0-0"));
}

#[tokio::test]
async fn what_a_server_says_of_our_credentials_is_not_repeated() {
    let blob = blob();
    let echo = "bad request: Authorization: Basic dXNlcjpjYW5hcnk= (password canary)";
    let server = Server::playing([
        (head(&blob), reply(401).header("www-authenticate", "Basic realm=\"r\"")),
        (head(&blob), reply(404).header("warning", "299 - \"you sent canary\"")),
        (START.to_owned(), refuse(400, "canary", echo)),
    ])
    .await;
    let client = Client::with(&server, |options| options.credentials = user_at(&server.authority()));
    let error = client.repository.push_blob(&blob, &[]).await.expect_err("an error");
    let text = format!("{} {error:?} {:?}", words(&error), client.events.events());
    assert!(!text.contains("canary") && !text.contains("dXNlcj"), "{text}");
    assert!(text.contains("bad request: Authorization: Basic ***"), "{text}");
}

#[tokio::test]
async fn an_interrupted_push_gives_its_session_up() {
    let blob = blob();
    let server = Server::playing([
        (head(&blob), reply(404)),
        (START.to_owned(), session("/u")),
        (put("/u", &blob), reset(usize::MAX)),
        ("DELETE /u".to_owned(), reply(204)),
    ])
    .await;
    let client = Client::of(&server);
    let held = server.hold("PUT");
    let (pushing, wanted) = (client.repository.clone(), blob.clone());
    let push = tokio::spawn(async move { pushing.push_blob(&wanted, &[]).await });
    held.await.expect("the PUT came");
    push.abort();
    assert!(push.await.expect_err("aborted").is_cancelled());
    assert_eq!(client.registry.abandon().await, crate::registry::Abandoned { ended: 1, left: 0 });
    assert_eq!(client.registry.abandon().await, crate::registry::Abandoned::default());
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
