//! Progress on a terminal of its own: seen, resized, interrupted; and what dumb terminals and logs get instead.

use std::time::Duration;

use dockless::sandbox::Link;
use pty_process::Size;

use super::support::{OnTerminal, Project, StandIn};

const PUSHED: &str = "base: scratch\nlayers:\n  - {from: app, to: /app}\n";

/// A project whose layer does not shrink, and a registry that takes it slowly.
fn slow() -> (StandIn, Project) {
    let slow = Link { latency: Duration::ZERO, rate: Some(400_000) };
    let standin = StandIn::with(&["shop"], &[], |options| options.link = slow);
    let project = Project::with(PUSHED);
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33).to_le_bytes()
    });
    let bytes: Vec<u8> = noise.take(400_000).flat_map(|bytes| [bytes[0], bytes[1], bytes[2]]).collect();
    std::fs::write(project.join("app/noise"), bytes).expect("a file");
    (standin, project)
}

#[test]
fn a_terminal_shows_what_moves_and_then_what_was_done() {
    let (standin, project) = slow();
    let run = OnTerminal::start(&standin.runner(), project.path(), &["push"], &[("LANG", "C")]);
    run.until("uploading");
    run.terminal.resize(Size::new(10, 40)).expect("another size");
    run.until(": uploaded ");
    let (code, seen) = run.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("\u{1b}["), "lines are drawn anew: {seen}");
    assert!(!seen.contains('⠋') && !seen.contains('━'), "a terminal without UTF-8 gets none of it: {seen}");
    assert!(seen.contains("sent      1.2 MB in 2 blobs"), "{seen}");
    assert!(seen.trim_end().lines().last().is_some_and(|line| line.contains("/shop:latest@sha256:")), "{seen}");
}

#[test]
fn an_interrupt_on_a_terminal_cleans_up_and_ends_with_130() {
    let (standin, project) = slow();
    let run = OnTerminal::start(&standin.runner(), project.path(), &["push"], &[("LANG", "en_US.UTF-8")]);
    // The layer, that is: the config is there in no time.
    run.until("of   1.20 MB");
    run.types("\x03");
    let (code, seen) = run.end();
    assert_eq!(code, 130, "{seen}");
    assert!(seen.contains("error: interrupted") && seen.contains("hint: run the same command again"), "{seen}");
    assert!(seen.contains("unfinished uploads: 1"), "{seen}");
    let tail = seen.split("error: interrupted").nth(1).unwrap_or_default();
    assert!(!tail.contains("uploading"), "nothing moves below the error: {seen}");
}

#[test]
fn a_terminal_that_cannot_move_or_show_colours_gets_none() {
    let standin = StandIn::start(&["shop"], &[]);
    let rows: [(&[(&str, &str)], bool); 3] =
        [(&[("TERM", "dumb")], false), (&[("NO_COLOR", "1")], true), (&[("CI", "true")], false)];
    for (variables, moves) in rows {
        let project = Project::with(PUSHED);
        project.write("app/hello.txt", &format!("{variables:?}"));
        let run = OnTerminal::start(&standin.runner(), project.path(), &["push"], variables);
        let (code, seen) = run.end();
        assert_eq!(code, 0, "{seen}");
        for colour in 31..37 {
            assert!(!seen.contains(&format!("\u{1b}[{colour}m")), "{variables:?}: {seen}");
        }
        assert!(moves || !seen.contains('\u{1b}'), "{variables:?}: {seen}");
    }
}

#[test]
fn a_log_gets_lines_with_the_time_and_none_asks_for_nothing() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let project = Project::with(PUSHED);
    let run = standin.runner().run(project.path(), &["push"]);
    let timed = |line: &str| line.len() > 9 && line.as_bytes()[2] == b':' && line.as_bytes()[5] == b':';
    let (lines, rest): (Vec<&str>, Vec<&str>) = run.stderr.lines().partition(|line| timed(line));
    assert!(lines.iter().any(|line| line.contains("layer     app: 2 entries")), "{}", run.stderr);
    let closing: Vec<&str> = rest.iter().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(closing, ["built", "sent", "time"], "{}", run.stderr);
    for flags in [["push", "--progress", "none"], ["push", "-q", "--json"]] {
        let run = standin.runner().run(project.path(), &flags);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{flags:?}");
    }
}

#[test]
fn requests_are_told_when_asked_for_and_hold_no_credentials() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = Project::with(PUSHED);
    let quiet = standin.runner().run(project.path(), &["push"]);
    assert!(!quiet.stderr.contains("request "), "{}", quiet.stderr);
    project.write("app/hello.txt", "changed\n");
    let run = standin.runner().run(project.path(), &["push", "-v"]);
    assert!(run.stderr.contains("PUT /v2/shop/manifests/latest: 201 in "), "{}", run.stderr);
    assert!(!run.stderr.to_lowercase().contains("bearer") && !run.stderr.contains("Basic "), "{}", run.stderr);
}

/// The bytes that move a cursor or change a colour, none of them ours.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}5A\u{202e}";

fn is_clean(text: &str) {
    for bad in ["\u{1b}]0", "\u{1b}[2J", "\u{7}", "\u{9b}", "\u{202e}"] {
        assert!(!text.contains(bad), "{bad:?} in {text:?}");
    }
}

#[test]
fn words_of_strangers_move_no_cursor() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let folder = format!("app/{HOSTILE}");
    let project = Project::with(&format!(
        "base: scratch\nlayers:\n  - {{from: app, to: /app}}\n  - {{from: {}, to: /x}}\n",
        serde_json::Value::from(folder.as_str()).to_string().replace('\u{9b}', "\\u009b")
    ));
    project.write(&format!("{folder}/one"), "1");
    let run = OnTerminal::start(&standin.runner(), project.path(), &["push"], &[("LANG", "en_US.UTF-8")]);
    let (code, seen) = run.end();
    assert_eq!(code, 0, "{seen}");
    is_clean(&seen);
    let plain = standin.runner().run(project.path(), &["push", "-vv"]);
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    is_clean(&plain.stderr);
    let message = format!("{HOSTILE}\n::error::{HOSTILE}");
    let refused = dockless::sandbox::Action::Status { status: 403, code: HOSTILE.into(), message, headers: Vec::new() };
    let fault = dockless::sandbox::Fault::on_request("PUT", "/v2/shop/manifests/latest", refused);
    standin.sandbox().script(fault.always());
    project.write("app/hello.txt", "changed\n");
    let failed = standin.runner().env("GITHUB_ACTIONS", "true").run(project.path(), &["push", "--json"]);
    assert_eq!(failed.code, 5, "{}", failed.stderr);
    is_clean(&failed.stderr);
    is_clean(&failed.stdout);
    let commands: Vec<&str> = failed.stderr.lines().filter(|line| line.trim_start().starts_with("::")).collect();
    assert!(matches!(commands[..], [one] if one.starts_with("::error title=dockless::")), "{commands:?}");
}

#[test]
fn a_narrow_terminal_gets_lines_that_fit() {
    let (standin, project) = slow();
    for columns in [20, 50] {
        project.write("app/hello.txt", &columns.to_string());
        let run = OnTerminal::start_at(&standin.runner(), project.path(), &["push"], &[("LANG", "C")], columns);
        let (code, seen) = run.end();
        assert_eq!(code, 0, "{seen}");
        // A line that is drawn anew stands between the sequences that take the last one away.
        let moving = seen.split(['\u{1b}', '\n', '\r']).filter(|line| line.contains(" % ") && !line.contains("sent "));
        let widths: Vec<usize> = moving.map(|line| line.trim_start_matches("[0m").chars().count()).collect();
        assert!(!widths.is_empty(), "{seen:?}");
        assert!(widths.iter().all(|width| *width <= columns as usize), "{widths:?} in {seen:?}");
    }
}

#[test]
fn a_terminal_without_utf8_gets_ascii_alone() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let project = Project::with("base: scratch\nlayers:\n  - {from: app, to: /app}\n  - {from: caf\u{e9}, to: /x}\n");
    project.write("caf\u{e9}/one", "1");
    let run = OnTerminal::start(&standin.runner(), project.path(), &["push"], &[("LC_ALL", "C")]);
    let (code, seen) = run.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.is_ascii() && seen.contains("caf\\u{e9}"), "{seen}");
}
