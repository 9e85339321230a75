//! Owner, mode, time and capabilities of what goes into a layer.

use super::Capabilities;

/// `owner: name[:group]`, or numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerSpec {
    /// The user.
    pub user: OwnerPart,
    /// The group; without one a user's name takes its primary group, a number is uid and gid.
    pub group: Option<OwnerPart>,
}

/// A user or group, by number or by a name that is looked up in the tree below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerPart {
    /// A number.
    Id(u64),
    /// A name in `/etc/passwd` or `/etc/group`.
    Name(String),
}

impl Default for OwnerSpec {
    fn default() -> Self {
        Self { user: OwnerPart::Id(0), group: Some(OwnerPart::Id(0)) }
    }
}

/// The mode of files and folders of the project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModeRule {
    /// Files 0755 where the owner may execute, else 0644; folders 0755.
    #[default]
    Normal,
    /// As on disk, all twelve bits.
    Keep,
    /// This mode for files; folders get it too, with x where r is.
    Fixed(u32),
}

/// The time of files of the project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MtimeRule {
    /// 315532800 + (first 8 bytes of the content's SHA-256, big-endian) mod 10^9; folders and links 1.
    #[default]
    Content,
    /// Seconds since the epoch, for all entries. `source_date_epoch` was resolved to this.
    Seconds(u64),
    /// As on disk, whole seconds.
    Keep,
}

/// One rule of `paths`: what is not set is left to earlier rules and the layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// `.dockerignore` patterns relative to `from`; each covers the path and all below it.
    pub patterns: Vec<String>,
    /// The owner.
    pub owner: Option<OwnerSpec>,
    /// `mode`: for files and folders.
    pub mode: Option<ModeRule>,
    /// `dir_mode`: for folders, before `mode`.
    pub dir_mode: Option<u32>,
    /// `file_mode`: for files, before `mode`.
    pub file_mode: Option<u32>,
    /// The time.
    pub mtime: Option<MtimeRule>,
    /// The capabilities of regular files; an empty list removes those of other rules.
    pub capabilities: Option<Capabilities>,
}
