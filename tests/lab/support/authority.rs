//! A certificate authority of the test: nobody knows it but who is told.

use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The authority.
pub(crate) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
}

/// A certificate with its key.
pub(crate) struct Certified {
    /// The certificate.
    pub(crate) certificate: rcgen::Certificate,
    /// Its key.
    pub(crate) key: KeyPair,
}

impl Authority {
    /// Makes an authority.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { params, key, pem }
    }

    /// Writes the authority's certificate.
    pub(crate) fn write(&self, path: &Path) -> PathBuf {
        std::fs::write(path, &self.pem).expect("the workbench is writable");
        path.to_owned()
    }

    /// Certifies a server at an address.
    pub(crate) fn server(&self, address: IpAddr) -> Certified {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.subject_alt_names.push(SanType::IpAddress(address));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.certify(&params)
    }

    /// Certifies a key that signs tokens.
    pub(crate) fn signer(&self) -> Certified {
        self.certify(&CertificateParams::new(vec!["tokens".to_owned()]).expect("a name"))
    }

    fn certify(&self, params: &CertificateParams) -> Certified {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).expect("a certificate");
        Certified { certificate, key }
    }
}

impl Certified {
    /// Writes certificate and key.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (cert, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&cert, self.certificate.pem()).expect("the workbench is writable");
        std::fs::write(&key, self.key.serialize_pem()).expect("the workbench is writable");
        (cert, key)
    }

    /// Puts TLS before a plain server, for as long as the test runs; returns the port.
    pub(crate) fn front(&self, address: IpAddr, backend: &str) -> u16 {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = vec![CertificateDer::from(self.certificate.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a key that fits");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((address, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let backend = backend.to_owned();
        thread::spawn(move || serve(listener, &acceptor, &backend));
        port
    }
}

/// Serves until the process of the tests ends.
fn serve(listener: TcpListener, acceptor: &tokio_rustls::TlsAcceptor, backend: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    listener.set_nonblocking(true).expect("a socket");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, backend) = (acceptor.clone(), backend.to_owned());
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(stream).await else { return };
                let Ok(mut server) = tokio::net::TcpStream::connect(&backend).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut tls, &mut server).await;
            });
        }
    });
}

/// Waits until a server accepts connections.
pub(crate) fn await_port(authority: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while TcpStream::connect(authority).is_err() {
        assert!(std::time::Instant::now() < deadline, "nobody listens on {authority}");
        thread::yield_now();
    }
}
