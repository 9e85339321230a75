//! Token authentication (distribution, "Token Authentication Specification"): the challenge, the service, the check.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{Method, StatusCode, header};
use serde_json::json;

use super::{Registry, RegistryError};
use crate::ground::Timestamp;
use crate::sandbox::answer::{self, Answer};
use crate::sandbox::personality::AuthRule;
use crate::sandbox::request_body::RequestBody;

/// Where tokens are had.
pub(in crate::sandbox) const TOKEN_SERVICE: &str = "/token";

/// The longest form that is read, in bytes.
const LONGEST_FORM: usize = 64 * 1024;

/// Lets a request in, or says what it lacks.
///
/// # Errors
/// 401 with a challenge; 403 as ECR answers.
pub(super) fn let_in(registry: &Registry, parts: &Parts, repository: Option<&str>) -> Result<(), RegistryError> {
    let AuthRule::Bearer(_) = registry.personality.auth else {
        return registry.tokens.check(&parts.headers, registry.now());
    };
    let wanted = repository.map(|name| wanted(parts, name));
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
    match token.map(|token| scopes_of(registry, token)) {
        None => Err(challenge(parts, wanted.as_deref(), None)),
        Some(None) => Err(challenge(parts, wanted.as_deref(), Some("invalid_token"))),
        Some(Some(held)) => match &wanted {
            Some(wanted) if !wanted.iter().all(|scope| is_covered(scope, &held)) => {
                Err(challenge(parts, Some(wanted), Some("insufficient_scope")))
            }
            _ => Ok(()),
        },
    }
}

/// Returns the scopes that a request needs. A mount from where one may not read opens a session, so it needs no more.
fn wanted(parts: &Parts, name: &str) -> Vec<String> {
    let reads = matches!(parts.method, Method::GET | Method::HEAD) && !parts.uri.path().contains("/blobs/uploads/");
    vec![format!("repository:{name}:{}", if reads { "pull" } else { "pull,push" })]
}

fn is_covered(wanted: &str, held: &BTreeSet<String>) -> bool {
    let Some((name, actions)) = wanted.rsplit_once(':') else { return false };
    let may = |action: &str| {
        held.iter()
            .filter_map(|scope| scope.rsplit_once(':'))
            .any(|(n, a)| n == name && a.split(',').any(|a| a == action))
    };
    actions.split(',').all(may)
}

fn challenge(parts: &Parts, scopes: Option<&[String]>, error: Option<&str>) -> RegistryError {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let mut text = format!("Bearer realm=\"http://{host}{TOKEN_SERVICE}\",service=\"sandbox\"");
    if let Some(scopes) = scopes {
        text.push_str(&format!(",scope=\"{}\"", scopes.join(" ")));
    }
    if let Some(error) = error {
        text.push_str(&format!(",error=\"{error}\""));
    }
    RegistryError::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required")
        .with_header("www-authenticate", &text)
}

/// Answers a request for a token: GET with a password, or POST of a form (OAuth2) with it or with a refresh token.
pub(in crate::sandbox) async fn token_answer(registry: &Registry, parts: &Parts, mut body: RequestBody) -> Answer {
    let AuthRule::Bearer(life) = registry.personality.auth else { return answer::empty(StatusCode::NOT_FOUND) };
    let mut pairs: Vec<(String, String)> = pairs(parts.uri.query().unwrap_or_default().as_bytes());
    let mut headers = parts.headers.clone();
    if parts.method == Method::POST {
        pairs.extend(pairs_of_body(&mut body).await);
        if let Some((_, refresh)) = pairs.iter().find(|(key, _)| key == "refresh_token")
            && let Ok(value) = format!("Basic {refresh}").parse()
        {
            headers.insert(header::AUTHORIZATION, value);
        }
    }
    if registry.tokens.check(&headers, registry.now()).is_err() {
        return RegistryError::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "incorrect username or password")
            .into_answer();
    }
    let scopes = pairs.iter().filter(|(key, _)| key == "scope").flat_map(|(_, value)| value.split(' '));
    let token = issue(registry, life, scopes.collect());
    answer::json(StatusCode::OK, "application/json", &json!({ "token": token, "expires_in": life }))
}

fn pairs(query: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query).into_owned().collect()
}

async fn pairs_of_body(body: &mut RequestBody) -> Vec<(String, String)> {
    body.collect(LONGEST_FORM).await.map(|bytes| pairs(&bytes)).unwrap_or_default()
}

/// Makes a token that says itself what it is good for, and until when.
fn issue(registry: &Registry, life: u64, scopes: Vec<&str>) -> String {
    let until = registry.now().plus(Duration::from_secs(life)).millis();
    let claims = URL_SAFE_NO_PAD.encode(format!("{until} {}", scopes.join(" ")));
    let mark = registry.tokens.mark(&claims);
    format!("{claims}.{mark}")
}

fn scopes_of(registry: &Registry, token: &str) -> Option<BTreeSet<String>> {
    let (claims, mark) = token.split_once('.')?;
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let (until, scopes) = text.split_once(' ')?;
    let is_ours = registry.tokens.mark(claims) == mark;
    let lives = registry.now() < Timestamp::from_millis(until.parse().ok()?);
    (is_ours && lives).then(|| scopes.split(' ').map(str::to_owned).collect())
}
