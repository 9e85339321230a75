//! Bearer tokens: what is asked of a token service, and what its answer is worth (distribution, "Token
//! Authentication Specification" and "OAuth2 Token Authentication"). Pure: the authorizer sends it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::challenge::BearerChallenge;
use crate::ground::{Secret, Timestamp};
use crate::registry::endpoint::is_private_literal;

/// The life of a token that does not say how long it lives, and the least that is believed.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
const CLIENT: &str = "dockless";

/// A token for a set of scopes.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// The token itself.
    pub(super) value: Secret<String>,
    /// What it is good for.
    pub(super) scopes: BTreeSet<String>,
    refresh_at: Timestamp,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Token {
    /// Reads the answer of a token service; `None` when it holds no token.
    pub(super) fn parse(body: &[u8], scopes: BTreeSet<String>, now: Timestamp) -> Option<Self> {
        let answer: Answer = serde_json::from_slice(body).ok()?;
        let value = answer.token.or(answer.access_token).filter(|token| !token.is_empty())?;
        let life = answer.expires_in.map_or(SHORTEST_LIFE, Duration::from_secs).max(SHORTEST_LIFE);
        // Renewed when a fifth of its life is left, so that none ends on its way.
        Some(Self { value: Secret::new(value), scopes, refresh_at: now.plus(life * 4 / 5) })
    }

    /// Returns whether the token serves for scopes, and will for a while.
    pub(super) fn serves(&self, wanted: &[String], now: Timestamp) -> bool {
        now < self.refresh_at && wanted.iter().all(|scope| self.covers(scope))
    }

    fn covers(&self, scope: &str) -> bool {
        self.scopes.contains(scope) || (scope.ends_with(":pull") && self.scopes.contains(&format!("{scope},push")))
    }
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

/// Returns the form that an identity token is turned into a Bearer token with.
pub(super) fn form(challenge: &BearerChallenge, scopes: &[String], refresh: &str) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", refresh);
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
    if realm.host() != registry.host() && is_private_literal(realm) && !is_private_literal(registry) {
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
    }
}
