//! Lists: tags with their pages, and referrers with and without the API.

use serde_json::json;

use super::Client;
use super::server::{Reply, Server, refuse, reply};
use crate::oci::Digest;
use crate::registry::{PushedManifest, RegistryError};

const TAGS: &str = "GET /v2/a/b/tags/list?n=100";

fn tags(list: &[&str]) -> Reply {
    reply(200).body(json!({"name": "a/b", "tags": list}).to_string().into_bytes())
}

async fn listed(script: Vec<(String, Reply)>) -> Result<Vec<String>, RegistryError> {
    let server = Server::playing(script).await;
    let result = Client::of(&server).repository.tags(100).await;
    server.seen();
    Ok(result?.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn pages_of_tags_are_followed_by_their_links() {
    let second = "/v2/a/b/tags/list?n=2&last=2";
    let first = tags(&["1", "2", "-no tag"]).header("link", format!("<{second}>; rel=\"next\""));
    let script = vec![(TAGS.to_owned(), first), (format!("GET {second}"), tags(&["3"]))];
    assert_eq!(listed(script).await.expect("tags"), ["1", "2", "3"]);
    let null = reply(200).body(*br#"{"name":"a/b","tags":null}"#);
    assert!(listed(vec![(TAGS.to_owned(), null)]).await.expect("no tags").is_empty());
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_or_away_end() {
    let next = |to: &str| format!("<{to}>; rel=\"next\"");
    let (a, b) = ("/v2/a/b/tags/list?x=a", "/v2/a/b/tags/list?x=b");
    let circle = vec![
        (TAGS.to_owned(), tags(&["1"]).header("link", next(a))),
        (format!("GET {a}"), tags(&["2"]).header("link", next(b))),
        (format!("GET {b}"), tags(&["3"]).header("link", next(a))),
    ];
    let error = listed(circle).await.expect_err("an error");
    assert_eq!(error.to_string(), "GET /v2/a/b/tags/list: its pages lead in a circle");
    let away = vec![(TAGS.to_owned(), tags(&["1"]).header("link", next("https://other.example.com/x")))];
    let error = listed(away).await.expect_err("an error");
    assert!(error.to_string().ends_with("its next page is at another host"), "{error}");
    let sparse = vec![(TAGS.to_owned(), tags(&[]).header("link", next(a))), (format!("GET {a}"), tags(&["1"]))];
    assert_eq!(listed(sparse).await.expect("a page that adds nothing is not the last"), ["1"]);
    let page = |n: usize| format!("/v2/a/b/tags/list?x={n}");
    let mut barren = vec![(TAGS.to_owned(), tags(&[]).header("link", next(&page(1))))];
    barren.extend((1..20).map(|n| (format!("GET {}", page(n)), tags(&[]).header("link", next(&page(n + 1))))));
    assert!(listed(barren).await.expect("no tags for ever").is_empty());
}

fn signature(subject: &Digest) -> Vec<u8> {
    json!({
        "schemaVersion": 2, "mediaType": TYPE, "artifactType": "text/signature",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2},
        "layers": [], "annotations": {"k": "v"},
        "subject": {"mediaType": TYPE, "digest": subject, "size": 1},
    })
    .to_string()
    .into_bytes()
}

const TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

fn written(bytes: &[u8]) -> [(String, Reply); 2] {
    let path = format!("/v2/a/b/manifests/{}", Digest::of(bytes));
    [(format!("HEAD {path}"), reply(404)), (format!("PUT {path}"), reply(201))]
}

#[tokio::test]
async fn a_registry_that_keeps_referrers_is_left_to_it() {
    let subject = Digest::of(b"image");
    let bytes = signature(&subject);
    let [head, (put, answer)] = written(&bytes);
    let server = Server::playing([head, (put, answer.header("oci-subject", subject.to_string()))]).await;
    let pushed = Client::of(&server).repository.push_referrer(&bytes, TYPE).await;
    assert_eq!(pushed.expect("pushed"), PushedManifest::Written);
    server.seen();
}

#[tokio::test]
async fn without_the_api_the_list_is_kept_under_a_tag() {
    let subject = Digest::of(b"image");
    let bytes = signature(&subject);
    let tag = format!("/v2/a/b/manifests/sha256-{}", subject.hex());
    let other = json!({"mediaType": TYPE, "digest": Digest::of(b"other"), "size": 5, "artifactType": "x", "z": 1});
    let entry = json!({
        "mediaType": TYPE, "digest": Digest::of(&bytes), "size": bytes.len(), "artifactType": "text/signature",
        "annotations": {"k": "v"},
    });
    let index = |entries: &[&serde_json::Value]| {
        reply(200)
            .header("etag", "\"7\"")
            .body(json!({"schemaVersion": 2, "manifests": entries}).to_string().into_bytes())
    };
    let mut script = written(&bytes).to_vec();
    script.extend([
        (format!("GET {tag}"), index(&[&other])),
        // Somebody else was faster.
        (format!("PUT {tag}"), reply(412)),
        (format!("GET {tag}"), index(&[&other])),
        (format!("PUT {tag}"), reply(201)),
        (format!("GET {tag}"), index(&[&other, &entry])),
    ]);
    let server = Server::playing(script).await;
    Client::of(&server).repository.push_referrer(&bytes, TYPE).await.expect("pushed");
    let seen = server.seen();
    assert_eq!(seen[3].header("if-match"), Some("\"7\""));
    assert_eq!(seen[3].header("if-none-match"), None);
    let sent: serde_json::Value = serde_json::from_slice(&seen[5].body).expect("JSON");
    assert_eq!(sent["manifests"], json!([other, entry]), "what others wrote is kept whole");
}

#[tokio::test]
async fn referrers_are_found_with_the_api_and_without() {
    let subject = Digest::of(b"image");
    let entry =
        |n: u8, kind: &str| json!({"mediaType": TYPE, "digest": Digest::of(&[n]), "size": 1, "artifactType": kind});
    let index = |entries: &[serde_json::Value]| {
        reply(200).body(json!({"schemaVersion": 2, "manifests": entries}).to_string().into_bytes())
    };
    let api = format!("/v2/a/b/referrers/{subject}?artifactType=s");
    let tag = format!("GET /v2/a/b/manifests/sha256-{}", subject.hex());
    let found = async |script: Vec<(String, Reply)>| {
        let server = Server::playing(script).await;
        let found = Client::of(&server).repository.referrers(&subject, Some("s")).await.expect("a list");
        server.seen();
        found.iter().map(|referrer| referrer.descriptor.digest).collect::<Vec<_>>()
    };
    let two = index(&[entry(1, "s"), entry(2, "t")]).header("link", format!("<{api}&p=2>; rel=\"next\""));
    let pages = vec![(format!("GET {api}"), two), (format!("GET {api}&p=2"), index(&[entry(3, "s")]))];
    assert_eq!(found(pages).await, [Digest::of(&[1]), Digest::of(&[3])], "filtered here, whoever filtered there");
    for refusal in [reply(404), refuse(400, "UNSUPPORTED", ""), reply(406), reply(200).body(*b"<html>")] {
        let script = vec![(format!("GET {api}"), refusal), (tag.clone(), index(&[entry(1, "s"), entry(2, "t")]))];
        assert_eq!(found(script).await, [Digest::of(&[1])]);
    }
    assert!(found(vec![(format!("GET {api}"), reply(404)), (tag, reply(404))]).await.is_empty());
}
