//! The steps of an upload, without a server.

use crate::registry::PushedBlob;
use crate::registry::chunking::Chunking;
use crate::registry::endpoint::Endpoint;
use crate::registry::retry::Class;
use crate::registry::upload::{Next, Outcome, Step, Upload};
use crate::spec::HostConfig;

fn url(path: &str) -> url::Url {
    format!("https://r.example.com/{path}").parse().expect("a URL")
}

fn accepted(status: u16, session: Option<&str>) -> Outcome {
    Outcome::Accepted { status, session: session.map(url), reached: None, least: None }
}

fn told(reached: u64) -> Outcome {
    Outcome::Accepted { status: 204, session: None, reached: Some(reached), least: None }
}

const MIB: u64 = 1024 * 1024;

fn start(size: u64, mounts: &[&str]) -> Upload {
    let endpoint = Endpoint::new("r.example.com", HostConfig::default()).expect("an endpoint");
    Upload::new(size, mounts.iter().map(|&from| from.to_owned()), Chunking::of(&endpoint))
}

/// Plays outcomes, and checks what is done before the next step, and the step.
#[track_caller]
fn play(mut upload: Upload, play: &[(Outcome, Next, Step)]) {
    assert_eq!(*upload.step(), Step::Head);
    for (number, (outcome, next, step)) in play.iter().enumerate() {
        assert_eq!(upload.take(outcome.clone()), *next, "step {number}");
        assert_eq!(upload.step(), step, "step {number}");
    }
}

#[track_caller]
fn check(mounts: &[&str], steps: &[(Outcome, Next, Step)]) {
    play(start(5, mounts), steps);
}

#[test]
fn mounts_are_tried_in_order_before_an_upload() {
    let mount = |from: &str| Step::Mount(from.to_owned());
    check(
        &["a", "b"],
        &[
            (Outcome::Found(false), Next::Go, mount("a")),
            (Outcome::Failed(Class::Fatal), Next::Go, mount("b")),
            (accepted(202, None), Next::Go, Step::Start),
            (accepted(202, Some("u")), Next::Go, Step::Put(url("u"))),
            (accepted(201, None), Next::Go, Step::Done(PushedBlob::Uploaded)),
        ],
    );
}

#[test]
fn a_session_never_gets_a_second_body() {
    for class in [Class::Transient, Class::Session, Class::Unreached] {
        check(
            &["a"],
            &[
                (Outcome::Failed(Class::Fatal), Next::Go, Step::Mount("a".to_owned())),
                (accepted(202, Some("old")), Next::Go, Step::Put(url("old"))),
                (Outcome::Failed(class), Next::Pause, Step::Head),
                (Outcome::Failed(Class::Transient), Next::Pause, Step::Head),
                (Outcome::Found(false), Next::Go, Step::Cancel(url("old"))),
                (Outcome::Failed(Class::Fatal), Next::Go, Step::Start),
                (Outcome::Failed(Class::Transient), Next::Pause, Step::Start),
                (accepted(202, Some("new")), Next::Go, Step::Put(url("new"))),
                (Outcome::Failed(class), Next::Pause, Step::Head),
                (Outcome::Found(true), Next::Go, Step::Done(PushedBlob::Uploaded)),
            ],
        );
    }
}

#[test]
fn what_no_retry_helps_ends_it() {
    let begun = (Outcome::Found(false), Next::Go, Step::Start);
    check(&[], &[begun.clone(), (Outcome::Failed(Class::Fatal), Next::Fail, Step::Start)]);
    check(&[], &[begun.clone(), (accepted(202, None), Next::Fail, Step::Start)]);
    let put = (accepted(202, Some("u")), Next::Go, Step::Put(url("u")));
    check(&[], &[begun, put, (Outcome::Failed(Class::Fatal), Next::Fail, Step::Put(url("u")))]);
}

#[test]
fn a_mount_is_tried_again_as_a_mount_until_it_is_answered_for_good() {
    let mount = || Step::Mount("a".to_owned());
    let mut upload = start(5, &["a"]);
    upload.take(Outcome::Found(false));
    for _ in 0..100 {
        assert_eq!(upload.take(Outcome::Failed(Class::Transient)), Next::Pause);
        assert_eq!(*upload.step(), mount());
    }
    assert_eq!(upload.take(Outcome::Ignored), Next::Go, "its time is up");
    assert_eq!(*upload.step(), Step::Start);
}

fn patch(session: &str, offset: u64, length: u64) -> Step {
    Step::Patch { session: url(session), offset, length }
}

#[test]
fn a_body_that_is_too_long_goes_in_parts_that_get_shorter() {
    play(
        start(20 * MIB, &[]),
        &[
            (Outcome::Found(false), Next::Go, Step::Start),
            (accepted(202, Some("whole")), Next::Go, Step::Put(url("whole"))),
            (Outcome::TooLarge, Next::Go, Step::Cancel(url("whole"))),
            (Outcome::Ignored, Next::Go, Step::Start),
            (accepted(202, Some("1")), Next::Go, patch("1", 0, 16 * MIB)),
            (Outcome::TooLarge, Next::Go, patch("1", 0, 4 * MIB)),
            (accepted(202, Some("2")), Next::Go, patch("2", 4 * MIB, 4 * MIB)),
            // ECR: 201, and no Location or Range that is worth anything.
            (accepted(201, None), Next::Go, patch("2", 8 * MIB, 4 * MIB)),
            (told(1), Next::Go, patch("2", 12 * MIB, 4 * MIB)),
            (accepted(202, Some("3")), Next::Go, patch("3", 16 * MIB, 4 * MIB)),
            (accepted(202, Some("4")), Next::Go, Step::Close(url("4"))),
            (accepted(201, None), Next::Go, Step::Done(PushedBlob::Uploaded)),
        ],
    );
}

/// Returns an upload that sends its second part, of 16 MiB each.
fn in_parts(size: u64) -> Upload {
    let mut upload = start(size, &[]);
    for outcome in
        [Outcome::Found(false), accepted(202, Some("w")), Outcome::TooLarge, Outcome::Ignored, accepted(202, Some("s"))]
    {
        upload.take(outcome);
    }
    assert_eq!(upload.take(accepted(202, Some("s"))), Next::Go);
    assert_eq!(*upload.step(), patch("s", 16 * MIB, 16 * MIB));
    upload
}

#[test]
fn a_broken_part_goes_on_where_the_server_is() {
    for (outcome, next) in [(Outcome::Failed(Class::Transient), Next::Pause), (Outcome::Misplaced, Next::Go)] {
        let mut upload = in_parts(64 * MIB);
        assert_eq!(upload.take(outcome), next);
        assert_eq!(*upload.step(), Step::Status(url("s")));
        upload.take(told(20 * MIB));
        assert_eq!(*upload.step(), patch("s", 20 * MIB, 16 * MIB));
    }
}

#[test]
fn a_server_that_does_not_say_or_lies_gets_a_new_session() {
    for said in [Outcome::Failed(Class::Fatal), told(1), told(5), told(65 * MIB), accepted(204, None)] {
        let mut upload = in_parts(64 * MIB);
        upload.take(Outcome::Misplaced);
        assert_eq!(upload.take(said.clone()), Next::Go, "{said:?}");
        assert_eq!(*upload.step(), Step::Cancel(url("s")), "{said:?}");
    }
    let mut upload = in_parts(64 * MIB);
    for _ in 0..3 {
        upload.take(Outcome::Misplaced);
        upload.take(told(16 * MIB));
        assert_eq!(*upload.step(), patch("s", 16 * MIB, 16 * MIB));
    }
    upload.take(Outcome::Misplaced);
    upload.take(told(16 * MIB));
    assert_eq!(*upload.step(), Step::Cancel(url("s")), "no progress between refusals");
}

#[test]
fn a_whole_that_keeps_breaking_is_tried_in_parts_if_it_is_long() {
    for (size, expect) in [(MIB, Step::Put(url("u"))), (65 * MIB, patch("u", 0, 16 * MIB))] {
        let mut upload = start(size, &[]);
        upload.take(Outcome::Found(false));
        for _ in 0..3 {
            upload.take(accepted(202, Some("u")));
            upload.take(Outcome::Failed(Class::Transient));
            upload.take(Outcome::Found(false));
            upload.take(Outcome::Ignored);
        }
        upload.take(accepted(202, Some("u")));
        assert_eq!(*upload.step(), expect);
    }
}

#[test]
fn bytes_that_the_server_calls_wrong_are_sent_once_more() {
    let put = |session| (accepted(202, Some(session)), Next::Go, Step::Put(url(session)));
    check(
        &[],
        &[
            (Outcome::Found(false), Next::Go, Step::Start),
            put("a"),
            (Outcome::Corrupt, Next::Pause, Step::Head),
            (Outcome::Found(false), Next::Go, Step::Cancel(url("a"))),
            (Outcome::Ignored, Next::Go, Step::Start),
            put("b"),
            (Outcome::Corrupt, Next::Fail, Step::Put(url("b"))),
        ],
    );
}

#[test]
fn a_registry_that_accepts_and_forgets_is_given_up() {
    let mut upload = start(5, &[]);
    let (mut bodies, mut looks) = (0, 0);
    loop {
        let outcome = match upload.step() {
            Step::Put(_) => {
                bodies += 1;
                accepted(202, None)
            }
            Step::Start => accepted(202, Some("u")),
            Step::Cancel(_) => Outcome::Ignored,
            _ => {
                looks += 1;
                Outcome::Found(false)
            }
        };
        if upload.take(outcome) == Next::Fail {
            break;
        }
    }
    assert_eq!((bodies, looks), (40, 1 + 39 * 4), "each is looked for before it is sent again");
}
