//! Where a server sends us next: the rules for `Location` of uploads and of redirects, as pure functions.

use url::Url;

use super::endpoint::may_lead;
use crate::ground::SafeUrl;
use crate::oci::Digest;

/// A `Location` that is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// The answer has none.
    #[error("the answer has no `Location`")]
    Missing,
    /// It is no URL.
    #[error("the answer's `Location` is no URL")]
    Malformed,
    /// It leaves TLS.
    #[error("the answer's `Location` leaves https: `{0}`")]
    Downgrade(SafeUrl),
    /// It names a private address by number, from a host that is not at one itself.
    #[error("the answer's `Location` is at a private address: `{0}`")]
    Private(SafeUrl),
    /// One redirect too many.
    #[error("too many redirects")]
    Endless,
}

/// Resolves a `Location` against the URL of the request that it answers. Its query is part of it and is kept.
///
/// A registry behind a proxy that ends TLS often answers with its own `http` URL: for the same host it is taken back
/// to `https`. Any other way out of TLS is refused, as is a private address by number, unless we are talking to one.
/// User information is dropped: it would be sent as credentials.
///
/// # Errors
/// When there is none, or it must not be followed.
pub(super) fn resolve(asked: &Url, location: Option<&str>) -> Result<Url, LocationError> {
    let text = location.ok_or(LocationError::Missing)?;
    let mut url = asked.join(text).map_err(|_| LocationError::Malformed)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(LocationError::Malformed);
    }
    if asked.scheme() == "https" && url.scheme() == "http" {
        if url.host() != asked.host() {
            return Err(LocationError::Downgrade(SafeUrl::new(&url)));
        }
        let port = url.port().filter(|port| *port != 80).or(asked.port());
        let _ = url.set_scheme("https");
        let _ = url.set_port(port);
    }
    // Neither can fail for a URL that has a host.
    let _ = (url.set_username(""), url.set_password(None));
    if !may_lead(asked, &url) {
        return Err(LocationError::Private(SafeUrl::new(&url)));
    }
    Ok(url)
}

/// Adds the digest that ends an upload to its session's URL (distribution-spec, end-6).
#[must_use]
pub(super) fn with_digest(mut session: Url, digest: &Digest) -> Url {
    session.query_pairs_mut().append_pair("digest", &digest.to_string());
    session
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(asked: &str, location: &str, expect: &str) {
        let asked = asked.parse().expect("a URL");
        let got = resolve(&asked, Some(location)).map_or_else(|error| error.to_string(), |url| url.to_string());
        assert_eq!(got, expect, "{location}");
    }

    const ASKED: &str = "https://r.example.com/v2/a/blobs/uploads/";

    #[test]
    fn every_form_of_location_is_resolved_and_its_query_kept() {
        check(ASKED, "https://up.example.com/x?_state=a%2Bb", "https://up.example.com/x?_state=a%2Bb");
        check(ASKED, "/v2/a/blobs/uploads/1?_state=s", "https://r.example.com/v2/a/blobs/uploads/1?_state=s");
        check(ASKED, "//up.example.com/1", "https://up.example.com/1");
        check(ASKED, "1", "https://r.example.com/v2/a/blobs/uploads/1");
        check("http://localhost:5000/v2/", "http://127.0.0.1:9/b", "http://127.0.0.1:9/b");
        check(ASKED, "https://user:pass@up.example.com/1", "https://up.example.com/1");
    }

    #[test]
    fn tls_is_not_left() {
        check(ASKED, "http://r.example.com/v2/1", "https://r.example.com/v2/1");
        check("https://r.example.com:8443/v2/", "http://r.example.com:8443/1", "https://r.example.com:8443/1");
        check("https://r.example.com:8443/v2/", "http://r.example.com/1", "https://r.example.com:8443/1");
        check(
            ASKED,
            "http://x.example.com/?t=1",
            "the answer's `Location` leaves https: `http://x.example.com/?t=***`",
        );
    }

    #[test]
    fn a_public_host_cannot_send_us_to_private_addresses() {
        for host in ["169.254.169.254", "127.0.0.1", "10.0.0.1", "[::1]", "localhost"] {
            let location = format!("https://{host}/latest");
            check(ASKED, &location, &format!("the answer's `Location` is at a private address: `{location}`"));
        }
        check(ASKED, "https://0x7f.1/x", "the answer's `Location` is at a private address: `https://127.0.0.1/x`");
    }

    #[test]
    fn what_is_no_location_is_refused() {
        check(ASKED, "https://[", "the answer's `Location` is no URL");
        check(ASKED, "ftp://example.com/x", "the answer's `Location` is no URL");
        assert_eq!(resolve(&ASKED.parse().expect("a URL"), None), Err(LocationError::Missing));
    }

    #[test]
    fn the_digest_joins_a_query_that_is_there() {
        let digest = Digest::of(b"");
        let session = "https://r.example.com/1?_state=a".parse().expect("a URL");
        let url = with_digest(session, &digest);
        assert_eq!(url.query(), Some(format!("_state=a&digest=sha256%3A{}", digest.hex()).as_str()));
    }
}
