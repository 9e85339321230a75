//! The most that is taken from a base, so that a hostile one ends in an error instead of a full memory.

/// What a base may at most have. The defaults are far above any image seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of all layers together, the folders that they imply included.
    pub entries: u64,
    /// Uncompressed bytes of all layers together: they are read and dropped, so this limits time, not memory.
    pub unpacked_bytes: u64,
    /// Uncompressed bytes of a layer for each of its bytes. No data deflates to less than a thousandth; zstd writes long
    /// runs of one byte in almost nothing.
    pub ratio: u64,
    /// Uncompressed bytes of a layer that are read whatever the ratio: disk images in layers are mostly holes.
    pub ratio_free_bytes: u64,
    /// Bytes of a path (Linux: `PATH_MAX`); more than 4096 are not taken.
    pub path_bytes: u64,
    /// Bytes of all paths together, those of symlinks each time they are gone through: they are what looking up costs.
    pub walked_bytes: u64,
    /// Bytes of one PAX or GNU extension header.
    pub extension_bytes: u64,
    /// Bytes of `/etc/passwd` and of `/etc/group`.
    pub names_bytes: u64,
    /// Bytes of the index of paths that stay in memory; the rest goes to a file.
    pub memory_bytes: usize,
    /// Bytes of the index, in memory and in the file.
    pub index_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 4_000_000,
            unpacked_bytes: 256 << 30,
            ratio: 2_000,
            ratio_free_bytes: 32 << 30,
            path_bytes: 4096,
            walked_bytes: 1 << 30,
            extension_bytes: 1 << 20,
            names_bytes: 1 << 20,
            memory_bytes: 16 << 20,
            index_bytes: 4 << 30,
        }
    }
}
