//! What the first bytes of a file say about how it would be started.

use serde::{Deserialize, Serialize};

use super::alphabet::unquoted;
use super::machine::Machine;

/// The first bytes that are looked at. Linkers put the program headers and the interpreter's path there.
pub(super) const HEAD: usize = 4096;
/// What Linux reads of a script's first line (`BINPRM_BUF_SIZE`).
const LINE: usize = 256;
/// The longest path of an interpreter that is kept (`PATH_MAX` is no use here: loaders have short names).
const INTERPRETER: usize = 256;

/// A program by its first bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Program {
    /// An ELF program or shared object.
    Elf {
        /// What it runs on.
        machine: Machine,
        /// The path of its interpreter, the dynamic loader. `None` for a static program and a shared object, and where
        /// the path is not within the first 4 KiB.
        interpreter: Option<Vec<u8>>,
    },
    /// A script with a `#!` line.
    Script {
        /// The path of its interpreter, as written: a carriage return at the end of the line is a part of it.
        interpreter: Vec<u8>,
        /// The rest of the line, which the interpreter gets as one argument.
        rest: Vec<u8>,
    },
}

impl Program {
    /// Reads the first bytes of a file; more than 4 KiB are not looked at.
    pub fn of(head: &[u8]) -> Option<Self> {
        let head = &head[..head.len().min(HEAD)];
        elf(head).or_else(|| script(head))
    }
}

fn script(head: &[u8]) -> Option<Program> {
    let line = head.strip_prefix(b"#!")?;
    let line = &line[..line.len().min(LINE - 2)];
    let line = line.split(|byte| *byte == b'\n').next()?;
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let line = &line[line.iter().position(|byte| !blank(byte))?..];
    let (interpreter, rest) = line.split_at(line.iter().position(blank).unwrap_or(line.len()));
    // `#![...]` is an attribute in Rust's source.
    let is_path = !interpreter.is_empty() && !interpreter.starts_with(b"[") && !interpreter.contains(&0);
    is_path.then(|| Program::Script { interpreter: interpreter.to_vec(), rest: rest.trim_ascii().to_vec() })
}

/// Returns the words by which a script is started: those of its `#!` line, and those of the second line where that hands
/// over to an interpreter whose path is too long for the first (`'''exec' "/long/path/python" "$0" "$@"`, as installers of
/// Python packages write it).
pub(super) fn first_words(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut lines = head[..head.len().min(2 * LINE)].split(|byte| *byte == b'\n');
    let first = lines.next().and_then(|line| line.strip_prefix(b"#!")).unwrap_or_default();
    let second = lines.next().filter(|line| line.starts_with(b"'''exec' ")).unwrap_or_default();
    let words = [first, second].into_iter().flat_map(|line| line.split(u8::is_ascii_whitespace));
    words.map(unquoted).filter(|word| !word.is_empty())
}

/// Executables and shared objects; neither object files nor core dumps are started.
const STARTED: [u16; 2] = [2, 3];
/// The type of the program header that names the interpreter.
const PT_INTERP: u32 = 3;

fn elf(head: &[u8]) -> Option<Program> {
    let (wide, little) = match head.strip_prefix(b"\x7fELF")? {
        [class @ (1 | 2), order @ (1 | 2), ..] => (*class == 2, *order == 1),
        _ => return None,
    };
    let fields = Fields { bytes: head, wide, little };
    let machine = Machine { number: fields.half(18)?, wide, little };
    STARTED.contains(&fields.half(16)?).then(|| Program::Elf { machine, interpreter: interpreter(&fields) })
}

fn interpreter(fields: &Fields<'_>) -> Option<Vec<u8>> {
    let (table, entry, count) = if fields.wide {
        (fields.address(32)?, fields.half(54)?, fields.half(56)?)
    } else {
        (fields.address(28)?, fields.half(42)?, fields.half(44)?)
    };
    let header = (0..usize::from(count))
        .map_while(|number| table.checked_add(number.checked_mul(usize::from(entry))?))
        .map_while(|at| Some((at, fields.word(at)?)))
        .find(|(_, kind)| *kind == PT_INTERP)?
        .0;
    let (offset, length) = if fields.wide { (8, 32) } else { (4, 16) };
    let start = fields.address(header.checked_add(offset)?)?;
    let end = start.checked_add(fields.address(header.checked_add(length)?)?)?;
    let path = fields.bytes.get(start..end)?.split(|byte| *byte == 0).next()?;
    (!path.is_empty() && path.len() <= INTERPRETER).then(|| path.to_vec())
}

/// The numbers of a header, in its class and byte order.
struct Fields<'a> {
    bytes: &'a [u8],
    wide: bool,
    little: bool,
}

impl Fields<'_> {
    fn number<const N: usize>(&self, at: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(N)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }

    fn half(&self, at: usize) -> Option<u16> {
        self.number::<2>(at)?.try_into().ok()
    }

    fn word(&self, at: usize) -> Option<u32> {
        self.number::<4>(at)?.try_into().ok()
    }

    /// Returns an address or an offset, which has the width of the class.
    fn address(&self, at: usize) -> Option<usize> {
        let number = if self.wide { self.number::<8>(at) } else { self.number::<4>(at) }?;
        number.try_into().ok()
    }
}
