//! Compares the golden chunks of format 1 on this processor.

#![allow(dead_code, unused_imports, reason = "the files are parts of the product")]

#[path = "../../src/layer/codec.rs"]
mod codec;
#[path = "../../src/layer/golden.rs"]
mod golden;

mod spec {
    /// As in the product.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Compression {
        None,
        Gzip(u32),
        Zstd(i32),
    }
}

fn main() {
    let (found, expected) = (golden::lines(), golden::GOLDEN.trim());
    let differ: Vec<_> = found.iter().filter(|line| !expected.contains(line.as_str())).collect();
    println!("{}: {} of {} as they should be", std::env::consts::ARCH, found.len() - differ.len(), found.len());
    differ.iter().for_each(|line| println!("differs: {line}"));
    std::process::exit(i32::from(!differ.is_empty()));
}
