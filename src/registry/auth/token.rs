//! Bearer tokens: what is asked of a token service, and what its answer is worth (distribution, "Token
//! Authentication Specification" and "OAuth2 Token Authentication"). Pure: the authorizer sends it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::challenge::BearerChallenge;
use crate::ground::{Secret, Timestamp};
use crate::net::is_loopback;
use crate::registry::endpoint::may_lead;

/// The life of a token that does not say how long it lives, and the least that is believed.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
/// The most that is believed: no service's tokens live longer, and a number without bound would overflow the clock.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);
const CLIENT: &str = "dockless";

/// A token for a set of scopes.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// The token itself.
    pub(super) value: Secret<String>,
    /// What it is good for.
    pub(super) scopes: BTreeSet<String>,
    /// The refresh token to use from now on, where the service turns them over.
    pub(super) refresh: Option<Secret<String>>,
    refresh_at: Timestamp,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    /// Seconds; some services write a fraction or a text.
    expires_in: Option<Value>,
}

impl Token {
    /// Reads the answer of a token service; `None` when it holds no token.
    pub(super) fn parse(body: &[u8], scopes: BTreeSet<String>, now: Timestamp) -> Option<Self> {
        let answer: Answer = serde_json::from_slice(body).ok()?;
        let value = answer.token.or(answer.access_token).filter(|token| !token.is_empty())?;
        let life = answer.expires_in.as_ref().and_then(seconds).unwrap_or_default().clamp(SHORTEST_LIFE, LONGEST_LIFE);
        let refresh = answer.refresh_token.filter(|token| !token.is_empty()).map(Secret::new);
        // Renewed when a fifth of its life is left, so that none ends on its way. `issued_at` is not looked at: it is
        // the time of another clock.
        Some(Self { value: Secret::new(value), scopes, refresh, refresh_at: now.plus(life * 4 / 5) })
    }

    /// Returns whether the token serves for scopes, and will for a while.
    pub(super) fn serves(&self, wanted: &[String], now: Timestamp) -> bool {
        now < self.refresh_at && wanted.iter().all(|scope| self.covers(scope))
    }

    fn covers(&self, scope: &str) -> bool {
        self.scopes.contains(scope) || (scope.ends_with(":pull") && self.scopes.contains(&format!("{scope},push")))
    }
}

/// Reads a count of seconds, however it is written; what is none is ignored.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    // Too large a number is the longest life, and a negative one or none at all the shortest.
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(if seconds > 0.0 { LONGEST_LIFE } else { SHORTEST_LIFE }))
}

/// Returns the URL that a token is asked for at: the service, then each scope, the push scope first since some
/// services look at no other.
pub(super) fn url(challenge: &BearerChallenge, scopes: &[String]) -> Url {
    let mut url = challenge.realm.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = &challenge.service {
            query.append_pair("service", service);
        }
        for scope in scopes {
            query.append_pair("scope", scope);
        }
        query.append_pair("client_id", CLIENT);
    }
    url
}

/// What a token service is shown by POST (distribution, "OAuth2 Token Authentication").
pub(super) enum Grant<'a> {
    /// An identity token.
    Refresh(&'a str),
    /// A user and a password, for services that do not answer GET.
    Password(&'a str, &'a str),
}

/// Returns the form that a grant is turned into a Bearer token with.
pub(super) fn form(challenge: &BearerChallenge, scopes: &[String], grant: &Grant<'_>) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    match grant {
        Grant::Refresh(token) => {
            form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token);
        }
        Grant::Password(user, password) => {
            form.append_pair("grant_type", "password").append_pair("username", user).append_pair("password", password);
        }
    }
    if let Some(service) = &challenge.service {
        form.append_pair("service", service);
    }
    form.append_pair("scope", &scopes.join(" ")).append_pair("client_id", CLIENT).finish()
}

/// Returns why a token service must not see credentials, or `None` when it may.
///
/// A registry that was taken over, or a man in the middle of a plain connection, could name any.
pub(super) fn distrust(realm: &Url, registry: &Url) -> Option<String> {
    if !matches!(realm.scheme(), "http" | "https") || realm.host().is_none() {
        return Some(format!("its scheme is `{}`", realm.scheme()));
    }
    if realm.scheme() == "http" && registry.scheme() == "https" {
        return Some("it is reached over http, and the registry over https".to_owned());
    }
    if realm.host() == registry.host() {
        return None;
    }
    if realm.scheme() == "http" && is_loopback(registry) && !is_loopback(realm) {
        // The end of a tunnel may be anywhere; that it is plain on this machine says nothing of the network.
        return Some("it is reached over http, away from this machine".to_owned());
    }
    if !may_lead(registry, realm) {
        return Some("it is at a private address".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_token_lives_a_minute_at_least_and_is_renewed_before_its_end() {
        let now = Timestamp::from_seconds(1000);
        for (body, renewed_at) in [
            (r#"{"token":"t"}"#, 1048),
            (r#"{"access_token":"t","expires_in":5}"#, 1048),
            (r#"{"token":"t","expires_in":300,"issued_at":"x"}"#, 1240),
            (r#"{"token":"t","expires_in":"300"}"#, 1240),
            (r#"{"token":"t","expires_in":300.0}"#, 1240),
            (r#"{"token":"t","expires_in":-1}"#, 1048),
            (r#"{"token":"t","expires_in":"soon"}"#, 1048),
            (r#"{"token":"t","expires_in":18446744073709551615}"#, 1000 + 24 * 3600 / 5 * 4),
            (r#"{"token":"t","expires_in":1e300}"#, 1000 + 24 * 3600 / 5 * 4),
        ] {
            let token = Token::parse(body.as_bytes(), BTreeSet::new(), now).expect("a token");
            assert!(token.serves(&[], Timestamp::from_seconds(renewed_at - 1)), "{body}");
            assert!(!token.serves(&[], Timestamp::from_seconds(renewed_at)), "{body}");
        }
        for body in ["", "{}", r#"{"token":""}"#, "<html>"] {
            assert!(Token::parse(body.as_bytes(), BTreeSet::new(), now).is_none(), "{body}");
        }
    }

    #[test]
    fn a_token_to_push_serves_to_pull_and_not_the_reverse() {
        let now = Timestamp::from_seconds(0);
        let have =
            |scope: &str| Token::parse(br#"{"token":"t"}"#, BTreeSet::from([scope.to_owned()]), now).expect("one");
        assert!(have("repository:a:pull,push").serves(&scopes(&["repository:a:pull"]), now));
        assert!(!have("repository:a:pull").serves(&scopes(&["repository:a:pull,push"]), now));
        assert!(!have("repository:a:pull,push").serves(&scopes(&["repository:b:pull"]), now));
    }

    #[test]
    fn the_push_scope_is_asked_for_first() {
        let challenge = BearerChallenge {
            realm: "https://a.example/token?x=1".parse().expect("a URL"),
            service: Some("r".into()),
            scopes: vec![],
        };
        let url = url(&challenge, &scopes(&["repository:a:pull,push", "repository:b:pull"]));
        let expect = "x=1&service=r&scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ab%3Apull&client_id=dockless";
        assert_eq!(url.query(), Some(expect));
    }

    #[test]
    fn only_a_service_as_safe_as_the_registry_sees_credentials() {
        let check = |realm: &str, registry: &str| {
            distrust(&realm.parse().expect("a URL"), &registry.parse().expect("a URL")).is_none()
        };
        assert!(check("https://auth.example.com/token", "https://r.example.com/"));
        assert!(check("http://127.0.0.1:1/token", "http://127.0.0.1:2/"));
        assert!(check("https://10.0.0.1/token", "https://10.0.0.1/"));
        assert!(!check("http://auth.example.com/token", "https://r.example.com/"));
        assert!(!check("https://169.254.169.254/token", "https://r.example.com/"));
        assert!(!check("ftp://auth.example.com/token", "https://r.example.com/"));
        assert!(!check("https://localhost./token", "https://r.example.com/"));
        assert!(!check("http://auth.example.com/token", "http://localhost:5000/"));
        assert!(check("http://auth.internal/token", "http://registry.internal/"));
        // Even a registry in the private network does not send us to the metadata services.
        assert!(!check("http://169.254.169.254/token", "http://10.0.0.1/"));
        assert!(!check("http://[fd00:ec2::254]/token", "http://127.0.0.1:5000/"));
    }
}
