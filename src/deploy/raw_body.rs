//! The raw JSON under the typed SDK: what was received, and what is sent instead of what the SDK would send.
//!
//! The SDK's deserialisers drop every member that is newer than the SDK, so a task definition that went through them
//! has lost fields. These two interceptors keep signing, retries and endpoints the SDK's, and the documents ours.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecs::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use aws_smithy_types::body::SdkBody;

/// Keeps the body of the answer. It is whole only after deserialisation; before, it is still a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseBody(Arc<Mutex<Vec<u8>>>);

impl ResponseBody {
    /// Returns the bytes of the last answer.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for ResponseBody {
    fn name(&self) -> &'static str {
        "ResponseBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // An answer that could not be read has no bytes; the SDK's own error then says more than one of ours would.
        let bytes = context.response().body().bytes().unwrap_or_default();
        bytes.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

/// Replaces the body of the request, before it is signed, in every attempt.
#[derive(Clone, Debug)]
pub(crate) struct RequestBody(pub(crate) Vec<u8>);

impl Intercept for RequestBody {
    fn name(&self) -> &'static str {
        "RequestBody"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().insert("content-length", self.0.len().to_string());
        *request.body_mut() = SdkBody::from(self.0.clone());
        Ok(())
    }
}
