//! The token of ECR Public: one signed call, for which a whole SDK crate would be too much.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde::Deserialize;
use url::Url;

use super::clients::EcrClients;
use super::tokens::EcrToken;
use super::{Denied, EcrError};
use crate::net::{describe, is_untrusted};
use crate::registry::response::one_line;

/// The only region of ECR Public's API.
const REGION: &str = "us-east-1";
const ENDPOINT: &str = "https://api.ecr-public.us-east-1.amazonaws.com/";
const TARGET: &str = "SpencerFrontendService.GetAuthorizationToken";
const OPERATION: &str = "ecr-public:GetAuthorizationToken";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// The longest answer that is read, in bytes.
const ANSWER: usize = 64 * 1024;
/// How long one attempt may take, and how often it is made.
const LIMIT: Duration = Duration::from_secs(20);
const ATTEMPTS: u32 = 3;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    authorization_data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    authorization_token: String,
    expires_at: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(alias = "Message")]
    message: String,
}

/// Mints a token: base64 of `AWS:password`, which the token service of ECR Public takes by Basic authentication.
pub(super) async fn mint(clients: &EcrClients) -> Result<EcrToken, EcrError> {
    let mut attempt = 1;
    loop {
        match ask(clients).await {
            Err(error) if attempt < ATTEMPTS && is_passing(&error) => {
                clients.clock.sleep(Duration::from_secs(u64::from(attempt))).await;
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

fn is_passing(error: &EcrError) -> bool {
    match error {
        EcrError::Refused { code, .. } => code.contains("Throttl") || code == "ServerException",
        EcrError::Unanswered { resolved, .. } => *resolved,
        EcrError::Untrusted { .. } | EcrError::ImmutableTag { .. } => false,
    }
}

fn unanswered(cause: String, resolved: bool) -> EcrError {
    EcrError::Unanswered { operation: OPERATION, cause: one_line(&cause), resolved }
}

async fn ask(clients: &EcrClients) -> Result<EcrToken, EcrError> {
    let aws = clients.configuration(REGION).await;
    let url: Url = aws
        .endpoint_url()
        .unwrap_or(ENDPOINT)
        .parse()
        .map_err(|_| unanswered("the endpoint is no URL".to_owned(), true))?;
    let provider = aws.credentials_provider().ok_or_else(|| unanswered("no credentials".to_owned(), false))?;
    let credentials = provider.provide_credentials().await.map_err(|error| unanswered(describe(&error), false))?;
    let request = signed(&url, &credentials.into(), clients)?;
    let client = clients.connector().client(&url).map_err(|error| unanswered(error.to_string(), true))?;
    let (parts, body) = request.into_parts();
    let sending = client.request(parts.method, url).headers(parts.headers).body(body).send();
    let failed = |error: reqwest::Error| match is_untrusted(&error) {
        true => EcrError::Untrusted { operation: OPERATION },
        false => unanswered(describe(&error.without_url()), true),
    };
    let answer = async {
        let mut response = sending.await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER {
                return Err(unanswered("the answer is too long".to_owned(), true));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    };
    let (status, body) =
        tokio::time::timeout(LIMIT, answer).await.map_err(|_| unanswered("no answer in time".to_owned(), true))??;
    if !status.is_success() {
        return Err(refused(status, &body));
    }
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|_| unanswered("the answer holds no token".to_owned(), true))?;
    let Data { authorization_token, expires_at } = answer.authorization_data;
    Ok(EcrToken::new(&authorization_token, expires_at.map(|end| end as i64), clients.clock.now()))
}

fn signed(
    url: &Url,
    identity: &aws_smithy_runtime_api::client::identity::Identity,
    clients: &EcrClients,
) -> Result<http::Request<&'static str>, EcrError> {
    let broken = || unanswered("the request cannot be signed".to_owned(), false);
    let now = u64::try_from(clients.clock.now().millis()).unwrap_or_default();
    let parameters = v4::SigningParams::builder()
        .identity(identity)
        .region(REGION)
        .name("ecr-public")
        .time(UNIX_EPOCH + Duration::from_millis(now))
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| broken())?
        .into();
    let authority = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
    let headers = [("content-type", CONTENT_TYPE), ("host", authority.as_str()), ("x-amz-target", TARGET)];
    let body = SignableBody::Bytes(b"{}");
    let signable = SignableRequest::new("POST", url.as_str(), headers.into_iter(), body).map_err(|_| broken())?;
    let (instructions, _) = sign(signable, &parameters).map_err(|_| broken())?.into_parts();
    let mut request = http::Request::post(url.as_str());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.body("{}").map_err(|_| broken())?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

fn refused(status: http::StatusCode, body: &[u8]) -> EcrError {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let code = match refusal.kind.rsplit('#').next().unwrap_or_default() {
        "" if status.is_server_error() => "ServerException".to_owned(),
        "" => status.as_u16().to_string(),
        kind => one_line(kind),
    };
    let denied = Denied::parse(&refusal.message);
    EcrError::Refused { operation: OPERATION, code, message: one_line(&refusal.message), denied }
}
