//! The benchmark runs: one table of goals, with the jobs side by side.

use std::path::Path;
use std::process::Command;

use crate::support::process::run;
use crate::support::workbench::Workbench;

/// The rows of the goals, and against what each is held.
const GOALS: [(&str, &str); 7] = [
    ("cold push, gzip", r"`tar \| pigz -6 -p2`"),
    ("cold push, zstd", r"`tar \| zstd -3 -T2`"),
    ("nothing changed, warm", "find -printf"),
    ("one file changed, warm", "cold push, gzip"),
    ("nothing changed, fresh machine", r"`tar \| pigz -6 -p2`"),
    ("nothing changed, fresh, new tag", r"`tar \| pigz -6 -p2`"),
    ("one file changed, fresh machine", "cold push, gzip"),
];

#[test]
fn benchmark_prints_the_goals_of_one_run() {
    let bench = Workbench::new();
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/bench"));
    bench.clean(&mut command);
    command.env("DOCKLESS", env!("CARGO_BIN_EXE_dockless")).env("BENCH_DIR", bench.path("bench"));
    let finished = run(command.args(["--small", "--rounds", "1"])).ok();
    for (case, against) in GOALS {
        let row = finished.stdout.lines().find(|line| line.starts_with(&format!("| {case} |")));
        let row = row.unwrap_or_else(|| panic!("no row `{case}`\n{finished}"));
        let cells: Vec<&str> = row.split(" | ").collect();
        assert!(row.contains(against), "{row}");
        // Times of a small tree say nothing; what was sent does not depend on the machine.
        assert!(!row.ends_with("MISSED |") || !case.starts_with("nothing changed"), "{row}");
        for cell in [cells[1], cells[2]] {
            assert!(cell.parse::<f64>().is_ok(), "{cell} of {row}");
        }
    }
}
