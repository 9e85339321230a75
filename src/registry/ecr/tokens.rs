//! Tokens of ECR: minted by AWS, used while they are young.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::Mutex;

use super::clients::{EcrClients, Place, place};
use super::{EcrError, EcrHost, public};
use crate::ground::{Secret, Timestamp};

/// A token of ECR: the value of an `Authorization: Basic` header, for a registry or for the token service of ECR Public.
#[derive(Clone, Debug)]
pub(in crate::registry) struct EcrToken {
    /// The value, as AWS gave it.
    pub(in crate::registry) basic: Secret<String>,
    refresh_at: Timestamp,
}

/// Tokens are used for at most this share of their life (12 hours), so that none ends under an upload.
const SHARE: u32 = 2;
/// The life of a token that does not say when it ends.
const LIFE: Duration = Duration::from_secs(12 * 3600);
/// The least that is believed: by a clock that is wrong each token has run out, and each request would mint another.
const SHORTEST_LIFE: Duration = Duration::from_secs(600);

impl EcrToken {
    /// Makes a token of what AWS answers; `end` is in seconds since the epoch.
    pub(super) fn new(basic: &str, end: Option<i64>, now: Timestamp) -> Self {
        let life = end.map_or(LIFE, |end| Timestamp::from_seconds(end).since(now)).clamp(SHORTEST_LIFE, LIFE);
        Self { basic: Secret::new(basic.to_owned()), refresh_at: now.plus(life / SHARE) }
    }

    fn serves(&self, now: Timestamp, refused: Option<&Secret<String>>) -> bool {
        now < self.refresh_at && refused != Some(&self.basic)
    }
}

/// The tokens of this run, minted once each: one serves all registries that the principal may use in its region.
#[derive(Default)]
pub(in crate::registry) struct EcrTokens {
    minted: Mutex<BTreeMap<Place, EcrToken>>,
    public: Mutex<Option<EcrToken>>,
}

impl EcrClients {
    /// Returns a token for a host. `refused` is one that the registry no longer takes.
    ///
    /// All who need the same token wait for one call.
    pub(in crate::registry) async fn token(
        &self,
        host: &EcrHost,
        refused: Option<&Secret<String>>,
    ) -> Result<EcrToken, EcrError> {
        let mut minted = self.tokens.minted.lock().await;
        let now = self.clock.now();
        if let Some(token) = minted.get(&place(host)).filter(|token| token.serves(now, refused)) {
            return Ok(token.clone());
        }
        let token = self.mint(host).await?;
        minted.insert(place(host), token.clone());
        Ok(token)
    }

    /// Returns a token for ECR Public's token service.
    pub(in crate::registry) async fn public_token(&self) -> Result<EcrToken, EcrError> {
        let mut minted = self.tokens.public.lock().await;
        let now = self.clock.now();
        if let Some(token) = minted.as_ref().filter(|token| token.serves(now, None)) {
            return Ok(token.clone());
        }
        let token = public::mint(self).await?;
        *minted = Some(token.clone());
        Ok(token)
    }

    async fn mint(&self, host: &EcrHost) -> Result<EcrToken, EcrError> {
        const OPERATION: &str = "GetAuthorizationToken";
        let answer = self.client(host).await.get_authorization_token().send().await;
        let answer = answer.map_err(|error| EcrError::of(OPERATION, &error))?;
        let data = answer.authorization_data().first();
        let basic = data.and_then(|data| data.authorization_token()).ok_or_else(|| EcrError::Unanswered {
            operation: OPERATION,
            cause: "the answer holds no token".to_owned(),
            resolved: true,
        })?;
        let end = data.and_then(|data| data.expires_at()).map(aws_sdk_ecr::primitives::DateTime::secs);
        Ok(EcrToken::new(basic, end, self.clock.now()))
    }
}
