//! Floor 4: entries to a blob: tar stream, chunks, compression, both digests on the way.
//!
//! # Format 1, byte by byte
//!
//! Format 1 is final: no release changes a byte of it. Whatever is to be different is another format, which a build file
//! asks for, and this one stays. The golden digests in the tests of this module pin it, on every processor.
//!
//! **Tar.** Each entry is a ustar header (POSIX.1-1988) with numeric owners and empty names of them, before it a PAX
//! extended header where a field does not fit, never a GNU one; see `header`. The stream ends with two zero blocks and
//! nothing after them.
//!
//! **Chunks.** The stream is cut where `chunk` says: between entries at places that depend on the entries near them
//! alone, and inside large files at fixed offsets from the file's own start.
//!
//! **gzip.** The ten bytes `1f 8b 08 00 00 00 00 00 XFL ff` (no time, no name, unknown system; XFL 2 for level 9, 4 for
//! level 1, else 0), then each chunk deflated on its own and ended by a sync flush on a byte boundary, then the empty final
//! block `03 00`, CRC-32 and length as RFC 1952 has them: one member. **zstd.** One frame for each chunk. **none.** The
//! tar itself.
//!
//! **Parts.** A layer with `split` is cut into several where `parts` says, by paths and sizes alone.
//!
//! So the bytes depend on the entries, the codec and the level alone: not on the count of threads or on the memory budget.

mod checkpoint;
mod chunk;
mod chunk_table;
mod codec;
mod content;
mod error;
mod fingerprint;
mod flow;
#[cfg(test)]
mod golden;
mod header;
mod measure;
mod pack;
mod parts;
mod read_ahead;
mod tape;
mod writer;

pub use checkpoint::{Checkpoint, Checkpoints, Resume};
pub use chunk_table::{ChunkTable, KnownChunks};
pub use error::PackError;
pub use fingerprint::Fingerprint;
pub use measure::{Measured, measure};
pub use pack::{Earlier, Kept, PackOptions, Packed, pack, pack_with};
pub use parts::{Part, part_entries, plan_parts};
