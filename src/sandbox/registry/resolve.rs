//! What an image reference of a task definition means here.

use super::Registry;
use crate::oci::{Digest, Reference};

/// Whether an image can be pulled, as far as this registry knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Presence {
    /// It is here.
    Here(Digest),
    /// It should be here, and is not.
    Missing,
    /// It belongs to a registry of which nothing is known; the digest is the one it is pinned by.
    Elsewhere(Option<Digest>),
}

impl Registry {
    /// Looks an image up.
    ///
    /// Repositories are told apart by name alone: one registry stands for all hosts. A name that is not here is
    /// missing if its host is a private ECR or a loopback address, else it lives elsewhere.
    pub(in crate::sandbox) fn presence(&self, image: &str) -> Presence {
        let Ok(reference) = image.parse::<Reference>() else { return Presence::Missing };
        match self.repositories().get(reference.repository.name()) {
            Some(repository) => {
                let tag = reference.tag.as_ref().map_or("latest", |tag| tag.as_str());
                let wanted = reference.digest.map_or_else(|| tag.to_owned(), |digest| digest.to_string());
                repository.manifest_digest(&wanted).map_or(Presence::Missing, Presence::Here)
            }
            None if is_ours(reference.repository.host()) => Presence::Missing,
            None => Presence::Elsewhere(reference.digest),
        }
    }
}

fn is_ours(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let loopback = name == "localhost" || name == "[::1]" || name.starts_with("127.");
    let account = name.get(..12).is_some_and(|account| account.bytes().all(|b| b.is_ascii_digit()));
    loopback || (account && (name[12..].starts_with(".dkr.ecr") || name[12..].starts_with(".dkr-ecr")))
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn private_ecr_and_loopback_hosts_are_ours() {
        for host in ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", "127.0.0.1:5000", "localhost", "[::1]:80", "[::1]"]
        {
            assert!(is_ours(host), "{host}");
        }
        for host in ["docker.io", "public.ecr.aws", "12.dkr.ecr.eu-west-1.amazonaws.com"] {
            assert!(!is_ours(host), "{host}");
        }
    }
}
