//! Debian's registry with token authentication: the test is the token service.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::SigningKey as _;
use serde_json::json;

use crate::support::authority::{Authority, Certified};
use crate::support::process::run;
use crate::support::server::Server;
use crate::support::workbench::Workbench;

/// One question to the service: whether it came with the password, and its scopes in order.
#[derive(Clone, Debug)]
struct Asked {
    known: bool,
    scopes: Vec<String>,
}

/// Starts a token service; it runs as long as the process of the tests. Only who knows the password may push.
fn service(signer: Certified) -> (String, Arc<Mutex<Vec<Asked>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let realm = format!("http://{}/token", listener.local_addr().expect("an address"));
    let asked = Arc::<Mutex<Vec<Asked>>>::default();
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that is gone hears nothing.
            let _ = answer(stream, &signer, &seen);
        }
    });
    (realm, asked)
}

fn answer(mut stream: TcpStream, signer: &Certified, seen: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut head) = (String::new(), String::new());
    reader.read_line(&mut line)?;
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 2 {}
    let target = line.split(' ').nth(1).unwrap_or("/");
    let url: url::Url = format!("http://x{target}").parse().expect("a target");
    let known = head.to_lowercase().contains(&format!("basic {}", STANDARD.encode("lab:canary")).to_lowercase());
    let refused = head.to_lowercase().contains("authorization:") && !known;
    let scopes: Vec<String> =
        url.query_pairs().filter(|(key, _)| key == "scope").map(|(_, value)| value.into_owned()).collect();
    let (status, body) = match refused {
        true => ("401 Unauthorized", json!({"details": "incorrect username or password"})),
        false => ("200 OK", json!({"token": token(signer, &scopes, known), "expires_in": 60})),
    };
    seen.lock().expect("no panic").push(Asked { known, scopes });
    let body = body.to_string();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// Makes a token as the registry's specification has it: a JWT that names what is allowed.
fn token(signer: &Certified, scopes: &[String], known: bool) -> String {
    let access: Vec<_> = scopes
        .iter()
        .filter_map(|scope| {
            let (rest, actions) = scope.rsplit_once(':')?;
            let (kind, name) = rest.split_once(':')?;
            let actions: Vec<&str> = actions.split(',').filter(|action| known || *action == "pull").collect();
            Some(json!({"type": kind, "name": name, "actions": actions}))
        })
        .collect();
    let certificate = STANDARD.encode(signer.certificate.der());
    let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [certificate]});
    let claims = json!({
        "iss": "lab", "sub": "lab", "aud": "registry", "nbf": 0, "iat": 0, "exp": 32_503_680_000_u64, "jti": "1",
        "access": access,
    });
    let text = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = raw(&signer.key.sign(text.as_bytes()).expect("a signature"));
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Turns an ASN.1 signature of P-256 into the two numbers of 32 bytes that a JWT has (RFC 7518, 3.4).
fn raw(der: &[u8]) -> Vec<u8> {
    let number = |at: usize| {
        let length = usize::from(der[at + 1]);
        let bytes = &der[at + 2..at + 2 + length];
        let significant = &bytes[bytes.len().saturating_sub(32)..];
        ([vec![0; 32 - significant.len()], significant.to_vec()].concat(), at + 2 + length)
    };
    let (r, next) = number(2);
    let (s, _) = number(next);
    [r, s].concat()
}

#[test]
fn tokens_are_asked_for_with_the_scope_of_the_push_first_and_mounts_merge_theirs() {
    let bench = Workbench::new();
    let authority = Authority::new();
    let bundle = authority.write(&bench.path("tokens.pem"));
    let (realm, asked) = service(authority.signer());
    let auth = format!(
        "  token: {{realm: \"{realm}\", service: registry, issuer: lab, rootcertbundle: {}}}\n",
        bundle.display()
    );
    let server = Server::registry(&bench, "127.0.0.1", "", &auth);
    let name = format!("{}/token/shop", server.authority);
    let build =
        format!("version: 1\nname: {name}\ntags: [\"1\"]\nbase: scratch\nlayers:\n  - {{from: app, to: /app}}\n");
    let project = bench.project(&build, &[("app/hello.txt", "hello\n")]);

    let nobody = run(bench.dockless().arg("-C").arg(&project.dir).arg("push"));
    nobody.fails(5, &["cannot push", "401", "nowhere (no source has an entry)", "docker login"]);
    bench.docker_login(&server.authority, "lab:wrong");
    let wrong = run(bench.dockless().arg("-C").arg(&project.dir).arg("push"));
    wrong.fails(5, &["cannot push", "incorrect username or password", "docker/config.json"]);

    bench.docker_login(&server.authority, "lab:canary");
    asked.lock().expect("no panic").clear();
    let pushed = run(bench.dockless().arg("-C").arg(&project.dir).args(["push", "-v", "--json"])).ok();
    assert!(!pushed.stderr.contains("canary"), "{pushed}");
    assert!(pushed.stderr.contains("credentials from `"), "{pushed}");
    let scopes: Vec<Vec<String>> = asked.lock().expect("no panic").iter().map(|one| one.scopes.clone()).collect();
    assert!(scopes.iter().all(|scopes| scopes[0].starts_with("repository:token/shop:pull")), "{scopes:?}");
    assert!(scopes.len() <= 2, "one token to look, one to write: {scopes:?}");
    assert!(asked.lock().expect("no panic").iter().all(|one| one.known));

    asked.lock().expect("no panic").clear();
    let (from, to) = (format!("{name}:1"), format!("{}/token/prod:1", server.authority));
    let copied = run(bench.dockless().args(["copy", "--json", &from, &to])).ok().json();
    assert_eq!((&copied["digest"], &copied["uploaded_bytes"]), (&pushed.json()["digest"], &0.into()));
    assert_eq!(copied["mounted"], 2, "a layer and the config");
    let merged = ["repository:token/prod:pull,push".to_owned(), "repository:token/shop:pull".to_owned()];
    let scopes: Vec<Vec<String>> = asked.lock().expect("no panic").iter().map(|one| one.scopes.clone()).collect();
    assert!(scopes.iter().any(|scopes| scopes[..] == merged), "{scopes:?}");
}
