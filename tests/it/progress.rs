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
    run.until("uploading");
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
