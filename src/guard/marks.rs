//! The marks: short texts that stand in every secret of a kind, all searched at once.
//!
//! A mark has at least four bytes, and its first four are rare in text and code: these are what the vectorised search
//! compares, sixteen or thirty-two positions at a time. So `hub_pat_` and not `github_pat_`, and never the dashes of a
//! PEM header. What a mark means is decided by the rule beside it, from [`BEFORE`] bytes before the mark and
//! [`AFTER`] bytes from its first one on. A rule sees no more, so that its answer does not depend on how a file is read.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};

use super::secret::Secret;
use super::{aws, key_text, token};

/// What a rule sees before a mark.
pub(super) const BEFORE: usize = 256;
/// What a rule sees from the first byte of a mark on.
pub(super) const AFTER: usize = 2048;

/// What stands around a mark.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// At most [`BEFORE`] bytes, fewer only where the file begins.
    pub(super) before: &'a [u8],
    /// At most [`AFTER`] bytes, fewer only where the file ends; the mark first.
    pub(super) after: &'a [u8],
}

/// A secret, and where it is from the first byte of its mark.
pub(super) type Hit = (Secret, isize);

/// What a mark calls for.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// A look around.
    Look(fn(Around<'_>) -> Option<Hit>),
    /// A look at the file's first bytes as a document, if the mark is in them.
    Document(Document),
}

/// Documents that a mark gives away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// A Docker configuration with logins.
    Docker = 1,
    /// A Google Cloud service account.
    GcpServiceAccount = 2,
    /// A kubeconfig.
    Kubeconfig = 4,
}

/// No mark is the beginning of another: each position has one at most.
const MARKS: [(&str, Rule); 32] = [
    ("PRIVATE KEY", Rule::Look(key_text::pem)),
    ("PuTTY-User-Key-File-", Rule::Look(key_text::putty)),
    ("LS0tLS1CRUdJTi", Rule::Look(key_text::encoded_pem)),
    ("AKIA", Rule::Look(aws::key_id)),
    ("ASIA", Rule::Look(aws::key_id)),
    ("SECRET_ACCESS_KEY", Rule::Look(aws::named_secret)),
    ("secret_access_key", Rule::Look(aws::named_secret)),
    ("AWS_SECRET_KEY", Rule::Look(aws::named_secret)),
    ("aws_secret_key", Rule::Look(aws::named_secret)),
    ("ecretAccessKey", Rule::Look(aws::named_secret)),
    ("AccountKey=", Rule::Look(token::azure)),
    ("SharedAccessKey=", Rule::Look(token::azure)),
    ("ghp_", Rule::Look(token::github)),
    ("gho_", Rule::Look(token::github)),
    ("ghu_", Rule::Look(token::github)),
    ("ghs_", Rule::Look(token::github)),
    ("ghr_", Rule::Look(token::github)),
    ("hub_pat_", Rule::Look(token::github_fine_grained)),
    ("glpat-", Rule::Look(token::gitlab)),
    ("xoxa-", Rule::Look(token::slack)),
    ("xoxb-", Rule::Look(token::slack)),
    ("xoxp-", Rule::Look(token::slack)),
    ("xoxr-", Rule::Look(token::slack)),
    ("xoxs-", Rule::Look(token::slack)),
    ("sk_live_", Rule::Look(token::stripe)),
    ("rk_live_", Rule::Look(token::stripe)),
    ("npm_", Rule::Look(token::npm)),
    ("pypi-AgE", Rule::Look(token::pypi)),
    ("\"auths\"", Rule::Document(Document::Docker)),
    ("\"service_account\"", Rule::Document(Document::GcpServiceAccount)),
    ("d: Config", Rule::Document(Document::Kubeconfig)),
    ("\"Config\"", Rule::Document(Document::Kubeconfig)),
];

/// Returns the next mark of `bytes` that begins in `from..to`, with its rule.
pub(super) fn next(bytes: &[u8], from: usize, to: usize) -> Option<(usize, Rule)> {
    let end = (to + LONGEST - 1).min(bytes.len());
    let (start, mark) = searcher().find(bytes, Span { start: from, end })?;
    (start < to).then_some((start, MARKS[mark].1))
}

/// The length of the longest mark.
const LONGEST: usize = 20;

enum Searcher {
    Vectorised(packed::Searcher),
    /// Where the processor has no such instructions.
    Automaton(AhoCorasick),
}

impl Searcher {
    fn find(&self, bytes: &[u8], span: Span) -> Option<(usize, usize)> {
        let found = match self {
            Self::Vectorised(searcher) => searcher.find_in(bytes, span),
            Self::Automaton(automaton) => automaton.find(Input::new(bytes).span(span)),
        }?;
        Some((found.start(), found.pattern().as_usize()))
    }
}

fn searcher() -> &'static Searcher {
    static SEARCHER: OnceLock<Searcher> = OnceLock::new();
    SEARCHER.get_or_init(|| {
        let marks = || MARKS.iter().map(|(mark, _)| mark);
        match packed::Config::new().heuristic_pattern_limits(false).builder().extend(marks()).build() {
            Some(searcher) => Searcher::Vectorised(searcher),
            None => Searcher::Automaton(automaton()),
        }
    })
}

fn automaton() -> AhoCorasick {
    let marks = MARKS.iter().map(|(mark, _)| mark);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(marks).expect("a few short texts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mark_begins_another_and_each_has_four_bytes() {
        assert_eq!(MARKS.iter().map(|(mark, _)| mark.len()).max(), Some(LONGEST));
        for (number, (mark, _)) in MARKS.iter().enumerate() {
            let others = MARKS.iter().enumerate().filter(|(other, _)| *other != number);
            assert!(mark.len() >= 4 && others.into_iter().all(|(_, (other, _))| !other.starts_with(mark)), "{mark}");
        }
    }

    #[test]
    fn processors_with_and_without_vectors_find_the_same() {
        let (automaton, mut bytes) = (Searcher::Automaton(automaton()), Vec::new());
        for (number, (mark, _)) in MARKS.iter().enumerate() {
            bytes.extend_from_slice(&b"a xox npmPRIV \"----- gh"[..number % 20]);
            bytes.extend_from_slice(mark.as_bytes());
        }
        let all = |searcher: &Searcher| {
            let found = |from: usize| searcher.find(&bytes, Span { start: from, end: bytes.len() });
            std::iter::successors(found(0), |(at, _)| found(at + 1)).collect::<Vec<_>>()
        };
        assert_eq!(all(&automaton), all(searcher()));
        assert_eq!(all(&automaton).len(), MARKS.len());
    }
}
