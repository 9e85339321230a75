//! Where a path leads in the tree below a layer, symlinks followed as a running container follows them.

use super::PlanError;
use super::tree_below::{Standing, TreeBelow};
use crate::oci::ImagePath;

/// How many symlinks a path may lead through (Linux: 40).
const MAX_SYMLINKS: usize = 40;

/// A component that is still to be walked, with the symlink that it comes from.
struct Step {
    name: Vec<u8>,
    link: Option<ImagePath>,
}

impl TreeBelow {
    /// Returns the path that `path` leads to below layer `count`; where the tree ends, the rest is taken as it is. The
    /// last component is followed only if `last` says so.
    ///
    /// # Errors
    /// When symlinks lead in a circle or to nothing, or a component above is a file. Messages name `layer`.
    pub(super) fn resolve(
        &self,
        count: usize,
        layer: &str,
        path: &ImagePath,
        last: bool,
    ) -> Result<ImagePath, PlanError> {
        let mut steps: Vec<Step> =
            path.components().rev().map(|name| Step { name: name.to_vec(), link: None }).collect();
        let (mut at, mut followed, mut ended) = (ImagePath::ROOT, 0, false);
        let named = || (layer.to_owned(), path.clone());
        while let Some(step) = steps.pop() {
            if step.name == b".." {
                at = at.parent().unwrap_or_default();
                continue;
            }
            let next = at.join(&step.name);
            // Nothing can be below what does not exist; and the name of an entry itself may be a symlink to replace.
            let final_name = steps.is_empty() && step.link.is_none() && !last;
            let standing = if ended || final_name { None } else { self.at(count, &next)? };
            match standing.map(|(standing, _)| standing) {
                Some(Standing::Symlink(target)) => {
                    followed += 1;
                    if followed > MAX_SYMLINKS {
                        let (layer, path) = named();
                        return Err(PlanError::Loop { layer, path, link: next });
                    }
                    if target.starts_with(b"/") {
                        at = ImagePath::ROOT;
                    }
                    push_target(&mut steps, &target, step.link.as_ref().unwrap_or(&next));
                }
                Some(Standing::File) if !steps.is_empty() => {
                    let (layer, path) = named();
                    return Err(PlanError::ParentIsFile { layer, path, parent: next });
                }
                None if !final_name && step.link.is_some() => {
                    let (layer, path) = named();
                    return Err(PlanError::Dangling { layer, path, link: step.link.unwrap_or_default() });
                }
                found => {
                    ended |= found.is_none();
                    at = next;
                }
            }
        }
        Ok(at)
    }
}

fn push_target(steps: &mut Vec<Step>, target: &[u8], link: &ImagePath) {
    let names = target.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    steps.extend(names.rev().map(|name| Step { name: name.to_vec(), link: Some(link.clone()) }));
}
