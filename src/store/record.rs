//! Small records by key: facts that cost work to find, such as the tree of a base layer by its digest.
//!
//! A record is a frame: a line that names the form, the SHA-256 of kind, key and content (each after its length), then
//! the content. One that was torn, flipped or moved to another name does not match its sum and is as good as absent.

use std::path::PathBuf;

use super::inventory::{RECORDS, touch};
use super::{Store, StoreError};
use crate::ground::files;
use crate::oci::{Digest, Hasher};

/// The longest record that is read, in bytes: those of the largest layers have some megabytes.
const LONGEST: u64 = 256 << 20;
const FORM: &[u8] = b"dockless-record 1\n";

impl Store {
    /// Returns what was recorded under a kind and a key, or `None` where there is nothing that can be read and trusted: a
    /// record saves work, and what cannot be read (another user's, a folder, a pipe) saves none.
    ///
    /// # Errors
    /// None so far.
    pub fn record(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.record_path(kind, key);
        // Opening a pipe would wait for its other end.
        let is_record = |found: std::fs::Metadata| found.is_file() && found.len() <= LONGEST;
        if !std::fs::metadata(&path).is_ok_and(is_record) {
            return Ok(None);
        }
        let Ok(Some(mut frame)) = files::read_if_present(&path) else { return Ok(None) };
        let header = FORM.len() + 32;
        if frame.len() < header || !frame.starts_with(FORM) {
            return Ok(None);
        }
        let content = frame.split_off(header);
        if frame[FORM.len()..] != *sum(&[kind.as_bytes(), key.as_bytes(), &content]).as_bytes() {
            return Ok(None);
        }
        touch(&path);
        Ok(Some(content))
    }

    /// Records something under a kind and a key, in place of what was there. A record that cannot be written is work for
    /// the next run, and no reason to end this one.
    ///
    /// # Errors
    /// None so far.
    pub fn set_record(&self, kind: &str, key: &str, content: &[u8]) -> Result<(), StoreError> {
        let sum = sum(&[kind.as_bytes(), key.as_bytes(), content]);
        self.grow();
        let frame = [FORM, sum.as_bytes().as_slice(), content].concat();
        let path = self.record_path(kind, key);
        if files::write_atomic(&path, &frame).is_err() {
            // What stands there is of before.
            let _ = std::fs::remove_file(&path);
        }
        Ok(())
    }

    /// Returns the file of a record that is too large for memory: whoever writes it gives it this name when it is whole,
    /// and whoever reads it checks it.
    pub fn record_file(&self, kind: &str, key: &str) -> PathBuf {
        self.record_path(kind, key)
    }

    /// Tells that a record which was opened by its file is used now: what is used least is removed first.
    pub fn use_record_file(&self, kind: &str, key: &str) {
        touch(&self.record_path(kind, key));
    }

    /// Returns the content of a record's frame without holding it against its sum, for those who only tidy up.
    pub fn content_of(frame: &[u8]) -> Option<&[u8]> {
        frame.strip_prefix(FORM)?.get(32..)
    }

    /// The name is made of the key's digest: any text is a key. Kinds are words of the code.
    fn record_path(&self, kind: &str, key: &str) -> PathBuf {
        debug_assert!(kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "a kind is a folder name");
        self.root().join(RECORDS).join(kind).join(Digest::of(key.as_bytes()).hex())
    }
}

fn sum(parts: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::default();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finish()
}
