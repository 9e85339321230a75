//! A server on a loopback port that answers what its script says, and takes note of what it was asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What becomes of an answer.
#[derive(Clone, Copy)]
enum Fault {
    None,
    /// The connection is dropped when so many bytes of the request's body were read.
    Reset(usize),
    /// The answer breaks off after so many bytes of its body.
    CutAfter(usize),
}

/// One answer of the script.
#[derive(Clone)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    fault: Fault,
}

pub(super) fn reply(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), body: Vec::new(), fault: Fault::None }
}

/// The connection is dropped after so many bytes of the request's body.
pub(super) fn reset(after: usize) -> Reply {
    Reply { fault: Fault::Reset(after), ..reply(500) }
}

/// An error body in the form of the specification.
pub(super) fn refuse(status: u16, code: &str, message: &str) -> Reply {
    let body = serde_json::json!({"errors": [{"code": code, "message": message, "detail": {"x": 1}}]});
    reply(status).body(body.to_string().into_bytes())
}

/// An upload session.
pub(super) fn session(location: &str) -> Reply {
    reply(202).header("location", location)
}

impl Reply {
    /// Adds a header; `{base}` in it becomes the server's own URL.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub(super) fn cut_after(self, count: usize) -> Self {
        Self { fault: Fault::CutAfter(count), ..self }
    }
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Default)]
struct State {
    script: VecDeque<(String, Reply)>,
    seen: Vec<Seen>,
    surprises: Vec<String>,
    /// Requests with this method are not answered; whoever waits for one is told.
    held: Option<(&'static str, Option<tokio::sync::oneshot::Sender<()>>)>,
}

pub(super) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

type Body = http_body_util::combinators::BoxBody<Bytes, io::Error>;

impl Server {
    /// Starts a server; a request that is not the next of the script (`METHOD target`) is a surprise.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), address, request));
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    let _ = connection.await;
                });
            }
        });
        Self { address, state }
    }

    pub(super) async fn playing<L: Into<String>>(script: impl IntoIterator<Item = (L, Reply)>) -> Self {
        let server = Self::start().await;
        server.play(script);
        server
    }

    /// Adds to the script.
    pub(super) fn play<L: Into<String>>(&self, script: impl IntoIterator<Item = (L, Reply)>) {
        let mut state = self.state.lock().unwrap();
        state.script.extend(script.into_iter().map(|(line, reply)| (line.into(), reply)));
    }

    /// Leaves the next request with a method without an answer, and tells when it is there.
    pub(super) fn hold(&self, method: &'static str) -> tokio::sync::oneshot::Receiver<()> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.state.lock().unwrap().held = Some((method, Some(sender)));
        receiver
    }

    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Asserts that the script was played to its end and nothing else was asked; returns what was.
    #[track_caller]
    pub(super) fn seen(&self) -> Vec<Seen> {
        let state = self.state.lock().unwrap();
        let left: Vec<&str> = state.script.iter().map(|(line, _)| line.as_str()).collect();
        assert!(state.surprises.is_empty() && left.is_empty(), "surprises {:?}, left {left:?}", state.surprises);
        state.seen.clone()
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    address: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, io::Error> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let line = format!("{} {target}", request.method());
    let headers = request.headers().clone();
    let reply = next(&state, &line);
    if is_held(&state, request.method().as_str()) {
        std::future::pending::<()>().await;
    }
    let stop = if let Fault::Reset(after) = reply.fault { Some(after) } else { None };
    let mut incoming = request.into_body();
    let mut body = Vec::new();
    while stop.is_none_or(|after| body.len() < after) {
        match incoming.frame().await {
            Some(Ok(frame)) => body.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(_)) | None => break,
        }
    }
    state.lock().unwrap().seen.push(Seen { headers, body: body.into() });
    if stop.is_some() {
        return Err(io::Error::other("the script says so"));
    }
    Ok(response(reply, address))
}

fn is_held(state: &Mutex<State>, method: &str) -> bool {
    match &mut state.lock().unwrap().held {
        Some((wanted, sender)) if *wanted == method => sender.take().is_some_and(|sender| sender.send(()).is_ok()),
        _ => false,
    }
}

fn next(state: &Mutex<State>, line: &str) -> Reply {
    let mut state = state.lock().unwrap();
    match state.script.pop_front() {
        Some((expected, reply)) if expected == line => reply,
        Some((expected, reply)) => {
            state.surprises.push(format!("`{line}` instead of `{expected}`"));
            state.script.push_front((expected, reply));
            refuse(400, "UNSUPPORTED", "surprise")
        }
        None => {
            state.surprises.push(format!("`{line}` after the end"));
            refuse(400, "UNSUPPORTED", "surprise")
        }
    }
}

fn response(reply: Reply, address: SocketAddr) -> Response<Body> {
    let mut builder = Response::builder().status(reply.status);
    let said = reply.headers.iter().any(|(name, _)| *name == "content-length");
    for (name, value) in &reply.headers {
        builder = builder.header(*name, value.replace("{base}", &format!("http://{address}")));
    }
    if !said && !matches!(reply.status, 204 | 304) {
        builder = builder.header("content-length", reply.body.len());
    }
    let body: Body = match reply.fault {
        Fault::CutAfter(count) => {
            let part = Bytes::copy_from_slice(&reply.body[..count]);
            // The head and the first part must be on their way before the break.
            let frames = stream::unfold(0, move |step| {
                let part = part.clone();
                async move {
                    match step {
                        0 => Some((Ok(Frame::data(part)), 1)),
                        1 => {
                            tokio::task::yield_now().await;
                            Some((Err(io::Error::other("cut")), 2))
                        }
                        _ => None,
                    }
                }
            });
            BodyExt::boxed(StreamBody::new(SyncStream(Mutex::new(Box::pin(frames)))))
        }
        _ => http_body_util::Full::new(Bytes::from(reply.body)).map_err(|never: Infallible| match never {}).boxed(),
    };
    builder.body(body).expect("a response")
}

/// Makes a stream `Sync`, as boxed bodies want it; nobody shares it.
struct SyncStream<S>(Mutex<S>);

impl<S: futures_util::Stream + Unpin> futures_util::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        let mut inner = self.0.lock().unwrap();
        std::pin::Pin::new(&mut *inner).poll_next(context)
    }
}
