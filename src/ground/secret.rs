//! Values that must not be seen in output.

use std::fmt;

/// A value that prints as `***`; [`Secret::reveal`] is the only way to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value that must not be printed.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value itself; a caller hands it to the wire and to nothing else.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Query keys whose values say nothing secret; all others print as `***`.
const OPEN_QUERY_KEYS: [&str; 8] = ["artifactType", "digest", "from", "last", "mount", "n", "scope", "service"];

/// A URL that prints without user information and with every query value hidden that is not known to be harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeUrl(String);

impl SafeUrl {
    /// Makes the printable form of a URL.
    pub fn new(url: &url::Url) -> Self {
        let mut safe = url.clone();
        // Neither can fail for a URL that has a host, and one without has no user information.
        let _ = safe.set_username("");
        let _ = safe.set_password(None);
        let pairs: Vec<String> = url
            .query_pairs()
            .map(|(key, value)| match OPEN_QUERY_KEYS.contains(&key.as_ref()) {
                true => format!("{key}={}", plain(&value)),
                // A query may be one opaque word, which then is read as a key.
                false if value.is_empty() || !is_name(&key) => "***".to_owned(),
                false => format!("{key}=***"),
            })
            .collect();
        safe.set_query(None);
        safe.set_fragment(None);
        let mut text = safe.to_string();
        if !pairs.is_empty() {
            text.push('?');
            text.push_str(&pairs.join("&"));
        }
        Self(text)
    }
}

/// Whether a query key is the name of a parameter, as far as its form says.
fn is_name(key: &str) -> bool {
    key.len() <= 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Returns a decoded value without what would break a line.
fn plain(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("canary");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(*secret.reveal(), "canary");
    }

    #[test]
    fn a_url_prints_only_allowed_query_values() {
        let url = url::Url::parse("https://user:pw@example.com/v2/?digest=sha256:ab&_state=canary#f").expect("a URL");
        assert_eq!(SafeUrl::new(&url).to_string(), "https://example.com/v2/?digest=sha256:ab&_state=***");
        for (query, expect) in [
            ("canary", "***"),
            ("canary=", "***"),
            ("scope=a%0Aerror:%1B[31m", "scope=a error: [31m"),
            ("X-Amz-Signature=canary", "X-Amz-Signature=***"),
            ("eyJhbGciOi%2FJIUzI1NiJ9canary=x", "***"),
        ] {
            let url = url::Url::parse(&format!("https://example.com/?{query}")).expect("a URL");
            assert_eq!(SafeUrl::new(&url).to_string(), format!("https://example.com/?{expect}"));
        }
    }
}
