//! Small files read before the stream comes to them, on a thread beside the one that writes it.
//!
//! A tree of many small files costs more calls of the system than bytes, and one thread that lists, reads and writes the
//! stream would leave those waiting that compress. Entries travel in batches, so that nobody is woken for a single file.

use std::sync::mpsc::{self, Receiver, SyncSender};

use super::content::Reading;
use super::error::PackError;
use super::tape::{Chunks, Tape};
use crate::plan::{Content, Entry, EntryKind};
use crate::tree::TreeError;

/// The longest file that is read ahead, and about what a batch holds, in bytes.
const BYTES: u64 = 256 << 10;
/// Entries of a batch.
const ENTRIES: usize = 64;
/// Batches on their way.
const BATCHES: usize = 4;

/// An entry, with its content if that was read ahead.
type Ready = (Entry, Option<Result<Vec<u8>, TreeError>>);

/// Writes all entries to a tape.
///
/// # Errors
/// The first failure in the order of the entries.
pub(super) fn write_all<E, C: Chunks<E>>(
    entries: impl Iterator<Item = Result<Entry, E>>,
    tape: &mut Tape<C>,
) -> Result<(), PackError<E>> {
    std::thread::scope(|scope| {
        let mut line = Line { tape, batch: Vec::new(), bytes: 0, thread: None, ahead: 0 };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                // What comes before it may have failed earlier.
                Err(error) => return line.finish().and(Err(PackError::Entry(error))),
            };
            if line.take(entry) {
                line.go_on(|todo, done| drop(scope.spawn(move || read_batches(&todo, &done))))?;
            }
        }
        line.finish()
    })
}

/// The ends of the ways to the thread that reads and back from it.
type Ends = (SyncSender<Vec<Ready>>, Receiver<Vec<Ready>>);

/// The entries between the walk and the tape.
struct Line<'a, C> {
    tape: &'a mut Tape<C>,
    batch: Vec<Ready>,
    /// The bytes to be read of the batch.
    bytes: u64,
    /// Begun with the first full batch: fewer entries are read where they are written.
    thread: Option<Ends>,
    /// Batches that the thread has.
    ahead: usize,
}

impl<C> Line<'_, C> {
    /// Takes an entry, and returns whether the batch is full.
    fn take(&mut self, entry: Entry) -> bool {
        self.bytes += file(&entry).map_or(0, Content::len);
        self.batch.push((entry, None));
        self.bytes >= BYTES || self.batch.len() >= ENTRIES
    }

    /// Hands on the batch, and writes what is read if enough is on its way.
    fn go_on<E>(&mut self, begin: impl FnOnce(Receiver<Vec<Ready>>, SyncSender<Vec<Ready>>)) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        let (todo, _) = self.thread.get_or_insert_with(|| {
            let ((todo, jobs), (ready, done)) = (mpsc::sync_channel(BATCHES), mpsc::sync_channel(BATCHES));
            begin(jobs, ready);
            (todo, done)
        });
        // A thread that is gone has panicked, and its panic goes on where it is waited for.
        todo.send(std::mem::take(&mut self.batch)).map_err(|_| PackError::Cancelled)?;
        (self.ahead, self.bytes) = (self.ahead + 1, 0);
        if self.ahead == BATCHES { self.write_next() } else { Ok(()) }
    }

    fn write_next<E>(&mut self) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        let Some((_, done)) = &self.thread else { return Ok(()) };
        let batch = done.recv().map_err(|_| PackError::Cancelled)?;
        self.ahead -= 1;
        self.write(batch)
    }

    fn write<E>(&mut self, batch: Vec<Ready>) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        batch.into_iter().try_for_each(|(entry, content)| self.tape.write(&entry, content))
    }

    /// Writes what is left.
    fn finish<E>(mut self) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        while self.ahead > 0 {
            self.write_next()?;
        }
        let rest = std::mem::take(&mut self.batch);
        self.write(rest)
    }
}

/// Reads the files of each batch, until nobody sends or wants one.
fn read_batches(todo: &Receiver<Vec<Ready>>, done: &SyncSender<Vec<Ready>>) {
    for mut batch in todo {
        for (entry, content) in &mut batch {
            *content = file(entry).map(read);
        }
        if done.send(batch).is_err() {
            return;
        }
    }
}

/// Returns the content of an entry, if it is a file to be read ahead.
fn file(entry: &Entry) -> Option<&Content> {
    match &entry.kind {
        EntryKind::File(content @ Content::File(_)) if content.len() <= BYTES => Some(content),
        _ => None,
    }
}

fn read(content: &Content) -> Result<Vec<u8>, TreeError> {
    let (mut reading, mut bytes) = (Reading::open(content)?, Vec::new());
    let length = usize::try_from(content.len()).expect("a small file");
    bytes.reserve_exact(length);
    reading.append(length, &mut bytes)?;
    reading.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::super::pack::{PackOptions, pack};
    use super::*;
    use crate::oci::ImagePath;
    use crate::plan::Mtime;
    use crate::tree::{DiskSources, Sources};

    #[derive(Debug, thiserror::Error)]
    #[error("no more entries")]
    struct Broken;

    /// Entries of files on disk, of which one is gone when it is read, and what packing them ends with.
    fn packed(count: usize, gone: Option<usize>, then: Option<Broken>) -> Result<String, PackError<Broken>> {
        let folder = tempfile::tempdir().unwrap();
        let name = |number: usize| PathBuf::from(format!("{number:04}"));
        for number in 0..count {
            std::fs::write(folder.path().join(name(number)), number.to_string().repeat(number)).unwrap();
        }
        let sources: Arc<dyn Sources> = Arc::new(DiskSources::open(folder.path()).unwrap());
        let entry = |number: usize| {
            let stamp = sources.stat(&name(number)).unwrap().unwrap().stamp;
            Entry {
                path: ImagePath::parse(name(number).display().to_string().as_bytes()).unwrap(),
                kind: EntryKind::File(Content::File(sources.file(name(number), stamp))),
                mode: 0o644,
                uid: 0,
                gid: 0,
                mtime: Mtime::Content,
                xattrs: Default::default(),
            }
        };
        let entries: Vec<_> = (0..count).map(|number| Ok(entry(number))).chain(then.map(Err)).collect();
        if let Some(gone) = gone {
            std::fs::remove_file(folder.path().join(name(gone))).unwrap();
        }
        pack(entries.into_iter(), &PackOptions::default(), Vec::new()).map(|(packed, _)| packed.diff_id.to_string())
    }

    #[test]
    fn the_first_failure_in_the_order_of_the_entries_is_told() {
        for count in [1, ENTRIES - 1, ENTRIES, BATCHES * ENTRIES, 500] {
            packed(count, None, None).unwrap();
            assert!(matches!(packed(count, None, Some(Broken)), Err(PackError::Entry(Broken))));
            let source = packed(count, Some(count - 1), Some(Broken));
            assert!(matches!(source, Err(PackError::Source(_))), "{count}");
        }
    }
}
