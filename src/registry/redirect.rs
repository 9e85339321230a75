//! Which redirects are followed, and what goes along: a pure policy.
//!
//! Credentials never follow to another scheme, host or port (distribution-spec, "Redirects"; S3 also refuses a request
//! that carries two kinds of them).

use http::{Method, StatusCode};
use url::Url;

use super::location::{self, LocationError};

/// Redirects in a row that are followed.
const LIMIT: usize = 5;

/// Returns where a request goes on, or `None` when the answer is no redirect that we follow.
///
/// 307 and 308 keep the method and the body, which can always be sent again; the older statuses are followed for reads
/// only, since clients disagree on what becomes of a body there.
///
/// # Errors
/// When the `Location` must not be followed, or there were too many.
pub(super) fn next(
    asked: &Url,
    method: &Method,
    status: StatusCode,
    location: Option<&str>,
    hops: usize,
) -> Result<Option<Url>, LocationError> {
    let moved = match status.as_u16() {
        307 | 308 => true,
        301..=303 => matches!(*method, Method::GET | Method::HEAD),
        _ => false,
    };
    if !moved {
        return Ok(None);
    }
    if hops >= LIMIT {
        return Err(LocationError::Endless);
    }
    location::resolve(asked, location).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_sent_on_and_writes_only_where_their_body_is_kept() {
        let asked: Url = "https://r.example.com/v2/a".parse().expect("a URL");
        let go = |method, status, hops| next(&asked, &method, status, Some("https://cdn.example.com/x"), hops);
        assert!(matches!(go(Method::GET, StatusCode::TEMPORARY_REDIRECT, 0), Ok(Some(_))));
        assert!(matches!(go(Method::HEAD, StatusCode::FOUND, 4), Ok(Some(_))));
        assert_eq!(go(Method::GET, StatusCode::OK, 0), Ok(None));
        assert!(matches!(go(Method::PUT, StatusCode::PERMANENT_REDIRECT, 0), Ok(Some(_))));
        assert_eq!(go(Method::POST, StatusCode::FOUND, 0), Ok(None));
        assert_eq!(go(Method::GET, StatusCode::FOUND, 5), Err(LocationError::Endless));
    }
}
