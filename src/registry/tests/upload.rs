//! The steps of an upload, without a server.

use crate::registry::PushedBlob;
use crate::registry::retry::Class;
use crate::registry::upload::{Next, Outcome, Step, Upload};

fn url(path: &str) -> url::Url {
    format!("https://r.example.com/{path}").parse().expect("a URL")
}

fn accepted(status: u16, session: Option<&str>) -> Outcome {
    Outcome::Accepted { status, session: session.map(url) }
}

/// Plays outcomes, and checks what is done before the next step, and the step.
#[track_caller]
fn check(mounts: &[&str], play: &[(Outcome, Next, Step)]) {
    let mut upload = Upload::new(mounts.iter().map(|&from| from.to_owned()));
    assert_eq!(*upload.step(), Step::Head);
    for (number, (outcome, next, step)) in play.iter().enumerate() {
        assert_eq!(upload.take(outcome.clone()), *next, "step {number}");
        assert_eq!(upload.step(), step, "step {number}");
    }
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
fn a_registry_that_accepts_and_forgets_is_given_up() {
    let mut upload = Upload::new([]);
    let mut bodies = 0;
    loop {
        let outcome = match upload.step() {
            Step::Put(_) => {
                bodies += 1;
                accepted(202, None)
            }
            Step::Start => accepted(202, Some("u")),
            Step::Cancel(_) => Outcome::Ignored,
            _ => Outcome::Found(false),
        };
        if upload.take(outcome) == Next::Fail {
            break;
        }
    }
    assert_eq!(bodies, 10);
}
