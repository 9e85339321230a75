//! Calls to AWS with the documents as they are: signed as the SDK signs them, sent through our connector.
//!
//! For services of which a few operations are needed, and whose documents must not lose what is newer than an SDK. The
//! signature, the credentials, the region and the endpoints are the SDK's own; retries are those of its standard mode.

use std::borrow::Cow;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_async::rt::sleep::AsyncSleep;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use serde_json::Value;

use super::{Connector, describe};

/// The longest pause before another attempt.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// How long AWS may take to begin its answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A service of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwsService {
    /// Its id in the SDK's configuration, by which an endpoint of its own is found (`AWS_ENDPOINT_URL_<ID>`).
    pub id: &'static str,
    /// The first part of its host names.
    pub host: &'static str,
    /// Its name in signatures.
    pub signing_name: &'static str,
    /// The region that answers for all, of a global service.
    pub global_region: Option<&'static str>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct AwsCall<'a> {
    /// The service.
    pub service: AwsService,
    /// The region, if it is another one than that of the configuration.
    pub region: Option<&'a str>,
    /// The method.
    pub method: Method,
    /// Path and query, encoded.
    pub path: String,
    /// Headers, among them the type of the body.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The most attempts, the first included; never more than the SDK is told to make of its own calls.
    pub attempts: u32,
}

impl<'a> AwsCall<'a> {
    /// Makes a call of the protocol awsJson1.1; `target` names the operation.
    pub fn json(service: AwsService, target: &str, input: &Value) -> Self {
        let headers =
            vec![("content-type", "application/x-amz-json-1.1".to_owned()), ("x-amz-target", target.to_owned())];
        let body = input.to_string().into_bytes();
        Self { service, region: None, method: Method::POST, path: "/".to_owned(), headers, body, attempts: u32::MAX }
    }

    /// Makes a call of the protocol restJson1.
    pub fn rest(service: AwsService, method: Method, path: String, input: Option<&Value>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        let body = input.map(|input| input.to_string().into_bytes()).unwrap_or_default();
        Self { service, region: None, method, path, headers, body, attempts: u32::MAX }
    }

    /// Makes a call of the query protocol, whose answers are XML.
    pub fn form(service: AwsService, form: String) -> Self {
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        let (path, body) = ("/".to_owned(), form.into_bytes());
        Self { service, region: None, method: Method::POST, path, headers, body, attempts: u32::MAX }
    }

    /// Tries at most twice: for calls whose answer is welcome and not needed.
    #[must_use]
    pub fn casually(self) -> Self {
        Self { attempts: 2, ..self }
    }

    /// Asks another region.
    #[must_use]
    pub fn in_region(self, region: Option<&'a str>) -> Self {
        Self { region, ..self }
    }
}

/// A call that AWS refused, or that did not reach it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsFailure {
    /// AWS's code, such as `AccessDeniedException`.
    pub code: Option<String>,
    /// AWS's words, else those of the transport.
    pub message: String,
    /// The status of the HTTP answer, if there was one.
    pub http_status: Option<u16>,
}

impl AwsFailure {
    fn local(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Returns whether another attempt may do better.
    fn is_transient(&self) -> bool {
        const CODES: [&str; 7] = [
            "ThrottlingException",
            "Throttling",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "ServiceUnavailable",
            "InternalException",
            "ConcurrentModificationException",
        ];
        self.code.as_deref().is_some_and(|code| CODES.contains(&code))
            || self.http_status.is_some_and(|status| status == 429 || status >= 500)
    }
}

/// An attempt that failed.
struct Attempt {
    failure: AwsFailure,
    /// Whether another one may do better.
    is_transient: bool,
}

impl Attempt {
    /// Makes one of a connection that broke.
    fn broken(message: String) -> Self {
        Self { failure: AwsFailure::local(message), is_transient: true }
    }
}

impl From<AwsFailure> for Attempt {
    /// What failed on this side fails again.
    fn from(failure: AwsFailure) -> Self {
        Self { failure, is_transient: false }
    }
}

/// Sends signed calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AwsCalls {
    connector: Connector,
    config: SdkConfig,
}

impl AwsCalls {
    /// Makes a sender of calls. Nothing is sent.
    pub fn new(config: &SdkConfig, connector: &Connector) -> Self {
        Self { connector: connector.clone(), config: config.clone() }
    }

    /// Returns the connector that calls go through.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Sends a call, again where that may help, and returns the body of the answer.
    ///
    /// # Errors
    /// When AWS refuses or cannot be reached.
    pub async fn send(&self, call: &AwsCall<'_>) -> Result<Bytes, AwsFailure> {
        let mut pause = Duration::from_secs(1);
        let attempts = self.config.retry_config().map_or(1, RetryConfig::max_attempts).min(call.attempts);
        for _ in 1..attempts {
            match self.attempt(call).await {
                Err(Attempt { is_transient: true, .. }) => {}
                done => return done.map_err(|attempt| attempt.failure),
            }
            if let Some(sleep) = self.config.sleep_impl() {
                sleep.sleep(pause).await;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.attempt(call).await.map_err(|attempt| attempt.failure)
    }

    /// Sends a call whose answer is a JSON document.
    ///
    /// # Errors
    /// When AWS refuses or cannot be reached, or answers with something else.
    pub async fn send_json(&self, call: &AwsCall<'_>) -> Result<Value, AwsFailure> {
        let body = self.send(call).await?;
        match body.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_slice(&body).map_err(|_| AwsFailure::local("the answer is no JSON document")),
        }
    }

    async fn attempt(&self, call: &AwsCall<'_>) -> Result<Bytes, Attempt> {
        let region = call.service.global_region.or(call.region);
        let region = region.or_else(|| self.config.region().map(AsRef::as_ref)).unwrap_or_default();
        let url = self.endpoint(call.service, region) + &call.path;
        let request = self.signed(call, &url, region).await?;
        let (parts, body) = request.into_parts();
        let url: url::Url = url.parse().map_err(|error| AwsFailure::local(format!("`{url}`: {error}")))?;
        let client = self.connector.client(&url).map_err(|error| AwsFailure::local(describe(&error)))?;
        let sent = client.request(parts.method, url).headers(parts.headers).body(body).send();
        let answer = match tokio::time::timeout(READ_TIMEOUT, sent).await {
            Ok(answer) => answer.map_err(|error| Attempt::broken(describe(&error.without_url())))?,
            Err(_) => return Err(Attempt::broken("no answer in time".to_owned())),
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|error| Attempt::broken(describe(&error.without_url())))?;
        if status.is_success() {
            return Ok(body);
        }
        let failure = refusal(status.as_u16(), &headers, &body);
        Err(Attempt { is_transient: failure.is_transient(), failure })
    }

    /// Returns where a service answers, without a slash at the end: as configured, else AWS's own host.
    fn endpoint(&self, service: AwsService, region: &str) -> String {
        let key = ServiceConfigKey::builder().service_id(service.id).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let own = key.build().ok().and_then(|key| self.config.service_config()?.load_config(key));
        let configured = own.or_else(|| self.config.endpoint_url().map(str::to_owned));
        let host = || match service.global_region {
            Some(_) => format!("https://{}.{}", service.host, domain(region)),
            None => format!("https://{}.{region}.{}", service.host, domain(region)),
        };
        configured.map_or_else(host, |url| url.trim_end_matches('/').to_owned())
    }

    async fn signed(&self, call: &AwsCall<'_>, url: &str, region: &str) -> Result<Request<Vec<u8>>, AwsFailure> {
        let mut request = Request::builder().method(call.method.clone()).uri(url);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let mut request =
            request.body(call.body.clone()).map_err(|error| AwsFailure::local(format!("`{url}`: {error}")))?;
        let identity = self.credentials().await?.into();
        let now = self.config.time_source().unwrap_or_default().now();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(call.service.signing_name)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| AwsFailure::local(describe(&error)))?
            .into();
        let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable =
            SignableRequest::new(call.method.as_str(), Cow::Borrowed(url), headers, SignableBody::Bytes(&call.body));
        let signed = signable.and_then(|signable| sign(signable, &params));
        let (instructions, _) = signed.map_err(|error| AwsFailure::local(describe(&error)))?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    async fn credentials(&self) -> Result<Credentials, AwsFailure> {
        let none = |words: &str| AwsFailure::local(format!("no AWS credentials: {words}"));
        let provider = self.config.credentials_provider().ok_or_else(|| none("none are configured"))?;
        provider.provide_credentials().await.map_err(|error| none(&describe(&error)))
    }
}

/// The domain of AWS's hosts in the partition of a region (AWS General Reference, "Service endpoints").
fn domain(region: &str) -> &'static str {
    const PARTITIONS: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("us-iso-", "c2s.ic.gov"),
        ("eusc-", "amazonaws.eu"),
    ];
    PARTITIONS.into_iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("amazonaws.com", |(_, domain)| domain)
}

/// Reads the code and the words of a refusal, of the JSON protocols and of the query protocol.
fn refusal(status: u16, headers: &HeaderMap, body: &[u8]) -> AwsFailure {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let code = header.or_else(|| document["__type"].as_str()).or_else(|| element(&text, "Code"));
    // `prefix#Code:url` in the older forms.
    let bare = |code: &str| code.split(':').next().unwrap_or(code).rsplit('#').next().unwrap_or(code).to_owned();
    let words = document["message"].as_str().or_else(|| document["Message"].as_str());
    let words = words.or_else(|| element(&text, "Message")).map(str::to_owned);
    let message = match (&words, code) {
        (Some(words), _) => words.clone(),
        (None, Some(_)) => String::new(),
        (None, None) => format!("the answer with HTTP status {status} is none of AWS"),
    };
    AwsFailure { code: code.map(bare), message, http_status: Some(status) }
}

/// Returns the text of the first XML element of a name that has no elements in it.
pub fn element<'t>(xml: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_in_every_protocol() {
        let header = |code: &'static str| {
            HeaderMap::from_iter([("x-amzn-errortype".parse().expect("a name"), code.parse().expect("a value"))])
        };
        let rows = [
            (HeaderMap::new(), r#"{"__type":"a.b#ResourceNotFoundException","message":"Rule x"}"#, "Rule x"),
            (header("ResourceNotFoundException:http://x"), r#"{"Message":"Schedule x"}"#, "Schedule x"),
            (
                HeaderMap::new(),
                "<E><Error><Code>ResourceNotFoundException</Code><Message>no</Message></Error></E>",
                "no",
            ),
        ];
        for (headers, body, message) in rows {
            let failure = refusal(400, &headers, body.as_bytes());
            assert_eq!(
                (failure.code.as_deref(), failure.message.as_str()),
                (Some("ResourceNotFoundException"), message)
            );
        }
        assert_eq!(refusal(502, &HeaderMap::new(), b"<html>").code, None);
        assert!(refusal(502, &HeaderMap::new(), b"<html>").is_transient());
    }

    #[test]
    fn each_partition_has_its_domain() {
        for (region, expect) in
            [("eu-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn"), ("us-iso-east-1", "c2s.ic.gov")]
        {
            assert_eq!(domain(region), expect, "{region}");
        }
    }
}
