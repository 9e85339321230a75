//! Symlinks, folders and files of the tree below.

use super::*;

const DEBIAN: &[&str] = &[
    "etc/",
    "etc/passwd=root:x:0:0::/:/\nwww-data:x:33:33::/:/\n",
    "etc/group=root:x:0:\nwww-data:x:33:\n",
    "bin -> usr/bin",
    "lib -> usr/lib",
    "tmp/ 1777",
    "run/",
    "usr/",
    "usr/bin/",
    "usr/lib/",
    "var/",
    "var/run -> /run",
    "var/lock -> run/lock",
    "run/lock/ 1777",
];

#[test]
fn usrmerge_links_are_gone_through() {
    check(
        DEBIAN,
        &["f/lib/y", "f/bin/z", "f/tmp/x"],
        &[(layer("f"), "/")],
        &[
            "d1777 5:6 @7 /tmp",
            "f /tmp/x",
            "d 5:6 @7 /usr",
            "d 5:6 @7 /usr/bin",
            "f /usr/bin/z",
            "d 5:6 @7 /usr/lib",
            "f /usr/lib/y",
        ],
    );
}

#[test]
fn an_absolute_link_leads_from_the_root_of_the_image() {
    check(
        DEBIAN,
        &["f/var/run/a/pid"],
        &[(layer("f"), "/")],
        &["d 5:6 @7 /run", "d /run/a", "f /run/a/pid", "d 5:6 @7 /var"],
    );
    check(
        DEBIAN,
        &["f/pid"],
        &[(layer("f"), "/var/lock/x")],
        &["d 5:6 @7 /run", "d1777 5:6 @7 /run/lock", "d /run/lock/x", "f /run/lock/x/pid"],
    );
}

#[test]
fn a_redirect_may_lead_to_another_and_merge_with_what_is_there() {
    check(
        &["a -> b", "b/", "b/c -> ../d", "d/ 700"],
        &["f/a/c/x", "f/a/y", "f/b/z", "f/d/w"],
        &[(layer("f"), "/")],
        &["d 5:6 @7 /b", "f /b/y", "f /b/z", "d700 5:6 @7 /d", "f /d/w", "f /d/x"],
    );
}

#[test]
fn two_ways_to_one_path_are_named_both() {
    let error = refused(&["lib -> usr/lib", "usr/", "usr/lib/"], &["f/lib/x", "f/usr/lib/x"], &[(layer("f"), "/")]);
    let PlanError::Conflict { path, first, second, .. } = &error else { panic!("{error}") };
    let mut origins = [first.as_str(), second.as_str()];
    origins.sort_unstable();
    assert_eq!((path.to_string().as_str(), origins), ("/usr/lib/x", ["`f/lib/x`", "`f/usr/lib/x`"]));
}

#[test]
fn loops_and_dangling_links_are_errors_that_name_the_link() {
    let error = refused(&["a -> b", "b -> a"], &["f/a/x"], &[(layer("f"), "/")]);
    assert!(matches!(&error, PlanError::Loop { path, .. } if path.to_string() == "/a"), "{error}");
    let error = refused(&["a -> nowhere"], &["f/a/x"], &[(layer("f"), "/")]);
    assert!(matches!(&error, PlanError::Dangling { link, .. } if link.to_string() == "/a"), "{error}");
    let error = refused(&["a -> nowhere"], &["f/x"], &[(layer("f"), "/a/b")]);
    assert!(matches!(&error, PlanError::Dangling { .. }), "{error}");
    let error = refused(&["a -> a"], &[], &[(files(&["a/x=1"]), "/")]);
    assert!(matches!(&error, PlanError::Loop { .. }), "{error}");
    let error = refused(&["a -> b", "b=file"], &["f/a/x"], &[(layer("f"), "/")]);
    assert!(matches!(&error, PlanError::FolderOverFile { .. }), "{error}");
}

#[test]
fn a_file_replaces_a_link_and_a_link_replaces_a_file() {
    check(
        &["etc/", "etc/localtime -> /x", "etc/y=1"],
        &["f/etc/localtime", "f/etc/y -> z"],
        &[(layer("f"), "/")],
        &["d 5:6 @7 /etc", "f /etc/localtime", "l /etc/y -> z"],
    );
    check(&["a/", "l -> a"], &[], &[(files(&["l -> b", "a/f=1"]), "/")], &["d 5:6 @7 /a", "f /a/f", "l /l -> b"]);
}

#[test]
fn a_file_over_a_folder_and_the_reverse_are_errors() {
    let error = refused(&["app/"], &["app"], &[(layer("app"), "/app")]);
    assert!(matches!(&error, PlanError::FileOverFolder { .. }), "{error}");
    assert!(error.hint().unwrap().contains("`/app/`"));
    let error = refused(&["a/", "a/b/"], &["f/a/b"], &[(layer("f"), "/")]);
    assert!(matches!(&error, PlanError::FileOverFolder { .. }), "{error}");
    let error = refused(&["a=1"], &["f/a/b"], &[(layer("f"), "/")]);
    assert!(matches!(&error, PlanError::FolderOverFile { .. }), "{error}");
    let error = refused(&["a=1"], &["f/b"], &[(layer("f"), "/a")]);
    assert!(error.to_string().contains("the folder `f` at `/a`"), "{error}");
    let error = refused(&["a=1"], &[], &[(files(&["a/b=1"]), "/")]);
    assert!(matches!(&error, PlanError::ParentIsFile { .. }), "{error}");
}

#[test]
fn a_lower_own_layer_is_part_of_the_tree_below() {
    let mut first = layer("one");
    first.owner = OwnerSpec { user: crate::spec::OwnerPart::Id(9), group: None };
    let first = (first, "/srv");
    // A folder of layer 1 keeps its metadata; its links are gone through; its files may be replaced.
    check(
        &["srv/ 2775"],
        &["one/app/x", "one/now -> app", "one/deep/link -> /srv/app", "two/app/x", "two/now/y", "two/deep/link/z"],
        &[first.clone(), (layer("two"), "/srv")],
        &["d2775 5:6 @7 /srv", "d 9:9 /srv/app", "f /srv/app/x", "f /srv/app/y", "f /srv/app/z", "d 9:9 /srv/deep"],
    );
    let error = refused(&[], &["one/app/x", "two/app"], &[first.clone(), (layer("two"), "/srv")]);
    assert!(matches!(&error, PlanError::FileOverFolder { .. }), "{error}");
    let error = refused(&[], &["one/app", "two/app/x"], &[first, (layer("two"), "/srv")]);
    assert!(matches!(&error, PlanError::FolderOverFile { .. }), "{error}");
}

#[test]
fn links_of_a_layer_below_are_found_behind_two_of_its_own_redirects() {
    check(
        &["a -> b", "b/", "b/c -> ../d", "d/ 700", "e/"],
        &["one/a/c/k/l -> /e", "one/a/c/x", "two/d/k/l/y"],
        &[(layer("one"), "/"), (layer("two"), "/")],
        &["d700 5:6 @7 /d", "d /d/k", "d 5:6 @7 /e", "f /e/y"],
    );
}

#[test]
fn what_lower_layers_write_or_remove_by_files_counts() {
    check(
        &["a/ 700", "a/x=1", "b/"],
        &["f/l/y"],
        &[(files(&["l -> b"]), "/"), (layer("f"), "/")],
        &["d 5:6 @7 /b", "f /b/y"],
    );
    check(&["a/ 700", "a/x=1"], &["f/a/y"], &[(files(&["!a"]), "/"), (layer("f"), "/")], &["d /a", "f /a/y"]);
    check(&["a=1"], &["f/a/y"], &[(files(&["!a"]), "/"), (layer("f"), "/")], &["d /a", "f /a/y"]);
    let error = refused(&["a/", "a/x=1"], &[], &[(files(&["!a"]), "/"), (files(&["!a/x"]), "/")]);
    assert!(matches!(&error, PlanError::NothingToRemove { .. }), "{error}");
}

#[test]
fn removals_come_first_in_their_folder_and_must_hide_something() {
    check(
        &["etc/", "etc/b=1", "etc/z=1", "lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/q=1"],
        &[],
        &[(files(&["etc/a=1", "!etc/z", "!etc/b", "!lib/q"]), "/")],
        &[
            "d 5:6 @7 /etc",
            "f @1 /etc/.wh.b",
            "f @1 /etc/.wh.z",
            "f /etc/a",
            "d 5:6 @7 /usr",
            "d 5:6 @7 /usr/lib",
            "f @1 /usr/lib/.wh.q",
        ],
    );
    assert!(matches!(refused(&[], &[], &[(files(&["!a"]), "/")]), PlanError::NothingToRemove { .. }));
    for list in [&["!a", "a=1"][..], &["a=1", "!a"], &["!a", "a/b=1"], &["a/b=1", "!a"]] {
        let error = refused(&["a/", "a/b=1"], &[], &[(files(list), "/")]);
        assert!(matches!(error, PlanError::RemovedAndWritten { .. }), "{list:?}: {error}");
    }
    let both = LayerSpec { files: vec![file("!a")], ..layer("f") };
    assert!(matches!(refused(&["a=1"], &["f/a"], &[(both, "/")]), PlanError::RemovedAndWritten { .. }));
    check(&["l -> x"], &[], &[(files(&["!l"]), "/")], &["f @1 /.wh.l"]);
}

#[test]
fn the_root_is_never_written() {
    for name in ["/=1", "/", "!/", "/ -> x"] {
        assert!(matches!(refused(&[], &[], &[(files(&[name]), "/")]), PlanError::Root { .. }), "{name}");
    }
    check(&["root -> /"], &["f/root/x"], &[(layer("f"), "/")], &["f /x"]);
}

#[test]
fn a_link_and_a_folder_of_one_layer_clash() {
    let both = LayerSpec { files: vec![file("a/b=1")], ..layer("f") };
    assert!(matches!(refused(&[], &["f/a -> c"], &[(both, "/")]), PlanError::FileAndFolder { .. }));
    let both = LayerSpec { files: vec![file("a/b=1")], ..layer("f") };
    assert!(matches!(refused(&[], &["f/a/b"], &[(both, "/")]), PlanError::Conflict { .. }));
    assert!(matches!(refused(&[], &[], &[(files(&["a=1", "a=2"]), "/")]), PlanError::Conflict { .. }));
    for list in [["a=1", "a/b=1"], ["a/b=1", "a -> c"]] {
        let error = refused(&[], &[], &[(files(&list), "/")]);
        assert!(matches!(error, PlanError::FileAndFolder { .. }), "{list:?}: {error}");
    }
    let over_itself = LayerSpec { files: vec![file("app=1")], ..layer("f") };
    assert!(matches!(refused(&[], &["f/x"], &[(over_itself, "/app")]), PlanError::FileAndFolder { .. }));
    check(&[], &[], &[(files(&["a", "a/b=1", "a"]), "/")], &["d /a", "f /a/b"]);
}

#[test]
fn a_long_chain_of_own_layers_answers_for_the_one_above() {
    let mut layers: Vec<(LayerSpec, &str)> = (0..20).map(|_| (layer("f"), "/srv/app")).collect();
    layers.push((layer("g"), "/srv"));
    check(&[], &["f/a/b/c", "g/app/a/d"], &layers, &["d /srv", "d /srv/app", "d /srv/app/a", "f /srv/app/a/d"]);
}
