//! Key stores. Most hold only certificates that are trusted; one with a private key says so in the clear.

/// The object identifiers of a private key in a PKCS #12 file (RFC 7292, appendix D), plain and encrypted: an element of
/// 11 bytes, all alike but the last.
const KEY_BAG: [u8; 12] = [0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];

/// Returns whether a file's first bytes are a key store of Java (JKS or JCEKS) that holds a private or secret key.
pub(super) fn is_java_key_store(head: &[u8]) -> bool {
    let Some([0xfe, 0xed, 0xfe, 0xed] | [0xce, 0xce, 0xce, 0xce]) = head.get(..4) else { return false };
    let mut entries = head.get(8..).unwrap_or_default();
    let Some(count) = number(&mut entries) else { return false };
    (0..count).map_while(|_| next_entry(&mut entries)).any(|tag| tag != TRUSTED)
}

/// Returns whether a file's first bytes are of a PKCS #12 file with a private key in it.
pub(super) fn is_pkcs12_with_key(head: &[u8]) -> bool {
    let keys = memchr::memmem::find_iter(head, &KEY_BAG);
    head.starts_with(&[0x30]) && keys.into_iter().any(|at| matches!(head.get(at + KEY_BAG.len()), Some(1 | 2)))
}

/// The tag of a trusted certificate.
const TRUSTED: u32 = 2;

/// Skips an entry, if it is a certificate, and returns its tag: alias, date, type, length, bytes.
fn next_entry(rest: &mut &[u8]) -> Option<u32> {
    let tag = number(rest)?;
    if tag == TRUSTED {
        skip_name(rest)?;
        *rest = rest.get(8..)?;
        skip_name(rest)?;
        let length = number(rest)?;
        *rest = rest.get(usize::try_from(length).ok()?..)?;
    }
    Some(tag)
}

fn skip_name(rest: &mut &[u8]) -> Option<()> {
    let (length, after) = rest.split_first_chunk()?;
    *rest = after.get(usize::from(u16::from_be_bytes(*length))..)?;
    Some(())
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_be_bytes(*bytes))
}
