//! A fact as bytes.

use super::number::{bytes, number, put_bytes, put_number};
use crate::base::fact::{CAPABILITY, Fact, FactKind};

/// Appends a fact: kind, capability or not and mode in one number, then the rest.
pub(super) fn put_fact(out: &mut Vec<u8>, fact: &Fact) {
    let tag = match fact.kind {
        FactKind::Directory => 0,
        FactKind::File => 1,
        FactKind::Symlink(_) => 2,
        FactKind::Other => 3,
    };
    let capability = fact.xattrs.get(CAPABILITY);
    put_number(out, tag | u64::from(capability.is_some()) << 2 | u64::from(fact.mode) << 3);
    put_number(out, fact.uid);
    put_number(out, fact.gid);
    put_number(out, fact.mtime);
    if let FactKind::Symlink(target) = &fact.kind {
        put_bytes(out, target);
    }
    if let Some(value) = capability {
        put_bytes(out, value);
    }
}

/// Reads a fact.
pub(super) fn fact(mut value: &[u8]) -> Option<Fact> {
    let rest = &mut value;
    let bits = number(rest)?;
    let (uid, gid, mtime) = (number(rest)?, number(rest)?, number(rest)?);
    let kind = match bits & 3 {
        0 => FactKind::Directory,
        1 => FactKind::File,
        2 => FactKind::Symlink(bytes(rest)?.to_vec()),
        _ => FactKind::Other,
    };
    let capability = if bits & 4 == 0 { None } else { Some(bytes(rest)?.to_vec()) };
    let mode = u32::try_from(bits >> 3).ok().filter(|mode| *mode <= 0o7777)?;
    let xattrs = capability.map(|value| (CAPABILITY.to_owned(), value)).into_iter().collect();
    rest.is_empty().then_some(Fact { kind, mode, uid, gid, mtime, xattrs })
}
