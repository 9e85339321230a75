//! What the terminal behind stderr can show.

use std::io::IsTerminal;

use crate::cli::env;

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Lines can be drawn anew.
    pub(crate) live: bool,
    /// Colours are shown, and wanted.
    pub(crate) colour: bool,
    /// Characters beyond ASCII are shown.
    pub(crate) unicode: bool,
}

impl Terminal {
    /// Looks at stderr and the environment.
    pub(crate) fn of_stderr() -> Self {
        let words = Words {
            is_terminal: std::io::stderr().is_terminal(),
            term: env::text("TERM"),
            no_color: env::text("NO_COLOR").is_some(),
            ci: env::text("CI").is_some() || env::github_actions(),
            locale: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(env::text),
        };
        Self::of(&words)
    }

    fn of(words: &Words) -> Self {
        let smart = words.term.as_deref().is_some_and(|term| term != "dumb");
        let live = words.is_terminal && smart && !words.ci;
        let utf8 = |locale: &String| {
            let locale = locale.to_ascii_lowercase();
            locale.ends_with("utf-8") || locale.ends_with("utf8")
        };
        // Logs are read elsewhere, whatever this machine's locale is not said to be.
        let unicode = words.locale.as_ref().map_or(!words.is_terminal, utf8);
        Self { live, colour: live && !words.no_color, unicode }
    }
}

/// What is looked at.
#[derive(Debug, Default)]
struct Words {
    is_terminal: bool,
    term: Option<String>,
    no_color: bool,
    ci: bool,
    locale: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(change: impl FnOnce(&mut Words)) -> Terminal {
        let text = |text: &str| Some(text.to_owned());
        let mut words =
            Words { is_terminal: true, term: text("xterm"), locale: text("en_US.UTF-8"), ..Words::default() };
        change(&mut words);
        Terminal::of(&words)
    }

    #[test]
    fn a_terminal_shows_what_it_can_and_what_is_wanted() {
        let all = Terminal { live: true, colour: true, unicode: true };
        assert_eq!(words(|_| {}), all);
        assert_eq!(words(|words| words.no_color = true), Terminal { colour: false, ..all });
        for locale in [None, Some("C".to_owned()), Some("de_DE.ISO-8859-1".to_owned())] {
            assert_eq!(words(|words| words.locale = locale), Terminal { unicode: false, ..all });
        }
        let plain = Terminal { live: false, colour: false, unicode: true };
        assert_eq!(words(|words| words.term = Some("dumb".to_owned())), plain);
        assert_eq!(words(|words| words.term = None), plain);
        assert_eq!(words(|words| words.is_terminal = false), plain);
        let log = |locale: Option<&str>| {
            words(|words| (words.is_terminal, words.locale) = (false, locale.map(str::to_owned))).unicode
        };
        assert_eq!((log(None), log(Some("C"))), (true, false));
        assert_eq!(words(|words| words.ci = true), plain);
    }
}
