//! `WWW-Authenticate`: what a registry wants to see (RFC 9110 11.6.1), as a pure parser.
//!
//! Registries send several headers, several challenges in one header, commas inside quotes, and schemes that we do
//! not speak (`Negotiate`) before those that we do.

use std::collections::BTreeMap;

use url::Url;

/// What a registry wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::registry) enum Challenge {
    /// A token of a token service (distribution, "Token Authentication Specification").
    Bearer(BearerChallenge),
    /// A user name and a password, with every request.
    Basic,
}

/// Where tokens are had, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::registry) struct BearerChallenge {
    /// The token service.
    pub(in crate::registry) realm: Url,
    /// The name that the registry has there.
    pub(in crate::registry) service: Option<String>,
    /// The scopes that the refused request needs, each as `repository:NAME:ACTIONS`.
    pub(in crate::registry) scopes: Vec<String>,
}

/// Returns the challenge to answer of all that were sent: Bearer before Basic, all others ignored.
pub(in crate::registry) fn choose<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
    let challenges: Vec<Raw> = headers.into_iter().flat_map(parse).collect();
    let bearer = challenges.iter().filter(|raw| raw.scheme == "bearer").find_map(bearer);
    let basic = challenges.iter().any(|raw| raw.scheme == "basic");
    bearer.map(Challenge::Bearer).or(basic.then_some(Challenge::Basic))
}

fn bearer(raw: &Raw) -> Option<BearerChallenge> {
    let scopes = raw.parameters.get("scope").map(|scope| scope.split_whitespace().map(str::to_owned).collect());
    Some(BearerChallenge {
        realm: raw.parameters.get("realm")?.parse().ok()?,
        service: raw.parameters.get("service").filter(|service| !service.is_empty()).cloned(),
        scopes: scopes.unwrap_or_default(),
    })
}

/// A challenge as it stands, with names in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
struct Raw {
    scheme: String,
    parameters: BTreeMap<String, String>,
}

/// Reads the challenges of one header. What cannot be read is left out: there may be another challenge.
fn parse(header: &str) -> Vec<Raw> {
    let mut challenges: Vec<Raw> = Vec::new();
    for item in split_outside_quotes(header) {
        let item = item.trim();
        let (scheme, parameter) = match item.split_once([' ', '\t']) {
            // `Bearer realm="x"`: a scheme and its first parameter. `realm = "x"` is a parameter with spaces.
            Some((word, rest)) if is_token(word) && !rest.trim_start().starts_with('=') => (Some(word), rest.trim()),
            _ if is_token(item) => (Some(item), ""),
            _ => (None, item),
        };
        if let Some(scheme) = scheme {
            challenges.push(Raw { scheme: scheme.to_ascii_lowercase(), parameters: BTreeMap::new() });
        }
        if let (Some(challenge), Some((name, value))) = (challenges.last_mut(), parameter.split_once('=')) {
            challenge.parameters.entry(name.trim().to_ascii_lowercase()).or_insert_with(|| unquote(value.trim()));
        }
    }
    challenges
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn split_outside_quotes(header: &str) -> Vec<&str> {
    let (mut items, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in header.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                items.push(&header[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&header[start..]);
    items
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut out = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.extend(characters.next()),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scopes: &[&str]) -> Option<Challenge> {
        Some(Challenge::Bearer(BearerChallenge {
            realm: realm.parse().expect("a URL"),
            service: service.map(str::to_owned),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        }))
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let table: &[(&[&str], Option<Challenge>)] = &[
            (
                &[r#"Bearer realm="https://a.example/token",service="r",scope="repository:x:pull,push""#],
                bearer("https://a.example/token", Some("r"), &["repository:x:pull,push"]),
            ),
            (
                &[r#"bearer realm="https://a.example/t", scope="repository:x:pull repository:y:pull", error="e""#],
                bearer("https://a.example/t", None, &["repository:x:pull", "repository:y:pull"]),
            ),
            (&[r#"Basic realm="Amazon ECR, in \"quotes\"""#], Some(Challenge::Basic)),
            (&["BASIC realm=plain"], Some(Challenge::Basic)),
            (&["Basic"], Some(Challenge::Basic)),
            (&["Negotiate", r#"Basic realm="r""#], Some(Challenge::Basic)),
            (
                &[r#"Negotiate dG9rZW4=, Basic realm="r", Bearer realm="https://a.example/t",service=s"#],
                bearer("https://a.example/t", Some("s"), &[]),
            ),
            (
                &[r#"Bearer realm = "https://a.example/t" , service = "s""#],
                bearer("https://a.example/t", Some("s"), &[]),
            ),
            (&[r#"Bearer service="no realm""#, "Basic"], Some(Challenge::Basic)),
            (&[r#"Bearer realm="not a URL""#], None),
            (&["", ",,,", "=", "Digest realm=\"x\"", "\"unfinished"], None),
        ];
        for (headers, expect) in table {
            assert_eq!(choose(headers.iter().copied()), *expect, "{headers:?}");
        }
    }
}
