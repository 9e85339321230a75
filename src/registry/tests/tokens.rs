//! What token services do beside the usual: other dialects, tokens that turn over, and ECR Public.

use super::auth::{HEAD_TAG, PULL, aws_host, basic, bearer, tag, token};
use super::server::{Server, reply};
use super::{Client, user_at, words};
use crate::event::Event;
use crate::ground::Secret;
use crate::registry::CredentialSources;
use crate::store::Blob;

const PULL_SCOPE: &str = "repository:a/b:pull";

fn entry(host: &str, members: &str) -> CredentialSources {
    let text = format!(r#"{{"auths":{{"{host}":{{{members}}}}}}}"#);
    CredentialSources { docker_auth_config: Some(Secret::new(text)), ..CredentialSources::default() }
}

#[tokio::test]
async fn a_service_that_does_not_answer_get_is_shown_the_password_by_post() {
    for status in [404, 405] {
        let server = Server::playing([
            (HEAD_TAG, bearer(PULL_SCOPE)),
            (PULL, reply(status)),
            ("POST /token", token("one")),
            (HEAD_TAG, reply(404)),
        ])
        .await;
        let client = Client::with(&server, |options| options.credentials = user_at(&server.authority()));
        client.repository.head_manifest(&tag()).await.expect("an answer");
        let form = "grant_type=password&username=user&password=canary&service=s&scope=repository%3Aa%2Fb%3Apull&\
                    client_id=dockless";
        assert_eq!(server.seen()[2].body, form.as_bytes());
    }
}

#[tokio::test]
async fn a_service_without_post_is_shown_the_identity_token_by_get() {
    let server = Server::playing([
        (HEAD_TAG, bearer(PULL_SCOPE)),
        ("POST /token", reply(405)),
        (PULL, token("one")),
        (HEAD_TAG, reply(404)),
    ])
    .await;
    let sources = entry(&server.authority(), r#""identitytoken":"refresh""#);
    let client = Client::with(&server, |options| options.credentials = sources);
    client.repository.head_manifest(&tag()).await.expect("an answer");
    assert_eq!(server.seen()[2].header("authorization"), Some("Basic OnJlZnJlc2g="));
}

#[tokio::test]
async fn an_identity_token_that_turns_over_is_replaced() {
    let answer = |token: &str, next: &str| {
        reply(200).body(format!(r#"{{"access_token":"{token}","refresh_token":"{next}","expires_in":60}}"#))
    };
    let server = Server::playing([
        (HEAD_TAG, bearer(PULL_SCOPE)),
        ("POST /token", answer("one", "second")),
        (HEAD_TAG, reply(404)),
        ("POST /token", answer("two", "third")),
        (HEAD_TAG, reply(404)),
    ])
    .await;
    let sources = entry(&server.authority(), r#""identitytoken":"first""#);
    let client = Client::with(&server, |options| options.credentials = sources);
    client.repository.head_manifest(&tag()).await.expect("an answer");
    client.clock.advance(std::time::Duration::from_secs(60));
    client.repository.head_manifest(&tag()).await.expect("an answer");
    let seen = server.seen();
    let form = |at: usize| String::from_utf8(seen[at].body.to_vec()).expect("a form");
    assert!(form(1).contains("refresh_token=first&"), "{}", form(1));
    assert!(form(3).contains("refresh_token=second&"), "{}", form(3));
}

#[tokio::test]
async fn many_who_need_a_token_wait_for_the_one_who_asks() {
    let server = Server::playing([(HEAD_TAG, bearer(PULL_SCOPE)), (PULL, token("one")), (HEAD_TAG, reply(404))]).await;
    let client = Client::of(&server);
    client.repository.head_manifest(&tag()).await.expect("an answer");
    // It ran out, and six need the next one.
    client.clock.advance(std::time::Duration::from_secs(300));
    server.play([(PULL, token("two"))]);
    server.play(std::iter::repeat_n((HEAD_TAG, reply(404)), 6));
    let which = tag();
    let asking = std::iter::repeat_with(|| client.repository.head_manifest(&which)).take(6);
    for answer in futures_util::future::join_all(asking).await {
        answer.expect("an answer");
    }
    assert_eq!(server.seen().iter().filter(|seen| seen.header("authorization") == Some("Bearer two")).count(), 6);
}

#[tokio::test]
async fn a_hostile_life_of_a_token_is_no_panic() {
    let endless = reply(200).body(*br#"{"token":"one","expires_in":18446744073709551615}"#);
    let server = Server::playing([(HEAD_TAG, bearer(PULL_SCOPE)), (PULL, endless), (HEAD_TAG, reply(404))]).await;
    Client::of(&server).repository.head_manifest(&tag()).await.expect("an answer");
    server.seen();
}

#[tokio::test]
async fn an_entry_that_cannot_be_decoded_is_an_error_that_quotes_none_of_it() {
    let server = Server::playing([(HEAD_TAG, basic())]).await;
    let sources = entry(&server.authority(), r#""auth":"canary%""#);
    let client = Client::with(&server, |options| options.credentials = sources);
    let error = client.repository.head_manifest(&tag()).await.expect_err("an error");
    let host = server.authority();
    let expect = format!(
        "the entry for `{host}` in DOCKER_AUTH_CONFIG has an `auth` that is no base64 of `USER:PASSWORD`\nhint: run \
         `docker login {host}` again"
    );
    assert_eq!(words(&error), expect);
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn the_source_of_the_credentials_is_told_once() {
    let server = Server::playing([(HEAD_TAG, basic()), (HEAD_TAG, reply(404)), (HEAD_TAG, reply(404))]).await;
    let client = Client::with(&server, |options| options.credentials = user_at(&server.authority()));
    for _ in 0..2 {
        client.repository.head_manifest(&tag()).await.expect("an answer");
    }
    let told: Vec<Event> = client.events.events();
    let expect = Event::CredentialsFound { host: server.authority(), origin: "DOCKER_AUTH_CONFIG".to_owned() };
    assert_eq!(told, [expect]);
    server.seen();
}

#[tokio::test]
async fn a_login_that_serves_because_aws_gave_no_token_says_so() {
    let denied = reply(400)
        .header("content-type", "application/x-amz-json-1.1")
        .body(*br#"{"__type":"AccessDeniedException","Message":"not you"}"#);
    let aws = Server::playing([("POST /", denied)]).await;
    let server = Server::playing([(HEAD_TAG, reply(404))]).await;
    let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let client = aws_host(host, &server, &aws, user_at(host));
    client.repository.head_manifest(&tag()).await.expect("an answer");
    let expect = "DOCKER_AUTH_CONFIG, since AWS gave no token: ECR refuses `GetAuthorizationToken`: \
                  AccessDeniedException: not you";
    assert_eq!(client.repository.credential_origin(), expect);
}

const PUBLIC: &str = "public.ecr.aws";

fn public_token(basic: &str) -> super::server::Reply {
    let body = format!(r#"{{"authorizationData":{{"authorizationToken":"{basic}","expiresAt":9999999999.0}}}}"#);
    reply(200).header("content-type", "application/x-amz-json-1.1").body(body)
}

#[tokio::test]
async fn ecr_public_is_pulled_from_by_anybody() {
    let aws = Server::start().await;
    let server = Server::playing([
        (HEAD_TAG, bearer("aws")),
        ("GET /token?service=s&scope=repository%3Aa%2Fb%3Apull&scope=aws&client_id=dockless", token("one")),
        (HEAD_TAG, reply(404)),
    ])
    .await;
    let client = aws_host(PUBLIC, &server, &aws, CredentialSources::default());
    client.repository.head_manifest(&tag()).await.expect("an answer");
    let seen = server.seen();
    assert_eq!((seen[1].header("authorization"), seen[2].header("authorization")), (None, Some("Bearer one")));
    aws.seen();
}

#[tokio::test]
async fn a_push_to_ecr_public_shows_its_token_service_a_token_of_us_east_1() {
    let aws = Server::playing([("POST /", public_token("QVdTOm9uZQ=="))]).await;
    let blob = Blob::of_bytes(b"layer".to_vec());
    let head = format!("HEAD /v2/a/b/blobs/{}", blob.digest);
    let server = Server::playing([
        (head.clone(), bearer("aws")),
        (
            "GET /token?service=s&scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=aws&client_id=dockless".to_owned(),
            token("one"),
        ),
        (head, reply(200).header("content-length", "5")),
    ])
    .await;
    let client = aws_host(PUBLIC, &server, &aws, CredentialSources::default());
    client.repository.push_blob(&blob, &[]).await.expect("there");
    assert_eq!(server.seen()[1].header("authorization"), Some("Basic QVdTOm9uZQ=="));
    let call = &aws.seen()[0];
    assert_eq!(call.header("x-amz-target"), Some("SpencerFrontendService.GetAuthorizationToken"));
    let signature = call.header("authorization").expect("a signature");
    assert!(signature.contains("/us-east-1/ecr-public/aws4_request"), "{signature}");
    assert!(!signature.contains("canary"));
    assert_eq!(client.repository.credential_origin(), "AWS (an ECR Public token)");
}

#[tokio::test]
async fn ecr_login_is_answered_by_ourselves() {
    let aws = Server::playing([("POST /", public_token("QVdTOm9uZQ=="))]).await;
    let pull = "GET /token?service=s&scope=repository%3Aa%2Fb%3Apull&scope=aws&client_id=dockless";
    let server = Server::playing([(HEAD_TAG, bearer("aws")), (pull, token("one")), (HEAD_TAG, reply(404))]).await;
    let text = r#"{"credsStore":"ecr-login"}"#.to_owned();
    let sources = CredentialSources { docker_auth_config: Some(Secret::new(text)), ..CredentialSources::default() };
    let client = aws_host(PUBLIC, &server, &aws, sources.clone());
    client.repository.head_manifest(&tag()).await.expect("an answer");
    assert_eq!(server.seen()[1].header("authorization"), Some("Basic QVdTOm9uZQ=="));
    aws.seen();
    // Of other hosts the helper knows nothing, and it need not be installed to say so.
    let server = Server::playing([(HEAD_TAG, bearer(PULL_SCOPE)), (PULL, token("one")), (HEAD_TAG, reply(404))]).await;
    let client = aws_host(&server.authority(), &server, &aws, sources);
    client.repository.head_manifest(&tag()).await.expect("an answer");
    server.seen();
}

#[tokio::test]
async fn a_token_that_ran_out_by_a_wrong_clock_is_used_all_the_same() {
    let long_ago = serde_json::json!({"authorizationData": [{"authorizationToken": "QVdTOm9uZQ==", "expiresAt": 1.0}]});
    let answer = reply(200).header("content-type", "application/x-amz-json-1.1").body(long_ago.to_string());
    let aws = Server::playing([("POST /", answer)]).await;
    let server = Server::playing([(HEAD_TAG, reply(404)), (HEAD_TAG, reply(404))]).await;
    let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let client = aws_host(host, &server, &aws, CredentialSources::default());
    for _ in 0..2 {
        client.repository.head_manifest(&tag()).await.expect("an answer");
    }
    aws.seen();
}
