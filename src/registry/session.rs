//! Upload sessions that a registry keeps for us: known, so that an interrupted run can give them up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use url::Url;

use super::client::{Registry, Request};
use super::{RegistryError, RepositoryClient, TransportKind};
use crate::oci::Repository;

/// How long a session's end is waited for: it is a courtesy, and the server ends it by itself in time.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of the sessions that an interrupted push had open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abandoned {
    /// Those that the registry ended.
    pub ended: usize,
    /// Those that it keeps until they expire.
    pub left: usize,
}

/// The sessions that are open now.
#[derive(Debug, Default)]
pub(super) struct OpenSessions(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, (Repository, Url)>,
}

impl OpenSessions {
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a place for the session of one upload.
    pub(super) fn place(self: &Arc<Self>) -> Place {
        let mut table = self.table();
        table.next += 1;
        Place { sessions: Arc::clone(self), id: table.next }
    }

    fn take_all(&self) -> Vec<(Repository, Url)> {
        std::mem::take(&mut self.table().open).into_values().collect()
    }
}

/// The place of one upload's session. An upload that is dropped on its way leaves its session in the table.
pub(super) struct Place {
    sessions: Arc<OpenSessions>,
    id: u64,
}

impl Place {
    /// Takes note of the upload's session, or of its end.
    pub(super) fn hold(&self, repository: &Repository, session: Option<&Url>) {
        let mut table = self.sessions.table();
        match session {
            Some(url) => table.open.insert(self.id, (repository.clone(), url.clone())),
            None => table.open.remove(&self.id),
        };
    }
}

impl Registry {
    /// Gives up all upload sessions that are open, after whatever used them has ended. Takes five seconds at most.
    pub async fn abandon(&self) -> Abandoned {
        let ends = self.sessions().take_all().into_iter().map(|(repository, session)| async move {
            match self.repository(&repository) {
                Ok(client) => client.cancel(&session).await,
                Err(_) => false,
            }
        });
        let ended: Vec<bool> = join_all(ends).await;
        let count = |wanted| ended.iter().filter(|done| **done == wanted).count();
        Abandoned { ended: count(true), left: count(false) }
    }
}

impl RepositoryClient {
    /// Gives a session up, and returns whether it is gone. Best effort: ECR and others may not know the request at all.
    pub(super) async fn cancel(&self, session: &Url) -> bool {
        tokio::time::timeout(PATIENCE, self.end(session)).await.unwrap_or(false)
    }

    async fn end(&self, session: &Url) -> bool {
        let request = Request::new(Method::DELETE, session.clone()).pushing();
        let mut answer = self.exchange(&request).await;
        // Who refuses a body may close the connection after it, and this request is the next one on it.
        if matches!(&answer, Err(RegistryError::Transport(error)) if error.kind == TransportKind::Broken) {
            answer = self.exchange(&request).await;
        }
        match answer {
            Ok(_) => true,
            Err(RegistryError::Response(error)) => error.status.as_u16() == 404,
            Err(_) => false,
        }
    }
}
