//! HTTP clients as the user's network wants them: authorities, client certificates, proxies, time-outs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Identity, redirect};
use url::{Host, Url};

use super::guard::{Guard, LedNames, Names};
use super::{NetError, Reach};
use crate::ground::files;
use crate::spec::HostConfig;

/// How long a connection, with its TLS handshake, may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Load balancers drop idle connections after 60 seconds; ours go before, so that none is dropped under a request.
const POOL_IDLE: Duration = Duration::from_secs(45);
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// Whether requests go through the proxies that the environment names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proxies {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say; loopback and link-local addresses directly.
    #[default]
    System,
    /// Always directly.
    Off,
}

/// What all connections share.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// PEM files of certificate authorities that are trusted besides the system's (`AWS_CA_BUNDLE`).
    pub ca_bundles: Vec<PathBuf>,
    /// The PEM file that stands for the system's authorities (`SSL_CERT_FILE`). TLS reads it by itself; it is named here
    /// so that a wrong one is an error, and not a machine without any authority.
    pub system_bundle: Option<PathBuf>,
    /// Whether proxies are used.
    pub proxies: Proxies,
    /// How single hosts are reached, by `HOST[:PORT]`: their authorities and client certificates hold for AWS too.
    pub hosts: BTreeMap<String, HostConfig>,
}

/// What makes one client differ from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Profile {
    direct: bool,
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    /// The reach of whoever leads us to the names that the client resolves, if somebody does.
    from: Option<Reach>,
}

/// Makes and keeps HTTP clients. Cheap to clone; all clones share their connections.
///
/// The clients follow no redirect, keep no cookie, decompress nothing, retry nothing and have no total time-out:
/// whoever sends a request decides on these. They speak HTTP/1.1, since parallel uploads want a connection each and
/// not one window that they share.
#[derive(Clone, Debug)]
pub struct Connector(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    proxies: Proxies,
    authorities: Vec<Certificate>,
    hosts: BTreeMap<String, HostConfig>,
    clients: Mutex<BTreeMap<Profile, Client>>,
    names: Names,
    led: LedNames,
}

impl Connector {
    /// Makes a connector. Nothing is sent.
    ///
    /// # Errors
    /// When a bundle cannot be read or holds no certificate.
    pub fn new(options: &HttpOptions) -> Result<Self, NetError> {
        let mut authorities = Vec::new();
        for path in &options.ca_bundles {
            authorities.extend(read_authorities(path)?);
        }
        if let Some(path) = &options.system_bundle {
            read_authorities(path)?;
        }
        let (proxies, hosts) = (options.proxies, options.hosts.clone());
        let (clients, names, led) = (Mutex::default(), Names::default(), LedNames::default());
        Ok(Self(Arc::new(Shared { proxies, authorities, hosts, clients, names, led })))
    }

    /// Makes a connector for which names stand for the addresses that a test says.
    #[cfg(test)]
    pub(crate) fn with_names(table: &[(&str, IpAddr)]) -> Self {
        let names = Names::Fixed(table.iter().map(|(name, address)| ((*name).to_owned(), vec![*address])).collect());
        let (authorities, hosts, clients) = (Vec::new(), BTreeMap::new(), Mutex::default());
        let (proxies, led) = (Proxies::Off, LedNames::default());
        Self(Arc::new(Shared { proxies, authorities, hosts, clients, names, led }))
    }

    /// Returns the client for a URL: direct for loopback and link-local addresses, which no proxy can reach for us.
    ///
    /// A host that the user configured gets its own authorities and its client certificate.
    ///
    /// # Errors
    /// When a client cannot be made.
    pub fn client(&self, url: &Url) -> Result<Client, NetError> {
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        if let Some((name, host)) = self.0.hosts.get_key_value(authority) {
            return self.host_client(url, name, host);
        }
        self.profiled(Profile { direct: self.goes_directly(url), ..Profile::default() })
    }

    /// Returns the client for a URL of a host that the user configured; `name` is the host as the configuration has it.
    ///
    /// # Errors
    /// When one of the host's PEM files cannot be used.
    pub fn host_client(&self, url: &Url, name: &str, host: &HostConfig) -> Result<Client, NetError> {
        let identity = match (&host.cert, &host.key) {
            (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
            (None, None) => None,
            _ => return Err(NetError::HalfIdentity { host: name.to_owned() }),
        };
        let (direct, ca) = (self.goes_directly(url), host.ca.clone());
        self.profiled(Profile { direct, ca, identity, ..Profile::default() })
    }

    /// Returns the client for a URL that a server of the reach `from` led us to: a name that is resolved to addresses
    /// which such a server may not lead to is an error ([`super::private_name`]). `ca` is an authority that is trusted
    /// besides; client certificates are not shown.
    ///
    /// # Errors
    /// When the authority's file cannot be used.
    pub fn led_client(&self, url: &Url, ca: Option<&Path>, from: Reach) -> Result<Client, NetError> {
        if let Some(Host::Domain(name)) = url.host() {
            self.0.led.add(name);
        }
        let (direct, ca) = (self.goes_directly(url), ca.map(Path::to_owned));
        self.profiled(Profile { direct, ca, from: Some(from), identity: None })
    }

    fn goes_directly(&self, url: &Url) -> bool {
        self.0.proxies == Proxies::Off || is_loopback(url) || is_link_local(url)
    }

    fn profiled(&self, profile: Profile) -> Result<Client, NetError> {
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&profile) {
            return Ok(client.clone());
        }
        let client = self.make(&profile)?;
        clients.insert(profile, client.clone());
        Ok(client)
    }

    fn make(&self, profile: &Profile) -> Result<Client, NetError> {
        let mut authorities = self.0.authorities.clone();
        if let Some(path) = &profile.ca {
            authorities.extend(read_authorities(path)?);
        }
        let identity = profile.identity.as_ref().map(|(cert, key)| read_identity(cert, key)).transpose()?;
        let guard = Guard { names: self.0.names.clone(), led: self.0.led.clone(), from: profile.from };
        let builder = || {
            let base = base().dns_resolver(guard.clone());
            let builder = if profile.direct { base.no_proxy() } else { base };
            match &identity {
                Some(identity) => builder.identity(identity.clone()),
                None => builder,
            }
        };
        provide_cryptography();
        let complete = builder().tls_certs_merge(authorities.iter().cloned()).build();
        match complete {
            // A machine without any certificate authority (an image made of one binary) can still speak plain HTTP;
            // over TLS it will be told that the issuer is unknown.
            Err(_) if authorities.is_empty() => builder().tls_certs_only([]).build().map_err(NetError::Client),
            other => other.map_err(NetError::Client),
        }
    }
}

fn base() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("dockless/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_keepalive(TCP_KEEPALIVE)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
}

/// Makes ring the cryptography of TLS. It is handed in here, before each client, and never expected to be there.
fn provide_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only if another thread was faster, with the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

fn read_authorities(path: &Path) -> Result<Vec<Certificate>, NetError> {
    let pem = files::read(path)?;
    let error = |source| NetError::Authorities { path: path.to_owned(), source };
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|source| error(Some(source)))?;
    if certificates.is_empty() { Err(error(None)) } else { Ok(certificates) }
}

fn read_identity(cert: &Path, key: &Path) -> Result<Identity, NetError> {
    let mut pem = files::read(cert)?;
    pem.push(b'\n');
    pem.extend(files::read(key)?);
    Identity::from_pem(&pem).map_err(|source| NetError::Identity { path: cert.to_owned(), source })
}

/// Returns whether a URL names this machine: `localhost`, a name below it, or a loopback address.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            // A final dot says only that nothing is added to the name.
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns whether a URL names a link-local address, as the metadata and credential services of AWS do.
pub fn is_link_local(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address),
        Some(Host::Ipv6(address)) => IpAddr::from(address),
        _ => return false,
    };
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        // fd00:ec2::/32 is where EC2, ECS and EKS answer over IPv6.
        IpAddr::V6(address) => address.segments()[..2] == [0xfd00, 0x0ec2] || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn this_machine_is_told_by_name_and_by_address() {
        for text in [
            "http://localhost:1/",
            "http://localhost.:1/",
            "http://a.localhost/",
            "http://127.9.0.1/",
            "http://[::1]:5000/",
        ] {
            assert!(is_loopback(&url(text)), "{text}");
        }
        for text in ["http://localhost.example.com/", "http://10.0.0.1/", "http://[2001:db8::1]/"] {
            assert!(!is_loopback(&url(text)), "{text}");
        }
    }

    #[test]
    fn no_proxy_stands_between_us_and_the_metadata_services() {
        let connector = Connector::new(&HttpOptions::default()).expect("a connector");
        for text in ["http://169.254.169.254/", "http://169.254.170.2/", "http://[fd00:ec2::23]/", "http://127.0.0.1/"]
        {
            assert!(connector.goes_directly(&url(text)), "{text}");
        }
        assert!(!connector.goes_directly(&url("https://example.com/")));
    }

    #[test]
    fn clients_are_made_without_a_cryptography_provider_in_place() {
        let connector = Connector::new(&HttpOptions::default()).expect("a connector");
        connector.client(&url("https://example.com/")).expect("a client");
    }

    #[test]
    fn a_bundle_without_certificates_names_its_path() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let options = HttpOptions { ca_bundles: vec![file.path().to_owned()], ..HttpOptions::default() };
        let error = Connector::new(&options).expect_err("an empty bundle");
        assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
    }

    #[test]
    fn a_bundle_of_the_system_that_is_not_there_is_an_error() {
        let options = HttpOptions { system_bundle: Some("/nowhere/ca.pem".into()), ..HttpOptions::default() };
        let error = Connector::new(&options).expect_err("no bundle");
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let connector = Connector::new(&HttpOptions::default()).expect("a connector");
        let host = HostConfig { cert: Some("/a.pem".into()), ..HostConfig::default() };
        let result = connector.host_client(&url("https://example.com/"), "example.com", &host);
        assert!(matches!(result, Err(NetError::HalfIdentity { .. })));
    }
}
