//! The tags of a repository (distribution-spec, "Listing Tags").

use std::collections::BTreeSet;

use http::{Method, header};
use serde::Deserialize;
use url::Url;

use super::client::{Answer, Request};
use super::{RegistryError, RepositoryClient, link, location};
use crate::oci::Tag;

/// The longest page that is read, in bytes.
const LIMIT: u64 = 4 << 20;
/// How many pages in a row may hold no tag.
const BARREN: usize = 20;
/// The most tags that are asked for at once: ECR refuses more.
const PAGE: usize = 1000;

#[derive(Deserialize)]
struct Page {
    /// Null where a registry has nothing to list.
    tags: Option<Vec<String>>,
}

impl RepositoryClient {
    /// Returns the first `count` tags in the registry's order, which is mostly that of their bytes. Pages are followed
    /// as far as needed; what is no tag by the specification is left out.
    ///
    /// # Errors
    /// When there is no such repository, the registry does not list, or its pages lead in a circle or elsewhere.
    pub async fn tags(&self, count: u16) -> Result<Vec<Tag>, RegistryError> {
        let count = usize::from(count);
        let mut url = self.url("tags/list");
        url.query_pairs_mut().append_pair("n", &count.min(PAGE).to_string());
        let (mut tags, mut asked, mut barren) = (Vec::new(), BTreeSet::new(), 0);
        while asked.insert(url.to_string()) {
            let request = Request::new(Method::GET, url);
            let what = self.what(&request.method, &request.url);
            let (bytes, next) = self.retrying(&what, || self.page(&request, LIMIT)).await?;
            let page: Page = serde_json::from_slice(&bytes)
                .map_err(|error| protocol(&what, format!("the list of tags is no such list: {error}")))?;
            let before = tags.len();
            barren += 1;
            tags.extend(page.tags.unwrap_or_default().iter().filter_map(|tag| tag.parse::<Tag>().ok()));
            if tags.len() > before {
                barren = 0;
            }
            match next {
                // Pages that add nothing and lead on may do so for ever.
                Some(next) if tags.len() < count && barren < BARREN => url = next,
                _ => {
                    tags.truncate(count);
                    return Ok(tags);
                }
            }
        }
        Err(protocol(&self.what(&Method::GET, &self.url("tags/list")), "its pages lead in a circle".to_owned()))
    }

    /// Reads one page of a list, and returns where the next one is.
    pub(super) async fn page(&self, request: &Request, limit: u64) -> Result<(Vec<u8>, Option<Url>), RegistryError> {
        let answer = self.exchange(request).await?;
        let next = self.next_page(&answer)?;
        Ok((self.shared.wire.body(answer.response, &answer.what, limit).await?, next))
    }

    fn next_page(&self, answer: &Answer) -> Result<Option<Url>, RegistryError> {
        let Some(target) = answer.header(header::LINK).and_then(link::next) else { return Ok(None) };
        let next = answer.url.join(target).ok().map(|url| self.host.endpoint.localize(url));
        let next = location::resolve(&answer.url, Some(next.as_ref().map_or(target, Url::as_str)))
            .map_err(RegistryError::location(answer.what.clone()))?;
        match self.host.endpoint.is_origin_of(&next) {
            true => Ok(Some(next)),
            false => Err(protocol(&answer.what, "its next page is at another host".to_owned())),
        }
    }
}

fn protocol(what: &str, why: String) -> RegistryError {
    RegistryError::Protocol { what: what.to_owned(), why }
}
