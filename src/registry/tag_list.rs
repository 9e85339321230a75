//! The tags of a repository (distribution-spec, "Listing Tags").

use http::Method;
use serde::Deserialize;

use super::client::Request;
use super::{RegistryError, RepositoryClient};
use crate::oci::Tag;

/// The longest page that is read, in bytes.
const LIMIT: u64 = 1 << 20;

#[derive(Deserialize)]
struct Page {
    /// Null where a registry has nothing to list.
    tags: Option<Vec<String>>,
}

impl RepositoryClient {
    /// Returns the first `count` tags in the registry's order, which is mostly that of their bytes.
    ///
    /// # Errors
    /// When there is no such repository, or the registry does not list.
    pub async fn tags(&self, count: u16) -> Result<Vec<Tag>, RegistryError> {
        let mut url = self.url("tags/list");
        url.query_pairs_mut().append_pair("n", &count.to_string());
        let request = Request::new(Method::GET, url);
        let what = self.what(&request.method, &request.url);
        let bytes = self.retrying(&what, || self.page(&request)).await?;
        let page: Page = serde_json::from_slice(&bytes).map_err(|error| RegistryError::Protocol {
            what,
            why: format!("the list of tags is no such list: {error}"),
        })?;
        Ok(page.tags.unwrap_or_default().iter().filter_map(|tag| tag.parse().ok()).collect())
    }

    async fn page(&self, request: &Request) -> Result<Vec<u8>, RegistryError> {
        let answer = self.exchange(request).await?;
        self.shared.wire.body(answer.response, &answer.what, LIMIT).await
    }
}
