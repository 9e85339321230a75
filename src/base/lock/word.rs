//! What a lock writes as one string: a path, what stands there, a user's numbers, a platform.
//!
//! A path is `/etc/passwd`; `%` and bytes that are no UTF-8 stand as `%25`, `%FF`. What stands there is
//! `KIND MODE UID:GID @MTIME[ NAME=0xVALUE][ -> TARGET]`, with the words `dir`, `file`, `link` and `other`.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::base::{Fact, FactKind};
use crate::oci::{ImagePath, Platform};

/// A thing with one spelling in a lock.
pub(super) trait Word: Sized {
    /// What it is, for messages: `expected a path`.
    const WHAT: &'static str;

    /// Returns its spelling.
    fn spell(&self) -> String;

    /// Reads its spelling.
    fn read(text: &str) -> Option<Self>;
}

impl Word for ImagePath {
    const WHAT: &'static str = "a path such as `/etc/passwd`";

    fn spell(&self) -> String {
        format!("/{}", escaped(self.as_bytes(), b""))
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = unescaped(text.strip_prefix('/')?)?;
        Self::parse(&bytes).filter(|path| path.as_bytes() == bytes)
    }
}

impl Word for Platform {
    const WHAT: &'static str = "a platform such as `linux/amd64`";

    fn spell(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A user's number and primary group: `33:33`.
impl Word for (u64, u64) {
    const WHAT: &'static str = "numbers such as `33:33`";

    fn spell(&self) -> String {
        format!("{}:{}", self.0, self.1)
    }

    fn read(text: &str) -> Option<Self> {
        let (user, group) = text.split_once(':')?;
        Some((number(user)?, number(group)?))
    }
}

impl Word for Fact {
    const WHAT: &'static str = "what stands at a path, such as `file 0644 0:0 @1700000000`";

    fn spell(&self) -> String {
        let (kind, target) = match &self.kind {
            FactKind::Directory => ("dir", None),
            FactKind::File => ("file", None),
            FactKind::Symlink(target) => ("link", Some(target)),
            FactKind::Other => ("other", None),
        };
        let mut text = format!("{kind} {:04o} {}:{} @{}", self.mode, self.uid, self.gid, self.mtime);
        for (name, value) in &self.xattrs {
            let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = write!(text, " {}=0x{hex}", escaped(name.as_bytes(), b" ="));
        }
        if let Some(target) = target {
            let _ = write!(text, " -> {}", escaped(target, b""));
        }
        text
    }

    fn read(text: &str) -> Option<Self> {
        let (fields, target) = match text.split_once(" -> ") {
            Some((fields, target)) => (fields, Some(unescaped(target)?)),
            None => (text, None),
        };
        let mut fields = fields.split(' ');
        let kind = match (fields.next()?, target) {
            ("link", Some(target)) => FactKind::Symlink(target),
            ("dir", None) => FactKind::Directory,
            ("file", None) => FactKind::File,
            ("other", None) => FactKind::Other,
            _ => return None,
        };
        let mode = octal(fields.next()?)?;
        let (uid, gid) = Word::read(fields.next()?)?;
        let mtime = number(fields.next()?.strip_prefix('@')?)?;
        let mut xattrs = BTreeMap::new();
        for field in fields {
            let (name, value) = field.split_once("=0x")?;
            let name = String::from_utf8(unescaped(name)?).ok()?;
            xattrs.insert(name, hex(value)?).is_none().then_some(())?;
        }
        Some(Self { kind, mode, uid, gid, mtime, xattrs })
    }
}

/// Only digits, unlike the standard library, which takes a plus sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn octal(text: &str) -> Option<u32> {
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    u32::from_str_radix(text, 8).ok().filter(|_| digits)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16)).map(nibble).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn nibble(digit: Option<u32>) -> Option<u8> {
    u8::try_from(digit?).ok()
}

/// Writes bytes as text: what is no UTF-8, `%` and the bytes of `more` become `%` and two digits.
fn escaped(bytes: &[u8], more: &[u8]) -> String {
    let mut text = String::new();
    let escape = |text: &mut String, byte: u8| {
        let _ = write!(text, "%{byte:02X}");
    };
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match u8::try_from(letter) {
                Ok(byte) if letter.is_ascii() && (byte == b'%' || more.contains(&byte)) => escape(&mut text, byte),
                _ => text.push(letter),
            }
        }
        chunk.invalid().iter().for_each(|byte| escape(&mut text, *byte));
    }
    text
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.extend(hex(part.get(..2)?)?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(bytes)
}
