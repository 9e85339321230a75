//! The rules of the `.dockerignore` language, case by case.

use super::*;

fn covers(patterns: &[&str], path: &str) -> bool {
    Patterns::compile(patterns).unwrap().covers(path.as_bytes())
}

#[test]
fn one_pattern_matches_what_docker_says() {
    for (pattern, yes, no) in [
        ("**", "file a/file a/b/c .x", ""),
        ("**/", "file a/file", ""),
        ("**/**", "file a/file", ""),
        ("*", "file .x a/b", ""),
        ("log", "log log/a/b", "logs a/log"),
        ("/log/", "log log/a", "a/log"),
        ("./log/../tmp", "tmp tmp/a", "log"),
        ("dir/**", "dir/file dir/a/b", "dir dirs/a"),
        ("a**", "a abc/d a/b", "ba"),
        ("**/dir", "dir a/dir a/b/dir dir/file a/dir/b", "adir a/xdir"),
        ("**file", "file afile a/bfile a/file/b", "files"),
        ("**file*", "file a/file a/files", "afile"),
        ("**/dir2/*", "a/dir2/file dir2/x a/dir2/x/y", "dir2 a/b"),
        ("**/dir2/**", "dir2/a x/dir2/b/c", "dir2 x"),
        ("**/*.txt", "a.txt b/a.txt b/c/a.txt", "a.txt2 txt"),
        ("**/**/*.txt", "a.txt b/a.txt", "a.tx"),
        ("a**/*.txt", "a/f.txt a/b/c/f.txt a.txt", "b/f.txt ab/c"),
        ("a/*.txt", "a/f.txt a/f.txt/x", "a/b/f.txt f.txt"),
        ("a/*.txt**", "a/f.txt a/f.txtx/y", "a/b"),
        ("a/**/b", "a/b a/x/b a/x/y/b a/x/b/z", "a ab a/bb"),
        ("a[b-d]e", "ace", "ae aae abde"),
        ("a[^b-d]e", "aze a/e", "ace"),
        ("[!a]x", "!x ax", "bx"),
        ("[\\]a]", "] a", "b"),
        ("[\\-x]", "- x", "a"),
        ("[a-ζ]*", "α", "ω A"),
        ("a?c", "abc a☺c a☺c/d", "ac abbc a/c"),
        ("a???b", "axyzb", "a☺b"),
        (".*", ".foo .git/config", "foo"),
        ("abc.def", "abc.def", "abcZdef"),
        ("a(b)c/def", "a(b)c/def", "a(b)c/xyz abc/def"),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", "abc"),
        ("a\\*b", "a*b", "ab axb"),
        ("a\\\\", "a\\", "a"),
        ("a*b*c*d*e*/f", "axbxcxdxe/f axbxcxdxexxx/f", "axbxcxdxe/xxx/f axbxcxdxexxx/fff"),
        ("a*b?c*x", "abxbbxdbxebxczzx", "abxbbxdbxebxczzy"),
        ("*[^x]*c", "a/c abc", "x"),
        ("node_modules", "node_modules node_modules/a/b", "a/node_modules"),
    ] {
        for path in yes.split_whitespace() {
            assert!(covers(&[pattern], path), "`{pattern}` covers `{path}`");
        }
        for path in no.split_whitespace() {
            assert!(!covers(&[pattern], path), "`{pattern}` does not cover `{path}`");
        }
    }
}

#[test]
fn the_last_pattern_that_matches_decides() {
    for (patterns, path, expected) in [
        (&["*.go", "!x.go"][..], "x.go", false),
        (&["!x.go", "*.go"], "x.go", true),
        (&["docs", "!docs/README.md"], "docs/README.md", false),
        (&["docs/", "!docs/README.md"], "docs/a.md", true),
        (&["docs/*", "!docs/README.md"], "docs/README.md", false),
        (&["docs", "  ! /docs/README.md  "], "docs/README.md", false),
        (&["**", "!util/docker/web"], "util/docker/web/foo", false),
        (&["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", true),
        (&["**", "!dist/*.whl"], "dist/a-2.4.0rc3.dev36+g0-py3.whl", false),
        (&["a/b/c", "!a/b"], "a/b/c", false),
        (&[], "any/path", false),
        (&["", "   "], "any", false),
    ] {
        assert_eq!(covers(patterns, path), expected, "{patterns:?} on {path}");
    }
}

#[test]
fn malformed_patterns_are_errors_that_name_the_pattern() {
    for pattern in
        ["!", "! ", "[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "\\", "[a-b-c]", "[z-a]", "ok/[", "[a\\"]
    {
        let error = Patterns::compile([pattern]).unwrap_err();
        assert!(error.to_string().contains(pattern.trim()), "{error}");
    }
}

#[test]
fn a_dockerignore_has_comments_a_byte_order_mark_and_carriage_returns() {
    let text = b"\xEF\xBB\xBFtest1\r\n/test2\n\n# comment\n #name\n! /inverted/path\n";
    let patterns = Patterns::parse(text).unwrap();
    assert!(patterns.covers(b"test1") && patterns.covers(b"test2") && patterns.covers(b"#name"));
    assert!(!patterns.covers(b"# comment"));
    assert_eq!(patterns.patterns.len(), 4);
}

#[test]
fn names_that_are_not_utf_8_match_byte_by_byte() {
    assert!(Patterns::compile([b"a?b".as_slice()]).unwrap().covers(b"a\xffb"));
    assert!(!Patterns::compile([b"a?b".as_slice()]).unwrap().covers(b"a\xff\xfeb"));
    assert!(Patterns::parse(b"caf\xe9*").unwrap().covers(b"caf\xe9s"));
    assert!(!Patterns::parse(b"caf\xe9*").unwrap().covers("café".as_bytes()));
}

#[test]
fn the_state_of_the_folder_gives_the_same_answer_as_the_whole_path() {
    let patterns = Patterns::compile(["a", "!a/b", "**/c", "!a/b/c/d"]).unwrap();
    let a = patterns.enter(&patterns.start(), b"a");
    let b = patterns.enter(&a, b"a/b");
    let c = patterns.enter(&b, b"a/b/c");
    assert!(patterns.matches(&patterns.start(), b"a") && patterns.matches(&a, b"a/x"));
    assert!(!patterns.matches(&b, b"a/b/x") && patterns.matches(&b, b"a/b/c"));
    assert!(patterns.matches(&c, b"a/b/c/x") && !patterns.matches(&c, b"a/b/c/d"));
}

#[test]
fn an_excluded_folder_is_entered_only_where_an_exception_may_admit_something() {
    for (patterns, folder, expected) in [
        (&["docs", "!docs/README.md"][..], "docs", true),
        (&["docs", "!docs/a/b.md"], "docs/a", true),
        (&["docs", "!docs/a/b.md"], "docs/b", false),
        (&["**", "!src/*.rs"], "src", true),
        (&["**", "!src/*.rs"], "target", false),
        (&["**", "!src/*.rs"], "src/x", false),
        (&["node_modules", "!**/keep"], "node_modules", true),
        (&["!node_modules/keep", "node_modules"], "node_modules", false),
        (&["node_modules", "!README.md"], "node_modules", false),
    ] {
        let list = Patterns::compile(patterns).unwrap();
        let mut state = list.start();
        for end in folder.match_indices('/').map(|(end, _)| end).chain([folder.len()]) {
            state = list.enter(&state, &folder.as_bytes()[..end]);
        }
        assert_eq!(list.may_except_below(&state, folder.as_bytes()), expected, "{patterns:?} on {folder}");
    }
}

#[test]
fn a_folder_is_entered_where_an_include_may_match_below() {
    let list = Patterns::compile(["src/**/*.rs", "*.md", "bin/serve"]).unwrap();
    let below = |folder: &str| list.may_match_below(folder.as_bytes());
    assert!(below("src") && below("src/a/b") && below("bin"));
    assert!(!below("docs") && !below("bin/serve") && !below("lib/x"));
    assert_eq!(list.literals().collect::<Vec<_>>(), [b"bin/serve"]);
}
