//! The rows of the matrix.

use dockless::sandbox::{Action, Personality, Reset};

use super::phase::Phase::{self, Auth, Close, Get, Head, Index, Manifest, Mount, Patch, Put, Referrers, Start, Tag};
use super::{Row, Want};

const ALL: [Phase; 12] = Phase::ALL;

/// Done with so many requests more.
fn more(more: usize) -> Want {
    Want::Done { more, bodies: 1, left: 0 }
}

/// Done with so many requests more, and so many bodies in all.
fn again(more: usize, bodies: u64) -> Want {
    Want::Done { more, bodies, left: 0 }
}

fn stop(words: &'static str, more: usize) -> Want {
    Want::Stop { words, more, left: 0 }
}

/// Gives phases what they want, later ones over earlier ones.
fn cells(wants: &[(&[Phase], Want)]) -> Vec<(Phase, Want)> {
    let last = |phase: Phase| wants.iter().rev().find(|(phases, _)| phases.contains(&phase)).map(|(_, want)| *want);
    ALL.iter().filter_map(|phase| Some((*phase, last(*phase)?))).collect()
}

/// A fault that passes: one request more for each phase, but for what has to be asked again before.
fn passing(bodies: u64) -> Vec<(Phase, Want)> {
    cells(&[
        (&ALL, more(1)),
        (&[Auth, Manifest, Index], more(2)),
        (&[Put], again(4, bodies)),
        // A session in which nothing arrived is given up, as one of which nobody knows how far it is.
        (&[Patch], again(4, bodies)),
        (&[Close], again(6, 2)),
    ])
}

/// A fault that passes after ten times.
fn passing_late(bodies: u64) -> Vec<(Phase, Want)> {
    cells(&[
        (&ALL, more(10)),
        (&[Auth, Manifest, Index], more(20)),
        (&[Put], again(40, bodies)),
        (&[Patch], again(40, bodies)),
        (&[Close], again(60, bodies)),
    ])
}

fn raw(status: u16, body: &[u8]) -> Action {
    Action::Raw { status, headers: Vec::new(), body: body.to_vec() }
}

fn with(status: u16, code: &str, message: &str, name: &str, value: &str) -> Action {
    let headers = vec![(name.to_owned(), value.to_owned())];
    Action::Status { status, code: code.to_owned(), message: message.to_owned(), headers }
}

fn set(name: &str, value: &str) -> Action {
    Action::Headers { set: vec![(name.to_owned(), value.to_owned())], remove: vec![] }
}

fn without(names: &[&str]) -> Action {
    Action::Headers { set: vec![], remove: names.iter().map(|&name| name.to_owned()).collect() }
}

fn row(name: &'static str, action: Action, times: Option<u32>, cells: Vec<(Phase, Want)>) -> Row {
    Row { name, action, times, ways: Personality::quay, cells }
}

fn ecr(row: Row) -> Row {
    let cells = row.cells.into_iter().filter(|(phase, _)| *phase != Auth).collect();
    Row { ways: Personality::ecr, cells, ..row }
}

/// Returns all rows.
pub(super) fn rows() -> Vec<Row> {
    [connections(), credentials(), refusals(), limits(), answers(), addresses(), registries()].concat()
}

/// Connections that break, and servers that are silent.
fn connections() -> Vec<Row> {
    let lost = cells(&[
        (&[Auth], more(2)),
        (&[Head, Mount, Tag, Manifest, Index, Referrers, Get, Put, Close], more(1)),
        (&[Patch], again(2, 2)),
        // Whoever opened it does not know its name.
        (&[Start], Want::Done { more: 1, bodies: 1, left: 1 }),
    ]);
    let in_body = || cells(&[(&[Put], again(4, 2)), (&[Patch], again(4, 2)), (&[Manifest, Index], more(2))]);
    let in_answer = || cells(&[(&[Auth], more(2)), (&[Referrers, Get], more(1))]);
    let reset = |when| Action::Reset(when);
    vec![
        row("reset before the answer", reset(Reset::Before), Some(1), passing(2)),
        row("reset ten times", reset(Reset::Before), Some(10), passing_late(11)),
        row("reset at the first byte of the body", reset(Reset::InBody(1)), Some(1), in_body()),
        row("reset in the middle of the body", reset(Reset::InBody(50_000)), Some(1), in_body()),
        row("reset at 99 % of the body", reset(Reset::InBody(99_000)), Some(1), in_body()),
        row("answer lost after it took effect", reset(Reset::AfterBody), Some(1), lost),
        row("silence instead of an answer", Action::Stall, Some(1), passing(2)),
        row("answer that falls silent", Action::StallAfter { after: 10 }, Some(1), in_answer()),
        row("answer that breaks off", Action::Truncate { after: 10 }, Some(1), in_answer()),
    ]
}

const CHALLENGE: &str = "Bearer realm=\"{base}/token\",service=\"sandbox\"";

/// Answers that refuse who asks.
fn credentials() -> Vec<Row> {
    let unauthorized = || with(401, "UNAUTHORIZED", "expired", "www-authenticate", CHALLENGE);
    let once = cells(&[
        (&[Head, Mount, Start, Tag, Manifest, Index, Referrers, Get], more(2)),
        (&[Put], again(6, 2)),
        (&[Patch, Close], again(2, 2)),
        (&[Auth], more(1)),
    ]);
    let always = cells(&[
        (&[Tag, Manifest, Index, Referrers, Get], stop("401", 4)),
        (&[Start], stop("401", 4)),
        (&[Put, Patch, Close], stop("401", 12)),
        (&[Auth], stop("401", 1)),
        (&[Head, Mount], more(4)),
    ]);
    let denied = cells(&[
        (&[Auth, Start, Referrers, Get], stop("403 DENIED: not yours", 1)),
        (&[Manifest, Index], stop("403 DENIED: not yours", 1)),
        (&[Put, Patch, Close], stop("403 DENIED: not yours", 1)),
        (&[Head, Mount, Tag], more(1)),
        (&[Mount], more(2)),
    ]);
    let expired = with(403, "DENIED", "Your authorization token has expired.", "x-y", "z");
    let renewed =
        cells(&[(&[Head, Mount, Start, Tag, Manifest, Index, Referrers, Get], more(2)), (&[Put], again(6, 2))]);
    vec![
        row("401 once", unauthorized(), Some(1), once),
        row("401 always", unauthorized(), None, always),
        ecr(row("403, the token of ECR has expired", expired, Some(1), renewed)),
        row("403 always", Action::status(403, "DENIED", "not yours"), None, denied),
    ]
}

/// Answers that refuse what is asked.
fn refusals() -> Vec<Row> {
    let nowhere = cells(&[
        (&[Start, Put, Patch, Close, Manifest, Index], stop("repository `shop` does not exist", 1)),
        (&[Get], stop("repository `shop` does not exist", 0)),
        (&[Head, Tag, Referrers], more(1)),
        (&[Mount], more(2)),
    ]);
    let odd = |words| {
        cells(&[
            (&[Head, Tag, Referrers], more(1)),
            (&[Mount], more(2)),
            (&[Start, Put, Patch, Close, Manifest, Index, Get], stop(words, 1)),
        ])
    };
    vec![
        row("404 NAME_UNKNOWN", Action::status(404, "NAME_UNKNOWN", "no such name"), None, nowhere),
        row(
            "404 BLOB_UPLOAD_UNKNOWN once",
            Action::status(404, "BLOB_UPLOAD_UNKNOWN", "gone"),
            Some(1),
            cells(&[(&[Put], again(4, 2)), (&[Patch, Close], again(6, 2))]),
        ),
        row(
            "416 once",
            Action::status(416, "BLOB_UPLOAD_INVALID", "First byte"),
            Some(1),
            cells(&[(&[Put], again(4, 2)), (&[Patch, Close], again(6, 2))]),
        ),
        row("405 always", Action::status(405, "UNSUPPORTED", "no"), None, odd("405 UNSUPPORTED")),
        row("400 without a code", raw(400, b""), None, odd("400 Bad Request")),
        row(
            "400 DIGEST_INVALID once",
            Action::status(400, "DIGEST_INVALID", "other bytes"),
            Some(1),
            cells(&[(&[Put], again(4, 2)), (&[Close], again(6, 2)), (&[Manifest, Index], stop("DIGEST_INVALID", 0))]),
        ),
        row(
            "400 DIGEST_INVALID always",
            Action::status(400, "DIGEST_INVALID", "other bytes"),
            None,
            cells(&[(&[Put], stop("the bytes changed on their way", 5)), (&[Manifest], stop("DIGEST_INVALID", 0))]),
        ),
        row(
            "immutable tag, other digest",
            Action::status(400, "TAG_INVALID", "The tag cannot be overwritten because it is immutable."),
            None,
            cells(&[(&[Manifest, Index], stop("tags of `shop` are immutable", 0))]),
        ),
        row(
            "MANIFEST_BLOB_UNKNOWN once",
            Action::status(404, "MANIFEST_BLOB_UNKNOWN", "a blob is missing"),
            Some(1),
            cells(&[(&[Manifest], more(4))]),
        ),
    ]
}

/// Servers that want to be left alone, or are not well.
fn limits() -> Vec<Row> {
    let quiet = |value| with(429, "TOOMANYREQUESTS", "slow down", "retry-after", value);
    let never = cells(&[
        (&[Auth], stop("500", 80)),
        (&[Head, Start, Tag, Referrers, Get], stop("500", 40)),
        (&[Manifest, Index], stop("500", 80)),
        (&[Put, Patch], stop("500", 170)),
        (&[Close], stop("500", 240)),
        (&[Mount], more(13)),
    ]);
    vec![
        row("429", Action::Throttle, Some(1), passing(2)),
        row("429, Retry-After in seconds", quiet("7"), Some(1), passing(2)),
        row("429, Retry-After as a date", quiet("Tue, 14 Nov 2023 22:13:50 GMT"), Some(1), passing(2)),
        row("429, Retry-After in the past", quiet("Mon, 01 Jan 2001 00:00:00 GMT"), Some(1), passing(2)),
        row("429, Retry-After in a far time", quiet("Fri, 31 Dec 9999 23:59:59 GMT"), Some(1), passing(2)),
        row("429, Retry-After that is none", quiet("soon"), Some(1), passing(2)),
        row("429, absurd Retry-After", quiet("99999999999999999999"), Some(1), passing(2)),
        row("408", raw(408, b""), Some(1), passing(2)),
        row("500", Action::status(500, "UNKNOWN", "oops"), Some(1), passing(2)),
        row("502, a page of a proxy", raw(502, b"<html><body>Bad Gateway</body></html>"), Some(1), passing(2)),
        row("503 ten times", Action::status(503, "UNAVAILABLE", "later"), Some(10), passing_late(11)),
        row("504", raw(504, b""), Some(1), passing(2)),
        row("522", raw(522, b""), Some(1), passing(2)),
        row("500 always", Action::status(500, "UNKNOWN", "oops"), None, never),
    ]
}

/// Answers that are not what they should be.
fn answers() -> Vec<Row> {
    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let xml = b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
    let ends = |words| {
        cells(&[
            (&[Start, Put, Manifest, Index, Get], stop(words, 1)),
            (&[Auth], stop(words, 1)),
            (&[Head, Tag, Referrers], more(1)),
            (&[Mount], more(2)),
        ])
    };
    vec![
        row("400 with a body of 5 MB", raw(400, &vec![b'x'; 5_000_000]), None, ends("400 Bad Request")),
        row("400 with a body without an end", Action::Endless { status: 400 }, None, ends("400 Bad Request")),
        row("400 with XML", raw(400, xml), None, ends("400 Bad Request")),
        row(
            "no digest is named",
            without(&["docker-content-digest"]),
            None,
            cells(&[(&[Tag, Manifest, Index, Put, Get], more(1))]),
        ),
        row("no length is named", without(&["content-length"]), None, cells(&[(&[Head, Tag, Get], more(1))])),
        row(
            "another digest is named",
            set("docker-content-digest", other),
            None,
            cells(&[(&[Put, Close, Manifest, Index], stop("the content is `sha256:0000", 1)), (&[Tag], more(0))]),
        ),
        row("other content", raw(200, &vec![0; 100_000]), None, cells(&[(&[Get], stop("the content is", 0))])),
        row(
            "no Location",
            without(&["location"]),
            None,
            cells(&[(&[Start], more(0)), (&[Put, Patch, Close, Manifest, Mount], more(0))]),
        ),
        row("no Range", without(&["range"]), None, cells(&[(&[Patch], more(0))])),
        row("Range that stands still", set("range", "0-9"), None, cells(&[(&[Patch], more(0))])),
    ]
}

/// Places to go on at that lead nowhere good.
fn addresses() -> Vec<Row> {
    // Whoever cannot be told where a session is cannot give it up.
    let leads = |words: &'static str| cells(&[(&[Start], Want::Stop { words, more: 5, left: 1 })]);
    let relative = "../../blobs/uploads/";
    vec![
        row("no Location, and no name", without(&["location", "docker-upload-uuid"]), None, leads("has no `Location`")),
        row("Location that is no URL", set("location", "http://["), None, leads("is no URL")),
        row(
            "Location at a metadata service",
            set("location", "http://169.254.169.254/latest"),
            None,
            leads("private address"),
        ),
        row(
            "Location at another host, which wants credentials",
            set("location", "http://localhost:{port}/v2/shop/blobs/uploads/1"),
            None,
            leads("401"),
        ),
        row(
            "redirects without an end",
            redirect(307, "{base}/v2/shop/blobs/uploads/"),
            None,
            leads("too many redirects"),
        ),
        row(
            "redirect to a metadata service",
            redirect(307, "http://169.254.169.254/"),
            None,
            cells(&[(&[Start, Get], stop("private address", 0)), (&[Head], more(0))]),
        ),
        row(
            "redirect that loses the body",
            redirect(302, relative),
            None,
            cells(&[(&[Start, Manifest], stop("which leads nowhere", 0)), (&[Put], stop("which leads nowhere", 1))]),
        ),
    ]
}

fn redirect(status: u16, to: &str) -> Action {
    with(status, "", "", "location", to)
}

/// Pushes without a fault of their own to registries with ways of their own.
fn registries() -> Vec<Row> {
    let nothing = || Action::Headers { set: vec![], remove: vec![] };
    let all = || cells(&[(&[Head, Mount, Start, Put, Tag, Manifest, Index, Referrers, Get], more(0))]);
    let kind = |name, ways: fn() -> Personality| Row { ways, ..row(name, nothing(), None, all()) };
    vec![
        kind("as distribution", Personality::distribution),
        kind("as ECR", Personality::ecr),
        kind("as GHCR", Personality::ghcr),
        kind("as Docker Hub", Personality::docker_hub),
        kind("as Quay", Personality::quay),
        kind("as Artifactory", Personality::artifactory),
        kind("as Harbor", Personality::harbor),
        kind("as Google", Personality::google),
    ]
}
