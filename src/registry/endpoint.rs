//! Where the requests for a registry host go.

use url::Url;

use super::RegistryError;
use super::ecr::EcrHost;
use crate::net::{Reach, is_loopback};
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

/// Returns whether a server at `from` may send us to `to`: nobody but a host itself sends us to addresses that only a
/// machine inside can reach, but for servers that are inside as we are. Names are looked at again when they are resolved.
pub(super) fn may_lead(from: &Url, to: &Url) -> bool {
    from.host() == to.host() || Reach::of_url(from).may_lead_to(Reach::of_url(to))
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
    fn a_server_leads_only_to_where_it_stands_itself() {
        let check = |from: &str, to: &str| {
            let url = |host: &str| format!("http://{host}/").parse::<Url>().expect("a URL");
            may_lead(&url(from), &url(to))
        };
        for (from, to, expect) in [
            ("r.example.com", "cdn.example.com", true),
            ("r.example.com", "169.254.169.254", false),
            ("r.example.com", "10.0.0.1", false),
            ("r.example.com", "127.0.0.1", false),
            ("r.example.com", "localhost.", false),
            ("127.0.0.1:1", "127.0.0.1:2", true),
            ("127.0.0.1", "localhost", true),
            ("localhost", "172.17.0.2", true),
            ("localhost", "169.254.169.254", false),
            ("10.0.0.1", "10.0.0.2", true),
            ("10.0.0.1", "127.0.0.1", false),
            ("10.0.0.1", "169.254.170.2", false),
            ("10.0.0.1", "s3.example.com", true),
        ] {
            assert_eq!(check(from, to), expect, "{from} -> {to}");
        }
    }
}
