//! What a layer takes of the project.

use super::*;

fn with(from: &str, include: &[&str], exclude: &[&str]) -> LayerSpec {
    let mut spec = layer(from);
    let source = spec.source.as_mut().unwrap();
    source.include = include.iter().map(ToString::to_string).collect();
    source.exclude = exclude.iter().map(ToString::to_string).collect();
    spec
}

fn names(paths: &[&str], layers: &[(LayerSpec, &str)]) -> String {
    let all = place(&base(&[]), project(paths), layers).unwrap();
    all.iter()
        .map(|entries| show(entries).replace("f /", "/").replace("d /", "/").replace('\n', " "))
        .collect::<Vec<_>>()
        .join(" | ")
}

#[test]
fn the_most_specific_from_wins_in_any_order() {
    let paths = ["vendor/a", "vendor/b/c", "src/d", "bin/w"];
    let expected = "/v /v/a /v/b /v/b/c | /w | /src /src/d";
    assert_eq!(
        names(&paths, &[(layer("vendor"), "/v"), (layer("bin/w"), "/w"), (with(".", &[], &["bin"]), "/")]),
        expected
    );
    assert_eq!(names(&["a/x", "a/b/y"], &[(layer("a"), "/1"), (layer("a/b"), "/2")]), "/1 /1/x | /2 /2/y");
    assert_eq!(names(&["a/x"], &[(layer("a"), "/1"), (layer("a"), "/2")]), "/1 /1/x | /2 /2/x");
}

#[test]
fn the_build_file_its_lock_and_outputs_are_left_out_unless_named() {
    let paths = [
        "build.yaml",
        "build.lock",
        "build.schema.json",
        ".dockerignore=",
        ".git/HEAD",
        ".git/config",
        "out.tar",
        "x",
        "sub/build.yaml",
    ];
    assert_eq!(names(&paths, &[(layer("."), "/")]), "/sub /sub/build.yaml /x");
    assert_eq!(names(&paths, &[(with(".", &["**"], &[]), "/")]), "/sub /sub/build.yaml /x");
    let named = with(".", &[".git/HEAD", "build.yaml", "x"], &[]);
    assert_eq!(names(&paths, &[(named, "/")]), "/.git /.git/HEAD /build.yaml /x");
    assert_eq!(names(&paths, &[(with(".", &[".git"], &[]), "/")]), "/.git /.git/HEAD /.git/config");
    assert_eq!(names(&paths, &[(layer(".git"), "/g")]), "/g /g/HEAD /g/config");
}

#[test]
fn the_dockerignore_counts_unless_from_itself_is_ignored() {
    let paths =
        [".dockerignore=vendor\n**/*.log\n!keep.log\nempty\n", "vendor/a.log", "src/b.log", "src/c", "keep.log"];
    assert_eq!(names(&paths, &[(layer("."), "/")]), "/keep.log /src /src/c");
    assert_eq!(names(&paths, &[(layer("vendor"), "/v")]), "/v /v/a.log");
    assert_eq!(names(&paths, &[(layer("src"), "/s")]), "/s /s/c");
    let mut never = layer("src");
    never.source.as_mut().unwrap().ignore_file = IgnoreFile::Never;
    assert_eq!(names(&paths, &[(never, "/s")]), "/s /s/b.log /s/c");
    let mut always = layer("vendor");
    always.source.as_mut().unwrap().ignore_file = IgnoreFile::Always;
    assert!(matches!(refused(&[], &paths, &[(always, "/v")]), PlanError::EmptySource { .. }));
}

#[test]
fn an_exception_brings_back_what_is_below_an_excluded_folder_with_its_folders() {
    let paths = ["docs/a", "docs/b/README.md", "docs/b/c", "node/d", "x"];
    assert_eq!(
        names(&paths, &[(with(".", &[], &["docs", "node", "!docs/b/README.md"]), "/")]),
        "/docs /docs/b /docs/b/README.md /x"
    );
}

#[test]
fn include_narrows_and_exclude_narrows_further() {
    let paths = ["src/a.rs", "src/b/c.rs", "src/b/d.txt", "src/e/f.txt", "g.rs", "h/"];
    assert_eq!(names(&paths, &[(with(".", &["src/**/*.rs"], &["**/a.rs"]), "/")]), "/src /src/b /src/b/c.rs");
    assert_eq!(names(&paths, &[(with("src", &["b"], &[]), "/s")]), "/s /s/b /s/b/c.rs /s/b/d.txt");
    assert_eq!(names(&paths, &[(with(".", &["h"], &[]), "/")]), "/h");
}

#[test]
fn missing_empty_and_linked_sources_are_errors_that_name_them() {
    let sources = ["real/x", "empty/", "link -> real", "dir/link -> real", "odd"];
    for (from, expected) in [
        ("none", "takes `none`, which does not exist"),
        ("odd/x", "takes `odd/x`, which does not exist"),
        ("empty", "takes nothing from `empty`"),
        ("link", "takes from `link`, which is a symlink"),
        ("link/x", "takes from `link`, which is a symlink"),
        ("dir/link", "takes from `dir/link`, which is a symlink"),
    ] {
        let error = refused(&[], &sources, &[(layer(from), "/a")]);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = refused(&[], &sources, &[(with("real", &[], &["*"]), "/a")]);
    assert!(matches!(error, PlanError::EmptySource { .. }));
}

#[test]
fn a_file_goes_to_its_destination_or_into_it() {
    let mut into = layer("bin/w");
    into.source.as_mut().unwrap().to_is_folder = true;
    assert_eq!(names(&["bin/w"], &[(into, "/usr/local/bin")]), "/usr /usr/local /usr/local/bin /usr/local/bin/w");
    assert_eq!(names(&["bin/w"], &[(layer("bin/w"), "/usr/x")]), "/usr /usr/x");
    assert!(matches!(refused(&[], &["w"], &[(layer("w"), "/")]), PlanError::Root { .. }));
}

#[test]
fn special_files_and_whiteout_names_are_errors_unless_excluded() {
    let sources = || {
        let mut sources = project(&["f/.wh.x", "f/a"]);
        sources.fifo("f/pipe");
        sources
    };
    let facts = base(&[]);
    let error = place(&facts, sources(), &[(with("f", &[], &["pipe"]), "/")]).unwrap_err();
    assert!(error.to_string().contains("/project/f/.wh.x"), "{error}");
    let error = place(&facts, sources(), &[(with("f", &[], &[".wh.*"]), "/")]).unwrap_err();
    assert!(error.to_string().contains("/project/f/pipe` is a FIFO"), "{error}");
    let all = place(&facts, sources(), &[(with("f", &[], &[".wh.*", "pipe"]), "/")]).unwrap();
    assert_eq!(show(&all[0]), "f /a");
}

#[test]
fn a_file_below_may_have_the_name_of_a_folder_that_brings_nothing() {
    check(
        &["docs=1", "lib -> none"],
        &["f/docs/a", "f/lib/b", "f/x"],
        &[(with("f", &[], &["docs", "lib", "!docs/none", "!lib/none"]), "/")],
        &["f /x"],
    );
}

#[test]
fn a_malformed_pattern_names_its_layer() {
    let excluding = with("f", &[], &["a["]);
    let mut ruled = layer("f");
    ruled.paths = vec![rule(&["["])];
    for spec in [excluding, ruled] {
        let error = refused(&[], &["f/a"], &[(spec, "/")]);
        assert_eq!(error.to_string(), "the patterns of layer `app` cannot be used");
    }
}
