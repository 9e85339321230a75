//! The user's own configuration: how hosts are reached, and how large the cache may grow.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The user configuration (`DOCKLESS_CONFIG`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserConfig {
    /// How registries are reached, by the host that references name.
    pub hosts: BTreeMap<String, HostConfig>,
    /// The bound of the cache in bytes; `None` means 10 GiB.
    pub cache_max_size: Option<u64>,
}

/// How one registry host is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostConfig {
    /// `HOST[:PORT]` that serves this host, such as a VPC endpoint or a test server; credentials stay those of the
    /// host that the reference names.
    pub endpoint: Option<String>,
    /// The scheme; by default http for loopback endpoints, else https.
    pub scheme: Option<Scheme>,
    /// A PEM file of certificate authorities that are trusted besides the system's, absolute.
    pub ca: Option<PathBuf>,
    /// A PEM file with the client certificate, absolute.
    pub cert: Option<PathBuf>,
    /// A PEM file with the client certificate's key, absolute.
    pub key: Option<PathBuf>,
    /// Hosts, with an optional path prefix, that are asked first when a base is pulled.
    pub mirrors: Vec<String>,
}

/// The scheme of a registry's URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain, for loopback and test servers.
    Http,
    /// TLS.
    Https,
}
