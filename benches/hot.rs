//! The pieces that every byte or every file goes through. `cargo bench` times them; `scripts/instructions` counts their
//! instructions, which a busy machine does not change.
//!
//! Each piece runs alone on content that is made here, the same each time.

use std::convert::Infallible;
use std::hint::black_box;
use std::io;
use std::sync::{Arc, LazyLock};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dockless::base::{FactsBuilder, Limits};
use dockless::guard::{Guard, Inspection, InspectionOptions};
use dockless::layer::{Fingerprint, PackOptions, measure, pack};
use dockless::oci::ImagePath;
use dockless::plan::{Content, Entry, EntryKind, Mtime};
use dockless::spec::Compression;
use dockless::tree::Patterns;

/// Files of a tree: as many bytes as some chunks have, in files as small as those of a dependency folder.
const FILES: u64 = 300;

/// Returns text of few frequent words, as source code has, in a length between none and 14 KiB.
fn text(seed: u64) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "const ",
        "function ",
        "return ",
        "export ",
        "(value",
        ");\n  ",
        " => {\n",
        "}\n",
        "this.",
        "length",
        " = ",
        "if (",
        "module",
        "undefined",
        ", ",
        "0x",
    ];
    let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let length = usize::try_from(next() % 14_000).expect("it is small");
    let mut text = Vec::with_capacity(length + 24);
    while text.len() < length {
        let draw = next();
        text.extend_from_slice(WORDS[(draw % 16) as usize & (draw >> 8) as usize & 15].as_bytes());
        if draw % 11 == 0 {
            text.extend_from_slice((draw >> 40).to_string().as_bytes());
        }
    }
    text
}

fn path(number: u64) -> ImagePath {
    let text = format!("srv/node_modules/package-{:03}/lib/part-{number:04}.js", number / 20);
    ImagePath::parse(text.as_bytes()).expect("it is relative and has no dots")
}

/// Made when the first piece that needs it runs: pieces that are filtered out cost nothing.
static TREE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entry = |number| Entry {
        path: path(number),
        kind: EntryKind::File(Content::Bytes(Arc::from(text(number)))),
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: Mtime::Content,
        xattrs: Default::default(),
    };
    (0..FILES).map(entry).collect()
});

fn each() -> impl Iterator<Item = Result<Entry, Infallible>> {
    TREE.iter().cloned().map(Ok)
}

fn options(compression: Compression) -> PackOptions {
    PackOptions { compression, ..PackOptions::default() }
}

/// What the other pieces cost before they begin.
fn input(criterion: &mut Criterion) {
    criterion.bench_function("input", |bench| bench.iter(|| TREE.len()));
}

fn packing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layer");
    group.throughput(Throughput::Elements(FILES)).sample_size(20);
    for (name, compression) in
        [("tar", Compression::None), ("gzip", Compression::default()), ("zstd", Compression::Zstd(3))]
    {
        let options = options(compression);
        group.bench_function(name, |bench| bench.iter(|| pack(each(), &options, io::sink()).map(|done| done.0)));
    }
    let options = options(Compression::default());
    group.bench_function("measure", |bench| bench.iter(|| measure(each(), &options)));
    let inspecting = || PackOptions { inspection: Some(Arc::new(inspection())), ..options.clone() };
    group.bench_function("measure-guarded", |bench| bench.iter(|| measure(each(), &inspecting())));
    group.finish();
}

fn inspection() -> Inspection {
    let guard = Guard::new(&[]).expect("no pattern is malformed");
    Inspection::new(InspectionOptions {
        guard: Arc::new(guard),
        platforms: Vec::new(),
        machine_paths: Vec::new(),
        asked: Default::default(),
    })
}

fn fingerprint(criterion: &mut Criterion) {
    criterion.bench_function("fingerprint", |bench| {
        bench.iter(|| {
            let mut fingerprint = Fingerprint::default();
            TREE.iter().for_each(|entry| fingerprint.entry(entry));
            fingerprint.finish()
        });
    });
}

fn patterns(criterion: &mut Criterion) {
    let ignored = ["**/.git", "node_modules/**/test", "*.md", "!README.md", "**/*.map", "dist", "coverage/**"];
    criterion.bench_function("patterns", |bench| {
        let patterns = Patterns::compile(ignored).expect("they are well formed");
        let covered = |entry: &&Entry| patterns.covers(black_box(entry.path.as_bytes()));
        bench.iter(|| TREE.iter().filter(covered).count());
    });
}

/// The making of the layer counts too where instructions are counted.
fn base_pass(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("base");
    group.throughput(Throughput::Elements(FILES)).sample_size(20);
    group.bench_function("facts", |bench| {
        let tar = pack(each(), &options(Compression::None), Vec::new()).expect("memory does not fail").1;
        let folder = std::env::temp_dir();
        bench.iter(|| {
            let mut builder = FactsBuilder::new(Limits::default(), &folder);
            builder.add_layer(tar.as_slice()).expect("it is a layer");
            builder.finish().expect("it is whole").len()
        });
    });
    group.finish();
}

criterion_group!(hot, input, packing, fingerprint, patterns, base_pass);
criterion_main!(hot);
