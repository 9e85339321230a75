//! What is refused, what is warned of, what is admitted, and how it is said.

use super::*;
use crate::ground::Hint;
use crate::tree::{FileStamp, ProjectRoot, SourceFile};

/// Looks at private keys at these paths of the project; in the image they stand elsewhere.
fn looked_at(allow: &[&str], sources: &[&str]) -> Inspected {
    let root = Arc::new(ProjectRoot::unopened(std::path::Path::new("/p/vendor/app")));
    let inspection = inspection(allow);
    for source in sources {
        let source = SourceFile::new(Arc::clone(&root), source.into(), FileStamp::default());
        let path = path(&format!("srv/node_modules/{}", source.path().display()));
        inspection.file(&Subject { path, mode: 0o644, source: Some(source) }, private_key().as_bytes());
    }
    inspection.take()
}

fn paths(findings: &Findings) -> Vec<&str> {
    findings.kept.iter().map(|finding| finding.path.as_str()).collect()
}

#[test]
fn below_folders_of_published_packages_a_finding_is_a_warning() {
    let seen = looked_at(
        &[],
        &["b/key.pem", "a/node_modules/x/t.pem", "vendor/x", "lib/site-packages/y", "vendor", "vendors/k"],
    );
    assert_eq!(paths(&seen.warned), ["a/node_modules/x/t.pem", "lib/site-packages/y", "vendor/x"]);
    assert_eq!(paths(&seen.refused), ["b/key.pem", "vendor", "vendors/k"]);
    assert!(seen.warned.kept.iter().all(|finding| finding.severity == Severity::Warning));
}

#[test]
fn an_environment_file_of_a_published_package_is_a_warning_too() {
    let inspection = inspection(&[]);
    inspection.file(&subject("app/node_modules/bottleneck/.env", 0o644), b"REDIS_HOST=127.0.0.1\n");
    let seen = inspection.take();
    assert_eq!((paths(&seen.warned), seen.refused.is_empty()), (vec!["app/node_modules/bottleneck/.env"], true));
}

#[test]
fn an_admitted_path_yields_nothing() {
    let sources = ["keys/a.pem", "keys/b.pem", "c.pem", "node_modules/d.pem"];
    let seen = looked_at(&["keys", "!keys/b.pem", "**/d.pem"], &sources);
    assert_eq!((paths(&seen.refused), seen.warned.is_empty()), (vec!["c.pem", "keys/b.pem"], true));
    assert!(Guard::new(&["[".to_owned()]).is_err());
}

#[test]
fn what_the_build_file_wrote_is_admitted_by_its_path_in_the_image() {
    let look = |allow: &[&str]| {
        let inspection = inspection(allow);
        inspection.file(&subject("etc/app/key.pem", 0o644), private_key().as_bytes());
        inspection.take().refused.count()
    };
    assert_eq!((look(&[]), look(&["etc/app"]), look(&["/etc/app/key.pem"])), (1, 0, 0));
}

#[test]
fn one_error_lists_every_place_and_no_secret() {
    let inspection = inspection(&[]);
    inspection.file(&subject("z/key.pem", 0o644), private_key().as_bytes());
    let env = format!("A=\nB=1\nTOKEN=npm_{}\n", random(LETTERS_AND_DIGITS, 36));
    inspection.file(&subject(".env", 0o644), env.as_bytes());
    inspection.file(&subject("bin/a\x1b[1m", 0o755), &[b"\x7fELF\0".to_vec(), private_key().into_bytes()].concat());
    let variable = RefusedVariable { name: "AWS_SECRET_ACCESS_KEY".to_owned(), what: Secret::AwsSecretKey };
    let refused = Refused::of(&inspection.take(), vec![variable]).unwrap();
    assert_eq!(
        refused.to_string(),
        "the image would hold 5 secrets:
  `.env`, line 2: an environment file with values
  `.env`, line 3: an npm token
  `bin/a\\u{1b}[1m`: a private key
  `z/key.pem`, line 1: a private key
  `config.env.AWS_SECRET_ACCESS_KEY`: an AWS secret access key"
    );
    assert_eq!(
        refused.hint().unwrap(),
        "leave the file out in `.dockerignore`, or let ECS hand the value to the container: `deploy: {containers: {NAME: \
         {secrets: {VARIABLE: ARN}}}}`; what is no secret is admitted by `secrets: {allow: [\".env\"]}`"
    );
}

#[test]
fn a_variable_alone_is_refused_with_its_own_remedy() {
    let variable = RefusedVariable { name: "TOKEN".to_owned(), what: Secret::GithubToken };
    let refused = Refused::of(&Inspected::default(), vec![variable]).unwrap();
    assert_eq!(refused.to_string(), "the image would hold a secret:\n  `config.env.TOKEN`: a GitHub token");
    assert_eq!(
        refused.hint().unwrap(),
        "let ECS hand the value to the container: `deploy: {containers: {NAME: {secrets: {VARIABLE: ARN}}}}`; what is no \
         secret is admitted by `secrets: {allow: [\"config.env.TOKEN\"]}`"
    );
    assert_eq!(Refused::of(&Inspected::default(), Vec::new()), None);
}

#[test]
fn of_many_the_first_by_path_are_kept_in_whatever_order_they_come() {
    let numbers: Vec<String> = (0..250).map(|number| format!("k/{:03}", number * 7 % 250)).collect();
    let sources: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let (forth, back) = (looked_at(&[], &sources), looked_at(&[], &sources.iter().rev().copied().collect::<Vec<_>>()));
    assert_eq!(forth, back);
    assert_eq!((forth.refused.kept.len(), forth.refused.more), (100, 150));
    assert_eq!(forth.refused.kept.last().unwrap().path, "k/099");
    assert!(Refused::of(&forth, Vec::new()).unwrap().to_string().ends_with("\n  and 150 more in files"));
}

#[test]
fn the_pattern_of_the_remedy_admits_the_path_it_was_made_of() {
    for source in ["pages/[id]/key.pem", "!a", "what?", "a b", "\\x"] {
        let hint = Refused::of(&looked_at(&[], &[source]), Vec::new()).unwrap().hint().unwrap();
        let list = &hint[hint.find("allow: ").unwrap() + 7..hint.rfind("}`").unwrap()];
        let patterns: Vec<String> = serde_json::from_str(list).unwrap();
        assert!(looked_at(&[&patterns[0]], &[source]).refused.is_empty(), "{list}");
        assert_eq!(looked_at(&[&patterns[0]], &["pages/i/key.pem", "a", "whats"]).refused.count(), 3, "{list}");
    }
}
