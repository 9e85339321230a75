//! Chunked uploads as a policy: when parts are sent instead of the whole, and how long they are. Pure.
//!
//! One PUT of the whole is the default everywhere: it costs two requests, and every registry does it right. Parts are
//! for what stands between: proxies that limit a request's body. Known registries are data here.

use super::endpoint::Endpoint;

const MIB: u64 = 1024 * 1024;

/// The length that parts begin with.
const LENGTH: u64 = 16 * MIB;
/// The shortest parts that are tried: below, each costs more in requests than in bytes.
const SHORTEST: u64 = 64 * 1024;
/// A whole that is shorter breaks for other reasons than its length.
const LONG: u64 = 64 * MIB;
/// The longest part that a server may ask for.
const LONGEST: u64 = 512 * MIB;

/// How a blob is cut for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunking {
    /// Whether the host takes parts at all.
    allowed: bool,
    /// The length of all parts but the last.
    pub(super) length: u64,
    /// The least length of all parts but the last.
    least: u64,
    /// Whether something on the way refused a longer body before.
    limited: bool,
}

impl Chunking {
    /// Returns the rule for a host.
    ///
    /// GHCR keeps the last part only and Google's registries refuse parts (clowdhaus/ocync); ECR wants 5 MiB at least
    /// and stores by 10 MiB (registry-protocol 2.5).
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let host = endpoint.host.as_str();
        let google = host.ends_with("-docker.pkg.dev") || host == "gcr.io" || host.ends_with(".gcr.io");
        if endpoint.ecr.is_some() {
            return Self { allowed: true, length: 20 * MIB, least: 10 * MIB, limited: false };
        }
        Self { allowed: !google && host != "ghcr.io", length: LENGTH, least: SHORTEST, limited: false }
    }

    /// Returns whether a blob is to be sent in parts from the start, since a whole of its size will be refused.
    pub(super) fn is_needed(&self, size: u64) -> bool {
        self.limited && size > self.length
    }

    /// Returns whether parts may get through where a whole of this size breaks again and again.
    pub(super) fn may_help(&self, size: u64) -> bool {
        self.allowed && size > LONG
    }

    /// A body of `refused` bytes was too long: makes parts shorter than it. Returns whether that can be.
    pub(super) fn narrow(&mut self, refused: u64) -> bool {
        self.limited = true;
        let mut length = self.length;
        while length >= refused && length > self.least {
            length = (length / 4).max(self.least);
        }
        if !self.allowed || length >= refused {
            return false;
        }
        self.length = length;
        true
    }

    /// Takes over what another blob learned.
    pub(super) fn learn(&mut self, other: &Self) {
        if other.limited {
            self.length = self.length.min(other.length);
            self.limited = true;
        }
    }

    /// Keeps to the least length that a server names.
    pub(super) fn respect(&mut self, least: Option<u64>) {
        self.least = self.least.max(least.unwrap_or(0).min(LONGEST));
        self.length = self.length.max(self.least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::HostConfig;

    fn of(host: &str) -> Chunking {
        Chunking::of(&Endpoint::new(host, HostConfig::default()).expect("an endpoint"))
    }

    #[test]
    fn parts_get_shorter_until_they_pass_or_cannot() {
        let mut rule = of("r.example.com");
        assert!(!rule.is_needed(u64::MAX), "a whole is the default");
        let mut refused = 100 * MIB;
        let mut lengths = Vec::new();
        while rule.narrow(refused) {
            lengths.push(rule.length);
            refused = rule.length;
        }
        assert_eq!(lengths, [16 * MIB, 4 * MIB, MIB, 256 * 1024, 64 * 1024]);
        assert!(rule.is_needed(100_000) && !rule.is_needed(60_000));
    }

    #[test]
    fn hosts_that_mishandle_parts_get_none() {
        for host in ["ghcr.io", "europe-docker.pkg.dev", "eu.gcr.io"] {
            assert!(!of(host).narrow(u64::MAX) && !of(host).may_help(u64::MAX), "{host}");
        }
        let mut ecr = of("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
        assert!(ecr.narrow(u64::MAX) && ecr.length == 20 * MIB);
        assert!(ecr.narrow(20 * MIB) && ecr.length == 10 * MIB);
        assert!(!ecr.narrow(10 * MIB), "a shorter part fails at the end of the upload");
    }

    #[test]
    fn the_least_length_of_the_server_is_kept_within_reason() {
        let mut rule = of("r.example.com");
        rule.respect(Some(32 * MIB));
        assert_eq!(rule.length, 32 * MIB);
        rule.respect(Some(u64::MAX));
        assert_eq!(rule.length, LONGEST);
    }
}
