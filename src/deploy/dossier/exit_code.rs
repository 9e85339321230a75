//! What a container's exit code means.

/// Returns the meaning of an exit code, as the kernel, the shell and Docker give them.
pub fn meaning(code: i32) -> Option<String> {
    let words = match code {
        0 => "it ended by itself, without an error",
        125 => "the container could not be created",
        126 => "the command is there and cannot be executed",
        127 => "the command was not found",
        130 => "ended by SIGINT",
        132 => "illegal instruction (SIGILL): built for another processor",
        134 => "it aborted itself (SIGABRT)",
        135 => "bus error (SIGBUS)",
        136 => "arithmetic error (SIGFPE)",
        137 => "killed (SIGKILL): out of memory, or it did not stop in time",
        139 => "segmentation fault (SIGSEGV)",
        141 => "broken pipe (SIGPIPE)",
        143 => "asked to stop (SIGTERM)",
        255 => "an exit code out of range, or -1",
        129..=192 => return Some(format!("ended by signal {}", code - 128)),
        _ => return None,
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_signals_are_named_and_own_codes_are_not() {
        let rows = [
            (137, Some("killed (SIGKILL): out of memory, or it did not stop in time")),
            (139, Some("segmentation fault (SIGSEGV)")),
            (150, Some("ended by signal 22")),
            (1, None),
            (-1, None),
        ];
        for (code, words) in rows {
            assert_eq!(meaning(code).as_deref(), words, "{code}");
        }
    }
}
