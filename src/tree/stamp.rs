//! What tells whether a file is still the one that was listed.

use rustix::fs::Stat;

/// The identity and state of a file: equal before and after reading, or the file changed meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileStamp {
    /// The device.
    pub device: u64,
    /// The inode.
    pub inode: u64,
    /// The length in bytes.
    pub size: u64,
    /// The modification time in nanoseconds since the epoch.
    pub mtime_ns: i128,
    /// The change time in nanoseconds since the epoch.
    pub ctime_ns: i128,
    /// Type and permission bits.
    pub mode: u32,
}

impl FileStamp {
    /// Reads the stamp out of what the system says about a file.
    #[allow(clippy::unnecessary_cast, reason = "the fields have other widths on other systems")]
    #[allow(clippy::cast_lossless, reason = "the fields have other widths on other systems")]
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            mode: stat.st_mode as u32,
        }
    }

    /// Returns the modification time in whole seconds since the epoch, rounded down, never before it.
    pub fn mtime_seconds(&self) -> u64 {
        u64::try_from(self.mtime_ns.div_euclid(1_000_000_000)).unwrap_or(0)
    }
}

fn nanoseconds(seconds: i64, fraction: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(fraction)
}
