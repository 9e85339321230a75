//! Manifests, tags and referrers, and who may ask for them.

use super::*;

#[tokio::test]
async fn nobody_comes_in_without_the_token() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    let answer = lab.client.get(lab.sandbox.endpoint() + "/v2/").send().await.expect("an answer");
    let challenge = header(&answer, "www-authenticate").expect("a challenge");
    assert!(challenge.starts_with("Basic realm=\"https://123456789012.dkr.ecr.us-east-1.amazonaws.com/\""));
    refused(answer, 401, "UNAUTHORIZED").await;
    let bad = lab.client.get(lab.sandbox.endpoint() + "/v2/").basic_auth("AWS", Some("guess"));
    refused(bad.send().await.expect("an answer"), 403, "DENIED").await;
    assert_eq!(lab.get("/v2/").await.status(), 200);
    lab.advance(13 * 3_600_000);
    let message = refused(lab.get("/v2/").await, 403, "DENIED").await;
    assert_eq!(message, "Your authorization token has expired. Reauthenticate and try again.");
}

#[tokio::test]
async fn a_manifest_is_found_by_tag_and_by_digest() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let digest = lab.push_image("shop", "1.0", "layer").await;
    for reference in ["1.0".to_owned(), digest.to_string()] {
        let path = format!("/v2/shop/manifests/{reference}");
        let head = lab.send(Method::HEAD, &path, "").await;
        assert_eq!(header(&head, "docker-content-digest"), Some(digest.to_string()));
        let get = lab.get(&path).await;
        assert_eq!(header(&get, "docker-content-digest"), None, "as ECR, GET does not say the digest");
        assert_eq!(Digest::of(&get.bytes().await.expect("a body")), digest);
    }
    refused(lab.get("/v2/shop/manifests/2.0").await, 404, "MANIFEST_UNKNOWN").await;
    assert_eq!(lab.send(Method::DELETE, "/v2/shop/manifests/1.0", "").await.status(), 202);
    refused(lab.get("/v2/shop/manifests/1.0").await, 404, "MANIFEST_UNKNOWN").await;
    assert_eq!(lab.get(&format!("/v2/shop/manifests/{digest}")).await.status(), 200);
}

#[tokio::test]
async fn manifests_that_do_not_hold_are_refused() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let manifest = lab.image("shop", "layer").await;
    let mut value: Value = serde_json::from_slice(&manifest).expect("JSON");
    let text = |value: &Value| value.to_string().into_bytes();

    let wrong = lab.put_manifest("shop", &Digest::of(b"x").to_string(), &manifest).await;
    refused(wrong, 400, "DIGEST_INVALID").await;
    refused(lab.put_manifest("shop", "1", b"{").await, 405, "UNSUPPORTED").await;
    refused(lab.put_manifest("shop", "-bad", &manifest).await, 400, "TAG_INVALID").await;
    refused(lab.put_manifest("shop", "1", &vec![b' '; 4_194_305]).await, 413, "SIZE_INVALID").await;

    value["layers"][0]["size"] = json!(4);
    refused(lab.put_manifest("shop", "1", &text(&value)).await, 400, "MANIFEST_INVALID").await;
    let missing = Digest::of(b"missing").to_string();
    value["layers"][0]["digest"] = json!(missing);
    let answer = lab.put_manifest("shop", "1", &text(&value)).await;
    assert!(refused(answer, 404, "MANIFEST_BLOB_UNKNOWN").await.contains(&missing));
    value["layers"] = json!([]);
    refused(lab.put_manifest("shop", "1", &text(&value)).await, 400, "MANIFEST_INVALID").await;
    value.as_object_mut().expect("an object").remove("mediaType");
    let message = refused(lab.put_manifest("shop", "1", &text(&value)).await, 405, "UNSUPPORTED").await;
    assert!(message.contains("Invalid JSON syntax"), "{message}");
}

#[tokio::test]
async fn an_index_needs_its_children() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let kind = "application/vnd.oci.image.index.v1+json";
    let put = async |child: &Digest, size: usize| {
        let child = json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": child, "size": size });
        let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": [child] }).to_string();
        let request = lab.request(Method::PUT, "/v2/shop/manifests/all").header("content-type", kind);
        request.body(index).send().await.expect("an answer")
    };
    let message = refused(put(&Digest::of(b"x"), 1).await, 404, "MANIFEST_BLOB_UNKNOWN").await;
    assert!(message.contains("required for pushing image"), "{message}");
    let child = lab.push_image("shop", "amd64", "layer").await;
    assert_eq!(put(&child, 1).await.status(), 201);
}

#[tokio::test]
async fn an_immutable_tag_takes_only_what_it_has() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    let input = json!({ "repositoryName": "shop", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "latest" }] });
    lab.ecr("CreateRepository", input).await;
    let first = lab.image("shop", "first").await;
    let second = lab.image("shop", "second").await;
    for tag in ["1.0", "latest"] {
        assert_eq!(lab.put_manifest("shop", tag, &first).await.status(), 201);
        assert_eq!(lab.put_manifest("shop", tag, &first).await.status(), 201, "the same again");
    }
    let message = refused(lab.put_manifest("shop", "1.0", &second).await, 400, "TAG_INVALID").await;
    assert_eq!(
        message,
        "The image tag '1.0' already exists in the 'shop' repository and cannot be overwritten because the tag is \
         immutable."
    );
    assert_eq!(lab.put_manifest("shop", "latest", &second).await.status(), 201);
    lab.ecr("PutImageTagMutability", json!({ "repositoryName": "shop", "imageTagMutability": "MUTABLE" })).await;
    assert_eq!(lab.put_manifest("shop", "1.0", &second).await.status(), 201);
}

#[tokio::test]
async fn tags_are_listed_in_pages() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let manifest = lab.image("shop", "layer").await;
    for tag in ["c", "a", "b"] {
        lab.put_manifest("shop", tag, &manifest).await;
    }
    let page = lab.get("/v2/shop/tags/list?n=2").await;
    let next = header(&page, "link").expect("a link");
    assert_eq!(next, "</v2/shop/tags/list?n=2&last=b>; rel=\"next\"");
    assert_eq!(page.text().await.expect("text"), r#"{"name":"shop","tags":["a","b"]}"#);
    let page = lab.get("/v2/shop/tags/list?n=2&last=b").await;
    assert_eq!(header(&page, "link"), None);
    assert_eq!(page.text().await.expect("text"), r#"{"name":"shop","tags":["c"]}"#);
    assert_eq!(lab.get("/v2/shop/tags/list?n=1001").await.status(), 400);
}

#[tokio::test]
async fn referrers_are_found_by_their_subject() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let subject = lab.push_image("shop", "1.0", "layer").await;
    let mut value: Value = serde_json::from_slice(&lab.image("shop", "signature").await).expect("JSON");
    value["artifactType"] = json!("application/x-signature");
    value["subject"] =
        json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject, "size": 1 });
    let bytes = value.to_string().into_bytes();
    let answer = lab.put_manifest("shop", &Digest::of(&bytes).to_string(), &bytes).await;
    assert_eq!(header(&answer, "oci-subject"), Some(subject.to_string()));
    for (query, count) in [("", 1), ("?artifactType=application/x-signature", 1), ("?artifactType=other", 0)] {
        let answer = lab.get(&format!("/v2/shop/referrers/{subject}{query}")).await;
        assert_eq!(header(&answer, "oci-filters-applied").is_some(), !query.is_empty());
        let index: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        assert_eq!(index["manifests"].as_array().expect("a list").len(), count, "{query}");
    }
}

#[tokio::test]
async fn the_api_of_ecr_sees_what_was_pushed() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let digest = lab.push_image("shop", "1.0", "layer").await;
    let ecr = aws_sdk_ecr::Client::new(&lab.aws_config().await);
    let found = ecr.describe_images().repository_name("shop").send().await.expect("images");
    let image = &found.image_details()[0];
    assert_eq!(image.image_digest(), Some(digest.to_string().as_str()));
    assert_eq!(image.image_tags(), ["1.0"]);
    let (there, gone) = (Digest::of(b"layer").to_string(), Digest::of(b"gone").to_string());
    let request = ecr.batch_check_layer_availability().repository_name("shop");
    let layers = request.layer_digests(&there).layer_digests(&gone).send().await.expect("layers");
    let states: Vec<&str> = layers.layers().iter().map(|l| l.layer_availability().expect("a state").as_str()).collect();
    assert_eq!(states, ["AVAILABLE", "UNAVAILABLE"]);
    let again = ecr.create_repository().repository_name("shop").send().await.expect_err("it exists");
    assert!(again.into_service_error().is_repository_already_exists_exception());
    let missing = ecr.describe_repositories().repository_names("nowhere").send().await.expect_err("none");
    assert!(missing.into_service_error().is_repository_not_found_exception());
    let token = ecr.get_authorization_token().send().await.expect("a token");
    assert_eq!(token.authorization_data()[0].proxy_endpoint(), Some(format!("https://{HOST}").as_str()));
}
