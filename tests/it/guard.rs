//! The secret guard at the command line: one error with all places, nothing sent, nothing written.

use super::support::{Project, Runner, StandIn};

/// A private key made for this test: a header and a body of the right shape, and no key.
fn made_up_key() -> String {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n".repeat(8);
    format!("-----BEGIN {0} KEY-----\n{body}-----END {0} KEY-----\n", "PRIVATE")
}

const LAYERS: &str = "base: scratch\nlayers:\n  - {from: app, to: /app}\n  - {from: conf, to: /conf}\n";

fn project() -> Project {
    let project = Project::with(LAYERS);
    project.write("app/.env", "DATABASE_PASSWORD=swordfish-3\n");
    project.write("app/.env.example", "DATABASE_PASSWORD=\n");
    project.write("conf/tls/key.pem", &format!("# the key\n{}", made_up_key()));
    project
}

#[test]
fn all_secrets_of_all_layers_are_told_at_once_and_nothing_is_sent() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = project();
    let run = standin.runner().run(project.path(), &["push"]);
    run.fails_with(4, &["app/.env", "`conf/tls/key.pem`, line 2", "secrets: {allow:"]);
    assert!(!run.stderr.contains("swordfish") && !run.stderr.contains("MIIEv"), "{}", run.stderr);
    assert!(!run.stderr.contains(".env.example"), "{}", run.stderr);
    assert_eq!(standin.uploads(), 0);
    assert!(standin.sandbox().requests().iter().all(|request| request.method != "PUT"));
}

#[test]
fn no_output_is_written_with_a_secret_in_it() {
    let project = project();
    let [layout, archive] = ["oci:", "oci-archive:"].map(|form| format!("{form}{}", project.join("out").display()));
    let run = Runner::new().run(project.path(), &["build", "-o", &layout, "-o", &format!("{archive}.tar")]);
    run.fails_with(4, &["app/.env"]);
    assert!(!project.join("out").exists() && !project.join("out.tar").exists());
}

#[test]
fn what_is_allowed_passes_and_the_rest_is_still_told() {
    let project = project();
    project.build_file(&format!("{LAYERS}secrets: {{allow: [app/.env]}}\n"));
    let run = Runner::new().run(project.path(), &["build"]);
    run.fails_with(4, &["conf/tls/key.pem"]);
    assert!(!run.stderr.contains("app/.env"), "{}", run.stderr);
    project.build_file(&format!("{LAYERS}secrets: {{allow: [app/.env, \"**/*.pem\"]}}\n"));
    let run = Runner::new().run(project.path(), &["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_secret_in_the_environment_of_the_image_is_refused() {
    let project = Project::scratch();
    let token = ["ghp_", "q7Zk2LmV9xRt4BnW8c", "Ys1DfG6hJp3KaE5uTo"].concat();
    project.build_file(&format!(
        "base: scratch\nlayers: [{{from: app, to: /app}}]\nconfig: {{env: {{TOKEN: {token}}}}}\n"
    ));
    let run = Runner::new().run(project.path(), &["build"]);
    run.fails_with(4, &["config.env.TOKEN", "a GitHub token"]);
    assert!(!run.stderr.contains(&token), "{}", run.stderr);
}

#[test]
fn keys_in_published_packages_are_warned_of_and_pass() {
    let project = Project::scratch();
    project.write("app/node_modules/tls/test/key.pem", &made_up_key());
    let run = Runner::new().run(project.path(), &["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("app/node_modules/tls/test/key.pem"), "{}", run.stderr);
}

#[test]
fn a_secret_that_stands_in_files_of_the_build_file_is_found() {
    let project = Project::scratch();
    let key = made_up_key().replace('\n', "\\n");
    project.build_file(&format!("base: scratch\nlayers: [{{name: k, files: [{{path: /k, content: \"{key}\"}}]}}]\n"));
    Runner::new().run(project.path(), &["build"]).fails_with(4, &["a private key"]);
}

#[test]
fn a_malformed_pattern_of_what_is_admitted_is_named() {
    let project = project();
    project.build_file(&format!("{LAYERS}secrets: {{allow: [\"[a\"]}}\n"));
    Runner::new().run(project.path(), &["build"]).fails_with(3, &["secrets: {allow: [...]}", "`[a`", "hint: close"]);
}
