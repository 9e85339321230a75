//! Modes as `chmod` takes them.

/// The modes that files and folders get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Modes {
    pub(super) file: String,
    pub(super) dir: String,
}

/// Reads a mode: octal, or words such as `ug+rwX`, which change the normal modes: 0644 for files, 0755 for programs and
/// folders.
pub(super) fn read(text: &str, is_program: bool) -> Option<Modes> {
    if !text.is_empty() && text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        let bits = u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o7777)?;
        return Some(Modes { file: shown(bits), dir: shown(bits) });
    }
    let file = if is_program { 0o755 } else { 0o644 };
    Some(Modes { file: shown(words(text, file, false)?), dir: shown(words(text, 0o755, true)?) })
}

fn shown(bits: u32) -> String {
    format!("{bits:04o}")
}

fn words(text: &str, before: u32, is_dir: bool) -> Option<u32> {
    let mut bits = before;
    for clause in text.split(',') {
        let at = clause.find(['+', '-', '='])?;
        let (who, what) = clause.split_at(at);
        let mask = who.chars().try_fold(0, |mask, c| {
            Some(
                mask | match c {
                    'u' => 0o4700,
                    'g' => 0o2070,
                    'o' => 0o1007,
                    'a' => 0o7777,
                    _ => return None,
                },
            )
        })?;
        let mask = if who.is_empty() { 0o7777 } else { mask };
        let operator = what.chars().next()?;
        let given = what[1..].chars().try_fold(0, |given, c| {
            Some(
                given
                    | match c {
                        'r' => 0o444,
                        'w' => 0o222,
                        'x' => 0o111,
                        'X' if is_dir || before & 0o111 != 0 => 0o111,
                        'X' => 0,
                        's' => 0o6000,
                        't' => 0o1000,
                        _ => return None,
                    },
            )
        })?;
        // Without `who` the umask counts, which is 022 in a build: nobody else gets to write.
        let given = if who.is_empty() && operator != '-' { given & !0o022 } else { given };
        bits = match operator {
            '+' => bits | given & mask,
            '-' => bits & !(given & mask),
            _ => bits & !(mask & 0o777) | given & mask,
        };
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_that_chmod_leaves() {
        for (text, is_program, file, dir) in [
            ("755", false, "0755", "0755"),
            ("0644", false, "0644", "0644"),
            ("+x", false, "0755", "0755"),
            ("a+x", false, "0755", "0755"),
            ("u+x", false, "0744", "0755"),
            ("ug+rwX", false, "0664", "0775"),
            ("ug+rwX", true, "0775", "0775"),
            ("g+w", false, "0664", "0775"),
            ("u=rwX,go=rX", false, "0644", "0755"),
            ("go-rwx", false, "0600", "0700"),
            ("1777", false, "1777", "1777"),
        ] {
            let modes = Modes { file: file.to_owned(), dir: dir.to_owned() };
            assert_eq!(read(text, is_program), Some(modes), "{text}");
        }
        for text in ["", "99", "u~x", "+q", "z+x", "77777"] {
            assert_eq!(read(text, false), None, "{text}");
        }
    }
}
