//! The list of a repository's tags.

use http::{Method, StatusCode, header};
use serde_json::json;

use super::route::Ask;
use super::{Registry, RegistryError};
use crate::sandbox::answer::{self, Answer};

/// Answers `tags/list`, with `n` and `last` (distribution-spec, "Listing Tags").
pub(super) fn list(registry: &Registry, ask: &Ask) -> Result<Answer, RegistryError> {
    if ask.method != Method::GET {
        return Err(RegistryError::unsupported(StatusCode::METHOD_NOT_ALLOWED));
    }
    let name = &ask.repository;
    let repositories = registry.repositories();
    let repository = repositories.get(name).ok_or_else(|| RegistryError::name_unknown(name, &registry.account))?;
    let count = page_size(registry, ask)?;
    let last = ask.query("last");
    let after = |tag: &&String| last.is_none_or(|last| tag.as_str() > last);
    let mut tags: Vec<&String> = repository.document.tags.keys().filter(after).take(count + 1).collect();
    let has_more = tags.len() > count;
    tags.truncate(count);
    let mut answer = answer::json(StatusCode::OK, "application/json", &json!({ "name": name, "tags": tags }));
    if let (true, Some(last)) = (has_more, tags.last()) {
        let next = format!("</v2/{name}/tags/list?n={count}&last={last}>; rel=\"next\"");
        answer::set(&mut answer, header::LINK, &next);
    }
    Ok(answer)
}

fn page_size(registry: &Registry, ask: &Ask) -> Result<usize, RegistryError> {
    let limit = registry.personality.tags_per_page;
    match ask.query("n").map(str::parse::<usize>) {
        None => Ok(limit),
        Some(Ok(count)) if count <= limit => Ok(count),
        Some(_) => {
            let message = format!(
                "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than \
                 or equal to {limit}'"
            );
            Err(RegistryError::new(StatusCode::BAD_REQUEST, "PAGINATION_NUMBER_INVALID", message))
        }
    }
}
