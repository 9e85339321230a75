//! TLS as a company has it: an authority of its own, servers that it certifies, and a proxy that alone reaches them.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A certificate authority that nobody knows but who is told.
pub(crate) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { params, key, pem }
    }

    /// Writes the authority's certificate, and returns the path.
    pub(crate) fn write(&self, folder: &Path) -> String {
        write(&folder.join("ca.pem"), &self.pem)
    }

    fn issue(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).expect("a certificate");
        (certificate, key)
    }

    /// Writes a client's certificate and its key, and returns both paths.
    pub(crate) fn client(&self, folder: &Path) -> (String, String) {
        let (certificate, key) = self.issue(&["client"], ExtendedKeyUsagePurpose::ClientAuth);
        let cert = write(&folder.join("client.pem"), &certificate.pem());
        (cert, write(&folder.join("client.key"), &key.serialize_pem()))
    }

    fn server(&self, names: &[&str], clients: Option<&Self>) -> TlsAcceptor {
        let (certificate, key) = self.issue(names, ExtendedKeyUsagePurpose::ServerAuth);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                let own = authority.params.self_signed(&authority.key).expect("a certificate");
                roots.add(own.der().clone()).expect("an authority");
                let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).expect("a key that fits")))
    }
}

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).expect("a written file");
    path.display().to_string()
}

/// A loopback server of the test; it ends when it is dropped.
pub(crate) struct Front {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Front {
    /// Puts TLS in front of a server, with a certificate for these names.
    pub(crate) fn tls(backend: &str, authority: &Authority, names: &[&str], clients: Option<&Authority>) -> Self {
        let (acceptor, backend) = (authority.server(names, clients), backend.to_owned());
        Self::start(move |stream, _| {
            let (acceptor, backend) = (acceptor.clone(), backend.clone());
            async move {
                let mut tls = match acceptor.accept(stream).into_fallible().await {
                    Ok(tls) => tls,
                    // What is read on is not reset: the other side gets to see why it was refused.
                    Err((_, mut refused)) => {
                        let _ = tokio::io::copy(&mut refused, &mut tokio::io::sink()).await;
                        return;
                    }
                };
                let Ok(mut server) = TcpStream::connect(&backend).await else { return };
                let _ = copy_bidirectional(&mut tls, &mut server).await;
            }
        })
    }

    /// A proxy for CONNECT that takes whatever name is asked for to one server. It lets in who shows `login`
    /// (`USER:PASSWORD`), if there is one.
    pub(crate) fn proxy(server: &str, login: Option<&str>) -> Self {
        use base64::Engine as _;
        let server = server.to_owned();
        let wanted = login.map(|login| base64::engine::general_purpose::STANDARD.encode(login));
        Self::start(move |mut stream, asked| {
            let (server, wanted) = (server.clone(), wanted.clone());
            async move {
                let Some(head) = head(&mut stream).await else { return };
                let line = head.lines().next().unwrap_or_default().to_owned();
                asked.lock().expect("no panic").push(line.replace(" HTTP/1.1", ""));
                let known = wanted.is_none_or(|wanted| head.contains(&format!("Basic {wanted}")));
                let answer = match known {
                    true => "HTTP/1.1 200 OK\r\n\r\n",
                    false => "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
                };
                if stream.write_all(answer.as_bytes()).await.is_err() || !known {
                    return;
                }
                let Ok(mut server) = TcpStream::connect(&server).await else { return };
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            }
        })
    }

    fn start<F, R>(serve: F) -> Self
    where
        F: Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&asked);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen)));
            }
        });
        Self { address, asked, _runtime: runtime }
    }

    /// Returns `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the port.
    pub(crate) fn port(&self) -> &str {
        self.address.rsplit_once(':').expect("a port").1
    }

    /// Returns what a proxy was asked for, each line once, sorted.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().expect("no panic").clone();
        asked.sort();
        asked.dedup();
        asked
    }
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}
