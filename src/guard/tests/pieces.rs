//! The answer depends on a file, never on how it is read.

use super::*;
use proptest::prelude::*;

fn in_pieces(name: &str, content: &[u8], cuts: &[usize]) -> Hits {
    let mut scan = Scan::default();
    let mut rest = content;
    for cut in cuts {
        let (piece, after) = rest.split_at(*cut % (rest.len() + 1));
        scan.feed(piece);
        rest = after;
    }
    scan.feed(rest);
    scan.end(name.as_bytes())
}

/// A stretch of a file: a secret, a part of one, or what stands between.
fn stretch() -> impl Strategy<Value = Vec<u8>> {
    let secrets = vec![
        private_key(),
        armoured("PGP PRIVATE KEY BLOCK", "Version: GnuPG v2\n\n"),
        format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", aws_id(), aws_secret()),
        format!("{}\n{}\n", aws_secret(), aws_id()),
        format!("npm_{}", random(LETTERS_AND_DIGITS, 36)),
        format!("github_pat_{}_{}", random(LETTERS_AND_DIGITS, 22), random(LETTERS_AND_DIGITS, 59)),
        "PORT=3000\n".to_owned(),
        "machine a password hunter2\nhttps://me:hunter2@a\npassword = hunter2\n_auth=hunter2\n".to_owned(),
        "{\"auths\": {\"r\": {\"auth\": \"bWU6aHVudGVyMg==\"}}}".to_owned(),
        "kind: Config\nclusters:\nusers:\n  token: abcdef\n".to_owned(),
    ];
    let secret = prop::sample::select(secrets);
    let whole = secret.clone().prop_map(String::into_bytes);
    let part = (secret, any::<prop::sample::Index>())
        .prop_map(|(text, cut)| text.as_bytes()[..cut.index(text.len())].to_vec());
    let between = prop_oneof![
        (0_usize..3000).prop_map(|length| random(BASE64, length).into_bytes()),
        (0_usize..400).prop_map(|length| b"a = 1;\n".repeat(length)),
        Just(b"\n".to_vec()),
        Just(b" ".to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
        Just(vec![b'#'; 70_000]),
        Just(b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\x40\0\0\0\0\x02\xff\xff".to_vec()),
    ];
    prop_oneof![4 => whole, 2 => part, 4 => between]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(250) })]

    #[test]
    fn a_file_in_pieces_has_the_findings_of_the_whole(
        stretches in prop::collection::vec(stretch(), 1..8),
        cuts in prop::collection::vec(prop_oneof![3 => 0_usize..40, 2 => 0_usize..3000, 1 => 0_usize..200_000], 0..30),
        name in prop::sample::select(vec![".env", ".npmrc", ".netrc", ".pypirc", ".git-credentials", "a.p12", "a.tfstate", "a.txt"]),
    ) {
        let content = stretches.concat();
        prop_assert_eq!(in_pieces(name, &content, &cuts), scan::whole(name.as_bytes(), &content));
    }
}

#[test]
fn a_secret_is_found_wherever_one_cut_falls() {
    let content = format!("x\n{}y\n{} {}\n", private_key(), aws_id(), aws_secret());
    let whole = scan::whole(b"a", content.as_bytes());
    assert_eq!(whole.secrets().count(), 2);
    for cut in 0..content.len() {
        assert_eq!(in_pieces("a", content.as_bytes(), &[cut]), whole, "{cut}");
    }
    assert_eq!(in_pieces("a", content.as_bytes(), &vec![1; content.len()]), whole);
}
