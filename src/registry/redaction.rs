//! Credentials that were sent, kept so that no message repeats them: servers and proxies that report an error may quote
//! the whole request.

use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use crate::ground::Secret;

/// Credentials of a kind that are remembered; tokens are renewed, and old ones are worth nothing.
const KEPT: usize = 32;
/// What is shorter would make holes in any text.
const SHORTEST: usize = 4;

/// The credentials of a run.
#[derive(Debug, Default)]
pub(super) struct Redaction(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Those that are for a short time.
    tokens: Vec<Secret<String>>,
    /// Those that users have; however many tokens follow, these stay.
    lasting: Vec<Secret<String>>,
}

impl Kept {
    fn all(&self) -> impl Iterator<Item = &Secret<String>> {
        self.lasting.iter().chain(&self.tokens)
    }
}

impl Redaction {
    /// Remembers the value of an `Authorization` header, and the password in it.
    pub(super) fn keep(&self, authorization: &HeaderValue) {
        let Some((scheme, value)) = authorization.to_str().ok().and_then(|text| text.split_once(' ')) else { return };
        let is_basic = scheme.eq_ignore_ascii_case("basic");
        self.add(value, is_basic);
        if is_basic
            && let Some(text) = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok())
            && let Some((_, password)) = text.split_once(':')
        {
            self.add(password, true);
        }
    }

    /// Remembers the secrets of a form that is sent to a token service, as they are and as they are encoded.
    pub(super) fn keep_form(&self, form: &[u8]) {
        for (key, value) in url::form_urlencoded::parse(form) {
            if ["refresh_token", "password", "access_token", "client_secret"].contains(&&*key) {
                self.add(&value, true);
                self.add(&url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>(), true);
            }
        }
    }

    /// Remembers a token that a service gave, before it is shown to anybody.
    pub(super) fn keep_token(&self, token: &Secret<String>) {
        self.add(token.reveal(), false);
    }

    fn add(&self, secret: &str, lasts: bool) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if secret.len() < SHORTEST || kept.all().any(|known| known.reveal() == secret) {
            return;
        }
        let list = if lasts { &mut kept.lasting } else { &mut kept.tokens };
        if list.len() == KEPT {
            list.remove(0);
        }
        list.push(Secret::new(secret.to_owned()));
    }

    /// Returns a text without any of the credentials.
    pub(super) fn apply(&self, text: &str) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.all().fold(text.to_owned(), |text, secret| text.replace(secret.reveal().as_str(), "***"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_repeated() {
        let redaction = Redaction::default();
        redaction.keep(&HeaderValue::from_static("Basic dXNlcjpjYW5hcnk="));
        redaction.keep(&HeaderValue::from_static("Bearer a.b.c"));
        let said = redaction.apply("Authorization: Basic dXNlcjpjYW5hcnk= (user, canary), a.b.c; other");
        assert_eq!(said, "Authorization: Basic *** (user, ***), ***; other");
        redaction.keep_form(b"grant_type=refresh_token&refresh_token=one%2Ftwo%3D&service=registry");
        let said = redaction.apply("refresh_token: one/two=, refresh_token=one%2Ftwo%3D&service=registry");
        assert_eq!(said, "refresh_token: ***, refresh_token=***&service=registry");
        (0..100).for_each(|n| redaction.add(&format!("secret-{n}"), false));
        assert_eq!(redaction.0.lock().expect("no panic").tokens.len(), KEPT);
        assert_eq!(redaction.apply("canary"), "***", "a password outlives tokens");
    }
}
