//! The awsJson1_1 protocol: operations are told apart by the header `X-Amz-Target`.

use http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::ecr;
use super::request_body::{BodyError, RequestBody};
use super::world::World;
use crate::ground::FileError;

/// The header that names the operation.
pub(super) const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// The longest input that is read, in bytes: a manifest within a JSON string, with room to spare.
const LONGEST_INPUT: usize = 12 * 1024 * 1024;

/// An error of an AWS operation.
#[derive(Debug)]
pub(super) struct AwsError {
    status: StatusCode,
    /// The name of the exception.
    pub(super) code: String,
    /// What the service says.
    pub(super) message: String,
}

impl AwsError {
    /// Makes an exception; those of clients have status 400 in this protocol.
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        let (code, message) = (code.to_owned(), message.into());
        Self { status: StatusCode::BAD_REQUEST, code, message }
    }

    /// Makes an exception with another status.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Returns the answer.
    pub(super) fn into_answer(self) -> Answer {
        answer::json(self.status, CONTENT_TYPE, &json!({ "__type": self.code, "message": self.message }))
    }
}

impl From<FileError> for AwsError {
    fn from(error: FileError) -> Self {
        let message = format!("{error}: {}", error.source);
        Self::new("ServerException", message).with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The input of an operation, read member by member.
#[derive(Clone, Copy)]
pub(super) struct Input<'a>(pub(super) &'a Value);

impl<'a> Input<'a> {
    /// Returns a member that is text; `null` and an empty text count as absent.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Returns a member that must be there.
    ///
    /// # Errors
    /// `InvalidParameterException` when it is not.
    pub(super) fn required(self, name: &str) -> Result<&'a str, AwsError> {
        self.text(name).ok_or_else(|| AwsError::new("InvalidParameterException", format!("{name} cannot be empty.")))
    }

    /// Returns the members of a list that are text.
    pub(super) fn texts(self, name: &str) -> Vec<&'a str> {
        self.list(name).iter().filter_map(Value::as_str).collect()
    }

    /// Returns a list; one that is absent is empty.
    pub(super) fn list(self, name: &str) -> &'a [Value] {
        self.0.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Returns a flag; one that is absent is `false`.
    pub(super) fn flag(self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Returns a count.
    pub(super) fn count(self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// Cuts one page out of a list as `maxResults` and `nextToken` ask, and returns it with the next token.
    pub(super) fn page<T>(self, items: Vec<T>, default: usize) -> (Vec<T>, Option<String>) {
        let start = self.text("nextToken").and_then(|token| token.parse::<usize>().ok()).unwrap_or(0);
        let size = self.count("maxResults").and_then(|n| usize::try_from(n).ok()).unwrap_or(default).max(1);
        let end = start.saturating_add(size);
        let next = (end < items.len()).then(|| end.to_string());
        (items.into_iter().skip(start).take(size).collect(), next)
    }
}

/// Adds the token of the next page to an output.
pub(super) fn with_next_token(mut output: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        output["nextToken"] = Value::String(next);
    }
    output
}

/// Returns the JSON of a point in time: seconds with a fraction.
pub(super) fn time(millis: i64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our age are exact in 53 bits")]
    let seconds = millis as f64 / 1000.0;
    json!(seconds)
}

/// Reads an operation's input.
///
/// # Errors
/// `SerializationException` when it is not a JSON object.
pub(super) async fn read_input(body: &mut RequestBody) -> Result<Value, AwsError> {
    let malformed = || AwsError::new("SerializationException", "The input is not a JSON object");
    let bytes = body.collect(LONGEST_INPUT).await.map_err(|error| match error {
        BodyError::TooLarge => AwsError::new("RequestEntityTooLargeException", "The input is too long"),
        BodyError::Broken => malformed(),
    })?;
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&bytes).ok().filter(Value::is_object).ok_or_else(malformed)
}

/// Carries out an operation.
pub(super) fn answer(world: &World, target: &str, input: &Value, authorized: bool) -> Answer {
    let result = if authorized {
        dispatch(world, target, input)
    } else {
        Err(AwsError::new("MissingAuthenticationTokenException", "Missing Authentication Token"))
    };
    match result {
        Ok(output) => answer::json(StatusCode::OK, CONTENT_TYPE, &output),
        Err(error) => error.into_answer(),
    }
}

fn dispatch(world: &World, target: &str, input: &Value) -> Result<Value, AwsError> {
    match target.split_once('.') {
        Some(("AmazonEC2ContainerRegistry_V20150921", operation)) => ecr::carry_out(world, operation, Input(input)),
        Some(("AmazonEC2ContainerServiceV20141113", operation)) => world.ecs.carry_out(operation, input),
        Some(("Logs_20140328", operation)) => world.ecs.carry_out(operation, input),
        Some(("AWSEvents" | "AWSScheduler", operation)) => world.schedules.carry_out(operation, input),
        _ => Err(unknown_operation(target)),
    }
}

/// The answer to an operation that the stand-in does not have.
pub(super) fn unknown_operation(name: &str) -> AwsError {
    AwsError::new("UnknownOperationException", format!("The sandbox does not know the operation {name}"))
}

/// The answer of IAM to a caller without a right.
pub(super) fn not_authorized(account: &str, action: &str) -> String {
    format!(
        "User: arn:aws:iam::{account}:user/dockless is not authorized to perform: {action} on resource: * because no \
         identity-based policy allows the {action} action"
    )
}
