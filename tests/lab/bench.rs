//! The benchmark runs: one table, with the jobs side by side.

use std::path::Path;
use std::process::Command;

use crate::support::process::run;
use crate::support::workbench::Workbench;

#[test]
fn benchmark_prints_both_sides_in_one_run() {
    let bench = Workbench::new();
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/bench"));
    bench.clean(&mut command);
    command.env("DOCKLESS", env!("CARGO_BIN_EXE_dockless")).env("BENCH_DIR", bench.path("bench")).arg("--small");
    let finished = run(&mut command).ok();
    for job in ["tar | gzip -6", "dockless build, cold", "dockless build, again"] {
        let row = finished.stdout.lines().find(|line| line.starts_with(job));
        let row = row.unwrap_or_else(|| panic!("no row `{job}`\n{finished}"));
        // Seconds, the ratio to the first row, memory in MiB, output in MB.
        let numbers = row[job.len()..].split_whitespace().filter(|word| word.parse::<f64>().is_ok()).count();
        assert_eq!(numbers, 4, "{row}");
    }
}
