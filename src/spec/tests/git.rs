//! What `git.*` stands for.

use std::path::Path;

use super::*;

/// Makes a repository with one commit on `feature/x`, and returns the commit's name.
fn repository(folder: &Path) -> String {
    let isolated = gix::open::Options::isolated();
    let kind = gix::create::Kind::WithWorktree;
    let repository = gix::ThreadSafeRepository::init_opts(folder, kind, gix::create::Options::default(), isolated)
        .expect("a repository")
        .to_thread_local();
    std::fs::write(repository.git_dir().join("HEAD"), "ref: refs/heads/feature/x\n").expect("written");
    let signature =
        gix::actor::SignatureRef { name: "A".into(), email: "a@example.com".into(), time: "1700000001 +0900" };
    let tree = gix::ObjectId::empty_tree(repository.object_hash());
    let none: [gix::ObjectId; 0] = [];
    let commit = repository.commit_as(signature, signature, "HEAD", "first", tree, none).expect("a commit");
    commit.to_string()
}

fn tags(project: &Path, tags: &str) -> Result<Vec<String>, SpecError> {
    std::fs::write(project.join("build.yaml"), format!("version: 1\nbase: scratch\ntags: {tags}\n")).expect("written");
    let overrides = Overrides::default();
    let spec = load(&Inputs { project, file: None, environment: &environment, overrides: &overrides })?;
    Ok(spec.tags.iter().map(ToString::to_string).collect())
}

#[test]
fn git_names_answer_from_the_checked_out_commit() {
    let folder = project();
    let commit = repository(folder.path());
    let project = folder.path().join("services/web");
    std::fs::create_dir_all(&project).expect("a folder");
    let all = tags(&project, r#"["${git.commit}", "${git.short}", "${git.time}"]"#).expect("tags");
    assert_eq!(all, [commit.as_str(), &commit[..12], "1700000001"]);
    let error = tags(&project, r#"["${git.branch}"]"#).expect_err("a slash").to_string();
    assert!(error.contains("`feature/x` is not a tag"), "{error}");
}

#[test]
fn a_detached_head_has_no_branch_but_a_default() {
    let folder = project();
    let commit = repository(folder.path());
    std::fs::write(folder.path().join(".git/HEAD"), format!("{commit}\n")).expect("written");
    assert_eq!(tags(folder.path(), r#"["${git.branch:-main}"]"#).expect("tags"), ["main"]);
    let error = tags(folder.path(), r#"["${git.branch}"]"#).expect_err("no branch").to_string();
    assert!(error.contains("no branch is checked out"), "{error}");
}

#[test]
fn a_repository_without_commit_says_so() {
    let folder = project();
    repository(folder.path());
    std::fs::write(folder.path().join(".git/HEAD"), "ref: refs/heads/other\n").expect("written");
    let error = tags(folder.path(), r#"["${git.commit}"]"#).expect_err("no commit").to_string();
    assert!(error.contains("the git repository has no commit yet"), "{error}");
}

#[test]
fn a_broken_repository_is_an_error_even_with_a_default() {
    let folder = project();
    repository(folder.path());
    std::fs::write(folder.path().join(".git/refs/heads/feature/x"), "f".repeat(40)).expect("written");
    let error = tags(folder.path(), r#"["${git.commit:-none}"]"#).expect_err("a missing object");
    assert!(matches!(error, SpecError::Unanswered { .. }), "{error:?}");
}

#[test]
fn git_is_not_asked_where_no_name_of_its_is_used() {
    let folder = project();
    std::fs::write(folder.path().join(".git"), "no repository").expect("written");
    assert_eq!(tags(folder.path(), "[a] # ${git.commit}").expect("tags"), ["a"]);
}
