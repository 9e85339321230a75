//! Basic authentication with the tokens that `GetAuthorizationToken` gives.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};

use super::RegistryError;
use crate::ground::Timestamp;
use crate::oci::Digest;

/// How long a token is good for, as with ECR.
pub(in crate::sandbox) const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Makes and checks tokens. They carry their time and a mark that only the holder of the secret can make, so none is
/// stored and each outlives a restart.
#[derive(Debug)]
pub(in crate::sandbox) struct Tokens {
    secret: Vec<u8>,
    realm: String,
}

impl Tokens {
    /// Makes an issuer from its secret; the realm is what the challenge names.
    pub(in crate::sandbox) fn new(secret: Vec<u8>, realm: String) -> Self {
        Self { secret, realm }
    }

    /// Returns the base64 of `AWS:password`, good from `now` on.
    pub(in crate::sandbox) fn issue(&self, now: Timestamp) -> String {
        STANDARD.encode(format!("AWS:{}", self.password(now.millis())))
    }

    /// Checks the credentials of a request.
    ///
    /// # Errors
    /// 401 without usable credentials, 403 with a password that is not ours or is too old, as ECR answers.
    pub(super) fn check(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), RegistryError> {
        let Some((user, password)) = basic(headers) else { return Err(self.challenge("no basic auth credentials")) };
        if user != "AWS" {
            return Err(self.challenge("Not Authorized"));
        }
        let issued = password.split_once('.').and_then(|(time, _)| time.parse::<i64>().ok());
        match issued {
            Some(issued) if self.password(issued) == password => {
                if now.since(Timestamp::from_millis(issued)) < TOKEN_LIFETIME {
                    return Ok(());
                }
                Err(denied("Your authorization token has expired. Reauthenticate and try again."))
            }
            _ => Err(denied("Your Authorization Token is invalid.")),
        }
    }

    /// Returns a mark of a text that only the holder of the secret can make.
    pub(super) fn mark(&self, text: &str) -> String {
        let mut bytes = self.secret.clone();
        bytes.extend_from_slice(b"mark:");
        bytes.extend_from_slice(text.as_bytes());
        Digest::of(&bytes).hex()
    }

    fn password(&self, issued: i64) -> String {
        let mut bytes = self.secret.clone();
        bytes.extend_from_slice(issued.to_string().as_bytes());
        format!("{issued}.{}", Digest::of(&bytes).hex())
    }

    fn challenge(&self, message: &str) -> RegistryError {
        RegistryError::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
            .with_header("www-authenticate", &format!("Basic realm=\"{}\",service=\"ecr.amazonaws.com\"", self.realm))
    }
}

fn denied(message: &str) -> RegistryError {
    RegistryError::new(StatusCode::FORBIDDEN, "DENIED", message)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(authorization: Option<&str>, now: i64) -> u16 {
        let tokens = Tokens::new(b"secret".to_vec(), "realm".to_owned());
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
        }
        tokens.check(&headers, Timestamp::from_seconds(now)).map_or_else(|error| error.status.as_u16(), |()| 200)
    }

    #[test]
    fn only_a_fresh_token_of_ours_is_let_in() {
        let token = Tokens::new(b"secret".to_vec(), String::new()).issue(Timestamp::from_seconds(100));
        let other = Tokens::new(b"other".to_vec(), String::new()).issue(Timestamp::from_seconds(100));
        let me = STANDARD.encode("me:secret");
        assert_eq!(status(None, 100), 401);
        assert_eq!(status(Some("Bearer x"), 100), 401);
        assert_eq!(status(Some(&format!("Basic {me}")), 100), 401);
        assert_eq!(status(Some(&format!("Basic {other}")), 100), 403);
        assert_eq!(status(Some(&format!("Basic {token}")), 100), 200);
        assert_eq!(status(Some(&format!("Basic {token}")), 100 + 12 * 3600), 403);
    }
}
