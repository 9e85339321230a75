//! The AWS SDK over our own connector: it would ignore proxies and private certificate authorities by itself.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::{Connector, is_untrusted};
use crate::ground::Secret;

/// Attempts of one AWS request, the first included. The SDK's default of 3 loses a deployment to one busy second.
const ATTEMPTS: u32 = 10;
/// How long AWS may take to begin its answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes: a page of a hundred task definitions has a few megabytes.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;

/// What is laid over the AWS configuration of the environment.
#[derive(Clone, Debug, Default)]
pub struct AwsOptions {
    /// The region; by default that of the environment or the profile.
    pub region: Option<String>,
    /// The endpoint of all services; by default `AWS_ENDPOINT_URL` and its kin, else AWS itself.
    pub endpoint_url: Option<String>,
    /// Credentials that are used instead of the default chain, as the sandbox does.
    pub static_credentials: Option<StaticCredentials>,
}

/// A fixed pair of keys.
#[derive(Clone, Debug)]
pub struct StaticCredentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret key.
    pub secret_access_key: Secret<String>,
    /// The session's token, of temporary credentials.
    pub session_token: Option<Secret<String>>,
}

/// Resolves the AWS configuration: region, endpoint, credential chain, all over the connector.
///
/// Nothing is sent before a client makes its first call. Retries are the SDK's standard mode, never the adaptive one,
/// whose client-side throttling stalls calls that have nothing to do with the one that failed.
pub async fn load_aws(options: &AwsOptions, connector: &Connector) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(AwsClient(connector.clone()))
        .sleep_impl(TokioSleep::new())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts);
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(keys) = &options.static_credentials {
        loader = loader.credentials_provider(Credentials::new(
            &keys.access_key_id,
            keys.secret_access_key.reveal(),
            keys.session_token.as_ref().map(|token| token.reveal().clone()),
            None,
            "dockless",
        ));
    }
    loader.load().await
}

/// The SDK's idea of an HTTP client, over ours.
#[derive(Clone, Debug)]
struct AwsClient(Connector);

impl HttpClient for AwsClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let connect = settings.connect_timeout().unwrap_or(CONNECT_TIMEOUT);
        let read = settings.read_timeout().unwrap_or(READ_TIMEOUT);
        SharedHttpConnector::new(AwsConnection { connector: self.0.clone(), limit: connect + read })
    }
}

/// One set of time-outs. The SDK asks the metadata service with a second each; a machine outside AWS must not wait
/// longer for it, so the sum bounds the time to the head of the answer.
#[derive(Clone, Debug)]
struct AwsConnection {
    connector: Connector,
    limit: Duration,
}

impl HttpConnector for AwsConnection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let (head, body) = match tokio::time::timeout(this.limit, this.send(request)).await {
                Ok(result) => result?.into_parts(),
                Err(elapsed) => return Err(ConnectorError::timeout(elapsed.into())),
            };
            let response = http::Response::from_parts(head, SdkBody::from(small(body).await?));
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

impl AwsConnection {
    async fn send(&self, request: HttpRequest) -> Result<http::Response<reqwest::Body>, ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string().parse::<url::Url>().map_err(|error| ConnectorError::user(error.into()))?;
        let client = self.connector.client(&url).map_err(|error| ConnectorError::user(error.into()))?;
        // Every request that we make of AWS is a small document.
        let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
        let response = client
            .request(parts.method, url)
            .headers(parts.headers)
            .body(body)
            .send()
            .await
            .map_err(|error| transport(error.without_url()))?;
        Ok(response.into())
    }
}

/// Reads an answer whole. The SDK itself would wait for ever for one that stops coming, and take one that never ends.
async fn small(mut body: reqwest::Body) -> Result<Bytes, ConnectorError> {
    let mut bytes = BytesMut::new();
    loop {
        let frame = match tokio::time::timeout(READ_TIMEOUT, body.frame()).await {
            Ok(frame) => frame,
            Err(elapsed) => return Err(ConnectorError::timeout(elapsed.into())),
        };
        let Some(frame) = frame else { return Ok(bytes.freeze()) };
        let data = frame.map_err(|error| transport(error.without_url()))?.into_data().unwrap_or_default();
        if bytes.len() + data.len() > LONGEST_ANSWER {
            return Err(ConnectorError::other("the answer is too long".into(), None));
        }
        bytes.extend_from_slice(&data);
    }
}

fn transport(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() || is_untrusted(&error) {
        // Neither a wrong configuration nor an unknown authority gets better by trying again.
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::net::HttpOptions;

    #[tokio::test]
    async fn an_answer_without_an_end_is_not_held_in_memory() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.read(&mut [0; 4096]).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("a head");
            let mut sent = 0_usize;
            while stream.write_all(&[b' '; 1 << 16]).await.is_ok() {
                sent += 1 << 16;
            }
            sent
        });
        let connector = Connector::new(&HttpOptions::default()).expect("a connector");
        let connection = AwsConnection { connector, limit: READ_TIMEOUT };
        let request = http::Request::get(url).body(SdkBody::empty()).expect("a request");
        let answer = connection.call(HttpRequest::try_from(request).expect("a request")).await;
        assert!(answer.is_err());
        drop(answer);
        let sent = served.await.expect("no panic");
        assert!(sent < 2 * LONGEST_ANSWER, "{sent} bytes were taken");
    }
}
