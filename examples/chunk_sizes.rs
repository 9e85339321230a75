//! Measures what the level and the length of chunks cost: the table of `docs/compression.md`.
//!
//! `cargo run --release --example chunk_sizes -- FILE.tar [gzip|zstd]` cuts a tar at equal lengths, compresses each piece
//! on its own as a layer's chunks are, and prints sizes and core seconds. Core seconds are what all threads together spent,
//! so that other work on the machine matters little. The whole tar is in memory.

use std::time::Duration;

use flate2::{Compress, FlushCompress};
use rayon::prelude::*;

const LENGTHS: [usize; 5] = [256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let tar = std::fs::read(arguments.next().ok_or("usage: chunk_sizes FILE.tar [gzip|zstd]")?)?;
    let is_zstd = arguments.next().as_deref() == Some("zstd");
    let levels = if is_zstd { vec![1, 2, 3, 5, 7, 9] } else { (1..=9).collect() };
    println!("level   chunk       bytes   core seconds");
    for level in levels {
        for length in LENGTHS {
            let before = spent()?;
            let size: usize = tar
                .par_chunks(length)
                .map(|chunk| if is_zstd { zstd_length(chunk, level) } else { gzip_length(chunk, level) })
                .sum();
            let seconds = (spent()? - before).as_secs_f64();
            println!("{level:>5}  {:>4} KiB  {size:>10}  {seconds:>6.2}", length >> 10);
        }
    }
    Ok(())
}

fn gzip_length(chunk: &[u8], level: i32) -> usize {
    let mut compress = Compress::new(flate2::Compression::new(level.unsigned_abs()), false);
    let mut out = Vec::with_capacity(chunk.len() + chunk.len() / 8 + 1024);
    compress.compress_vec(chunk, &mut out, FlushCompress::Sync).expect("there is room");
    out.len()
}

fn zstd_length(chunk: &[u8], level: i32) -> usize {
    zstd::bulk::compress(chunk, level).expect("there is room").len()
}

/// Returns what all threads of this process have spent (proc(5): fields 14 and 15 of `stat`, in hundredths of a second).
fn spent() -> std::io::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = after_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Ok(Duration::from_millis(10 * ticks))
}
