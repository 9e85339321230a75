//! Which files a run opens: the proof that nothing is read.

use std::fs;
use std::path::{Path, PathBuf};

/// Tells which regular files below a folder are opened, by whatever process.
pub(crate) struct Opened {
    queue: rustix::fd::OwnedFd,
    folders: std::collections::BTreeMap<i32, PathBuf>,
}

impl Opened {
    pub(crate) fn watch(root: &Path) -> Self {
        use rustix::fs::inotify;
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        let queue = inotify::init(flags).expect("a queue of events");
        let mut open = vec![root.to_owned()];
        let mut folders = std::collections::BTreeMap::new();
        while let Some(folder) = open.pop() {
            let watched = inotify::add_watch(&queue, &folder, inotify::WatchFlags::OPEN).expect("a watch");
            let entries = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
            open.extend(entries.filter(|path| path.is_dir()));
            folders.insert(watched, folder);
        }
        let watch = Self { queue, folders };
        watch.take(root);
        watch
    }

    /// Returns the files that were opened since the last call, relative to a folder.
    pub(crate) fn take(&self, root: &Path) -> std::collections::BTreeSet<String> {
        use rustix::fs::inotify::{ReadFlags, Reader};
        let mut buffer = [std::mem::MaybeUninit::uninit(); 1 << 16];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        let mut opened = std::collections::BTreeSet::new();
        while let Ok(event) = reader.next() {
            assert!(!event.events().contains(ReadFlags::QUEUE_OVERFLOW), "every event is seen");
            if event.events().contains(ReadFlags::ISDIR) {
                continue;
            }
            let folder = self.folders[&event.wd()].strip_prefix(root).expect("below it");
            let name = event.file_name().map(|name| name.to_str().expect("a plain name")).unwrap_or_default();
            opened.insert(folder.join(name).display().to_string());
        }
        opened
    }
}
