//! What a push asks of ECR beside the protocol, through the client of a repository. Without ECR nothing is asked.

use http::Method;

use super::{Availability, RefusedMount};
use crate::oci::Digest;
use crate::registry::client::Request;
use crate::registry::retry::Class;
use crate::registry::upload::Outcome;
use crate::registry::{RegistryError, RepositoryClient};

impl RepositoryClient {
    /// Asks ECR which of these layers the repository has, a hundred at a time; a push of one then needs no request to
    /// look for it. Where ECR may not be asked, nothing is known and nothing is said.
    pub async fn look_ahead(&self, digests: &[Digest]) {
        let ledger = &self.host.ledger;
        let Some(ecr) = self.ecr().filter(|_| digests.len() > 1 && ledger.may_ask_layers()) else { return };
        match ecr.layers(digests).await {
            // There are stand-ins to which every layer is unavailable: where there is an image, one HEAD finds them out.
            Ok(layers) => match layers.iter().find(|(_, layer)| **layer == Availability::Unavailable) {
                Some((digest, _))
                    if !ledger.believes_layers(self.repository.name()) && self.is_refuted(digest).await =>
                {
                    ledger.deny_layers()
                }
                _ => ledger.note_layers(self.repository.name(), layers),
            },
            // Of a repository that is yet to be made, more is known later.
            Err(error) if error.code() == Some("RepositoryNotFoundException") => {}
            Err(_) => ledger.deny_layers(),
        }
    }

    /// Whether a layer that is said to be unavailable is there.
    async fn is_refuted(&self, digest: &Digest) -> bool {
        let there = self.ask_blob(digest, None, true).await;
        if let Ok(false) = there {
            self.host.ledger.believe_layers();
        }
        there.unwrap_or_default()
    }

    /// Returns why mounts into the repository were refused so far, each reason in words with its remedy.
    pub async fn refused_mounts(&self) -> Vec<(String, Option<String>)> {
        let Some(ecr) = self.ecr() else { return Vec::new() };
        let mut reasons = Vec::new();
        for (from, mount) in self.host.ledger.take_refused(self.repository.name()) {
            let (reason, remedy) = ecr.diagnose(&from, &mount).await;
            reasons.push((format!("ECR mounted no layer from `{from}`: {reason}"), remedy));
        }
        reasons
    }

    /// Begins an upload and gives it up again: the cheapest request that a registry refuses where the repository is
    /// missing or may not be written.
    ///
    /// # Errors
    /// With the refusal.
    pub async fn probe_upload(&self) -> Result<(), RegistryError> {
        let request = Request::new(Method::POST, self.url("blobs/uploads/")).pushing();
        let what = self.what(&request.method, &request.url);
        let answer = self.retrying(&what, || self.exchange(&request)).await?;
        if let Ok(session) = self.session(&answer) {
            self.cancel(&session).await;
        }
        Ok(())
    }

    /// Takes note of what came of a mount.
    pub(in crate::registry) fn note_mount(
        &self,
        from: &str,
        digest: &Digest,
        result: Result<&Outcome, &RegistryError>,
    ) {
        let said = match result {
            Ok(Outcome::Accepted { status: 201, .. }) => return,
            Ok(_) => None,
            Err(RegistryError::Response(error)) if error.status.as_u16() < 500 && error.class() == Class::Fatal => {
                error.refusals.iter().map(|refusal| refusal.message.clone()).find(|message| !message.is_empty())
            }
            // What may pass says nothing of mounts.
            Err(_) => return,
        };
        if self.host.endpoint.ecr.is_some() {
            let mount = RefusedMount { digest: *digest, said };
            self.host.ledger.note_refused(self.repository.name(), from, mount);
        }
    }
}
