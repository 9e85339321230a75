//! One HTTP request and its answer: the right client, time-outs that know progress, errors in our words.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use reqwest::{Body, Response};
use url::Url;

use super::body::{BlobBody, Progress, Section};
use super::endpoint::{Endpoint, same_origin};
use super::error::{Cause, RegistryError, target};
use super::redaction::Redaction;
use super::response::{self, ResponseError};
use super::retry;
use super::transport::{TransportError, TransportKind};
use crate::event::{Event, Observer};
use crate::ground::{Clock, Secret};
use crate::net::{Connector, Reach};
use crate::spec::HostConfig;

/// How long nothing may happen. There is no bound on a whole transfer: only a stalled one is given up.
///
/// These run on the runtime's own time, not on the injected clock: they watch sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From a request without a blob to the head of its answer.
    pub answer: Duration,
    /// Between two signs of progress of a transfer.
    pub idle: Duration,
    /// From the last byte of a blob to the answer: ECR puts a large layer together before it answers.
    pub commit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { answer: Duration::from_secs(60), idle: Duration::from_secs(60), commit: Duration::from_secs(300) }
    }
}

/// What a request carries. All of it can be sent again.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    /// Nothing.
    Empty,
    /// A small document.
    Bytes(Bytes),
    /// A blob or a part of it, opened anew for each attempt.
    Blob(Section),
}

/// One request, on its way.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload,
}

/// Sends requests.
pub(super) struct Wire {
    connector: Connector,
    hosts: BTreeMap<String, HostConfig>,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    /// The hosts that have answered in this run, each with the address that the connection was to.
    answered: Mutex<BTreeMap<String, Option<IpAddr>>>,
    /// What was sent as a credential: never repeated, also where a server repeats it.
    redaction: Redaction,
}

/// The host and port of a URL, for messages.
fn authority(url: &Url) -> String {
    url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}

impl Wire {
    pub(super) fn new(
        connector: Connector,
        hosts: BTreeMap<String, HostConfig>,
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let (answered, redaction) = (Mutex::default(), Redaction::default());
        Self { connector, hosts, timeouts, clock, observer, answered, redaction }
    }

    /// Returns how long silence may last.
    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Tells the observer.
    pub(super) fn tell(&self, event: Event) {
        self.observer.observe(event);
    }

    /// Returns a request in words: its method and its target.
    pub(super) fn what(&self, endpoint: &Endpoint, method: &Method, url: &Url) -> String {
        format!("{method} {}", target(endpoint.is_origin_of(url), url))
    }

    /// Sends one request and returns the head of its answer, whatever its status.
    pub(super) async fn send(&self, endpoint: &Endpoint, ask: Ask) -> Result<Response, RegistryError> {
        if !self.observer.wants_requests() {
            return self.exchange(endpoint, ask).await;
        }
        let (what, started) = (self.what(endpoint, &ask.method, &ask.url), self.clock.now());
        let result = self.exchange(endpoint, ask).await;
        let took_ms = u64::try_from(self.clock.now().since(started).as_millis()).unwrap_or(u64::MAX);
        let status = result.as_ref().ok().map(|response| response.status().as_u16());
        self.tell(Event::RequestEnded { host: endpoint.host.clone(), what: self.redacted(&what), status, took_ms });
        result
    }

    async fn exchange(&self, endpoint: &Endpoint, ask: Ask) -> Result<Response, RegistryError> {
        let client = self.client(endpoint, &ask.url)?;
        let Ask { method, mut url, mut headers, payload } = ask;
        // User information in a URL would become credentials, of the server's choice. URLs without a host have none.
        let _ = (url.set_username(""), url.set_password(None));
        // Digests are of bytes as they are stored: without this, a proxy may pack them as it likes.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(credential) = headers.get(header::AUTHORIZATION) {
            self.redaction.keep(credential);
        }
        if let (Payload::Bytes(bytes), Some(form)) = (&payload, headers.get(header::CONTENT_TYPE))
            && form == "application/x-www-form-urlencoded"
        {
            self.redaction.keep_form(bytes);
        }
        let (body, progress) = self.open(payload, &method, &mut headers);
        let mut request = client.request(method.clone(), url.clone()).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let result = match &progress {
            None => tokio::time::timeout(self.timeouts.answer, request.send()).await.map_err(|_| self.timeouts.answer),
            Some(progress) => self.watch(request.send(), progress).await,
        };
        let moved = progress.as_ref().is_some_and(|progress| progress.sent() > 0);
        let fault = progress.and_then(|progress| progress.take_fault());
        match (result, fault) {
            (_, Some(fault)) => Err(fault),
            (Ok(Ok(response)), None) => {
                let address = response.remote_addr().map(|address| address.ip());
                self.answered.lock().unwrap_or_else(PoisonError::into_inner).insert(authority(&url), address);
                Ok(response)
            }
            (Ok(Err(error)), None) => {
                let (kind, cause) = (TransportKind::of(&error), TransportError::cause_of(&error));
                Err(self.broken(endpoint, (&method, &url), kind, cause, moved))
            }
            (Err(limit), None) => {
                Err(self.broken(endpoint, (&method, &url), TransportKind::Stalled, silence(limit), moved))
            }
        }
    }

    fn client(&self, endpoint: &Endpoint, url: &Url) -> Result<reqwest::Client, RegistryError> {
        let client = if endpoint.is_origin_of(url) {
            self.connector.host_client(url, &endpoint.host, &endpoint.config)
        } else if let Some((name, host)) = self.hosts.get_key_value(&authority(url)) {
            self.connector.host_client(url, name, host)
        } else {
            // A token service or a storage beside the registry is often under the same private authority; the client
            // certificate is for the registry alone.
            self.connector.led_client(url, endpoint.config.ca.as_deref(), self.reach(endpoint))
        };
        Ok(client?)
    }

    /// Returns how far inside a registry may lead us by names: no further than where it answered itself. ECR's own names
    /// are AWS's to give, and a private endpoint of S3 makes them stand for addresses of the network.
    fn reach(&self, endpoint: &Endpoint) -> Reach {
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let address = answered.get(&authority(&endpoint.base)).copied().flatten();
        let own = address.map_or_else(|| Reach::of_url(&endpoint.base), Reach::of);
        if endpoint.ecr.is_some() { own.max(Reach::Private) } else { own }
    }

    /// Opens the payload. Its length is always said; nothing is ever sent in chunks of unknown number.
    fn open(
        &self,
        payload: Payload,
        method: &Method,
        headers: &mut HeaderMap,
    ) -> (Option<Body>, Option<Arc<Progress>>) {
        match payload {
            Payload::Empty => {
                if !matches!(*method, Method::GET | Method::HEAD) {
                    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
                }
                (None, None)
            }
            Payload::Bytes(bytes) => {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
                (Some(bytes.into()), None)
            }
            Payload::Blob(section) => {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(section.length));
                let (body, progress) = BlobBody::open(&section, &self.observer);
                (Some(Body::wrap(body)), Some(progress))
            }
        }
    }

    /// Waits for an answer while the body makes progress, and a while longer when it has all gone.
    async fn watch<T>(&self, sending: impl Future<Output = T>, progress: &Progress) -> Result<T, Duration> {
        tokio::pin!(sending);
        loop {
            let (before, complete) = (progress.sent(), progress.is_complete());
            let limit = if complete { self.timeouts.commit } else { self.timeouts.idle };
            match tokio::time::timeout(limit, &mut sending).await {
                Ok(result) => return Ok(result),
                Err(_) if progress.sent() == before && progress.is_complete() == complete => return Err(limit),
                Err(_) => {}
            }
        }
    }

    fn broken(
        &self,
        endpoint: &Endpoint,
        (method, url): (&Method, &Url),
        kind: TransportKind,
        cause: Cause,
        moved: bool,
    ) -> RegistryError {
        let host = authority(url);
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&host);
        let target = target(endpoint.is_origin_of(url), url);
        TransportError { method: method.clone(), target, host, kind, answered, moved, cause }.into()
    }

    /// Returns the next bytes of an answer, or `None` at its end.
    pub(super) async fn chunk(&self, response: &mut Response, what: &str) -> Result<Option<Bytes>, RegistryError> {
        let (kind, cause) = match tokio::time::timeout(self.timeouts.idle, response.chunk()).await {
            Ok(Ok(chunk)) => return Ok(chunk),
            Ok(Err(error)) => (TransportKind::Broken, TransportError::cause_of(&error)),
            Err(_) => (TransportKind::Stalled, silence(self.timeouts.idle)),
        };
        Err(reading(what, authority(response.url()), kind, cause))
    }

    /// Reads the body of an answer that is a document.
    ///
    /// # Errors
    /// When it is longer than `limit` bytes, or does not end within the time of a commit: a server that sends a byte
    /// now and then makes progress for ever.
    pub(super) async fn body(&self, response: Response, what: &str, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let host = authority(response.url());
        match tokio::time::timeout(self.timeouts.commit, self.collect(response, what, limit)).await {
            Ok(result) => result,
            Err(_) => {
                let cause = Cause(format!("no end within {} seconds", self.timeouts.commit.as_secs_f64()));
                Err(reading(what, host, TransportKind::Stalled, cause))
            }
        }
    }

    async fn collect(&self, mut response: Response, what: &str, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let too_long = || RegistryError::Protocol {
            what: what.to_owned(),
            why: format!("the answer is longer than {limit} bytes"),
        };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(&mut response, what).await? {
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Reads as much of an error body as is worth reading, and no longer than is worth waiting.
    async fn words(&self, response: &mut Response) -> Vec<u8> {
        let mut body = Vec::new();
        let reading = async {
            while body.len() < response::BODY_LIMIT {
                match self.chunk(response, "").await {
                    Ok(Some(chunk)) => {
                        body.extend_from_slice(&chunk[..chunk.len().min(response::BODY_LIMIT - body.len())]);
                    }
                    // The status is what counts; a body that breaks off says no more.
                    Ok(None) | Err(_) => break,
                }
            }
        };
        // What came until then is looked at like a body that breaks off.
        let _ = tokio::time::timeout(self.timeouts.idle.min(WORDS_TIME), reading).await;
        body
    }

    /// Remembers a token that is never to be repeated.
    pub(super) fn keep_secret(&self, token: &Secret<String>) {
        self.redaction.keep_token(token);
    }

    /// Takes credentials out of a server's words.
    pub(super) fn redacted(&self, text: &str) -> String {
        self.redaction.apply(text)
    }

    /// Puts an error answer into words.
    pub(super) async fn refusal(
        &self,
        endpoint: &Endpoint,
        method: &Method,
        url: &Url,
        mut response: Response,
    ) -> ResponseError {
        let values = |name| response.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
        let challenges = values(header::WWW_AUTHENTICATE).map(str::to_owned).collect();
        let retry_after =
            values(header::RETRY_AFTER).next().and_then(|value| retry::retry_after(value, self.clock.now()));
        let status = response.status();
        // Before the words are cut to a length that a secret may cross; and after, since JSON may hide one.
        let mut body = self.words(&mut response).await;
        if let Ok(text) = std::str::from_utf8(&body) {
            body = self.redacted(text).into();
        }
        let mut refusals = response::refusals(&body);
        for refusal in &mut refusals {
            refusal.code = self.redacted(&refusal.code);
            refusal.message = self.redacted(&refusal.message);
        }
        ResponseError {
            method: method.clone(),
            target: target(endpoint.is_origin_of(url), url),
            status,
            refusals,
            host: endpoint.host.clone(),
            repository: String::new(),
            tag: None,
            credential: String::new(),
            ecr: endpoint.ecr.clone(),
            challenges,
            retry_after,
            foreign: !same_origin(&endpoint.base, url),
            renewed: false,
        }
    }
}

/// How long the words of an error are waited for.
const WORDS_TIME: Duration = Duration::from_secs(10);

/// The error of an answer whose head came and whose body did not.
fn reading(what: &str, host: String, kind: TransportKind, cause: Cause) -> RegistryError {
    let (method, target) = what.split_once(' ').unwrap_or(("GET", what));
    let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
    TransportError { method, target: target.to_owned(), host, kind, answered: true, moved: true, cause }.into()
}

fn silence(limit: Duration) -> Cause {
    Cause(format!("nothing for {} seconds", limit.as_secs_f64()))
}
