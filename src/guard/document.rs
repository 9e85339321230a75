//! Files that are known as a whole: by their name, their first bytes, or a mark in them.

use memchr::memmem;

use super::login::{self, string_of_key};
use super::marks::Document;
use super::secret::Secret;
use super::{env_file, keystore};

/// How much of a file is looked at as a document.
pub(super) const HEAD: usize = 64 << 10;

/// Documents whose marks were seen in a file's first bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Documents(u8);

impl Documents {
    pub(super) fn add(&mut self, document: Document) {
        self.0 |= document as u8;
    }

    fn has(self, document: Document) -> bool {
        self.0 & document as u8 != 0
    }
}

/// Returns the secrets of a document, each with the offset where it stands. `head` is the file's first [`HEAD`] bytes.
pub(super) fn secrets(name: &[u8], head: &[u8], documents: Documents) -> impl Iterator<Item = (usize, Secret)> {
    let marked = |document, look: fn(&[u8]) -> Option<usize>| documents.has(document).then(|| look(head)).flatten();
    [
        by_name(name, head),
        keystore::is_java_key_store(head).then_some((0, Secret::KeyStore)),
        marked(Document::Docker, login::docker).map(|at| (at, Secret::DockerLogin)),
        marked(Document::GcpServiceAccount, service_account).map(|at| (at, Secret::GcpServiceAccount)),
        marked(Document::Kubeconfig, login::kubernetes).map(|at| (at, Secret::Kubeconfig)),
    ]
    .into_iter()
    .flatten()
}

fn by_name(name: &[u8], head: &[u8]) -> Option<(usize, Secret)> {
    let ends = |ending: &str| {
        name.len() > ending.len() && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
    };
    let (at, secret) = match name {
        b".npmrc" | b"npmrc" => (login::npm(head), Secret::NpmLogin),
        b".yarnrc.yml" => (login::yarn(head), Secret::NpmLogin),
        b"auth.json" => (login::composer(head), Secret::ComposerLogin),
        b".pypirc" => (login::pypi(head), Secret::PypiPassword),
        b".netrc" | b"_netrc" => (login::netrc(head), Secret::NetrcPassword),
        b".git-credentials" => (login::git(head), Secret::GitCredentials),
        name if env_file::is_environment_file(name) => (env_file::first_value(head), Secret::EnvironmentFile),
        _ if ends(".tfstate") || ends(".tfstate.backup") => (terraform_state(head), Secret::TerraformState),
        _ if ends(".p12") || ends(".pfx") => (keystore::is_pkcs12_with_key(head).then_some(0), Secret::KeyStore),
        _ => return None,
    };
    Some((at?, secret))
}

fn terraform_state(head: &[u8]) -> Option<usize> {
    memmem::find(head, b"\"lineage\"")?;
    memmem::find(head, b"\"terraform_version\"")
}

/// `"type": "service_account"` with a `private_key` that has a body; returns where the key is.
fn service_account(head: &[u8]) -> Option<usize> {
    string_of_key(head, b"\"type\"", |value| value == b"service_account")?;
    let is_key = |value: &[u8]| value.starts_with(b"-----BEGIN ") && value.len() > 200;
    string_of_key(head, b"\"private_key\"", is_key)
}
