//! The machines that programs are for, and the platforms that they fit.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::oci::Platform;

/// The machine of an ELF file: the fields of its header that tell machines apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Machine {
    /// `e_machine` of the System V ABI.
    pub number: u16,
    /// Whether it is of the 64-bit class.
    pub wide: bool,
    /// Whether its bytes are in little-endian order.
    pub little: bool,
}

/// Go's word for an architecture, with the `e_machine`, class and byte order of its programs.
const ARCHITECTURES: [(&str, u16, bool, bool); 13] = [
    ("386", 3, false, true),
    ("amd64", 62, true, true),
    ("arm", 40, false, true),
    ("arm64", 183, true, true),
    ("loong64", 258, true, true),
    ("mips", 8, false, false),
    ("mips64", 8, true, false),
    ("mips64le", 8, true, true),
    ("mipsle", 8, false, true),
    ("ppc64", 21, true, false),
    ("ppc64le", 21, true, true),
    ("riscv64", 243, true, true),
    ("s390x", 22, true, false),
];

impl Machine {
    /// Returns the word that image platforms have for it.
    pub fn architecture(self) -> Option<&'static str> {
        let own = (self.number, self.wide, self.little);
        ARCHITECTURES.iter().find(|(_, number, wide, little)| (*number, *wide, *little) == own).map(|(name, ..)| *name)
    }

    /// Returns whether its programs start on a platform. A variant (`arm/v6`, `arm/v7`) is not in the header and is not
    /// compared; amd64 starts programs of 386 too, and
    /// many arm64 machines those of arm; a platform whose architecture has no ELF machine here fits all.
    pub fn fits(self, platform: &Platform) -> bool {
        let wanted = platform.architecture.as_str();
        if platform.os != "linux" || !ARCHITECTURES.iter().any(|(name, ..)| *name == wanted) {
            return true;
        }
        let own = self.architecture();
        own == Some(wanted) || matches!((own, wanted), (Some("386"), "amd64") | (Some("arm"), "arm64"))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.architecture() {
            Some(name) => f.write_str(name),
            None => {
                let (bits, order) = (if self.wide { 64 } else { 32 }, if self.little { "little" } else { "big" });
                write!(f, "ELF machine {} ({bits} bits, {order}-endian)", self.number)
            }
        }
    }
}
