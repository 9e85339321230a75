//! The stand-in's registry against the distribution specification: pull, push, content discovery, content management.
//!
//! Each table is one workflow, in order; `{session}` is the newest upload session, other names are digests of contents.

use std::collections::BTreeMap;
use std::sync::Arc;

use dockless::net::{Connector, HttpOptions};
use dockless::oci::Digest;
use dockless::pipeline::SystemClock;
use dockless::sandbox::{Personality, Sandbox, SandboxOptions};
use serde_json::{Value, json};

/// One request and what must come of it.
struct Case {
    name: &'static str,
    method: &'static str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// The name of a content, or nothing.
    body: &'static str,
    status: u16,
    /// Headers of the answer, each with what it begins with, and `body` for the content it has to be.
    expect: &'static [(&'static str, &'static str)],
}

const fn case(
    name: &'static str,
    (method, target): (&'static str, &'static str),
    (headers, body): (&'static [(&'static str, &'static str)], &'static str),
    status: u16,
    expect: &'static [(&'static str, &'static str)],
) -> Case {
    Case { name, method, target, headers, body, status, expect }
}

type Headers = &'static [(&'static str, &'static str)];

const NONE: (Headers, &str) = (&[], "");
const TYPE: Headers = &[("content-type", "application/vnd.oci.image.manifest.v1+json")];

/// Everything that the tables name.
fn contents() -> BTreeMap<&'static str, Vec<u8>> {
    let describe =
        |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": Digest::of(bytes), "size": bytes.len()});
    let (config, layer) = (b"{}".to_vec(), b"0123456789".to_vec());
    let image = |more: Value| {
        let mut value = json!({
            "schemaVersion": 2, "mediaType": TYPE[0].1,
            "config": describe("application/vnd.oci.image.config.v1+json", &config),
            "layers": [describe("application/vnd.oci.image.layer.v1.tar", &layer)],
        });
        value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        value.to_string().into_bytes()
    };
    let plain = image(json!({}));
    let subject = describe(TYPE[0].1, &plain);
    let refers = |kind: &str| image(json!({"subject": subject, "artifactType": kind, "annotations": {"k": "v"}}));
    BTreeMap::from([
        ("config", config.clone()),
        ("layer", layer.clone()),
        ("first", layer[..4].to_vec()),
        ("second", layer[4..].to_vec()),
        ("missing", b"missing".to_vec()),
        ("image", plain.clone()),
        ("signature", refers("text/signature")),
        ("sbom", refers("text/sbom")),
        ("lost", image(json!({"layers": [describe("application/vnd.oci.image.layer.v1.tar", b"nowhere")]}))),
    ])
}

const UPLOADS: &str = "/v2/a/b/blobs/uploads/";

/// "Push": every way to bring a blob, and what is refused.
const PUSH: &[Case] = &[
    case("the API is there", ("GET", "/v2/"), NONE, 200, &[]),
    case("a session is opened", ("POST", UPLOADS), NONE, 202, &[("location", "/v2/a/b/blobs/uploads/")]),
    case(
        "and ended by one body",
        ("PUT", "{session}&digest={config}"),
        (&[], "config"),
        201,
        &[("location", "/v2/a/b/blobs/sha256:")],
    ),
    case("which is there then", ("GET", "/v2/a/b/blobs/{config}"), NONE, 200, &[("body", "config")]),
    case(
        "a blob comes with the POST",
        ("POST", "/v2/a/b/blobs/uploads/?digest={missing}"),
        (&[], "missing"),
        201,
        &[("location", "/v2/a/b/blobs/")],
    ),
    case(
        "a wrong digest is refused",
        ("POST", "/v2/a/b/blobs/uploads/?digest={layer}"),
        (&[], "config"),
        400,
        &[("code", "DIGEST_INVALID")],
    ),
    case(
        "a digest that is none is refused",
        ("POST", "/v2/a/b/blobs/uploads/?digest=x"),
        (&[], "config"),
        400,
        &[("code", "DIGEST_INVALID")],
    ),
    case("a session for a stream", ("POST", UPLOADS), NONE, 202, &[]),
    case(
        "takes a part without a range",
        ("PATCH", "{session}"),
        (&[], "layer"),
        202,
        &[("range", "0-9"), ("location", "/v2/")],
    ),
    case("and ends without a body", ("PUT", "{session}&digest={layer}"), NONE, 201, &[]),
    case("a session for chunks", ("POST", UPLOADS), NONE, 202, &[]),
    case("refuses a chunk out of order", ("PATCH", "{session}"), (&[("content-range", "4-9")], "second"), 416, &[]),
    case("takes the first", ("PATCH", "{session}"), (&[("content-range", "0-3")], "first"), 202, &[("range", "0-3")]),
    case("refuses it again", ("PATCH", "{session}"), (&[("content-range", "0-3")], "first"), 416, &[("range", "0-3")]),
    case("says how far it is", ("GET", "{session}"), NONE, 204, &[("range", "0-3"), ("location", "/v2/")]),
    case(
        "takes the last with its end",
        ("PUT", "{session}&digest={layer}"),
        (&[("content-range", "4-9")], "second"),
        201,
        &[],
    ),
    case("and is gone", ("GET", "{session}"), NONE, 404, &[("code", "BLOB_UPLOAD_UNKNOWN")]),
    case("a session that is not wanted", ("POST", UPLOADS), NONE, 202, &[]),
    case("is given up", ("DELETE", "{session}"), NONE, 204, &[]),
    case(
        "and is gone too",
        ("PUT", "{session}&digest={layer}"),
        (&[], "layer"),
        404,
        &[("code", "BLOB_UPLOAD_UNKNOWN")],
    ),
    case(
        "a blob is mounted",
        ("POST", "/v2/c/blobs/uploads/?mount={layer}&from=a/b"),
        NONE,
        201,
        &[("location", "/v2/c/blobs/sha256:")],
    ),
    case("and is there", ("GET", "/v2/c/blobs/{layer}"), NONE, 200, &[("body", "layer")]),
    case(
        "one that is nowhere opens a session",
        ("POST", "/v2/c/blobs/uploads/?mount={sbom}&from=a/b"),
        NONE,
        202,
        &[("location", "/v2/c/")],
    ),
    case(
        "as does one without a source",
        ("POST", "/v2/c/blobs/uploads/?mount={layer}"),
        NONE,
        202,
        &[("location", "/v2/c/")],
    ),
    case(
        "a manifest is taken by tag",
        ("PUT", "/v2/a/b/manifests/1.0"),
        (TYPE, "image"),
        201,
        &[("location", "/v2/a/b/manifests/")],
    ),
    case("and by digest", ("PUT", "/v2/a/b/manifests/{image}"), (TYPE, "image"), 201, &[]),
    case(
        "under several tags at once",
        ("PUT", "/v2/a/b/manifests/{image}?tag=2.0&tag=3.0"),
        (TYPE, "image"),
        201,
        &[("oci-tag", "2.0")],
    ),
    case(
        "by another's digest it is refused",
        ("PUT", "/v2/a/b/manifests/{layer}"),
        (TYPE, "image"),
        400,
        &[("code", "DIGEST_INVALID")],
    ),
    case(
        "one that is no JSON is refused",
        ("PUT", "/v2/a/b/manifests/1.0"),
        (TYPE, "layer"),
        400,
        &[("code", "MANIFEST_INVALID")],
    ),
    case(
        "one whose blobs are missing is refused",
        ("PUT", "/v2/a/b/manifests/x"),
        (TYPE, "lost"),
        404,
        &[("code", "MANIFEST_BLOB_UNKNOWN")],
    ),
    case(
        "a subject is taken notice of",
        ("PUT", "/v2/a/b/manifests/{signature}"),
        (TYPE, "signature"),
        201,
        &[("oci-subject", "{image}")],
    ),
    case("a second one too", ("PUT", "/v2/a/b/manifests/{sbom}"), (TYPE, "sbom"), 201, &[("oci-subject", "{image}")]),
    case("a name that is none is refused", ("POST", "/v2/A/blobs/uploads/"), NONE, 400, &[("code", "NAME_INVALID")]),
];

/// "Pull": what is there, and what is not.
const PULL: &[Case] = &[
    case(
        "a blob is there",
        ("HEAD", "/v2/a/b/blobs/{layer}"),
        NONE,
        200,
        &[("content-length", "10"), ("docker-content-digest", "{layer}")],
    ),
    case(
        "and comes whole",
        ("GET", "/v2/a/b/blobs/{layer}"),
        NONE,
        200,
        &[("body", "layer"), ("content-length", "10")],
    ),
    case(
        "or in part",
        ("GET", "/v2/a/b/blobs/{layer}"),
        (&[("range", "bytes=4-")], ""),
        206,
        &[("body", "second"), ("content-range", "bytes 4-9/10")],
    ),
    case("not beyond its end", ("GET", "/v2/a/b/blobs/{layer}"), (&[("range", "bytes=10-")], ""), 416, &[]),
    case("another is not", ("HEAD", "/v2/a/b/blobs/{sbom}"), NONE, 404, &[]),
    case("and says so", ("GET", "/v2/a/b/blobs/{sbom}"), NONE, 404, &[("code", "BLOB_UNKNOWN")]),
    case(
        "a manifest is there by tag",
        ("HEAD", "/v2/a/b/manifests/1.0"),
        NONE,
        200,
        &[("docker-content-digest", "{image}"), ("content-type", TYPE_NAME)],
    ),
    case("and by digest", ("HEAD", "/v2/a/b/manifests/{image}"), NONE, 200, &[("docker-content-digest", "{image}")]),
    case(
        "it comes byte for byte by tag",
        ("GET", "/v2/a/b/manifests/1.0"),
        NONE,
        200,
        &[("body", "image"), ("content-type", TYPE_NAME)],
    ),
    case("and by digest too", ("GET", "/v2/a/b/manifests/{image}"), NONE, 200, &[("body", "image")]),
    case("under the second tag", ("GET", "/v2/a/b/manifests/3.0"), NONE, 200, &[("body", "image")]),
    case("another is not there", ("HEAD", "/v2/a/b/manifests/9"), NONE, 404, &[]),
    case("and says that", ("GET", "/v2/a/b/manifests/{missing}"), NONE, 404, &[("code", "MANIFEST_UNKNOWN")]),
    case("nor is its repository", ("GET", "/v2/no/such/manifests/9"), NONE, 404, &[("code", "NAME_UNKNOWN")]),
];

const TYPE_NAME: &str = "application/vnd.oci.image.manifest.v1+json";

/// "Content discovery": tags and referrers.
const DISCOVERY: &[Case] = &[
    case(
        "all tags, in their order",
        ("GET", "/v2/a/b/tags/list"),
        NONE,
        200,
        &[("json", r#"{"name":"a/b","tags":["1.0","2.0","3.0"]}"#)],
    ),
    case(
        "some of them",
        ("GET", "/v2/a/b/tags/list?n=2"),
        NONE,
        200,
        &[
            ("json", r#"{"name":"a/b","tags":["1.0","2.0"]}"#),
            ("link", "</v2/a/b/tags/list?n=2&last=2.0>; rel=\"next\""),
        ],
    ),
    case(
        "those after one",
        ("GET", "/v2/a/b/tags/list?n=2&last=2.0"),
        NONE,
        200,
        &[("json", r#"{"name":"a/b","tags":["3.0"]}"#)],
    ),
    case(
        "those after one that is none",
        ("GET", "/v2/a/b/tags/list?last=1.5"),
        NONE,
        200,
        &[("json", r#"{"name":"a/b","tags":["2.0","3.0"]}"#)],
    ),
    case("none of nowhere", ("GET", "/v2/no/such/tags/list"), NONE, 404, &[("code", "NAME_UNKNOWN")]),
    case(
        "all referrers",
        ("GET", "/v2/a/b/referrers/{image}"),
        NONE,
        200,
        &[("content-type", "application/vnd.oci.image.index.v1+json"), ("referrers", "2")],
    ),
    case(
        "those of a type",
        ("GET", "/v2/a/b/referrers/{image}?artifactType=text/sbom"),
        NONE,
        200,
        &[("oci-filters-applied", "artifactType"), ("referrers", "1")],
    ),
    case("none of what nobody refers to", ("GET", "/v2/a/b/referrers/{missing}"), NONE, 200, &[("referrers", "0")]),
    case("a digest that is none", ("GET", "/v2/a/b/referrers/x"), NONE, 400, &[]),
];

/// "Content management": what is deleted is gone, and nothing else.
const MANAGEMENT: &[Case] = &[
    case("a tag is deleted", ("DELETE", "/v2/a/b/manifests/2.0"), NONE, 202, &[]),
    case("and is gone", ("GET", "/v2/a/b/manifests/2.0"), NONE, 404, &[("code", "MANIFEST_UNKNOWN")]),
    case(
        "from the list too",
        ("GET", "/v2/a/b/tags/list"),
        NONE,
        200,
        &[("json", r#"{"name":"a/b","tags":["1.0","3.0"]}"#)],
    ),
    case("its manifest is not", ("GET", "/v2/a/b/manifests/{image}"), NONE, 200, &[]),
    case("a referrer is deleted", ("DELETE", "/v2/a/b/manifests/{sbom}"), NONE, 202, &[]),
    case("and refers no more", ("GET", "/v2/a/b/referrers/{image}"), NONE, 200, &[("referrers", "1")]),
    case("a manifest is deleted", ("DELETE", "/v2/a/b/manifests/{image}"), NONE, 202, &[]),
    case("and gone with its tags", ("GET", "/v2/a/b/manifests/1.0"), NONE, 404, &[]),
    case("once", ("DELETE", "/v2/a/b/manifests/{image}"), NONE, 404, &[]),
    case("a blob is deleted", ("DELETE", "/v2/a/b/blobs/{layer}"), NONE, 202, &[]),
    case("here", ("GET", "/v2/a/b/blobs/{layer}"), NONE, 404, &[]),
    case("and not where it was mounted", ("GET", "/v2/c/blobs/{layer}"), NONE, 200, &[("body", "layer")]),
    case("twice it cannot be", ("DELETE", "/v2/a/b/blobs/{layer}"), NONE, 404, &[("code", "BLOB_UNKNOWN")]),
];

struct Lab {
    base: String,
    client: reqwest::Client,
    token: String,
    contents: BTreeMap<&'static str, Vec<u8>>,
    session: String,
}

impl Lab {
    fn filled(&self, text: &str) -> String {
        let text = text.replace("{session}", &self.session);
        self.contents
            .iter()
            .fold(text, |text, (name, bytes)| text.replace(&format!("{{{name}}}"), &Digest::of(bytes).to_string()))
    }

    async fn run(&mut self, case: &Case) -> Vec<String> {
        let method = case.method.parse().expect("a method");
        let mut request = self.client.request(method, self.base.clone() + &self.filled(case.target));
        request = request.header("authorization", format!("Basic {}", self.token));
        request = case.headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.body(self.contents.get(case.body).cloned().unwrap_or_default()).send().await;
        let answer = answer.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        if let (202 | 204, Some(location)) = (status, headers.get("location")) {
            self.session = location.to_str().expect("text").to_owned();
        }
        let body = answer.bytes().await.expect("a body");
        let mut wrong = Vec::new();
        if status != case.status {
            wrong.push(format!("{}: {status}, not {}: {}", case.name, case.status, String::from_utf8_lossy(&body)));
        }
        let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        for (what, expect) in case.expect {
            let expect = self.filled(expect);
            let holds = match *what {
                "body" => self.contents[expect.as_str()] == body,
                "json" => serde_json::from_str::<Value>(&expect).expect("JSON") == value,
                "code" => value["errors"][0]["code"] == expect,
                "referrers" => value["manifests"].as_array().map(Vec::len) == expect.parse().ok(),
                name => headers.get(name).and_then(|v| v.to_str().ok()).is_some_and(|v| v.starts_with(&expect)),
            };
            if !holds {
                wrong.push(format!(
                    "{}: {what} is not `{expect}`: {headers:?} {}",
                    case.name,
                    String::from_utf8_lossy(&body)
                ));
            }
        }
        wrong
    }
}

#[tokio::test]
async fn the_registry_keeps_to_the_specification() {
    let state = tempfile::tempdir().expect("a folder");
    let mut options = SandboxOptions::new(state.path().join("sandbox"), Arc::new(SystemClock));
    options.personality = Personality::distribution();
    let sandbox = Sandbox::start(options).await.expect("the stand-in starts");
    let base = sandbox.endpoint();
    let connector = Connector::new(&HttpOptions::default()).expect("a connector");
    let client = connector.client(&base.parse().expect("a URL")).expect("a client");
    let token = sandbox.login().reveal().clone();
    let mut lab = Lab { base, client, token, contents: contents(), session: String::new() };
    let mut wrong = Vec::new();
    for case in [PUSH, PULL, DISCOVERY, MANAGEMENT].into_iter().flatten() {
        wrong.extend(lab.run(case).await);
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    sandbox.stop().await;
}
