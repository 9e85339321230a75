//! A tar of files whose headers say nothing of the machine or the time.

use std::io::{self, Read, Write};

use tar::{Builder, EntryType, Header};

/// Sizes that the eleven octal digits of a ustar header hold (POSIX pax, "ustar header block").
const OCTAL_LIMIT: u64 = 1 << 33;

/// Writes members with owner 0, mode 0644 and the time of the format, one second after the epoch.
pub(super) struct Tape<W: Write>(Builder<W>);

impl<W: Write> Tape<W> {
    pub(super) fn new(out: W) -> Self {
        Self(Builder::new(out))
    }

    /// Appends a folder.
    pub(super) fn folder(&mut self, name: &str) -> io::Result<()> {
        self.0.append(&header(name, EntryType::Directory, 0)?, io::empty())
    }

    /// Appends a file of `size` bytes.
    pub(super) fn file(&mut self, name: &str, size: u64, content: impl Read) -> io::Result<()> {
        if size >= OCTAL_LIMIT {
            self.0.append_pax_extensions([("size", size.to_string().as_bytes())])?;
        }
        let octal = if size < OCTAL_LIMIT { size } else { 0 };
        self.0.append(&header(name, EntryType::Regular, octal)?, content)
    }

    /// Ends the tar, and returns what it was written to.
    pub(super) fn finish(self) -> io::Result<W> {
        self.0.into_inner()
    }
}

fn header(name: &str, kind: EntryType, size: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(kind);
    header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}
