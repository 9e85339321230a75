//! Where the requests for a registry host go.

use std::net::Ipv4Addr;

use url::{Host, Url};

use super::RegistryError;
use super::ecr::EcrHost;
use crate::net::is_loopback;
use crate::spec::{HostConfig, Scheme};

/// The name of Docker Hub in references, and the host that answers for it.
pub(super) const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_WIRE: &str = "registry-1.docker.io";

/// A registry host: the identity that references and credentials name, and the URL that answers for it.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// The host as references name it.
    pub(super) host: String,
    /// The root of its URLs, with a final slash.
    pub(super) base: Url,
    /// How the user wants it to be reached.
    pub(super) config: HostConfig,
    /// What the host says of itself if it is one of ECR's.
    pub(super) ecr: Option<EcrHost>,
}

impl Endpoint {
    /// Makes the endpoint of a host. Loopback hosts are spoken to over http, all others over https, unless the
    /// configuration says otherwise.
    pub(super) fn new(host: &str, config: HostConfig) -> Result<Self, RegistryError> {
        let wire = config.endpoint.as_deref().unwrap_or(if host == DOCKER_HUB { DOCKER_HUB_WIRE } else { host });
        let error = |source| RegistryError::Host { host: wire.to_owned(), source };
        let base: Url = format!("https://{wire}/").parse().map_err(error)?;
        let scheme = config.scheme.unwrap_or(if is_loopback(&base) { Scheme::Http } else { Scheme::Https });
        let base = match scheme {
            Scheme::Https => base,
            // Parsed anew: to change the scheme would keep or drop the port by the rules of the old one.
            Scheme::Http => format!("http://{wire}/").parse().map_err(error)?,
        };
        Ok(Self { host: host.to_owned(), base, ecr: EcrHost::parse(host), config })
    }

    /// Returns the URL of a path below `/v2/`; the path is made of names, tags and digests only.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{path}"));
        url
    }

    /// Returns whether a URL has this endpoint's scheme, host and port: the only place its credentials go.
    pub(super) fn is_origin_of(&self, url: &Url) -> bool {
        same_origin(&self.base, url)
    }

    /// Sends a URL that names the host of the references to its endpoint: a server behind a VPC endpoint or a
    /// forwarder may answer with the name that it knows itself by.
    pub(super) fn localize(&self, mut url: Url) -> Url {
        if self.config.endpoint.is_some() && authority(&url) == self.host {
            let _ = url.set_scheme(self.base.scheme());
            let _ = url.set_host(self.base.host_str());
            let _ = url.set_port(self.base.port());
        }
        url
    }
}

fn authority(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => String::new(),
    }
}

/// Returns whether two URLs have the same scheme, host and port.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// Returns whether a URL names, by number, an address that is not on the public internet.
///
/// A server that sends us to one may want us to ask a metadata service on its behalf.
pub(super) fn is_private_literal(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(a)) => is_private(a),
        Some(Host::Ipv6(a)) => {
            // IPv4 within IPv6: mapped, compatible, and through a translator (RFC 6052).
            let within = match a.segments() {
                [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
                    let [.., w, x, y, z] = a.octets();
                    is_private(Ipv4Addr::new(w, x, y, z))
                }
                _ => false,
            };
            a.is_loopback() || a.is_unique_local() || a.is_unicast_link_local() || a.is_unspecified() || within
        }
        Some(Host::Domain(_)) => is_loopback(url),
        None => false,
    }
}

/// Returns whether an address is not on the public internet; the shared space of carriers (RFC 6598) is not either.
fn is_private(a: Ipv4Addr) -> bool {
    let [first, second, ..] = a.octets();
    let shared = first == 100 && (64..128).contains(&second);
    a.is_private() || a.is_loopback() || a.is_link_local() || first == 0 || a.is_broadcast() || shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn base(host: &str, config: HostConfig) -> String {
        Endpoint::new(host, config).map_or_else(|error| error.to_string(), |endpoint| endpoint.base.to_string())
    }

    #[test]
    fn loopback_is_plain_and_all_else_is_not() {
        assert_eq!(base("localhost:5000", HostConfig::default()), "http://localhost:5000/");
        assert_eq!(base("127.0.0.1:5000", HostConfig::default()), "http://127.0.0.1:5000/");
        assert_eq!(base("10.0.0.1:5000", HostConfig::default()), "https://10.0.0.1:5000/");
        assert_eq!(base("docker.io", HostConfig::default()), "https://registry-1.docker.io/");
        let plain = HostConfig { scheme: Some(Scheme::Http), ..HostConfig::default() };
        assert_eq!(base("10.0.0.1:443", plain), "http://10.0.0.1:443/");
    }

    #[test]
    fn an_endpoint_serves_a_host_that_keeps_its_name() {
        let config = HostConfig { endpoint: Some("127.0.0.1:4000".into()), ..HostConfig::default() };
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let endpoint = Endpoint::new(host, config).expect("an endpoint");
        assert_eq!(endpoint.url("a/b/manifests/c").as_str(), "http://127.0.0.1:4000/v2/a/b/manifests/c");
        assert_eq!(endpoint.ecr.as_ref().map(|ecr| ecr.region.as_str()), Some("eu-west-1"));
        let said = format!("https://{host}/v2/a/blobs/uploads/1?s=2").parse().expect("a URL");
        assert_eq!(endpoint.localize(said).as_str(), "http://127.0.0.1:4000/v2/a/blobs/uploads/1?s=2");
    }

    #[test]
    fn numbers_that_are_not_public_are_told() {
        for text in [
            "http://10.1.1.1/",
            "http://169.254.169.254/",
            "http://100.100.100.200/",
            "http://0.1.2.3/",
            "http://localhost./",
            "http://[::ffff:127.0.0.1]/",
            "http://[::10.0.0.1]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[fd00:ec2::254]/",
        ] {
            assert!(is_private_literal(&text.parse().expect("a URL")), "{text}");
        }
        assert!(!is_private_literal(&"http://93.184.216.34/".parse().expect("a URL")));
    }
}
