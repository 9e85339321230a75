//! Servers that mean harm: bodies without an end, heads without measure, bytes that are no HTTP.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Client, words};
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
    assert_eq!(error.to_string(), "GET /v2/a/b/manifests/8: 404 Not Found: {");
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
        assert_eq!(client.retries(), 4, "{first}");
    }
}
