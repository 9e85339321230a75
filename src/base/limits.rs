//! The most that is taken from a base, so that a hostile one ends in an error instead of a full memory.

/// What a base may at most have. The defaults are far above any image seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of all layers together.
    pub entries: u64,
    /// Uncompressed bytes of all layers together: they are read and dropped, so this limits time, not memory.
    pub unpacked_bytes: u64,
    /// Bytes of a path (Linux: `PATH_MAX`).
    pub path_bytes: u64,
    /// Bytes of one PAX or GNU extension header.
    pub extension_bytes: u64,
    /// Bytes of `/etc/passwd` and of `/etc/group`.
    pub names_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 4_000_000,
            unpacked_bytes: 256 << 30,
            path_bytes: 4096,
            extension_bytes: 1 << 20,
            names_bytes: 1 << 20,
        }
    }
}
