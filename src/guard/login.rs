//! Files in which programs keep logins: of npm, Yarn, pip, Composer, git, Docker, Kubernetes, and `.netrc`.
//!
//! Each function returns where the first login stands; a reference to a variable, or a word that asks to be replaced, is
//! none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use serde_json::Value;

use super::alphabet::{is_placeholder, leading, lines, unquoted};

/// `.npmrc`: a key that is, or ends in, `_authToken`, `_auth` or `_password`.
pub(super) fn npm(text: &[u8]) -> Option<usize> {
    assigned(text, b"=", |key| {
        let key = key.rsplit(|byte| *byte == b':').next().unwrap_or_default();
        [&b"_authToken"[..], b"_auth", b"_password"].contains(&key)
    })
}

/// `.yarnrc.yml`: `npmAuthToken` or `npmAuthIdent`, of one registry or all.
pub(super) fn yarn(text: &[u8]) -> Option<usize> {
    assigned(text, b":", |key| [&b"npmAuthToken"[..], b"npmAuthIdent"].contains(&key))
}

/// Composer's `auth.json`: below the name of a kind of login and that of a host a token, or an object with a password,
/// token or secret.
pub(super) fn composer(text: &[u8]) -> Option<usize> {
    const KINDS: [&str; 9] = [
        "bearer",
        "bitbucket-oauth",
        "client-certificate",
        "custom-headers",
        "forgejo-token",
        "github-oauth",
        "gitlab-oauth",
        "gitlab-token",
        "http-basic",
    ];
    let is_public = |key: &str| ["username", "consumer-key", "local_cert", "local_pk", "expires-at"].contains(&key);
    let is_login = |value: &Value| value.as_str().is_some_and(|value| !is_placeholder(value.as_bytes()));
    let document: Value = serde_json::from_slice(text).ok()?;
    let mut hosts = KINDS.iter().filter_map(|kind| Some((kind, document.get(kind)?.as_object()?.values())));
    let (kind, _) = hosts.find(|(_, hosts)| {
        hosts.clone().any(|login| match login {
            Value::Object(fields) => fields.iter().any(|(key, value)| !is_public(key) && is_login(value)),
            Value::Array(headers) => headers.iter().any(is_login),
            token => is_login(token),
        })
    })?;
    memmem::find(text, format!("\"{kind}\"").as_bytes())
}

/// `.pypirc`: `password`.
pub(super) fn pypi(text: &[u8]) -> Option<usize> {
    assigned(text, b"=:", |key| key.eq_ignore_ascii_case(b"password"))
}

/// A kubeconfig: `token`, `password` or `client-key-data`, in YAML or JSON.
pub(super) fn kubernetes(text: &[u8]) -> Option<usize> {
    let holds = |word: &str| memmem::find(text, word.as_bytes()).is_some();
    if !holds("clusters") || !holds("users") {
        return None;
    }
    let is_login = |key: &[u8]| {
        let key = unquoted(key.strip_prefix(b"- ").unwrap_or(key));
        [&b"token"[..], b"password", b"client-key-data"].contains(&key)
    };
    assigned(text, b":", is_login).or_else(|| {
        // JSON on few lines.
        let keys = ["\"token\"", "\"password\"", "\"client-key-data\""];
        keys.iter().filter_map(|key| string_of_key(text, key.as_bytes(), |value| !is_placeholder(value))).min()
    })
}

/// A `.netrc`: a word after `password`.
pub(super) fn netrc(text: &[u8]) -> Option<usize> {
    let mut after_name = false;
    for (offset, line) in lines(text) {
        for word in line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            if word.starts_with(b"#") && !after_name {
                break;
            }
            if after_name && !is_placeholder(unquoted(word)) {
                return Some(offset);
            }
            after_name = word == b"password";
        }
    }
    None
}

/// What `git credential-store` writes: a URL with user and password a line.
pub(super) fn git(text: &[u8]) -> Option<usize> {
    let has_password = |line: &[u8]| {
        let rest = &line[memmem::find(line, b"://")? + 3..];
        let user = &rest[..rest.iter().position(|byte| *byte == b'@')?];
        let password = &user[user.iter().position(|byte| *byte == b':')? + 1..];
        Some(!is_placeholder(password) && !user.contains(&b'/'))
    };
    lines(text).find(|(_, line)| has_password(line) == Some(true)).map(|(offset, _)| offset)
}

/// Docker's `config.json`, podman's `auth.json`: below `auths`, an `auth` that is the base64 of user and password, a
/// password or a token.
pub(super) fn docker(text: &[u8]) -> Option<usize> {
    let below = memmem::find(text, b"\"auths\"")?;
    let is_login = |value: &[u8]| {
        let login = STANDARD.decode(value).unwrap_or_default();
        let password = login.iter().position(|byte| *byte == b':').map(|colon| &login[colon + 1..]);
        password.is_some_and(|password| !is_placeholder(password))
    };
    let is_token = |value: &[u8]| !is_placeholder(value);
    let hits = [
        string_of_key(&text[below..], b"\"auth\"", is_login),
        string_of_key(&text[below..], b"\"password\"", is_token),
        string_of_key(&text[below..], b"\"identitytoken\"", is_token),
        string_of_key(&text[below..], b"\"registrytoken\"", is_token),
    ];
    hits.into_iter().flatten().min().map(|offset| below + offset)
}

/// Returns where the first line `KEY SIGN VALUE` with a value stands, of those whose key is meant.
fn assigned(text: &[u8], signs: &[u8], is_meant: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let holds = |line: &[u8]| {
        let line = line.trim_ascii();
        let sign = line.iter().position(|byte| signs.contains(byte));
        sign.is_some_and(|sign| {
            !line.starts_with(b"#") && !line.starts_with(b";") && is_meant(line[..sign].trim_ascii()) && {
                let value = unquoted(line[sign + 1..].trim_ascii().strip_suffix(b",").unwrap_or(&line[sign + 1..]));
                !is_placeholder(value)
            }
        })
    };
    lines(text).find(|(_, line)| holds(line)).map(|(offset, _)| offset)
}

/// Returns where a JSON key with a string that is meant stands.
pub(super) fn string_of_key(text: &[u8], key: &[u8], is_meant: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let value = |at: usize| {
        let rest = text[at + key.len()..].trim_ascii_start().strip_prefix(b":")?;
        Some(leading(rest.trim_ascii_start().strip_prefix(b"\"")?, |byte| byte != b'"'))
    };
    memmem::find_iter(text, key).find(|at| value(*at).is_some_and(&is_meant))
}
