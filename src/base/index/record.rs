//! What the index keeps of a path.

use super::Span;
use super::cells::Payload;
use super::table::FolderId;

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::base) enum Kind {
    /// A folder, with its number.
    Directory(FolderId),
    /// A regular file.
    File,
    /// A regular file whose bytes are kept, because it may be `/etc/passwd` or `/etc/group`.
    NameFile(Span),
    /// A symlink, with its target.
    Symlink(Span),
    /// A device or FIFO.
    Other,
}

/// All that is kept of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::base) struct Record {
    pub(in crate::base) kind: Kind,
    pub(in crate::base) mode: u16,
    /// The layer that wrote it, from 1.
    pub(in crate::base) layer: u16,
    pub(in crate::base) uid: u32,
    pub(in crate::base) gid: u32,
    pub(in crate::base) mtime: u64,
    /// Its capability; empty for none.
    pub(in crate::base) capability: Span,
}

impl Payload for Record {
    const BYTES: usize = 45;

    fn encode(&self, out: &mut Vec<u8>) {
        let (tag, span) = match self.kind {
            Kind::Directory(id) => (0, Span { at: u64::from(id), length: 0 }),
            Kind::File => (1, Span::default()),
            Kind::NameFile(span) => (2, span),
            Kind::Symlink(span) => (3, span),
            Kind::Other => (4, Span::default()),
        };
        out.push(tag);
        out.extend_from_slice(&self.mode.to_le_bytes());
        out.extend_from_slice(&self.layer.to_le_bytes());
        out.extend_from_slice(&self.uid.to_le_bytes());
        out.extend_from_slice(&self.gid.to_le_bytes());
        out.extend_from_slice(&self.mtime.to_le_bytes());
        for span in [span, self.capability] {
            out.extend_from_slice(&span.at.to_le_bytes());
            out.extend_from_slice(&span.length.to_le_bytes());
        }
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let [tag] = take(bytes)?;
        let mode = u16::from_le_bytes(take(bytes)?);
        let layer = u16::from_le_bytes(take(bytes)?);
        let uid = u32::from_le_bytes(take(bytes)?);
        let gid = u32::from_le_bytes(take(bytes)?);
        let mtime = u64::from_le_bytes(take(bytes)?);
        let mut span = || Some(Span { at: u64::from_le_bytes(take(bytes)?), length: u32::from_le_bytes(take(bytes)?) });
        let (of_kind, capability) = (span()?, span()?);
        let kind = match tag {
            0 => Kind::Directory(u32::try_from(of_kind.at).ok()?),
            1 => Kind::File,
            2 => Kind::NameFile(of_kind),
            3 => Kind::Symlink(of_kind),
            4 => Kind::Other,
            _ => return None,
        };
        Some(Self { kind, mode, layer, uid, gid, mtime, capability })
    }
}

/// Takes the first bytes of a slice.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}
