//! One connection: each request is logged, measured against the scripted faults, and handed on.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::request::Parts;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::answer::{self, Answer, Truncated};
use super::aws_json::{self, AwsError};
use super::fault::{Action, Reset};
use super::link::Paced;
use super::registry::{self, RegistryError};
use super::request_body::RequestBody;
use super::request_log::LoggedRequest;
use super::schedules;
use super::surroundings;
use super::world::World;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset as scripted")]
struct Broken;

/// Serves a connection until either side ends it.
pub(super) async fn serve(stream: TcpStream, world: Arc<World>) {
    let is_reset = AtomicBool::new(false);
    let service = service_fn(|request| Box::pin(exchange(&world, &is_reset, request)));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(Paced::new(stream, world.link)), service);
    // What the client did wrong, or a scripted reset, ends this connection and nothing else.
    let _ = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let stream = connection.into_parts().io.into_inner().into_inner();
    if is_reset.load(Ordering::Relaxed) {
        // Without lingering the close is a reset; where that cannot be set it is a plain close.
        let _ = stream.set_zero_linger();
    } else {
        let _ = tokio::time::timeout(LONGEST_LINGER, linger(stream)).await;
    }
}

/// How long a client may go on sending what was refused.
const LONGEST_LINGER: Duration = Duration::from_secs(5);

/// Closes a connection without losing its last answer, as careful servers do: a close with bytes unread is a reset, and
/// a reset may overtake the refusal of a body that is still on its way.
async fn linger(mut stream: TcpStream) -> std::io::Result<u64> {
    stream.shutdown().await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
}

/// Logs its request when it goes, also if the client goes first.
struct Entry<'a> {
    world: &'a World,
    request: LoggedRequest,
    received: Arc<AtomicU64>,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.request.body_bytes = self.received.load(Ordering::Relaxed);
        self.world.log.push(self.request.clone());
    }
}

async fn exchange(world: &World, is_reset: &AtomicBool, request: Request<Incoming>) -> Result<Answer, Broken> {
    world.link.wait().await;
    let (parts, body) = request.into_parts();
    let target = parts.headers.get(aws_json::TARGET).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let target = target.or_else(|| schedules::target(&parts));
    let received = Arc::new(AtomicU64::new(0));
    let mut entry = Entry { world, request: logged(&parts, target.as_deref()), received: Arc::clone(&received) };
    let is_form = is_form(&parts);
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length: u64 = length.unwrap_or_default();
    let aim = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let take = |operation: Option<&str>| world.faults.take(parts.method.as_str(), aim, operation);
    // The operation of a form stands in its body.
    let mut action = if is_form { None } else { take(entry.request.operation.as_deref()) };
    let cut = match action {
        Some(Action::Reset(Reset::InBody(after))) => Some(after),
        _ => None,
    };
    let mut body = RequestBody::new(body, received, cut);
    if target.is_some() && action != Some(Action::Reset(Reset::Before)) {
        entry.request.input = aws_json::read_input(&mut body).await.ok();
        entry.request.input.iter_mut().for_each(|input| schedules::complete(&parts, input));
    }
    let form = match is_form {
        true => body.collect(LONGEST_FORM).await.ok(),
        false => None,
    };
    if let Some(form) = &form {
        entry.request.operation = surroundings::action(form);
        action = take(entry.request.operation.as_deref());
    }
    let asked = Asked { world, target, parts, body, form };
    let mut answer = act(asked, &entry.request, action).await;
    match &mut answer {
        Ok(answer) => {
            entry.request.status = answer.status().as_u16();
            // What was refused unread stays in the way of the next request.
            if entry.received.load(Ordering::Relaxed) < length {
                answer::set(answer, header::CONNECTION, "close");
            }
        }
        Err(Broken) => is_reset.store(true, Ordering::Relaxed),
    }
    answer
}

fn logged(parts: &Parts, target: Option<&str>) -> LoggedRequest {
    LoggedRequest {
        method: parts.method.to_string(),
        target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        operation: target.map(|target| target.rsplit('.').next().unwrap_or(target).to_owned()),
        status: 0,
        body_bytes: 0,
        authorized: parts.headers.contains_key(header::AUTHORIZATION),
        input: None,
    }
}

/// A request on its way to what answers it.
struct Asked<'a> {
    world: &'a World,
    /// The header that names an AWS operation, if there is one.
    target: Option<String>,
    parts: Parts,
    body: RequestBody,
    /// The whole body of a request of the query protocol.
    form: Option<Vec<u8>>,
}

impl Asked<'_> {
    async fn answer(self, request: &LoggedRequest) -> Answer {
        let path = self.parts.uri.path();
        match (&self.target, &request.input) {
            (Some(target), Some(input)) if request.method == "POST" || target.starts_with("AWSScheduler.") => {
                aws_json::answer(self.world, target, input, request.authorized)
            }
            (Some(_), _) => AwsError::new("SerializationException", "The input is not a JSON object").into_answer(),
            _ if path == "/v2" || path.starts_with("/v2/") => {
                registry::answer(&self.world.registry, self.parts, self.body).await
            }
            _ if path == registry::TOKEN_SERVICE => {
                registry::token_answer(&self.world.registry, &self.parts, self.body).await
            }
            _ => match &self.form {
                Some(form) => self.world.surroundings.query(&self.world.registry.account, form),
                None => answer::empty(StatusCode::NOT_FOUND),
            },
        }
    }
}

/// The longest form that is read, in bytes.
const LONGEST_FORM: usize = 1024 * 1024;

fn is_form(parts: &Parts) -> bool {
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    parts.uri.path() == "/" && kind.starts_with("application/x-www-form-urlencoded")
}

/// Answers a request, or does to it what a fault says.
async fn act(asked: Asked<'_>, request: &LoggedRequest, action: Option<Action>) -> Result<Answer, Broken> {
    match action {
        None => Ok(asked.answer(request).await),
        Some(Action::Reset(Reset::Before)) => Err(Broken),
        Some(Action::Reset(Reset::InBody(_) | Reset::AfterBody)) => {
            asked.answer(request).await;
            Err(Broken)
        }
        Some(Action::Stall) => {
            asked.world.stalled.fetch_add(1, Ordering::Relaxed);
            std::future::pending().await
        }
        Some(Action::Truncate { after }) => {
            let answer = asked.answer(request).await;
            Ok(answer.map(|body| Truncated::new(body, after).boxed_unsync()))
        }
        Some(Action::StallAfter { after }) => {
            let answer = asked.answer(request).await;
            Ok(answer.map(|body| Truncated::new(body, after).then_silent().boxed_unsync()))
        }
        Some(Action::Endless { status }) => Ok(answer::endless(status_code(status))),
        Some(Action::Headers { set, remove }) => {
            let mut answer = asked.answer(request).await;
            for name in remove {
                answer.headers_mut().remove(name);
            }
            add_headers(&mut answer, &set);
            Ok(answer)
        }
        Some(Action::Raw { status, headers, body }) => {
            let mut answer = answer::bytes(status_code(status), "text/html", body);
            add_headers(&mut answer, &headers);
            Ok(answer)
        }
        Some(Action::Status { status, code, message, headers }) => {
            let mut answer = refusal(&asked, status, &code, message);
            add_headers(&mut answer, &headers);
            Ok(answer)
        }
        Some(Action::AccessDenied { action }) => {
            let message = aws_json::not_authorized(&asked.world.registry.account, &action);
            Ok(match (&asked.target, &asked.form) {
                (Some(_), _) => refusal(&asked, 400, "AccessDeniedException", message),
                (None, Some(_)) => refusal(&asked, 403, "AccessDenied", message),
                (None, None) => refusal(&asked, 403, "DENIED", message),
            })
        }
        Some(Action::Throttle) => Ok(match asked.target {
            Some(_) => refusal(&asked, 400, "ThrottlingException", "Rate exceeded".to_owned()),
            None => refusal(&asked, 429, "TOOMANYREQUESTS", "Rate exceeded".to_owned()),
        }),
    }
}

/// An error in the shape of the API that was asked.
fn refusal(asked: &Asked<'_>, status: u16, code: &str, message: String) -> Answer {
    match (&asked.target, &asked.form) {
        (Some(_), _) => AwsError::new(code, message).with_status(status_code(status)).into_answer(),
        (None, Some(_)) => surroundings::refusal(status_code(status), code, &message),
        (None, None) => RegistryError::new(status_code(status), code, message).into_answer(),
    }
}

fn add_headers(answer: &mut Answer, headers: &[(String, String)]) {
    for (name, value) in headers {
        if let Ok(name) = name.parse() {
            answer::set(answer, name, value);
        }
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
