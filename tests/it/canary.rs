//! Secrets that must not be seen: what is handed to dockless as a credential appears in nothing that it prints, whatever
//! servers say.

use dockless::sandbox::{Action, Fault};

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
