//! Where a path leads in an image, all symlinks followed: also that of its last component, as `COPY --from` does.

use crate::base::{Fact, FactKind, Facts, FactsError};
use crate::oci::ImagePath;

/// How many symlinks a path may lead through (Linux: 40).
pub(super) const MAX_SYMLINKS: u32 = 40;

/// Returns what stands at a path when all layers are applied. Nothing else here asks the facts.
pub(super) fn stands_at(facts: &Facts, path: &ImagePath) -> Result<Option<Fact>, FactsError> {
    facts.lookup(path)
}

/// Returns the real path that a wanted one leads to, or `None` where nothing is there, a file is on the way, or its
/// symlinks lead in a circle. Absolute targets and `..` stay inside the image.
pub(super) fn lead(facts: &Facts, wanted: &ImagePath) -> Result<Option<ImagePath>, FactsError> {
    let mut names: Vec<Vec<u8>> = wanted.components().rev().map(<[u8]>::to_vec).collect();
    let mut real = ImagePath::ROOT;
    let mut followed = 0;
    while let Some(name) = names.pop() {
        if name == b".." {
            real = real.parent().unwrap_or_default();
            continue;
        }
        let path = real.join(&name);
        match stands_at(facts, &path)?.map(|fact| fact.kind) {
            None => return Ok(None),
            Some(FactKind::Symlink(target)) => {
                followed += 1;
                if followed > MAX_SYMLINKS {
                    return Ok(None);
                }
                if target.starts_with(b"/") {
                    real = ImagePath::ROOT;
                }
                names.extend(components(&target).rev().map(<[u8]>::to_vec));
            }
            Some(FactKind::File | FactKind::Other) if !names.is_empty() => return Ok(None),
            Some(_) => real = path,
        }
    }
    Ok(Some(real))
}

/// Returns the components of a symlink's target that mean something, `..` among them.
pub(super) fn components(target: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    target.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."))
}
