//! Pulls: manifests, configs, and blobs whose transfer breaks.

use super::server::{Reply, Server, refuse, reply};
use super::{Client, user_at, words};
use crate::oci::{Digest, Document, Platform, Reference, Tag};
use crate::registry::{RegistryError, TagOrDigest, pull_image};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const GET_TAG: &str = "GET /v2/a/b/manifests/8";

fn tag() -> TagOrDigest {
    "8".parse::<Tag>().expect("a tag").into()
}

async fn read(client: &Client, bytes: &[u8]) -> Result<Vec<u8>, RegistryError> {
    let mut stream = client.repository.blob(&Digest::of(bytes), bytes.len() as u64);
    let mut got = Vec::new();
    while let Some(chunk) = stream.chunk().await? {
        got.extend_from_slice(&chunk);
    }
    Ok(got)
}

fn get(bytes: &[u8]) -> String {
    format!("GET /v2/a/b/blobs/{}", Digest::of(bytes))
}

#[tokio::test]
async fn a_redirected_blob_is_asked_for_without_our_credentials() {
    let storage = Server::playing([("GET /bucket/x?X-Amz-Signature=s", reply(200).body(*b"layer"))]).await;
    let location = format!("http://{}/bucket/x?X-Amz-Signature=s", storage.authority());
    let refused = reply(401).header("www-authenticate", "Basic realm=\"r\"");
    let server =
        Server::playing([(get(b"layer"), refused), (get(b"layer"), reply(307).header("location", location))]).await;
    let client = Client::with(&server, |options| options.credentials = user_at(&server.authority()));
    assert_eq!(read(&client, b"layer").await.expect("a blob"), b"layer");
    assert_eq!(server.seen()[1].header("authorization"), Some("Basic dXNlcjpjYW5hcnk="));
    assert_eq!(storage.seen()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_refusal_by_the_storage_never_gets_credentials_and_is_asked_anew() {
    let refused = reply(401).header("www-authenticate", "Basic realm=\"r\"");
    let storage = Server::playing([("GET /x", refused), ("GET /y", reply(200).body(*b"layer"))]).await;
    let to = |path| reply(307).header("location", format!("http://{}{path}", storage.authority()));
    let server = Server::playing([(get(b"layer"), to("/x")), (get(b"layer"), to("/y"))]).await;
    let client = Client::with(&server, |options| options.credentials = user_at(&storage.authority()));
    assert_eq!(read(&client, b"layer").await.expect("a blob"), b"layer");
    assert!(storage.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test]
async fn a_broken_transfer_goes_on_where_it_broke() {
    let rest = reply(206).header("content-range", "bytes 3-9/10").body(*b"3456789");
    let script = [(get(b"0123456789"), reply(200).body(*b"0123456789").cut_after(3)), (get(b"0123456789"), rest)];
    let server = Server::playing(script).await;
    let client = Client::of(&server);
    assert_eq!(read(&client, b"0123456789").await.expect("a blob"), b"0123456789");
    assert_eq!(server.seen()[1].header("range"), Some("bytes=3-"));
    assert_eq!(client.retries(), 1);
}

#[tokio::test]
async fn a_server_without_ranges_is_read_from_the_start() {
    let whole = || reply(200).body(*b"0123456789");
    let wrong = reply(206).header("content-range", "bytes 0-9/10").body(*b"0123456789");
    for resumed in [vec![whole()], vec![wrong, whole()]] {
        let replies = std::iter::once(whole().cut_after(3)).chain(resumed);
        let server = Server::playing(replies.map(|reply| (get(b"0123456789"), reply))).await;
        assert_eq!(read(&Client::of(&server), b"0123456789").await.expect("a blob"), b"0123456789");
        server.seen();
    }
}

#[tokio::test]
async fn content_that_is_not_the_blob_is_an_error_at_its_end() {
    let server = Server::playing([(get(b"layer"), reply(200).body(*b"lAyer"))]).await;
    let error = read(&Client::of(&server), b"layer").await.expect_err("an error");
    let expect =
        format!("{}: the content is `{}`, not `{}`", get(b"layer"), Digest::of(b"lAyer"), Digest::of(b"layer"));
    assert_eq!(error.to_string(), expect);
    let server = Server::playing([(get(b"layer"), reply(200).body(*b"layers"))]).await;
    assert!(matches!(read(&Client::of(&server), b"layer").await, Err(RegistryError::Protocol { .. })));
}

#[tokio::test]
async fn an_empty_blob_needs_no_request() {
    let server = Server::start().await;
    assert_eq!(read(&Client::of(&server), b"").await.expect("a blob"), b"");
}

#[tokio::test]
async fn a_host_that_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = silent.local_addr().expect("an address").to_string();
    let client = Client::named(&host, |options| options.timeouts.answer = std::time::Duration::from_millis(20));
    let error = client.repository.manifest(&tag()).await.expect_err("an error");
    assert!(
        words(&error).starts_with(&format!("{GET_TAG}: `{host}` made no progress <- nothing for 0.02 s")),
        "{error}"
    );
    assert!(client.retries() > 1);
}

#[tokio::test]
async fn a_host_that_never_answered_is_given_up_soon() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = closed.local_addr().expect("an address").to_string();
    drop(closed);
    let client = Client::named(&host, |_| {});
    let error = client.repository.manifest(&tag()).await.expect_err("an error");
    let expect = format!(
        "{GET_TAG}: cannot reach `{host}` <- connection refused\nhint: check the name `{host}`, the network, and \
         HTTPS_PROXY and NO_PROXY"
    );
    assert_eq!(words(&error), expect);
    let waited = crate::ground::Clock::now(client.clock.as_ref()).seconds() - 1_000_000;
    assert!(waited <= 10, "{waited}");
}

#[tokio::test]
async fn a_host_that_does_not_speak_tls_is_told() {
    let server = Server::start().await;
    let host = server.authority();
    let client = Client::named(&host, |options| {
        options.hosts.entry(host.clone()).or_default().scheme = Some(crate::spec::Scheme::Https);
    });
    let error = client.repository.manifest(&tag()).await.expect_err("an error");
    let text = words(&error);
    assert!(text.starts_with(&format!("{GET_TAG}: `{host}` does not speak TLS <- ")), "{text}");
    assert!(text.ends_with(&format!("set `hosts: {{{host}: {{scheme: http}}}}` in the user configuration")), "{text}");
    assert_eq!(client.retries(), 0);
}

fn image(config: &[u8], layer_type: &str) -> Vec<u8> {
    let layer = serde_json::json!({"mediaType": layer_type, "digest": Digest::of(b"layer").to_string(), "size": 5});
    serde_json::json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": Digest::of(config).to_string(), "size": config.len(),
        },
        "layers": [layer],
    })
    .to_string()
    .into_bytes()
}

fn config(os: &str, layers: usize) -> Vec<u8> {
    let ids = vec![Digest::of(b"tar").to_string(); layers];
    serde_json::json!({"os": os, "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ids}})
        .to_string()
        .into_bytes()
}

const DOCKER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

fn manifest_reply(bytes: &[u8]) -> Reply {
    reply(200).header("content-type", format!("{MANIFEST}; charset=utf-8")).body(bytes)
}

async fn pulled(
    script: Vec<(String, Reply)>,
    platform: Option<&str>,
) -> Result<crate::registry::PulledImage, RegistryError> {
    let server = Server::playing(script).await;
    let client = Client::of(&server);
    let reference: Reference = format!("{}/a/b:8", server.authority()).parse().expect("a reference");
    let platform: Option<Platform> = platform.map(|text| text.parse().expect("a platform"));
    let result = pull_image(&client.repository, &reference, platform.as_ref()).await;
    server.seen();
    result
}

#[tokio::test]
async fn an_image_is_pulled_without_its_layers() {
    let config = config("linux", 1);
    let manifest = image(&config, DOCKER_GZIP);
    let script = vec![(GET_TAG.into(), manifest_reply(&manifest)), (get(&config), reply(200).body(&*config))];
    let image = pulled(script, Some("linux/amd64")).await.expect("an image");
    assert_eq!((image.digest, image.base.digest), (Digest::of(&manifest), Some(Digest::of(&manifest))));
    assert_eq!(image.manifest.bytes, manifest);
    assert_eq!(image.base.layers[0].blob.media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
    assert_eq!(image.platforms, [Platform::new("linux", "amd64")]);
    assert!(image.base.name.expect("a name").ends_with("/a/b:8"));
}

fn index(children: &[(&str, &[u8])]) -> Vec<u8> {
    let children: Vec<_> = children
        .iter()
        .map(|(architecture, manifest)| {
            let os = if *architecture == "unknown" { "unknown" } else { "linux" };
            serde_json::json!({
                "mediaType": MANIFEST, "digest": Digest::of(manifest).to_string(), "size": manifest.len(),
                "platform": {"os": os, "architecture": architecture},
            })
        })
        .collect();
    serde_json::json!({"schemaVersion": 2, "manifests": children}).to_string().into_bytes()
}

#[tokio::test]
async fn a_platform_is_chosen_from_an_index_and_attestations_are_passed_over() {
    let config = config("linux", 1);
    let manifest = image(&config, DOCKER_GZIP);
    let index = index(&[("unknown", b"x"), ("amd64", &manifest), ("arm64", b"y")]);
    let child = format!("GET /v2/a/b/manifests/{}", Digest::of(&manifest));
    let script = || (GET_TAG.to_owned(), reply(200).body(&*index));
    let whole = vec![script(), (child, manifest_reply(&manifest)), (get(&config), reply(200).body(&*config))];
    let found = pulled(whole, Some("linux/amd64")).await.expect("an image");
    assert_eq!((found.digest, found.manifest.digest), (Digest::of(&index), Digest::of(&manifest)));
    assert_eq!(found.platforms.len(), 2);
    let error = pulled(vec![script()], Some("linux/s390x")).await.err().expect("an error");
    assert!(words(&error).ends_with(
        "/a/b:8` has no image for `linux/s390x`; it has `linux/amd64`, `linux/arm64`\nhint: set `platforms: [linux/amd64]`"
    ));
    let error = pulled(vec![script()], None).await.err().expect("an error");
    assert!(matches!(error, RegistryError::PlatformOpen { present, .. } if present.len() == 2));
}

#[tokio::test]
async fn images_that_cannot_be_a_base_say_why() {
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    for (config, layer, why) in [
        (config("windows", 1), DOCKER_GZIP, "it is a Windows image; dockless builds on Linux images"),
        (config("linux", 2), DOCKER_GZIP, "its manifest has 1 layers and its config 2"),
        (config("linux", 1), foreign, "must not be distributed, so it cannot be pushed"),
        (config("linux", 1), "text/plain", "is of the unknown type `text/plain`"),
    ] {
        let manifest = image(&config, layer);
        let script = vec![(GET_TAG.into(), manifest_reply(&manifest)), (get(&config), reply(200).body(&*config))];
        let error = pulled(script, None).await.err().expect("an error");
        assert!(error.to_string().ends_with(why), "{error}");
    }
}

#[tokio::test]
async fn a_manifest_is_verified_and_bounded() {
    let server = Server::playing([
        (format!("GET /v2/a/b/manifests/{}", Digest::of(b"{}")), reply(200).body(*b"[]")),
        (GET_TAG.to_owned(), reply(200).header("docker-content-digest", Digest::of(b"x").to_string()).body(*b"{}")),
        (GET_TAG.to_owned(), reply(200).body(vec![b' '; (16 << 20) + 1])),
        (GET_TAG.to_owned(), refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")),
    ])
    .await;
    let client = Client::of(&server).repository;
    assert!(matches!(client.manifest(&Digest::of(b"{}").into()).await, Err(RegistryError::Digest { .. })));
    assert!(matches!(client.manifest(&tag()).await, Err(RegistryError::Digest { .. })));
    assert!(matches!(client.manifest(&tag()).await, Err(RegistryError::Protocol { .. })));
    let error = client.manifest(&tag()).await.expect_err("an error");
    assert!(error.has_code("MANIFEST_UNKNOWN"), "{error}");
}

#[tokio::test]
async fn a_missing_digest_header_is_made_up_for() {
    let manifest = image(b"{}", DOCKER_GZIP);
    let server = Server::playing([
        ("HEAD /v2/a/b/manifests/8".to_owned(), reply(200)),
        (GET_TAG.to_owned(), manifest_reply(&manifest)),
        ("HEAD /v2/a/b/manifests/8".to_owned(), reply(405)),
        (GET_TAG.to_owned(), manifest_reply(&manifest)),
        ("HEAD /v2/a/b/manifests/8".to_owned(), reply(404)),
        (GET_TAG.to_owned(), manifest_reply(&manifest)),
    ])
    .await;
    let client = Client::of(&server).repository;
    for _ in 0..2 {
        let found = client.head_manifest(&tag()).await.expect("an answer").expect("a manifest");
        assert_eq!((found.digest, found.media_type.as_str()), (Digest::of(&manifest), MANIFEST));
    }
    assert_eq!(client.head_manifest(&tag()).await.expect("an answer"), None);
    let document = client.manifest(&tag()).await.expect("a manifest");
    assert!(matches!(document, Document::Manifest(read) if read.bytes == manifest));
}

#[tokio::test]
async fn mirrors_are_asked_first_and_passed_over_when_they_fail() {
    let config = config("linux", 1);
    let manifest = image(&config, DOCKER_GZIP);
    let line = "GET /v2/hub/a/b/manifests/8";
    let empty = Server::playing([(line, reply(404))]).await;
    let full = Server::playing([
        (line.to_owned(), manifest_reply(&manifest)),
        (format!("GET /v2/hub/a/b/blobs/{}", Digest::of(&config)), reply(200).body(&*config)),
    ])
    .await;
    let client = Client::named("r.example.com", |options| {
        let mirrors = [&empty, &full].map(|mirror| format!("{}/hub", mirror.authority()));
        options.hosts.entry("r.example.com".into()).or_default().mirrors = mirrors.to_vec();
        options.credentials = user_at("r.example.com");
    });
    let reference: Reference = "r.example.com/a/b:8".parse().expect("a reference");
    let image = pull_image(&client.repository, &reference, None).await.expect("an image");
    assert_eq!(image.source.repository().name(), "hub/a/b");
    let seen = [empty.seen(), full.seen()].concat();
    assert!(seen.iter().all(|seen| seen.header("authorization").is_none()));
}
