//! Credential helpers: `docker-credential-NAME get` (docker/docker-credential-helpers).

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::CredentialError;
use super::docker_config::Credential;
use crate::registry::response::one_line;

/// How long a helper may think; some of them ask their user or their network.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes.
const ANSWER: u64 = 1024 * 1024;
/// What helpers say, on stdout, when they know nothing of a host: the protocol has no other sign.
const NOT_FOUND: &str = "credentials not found in native keychain";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks a helper for the credentials of a host; `None` when it has none.
///
/// The helper is looked for in the absolute folders of `path` only. What it prints goes nowhere else: its stdout
/// holds secrets, and its stderr may.
///
/// # Errors
/// When there is no such program, when it takes too long, or when it fails in another way than by knowing nothing.
pub(super) async fn ask(name: &str, path: &OsStr, host: &str) -> Result<Option<Credential>, CredentialError> {
    let program = find(name, path).ok_or_else(|| CredentialError::HelperMissing { name: name.to_owned() })?;
    let error = |cause: String| CredentialError::Helper { name: name.to_owned(), host: host.to_owned(), cause };
    let (success, output) = match tokio::time::timeout(LIMIT, run(&program, host)).await {
        Ok(result) => result.map_err(|source| error(source.to_string()))?,
        Err(_) => return Err(error(format!("no answer within {} seconds", LIMIT.as_secs()))),
    };
    if !success {
        let said = String::from_utf8_lossy(&output);
        let said = said.trim();
        return if said == NOT_FOUND { Ok(None) } else { Err(error(failure(said))) };
    }
    let answer: Answer =
        serde_json::from_slice(&output).map_err(|_| error("its answer is not the JSON of the protocol".to_owned()))?;
    Ok((!answer.username.is_empty()).then(|| Credential::of_pair(answer.username, answer.secret)))
}

/// A failed helper explains itself on stdout; the first line of it is enough. What looks like the answer of one that did
/// not fail may hold the secret.
fn failure(said: &str) -> String {
    match said.lines().next().unwrap_or_default() {
        "" => "it failed without a word".to_owned(),
        _ if said.contains(['{', '}']) || said.to_ascii_lowercase().contains("secret") => {
            "it failed, and what it printed is not shown".to_owned()
        }
        line => one_line(line).chars().take(200).collect(),
    }
}

fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    // A name with a slash would leave the folders of `path`.
    if name.contains(['/', '\\']) {
        return None;
    }
    let file = format!("docker-credential-{name}");
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|p| p.is_file())
}

async fn run(program: &PathBuf, host: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper may answer without reading; that is its own affair.
        let _ = stdin.write_all(format!("{host}\n").as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(ANSWER).read_to_end(&mut output).await?;
    }
    Ok((child.wait().await?.success(), output))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::ground::Secret;
    use std::os::unix::fs::PermissionsExt;

    /// Asks a helper that is a shell script.
    async fn asked(script: &str) -> Result<Option<Credential>, CredentialError> {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("docker-credential-test");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a script");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        // Another test's fork may hold the script open for writing for a moment (ETXTBSY).
        loop {
            match ask("test", folder.path().as_os_str(), "r.example.com").await {
                Err(CredentialError::Helper { cause, .. }) if cause.contains("busy") => tokio::task::yield_now().await,
                other => return other,
            }
        }
    }

    #[tokio::test]
    async fn a_helper_is_told_the_host_and_gives_a_pair() {
        let script = r#"read host; printf '{"ServerURL":"%s","Username":"%s","Secret":"s"}' "$host" "$1-$host""#;
        let expect = Credential::Basic { user: "get-r.example.com".into(), password: Secret::new("s".into()) };
        assert_eq!(asked(script).await.expect("an answer"), Some(expect));
    }

    #[tokio::test]
    async fn a_token_user_marks_an_identity_token() {
        let script = r#"echo '{"Username":"<token>","Secret":"refresh"}'"#;
        let expect = Credential::Identity(Secret::new("refresh".into()));
        assert_eq!(asked(script).await.expect("an answer"), Some(expect));
    }

    #[tokio::test]
    async fn knowing_nothing_is_no_error_and_all_else_is() {
        assert_eq!(asked(&format!("echo '{NOT_FOUND}'; exit 1")).await.expect("no error"), None);
        let error =
            asked("echo 'canary' >&2; printf '\\033[2Jthe keychain is locked\\n'; exit 1").await.expect_err("an error");
        let text = format!("{error} {error:?}");
        assert!(text.contains("the keychain is locked") && !text.contains("canary"), "{text}");
        assert!(!text.contains('\u{1b}'), "what it says moves no cursor");
        for secret in
            [r#"echo '{"Username":"u","Secret":"canary"}'; exit 1"#, r#"printf '"Secret": "canary"\n'; exit 1"#]
        {
            let text = asked(secret).await.expect_err("an error").to_string();
            assert!(text.contains("is not shown") && !text.contains("canary"), "{text}");
        }
        assert!(asked("echo nonsense").await.is_err());
    }

    #[tokio::test]
    async fn a_helper_that_is_not_there_is_named() {
        for name in ["no-such-helper", "../bin/sh"] {
            let error = ask(name, OsStr::new("/nowhere:relative"), "h").await.expect_err("an error");
            assert!(matches!(error, CredentialError::HelperMissing { .. }), "{error}");
        }
    }
}
