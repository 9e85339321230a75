//! Texts that are pinned: `DOCKLESS_UPDATE_FIXTURES=1 cargo test` writes them anew, and the difference is read in review.

use std::path::Path;

/// Holds a text against the file of that name in `tests/it/snapshots`.
#[track_caller]
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots").join(name);
    if std::env::var_os("DOCKLESS_UPDATE_FIXTURES").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of snapshots");
        std::fs::write(&path, text).expect("a written snapshot");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let first = kept.lines().zip(text.lines()).position(|(kept, now)| kept != now);
    let at = first.unwrap_or_else(|| kept.lines().count().min(text.lines().count()));
    assert!(
        kept == text,
        "{name} differs from line {}:\n- {}\n+ {}\nDOCKLESS_UPDATE_FIXTURES=1 writes it anew",
        at + 1,
        kept.lines().nth(at).unwrap_or("(its end)"),
        text.lines().nth(at).unwrap_or("(its end)"),
    );
}
