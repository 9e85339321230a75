//! Values of the environment that the build file gives the image.

use super::*;

#[test]
fn values_that_look_like_keys_are_found() {
    let guard = Guard::default();
    let (secret, token) = (aws_secret(), format!("ghp_{}", random(LETTERS_AND_DIGITS, 36)));
    for (name, value, what) in [
        ("AWS_SECRET_ACCESS_KEY", &secret, Secret::AwsSecretKey),
        ("MY_AWS_SECRET", &secret, Secret::AwsSecretKey),
        ("SECRET_ACCESS_KEY", &secret, Secret::AwsSecretKey),
        ("TOKEN", &token, Secret::GithubToken),
        ("URL", &format!("https://x:{token}@github.com/a/b"), Secret::GithubToken),
        ("KEY", &private_key(), Secret::PrivateKey),
        ("KEY", &private_key().replace('\n', "\\n"), Secret::PrivateKey),
    ] {
        assert_eq!(guard.variable(name, value), Some(what), "{name}");
    }
}

#[test]
fn placeholders_references_and_plain_values_are_none() {
    let guard = Guard::default();
    let secret = aws_secret();
    for (name, value) in [
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_SECRET_ACCESS_KEY", "changeme"),
        ("AWS_SECRET_ACCESS_KEY", "${AWS_SECRET_ACCESS_KEY}"),
        ("GIT_COMMIT", &random(HEX, 40)),
        ("ETAG", &secret),
        ("PATH", "/usr/local/bin:/usr/bin"),
        ("AWS_ACCESS_KEY_ID", &aws_id()),
    ] {
        assert_eq!(guard.variable(name, value), None, "{name}={value}");
    }
}

#[test]
fn an_admitted_variable_passes() {
    let guard = Guard::new(&["config.env.AWS_SECRET_ACCESS_KEY".to_owned()]).unwrap();
    assert_eq!(guard.variable("AWS_SECRET_ACCESS_KEY", &aws_secret()), None);
    assert!(guard.variable("OTHER_AWS_SECRET", &aws_secret()).is_some());
}
