//! Servers that mean harm: bodies without an end, heads without measure, bytes that are no HTTP.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::server::{Server, reply};
use super::{Client, words};
use crate::net::Connector;
use crate::oci::Digest;
use crate::registry::{RegistryError, RegistryOptions, TagOrDigest};

/// What a server sends after it has read the head of a request: once, and then again and again.
async fn server(first: Vec<u8>, again: Vec<u8>, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (first, again) = (first.clone(), again.clone());
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let mut sending = stream.write_all(&first).await;
                while !again.is_empty() && sending.is_ok() {
                    tokio::time::sleep(pause).await;
                    sending = stream.write_all(&again).await;
                }
            });
        }
    });
    address
}

fn quick(options: &mut RegistryOptions) {
    options.timeouts.idle = Duration::from_millis(200);
    options.timeouts.commit = Duration::from_millis(200);
    options.retry.budget = Duration::from_secs(2);
}

async fn asked(first: &str, again: &[u8], pause: u64) -> RegistryError {
    let host = server(first.as_bytes().to_vec(), again.to_vec(), Duration::from_millis(pause)).await;
    let client = Client::named(&host, quick).repository;
    let which: TagOrDigest = "8".parse::<crate::oci::Tag>().expect("a tag").into();
    client.manifest(&which).await.expect_err("an error")
}

const CHUNKED: &str = "transfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn an_error_body_without_an_end_is_cut() {
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let error = asked(&format!("HTTP/1.1 404 Not Found\r\n{CHUNKED}"), chunk.as_bytes(), 0).await;
    assert_eq!(error.to_string(), "GET /v2/a/b/manifests/8: 404 Not Found");
}

#[tokio::test]
async fn an_error_body_that_drips_is_not_waited_for() {
    let error = asked(&format!("HTTP/1.1 404 Not Found\r\n{CHUNKED}"), b"1\r\n{\r\n", 50).await;
    assert!(error.to_string().starts_with("GET /v2/a/b/manifests/8: 404 Not Found"), "{error}");
}

#[tokio::test]
async fn a_manifest_without_an_end_is_refused_and_one_that_drips_is_given_up() {
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
    let error = asked(&format!("HTTP/1.1 200 OK\r\n{CHUNKED}"), chunk.as_bytes(), 0).await;
    assert_eq!(error.to_string(), "GET /v2/a/b/manifests/8: the answer is longer than 16777216 bytes");
    let error = asked(&format!("HTTP/1.1 200 OK\r\n{CHUNKED}"), b"1\r\n{\r\n", 50).await;
    assert!(words(&error).contains("made no progress <- no end within 0.2 seconds"), "{}", words(&error));
}

#[tokio::test]
async fn heads_without_measure_and_words_that_are_no_http_end_soon() {
    let header = format!("x-{}: y\r\n", "x".repeat(1000));
    for (first, again) in [("HTTP/1.1 200 OK\r\n", header.as_bytes()), ("SSH-2.0-OpenSSH\r\n", b""), ("+OK\r\n", b"")] {
        let host = server(first.as_bytes().to_vec(), again.to_vec(), Duration::ZERO).await;
        let client = Client::named(&host, quick);
        let which: TagOrDigest = "8".parse::<crate::oci::Tag>().expect("a tag").into();
        let error = client.repository.manifest(&which).await.expect_err("an error");
        assert!(error.to_string().ends_with(&format!("`{host}` does not answer in HTTP")), "{first}: {error}");
        assert!(client.retries() <= 4, "{first}");
    }
}

#[tokio::test]
async fn a_name_that_stands_for_a_metadata_service_is_not_gone_to() {
    let metadata = std::net::IpAddr::from([169, 254, 169, 254]);
    let connector = Connector::with_names(&[("cdn.example.com", metadata), ("token.example.com", metadata)]);
    let digest = Digest::of(b"x");
    let line = format!("GET /v2/a/b/blobs/{digest}");
    let realm = "Bearer realm=\"https://token.example.com/token\"";
    for (reply, host) in [
        (reply(307).header("location", "https://cdn.example.com/x?X-Amz-Signature=canary"), "cdn.example.com"),
        (reply(401).header("www-authenticate", realm), "token.example.com"),
    ] {
        let server = Server::playing([(line.clone(), reply)]).await;
        let client = Client::with(&server, |options| options.connector = connector.clone());
        let error = client.repository.blob(&digest, 1).chunk().await.expect_err("an error");
        let text = words(&error);
        assert!(text.contains(&format!("`{host}` is at a private address, and whoever leads there is not")), "{text}");
        assert!(text.contains(&format!("hosts: {{{host}: ")) && !text.contains("canary"), "{text}");
        assert_eq!(client.retries(), 0, "it gets no better");
        server.seen();
    }
}

#[tokio::test]
async fn a_blob_that_drips_is_not_waited_for_for_ever() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec();
    let host = server(head, b"x".to_vec(), Duration::from_millis(20)).await;
    let client = Client::named(&host, quick);
    let mut stream = client.repository.blob(&Digest::of(b"y"), 1_000_000);
    let error = loop {
        match stream.chunk().await {
            Ok(bytes) => assert!(bytes.is_some(), "no end"),
            Err(error) => break error,
        }
    };
    let text = words(&error);
    assert!(text.contains("made no progress") && text.contains("less than 1024 bytes in 0.2 seconds"), "{text}");
    assert!(client.retries() > 0, "another attempt may find a better way");
}
