//! Secrets that must not be seen: what is handed to dockless as a credential appears in nothing that it prints, whatever
//! servers say.

use dockless::sandbox::{Action, Fault};

use super::support::raw::{RawAnswer, RawRequest, RawServer};
use super::support::{Project, Run, Runner, StandIn};

/// What servers that mean harm, or mean well, send back: the credentials that they were sent. Those of AWS they never see.
fn faults(secrets: &[String]) -> Vec<(&'static str, Action)> {
    let echo = format!("you sent: {}", secrets.join(" and "));
    let state = format!("/v2/shop/blobs/uploads/1?_state={}&{}", secrets[0], secrets[1]);
    // Such that the length that messages are cut to falls into a secret.
    let cut = format!("{} {}", "x".repeat(380), secrets.join(" "));
    let elsewhere = format!("http://169.254.169.254/{}", secrets[1]);
    let redirect = Action::Raw { status: 307, headers: vec![("location".to_owned(), elsewhere)], body: vec![] };
    vec![
        ("POST", Action::status(400, "BAD", &cut)),
        ("HEAD", Action::Headers { set: vec![("warning".to_owned(), format!("299 - \"{cut}\""))], remove: vec![] }),
        ("POST", redirect),
        ("POST", Action::status(400, "BAD", &echo)),
        ("POST", Action::status(403, "DENIED", &echo)),
        ("POST", Action::Raw { status: 400, headers: vec![], body: echo.clone().into_bytes() }),
        ("PUT", Action::status(500, "UNKNOWN", &echo)),
        ("HEAD", Action::Headers { set: vec![("warning".to_owned(), format!("299 - \"{echo}\""))], remove: vec![] }),
        ("POST", Action::Headers { set: vec![("location".to_owned(), state)], remove: vec![] }),
        ("PUT", Action::status(404, "BLOB_UPLOAD_UNKNOWN", &echo)),
    ]
}

#[track_caller]
fn clean(run: &Run, secrets: &[String], what: &str) {
    for secret in secrets {
        for (name, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
            // Half of a secret is told as little as the whole.
            let part = &secret[..secret.len().min(16)];
            assert!(!text.contains(part), "{what}: `{part}` stands on {name}:\n{text}");
        }
    }
}

/// Returns the runner of a user who logged in with docker, and what of that is secret.
fn logged_in(standin: &StandIn) -> (Runner, Vec<String>) {
    use base64::Engine;
    let login = standin.sandbox().login().reveal().clone();
    let plain = base64::engine::general_purpose::STANDARD.decode(&login).expect("base64");
    let password = String::from_utf8(plain).expect("text").split_once(':').expect("a password").1.to_owned();
    let host = standin.address();
    let config = format!(r#"{{"auths":{{"{host}":{{"auth":"{login}"}}}}}}"#);
    let key = "canary-secret-access-key";
    let runner = standin
        .runner_without_credentials()
        .env("DOCKER_AUTH_CONFIG", &config)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", key)
        .env("AWS_SESSION_TOKEN", "canary-session-token");
    (runner, vec![login, password, key.to_owned(), "canary-session-token".to_owned()])
}

#[test]
fn no_output_holds_a_secret() {
    let standin = StandIn::start(&["shop"], &[]);
    let (runner, secrets) = logged_in(&standin);
    let project = Project::scratch();
    let name = format!("{}/shop", standin.address());
    for (number, (method, action)) in faults(&secrets[..2]).into_iter().enumerate() {
        for flags in [&["-vv"][..], &["--json", "-v"], &["-q"]] {
            standin.sandbox().clear_faults();
            // The first HEAD goes without credentials; what was never sent cannot be known to be one.
            let nth = if method == "HEAD" { 2 } else { 1 };
            standin.sandbox().script(Fault::on_request(method, "/v2/*", action.clone()).nth(nth));
            project.write("app/hello.txt", &format!("{number} {flags:?}\n"));
            let arguments = [&["push", "--name", name.as_str()][..], flags].concat();
            let run = runner.run(project.path(), &arguments);
            clean(&run, &secrets, &format!("fault {number} with {flags:?}, exit code {}", run.code));
        }
    }
}

/// What a token service gives: it is as secret as what it was given for.
const TOKENS: [&str; 2] = ["canary-bearer-token-of-the-service", "canary-refresh-token-of-the-service"];

/// What a server that repeats all it is sent may do it in.
#[derive(Clone, Copy, Debug)]
enum Where {
    /// The token service refuses.
    Token,
    /// The registry refuses.
    Registry,
    /// Both do as they are told, and warn.
    Warning,
}

/// A registry with a token service; both repeat the whole of a request, its credentials in all their forms included.
fn parrot(place: Where) -> RawServer {
    RawServer::start(move |request| {
        let said = format!("{} {} {}", request.line, request.head, String::from_utf8_lossy(&request.body));
        let said = said.replace(['\r', '\n'], " ").replace('"', "'");
        let refusal = format!(r#"{{"errors":[{{"code":"BAD","message":"{said}"}}]}}"#);
        let warning = format!("warning: 299 - \"{said}\"\r\n");
        let is_token = request.line.contains(" /token");
        match place {
            Where::Token if is_token => RawAnswer::of("400 Bad Request", &warning, refusal),
            _ if is_token => {
                let [token, refresh] = TOKENS;
                let body = format!(r#"{{"token":"{token}","refresh_token":"{refresh}","expires_in":300}}"#);
                RawAnswer::of("200 OK", &warning, body)
            }
            _ if request.header("authorization").is_none() => challenge(request),
            Where::Warning if request.method() == "HEAD" => {
                RawAnswer::bytes(format!("HTTP/1.1 404 Not Found\r\n{warning}content-length: 0\r\n\r\n"))
            }
            _ if request.method() == "HEAD" => RawAnswer::of("404 Not Found", "", ""),
            _ => RawAnswer::of("400 Bad Request", &warning, refusal),
        }
    })
}

fn challenge(request: &RawRequest) -> RawAnswer {
    let realm = format!("www-authenticate: Bearer realm=\"http://{}/token\",service=\"r\"\r\n", request.address);
    RawAnswer::of("401 Unauthorized", &realm, "")
}

/// What a user has for a host: the configuration of docker, and what of it is secret.
fn logins(host: &str) -> Vec<(&'static str, String, Vec<&'static str>)> {
    let entry = |fields: &str| format!(r#"{{"auths":{{"{host}":{{{fields}}}}}}}"#);
    vec![
        // `user:canary-password`
        ("a password", entry(r#""auth":"dXNlcjpjYW5hcnktcGFzc3dvcmQ=""#), vec!["canary-password", "dXNlcjpjYW5hcnkt"]),
        (
            "an identity token",
            entry(r#""identitytoken":"canary/identity=token""#),
            vec!["canary/identity", "canary%2Fi"],
        ),
        ("a registry token", entry(r#""registrytoken":"canary-registry-token""#), vec!["canary-registry-token"]),
        ("a helper", format!(r#"{{"credHelpers":{{"{host}":"parrot"}}}}"#), vec!["canary-of-the-helper"]),
        ("a helper that fails", format!(r#"{{"credHelpers":{{"{host}":"broken"}}}}"#), vec!["canary-of-the-helper"]),
    ]
}

/// Writes helpers: one that gives credentials and talks besides, and one that prints them and fails.
fn helpers(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let pair = r#"{"ServerURL":"x","Username":"user","Secret":"canary-of-the-helper"}"#;
    for (name, code) in [("parrot", 0), ("broken", 1)] {
        let path = folder.join(format!("docker-credential-{name}"));
        let script = format!("#!/bin/sh\necho canary-of-the-helper >&2\necho '{pair}'\nexit {code}\n");
        std::fs::write(&path, script).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
}

#[test]
fn no_command_repeats_what_a_token_service_or_a_helper_knows() {
    let (project, tools) = (Project::scratch(), tempfile::tempdir().expect("a folder"));
    helpers(tools.path());
    let path = format!("{}:/usr/bin:/bin", tools.path().display());
    for place in [Where::Token, Where::Registry, Where::Warning] {
        let server = parrot(place);
        let name = format!("{}/shop", server.address());
        let (tagged, layout) = (format!("{name}:1"), format!("oci:{}", tools.path().join("out").display()));
        for (login, config, secrets) in logins(server.address()) {
            let runner = Runner::new().env("DOCKER_AUTH_CONFIG", &config).env("PATH", &path);
            let secrets: Vec<String> = secrets.iter().chain(&TOKENS).map(|&secret| secret.to_owned()).collect();
            for command in [
                &["push", "--name", name.as_str(), "-vv"][..],
                &["inspect", tagged.as_str(), "-vv"],
                &["copy", tagged.as_str(), layout.as_str(), "-vv", "--json"],
            ] {
                let run = runner.run(project.path(), command);
                let what = format!("{place:?}, {login}, {command:?}");
                assert_eq!(run.code, 5, "{what}: {}", run.stderr);
                clean(&run, &secrets, &what);
            }
        }
        assert!(server.seen().iter().any(|line| line.contains("/token")), "{place:?}: {:?}", server.seen());
    }
}

#[test]
fn inspect_and_copy_show_no_secret_of_a_login() {
    let standin = StandIn::start(&["shop", "other"], &[]);
    let (runner, secrets) = logged_in(&standin);
    let project = Project::scratch();
    let name = format!("{}/shop", standin.address());
    let pushed = runner.run(project.path(), &["push", "--name", &name, "--tag", "1"]);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    let (from, to) = (format!("{name}:1"), format!("{}/other:1", standin.address()));
    for (number, (_, action)) in faults(&secrets[..2]).into_iter().enumerate() {
        for method in ["GET", "POST"] {
            for command in [&["inspect", from.as_str(), "-vv"][..], &["copy", from.as_str(), to.as_str(), "-vv"]] {
                standin.sandbox().clear_faults();
                standin.sandbox().script(Fault::on_request(method, "/v2/*", action.clone()).nth(2));
                let run = runner.run(project.path(), command);
                clean(&run, &secrets, &format!("fault {number} of {method} in {command:?}, exit code {}", run.code));
            }
        }
    }
}
