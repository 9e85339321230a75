//! Writes the file from front to back, holding one block a level.

use std::path::Path;

use super::block::{Block, put_place};
use super::fact::put_fact;
use super::file::Sink;
use super::reader::Reader;
use super::trailer::Trailer;
use super::{MAGIC, Place, key};
use crate::base::{Fact, FactsError, Names};
use crate::ground::FileError;
use crate::oci::ImagePath;

/// A block is closed when it has so many bytes.
const BLOCK_BYTES: usize = 4 << 10;

/// A file of facts that is being written.
pub(in crate::base) struct Writer {
    sink: Sink,
    /// The open block of each level, that of paths first.
    open: Vec<Block>,
    count: u64,
}

impl Writer {
    /// Begins a file, which is made in a folder when it has more than `memory` bytes.
    pub(in crate::base) fn new(folder: &Path, memory: usize) -> Result<Self, FileError> {
        let mut sink = Sink::new(folder, memory);
        sink.write(MAGIC)?;
        Ok(Self { sink, open: vec![Block::default()], count: 0 })
    }

    /// Adds a path that comes after all before it.
    pub(in crate::base) fn add(&mut self, path: &ImagePath, fact: &Fact) -> Result<(), FileError> {
        let mut value = Vec::new();
        put_fact(&mut value, fact);
        self.count += 1;
        self.push(0, &key(path), &value)
    }

    /// Ends the file.
    pub(in crate::base) fn finish(mut self, names: &Names) -> Result<Reader, FactsError> {
        let (mut level, mut root) = (0, Place::default());
        while level < self.open.len() {
            let top = level + 1 == self.open.len();
            if top {
                root = self.sink.write(&std::mem::take(&mut self.open[level].bytes))?;
            } else if !self.open[level].bytes.is_empty() {
                self.close(level)?;
            }
            level += 1;
        }
        let mut text = |text: &Option<Vec<u8>>| text.as_ref().map(|text| self.sink.write(text)).transpose();
        let (passwd, group) = (text(&names.passwd)?, text(&names.group)?);
        let height = self.open.len() as u64 - 1;
        let trailer = Trailer { root, height, count: self.count, passwd, group };
        self.sink.write(&trailer.encode())?;
        Ok(Reader::new(self.sink.finish()?, trailer, names.clone()))
    }

    fn push(&mut self, level: usize, key: &[u8], value: &[u8]) -> Result<(), FileError> {
        if level == self.open.len() {
            self.open.push(Block::default());
        }
        self.open[level].push(key, value);
        if self.open[level].bytes.len() < BLOCK_BYTES {
            return Ok(());
        }
        self.close(level)
    }

    fn close(&mut self, level: usize) -> Result<(), FileError> {
        let block = std::mem::take(&mut self.open[level]);
        let place = self.sink.write(&block.bytes)?;
        let mut value = Vec::new();
        put_place(&mut value, place);
        self.push(level + 1, &block.first, &value)
    }
}
