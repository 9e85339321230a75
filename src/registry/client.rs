//! The client: one request with its credentials, its redirects and its retries.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Method, header};
use reqwest::Response;
use url::Url;

use super::RegistryError;
use super::auth::{Access, Authorization, Authorizer, CredentialSources, Credentials};
use super::backoff::Backoff;
use super::ecr::{EcrClients, EcrRepository};
use super::endpoint::Endpoint;
use super::host::RegistryHost;
use super::known_blobs::KnownBlobs;
use super::redirect;
use super::response::ResponseError;
use super::retry::RetryPolicy;
use super::session::OpenSessions;
use super::wire::{Ask, Payload, Timeouts, Wire};
use crate::event::{Event, Observer, Silent};
use crate::ground::Clock;
use crate::net::{AwsOptions, Connector};
use crate::oci::Repository;
use crate::spec::HostConfig;

/// What a client is made of.
#[derive(Clone)]
pub struct RegistryOptions {
    /// How hosts are reached, by the names that references give them.
    pub hosts: BTreeMap<String, HostConfig>,
    /// Where credentials are looked for.
    pub credentials: CredentialSources,
    /// The AWS configuration that ECR tokens are minted with, each in the region of its host; `None` for no AWS.
    pub aws: Option<AwsOptions>,
    /// How long requests are tried again.
    pub retry: RetryPolicy,
    /// When a silent connection is given up.
    pub timeouts: Timeouts,
    /// The one connector.
    pub connector: Connector,
    /// The time of pauses and of tokens.
    pub clock: Arc<dyn Clock>,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
}

impl RegistryOptions {
    /// Makes options with no hosts, no credentials and the default policies.
    pub fn new(connector: Connector, clock: Arc<dyn Clock>) -> Self {
        Self {
            hosts: BTreeMap::new(),
            credentials: CredentialSources::default(),
            aws: None,
            retry: RetryPolicy::default(),
            timeouts: Timeouts::default(),
            connector,
            clock,
            observer: Arc::new(Silent),
        }
    }
}

/// All registries, as this run sees them. Cheap to clone; clones share connections, tokens and pauses.
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

pub(super) struct Shared {
    hosts: BTreeMap<String, HostConfig>,
    credentials: Arc<Credentials>,
    ecr: Option<Arc<EcrClients>>,
    pub(super) wire: Arc<Wire>,
    pub(super) retry: RetryPolicy,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) sessions: Arc<OpenSessions>,
    pub(super) blobs: KnownBlobs,
    known: Mutex<BTreeMap<String, Arc<RegistryHost>>>,
}

impl Registry {
    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    /// When the endpoint of a configured host is no host.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistryError> {
        for (host, config) in &options.hosts {
            Endpoint::new(host, config.clone())?;
        }
        let RegistryOptions { hosts, credentials, aws, retry, timeouts, connector, clock, observer } = options;
        let ecr = aws.map(|aws| Arc::new(EcrClients::new(aws, connector.clone(), Arc::clone(&clock))));
        let credentials = Arc::new(Credentials::new(credentials, ecr.clone()));
        let wire = Wire::new(connector, hosts.clone(), timeouts, Arc::clone(&clock), Arc::clone(&observer));
        let (wire, sessions, known) = (Arc::new(wire), Arc::default(), Mutex::default());
        let blobs = KnownBlobs::default();
        Ok(Self(Arc::new(Shared { hosts, credentials, ecr, wire, retry, clock, observer, sessions, blobs, known })))
    }

    /// Takes the credentials that were sent so far out of a text.
    pub fn redacted(&self, text: &str) -> String {
        self.0.wire.redacted(text)
    }

    pub(super) fn sessions(&self) -> &OpenSessions {
        &self.0.sessions
    }

    /// Returns the client of one repository.
    ///
    /// # Errors
    /// When its host cannot be made a URL.
    pub fn repository(&self, repository: &Repository) -> Result<RepositoryClient, RegistryError> {
        let host = self.host(repository.host())?;
        Ok(RepositoryClient { shared: Arc::clone(&self.0), host, repository: repository.clone() })
    }

    /// Returns the repositories that mirrors serve a repository under, in the order of the configuration. Each is
    /// asked with its own host's credentials, never with those of the host that it mirrors.
    ///
    /// # Errors
    /// When a mirror is no `HOST[/PREFIX]`.
    pub(super) fn mirrors(&self, repository: &Repository) -> Result<Vec<RepositoryClient>, RegistryError> {
        let mirrors = self.0.hosts.get(repository.host()).map_or(&[][..], |host| host.mirrors.as_slice());
        let client = |mirror: &String| {
            let (host, prefix) = mirror.split_once('/').unwrap_or((mirror, ""));
            let name = [prefix.trim_matches('/'), repository.name()].join("/");
            let served = Repository::new(host, name.trim_start_matches('/'));
            self.repository(&served.map_err(|source| RegistryError::Mirror { mirror: mirror.clone(), source })?)
        };
        mirrors.iter().map(client).collect()
    }

    fn host(&self, name: &str) -> Result<Arc<RegistryHost>, RegistryError> {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = known.get(name) {
            return Ok(Arc::clone(host));
        }
        let config = self.0.hosts.get(name).cloned().unwrap_or_default();
        let endpoint = Arc::new(Endpoint::new(name, config)?);
        let (wire, credentials) = (Arc::clone(&self.0.wire), Arc::clone(&self.0.credentials));
        let authorizer = Authorizer::new(Arc::clone(&endpoint), wire, credentials, Arc::clone(&self.0.clock));
        let host = Arc::new(RegistryHost::new(endpoint, authorizer));
        known.insert(name.to_owned(), Arc::clone(&host));
        Ok(host)
    }
}

/// The client of one repository. Cheap to clone, and usable from many tasks at once.
#[derive(Clone)]
pub struct RepositoryClient {
    pub(super) shared: Arc<Shared>,
    pub(super) host: Arc<RegistryHost>,
    pub(super) repository: Repository,
}

/// One request, before it has a URL's worth of credentials.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload,
    /// Whether it writes.
    pub(super) push: bool,
    /// The repository that a mount reads.
    pub(super) mount_from: Option<String>,
    /// The tag that it is about, for messages.
    pub(super) tag: Option<String>,
}

impl Request {
    pub(super) fn new(method: Method, url: Url) -> Self {
        let headers = HeaderMap::new();
        Self { method, url, headers, payload: Payload::Empty, push: false, mount_from: None, tag: None }
    }

    /// Marks the request as one that writes.
    pub(super) fn pushing(self) -> Self {
        Self { push: true, ..self }
    }
}

/// The head of an answer that is no error; its body is still on its way.
pub(super) struct Answer {
    pub(super) response: Response,
    /// The request in words.
    pub(super) what: String,
    /// Where the answer came from, after redirects.
    pub(super) url: Url,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }
}

impl RepositoryClient {
    /// Returns the repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns where the credentials for the host came from, in words; before the first refusal nothing is known.
    pub fn credential_origin(&self) -> String {
        self.host.authorizer.origin()
    }

    /// Returns the repository as ECR's own API sees it, if the host is one of ECR's and AWS said who we are.
    pub fn ecr(&self) -> Option<EcrRepository> {
        let (clients, host) = (self.shared.ecr.clone()?, self.host.endpoint.ecr.clone()?);
        let known = self.host.authorizer.is_by_aws();
        known.then(|| EcrRepository::new(clients, host, self.repository.name()))
    }

    /// Returns the repositories that are asked first when something is pulled from here.
    pub(super) fn mirrors(&self) -> Result<Vec<Self>, RegistryError> {
        Registry(Arc::clone(&self.shared)).mirrors(&self.repository)
    }

    /// Returns the URL of a path below the repository.
    pub(super) fn url(&self, path: &str) -> Url {
        self.host.endpoint.url(&format!("{}/{path}", self.repository.name()))
    }

    pub(super) fn what(&self, method: &Method, url: &Url) -> String {
        self.shared.wire.what(&self.host.endpoint, method, url)
    }

    /// Sends a request once: with credentials, renewed at most once, and along redirects.
    ///
    /// # Errors
    /// When there is no answer, or when its status is 400 or more.
    pub(super) async fn exchange(&self, request: &Request) -> Result<Answer, RegistryError> {
        self.host.ready(self.shared.clock.as_ref()).await;
        self.host.turn(&request.method, &request.url, self.shared.clock.as_ref()).await;
        let mut access = Access {
            repository: self.repository.clone(),
            push: request.push,
            mount_from: request.mount_from.clone(),
            extra: Vec::new(),
        };
        let mut renewed = false;
        loop {
            let authorization = match self.host.endpoint.is_origin_of(&request.url) {
                true => self.host.authorizer.authorize(&access).await?,
                false => None,
            };
            let mut refusal = match self.deliver(request, authorization.as_ref()).await? {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            let hopeless = renewed || refusal.foreign;
            if hopeless || !self.host.authorizer.renew(&mut access, authorization.as_ref(), &refusal).await? {
                refusal.credential = self.host.authorizer.origin();
                return Err(refusal.into());
            }
            renewed = true;
            // A blob does not go twice into one upload session (ECR refuses its first byte with 416).
            if matches!(&request.payload, Payload::Blob(section) if section.is_whole()) {
                refusal.renewed = true;
                return Err(refusal.into());
            }
        }
    }

    /// Sends a request along its redirects. The credentials stay with the registry.
    async fn deliver(
        &self,
        request: &Request,
        authorization: Option<&Authorization>,
    ) -> Result<Result<Answer, ResponseError>, RegistryError> {
        let (wire, endpoint) = (&self.shared.wire, self.host.endpoint.as_ref());
        let method = &request.method;
        let what = self.what(method, &request.url);
        let mut url = request.url.clone();
        for hops in 0.. {
            let mut headers = request.headers.clone();
            let header = authorization.filter(|_| endpoint.is_origin_of(&url)).and_then(Authorization::header);
            if let Some(value) = header {
                headers.insert(header::AUTHORIZATION, value);
            }
            let ask = Ask { method: method.clone(), url: url.clone(), headers, payload: request.payload.clone() };
            let response = wire.send(endpoint, ask).await?;
            self.pass_warnings(response.headers());
            let status = response.status();
            if status.is_client_error() || status.is_server_error() {
                let refusal = wire.refusal(endpoint, method, &url, response).await;
                let repository = self.repository.name().to_owned();
                return Ok(Err(ResponseError { repository, tag: request.tag.clone(), ..refusal }));
            }
            match self.next(&url, method, &response, hops).map_err(RegistryError::location(what.clone()))? {
                Some(next) => url = next,
                None if status.is_success() => return Ok(Ok(Answer { response, what, url })),
                None => {
                    let why = format!("the answer is {status}, which leads nowhere");
                    return Err(RegistryError::Protocol { what, why });
                }
            }
        }
        unreachable!("the policy of redirects ends the loop")
    }

    fn pass_warnings(&self, headers: &HeaderMap) {
        for text in self.host.new_warnings(headers, |text| self.shared.wire.redacted(text)) {
            let message = format!("registry `{}` says: {text}", self.host.endpoint.host);
            self.shared.observer.observe(Event::Warning { message, hint: None });
        }
    }

    fn next(
        &self,
        url: &Url,
        method: &Method,
        response: &Response,
        hops: usize,
    ) -> Result<Option<Url>, super::LocationError> {
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let next = redirect::next(url, method, response.status(), location, hops)?;
        Ok(next.map(|next| self.host.endpoint.localize(next)))
    }

    /// Tries something until it succeeds, or until the policy ends it.
    pub(super) async fn retrying<T, F, R>(&self, what: &str, attempt: F) -> Result<T, RegistryError>
    where
        F: Fn() -> R + Send,
        R: Future<Output = Result<T, RegistryError>> + Send,
    {
        let mut backoff = self.backoff();
        loop {
            match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => backoff.wait(what, error, false).await?,
            }
        }
    }

    /// Begins the account of one item's attempts.
    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(Arc::clone(&self.shared), Arc::clone(&self.host))
    }
}
