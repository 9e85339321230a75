//! What the guard finds and what it lets pass. Nothing here reads as a secret: all are made when the tests run.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::scan::{self, Hits, Scan};
use super::*;
use crate::oci::ImagePath;

mod documents;
mod marks;
mod pieces;
mod programs;
mod refusal;
mod variables;

const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";
const LETTERS_AND_DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Returns a text that looks random; equal for equal arguments.
fn random(alphabet: &str, length: usize) -> String {
    let mut state = length as u64 ^ 0x5851_f42d_4c95_7f2d;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(alphabet.as_bytes()[(state >> 33) as usize % alphabet.len()])
    })
    .take(length)
    .collect()
}

/// Returns an armoured key that opens nothing.
fn armoured(kind: &str, headers: &str) -> String {
    let body: Vec<String> = (0..5).map(|line| random(BASE64, 64 + line)[line..].to_owned()).collect();
    format!("-----BEGIN {kind}-----\n{headers}{}\n-----END {kind}-----\n", body.join("\n"))
}

fn private_key() -> String {
    armoured("PRIVATE KEY", "")
}

fn aws_id() -> String {
    format!("AKIA{}", random(BASE32, 16))
}

fn aws_secret() -> String {
    random(BASE64, 40)
}

/// Returns the lines and secrets of a file.
fn found(name: &str, content: impl AsRef<[u8]>) -> Vec<(Option<u64>, Secret)> {
    scan::whole(name.as_bytes(), content.as_ref()).secrets().collect()
}

/// Asserts that a file holds exactly one secret, in that line.
#[track_caller]
fn assert_one(name: &str, content: impl AsRef<[u8]>, line: u64, secret: Secret) {
    let text = String::from_utf8_lossy(content.as_ref()).into_owned();
    assert_eq!(found(name, content), [(Some(line), secret)], "`{name}`: {text}");
}

#[track_caller]
fn assert_none(name: &str, content: impl AsRef<[u8]>) {
    let text = String::from_utf8_lossy(content.as_ref()).into_owned();
    assert_eq!(found(name, content), [], "`{name}`: {text}");
}

fn inspection(allow: &[&str]) -> Inspection {
    let allow: Vec<String> = allow.iter().map(|pattern| (*pattern).to_owned()).collect();
    Inspection::new(InspectionOptions {
        guard: Arc::new(Guard::new(&allow).unwrap()),
        platforms: vec!["linux/amd64".parse().unwrap()],
        machine_paths: vec!["/builds/acme/app".into(), "/root/".into()],
        asked: ["usr/bin/serve", "usr/bin/run", "bin"].map(path).into(),
    })
}

fn path(text: &str) -> ImagePath {
    ImagePath::parse(text.as_bytes()).unwrap()
}

fn subject(text: &str, mode: u32) -> Subject {
    Subject { path: path(text), mode, source: None }
}
