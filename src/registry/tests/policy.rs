//! The retry policy and the words of errors, without a server.

use std::sync::Arc;
use std::time::Duration;

use crate::ground::Timestamp;
use crate::registry::RetryPolicy;
use crate::registry::retry::{Attempts, Class, Failure, class, retry_after};

fn policy(random: f64) -> RetryPolicy {
    RetryPolicy { random: Arc::new(move || random), ..RetryPolicy::default() }
}

fn failure(class: Class) -> Failure {
    Failure { class, asked: None, lost: Duration::ZERO, limit: None }
}

#[test]
fn pauses_double_up_to_their_cap() {
    let mut attempts = Attempts::default();
    let pauses: Vec<u128> =
        (0..8).map(|_| attempts.after(&policy(1.0), failure(Class::Transient)).expect("a pause").as_millis()).collect();
    assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
    assert_eq!(Attempts::default().after(&policy(0.0), failure(Class::Transient)), Some(Duration::ZERO));
}

#[test]
fn an_item_ends_with_its_budget() {
    let spent = |class, lost, limit| {
        let (mut attempts, mut count) = (Attempts::default(), 0);
        while attempts.after(&policy(1.0), Failure { lost, limit, ..failure(class) }).is_some() {
            count += 1;
        }
        count
    };
    assert_eq!(spent(Class::Transient, Duration::ZERO, None), 19);
    assert_eq!(spent(Class::Transient, Duration::from_secs(301), None), 0);
    assert_eq!(spent(Class::Transient, Duration::ZERO, Some(Duration::from_secs(60))), 7);
    assert_eq!(spent(Class::Session, Duration::ZERO, None), 19);
    assert_eq!(spent(Class::Unreached, Duration::ZERO, None), 4);
    assert_eq!(spent(Class::Suspect, Duration::ZERO, None), 4);
    assert_eq!(spent(Class::Fatal, Duration::ZERO, None), 0);
}

#[test]
fn the_server_may_ask_for_a_longer_pause_within_reason() {
    let asked = |seconds| {
        let asked = Some(Duration::from_secs(seconds));
        Attempts::default().after(&policy(0.0), Failure { asked, ..failure(Class::Transient) }).map(|p| p.as_secs())
    };
    assert_eq!((asked(7), asked(86_400)), (Some(7), Some(120)));
    let jittered = Failure { asked: Some(Duration::from_secs(7)), ..failure(Class::Transient) };
    let pause = Attempts::default().after(&policy(1.0), jittered).expect("a pause");
    assert_eq!(pause.as_millis(), 7500, "all who were told the same would come back at once");
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = Timestamp::from_seconds(1_000_000_000);
    for (value, expect) in [
        (" 7 ", Some(7)),
        ("Sun, 09 Sep 2001 01:46:50 GMT", Some(10)),
        ("Sun, 09 Sep 2001 01:46:30 GMT", Some(0)),
        ("99999999999999999999999", Some(4_294_967_295)),
        ("", None),
        ("soon", None),
        ("-1", None),
    ] {
        assert_eq!(retry_after(value, now), expect.map(Duration::from_secs), "{value}");
    }
}

#[test]
fn codes_decide_before_the_status() {
    for (status, codes, expect) in [
        (500, &[][..], Class::Transient),
        (522, &[], Class::Transient),
        (501, &[], Class::Fatal),
        (429, &[], Class::Transient),
        (416, &[], Class::Session),
        (400, &["DIGEST_INVALID"], Class::Fatal),
        (500, &["NAME_UNKNOWN"], Class::Fatal),
        (400, &["TOOMANYREQUESTS"], Class::Transient),
        (503, &["UNKNOWN"], Class::Transient),
        (404, &["UNKNOWN"], Class::Fatal),
        (404, &["BLOB_UPLOAD_UNKNOWN"], Class::Session),
        (416, &["BLOB_UPLOAD_INVALID"], Class::Session),
        (400, &["BLOB_UPLOAD_INVALID"], Class::Suspect),
        (403, &["BLOB_UPLOAD_INVALID", "DENIED"], Class::Fatal),
        (429, &["DENIED"], Class::Transient),
        (403, &[], Class::Fatal),
    ] {
        assert_eq!(class(status, codes.iter().copied()), expect, "{status} {codes:?}");
    }
}
