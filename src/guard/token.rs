//! Tokens that tell by their prefix whose they are: alphabets and lengths as their issuers give them.

use std::ops::RangeInclusive;

use super::alphabet::{ends_in, is_base64, is_base64url, is_word, leading, may_be_random};
use super::marks::{Around, Hit};
use super::secret::Secret;

/// The key of the storage emulator begins so; it is the same for everybody.
const AZURE_EMULATOR: &[u8] = b"Eby8vdM02xNOcqFl";

/// `gh?_` and 36 letters and digits; GitHub reserves up to 255.
pub(super) fn github(around: Around<'_>) -> Option<Hit> {
    let body = body(around, "ghp_", is_word, 36..=255)?;
    // Names in programs have underscores where tokens have none yet.
    body[..36].iter().all(u8::is_ascii_alphanumeric).then_some((Secret::GithubToken, 0))
}

/// `github_pat_`, 22 letters and digits, an underscore, 59 letters and digits.
pub(super) fn github_fine_grained(around: Around<'_>) -> Option<Hit> {
    let before = around.before.strip_suffix(b"git")?;
    let body = body(Around { before, ..around }, "hub_pat_", is_word, 82..=82)?;
    (body[22] == b'_').then_some((Secret::GithubToken, -3))
}

/// `glpat-` and 20 characters of base64url, or the routable form: 27 and more, then two short groups after dots.
pub(super) fn gitlab(around: Around<'_>) -> Option<Hit> {
    let body = body(around, "glpat-", |byte| is_base64url(byte) || byte == b'.', 20..=320)?;
    let groups: Vec<&[u8]> = body.split(|byte| *byte == b'.').collect();
    let is_token = match groups[..] {
        // What follows a plain token may be the full stop of a sentence.
        [token] | [token, b""] => token.len() == 20,
        [token, two, nine] | [token, two, nine, b""] => token.len() >= 27 && two.len() == 2 && nine.len() == 9,
        _ => false,
    };
    is_token.then_some((Secret::GitlabToken, 0))
}

/// `xox?-`, then groups of digits and one or more of letters and digits.
pub(super) fn slack(around: Around<'_>) -> Option<Hit> {
    let body = body(around, "xoxb-", |byte| byte.is_ascii_alphanumeric() || byte == b'-', 24..=255)?;
    let digits = leading(body, |byte| byte.is_ascii_digit() || byte == b'-');
    let last = body.rsplit(|byte| *byte == b'-').next()?;
    (digits.len() >= 10 && last.len() >= 16).then_some((Secret::SlackToken, 0))
}

/// `sk_live_` or `rk_live_` and 24 letters and digits, or about a hundred.
pub(super) fn stripe(around: Around<'_>) -> Option<Hit> {
    body(around, "sk_live_", |byte| byte.is_ascii_alphanumeric(), 24..=247)?;
    Some((Secret::StripeKey, 0))
}

/// `npm_` and 36 letters and digits.
pub(super) fn npm(around: Around<'_>) -> Option<Hit> {
    body(around, "npm_", |byte| byte.is_ascii_alphanumeric(), 36..=36)?;
    Some((Secret::NpmToken, 0))
}

/// `pypi-` and a macaroon, whose first bytes are always the same.
pub(super) fn pypi(around: Around<'_>) -> Option<Hit> {
    body(around, "pypi-AgE", is_base64url, 50..=super::marks::AFTER)?;
    Some((Secret::PypiToken, 0))
}

/// `AccountKey=` or `SharedAccessKey=` and the base64 of 64 or of 32 bytes.
pub(super) fn azure(Around { after, .. }: Around<'_>) -> Option<Hit> {
    let start = after.iter().position(|byte| *byte == b'=')? + 1;
    let key = leading(&after[start..], is_base64);
    let padding = leading(&after[start + key.len()..], |byte| byte == b'=').len();
    let whole = matches!((key.len(), padding), (86, 2) | (43, 1));
    (whole && !key.starts_with(AZURE_EMULATOR) && may_be_random(key)).then_some((Secret::AzureKey, 0))
}

/// Returns what follows a prefix: all that is of an alphabet, if that has a right length and neither it nor the prefix is
/// a part of a longer word.
fn body<'a>(
    Around { before, after }: Around<'a>,
    prefix: &str,
    of: impl Fn(u8) -> bool,
    length: RangeInclusive<usize>,
) -> Option<&'a [u8]> {
    let rest = &after[prefix.len()..];
    let body = leading(rest, of);
    let whole = !ends_in(before, is_word) && rest.get(body.len()).is_none_or(|next| !is_word(*next));
    (whole && length.contains(&body.len()) && may_be_random(body)).then_some(body)
}
