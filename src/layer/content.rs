//! The bytes of a file, read such that a file that changes meanwhile is an error and never a layer.

use std::io::{ErrorKind, Read};

use crate::ground::FileError;
use crate::oci::Digest;
use crate::plan::Content;
use crate::tree::{OpenFile, SourceFile, TreeError};

/// The first second of 1980: validators built of a time before it break in some programs.
const EPOCH: u64 = 315_532_800;
/// The span of content times, so that all lie before 2012.
const SPAN: u64 = 1_000_000_000;

/// Returns the time of a file by its content: equal content, equal time; other content, almost surely another.
pub(super) fn time_of(digest: &Digest) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    EPOCH + u64::from_be_bytes(first) % SPAN
}

/// A content that is being read, from its first byte to its last.
pub(super) enum Reading<'a> {
    /// What the build file wrote: the bytes that are left.
    Memory(&'a [u8]),
    /// A file of the project. It must be as long as its listing said, and the same file in the same state when it was read.
    File(&'a SourceFile, OpenFile),
}

impl<'a> Reading<'a> {
    /// Begins to read; a file must still be the one that was listed.
    pub(super) fn open(content: &'a Content) -> Result<Self, TreeError> {
        Ok(match content {
            Content::Bytes(bytes) => Self::Memory(bytes),
            Content::File(source) => Self::File(source, source.open()?),
        })
    }

    /// Appends the next `count` bytes, which the content's length has room for.
    pub(super) fn append(&mut self, count: usize, out: &mut Vec<u8>) -> Result<(), TreeError> {
        match self {
            Self::Memory(left) => {
                let (next, rest) = left.split_at(count);
                out.extend_from_slice(next);
                *left = rest;
                Ok(())
            }
            Self::File(source, file) => {
                let start = out.len();
                out.resize(start + count, 0);
                fill(source, file, &mut out[start..])
            }
        }
    }

    /// Ends the reading: nothing may have changed. A file that grew shows in its length.
    pub(super) fn finish(self) -> Result<(), TreeError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::File(source, file) => source.verify(&file),
        }
    }
}

/// Fills a buffer with what comes next in a file.
fn fill(source: &SourceFile, file: &mut OpenFile, mut buffer: &mut [u8]) -> Result<(), TreeError> {
    while !buffer.is_empty() {
        match file.read(buffer) {
            Ok(0) => return Err(source.verify(file).err().unwrap_or_else(|| changed(source))),
            Ok(count) => buffer = &mut buffer[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::on("read", &source.display())(error).into()),
        }
    }
    Ok(())
}

/// Returns the error of a file whose bytes changed although nothing else tells so.
pub(super) fn changed(source: &SourceFile) -> TreeError {
    TreeError::Changed { path: source.display(), lengths: None }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::tree::{ProjectRoot, stamp_of};

    /// Reads a file of ten bytes in two halves, with something happening in between, and returns the error.
    fn interrupted(meanwhile: impl FnOnce(&std::path::Path)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, b"0123456789").unwrap();
        let root = Arc::new(ProjectRoot::open(folder.path()).unwrap());
        let stamp = stamp_of(&File::open(&path).unwrap()).unwrap();
        let content = Content::File(SourceFile::new(root, PathBuf::from("f"), stamp));
        let (mut reading, mut bytes) = (Reading::open(&content).unwrap(), Vec::new());
        reading.append(5, &mut bytes).unwrap();
        meanwhile(&path);
        let ended = reading.append(5, &mut bytes).and_then(|()| reading.finish());
        let text = ended.unwrap_err().to_string();
        text.strip_prefix(&format!("`{}` ", path.display())).expect("it names the file").to_owned()
    }

    #[test]
    fn a_file_that_shrinks_while_it_is_read_says_from_what_to_what() {
        let error = interrupted(|path| File::options().write(true).open(path).unwrap().set_len(7).unwrap());
        assert_eq!(error, "changed while it was read: shrank from 10 to 7 bytes");
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_says_from_what_to_what() {
        let error = interrupted(|path| File::options().write(true).open(path).unwrap().set_len(11).unwrap());
        assert_eq!(error, "changed while it was read: grew from 10 to 11 bytes");
    }

    #[test]
    fn a_file_whose_time_alone_changes_is_no_longer_what_was_listed() {
        let touch = |path: &std::path::Path| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        };
        assert_eq!(interrupted(touch), "changed while it was read");
    }
}
