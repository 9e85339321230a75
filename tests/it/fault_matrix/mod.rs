//! The fault matrix: every fault in every phase of a push and a pull, each cell with its outcome, its bound on requests
//! and on bytes sent twice, the sessions that it may leave, and the words of its error.
//!
//! The table in `docs/registry.md` is made of the same rows.

mod phase;
mod rows;
pub(crate) mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use dockless::ground::Hint;
use dockless::registry::RegistryError;
use dockless::sandbox::{Action, Fault, Personality};
use futures_util::StreamExt;

use super::support::bench::Bench;
use phase::Phase;

/// What a fault does to the requests of a phase.
#[derive(Clone)]
struct Row {
    /// The fault, in words.
    name: &'static str,
    /// What goes wrong; `{base}` in headers is the registry's URL.
    action: Action,
    /// How many requests it hits; `None` is all of them.
    times: Option<u32>,
    /// The registry's ways.
    ways: fn() -> Personality,
    /// What comes of it, phase by phase.
    cells: Vec<(Phase, Want)>,
}

/// What a cell asserts.
#[derive(Clone, Copy, Debug)]
enum Want {
    /// The work is done, with at most so many requests more than without the fault, so many bodies in all, and so many
    /// sessions left.
    Done { more: usize, bodies: u64, left: usize },
    /// It ends with an error that has these words, with at most so many requests more and sessions left.
    Stop { words: &'static str, more: usize, left: usize },
}

/// One cell, ready to run.
struct Cell {
    row: Row,
    phase: Phase,
    want: Want,
}

/// Cells that are run side by side: most of their time is that of others.
const AT_ONCE: usize = 8;

impl Row {
    fn into_cells(self) -> Vec<Cell> {
        let cell = |&(phase, want): &(Phase, Want)| Cell { row: self.clone(), phase, want };
        self.cells.iter().map(cell).collect()
    }
}

impl Cell {
    /// Returns what the cell has in common with those that cost the same without a fault.
    fn kind(&self) -> (String, Phase) {
        (format!("{:?}", (self.row.ways)()), self.phase)
    }
}

/// What came of a run.
struct Seen {
    result: Result<(), RegistryError>,
    requests: usize,
    sent: u64,
    left: usize,
    seconds: i64,
}

async fn run(cell: &Cell, fault: bool) -> Seen {
    let stalls = matches!(cell.row.action, Action::Stall | Action::StallAfter { .. });
    let bench = Bench::with(cell.phase.ways((cell.row.ways)()), |options| {
        if stalls && fault {
            let limit = Duration::from_secs(1);
            options.timeouts.answer = limit;
            options.timeouts.idle = limit;
            options.timeouts.commit = limit;
        }
    })
    .await;
    cell.phase.prepare(&bench).await;
    bench.sandbox.forget_requests();
    if fault {
        let rule = cell.phase.aim(located(&cell.row.action, &bench.sandbox.endpoint()));
        bench.sandbox.script(cell.row.times.map_or_else(|| rule.clone().always(), |times| rule.clone().times(times)));
    }
    let began = bench.clock.now();
    let result = cell.phase.act(&bench).await;
    let seconds = bench.clock.now().seconds() - began.seconds();
    let requests = bench.sandbox.requests().len();
    let (sent, left) = (bench.sent(), bench.sandbox.open_uploads());
    bench.sandbox.clear_faults();
    if result.is_ok() {
        cell.phase.verify(&bench).await;
    }
    bench.sandbox.stop().await;
    Seen { result, requests, sent, left, seconds }
}

/// Puts the registry's URL into headers.
fn located(action: &Action, base: &str) -> Action {
    let port = base.rsplit(':').next().expect("a port");
    let set = |headers: &[(String, String)]| {
        headers.iter().map(|(n, v)| (n.clone(), v.replace("{base}", base).replace("{port}", port))).collect()
    };
    match action.clone() {
        Action::Status { status, code, message, headers } => {
            Action::Status { status, code, message, headers: set(&headers) }
        }
        Action::Headers { set: headers, remove } => Action::Headers { set: set(&headers), remove },
        other => other,
    }
}

fn words(error: &RegistryError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" <- {cause}"));
        source = cause.source();
    }
    text + &error.hint().map_or_else(String::new, |hint| format!(" hint: {hint}"))
}

/// What a phase costs without a fault, of registries by their ways.
type Calm = BTreeMap<(String, Phase), (usize, u64)>;

/// Returns what is wrong with a cell.
async fn judge(cell: Cell, calm: &Calm) -> Vec<String> {
    let seen = run(&cell, true).await;
    let (requests, sent) = calm[&cell.kind()];
    let mut wrong = Vec::new();
    let mut check = |holds: bool, text: String| {
        if !holds {
            wrong.push(format!("{} / {:?}: {text}", cell.row.name, cell.phase));
        }
    };
    // The policy's budget, and the last pause that a server asked for.
    check(seen.seconds <= 300 + 121, format!("took {} s", seen.seconds));
    let extra = seen.requests.saturating_sub(requests);
    match (&seen.result, cell.want) {
        (Ok(()), Want::Done { more, bodies, left }) => {
            check(extra <= more, format!("{extra} requests more, not {more}"));
            check(seen.sent <= bodies * phase::SIZE.max(sent), format!("{} bytes sent", seen.sent));
            check(seen.left <= left, format!("{} sessions left", seen.left));
        }
        (Err(error), Want::Stop { words: expect, more, left }) => {
            let text = words(error);
            check(text.contains(expect), format!("`{expect}` is not in: {text}"));
            check(text.len() < 1500 && !text.contains('\n'), format!("no line for people: {text}"));
            check(extra <= more, format!("{extra} requests more, not {more}"));
            check(seen.left <= left, format!("{} sessions left", seen.left));
        }
        (Ok(()), Want::Stop { .. }) => check(false, "is done".to_owned()),
        (Err(error), Want::Done { .. }) => check(false, words(error)),
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_in_every_phase_ends_as_the_table_says() {
    let cells: Vec<Cell> = rows::rows().into_iter().flat_map(Row::into_cells).collect();
    let kinds: BTreeMap<_, _> = cells.iter().map(|cell| (cell.kind(), cell)).collect();
    let calm = kinds.into_iter().map(|(kind, cell)| async move {
        let seen = run(cell, false).await;
        assert!(seen.result.is_ok(), "{kind:?} fails without a fault");
        (kind, (seen.requests, seen.sent))
    });
    let calm: Calm = futures_util::stream::iter(calm).buffer_unordered(AT_ONCE).collect().await;
    let judged = cells.into_iter().map(|cell| judge(cell, &calm));
    let wrong: Vec<Vec<String>> = futures_util::stream::iter(judged).buffer_unordered(AT_ONCE).collect().await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_documented_table_is_the_tested_one() {
    table::check("fault matrix", &table::render(&rows::rows()));
}

impl Phase {
    /// Makes a rule for the phase's requests.
    fn aim(self, action: Action) -> Fault {
        let (method, path, query) = self.requests();
        let fault = Fault::on_request(method, path, action);
        match query {
            Some(query) => fault.with_query(query),
            None => fault,
        }
    }
}
