//! Faults: what a client sees of each.

use super::*;
use crate::sandbox::{Action, Fault};

#[tokio::test]
async fn faults_take_the_shape_of_the_api() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    let get = |action| {
        lab.sandbox.script(Fault::on_request("GET", "/v2/*", action));
        lab.get("/v2/")
    };
    refused(get(Action::Throttle).await, 429, "TOOMANYREQUESTS").await;
    let denied = get(Action::AccessDenied { action: "ecr:BatchGetImage".to_owned() }).await;
    assert!(refused(denied, 403, "DENIED").await.contains("is not authorized to perform: ecr:BatchGetImage"));
    let headers = vec![("retry-after".to_owned(), "7".to_owned())];
    let (code, message) = ("UNAVAILABLE".to_owned(), "busy".to_owned());
    let busy = get(Action::Status { status: 503, code, message, headers: headers.clone() }).await;
    assert_eq!(header(&busy, "retry-after").as_deref(), Some("7"));
    let raw = get(Action::Raw { status: 502, headers, body: b"<html>".to_vec() }).await;
    assert_eq!(raw.text().await.expect("text"), "<html>");
    assert_eq!(lab.get("/v2/").await.status(), 200, "a fault acts once");
}

#[tokio::test]
async fn faults_hit_aws_operations_by_name() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    let target = "AmazonEC2ContainerServiceV20141113.DescribeClusters";
    lab.sandbox.script(Fault::on_operation("DescribeClusters", Action::Throttle));
    assert_eq!(lab.aws(target, json!({})).await.1["__type"], "ThrottlingException");
    let denied = Action::AccessDenied { action: "ecs:DescribeClusters".to_owned() };
    lab.sandbox.script(Fault::on_operation("DescribeClusters", denied));
    assert_eq!(lab.aws(target, json!({})).await.1["__type"], "AccessDeniedException");
    assert_eq!(lab.aws(target, json!({})).await.0, 200);
    let (status, unknown) = lab.aws("AmazonEC2ContainerServiceV20141113.CreateGateway", json!({})).await;
    assert_eq!((status, &unknown["__type"]), (400, &json!("UnknownOperationException")));
}

#[tokio::test]
async fn a_truncated_answer_breaks_off_after_its_bytes() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let digest = lab.push_blob("shop", b"0123456789").await;
    lab.sandbox.script(Fault::on_request("GET", "/v2/*/blobs/*", Action::Truncate { after: 4 }));
    let mut answer = lab.get(&format!("/v2/shop/blobs/{digest}")).await;
    assert_eq!(header(&answer, "content-length").as_deref(), Some("10"));
    let mut came = Vec::new();
    let end = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => came.extend_from_slice(&chunk),
            end => break end,
        }
    };
    assert_eq!(came, b"0123");
    assert!(end.is_err());
}

#[tokio::test]
async fn headers_can_be_left_out_and_forged() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    lab.push_image("shop", "1", "layer").await;
    let forged = Digest::of(b"forged").to_string();
    let set = vec![("docker-content-digest".to_owned(), forged.clone())];
    for (set, remove, expect) in [(set, vec![], Some(forged)), (vec![], vec!["docker-content-digest".to_owned()], None)]
    {
        lab.sandbox.script(Fault::on_request("HEAD", "/v2/*", Action::Headers { set, remove }));
        let head = lab.send(Method::HEAD, "/v2/shop/manifests/1", "").await;
        assert_eq!(header(&head, "docker-content-digest"), expect);
    }
}

#[tokio::test]
async fn the_log_tells_what_was_asked() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.get("/v2/shop/tags/list?n=2").await;
    lab.client.get(lab.sandbox.endpoint() + "/v2/").send().await.expect("an answer");
    lab.ecs("DescribeClusters", json!({ "clusters": ["main"] })).await;
    let log = lab.sandbox.requests();
    let seen: Vec<(&str, u16, bool)> = log.iter().map(|r| (r.target.as_str(), r.status, r.authorized)).collect();
    assert_eq!(seen, [("/v2/shop/tags/list?n=2", 404, true), ("/v2/", 401, false), ("/", 200, true)]);
    assert_eq!(log[2].operation.as_deref(), Some("DescribeClusters"));
    assert_eq!(log[2].input, Some(json!({ "clusters": ["main"] })));
}
