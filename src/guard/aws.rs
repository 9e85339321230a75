//! AWS access keys. The id alone is no secret: what counts is the forty characters near it or beside their name.

use super::alphabet::{ends_in, is_base64, is_word, leading, may_be_random};
use super::marks::{Around, BEFORE, Hit};
use super::secret::Secret;

/// The length of a secret access key.
const LENGTH: usize = 40;
/// The length of an access key id.
const ID: usize = 20;

/// An access key id (`AKIA` or `ASIA` and 16 characters of base32) with a secret within 256 bytes before or after it.
pub(super) fn key_id(Around { before, after }: Around<'_>) -> Option<Hit> {
    let id = leading(after, |byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte));
    let whole = !ends_in(before, is_word) && after.get(id.len()).is_none_or(|next| !is_word(*next));
    if id.len() != ID || !whole || id.ends_with(b"EXAMPLE") {
        return None;
    }
    let behind = first_secret(&after[ID..], BEFORE).map(|at| (ID + at).cast_signed());
    let at = behind.or_else(|| Some(first_secret(before, before.len())?.cast_signed() - before.len().cast_signed()))?;
    Some((Secret::AwsSecretKey, at))
}

/// `secret_access_key` in one of its spellings, followed by the secret.
pub(super) fn named_secret(Around { after, .. }: Around<'_>) -> Option<Hit> {
    let name = leading(after, is_word).len();
    let mut at = name + sign(&after[name..])?;
    // `name: AWS_SECRET_ACCESS_KEY, value: ...`, as ECS and Kubernetes write variables.
    if after[at..].get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"value")) {
        at += 5;
        at += sign(&after[at..])?;
    }
    is_secret(leading(&after[at..], may_stand)).then_some((Secret::AwsSecretKey, at.cast_signed()))
}

/// Returns the length of what stands between a name and its value: quotes, the sign of assignment, the end of an index,
/// call or element, `", "`, `|| "`.
fn sign(rest: &[u8]) -> Option<usize> {
    let sign = leading(rest, |byte| b" \t\r\n\\\"'`:=>,|?])".contains(&byte)).len();
    (sign <= 40).then_some(sign)
}

/// Returns whether a value is a secret access key.
pub(super) fn is_secret(run: &[u8]) -> bool {
    let holds = |of: fn(&u8) -> bool| run.iter().any(of);
    run.len() == LENGTH
        && run.iter().all(|byte| is_base64(*byte))
        // Digests in hexadecimal, paths and long words have as many characters.
        && holds(u8::is_ascii_lowercase)
        && holds(u8::is_ascii_uppercase)
        && holds(u8::is_ascii_digit)
        && !run.iter().all(u8::is_ascii_hexdigit)
        && may_be_random(run)
}

/// Returns whether a byte makes a run longer than a secret, or is a part of it.
fn may_stand(byte: u8) -> bool {
    is_base64(byte) || byte == b'=' || byte == b'_' || byte == b'-'
}

/// Returns where the first secret begins that begins within `reach`.
fn first_secret(bytes: &[u8], reach: usize) -> Option<usize> {
    let mut at = 0;
    while at < bytes.len().min(reach) {
        // `KEY=secret` is not one run: what stands before the sign is a name.
        let run = leading(&bytes[at..], |byte| may_stand(byte) && byte != b'=');
        let padded = bytes.get(at + run.len()) == Some(&b'=');
        if !padded && is_secret(run) {
            return Some(at);
        }
        at += run.len() + 1;
    }
    None
}
