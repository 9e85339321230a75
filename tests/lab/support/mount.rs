//! A mount that ends with the test, however the test ends.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::run;

/// A mounted file system.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// Mounts the folders of an overlay, the topmost first, so that nothing can be written; `at` is made.
    #[track_caller]
    pub(crate) fn overlay(folders: &str, at: &Path) -> Self {
        std::fs::create_dir_all(at).expect("a folder to mount on");
        let options = format!("ro,lowerdir={folders}");
        run(Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(at)).ok();
        Self(at.to_owned())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A failure here is repaired by the end of the lab's run, which unmounts all that is left.
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
