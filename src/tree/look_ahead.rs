//! Folders listed before they are asked for, on threads that wait for the system while the walk goes on.
//!
//! A walk says which folders it will come to; those that it comes to first are listed first. What is listed and not yet
//! asked for is bounded by a count of entries, so memory does not grow with the tree. What the walk gets is the same with
//! and without.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::{Listing, Sources, TreeError};

/// Threads that list. They wait more than they work.
const THREADS: usize = 2;
/// Entries that may be listed ahead; one more folder is begun as long as there are fewer.
const ENTRIES: usize = 8192;
/// A tree with fewer folders is walked before a thread has started.
const WORTH_A_THREAD: usize = 32;

/// The listings of one walk.
pub struct LookAhead {
    sources: Arc<dyn Sources>,
    desk: Option<Arc<Desk>>,
    threads: Vec<JoinHandle<()>>,
}

/// What the walk and the threads have in common.
#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    /// Something is to be listed, or it is over.
    wanted: Condvar,
    /// Something was listed.
    done: Condvar,
}

#[derive(Default)]
struct State {
    /// Folders that will be asked for, the next one last.
    expected: Vec<PathBuf>,
    listing: HashSet<PathBuf>,
    listed: HashMap<PathBuf, Result<Listing, TreeError>>,
    /// The entries of what is listed.
    held: usize,
    waiting: usize,
    over: bool,
}

impl LookAhead {
    /// Begins a walk.
    pub fn new(sources: Arc<dyn Sources>) -> Self {
        let desk = sources.is_slow().then(Arc::default);
        Self { sources, desk, threads: Vec::new() }
    }

    /// Says that these folders will be asked for, in this order, and before all that were expected until now.
    pub fn expect<'a>(&mut self, folders: impl DoubleEndedIterator<Item = &'a Path>) {
        let Some(desk) = &self.desk else { return };
        let mut state = desk.state();
        state.expected.extend(folders.rev().map(Path::to_owned));
        let (is_worth, wakes) = (state.expected.len() >= WORTH_A_THREAD, state.waiting > 0 && state.wants_more());
        drop(state);
        if wakes {
            desk.wanted.notify_all();
        }
        if self.threads.is_empty() && is_worth {
            for _ in 0..THREADS {
                let (desk, sources) = (Arc::clone(desk), Arc::clone(&self.sources));
                let thread = std::thread::Builder::new().name("look-ahead".to_owned());
                // Without a thread the walk lists for itself.
                self.threads.extend(thread.spawn(move || desk.serve(&*sources)));
            }
        }
    }

    /// Lists a folder, as [`Sources::list`] does.
    ///
    /// # Errors
    /// As [`Sources::list`].
    pub fn list(&self, folder: &Path) -> Result<Listing, TreeError> {
        match self.desk.as_ref().and_then(|desk| desk.take(folder)) {
            Some(listed) => listed,
            None => self.sources.list(folder),
        }
    }
}

impl Drop for LookAhead {
    fn drop(&mut self) {
        if let Some(desk) = &self.desk {
            desk.state().over = true;
            desk.wanted.notify_all();
        }
        for thread in self.threads.drain(..) {
            // A thread that panicked has left its folder to the walk.
            let _ = thread.join();
        }
    }
}

impl Desk {
    /// Hands out a folder that is listed or just being listed; whatever was expected before it was passed over.
    fn take(&self, folder: &Path) -> Option<Result<Listing, TreeError>> {
        let mut state = self.state();
        while state.listing.contains(folder) {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(listed) = state.listed.remove(folder) {
            state.held -= entries(&listed);
            if state.waiting > 0 && state.wants_more() {
                self.wanted.notify_one();
            }
            return Some(listed);
        }
        if let Some(place) = state.expected.iter().rposition(|expected| expected == folder) {
            state.expected.truncate(place);
        }
        None
    }

    /// Lists what is expected until the walk is over.
    fn serve(&self, sources: &dyn Sources) {
        let mut state = self.state();
        while !state.over {
            let next = if state.wants_more() { state.expected.pop() } else { None };
            let Some(folder) = next else {
                state.waiting += 1;
                state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.waiting -= 1;
                continue;
            };
            state.listing.insert(folder.clone());
            drop(state);
            let mut being = BeingListed { desk: self, folder: Some(folder), listed: None };
            being.listed = being.folder.as_deref().map(|folder| sources.list(folder));
            drop(being);
            state = self.state();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wants_more(&self) -> bool {
        self.held < ENTRIES && !self.expected.is_empty()
    }
}

/// A folder that a thread lists; also a thread that panics lets go of it, and the walk finds out by itself.
struct BeingListed<'a> {
    desk: &'a Desk,
    folder: Option<PathBuf>,
    listed: Option<Result<Listing, TreeError>>,
}

impl Drop for BeingListed<'_> {
    fn drop(&mut self) {
        let mut state = self.desk.state();
        if let Some(folder) = self.folder.take() {
            state.listing.remove(&folder);
            if let Some(listed) = self.listed.take() {
                state.held += entries(&listed);
                state.listed.insert(folder, listed);
            }
        }
        drop(state);
        self.desk.done.notify_all();
    }
}

/// An empty folder counts too: it takes room as well.
fn entries(listed: &Result<Listing, TreeError>) -> usize {
    1 + listed.as_ref().map_or(0, Listing::ready)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::tree::{Child, DiskSources, FileStamp, MemorySources, Node, NodeKind, SourceFile};

    /// Lists folders below one, depth first, as a walk does.
    fn walk(ahead: &mut LookAhead, folder: &Path, found: &mut Vec<PathBuf>) {
        use std::os::unix::ffi::OsStrExt;
        let children: Vec<Child> = ahead.list(folder).unwrap().collect::<Result<_, _>>().unwrap();
        let path = |child: &Child| folder.join(std::ffi::OsStr::from_bytes(&child.name));
        let below: Vec<PathBuf> =
            children.iter().filter(|child| child.node.kind == NodeKind::Directory).map(path).collect();
        ahead.expect(below.iter().map(PathBuf::as_path));
        for child in &children {
            found.push(path(child));
            if child.node.kind == NodeKind::Directory {
                walk(ahead, &path(child), found);
            }
        }
    }

    #[test]
    fn a_walk_that_looks_ahead_finds_what_one_finds_that_does_not() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..300 {
            let below = folder.path().join(format!("{}/{}/{number}", number % 7, number % 50));
            std::fs::create_dir_all(&below).unwrap();
            std::fs::write(below.join("f"), b"").unwrap();
        }
        let disk: Arc<dyn Sources> = Arc::new(DiskSources::open(folder.path()).unwrap());
        let (mut found, mut alone) = (Vec::new(), Vec::new());
        let mut ahead = LookAhead::new(Arc::clone(&disk));
        walk(&mut ahead, Path::new(""), &mut found);
        assert_eq!(ahead.threads.len(), THREADS);
        walk(&mut LookAhead { sources: disk, desk: None, threads: Vec::new() }, Path::new(""), &mut alone);
        assert_eq!(found, alone);
    }

    /// Sources that panic at one folder, and note which were listed.
    struct Broken(MemorySources, Mutex<BTreeSet<PathBuf>>);

    impl Sources for Broken {
        fn stat(&self, path: &Path) -> Result<Option<Node>, TreeError> {
            self.0.stat(path)
        }

        fn list(&self, folder: &Path) -> Result<Listing, TreeError> {
            let named = std::thread::current().name().map(str::to_owned);
            assert!(named.as_deref() != Some("look-ahead") || folder != Path::new("50"), "as is wanted");
            self.1.lock().unwrap().insert(folder.to_owned());
            self.0.list(folder)
        }

        fn is_slow(&self) -> bool {
            true
        }

        fn file(&self, path: PathBuf, stamp: FileStamp) -> SourceFile {
            self.0.file(path, stamp)
        }

        fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
            self.0.read(path, limit)
        }
    }

    fn folders(count: usize) -> (MemorySources, Vec<PathBuf>) {
        let mut sources = MemorySources::new();
        let names: Vec<PathBuf> = (0..count).map(|number| PathBuf::from(number.to_string())).collect();
        for name in &names {
            for file in 0..100 {
                sources.text(name.join(file.to_string()), "x");
            }
        }
        (sources, names)
    }

    #[test]
    fn a_thread_that_dies_is_made_up_for() {
        let (sources, names) = folders(60);
        let broken = Arc::new(Broken(sources, Mutex::default()));
        let mut ahead = LookAhead::new(broken);
        ahead.expect(names.iter().map(PathBuf::as_path));
        for name in &names {
            assert_eq!(ahead.list(name).unwrap().count(), 100);
        }
    }

    #[test]
    fn what_is_listed_ahead_is_bounded() {
        let (sources, names) = folders(500);
        let asked = Arc::new(Broken(sources, Mutex::default()));
        let mut ahead = LookAhead::new(Arc::clone(&asked) as Arc<dyn Sources>);
        ahead.expect(names.iter().filter(|name| **name != Path::new("50")).map(PathBuf::as_path));
        // Both threads wait: they have listed as much as they may.
        while ahead.desk.as_ref().unwrap().state().waiting < THREADS {
            std::thread::yield_now();
        }
        let listed = asked.1.lock().unwrap().len();
        assert!((ENTRIES / 101..=ENTRIES / 101 + 1 + THREADS).contains(&listed), "{listed}");
    }
}
