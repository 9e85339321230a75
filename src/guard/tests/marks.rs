//! Secrets that a mark gives away, wherever they are.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[test]
fn an_openssh_key_is_found_though_it_begins_with_many_zeros() {
    for (cipher, kdf, salt) in [("none", "none", ""), ("aes256-ctr", "bcrypt", "0123456789abcdef")] {
        let mut key = b"openssh-key-v1\0".to_vec();
        for field in [cipher, kdf, salt] {
            key.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
            key.extend(field.as_bytes());
        }
        key.extend([0, 0, 0, 1, 0, 0, 0, 0x33, 0, 0, 0, 0x0b]);
        key.extend(b"ssh-ed25519".iter().chain(random(LETTERS_AND_DIGITS, 200).as_bytes()));
        let body = STANDARD.encode(key);
        let lines: Vec<&str> = body.as_bytes().chunks(70).map(|line| str::from_utf8(line).unwrap()).collect();
        let [begin, end] = ["BEGIN", "END"].map(|word| format!("-----{word} OPENSSH PRIVATE KEY-----"));
        assert_one("id_ed25519", format!("{begin}\n{}\n{end}\n", lines.join("\n")), 1, Secret::PrivateKey);
    }
    assert_none("doc", format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n", "A".repeat(70)));
}

#[test]
fn a_private_key_is_a_header_with_a_body() {
    for kind in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "DSA PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
    ] {
        assert_one("key.pem", format!("a\nb\n{}", armoured(kind, "")), 3, Secret::PrivateKey);
    }
    let headers = format!("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,{}\n\n", random(HEX, 32).to_uppercase());
    assert_one("id_rsa", armoured("RSA PRIVATE KEY", &headers), 1, Secret::PrivateKey);
    let pgp = armoured("PGP PRIVATE KEY BLOCK", "Version: GnuPG v2\nComment: a test\n\n");
    assert_one("key.asc", pgp, 1, Secret::PgpPrivateKey);
}

#[test]
fn a_private_key_is_found_in_strings_of_source_and_json() {
    let key = private_key();
    assert_one("a.json", format!("{{\n\"key\": \"{}\"}}", key.replace('\n', "\\n")), 2, Secret::PrivateKey);
    let lines: Vec<String> = key.lines().map(|line| format!("    \"{line}\\n\" +")).collect();
    assert_one("Key.java", lines.join("\n"), 1, Secret::PrivateKey);
    let indented: Vec<String> = key.lines().map(|line| format!("    {line}")).collect();
    assert_one("a.yaml", format!("tls:\n  key: |\n{}", indented.join("\n")), 3, Secret::PrivateKey);
    assert_one("crlf.pem", key.replace('\n', "\r\n"), 1, Secret::PrivateKey);
}

#[test]
fn talk_about_private_keys_is_none() {
    for text in [
        "if (text.startsWith(\"-----BEGIN PRIVATE KEY-----\")) return;",
        "/-----BEGIN (RSA |EC )?PRIVATE KEY-----/",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA...\n-----END RSA PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n<your key here>\n-----END PRIVATE KEY-----",
        "const HEADER = '-----BEGIN PRIVATE KEY-----\\n'; const FOOTER = '-----END PRIVATE KEY-----';",
        "PRIVATE KEY",
    ] {
        assert_none("a.js", text);
    }
    let placeholder = format!("-----BEGIN PRIVATE KEY-----\n{}\n", "x".repeat(64));
    assert_none("a.pem", placeholder);
    for kind in ["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE", "PGP PUBLIC KEY BLOCK", "CERTIFICATE REQUEST"] {
        assert_none("a.pem", armoured(kind, ""));
    }
}

#[test]
fn a_putty_key_has_private_lines() {
    let key = |private: &str| {
        let public: Vec<String> = (0..12).map(|line| random(BASE64, 64 + line)[line..].to_owned()).collect();
        format!(
            "PuTTY-User-Key-File-3: ssh-rsa\r\nEncryption: none\r\nComment: test\r\nPublic-Lines: 12\r\n{}\r\n{private}",
            public.join("\r\n")
        )
    };
    assert_one("a.ppk", key(&format!("Private-Lines: 14\r\n{}\r\n", random(BASE64, 64))), 1, Secret::PuttyKey);
    assert_none("a.ppk", key(""));
    assert_none("a.c", "if (!strncmp(line, \"PuTTY-User-Key-File-\", 20)) find(\"Private-Lines: \");");
}

#[test]
fn the_base64_of_a_private_key_is_one() {
    let encoded = |text: &str| format!("a: b\ntls.key: {}\n", STANDARD.encode(text));
    for kind in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
        assert_one("secret.yaml", encoded(&armoured(kind, "")), 2, Secret::PrivateKey);
    }
    assert_none("secret.yaml", encoded(&armoured("CERTIFICATE", "")));
    assert_none("secret.yaml", encoded("-----BEGIN PRIVATE KEY-----\n"));
}

#[test]
fn an_aws_key_is_an_id_with_a_secret_near_it_or_a_secret_with_its_name() {
    let (id, secret) = (aws_id(), aws_secret());
    for (text, line) in [
        (format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"), 3),
        (format!("export AWS_SECRET_ACCESS_KEY='{secret}'\n"), 1),
        (format!("{{\"SecretAccessKey\": \"{secret}\"}}"), 1),
        (format!("new AWS({{ accessKeyId: '{id}',\n secretAccessKey: '{secret}' }})"), 2),
        (format!("<SecretAccessKey>{secret}</SecretAccessKey>"), 1),
        (format!("os.environ.get(\"AWS_SECRET_ACCESS_KEY\", \"{secret}\")"), 1),
        (format!("process.env.AWS_SECRET_ACCESS_KEY || \"{secret}\""), 1),
        (format!("os.environ[\"AWS_SECRET_ACCESS_KEY\"] = \"{secret}\""), 1),
        (format!("AWS_SECRET_KEY={secret}\n"), 1),
        (format!("{{\"name\": \"AWS_SECRET_ACCESS_KEY\", \"value\": \"{secret}\"}}"), 1),
        (format!("- name: AWS_SECRET_ACCESS_KEY\n          value: {secret}\n"), 2),
        (format!("\n{id},{secret}\n"), 2),
        (format!("SECRET={secret}\nID={id}\n"), 1),
        (format!("\n{}:{secret}", id.replace("AKIA", "ASIA")), 2),
    ] {
        assert_one("a", text, line, Secret::AwsSecretKey);
    }
}

#[test]
fn an_aws_id_alone_a_digest_near_it_and_the_keys_of_the_manual_are_none() {
    let (id, secret) = (aws_id(), aws_secret());
    let (manual_id, manual_secret) =
        (["AKIAIOSFODNN7", "EXAMPLE"].concat(), ["wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "EXAMPLEKEY"].concat());
    for text in [
        id.clone(),
        format!("{id} {}", random(HEX, 40)),
        format!("{id} {}", random(BASE64, 41)),
        format!("{id} {}", random(BASE64, 39)),
        format!("{id}{}{secret}", "\n".repeat(300)),
        format!("aws_access_key_id = {manual_id}\naws_secret_access_key = {manual_secret}\n"),
        format!("aws_secret_access_key = {manual_secret}"),
        "aws_secret_access_key = ${AWS_SECRET_ACCESS_KEY}".to_owned(),
        format!("secret_access_key: {}", "x".repeat(40)),
        format!("secret_access_key: {}", random(HEX, 40)),
        format!("X{id} {secret}"),
        format!("{id}X {secret}"),
        format!("secretAccessKey is what the caller gives; later {secret}"),
    ] {
        assert_none("a", text);
    }
}

#[test]
fn tokens_have_the_alphabets_and_lengths_of_their_issuers() {
    let words = |length| random(LETTERS_AND_DIGITS, length);
    let slack = format!("{}-{}-{}", random(DIGITS, 12), random(DIGITS, 13), words(24));
    for (token, secret) in [
        (format!("ghp_{}", words(36)), Secret::GithubToken),
        (format!("gho_{}", words(36)), Secret::GithubToken),
        (format!("ghs_{}", words(36)), Secret::GithubToken),
        (format!("github_pat_{}_{}", words(22), words(59)), Secret::GithubToken),
        (format!("glpat-{}", words(20)), Secret::GitlabToken),
        (format!("glpat-{}.01.{}", words(44), random(HEX, 9)), Secret::GitlabToken),
        (format!("xoxb-{slack}"), Secret::SlackToken),
        (format!("xoxp-{}-{slack}", random(DIGITS, 12)), Secret::SlackToken),
        (format!("sk_live_{}", words(24)), Secret::StripeKey),
        (format!("rk_live_{}", words(99)), Secret::StripeKey),
        (format!("npm_{}", words(36)), Secret::NpmToken),
        (format!("pypi-AgEIcHlwaS5vcmc{}", words(130)), Secret::PypiToken),
        (format!("AccountKey={}==", random(BASE64, 86)), Secret::AzureKey),
        (format!("SharedAccessKey={}=", random(BASE64, 43)), Secret::AzureKey),
    ] {
        assert_one("a.ts", format!("x\nconst token = '{token}';\n"), 2, secret);
        assert_one("a.md", format!("The token is {token}."), 1, secret);
        assert_one("a", &token, 1, secret);
        // A part of something longer, or cut short.
        let last = token.trim_end_matches('=').len() - 1;
        if secret != Secret::AzureKey {
            assert_none("a", format!("a{token}"));
        }
        if !matches!(secret, Secret::SlackToken | Secret::PypiToken) && !token.starts_with("rk_") {
            assert_none("a", format!("{} ", &token[..last]));
        }
    }
}

#[test]
fn names_and_placeholders_with_the_prefix_of_a_token_are_none() {
    for text in [
        format!("ghp_{}", "x".repeat(36)),
        format!("ghp_{}", "0123456789".repeat(4)),
        "ghp_some_function_with_quite_a_long_name_in_it_42".to_owned(),
        "npm_config_user_agent npm_package_version npm_lifecycle_event".to_owned(),
        format!("npm_{}", random(LETTERS_AND_DIGITS, 40)),
        "xoxb-not-a-real-token-but-long-enough".to_owned(),
        "xoxb-000000000000-000000000000-xxxxxxxxxxxxxxxxxxxxxxxx".to_owned(),
        format!("sk_test_{}", random(LETTERS_AND_DIGITS, 24)),
        "glpat-aaaaaaaaaaaaaaaaaaaa".to_owned(),
        "AccountKey=;".to_owned(),
        format!("AccountKey={}{}==", "Eby8vdM02xNOcqFl", random(BASE64, 70)),
    ] {
        assert_none("a", text);
    }
}

#[test]
fn what_is_not_text_is_scanned_and_has_no_lines() {
    let content = [b"\x7fELF\0\0\n\n".to_vec(), private_key().into_bytes()].concat();
    assert_eq!(found("tool", content), [(None, Secret::PrivateKey)]);
}

#[test]
fn of_one_file_the_first_are_kept_and_the_others_counted() {
    let lines: Vec<String> = (0..50).map(|_| format!("npm_{}", random(LETTERS_AND_DIGITS, 36))).collect();
    let hits = scan::whole(b"a", lines.join("\n").as_bytes());
    let numbers: Vec<_> = hits.secrets().map(|(line, _)| line.unwrap()).collect();
    assert_eq!((numbers, hits.more()), ((1..=8).collect(), 42));
}
