//! Errors of the distribution API, in the words of ECR where ECR has its own.

use http::StatusCode;
use serde_json::{Value, json};

use super::super::answer::{self, Answer};
use crate::ground::FileError;
use crate::oci::Digest;

/// An error answer (distribution-spec, "Error Codes").
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub(in crate::sandbox) struct RegistryError {
    /// The HTTP status.
    pub(in crate::sandbox) status: StatusCode,
    code: String,
    message: String,
    /// One entry per detail; an error without details has one entry that says `null`.
    details: Vec<Value>,
    headers: Vec<(String, String)>,
}

impl RegistryError {
    /// Makes an error with a status, a code and a message.
    pub(in crate::sandbox) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let (code, message) = (code.to_owned(), message.into());
        Self { status, code, message, details: Vec::new(), headers: Vec::new() }
    }

    /// Adds a header to the answer.
    pub(in crate::sandbox) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds details, each of which becomes an error of its own with the same code.
    pub(super) fn with_details(mut self, details: Vec<Value>) -> Self {
        self.details = details;
        self
    }

    /// There is no such repository.
    pub(super) fn name_unknown(name: &str, account: &str) -> Self {
        let message = format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
        Self::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message)
    }

    /// The repository's name is not one.
    pub(super) fn name_invalid(name: &str) -> Self {
        let message = format!(
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
             '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'': {name:?}"
        );
        Self::new(StatusCode::BAD_REQUEST, "NAME_INVALID", message)
    }

    /// The digest is malformed, or is not that of the bytes.
    pub(super) fn digest_invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message)
    }

    /// The repository has no such blob.
    pub(super) fn blob_unknown(digest: Digest) -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry")
            .with_details(vec![json!({ "digest": digest.to_string() })])
    }

    /// There is no such upload session.
    pub(super) fn upload_unknown(id: &str) -> Self {
        let message = format!("The upload with id '{id}' does not exist, or it is expired");
        Self::new(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", message)
    }

    /// The upload cannot go on as asked.
    pub(super) fn upload_invalid(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, "BLOB_UPLOAD_INVALID", message)
    }

    /// The repository has no such manifest or tag.
    pub(super) fn manifest_unknown(reference: &str) -> Self {
        let message = format!("Requested image not found: {reference}");
        Self::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", message)
    }

    /// The manifest is not acceptable.
    pub(super) fn manifest_invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", message)
    }

    /// The method or path is not part of the API.
    pub(super) fn unsupported(status: StatusCode) -> Self {
        Self::new(status, "UNSUPPORTED", "The operation is unsupported")
    }

    /// The connection of the client broke; nobody reads this.
    pub(super) fn broken() -> Self {
        Self::upload_invalid(StatusCode::BAD_REQUEST, "the body ended before its announced length")
    }

    /// Returns the answer.
    pub(in crate::sandbox) fn into_answer(self) -> Answer {
        let entry = |detail: &Value| json!({ "code": self.code, "message": self.message, "detail": detail });
        let errors: Vec<Value> =
            if self.details.is_empty() { vec![entry(&Value::Null)] } else { self.details.iter().map(entry).collect() };
        let mut answer = answer::json(self.status, "application/json; charset=utf-8", &json!({ "errors": errors }));
        for (name, value) in &self.headers {
            if let Ok(name) = name.parse() {
                answer::set(&mut answer, name, value);
            }
        }
        answer
    }
}

impl From<FileError> for RegistryError {
    fn from(error: FileError) -> Self {
        let message = format!("{error}: {}", error.source);
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message)
    }
}
