//! Servers that keep to the protocol by its letter, or nearly, and that no two clients agree on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use dockless::oci::Digest;

use super::support::raw::{RawAnswer, RawRequest, RawServer};
use super::support::{Project, Runner};

/// What is odd about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Odd {
    /// It speaks HTTP/1.0, and closes each connection.
    Http10,
    /// It says `connection: close` with each answer.
    Close,
    /// A `Location` relative to the path, with a query that must come back as it is.
    RelativeWithQuery,
    /// A `Location` that climbs.
    Climbing,
    /// A `Location` with a fragment.
    Fragment,
    /// POST is sent on to the same host by 307.
    Post307,
    /// POST is sent on to another name of the host by 307.
    Post307Elsewhere,
    /// PUT of a blob is sent on to the same host by 308.
    Put308,
    /// PUT of a blob is sent on to another name of the host by 307.
    Put307Elsewhere,
    /// PUT of a blob names no digest, and no place.
    Silent,
    /// PUT of a blob names a digest of another algorithm.
    OtherAlgorithm,
    /// A limit of requests that names a time long past.
    LimitedUntilThePast,
    /// A limit of requests that names no time.
    LimitedByNonsense,
    /// Manifests without a length: they end with the connection.
    NoLength,
}

const ALL: [Odd; 14] = [
    Odd::Http10,
    Odd::Close,
    Odd::RelativeWithQuery,
    Odd::Climbing,
    Odd::Fragment,
    Odd::Post307,
    Odd::Post307Elsewhere,
    Odd::Put308,
    Odd::Put307Elsewhere,
    Odd::Silent,
    Odd::OtherAlgorithm,
    Odd::LimitedUntilThePast,
    Odd::LimitedByNonsense,
    Odd::NoLength,
];

#[derive(Default)]
struct Held {
    /// Blobs by digest, manifests by digest and tag.
    content: BTreeMap<String, Vec<u8>>,
    limited: bool,
}

const QUERY: &str = "_state=a%2Fb&x=1";

/// A request, taken apart.
struct Asked<'a> {
    request: &'a RawRequest,
    method: &'a str,
    target: &'a str,
    path: &'a str,
    query: &'a str,
    /// Whether the host was asked under its other name.
    local: bool,
}

impl<'a> Asked<'a> {
    fn of(request: &'a RawRequest) -> Self {
        let (method, target) = request.line.split_once(' ').unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let local = request.header("host").is_some_and(|host| host.starts_with("localhost"));
        Self { request, method, target, path, query, local }
    }

    /// The same place under the host's other name.
    fn elsewhere(&self) -> String {
        format!("http://{}{}", self.request.address.replace("127.0.0.1", "localhost"), self.target)
    }

    /// The same place with a mark that it was led to.
    fn once_more(&self) -> String {
        let join = if self.query.is_empty() { "?" } else { "&" };
        format!("http://{}{}{join}hop=1", self.request.address, self.target)
    }

    fn is_led(&self) -> bool {
        self.query.contains("hop=1")
    }
}

fn moved(status: &str, to: &str) -> RawAnswer {
    RawAnswer::of(status, &format!("location: {to}\r\n"), "")
}

fn answer(odd: Odd, held: &mut Held, request: &RawRequest) -> RawAnswer {
    let asked = Asked::of(request);
    match asked.method {
        "POST" => start(odd, held, &asked),
        "PUT" if asked.path.contains("/uploads/") => put_blob(odd, held, &asked),
        "PUT" => {
            let key = asked.path.rsplit('/').next().unwrap_or_default().to_owned();
            held.content.insert(Digest::of(&request.body).to_string(), request.body.clone());
            held.content.insert(key, request.body.clone());
            RawAnswer::of("201 Created", "", "")
        }
        _ => read(odd, held, &asked),
    }
}

fn start(odd: Odd, held: &mut Held, asked: &Asked<'_>) -> RawAnswer {
    let path = asked.path;
    match odd {
        Odd::LimitedUntilThePast | Odd::LimitedByNonsense if !std::mem::replace(&mut held.limited, true) => {
            let until = if odd == Odd::LimitedByNonsense { "soon" } else { "Mon, 01 Jan 2001 00:00:00 GMT" };
            RawAnswer::of("429 Too Many Requests", &format!("retry-after: {until}\r\n"), "")
        }
        Odd::Post307 if !asked.is_led() => moved("307 Temporary Redirect", &asked.once_more()),
        Odd::Post307Elsewhere if !asked.local => moved("307 Temporary Redirect", &asked.elsewhere()),
        Odd::RelativeWithQuery => moved("202 Accepted", &format!("7?{QUERY}")),
        Odd::Climbing => moved("202 Accepted", "../uploads/7"),
        Odd::Fragment => moved("202 Accepted", &format!("{path}7#part")),
        _ => moved("202 Accepted", &format!("{path}7")),
    }
}

fn put_blob(odd: Odd, held: &mut Held, asked: &Asked<'_>) -> RawAnswer {
    match odd {
        Odd::RelativeWithQuery if !asked.query.starts_with(QUERY) => {
            return RawAnswer::of("400 Bad Request", "", asked.query);
        }
        Odd::Put308 if !asked.is_led() => return moved("308 Permanent Redirect", &asked.once_more()),
        Odd::Put307Elsewhere if !asked.local => return moved("307 Temporary Redirect", &asked.elsewhere()),
        _ => {}
    }
    let digest = Digest::of(&asked.request.body).to_string();
    held.content.insert(digest.clone(), asked.request.body.clone());
    let headers = match odd {
        Odd::Silent => String::new(),
        Odd::OtherAlgorithm => "docker-content-digest: sha512:00\r\n".to_owned(),
        _ => format!("docker-content-digest: {digest}\r\n"),
    };
    RawAnswer::of("201 Created", &headers, "")
}

fn read(odd: Odd, held: &Held, asked: &Asked<'_>) -> RawAnswer {
    let key = asked.path.rsplit('/').next().unwrap_or_default();
    let is_manifest = asked.path.contains("/manifests/");
    let Some(bytes) = held.content.get(key) else { return RawAnswer::of("404 Not Found", "", "") };
    let media_type = if is_manifest { "application/vnd.oci.image.manifest.v1+json" } else { "x/y" };
    let headers = format!("content-type: {media_type}\r\ndocker-content-digest: {}\r\n", Digest::of(bytes));
    if asked.method == "HEAD" {
        return RawAnswer::bytes(format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n", bytes.len()));
    }
    if odd == Odd::NoLength && is_manifest {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
        return RawAnswer::bytes([head.as_bytes(), bytes].concat()).closing();
    }
    RawAnswer::of("200 OK", &headers, bytes)
}

fn odd_server(odd: Odd) -> (RawServer, Arc<Mutex<Vec<String>>>) {
    let (held, leaked) = (Mutex::<Held>::default(), Arc::<Mutex<Vec<String>>>::default());
    let seen = Arc::clone(&leaked);
    let server = RawServer::start(move |request| {
        let elsewhere = request.header("host").is_some_and(|host| host.starts_with("localhost"));
        if elsewhere && request.header("authorization").is_some() {
            seen.lock().expect("no panic").push(request.line.clone());
        }
        if !elsewhere && request.header("authorization").is_none() {
            return RawAnswer::of("401 Unauthorized", "www-authenticate: Basic realm=\"r\"\r\n", "");
        }
        let answer = answer(odd, &mut held.lock().expect("no panic"), request);
        match odd {
            Odd::Http10 => answer.replaced("HTTP/1.1", "HTTP/1.0").closing(),
            Odd::Close => answer.replaced("\r\n", "\r\nconnection: close\r\n").closing(),
            _ => answer,
        }
    });
    (server, leaked)
}

#[test]
fn what_is_odd_and_legal_is_pushed_to_and_read_from() {
    let project = Project::scratch();
    for odd in ALL {
        let (server, leaked) = odd_server(odd);
        let login = format!(r#"{{"auths":{{"{}":{{"auth":"dXNlcjpjYW5hcnk="}}}}}}"#, server.address());
        let (runner, name) = (Runner::new().env("DOCKER_AUTH_CONFIG", &login), format!("{}/shop", server.address()));
        let pushed = runner.report(project.path(), &["push", "--name", &name, "--tag", "1"]);
        assert_eq!(pushed["uploaded_blobs"], 2, "{odd:?}: {:?}", server.seen());
        let inspected = runner.report(project.path(), &["inspect", &format!("{name}:1")]);
        assert_eq!(inspected["digest"], pushed["digest"], "{odd:?}");
        let layout = project.join(&format!("out-{odd:?}"));
        let copied =
            runner.report(project.path(), &["copy", &format!("{name}:1"), &format!("oci:{}", layout.display())]);
        assert_eq!(copied["digest"], pushed["digest"], "{odd:?}");
        assert_eq!(*leaked.lock().expect("no panic"), Vec::<String>::new(), "{odd:?}: credentials went elsewhere");
    }
}

#[test]
fn a_manifest_that_was_packed_on_its_way_is_told_as_that() {
    let server = RawServer::start(|request| {
        assert_eq!(request.header("accept-encoding"), Some("identity"), "nobody is asked to pack it");
        let digest = format!("docker-content-digest: {}\r\ncontent-encoding: gzip\r\n", Digest::of(b"{}"));
        RawAnswer::of("200 OK", &digest, [0x1f, 0x8b, 8, 0])
    });
    let run = Runner::new().run(Project::scratch().path(), &["inspect", &format!("{}/shop:1", server.address())]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.stderr.contains("is encoded as `gzip`, unasked"), "{}", run.stderr);
}

#[test]
fn a_blob_that_is_named_otherwise_by_its_answer_is_no_success() {
    let held = Mutex::<Held>::default();
    let server = RawServer::start(move |request| {
        let answer = answer(Odd::Close, &mut held.lock().expect("no panic"), request);
        let is_blob = request.line.starts_with("PUT") && request.line.contains("/uploads/");
        if is_blob {
            answer.replaced(&Digest::of(&request.body).to_string(), &Digest::of(b"other").to_string())
        } else {
            answer
        }
    });
    let name = format!("{}/shop", server.address());
    let run = Runner::new().run(Project::scratch().path(), &["push", "--name", &name, "--tag", "1"]);
    run.fails_with(5, &["the content is", "check proxies and mirrors"]);
    assert!(!server.seen().iter().any(|line| line.starts_with("PUT") && line.contains("/manifests/")), "no tag");
}
