//! Authorization: Basic, Bearer and ECR, and where credentials must not go.

use super::server::{Reply, Server, refuse, reply, session};
use super::{Client, user_at, words};
use crate::ground::Secret;
use crate::net::AwsOptions;
use crate::net::aws::StaticCredentials;
use crate::oci::{Digest, Repository, Tag};
use crate::registry::{CredentialFile, CredentialSources, TagOrDigest};
use crate::store::Blob;

pub(super) const HEAD_TAG: &str = "HEAD /v2/a/b/manifests/1";

pub(super) fn tag() -> TagOrDigest {
    "1".parse::<Tag>().expect("a tag").into()
}

pub(super) fn basic() -> Reply {
    reply(401).header("www-authenticate", "Basic realm=\"r\"")
}

pub(super) fn bearer(scope: &str) -> Reply {
    reply(401).header("www-authenticate", format!("Bearer realm=\"{{base}}/token\",service=\"s\",scope=\"{scope}\""))
}

pub(super) fn token(value: &str) -> Reply {
    reply(200).body(format!(r#"{{"token":"{value}","expires_in":300}}"#))
}

pub(super) const PULL: &str = "GET /token?service=s&scope=repository%3Aa%2Fb%3Apull&client_id=dockless";

#[tokio::test]
async fn basic_credentials_are_sent_once_they_are_asked_for() {
    let server = Server::playing([(HEAD_TAG, basic()), (HEAD_TAG, reply(404)), (HEAD_TAG, reply(404))]).await;
    let client = Client::with(&server, |options| options.credentials = user_at(&server.authority()));
    for _ in 0..2 {
        client.repository.head_manifest(&tag()).await.expect("an answer");
    }
    let sent: Vec<_> = server.seen().iter().map(|seen| seen.header("authorization").map(str::to_owned)).collect();
    let value = Some("Basic dXNlcjpjYW5hcnk=".to_owned());
    assert_eq!(sent, [None, value.clone(), value]);
    assert_eq!(client.repository.credential_origin(), "DOCKER_AUTH_CONFIG");
}

#[tokio::test]
async fn refused_credentials_are_named_and_never_shown() {
    let server = Server::playing([(HEAD_TAG, basic()), (HEAD_TAG, basic())]).await;
    let client = Client::with(&server, |options| options.credentials = user_at(&server.authority()));
    let error = client.repository.head_manifest(&tag()).await.expect_err("an error");
    let host = server.authority();
    let expect = format!(
        "{HEAD_TAG}: 401 Unauthorized\nhint: the credentials came from DOCKER_AUTH_CONFIG; run `docker login {host}`, \
         or check their rights"
    );
    assert_eq!(words(&error), expect);
    assert!(!format!("{error:?}").contains("canary"));
    server.seen();
}

#[tokio::test]
async fn nobody_is_told_to_log_in() {
    let server = Server::playing([(HEAD_TAG, basic())]).await;
    let error = Client::of(&server).repository.head_manifest(&tag()).await.expect_err("an error");
    assert!(
        words(&error).contains("came from nowhere (no source has an entry); run `docker login "),
        "{}",
        words(&error)
    );
    server.seen();
}

#[tokio::test]
async fn a_push_asks_for_its_token_once_with_the_scope_of_the_push_first() {
    let blob = Blob::of_bytes(b"layer".to_vec());
    let head = format!("HEAD /v2/a/b/blobs/{}", blob.digest);
    let mount = format!("POST /v2/a/b/blobs/uploads/?mount=sha256%3A{}&from=c", blob.digest.hex());
    let push = "GET /token?service=s&scope=repository%3Aa%2Fb%3Apull%2Cpush";
    let server = Server::playing([
        (head.clone(), bearer("repository:a/b:pull")),
        (format!("{push}&client_id=dockless"), token("one")),
        (head, reply(404)),
        (format!("{push}&scope=repository%3Ac%3Apull&client_id=dockless"), token("two")),
        (mount, session("/u")),
        (format!("PUT /u?digest=sha256%3A{}", blob.digest.hex()), reply(201)),
    ])
    .await;
    let client = Client::with(&server, |options| options.credentials = user_at(&server.authority()));
    let from = Repository::new(&server.authority(), "c").expect("a repository");
    client.repository.push_blob(&blob, &[from]).await.expect("pushed");
    let sent: Vec<_> = server.seen().iter().map(|s| s.header("authorization").map(str::to_owned)).collect();
    let user = "Basic dXNlcjpjYW5hcnk=";
    let expect = [None, Some(user), Some("Bearer one"), Some(user), Some("Bearer two"), Some("Bearer one")];
    assert_eq!(sent, expect.map(|value| value.map(str::to_owned)));
}

#[tokio::test]
async fn a_token_that_ran_out_is_replaced_before_it_is_refused() {
    let server = Server::playing([
        (HEAD_TAG, bearer("repository:a/b:pull")),
        (PULL, token("one")),
        (HEAD_TAG, reply(404)),
        (HEAD_TAG, reply(404)),
        (PULL, token("two")),
        (HEAD_TAG, reply(404)),
    ])
    .await;
    let client = Client::of(&server);
    for seconds in [0, 239, 1] {
        client.clock.advance(std::time::Duration::from_secs(seconds));
        client.repository.head_manifest(&tag()).await.expect("an answer");
    }
    assert_eq!(server.seen()[5].header("authorization"), Some("Bearer two"));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_request_replayed() {
    let refused = || bearer("repository:a/b:pull");
    let server = Server::playing([
        (HEAD_TAG, refused()),
        (PULL, token("one")),
        (HEAD_TAG, reply(404)),
        (HEAD_TAG, refused()),
        (PULL, token("two")),
        (HEAD_TAG, reply(404)),
        (HEAD_TAG, refused()),
        (PULL, token("three")),
        (HEAD_TAG, refused()),
    ])
    .await;
    let client = Client::of(&server);
    client.repository.head_manifest(&tag()).await.expect("an answer");
    client.repository.head_manifest(&tag()).await.expect("an answer");
    let error = client.repository.head_manifest(&tag()).await.expect_err("an error");
    assert_eq!(error.status(), Some(401));
    server.seen();
}

#[tokio::test]
async fn a_token_that_dies_under_an_upload_costs_one_new_session() {
    let blob = Blob::of_bytes(b"layer".to_vec());
    let head = || format!("HEAD /v2/a/b/blobs/{}", blob.digest);
    let put = |path: &str| format!("PUT {path}?digest=sha256%3A{}", blob.digest.hex());
    let push = || "GET /token?service=s&scope=repository%3Aa%2Fb%3Apull%2Cpush&client_id=dockless".to_owned();
    let start = || "POST /v2/a/b/blobs/uploads/".to_owned();
    let server = Server::playing([
        (head(), bearer("repository:a/b:pull,push")),
        (push(), token("one")),
        (head(), reply(404)),
        (start(), session("/old")),
        (put("/old"), bearer("repository:a/b:pull,push")),
        (push(), token("two")),
        (head(), reply(404)),
        ("DELETE /old".to_owned(), reply(204)),
        (start(), session("/new")),
        (put("/new"), reply(201)),
    ])
    .await;
    Client::of(&server).repository.push_blob(&blob, &[]).await.expect("pushed");
    assert_eq!(server.seen()[9].header("authorization"), Some("Bearer two"));
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_post() {
    let server = Server::playing([
        (HEAD_TAG, bearer("repository:a/b:pull")),
        ("POST /token", reply(200).body(*br#"{"access_token":"one"}"#)),
        (HEAD_TAG, reply(404)),
    ])
    .await;
    let text = format!(r#"{{"auths":{{"{}":{{"identitytoken":"refresh+me"}}}}}}"#, server.authority());
    let client = Client::with(&server, |options| options.credentials.docker_auth_config = Some(Secret::new(text)));
    client.repository.head_manifest(&tag()).await.expect("an answer");
    let form = "grant_type=refresh_token&refresh_token=refresh%2Bme&service=s&scope=repository%3Aa%2Fb%3Apull&\
                client_id=dockless";
    assert_eq!(server.seen()[1].body, form.as_bytes());
}

#[tokio::test]
async fn a_token_service_that_refuses_is_shown_with_the_source() {
    let refused = reply(401).body(*br#"{"details":"incorrect username or password"}"#);
    let server = Server::playing([(HEAD_TAG, bearer("repository:a/b:pull")), (PULL, refused)]).await;
    let client = Client::with(&server, |options| options.credentials = user_at(&server.authority()));
    let error = client.repository.head_manifest(&tag()).await.expect_err("an error");
    let expect = "GET /token?service=s&scope=repository:a/b:pull&client_id=***: 401 Unauthorized: incorrect username \
                  or password\nhint: the credentials came from DOCKER_AUTH_CONFIG; run `docker login ";
    assert!(words(&error).starts_with(expect), "{}", words(&error));
    server.seen();
}

#[tokio::test]
async fn a_broken_docker_config_is_an_error_that_quotes_none_of_it() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), r#"{"auths": "canary"}"#).expect("content");
    let server = Server::playing([(HEAD_TAG, basic())]).await;
    let files = vec![CredentialFile::Docker("/nowhere/config.json".into()), CredentialFile::Docker(file.path().into())];
    let client = Client::with(&server, |options| {
        options.credentials = CredentialSources { files, ..CredentialSources::default() };
    });
    let error = client.repository.head_manifest(&tag()).await.expect_err("an error");
    assert!(words(&error).contains(&format!("`{}` is not in the form", file.path().display())), "{error}");
    assert!(!format!("{} {error:?}", words(&error)).contains("canary"));
}

const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// A client of an ECR host that a scripted server answers for, AWS included.
pub(super) fn ecr(server: &Server, aws: &Server, credentials: CredentialSources) -> Client {
    aws_host(ECR, server, aws, credentials)
}

/// A client of a host of AWS that a scripted server answers for, AWS included.
pub(super) fn aws_host(host: &str, server: &Server, aws: &Server, credentials: CredentialSources) -> Client {
    Client::named(host, |options| {
        options.hosts.entry(host.to_owned()).or_default().endpoint = Some(server.authority());
        options.credentials = credentials;
        options.aws = Some(AwsOptions {
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some(format!("http://{}", aws.authority())),
            static_credentials: Some(StaticCredentials {
                access_key_id: "AKIDEXAMPLE".to_owned(),
                secret_access_key: Secret::new("canary".to_owned()),
                session_token: None,
            }),
        });
    })
}

fn minted(basic: &str) -> Reply {
    let body = serde_json::json!({
        "authorizationData": [{"authorizationToken": basic, "expiresAt": 9_999_999_999.0, "proxyEndpoint": "https://x"}]
    });
    reply(200).header("content-type", "application/x-amz-json-1.1").body(body.to_string())
}

#[tokio::test]
async fn an_ecr_host_gets_a_token_of_its_region_before_it_asks() {
    let aws = Server::playing([("POST /", minted("QVdTOm9uZQ=="))]).await;
    let server = Server::playing([(HEAD_TAG, reply(404)), (HEAD_TAG, reply(404))]).await;
    let client = ecr(&server, &aws, user_at(ECR));
    for _ in 0..2 {
        client.repository.head_manifest(&tag()).await.expect("an answer");
    }
    assert!(server.seen().iter().all(|seen| seen.header("authorization") == Some("Basic QVdTOm9uZQ==")));
    let call = &aws.seen()[0];
    let action = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
    assert_eq!(call.header("x-amz-target"), Some(action));
    assert!(call.header("authorization").is_some_and(|value| value.contains("/eu-west-1/ecr/aws4_request")));
    assert_eq!(client.repository.credential_origin(), "AWS (an ECR token)");
}

#[tokio::test]
async fn an_ecr_token_that_expired_is_minted_anew_once() {
    let aws = Server::playing([("POST /", minted("QVdTOm9uZQ==")), ("POST /", minted("QVdTOnR3bw=="))]).await;
    let expired = refuse(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.");
    let put = "PUT /v2/a/b/manifests/1";
    let server = Server::playing([(HEAD_TAG, reply(404)), (put, expired), (put, reply(201))]).await;
    let client = ecr(&server, &aws, CredentialSources::default());
    client.repository.put_manifest(b"{}", "x/y", &tag()).await.expect("written");
    assert_eq!(server.seen()[2].header("authorization"), Some("Basic QVdTOnR3bw=="));
    aws.seen();
}

#[tokio::test]
async fn without_an_ecr_token_the_docker_config_serves_and_without_it_aws_is_named() {
    let denied = || {
        let body = r#"{"__type":"AccessDeniedException","Message":"User: x is not authorized to perform: ecr:GetAuthorizationToken"}"#;
        reply(400).header("content-type", "application/x-amz-json-1.1").body(body)
    };
    let aws = Server::playing([("POST /", denied()), ("POST /", denied())]).await;
    let server = Server::playing([(HEAD_TAG, reply(404))]).await;
    ecr(&server, &aws, user_at(ECR)).repository.head_manifest(&tag()).await.expect("an answer");
    assert_eq!(server.seen()[0].header("authorization"), Some("Basic dXNlcjpjYW5hcnk="));
    let client = ecr(&server, &aws, CredentialSources::default());
    let error = client.repository.head_manifest(&tag()).await.expect_err("an error");
    let expect = "AWS gives no token for `123456789012.dkr.ecr.eu-west-1.amazonaws.com`, and no other source has an \
                  entry for it <- ECR refuses `GetAuthorizationToken`: AccessDeniedException: User: x is not authorized \
                  to perform: ecr:GetAuthorizationToken\nhint: add this statement to a policy of `x`: \
                  {\"Effect\":\"Allow\",\"Action\":\"ecr:GetAuthorizationToken\",\"Resource\":\"*\"}";
    assert_eq!(words(&error), expect);
    aws.seen();
}

#[tokio::test]
async fn a_session_at_another_host_gets_no_credentials() {
    let blob = Blob::of_bytes(b"layer".to_vec());
    let digest = Digest::of(b"layer").hex();
    let storage = Server::playing([(format!("PUT /up?digest=sha256%3A{digest}"), reply(201))]).await;
    let server = Server::playing([
        (format!("HEAD /v2/a/b/blobs/sha256:{digest}"), basic()),
        (format!("HEAD /v2/a/b/blobs/sha256:{digest}"), reply(404)),
        ("POST /v2/a/b/blobs/uploads/".to_owned(), session(&format!("http://{}/up", storage.authority()))),
    ])
    .await;
    let client = Client::with(&server, |options| options.credentials = user_at(&server.authority()));
    client.repository.push_blob(&blob, &[]).await.expect("pushed");
    assert!(server.seen()[2].header("authorization").is_some());
    assert_eq!(storage.seen()[0].header("authorization"), None);
}
