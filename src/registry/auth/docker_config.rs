//! The files that `docker login`, `podman login` and CI systems leave: a pure lookup in one of them.
//!
//! Obeyed are docker/cli (`config.json`: helpers before inline entries, keys as URLs or hosts), containers/image
//! (`auth.json`: keys with a path, the longest first) and the legacy `.dockercfg` without its `auths` wrapper.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use serde::Deserialize;

use crate::ground::Secret;
use crate::oci::Repository;
use crate::registry::endpoint::DOCKER_HUB;

/// The key that Docker keeps the credentials of Docker Hub under.
pub(in crate::registry) const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// Padding may be missing where people write the entries by hand.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who we are to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::registry) enum Credential {
    /// A user name and a password, or a password in the guise of a token.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: Secret<String>,
    },
    /// An OAuth2 refresh token.
    Identity(Secret<String>),
    /// A Bearer token that is ready for use.
    Registry(Secret<String>),
}

impl Credential {
    /// Returns the credential of a user and a password; helpers mark an identity token by its user name.
    pub(super) fn of_pair(user: String, password: String) -> Self {
        if user == "<token>" {
            Self::Identity(Secret::new(password))
        } else {
            Self::Basic { user, password: Secret::new(password) }
        }
    }

    /// Returns the value of an `Authorization: Basic` header, where there is one.
    pub(super) fn basic(&self) -> Option<Secret<String>> {
        match self {
            Self::Basic { user, password } => {
                let pair = format!("{user}:{}", password.reveal());
                Some(Secret::new(general_purpose::STANDARD.encode(pair)))
            }
            _ => None,
        }
    }
}

/// A file of credentials. Not `Debug`: its entries hold secrets. A `null` is as good as nothing, as it is to Go.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DockerConfig {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    cred_helpers: Option<BTreeMap<String, Option<String>>>,
    creds_store: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// What a file says of a repository.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The helper to ask first, as the suffix of `docker-credential-`.
    pub(super) helper: Option<String>,
    /// The entry to use when the helper knows nothing.
    pub(super) entry: Option<Credential>,
    /// Whether there is an entry whose `auth` is no base64 of `user:password`.
    pub(super) broken: bool,
}

impl DockerConfig {
    /// Reads a file in the form of `config.json` and `auth.json`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        // An empty file is what `touch` and an unset variable of a CI system leave.
        if bytes.trim_ascii().is_empty() { Ok(Self::default()) } else { serde_json::from_slice(bytes) }
    }

    /// Reads a file in the legacy form, which is the `auths` object alone.
    pub(super) fn parse_legacy(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let auths = if bytes.trim_ascii().is_empty() { None } else { serde_json::from_slice(bytes)? };
        Ok(Self { auths, ..Self::default() })
    }

    /// Looks a repository up.
    pub(super) fn find(&self, repository: &Repository) -> Found {
        let host = repository.host();
        let own = self.cred_helpers.as_ref().and_then(|helpers| exact(helpers, host));
        let helper = own.or(self.creds_store.as_ref()).filter(|helper| !helper.is_empty());
        let entry = self.entry(repository).map(Entry::credential);
        let broken = matches!(entry, Some(Err(Undecodable)));
        Found { helper: helper.cloned(), entry: entry.and_then(Result::ok).flatten(), broken }
    }

    fn entry(&self, repository: &Repository) -> Option<&Entry> {
        let (host, auths) = (repository.host(), self.auths.as_ref()?);
        let mut path = format!("{host}/{}", repository.name());
        loop {
            if let Some(Some(entry)) = auths.get(&path) {
                return Some(entry);
            }
            match path.rfind('/') {
                Some(at) => path.truncate(at),
                None => break,
            }
        }
        exact(auths, host)
    }
}

/// Returns the value of a host: under the host itself, else under a key that is a URL of the host.
fn exact<'a, V>(map: &'a BTreeMap<String, Option<V>>, host: &str) -> Option<&'a V> {
    let hub = (host == DOCKER_HUB).then(|| map.get(DOCKER_HUB_KEY)).flatten();
    let value = hub.or_else(|| map.get(host)).or_else(|| {
        map.iter()
            .find(|(key, _)| {
                let key = host_of(key);
                // A bare key with a path is for that path alone; one with a scheme is the old form of the host.
                key == host || (host == DOCKER_HUB && matches!(key, "index.docker.io" | "registry-1.docker.io"))
            })
            .map(|(_, value)| value)
    });
    value?.as_ref()
}

/// Strips scheme and path of a key, as docker/cli does; a key without a scheme that has a path matches no host.
fn host_of(key: &str) -> &str {
    match key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")) {
        Some(rest) => rest.split('/').next().unwrap_or_default(),
        None => key.strip_suffix("/v1/").or_else(|| key.strip_suffix("/v2/")).unwrap_or(key.trim_end_matches('/')),
    }
}

/// An `auth` that is no base64 of `user:password`.
struct Undecodable;

impl Entry {
    fn credential(&self) -> Result<Option<Credential>, Undecodable> {
        let text = |member: &Option<String>| member.clone().unwrap_or_default();
        if !text(&self.registrytoken).is_empty() {
            return Ok(Some(Credential::Registry(Secret::new(text(&self.registrytoken)))));
        }
        if !text(&self.identitytoken).is_empty() {
            return Ok(Some(Credential::Identity(Secret::new(text(&self.identitytoken)))));
        }
        let (user, password) = match text(&self.auth).trim() {
            "" => (text(&self.username), text(&self.password)),
            auth => {
                let bytes = BASE64.decode(auth).map_err(|_| Undecodable)?;
                let pair = String::from_utf8(bytes).map_err(|_| Undecodable)?;
                let (user, password) = pair.split_once(':').ok_or(Undecodable)?;
                (user.to_owned(), password.trim_end_matches('\0').to_owned())
            }
        };
        Ok((!user.is_empty()).then(|| Credential::of_pair(user, password)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOmE6Yg"},
            "r.example.com": {"auth": "cjpwYXNzAAA="},
            "r.example.com/team": {"username": "team", "password": "t"},
            "r.example.com/team/app": {"identitytoken": "refresh"},
            "https://old.example.com/v2/": {"auth": "b2xkOm8="},
            "ready.example.com:5000": {"registrytoken": "bearer"},
            "empty.example.com": {},
            "null.example.com": null,
            "nulls.example.com": {"auth": null, "identitytoken": null, "username": "u", "password": "p"},
            "broken.example.com": {"auth": "%%%"}
        },
        "credHelpers": {"helped.example.com": "mine", "123456789012.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"},
        "HttpHeaders": {"X": "y"}, "unknown": 1
    }"#;

    fn basic(user: &str, password: &str) -> Option<Credential> {
        Some(Credential::Basic { user: user.into(), password: Secret::new(password.into()) })
    }

    #[track_caller]
    fn check(config: &DockerConfig, repository: &str, helper: Option<&str>, entry: Option<Credential>) {
        let found = config.find(&repository.parse().expect("a repository"));
        let broken = repository.starts_with("broken");
        assert_eq!(found, Found { helper: helper.map(str::to_owned), entry, broken }, "{repository}");
    }

    #[test]
    fn entries_are_found_by_path_host_and_url() {
        let config = DockerConfig::parse(FILE.as_bytes()).expect("a config");
        check(&config, "php", None, basic("hub", "a:b"));
        check(&config, "r.example.com/x", None, basic("r", "pass"));
        check(&config, "r.example.com/team/x", None, basic("team", "t"));
        check(&config, "r.example.com/team/app", None, Some(Credential::Identity(Secret::new("refresh".into()))));
        check(&config, "old.example.com/x", None, basic("old", "o"));
        check(&config, "ready.example.com:5000/x", None, Some(Credential::Registry(Secret::new("bearer".into()))));
        check(&config, "ready.example.com/x", None, None);
        check(&config, "empty.example.com/x", None, None);
        check(&config, "null.example.com/x", None, None);
        check(&config, "nulls.example.com/x", None, basic("u", "p"));
        check(&config, "broken.example.com/x", None, None);
        check(&config, "helped.example.com/x", Some("mine"), None);
        check(&config, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/x", Some("ecr-login"), None);
    }

    #[test]
    fn a_store_is_asked_for_every_host_without_its_own_helper() {
        let text = r#"{"credsStore":"desktop","credHelpers":{"a.example.com":"own"},
            "auths":{"b.example.com":{"auth":"YTpi"}}}"#;
        let config = DockerConfig::parse(text.as_bytes()).expect("a config");
        check(&config, "a.example.com/x", Some("own"), None);
        check(&config, "b.example.com/x", Some("desktop"), basic("a", "b"));
    }

    #[test]
    fn what_is_empty_or_null_is_a_file_that_knows_nothing() {
        for text in ["", " \n", "{}", r#"{"auths":null,"credHelpers":null,"credsStore":null}"#] {
            let config = DockerConfig::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
            check(&config, "r.example.com/x", None, None);
        }
    }

    #[test]
    fn the_legacy_file_has_no_wrapper() {
        let config = DockerConfig::parse_legacy(br#"{"r.example.com":{"auth":"YTpi","email":"x"}}"#).expect("a config");
        check(&config, "r.example.com/x", None, basic("a", "b"));
    }
}
