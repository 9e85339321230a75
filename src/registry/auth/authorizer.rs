//! One registry host's authorization: what it asked for, who we are, and the tokens that are still good.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use http::{HeaderMap, HeaderValue, Method, header};
use tokio::sync::Mutex;
use url::Url;

use super::challenge::{self, BearerChallenge, Challenge};
use super::credentials::{Credentials, Identity, PRIVATE, Who};
use super::docker_config::Credential;
use super::token::{self, Grant, Token};
use crate::event::Event;
use crate::ground::{Clock, Secret};
use crate::oci::Repository;
use crate::registry::RegistryError;
use crate::registry::endpoint::Endpoint;
use crate::registry::response::ResponseError;
use crate::registry::wire::{Ask, Payload, Wire};

/// What a request needs to be allowed.
#[derive(Clone, Debug)]
pub(in crate::registry) struct Access {
    /// The repository that is read or written.
    pub(in crate::registry) repository: Repository,
    /// Whether it is written.
    pub(in crate::registry) push: bool,
    /// The repository that is read to mount from.
    pub(in crate::registry) mount_from: Option<String>,
    /// Scopes that the registry asked for beyond these.
    pub(in crate::registry) extra: Vec<String>,
}

impl Access {
    fn scopes(&self) -> Vec<String> {
        let own = format!("repository:{}:{}", self.repository.name(), if self.push { "pull,push" } else { "pull" });
        let mount = self.mount_from.iter().map(|name| format!("repository:{name}:pull"));
        std::iter::once(own).chain(mount).chain(self.extra.iter().cloned()).collect()
    }

    /// Adds what a challenge asks for and we did not think of.
    fn learn(&mut self, asked: &[String]) {
        let known = self.scopes();
        let covered = |scope: &String| {
            known.contains(scope)
                || known.contains(&scope.replace(":push,pull", ":pull,push"))
                || known.contains(&format!("{scope},push"))
        };
        self.extra.extend(asked.iter().filter(|scope| !covered(scope)).cloned());
    }
}

/// The header of one request.
#[derive(Clone, Debug)]
pub(in crate::registry) struct Authorization {
    secret: Secret<String>,
    scheme: &'static str,
}

impl Authorization {
    fn basic(secret: Secret<String>) -> Self {
        Self { secret, scheme: "Basic" }
    }

    fn bearer(secret: Secret<String>) -> Self {
        Self { secret, scheme: "Bearer" }
    }

    /// Returns the value of the `Authorization` header, or `None` if it cannot be one.
    pub(in crate::registry) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("{} {}", self.scheme, self.secret.reveal())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// The authorization of one host.
pub(in crate::registry) struct Authorizer {
    endpoint: Arc<Endpoint>,
    wire: Arc<Wire>,
    credentials: Arc<Credentials>,
    clock: Arc<dyn Clock>,
    challenge: SyncMutex<Option<Challenge>>,
    origin: SyncMutex<Option<String>>,
    /// By repository, and whether it is written: ECR Public knows everybody who reads.
    identities: Mutex<BTreeMap<(String, bool), Identity>>,
    tokens: Mutex<Vec<Token>>,
    /// The identity token of now, where the service turns them over.
    refresh: SyncMutex<Option<Secret<String>>>,
}

impl Authorizer {
    pub(in crate::registry) fn new(
        endpoint: Arc<Endpoint>,
        wire: Arc<Wire>,
        credentials: Arc<Credentials>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        // ECR has no token service: its challenge is known before it is asked.
        let challenge = SyncMutex::new(endpoint.ecr.is_some().then_some(Challenge::Basic));
        Self {
            endpoint,
            wire,
            credentials,
            clock,
            challenge,
            origin: SyncMutex::default(),
            identities: Mutex::default(),
            tokens: Mutex::default(),
            refresh: SyncMutex::default(),
        }
    }

    /// Returns where the credentials came from, in words.
    pub(in crate::registry) fn origin(&self) -> String {
        let origin = self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        origin.clone().unwrap_or_else(|| "nowhere (none were asked for)".to_owned())
    }

    /// Returns whether AWS said who we are: then its other operations may be asked too.
    pub(in crate::registry) fn is_by_aws(&self) -> bool {
        self.origin.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(PRIVATE)
    }

    /// Returns what to send along, as far as the host has asked for something yet.
    pub(in crate::registry) async fn authorize(&self, access: &Access) -> Result<Option<Authorization>, RegistryError> {
        let challenge = self.challenge.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match challenge {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(basic(&self.identity(access, None).await?)),
            Some(Challenge::Bearer(challenge)) => self.bearer(&challenge, access, None).await.map(Some),
        }
    }

    /// Answers a refusal: learns what the host wants, and returns whether there is something new to send.
    pub(in crate::registry) async fn renew(
        &self,
        access: &mut Access,
        used: Option<&Authorization>,
        refusal: &ResponseError,
    ) -> Result<bool, RegistryError> {
        let expired = refusal.status.as_u16() == 403 && self.endpoint.ecr.is_some() && refusal.says_expired();
        let asked = match refusal.status.as_u16() {
            401 => challenge::choose(refusal.challenges.iter().map(String::as_str)),
            _ => expired.then_some(Challenge::Basic),
        };
        let Some(asked) = asked else { return Ok(false) };
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked.clone());
        let refused = used.map(|used| &used.secret);
        match asked {
            Challenge::Basic => {
                let next = basic(&self.identity(access, refused).await?);
                Ok(next.is_some_and(|next| refused != Some(&next.secret)))
            }
            Challenge::Bearer(challenge) => {
                access.learn(&challenge.scopes);
                self.bearer(&challenge, access, refused).await?;
                Ok(true)
            }
        }
    }

    /// Returns who we are to a repository; asked once, but for tokens that run out.
    async fn identity(&self, access: &Access, refused: Option<&Secret<String>>) -> Result<Identity, RegistryError> {
        let key = (access.repository.name().to_owned(), access.push);
        let mut identities = self.identities.lock().await;
        if let Some(identity) = identities.get(&key) {
            return Ok(identity.clone());
        }
        let host = self.endpoint.ecr.as_ref();
        let identity = self.credentials.resolve(&access.repository, host, access.push, refused).await?;
        self.note_origin(&identity.origin);
        if !matches!(identity.who, Some(Who::Ecr(_))) {
            identities.insert(key, identity.clone());
        }
        Ok(identity)
    }

    fn note_origin(&self, origin: &str) {
        let mut known = self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() != Some(origin) {
            let (host, origin) = (self.endpoint.host.clone(), origin.to_owned());
            *known = Some(origin.clone());
            self.wire.tell(Event::CredentialsFound { host, origin });
        }
    }

    /// Returns a token for an access; all who need one wait for the one who asks.
    async fn bearer(
        &self,
        challenge: &BearerChallenge,
        access: &Access,
        refused: Option<&Secret<String>>,
    ) -> Result<Authorization, RegistryError> {
        let identity = self.identity(access, None).await?;
        if let Some(Who::Stored(Credential::Registry(token))) = &identity.who {
            return Ok(Authorization::bearer(token.clone()));
        }
        let wanted = access.scopes();
        let mut tokens = self.tokens.lock().await;
        tokens.retain(|token| refused != Some(&token.value));
        let now = self.clock.now();
        if let Some(token) = tokens.iter().find(|token| token.serves(&wanted, now)) {
            return Ok(Authorization::bearer(token.value.clone()));
        }
        let token = self.fetch(challenge, &wanted, &identity).await?;
        let value = token.value.clone();
        tokens.retain(|old| old.scopes != token.scopes);
        tokens.push(token);
        Ok(Authorization::bearer(value))
    }

    async fn fetch(
        &self,
        challenge: &BearerChallenge,
        scopes: &[String],
        identity: &Identity,
    ) -> Result<Token, RegistryError> {
        let realm = &challenge.realm;
        if let Some(why) = token::distrust(realm, &self.endpoint.base) {
            return Err(RegistryError::Realm { host: self.endpoint.host.clone(), why });
        }
        let refresh = self.refresh.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut asks = asks(challenge, scopes, identity, refresh.as_ref());
        let mut ask = asks.next().expect("there is always one way to ask");
        let (method, url, response) = loop {
            let (method, url) = (ask.method.clone(), ask.url.clone());
            let response = self.wire.send(&self.endpoint, ask).await?;
            // A service that does not speak one of the two dialects says so by these.
            match asks.next().filter(|_| matches!(response.status().as_u16(), 404 | 405)) {
                Some(other) => ask = other,
                None => break (method, url, response),
            }
        };
        let status = response.status();
        if !status.is_success() {
            let refusal = self.wire.refusal(&self.endpoint, &method, &url, response).await;
            return Err(ResponseError { credential: identity.origin.clone(), ..refusal }.into());
        }
        let what = self.wire.what(&self.endpoint, &method, &url);
        let body = self.wire.body(response, &what, TOKEN_LIMIT).await?;
        let token = Token::parse(&body, scopes.iter().cloned().collect::<BTreeSet<_>>(), self.clock.now())
            .ok_or_else(|| RegistryError::Protocol { what, why: "the answer holds no token".to_owned() })?;
        [Some(&token.value), token.refresh.as_ref()].into_iter().flatten().for_each(|it| self.wire.keep_secret(it));
        if token.refresh.is_some() && matches!(identity.who, Some(Who::Stored(Credential::Identity(_)))) {
            self.refresh.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&token.refresh);
        }
        Ok(token)
    }
}

/// The longest token answer that is read, in bytes.
const TOKEN_LIMIT: u64 = 64 * 1024;

fn basic(identity: &Identity) -> Option<Authorization> {
    match identity.who.as_ref()? {
        Who::Ecr(token) => Some(Authorization::basic(token.basic.clone())),
        Who::Stored(credential) => credential.basic().map(Authorization::basic),
    }
}

/// Returns the ways to ask for a token, the likeliest first: an identity token is exchanged by POST, else shown by GET as
/// a password without a user (as containerd does); a user is named by GET, else by POST.
fn asks(
    challenge: &BearerChallenge,
    scopes: &[String],
    identity: &Identity,
    refresh: Option<&Secret<String>>,
) -> std::vec::IntoIter<Ask> {
    let get = |authorization| question(token::url(challenge, scopes), authorization);
    let post = |grant: &Grant<'_>| exchange(challenge, scopes, grant);
    match &identity.who {
        Some(Who::Stored(Credential::Identity(stored))) => {
            let secret = refresh.unwrap_or(stored);
            let shown = Credential::Basic { user: String::new(), password: secret.clone() }.basic();
            vec![post(&Grant::Refresh(secret.reveal())), get(shown.map(Authorization::basic))]
        }
        Some(Who::Stored(Credential::Basic { user, password })) => {
            vec![get(basic(identity)), post(&Grant::Password(user, password.reveal()))]
        }
        _ => vec![get(basic(identity))],
    }
    .into_iter()
}

fn question(url: Url, authorization: Option<Authorization>) -> Ask {
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization.and_then(|authorization| authorization.header()) {
        headers.insert(header::AUTHORIZATION, value);
    }
    Ask { method: Method::GET, url, headers, payload: Payload::Empty }
}

fn exchange(challenge: &BearerChallenge, scopes: &[String], grant: &Grant<'_>) -> Ask {
    let form = token::form(challenge, scopes, grant);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    Ask { method: Method::POST, url: challenge.realm.clone(), headers, payload: Payload::Bytes(form.into()) }
}
