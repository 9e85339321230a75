//! The bodies and the plain forms of the server's answers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use serde_json::Value;

/// The body of an answer; files are streamed, so it can fail on the way.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer of the stand-in.
pub(super) type Answer = Response<Body>;

/// Makes an answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    with_body(status, Empty::new().map_err(|never| match never {}).boxed_unsync())
}

/// Makes an answer from bytes in memory.
pub(super) fn bytes(status: StatusCode, content_type: &str, bytes: impl Into<Bytes>) -> Answer {
    let mut answer = with_body(status, Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync());
    set(&mut answer, header::CONTENT_TYPE, content_type);
    answer
}

/// Makes an answer of JSON.
pub(super) fn json(status: StatusCode, content_type: &str, value: &Value) -> Answer {
    bytes(status, content_type, value.to_string())
}

/// Makes an answer from any body.
pub(super) fn with_body(status: StatusCode, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}

/// Makes an answer whose body has no end.
pub(super) fn endless(status: StatusCode) -> Answer {
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    let frames = futures_util::stream::repeat_with(move || Ok(Frame::data(chunk.clone())));
    with_body(status, http_body_util::StreamBody::new(frames).boxed_unsync())
}

/// Sets a header; one whose value cannot stand in a header is left out.
pub(super) fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    set_in(answer.headers_mut(), name, value);
}

/// Sets a header in a map; one whose value cannot stand in a header is left out.
pub(super) fn set_in(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A body that breaks off after a count of bytes, while its headers promise more.
pub(super) struct Truncated {
    inner: Body,
    left: u64,
    /// What was sent is flushed by the server only when the body has nothing ready.
    paused: bool,
    /// Whether the connection stays open.
    silent: bool,
}

impl Truncated {
    /// Wraps a body so that only its first `after` bytes are sent.
    pub(super) fn new(inner: Body, after: u64) -> Self {
        Self { inner, left: after, paused: false, silent: false }
    }

    /// Lets nothing follow, instead of the end of the connection.
    pub(super) fn then_silent(self) -> Self {
        Self { silent: true, ..self }
    }
}

impl HttpBody for Truncated {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            if this.silent {
                return Poll::Pending;
            }
            if !this.paused {
                this.paused = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        }
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(mut data) => {
                    data.truncate(usize::try_from(this.left).unwrap_or(usize::MAX));
                    this.left -= data.len() as u64;
                    Poll::Ready(Some(Ok(Frame::data(data))))
                }
                Err(frame) => Poll::Ready(Some(Ok(frame))),
            },
            other => other,
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
