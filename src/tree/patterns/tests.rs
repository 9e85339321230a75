//! The rules of the `.dockerignore` language, case by case.

use super::*;

fn covers(patterns: &[&str], path: &str) -> bool {
    Patterns::compile(patterns).unwrap().covers(path.as_bytes())
}

/// Checks each row: a pattern, what it covers, what it does not.
fn check(rows: &[(&str, &str, &str)]) {
    for (pattern, yes, no) in rows {
        for path in yes.split_whitespace() {
            assert!(covers(&[pattern], path), "`{pattern}` covers `{path}`");
        }
        for path in no.split_whitespace() {
            assert!(!covers(&[pattern], path), "`{pattern}` does not cover `{path}`");
        }
    }
}

#[test]
fn a_plain_pattern_names_one_path_and_all_below_it() {
    check(&[
        ("log", "log log/a/b", "logs a/log"),
        ("/log/", "log log/a", "a/log"),
        ("./log/../tmp", "tmp tmp/a", "log"),
        ("//a//b/", "a/b a/b/c", "a b"),
        ("/../a", "a", "b"),
        ("abc", "abc", "ab abcd"),
        ("abc.def", "abc.def", "abcdef abcZdef"),
        ("a(b)c/def", "a(b)c/def", "a(b)c/xyz abc/def"),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", "abc"),
        ("dist/a-2.4.0rc3.dev36+g08-py3.whl", "dist/a-2.4.0rc3.dev36+g08-py3.whl", "dist/a-2.4.0rc3.dev366g08-py3.whl"),
        ("node_modules", "node_modules node_modules/a/b", "a/node_modules"),
        ("a]", "a]", "a"),
        (".", "", "a .a a/b"),
        ("./", "", "a"),
        ("/", "", "a"),
        ("..", "", "a ..a"),
        ("../a", "", "a"),
    ]);
}

#[test]
fn a_star_and_a_question_mark_stay_within_a_name() {
    check(&[
        ("*", "file .x a/b abc", ""),
        ("*c", "abc c", "ab"),
        ("*x", "xxx", "xxy"),
        ("*.go", "fileutils.go", "a/fileutils.go"),
        ("a*", "a abc ab/c", "ba"),
        ("a*/b", "abc/b", "a/c/b"),
        ("a*b", "ab axb", "a/b"),
        ("a/*.txt", "a/f.txt a/f.txt/x", "a/b/f.txt f.txt"),
        ("dist/*.whl", "dist/a-2.4.0rc3.dev36+g08-py3-none-any.whl", "dist/x/a.whl"),
        ("a*b*c*d*e*/f", "axbxcxdxe/f axbxcxdxexxx/f", "axbxcxdxe/xxx/f axbxcxdxexxx/fff"),
        ("a*b?c*x", "abxbbxdbxebxczzx", "abxbbxdbxebxczzy"),
        ("abc?def", "abcZdef", "abcdef abc/def"),
        ("a?c", "abc a☺c a☺c/d", "ac abbc a/c"),
        ("a???b", "axyzb", "a☺b"),
        (".*", ".foo .git/config", "foo"),
    ]);
}

#[test]
fn two_stars_go_through_folders() {
    check(&[
        ("**", "file a/file a/b/c .x", ""),
        ("**/", "file a/file", ""),
        ("**/**", "file a/file", ""),
        ("dir/**", "dir/file dir/a/b", "dir dirs/a"),
        ("abc/**", "abc/def abc/def/ghi", "abc"),
        ("a**", "a abc/d a/b", "ba"),
        ("**/dir", "dir a/dir a/b/dir dir/file a/dir/b", "adir a/xdir"),
        ("**file", "file afile dir/file dir/dir/file a/bfile a/file/b", "files"),
        ("**/file", "dir/file dir/dir/file", "afile"),
        ("**/file*", "dir/dir/file dir/dir/file.txt a/files", "afile"),
        ("**/file*txt", "dir/dir/file.txt", "dir/dir/file.txt2"),
        ("**/file*.txt", "dir/dir/file.txt", "dir/dir/filetxt"),
        ("**/file*.txt*", "dir/dir/file.txt dir/file.txt2", "dir/dir/file.tx"),
        ("**file*", "file a/file a/files", "afile"),
        ("**/foo/bar", "foo/bar dir/foo/bar dir/dir2/foo/bar", "foo dir/foo/x xfoo/bar"),
        ("**/.foo", ".foo a/.foo", "bar.foo"),
        ("**/dir2/*", "dir/dir2/file dir2/x a/dir2/x/y", "dir2 a/b"),
        ("**/dir2/**", "dir2/a dir/dir2/dir3/file", "dir2 x"),
        ("**/*.txt", "a.txt b/a.txt b/c/a.txt", "a.txt2 txt"),
        ("**/**/*.txt", "file.txt dir/dir/file.txt", "a.tx"),
        ("**/**/*.txt2", "dir/dir/file.txt2", "dir/dir/file.txt"),
        ("a**/*.txt", "a/f.txt a/b/f.txt a/b/c/f.txt a.txt", "b/f.txt ab/c"),
        ("a/*.txt**", "a/f.txt a/f.txtx/y", "a/b"),
        ("a/**/b", "a/b a/x/b a/x/y/b a/x/b/z", "a ab a/bb"),
    ]);
}

#[test]
fn classes_and_escapes_stand_for_one_character() {
    check(&[
        ("ab[c]", "abc", "ab"),
        ("ab[b-d]", "abc", "abe"),
        ("ab[e-g]", "abe", "abc"),
        ("ab[^c]", "abx", "abc"),
        ("ab[^b-d]", "abx", "abc"),
        ("ab[^e-g]", "abc", "abf"),
        ("a[b-d]e", "ace", "ae aae abde"),
        ("a[^b-d]e", "aze a/e", "ace"),
        ("a[^a]b", "a☺b", "aab"),
        ("a[^a][^a][^a]b", "axyzb", "a☺b"),
        ("[!a]x", "!x ax", "bx"),
        ("[\\]a]", "] a", "b"),
        ("[\\-]", "-", "a"),
        ("[x\\-]", "x -", "z"),
        ("[\\-x]", "- x", "a"),
        ("[a-ζ]*", "α", "ω A"),
        ("*[a-ζ]", "α", "A"),
        ("*[^x]*c", "a/c abc", "x"),
        ("a\\*b", "a*b", "ab axb"),
        ("a\\\\", "a\\", "a"),
    ]);
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
        (&["**", "!dist/a-2.4.0rc3.dev36+g0-py3.whl"], "dist/a-2.4.0rc3.dev36+g0-py3.whl", false),
        (&["docs/*", "!docs/README.md"], "docs/x", true),
        (&["*", "!**/*.py"], "d/b.py", false),
        (&["docs", "!docs/**/*.md"], "docs/x/b.md", false),
        (&["**", "!a/b", "a/b/c", "!a/b/c/d"], "a/b/c/d", false),
        (&["**", "!a/b", "a/b/c", "!a/b/c/d"], "a/b/c/x", true),
        (&["*", "!!a"], "!a", false),
        (&["*", "!!a"], "a", true),
        (&["*", "!."], "a", true),
        (&["*", "!.."], "a", true),
        (&[], "any/path", false),
        (&["", "   "], "any", false),
    ] {
        assert_eq!(covers(patterns, path), expected, "{patterns:?} on {path}");
    }
}

/// As Docker's builders, which keep what was asked about a folder: an exception that came when nothing was matched is
/// not remembered for what is below.
#[test]
fn an_exception_for_a_folder_that_nothing_matched_admits_nothing_below_it() {
    for (patterns, path) in [
        (&["**/*.md", "!docs"][..], "docs/a.md"),
        (&["**/node_modules", "!packages/ui"], "packages/ui/node_modules/x"),
        (&["a/b/c", "!a/b"], "a/b/c"),
    ] {
        assert!(covers(patterns, path), "{patterns:?} on {path}");
    }
    assert!(!covers(&["**/*.md", "!docs"], "docs/b.txt"));
    assert!(!covers(&["*", "**/*.md", "!docs"], "docs/a.md"));
}

#[test]
fn malformed_patterns_are_errors_that_name_the_pattern() {
    for pattern in [
        "!",
        "! ",
        "!/",
        "!/a/..",
        "[",
        "[^",
        "[^bc",
        "a[",
        "[]a]",
        "[-]",
        "[x-]",
        "[-x]",
        "\\",
        "[a-b-c]",
        "[z-a]",
        "ok/[",
        "[a\\",
        "[Local-Only]/",
    ] {
        let error = Patterns::compile([pattern]).unwrap_err();
        assert!(error.to_string().contains(pattern.trim()), "{error}");
    }
}

#[test]
fn a_dockerignore_has_comments_a_byte_order_mark_and_carriage_returns() {
    let text = b"\xEF\xBB\xBFtest1\r\n/test2\n/a/file/here\n\nlastfile\r\n# comment\n #name\n! /inverted/path\n\t \n";
    let patterns = Patterns::parse(text).unwrap();
    for path in ["test1", "test2", "a/file/here", "lastfile", "#name"] {
        assert!(patterns.covers(path.as_bytes()), "{path}");
    }
    assert!(!patterns.covers(b"# comment"));
    assert_eq!(patterns.patterns.len(), 6);
    assert!(patterns.patterns[5].exception);
    assert!(Patterns::parse(b"\xEF\xBB\xBF# comment").unwrap().is_empty());
    assert!(Patterns::parse(b"").unwrap().is_empty());
    assert!(Patterns::parse(b"lastfile\n!\n! ").is_err());
}

#[test]
fn white_space_around_a_pattern_is_no_part_of_it() {
    for written in ["  docs", "docs\t", "\u{a0}docs\u{2003}", "\u{b}docs\u{85}"] {
        assert!(covers(&[written], "docs"), "{written:?}");
    }
    assert!(covers(&["a b"], "a b"));
    assert!(!covers(&["docs", "  !docs/README.md  "], "docs/README.md"));
    assert!(!covers(&["docs", "!\u{a0}docs/README.md"], "docs/README.md"));
    let raw = Patterns::compile([b"\xff ".as_slice(), b" a\xff"]).unwrap();
    assert!(raw.covers(b"\xff") && raw.covers(b"a\xff"));
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
