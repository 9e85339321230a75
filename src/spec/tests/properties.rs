//! What holds for any text.

use proptest::prelude::*;

use crate::spec::parse;
use crate::spec::source::Source;
use crate::spec::template;

use super::*;

/// Fragments from which texts near to build files are made.
const FRAGMENTS: [&str; 32] = [
    "version: 1\n",
    "base: scratch\n",
    "layers:\n",
    "  - ",
    "    ",
    "from: .",
    "files: ",
    "config: ",
    "env: ",
    "deploy: ",
    "tags: ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ": ",
    "\n",
    "&a ",
    "*a",
    "${",
    "}",
    "$$",
    ":-",
    "\"",
    "'",
    "|\n",
    "~",
    "\t",
    "? ",
    "!!str ",
    "ü\u{7f}",
];

proptest! {
    #[test]
    fn parsing_never_panics(text in any::<String>()) {
        let _ = parse::parse(&Source::new("build.yaml", &text));
    }

    #[test]
    fn templates_never_panic(text in "[$}{:?\\-A-Bü. ]{0,40}") {
        let _ = template::parse(&text);
    }

    #[test]
    fn loading_never_panics_and_every_flaw_has_a_place(picks in prop::collection::vec(0..FRAGMENTS.len(), 0..40)) {
        let text: String = picks.into_iter().map(|pick| FRAGMENTS[pick]).collect();
        for text in [text.clone(), format!("version: 1\nbase: scratch\n{text}")] {
            if let Err(SpecError::Flaw(flaw)) = load_text(&text) {
                let line = text.split('\n').nth(flaw.line - 1).unwrap_or_default();
                prop_assert!(flaw.column <= line.chars().count() + 1, "{flaw}");
            }
        }
    }

    #[test]
    fn texts_without_dollars_stand_as_they_are(text in "[^$]*") {
        let expect: Vec<_> = if text.is_empty() { vec![] } else { vec![template::Piece::Text(text.clone())] };
        prop_assert_eq!(template::parse(&text), Ok(expect));
    }
}
