//! An awsJson1_1 server of one test: it hands each call to the test's world and keeps a record.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use aws_smithy_types::retry::RetryConfig;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::world::World;
use crate::deploy::Ecs;
use crate::ground::Secret;
use crate::net::aws::StaticCredentials;
use crate::net::{AwsOptions, Connector, HttpOptions, Proxies, load_aws};

/// What ECS says no with.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// The server, the world behind it, and a client that is pointed at it.
pub(super) struct StandIn {
    pub(super) ecs: Ecs,
    pub(super) world: Arc<Mutex<World>>,
}

impl StandIn {
    pub(super) async fn start(world: World) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let world = Arc::new(Mutex::new(world));
        tokio::spawn(serve(listener, Arc::clone(&world)));
        let connector = Connector::new(&HttpOptions { proxies: Proxies::Off, ..HttpOptions::default() });
        let connector = connector.expect("a connector");
        let keys = StaticCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
            session_token: None,
        };
        let options = AwsOptions {
            region: Some("eu-west-1".to_owned()),
            endpoint_url: Some(url),
            static_credentials: Some(keys),
        };
        let config = load_aws(&options, &connector).await;
        // The SDK's own retries wait in real time; what they do is the SDK's to test.
        let config = config.into_builder().retry_config(RetryConfig::disabled()).build();
        Self { ecs: Ecs::new(&config, &connector), world }
    }

    /// Points the client elsewhere, or takes something from it.
    pub(super) fn reconfigure(
        &mut self,
        change: impl FnOnce(aws_types::sdk_config::Builder) -> aws_types::sdk_config::Builder,
    ) {
        let config = change(self.ecs.config().clone().into_builder()).build();
        self.ecs = Ecs::new(&config, self.ecs.calls().connector());
    }

    pub(super) fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.lock().expect("no test panics while it holds the world"))
    }

    /// The operations called so far, in order.
    pub(super) fn calls(&self) -> Vec<String> {
        self.world(|world| world.calls.iter().map(|(operation, _)| operation.clone()).collect())
    }

    /// The bodies of the calls of one operation.
    pub(super) fn sent(&self, operation: &str) -> Vec<Value> {
        self.world(|world| {
            world.calls.iter().filter(|(name, _)| name == operation).map(|(_, body)| body.clone()).collect()
        })
    }
}

async fn serve(listener: TcpListener, world: Arc<Mutex<World>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let world = Arc::clone(&world);
        let service = service_fn(move |request| answer(request, Arc::clone(&world)));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, world: Arc<Mutex<World>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let bytes = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let result = world.lock().expect("the world").call(&operation, body);
    let (status, document) = match result {
        Ok(document) => (200, document),
        Err(refusal) => (refusal.status, json!({"__type": refusal.code, "message": refusal.message})),
    };
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    Ok(response.body(Full::from(document.to_string())).expect("a response"))
}
