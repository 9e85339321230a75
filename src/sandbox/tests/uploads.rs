//! Uploads: sessions, mounts, chunks, and how each is refused.

use super::*;
use crate::sandbox::{Action, Fault, MountRule, Reset};

#[tokio::test]
async fn a_blob_comes_back_as_it_went() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let digest = lab.push_blob("shop", b"0123456789").await;
    let path = format!("/v2/shop/blobs/{digest}");
    let head = lab.send(Method::HEAD, &path, "").await;
    assert_eq!((head.status().as_u16(), header(&head, "content-length").as_deref()), (200, Some("10")));
    assert_eq!(lab.get(&path).await.bytes().await.expect("a body"), "0123456789");
    let part = lab.request(Method::GET, &path).header("range", "bytes=4-").send().await.expect("an answer");
    assert_eq!((part.status().as_u16(), header(&part, "content-range").as_deref()), (206, Some("bytes 4-9/10")));
    assert_eq!(part.bytes().await.expect("a body"), "456789");
    let beyond = lab.request(Method::GET, &path).header("range", "bytes=10-").send().await.expect("an answer");
    assert_eq!(beyond.status(), 416);
    assert_eq!(lab.send(Method::DELETE, &path, "").await.status(), 202);
    refused(lab.get(&path).await, 404, "BLOB_UNKNOWN").await;
}

#[tokio::test]
async fn bad_uploads_are_refused() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let other = Digest::of(b"other");
    let session = lab.open_upload("shop").await;
    refused(lab.send(Method::PUT, &format!("{session}?digest={other}"), "bytes").await, 400, "DIGEST_INVALID").await;
    let gone = lab.send(Method::PUT, &format!("{session}?digest={other}"), "bytes").await;
    refused(gone, 404, "BLOB_UPLOAD_UNKNOWN").await;
    let (session, empty) = (lab.open_upload("shop").await, Digest::of(b""));
    let answer = lab.send(Method::PUT, &format!("{session}?digest={empty}"), "").await;
    assert!(refused(answer, 400, "BLOB_UPLOAD_INVALID").await.contains("does not have any parts"));
    let session = lab.open_upload("shop").await;
    assert_eq!(lab.send(Method::DELETE, &session, "").await.status(), 204);
    let left = std::fs::read_dir(state.path().join("uploads")).expect("a folder").count();
    assert_eq!(left, 0, "no session leaves a file");
}

#[tokio::test]
async fn a_missing_repository_and_a_bad_name_are_told_apart() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    let post = async |name: &str| lab.send(Method::POST, &format!("/v2/{name}/blobs/uploads/"), "").await;
    let message = refused(post("nowhere").await, 404, "NAME_UNKNOWN").await;
    assert_eq!(message, "The repository with name 'nowhere' does not exist in the registry with id '123456789012'");
    for name in ["Shop", "shop//x", "sh op"] {
        refused(post(name).await, 400, "NAME_INVALID").await;
    }
}

#[tokio::test]
async fn a_path_that_climbs_is_refused_before_any_file_is_touched() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let state = folder();
    let lab = Lab::start(state.path()).await;
    // By hand, since URL libraries resolve the dots before they send them.
    for path in ["/v2/../../etc/manifests/passwd", "/v2/shop/../../blobs/uploads/", "/v2/..%2f..%2fx/tags/list"] {
        let mut stream = tokio::net::TcpStream::connect(lab.sandbox.address()).await.expect("a connection");
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Basic {}\r\nconnection: close\r\n\r\n",
            lab.token
        );
        stream.write_all(head.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("NAME_INVALID"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_mount_needs_what_the_personality_wants() {
    for (rule, before, after) in
        [(MountRule::Never, 202, 202), (MountRule::Committed, 202, 201), (MountRule::Present, 201, 201)]
    {
        let state = folder();
        let personality = Personality { mount: rule, ..Personality::ecr() };
        let lab = Lab::with(state.path(), personality).await;
        for name in ["base", "shop", "cart"] {
            lab.create_repository(name).await;
        }
        let digest = lab.push_blob("base", b"layer").await;
        let mount = |to: &str| format!("/v2/{to}/blobs/uploads/?mount={digest}&from=base");
        assert_eq!(lab.send(Method::POST, &mount("shop"), "").await.status(), before, "{rule:?}");
        lab.push_image("base", "1", "layer").await;
        assert_eq!(lab.send(Method::POST, &mount("cart"), "").await.status(), after, "{rule:?}");
        let head = lab.send(Method::HEAD, &format!("/v2/cart/blobs/{digest}"), "").await;
        assert_eq!(head.status(), if after == 201 { 200 } else { 404 }, "{rule:?}");
    }
}

#[tokio::test]
async fn ecr_answers_chunks_in_its_own_way() {
    let state = folder();
    let lab = Lab::with(state.path(), Personality { least_part: 3, ..Personality::ecr() }).await;
    lab.create_repository("shop").await;
    let session = lab.open_upload("shop").await;
    let patch = async |range: &str, body: &'static str| {
        lab.request(Method::PATCH, &session).header("content-range", range).body(body).send().await.expect("an answer")
    };
    let first = patch("0-3", "0123").await;
    assert_eq!((first.status().as_u16(), header(&first, "range").as_deref()), (201, Some("0-3")));
    let second = patch("4-7", "4567").await;
    assert_eq!(header(&second, "range").as_deref(), Some("0-3"), "the range is stale");
    let message = refused(patch("0-3", "0123").await, 416, "BLOB_UPLOAD_INVALID").await;
    assert_eq!(message, "First byte of the layer part is 0 instead of 8");
    assert_eq!(lab.get(&session).await.status(), 404);
    let path = format!("{session}?digest={}", Digest::of(b"01234567"));
    assert_eq!(lab.send(Method::PUT, &path, "").await.status(), 201);
}

#[tokio::test]
async fn a_small_chunk_fails_only_at_the_end() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let session = lab.open_upload("shop").await;
    for (range, body) in [("0-1", "ab"), ("2-3", "cd")] {
        let request = lab.request(Method::PATCH, &session).header("content-range", range).body(body);
        assert_eq!(request.send().await.expect("an answer").status(), 201);
    }
    let path = format!("{session}?digest={}", Digest::of(b"abcd"));
    refused(lab.send(Method::PUT, &path, "").await, 400, "BLOB_UPLOAD_INVALID").await;
}

#[tokio::test]
async fn distribution_resumes_where_a_session_ended() {
    let state = folder();
    let lab = Lab::with(state.path(), Personality::distribution()).await;
    let session = lab.open_upload("new/by/push").await;
    assert_eq!(lab.send(Method::PATCH, &session, "0123").await.status(), 202);
    let status = lab.get(&session).await;
    assert_eq!((status.status().as_u16(), header(&status, "range").as_deref()), (204, Some("0-3")));
    let path = format!("{session}&digest={}", Digest::of(b"01234567"));
    assert_eq!(lab.send(Method::PUT, &path, "4567").await.status(), 201);
}

#[tokio::test]
async fn a_cut_body_leaves_a_short_part_behind() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let session = lab.open_upload("shop").await;
    let path = format!("{session}?digest={}", Digest::of(b"0123456789"));
    lab.sandbox.script(Fault::on_request("PUT", "/v2/*/uploads/*", Action::Reset(Reset::InBody(4))));
    assert!(lab.request(Method::PUT, &path).body("0123456789").send().await.is_err());
    let message = refused(lab.send(Method::PUT, &path, "0123456789").await, 416, "BLOB_UPLOAD_INVALID").await;
    assert_eq!(message, "First byte of the layer part is 0 instead of 4");
}

#[tokio::test]
async fn a_lost_answer_leaves_the_blob_committed() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let (session, digest) = (lab.open_upload("shop").await, Digest::of(b"bytes"));
    lab.sandbox.script(Fault::on_request("PUT", "/v2/*/uploads/*", Action::Reset(Reset::AfterBody)));
    let put = lab.request(Method::PUT, &format!("{session}?digest={digest}")).body("bytes").send().await;
    assert!(put.is_err());
    assert_eq!(lab.send(Method::HEAD, &format!("/v2/shop/blobs/{digest}"), "").await.status(), 200);
    let last = lab.sandbox.requests().into_iter().rfind(|request| request.method == "PUT").expect("the PUT");
    assert_eq!((last.status, last.body_bytes), (0, 5));
}
