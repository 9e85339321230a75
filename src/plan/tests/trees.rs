//! Whole trees: unusual names, depth, bases at work.

use std::os::unix::ffi::OsStrExt;

use super::*;
use crate::tree::DiskSources;

#[test]
fn names_that_are_not_utf_8_arrive_as_they_are() {
    let mut sources = MemorySources::new();
    sources.text(Path::new(std::ffi::OsStr::from_bytes(b"f/caf\xe9/\xff")), "x");
    let all = place(&base(&[]), sources, &[(layer("f"), "/a")]).unwrap();
    let paths: Vec<&[u8]> = all[0].iter().map(|entry| entry.path.as_bytes()).collect();
    assert_eq!(paths, [&b"a"[..], b"a/caf\xe9", b"a/caf\xe9/\xff"]);
}

#[test]
fn a_tree_may_be_very_deep() {
    let mut sources = MemorySources::new();
    sources.text(format!("f/{}x", "d/".repeat(500)), "x");
    let all = place(&base(&[]), sources, &[(layer("f"), "/a"), (layer("f"), "/a")]).unwrap();
    assert_eq!((all[0].len(), all[1].len()), (502, 502));
}

#[test]
fn what_a_web_shop_says_without_run() {
    let mut app = layer(".");
    app.paths = vec![PathRule {
        owner: Some(OwnerSpec { user: crate::spec::OwnerPart::Name("www-data".to_owned()), group: None }),
        dir_mode: Some(0o775),
        file_mode: Some(0o664),
        ..rule(&["storage", "bootstrap/cache"])
    }];
    let os = files(&[
        "etc/cron.d/cronjob=* * * * * root php artisan\n",
        "etc/apache2/sites-enabled/s.conf -> ../s.conf",
        "!etc/apache2/sites-enabled/000-default.conf",
    ]);
    let facts = [
        "etc/",
        "etc/passwd=www-data:x:33:33::/:/\n",
        "etc/apache2/",
        "etc/apache2/sites-enabled/",
        "etc/apache2/sites-enabled/000-default.conf -> ../x",
        "lib -> usr/lib",
        "usr/",
        "usr/lib/",
        "var/",
        "var/www/",
        "var/www/html/ 1777",
    ];
    let paths = [
        "vendor/v.php",
        "docker-files/etc/x.conf",
        "docker-files/lib/y.so",
        "storage/logs/",
        "public/index.php",
        "build.yaml",
    ];
    let layers =
        [(layer("vendor"), "/var/www/html/vendor"), (layer("docker-files"), "/"), (app, "/var/www/html"), (os, "/")];
    let all = place(&base(&facts), project(&paths), &layers).unwrap();
    let shown: Vec<String> = all.iter().map(|entries| show(entries)).collect();
    assert_eq!(
        shown[0],
        "d 5:6 @7 /var\nd 5:6 @7 /var/www\nd1777 5:6 @7 /var/www/html\nd /var/www/html/vendor\nf /var/www/html/vendor/v.php"
    );
    assert_eq!(shown[1], "d 5:6 @7 /etc\nf /etc/x.conf\nd 5:6 @7 /usr\nd 5:6 @7 /usr/lib\nf /usr/lib/y.so");
    assert_eq!(
        shown[2],
        "d 5:6 @7 /var\nd 5:6 @7 /var/www\nd1777 5:6 @7 /var/www/html\nd /var/www/html/public\nf /var/www/html/public/index.php\nd775 33:33 /var/www/html/storage\nd775 33:33 /var/www/html/storage/logs"
    );
    assert_eq!(
        shown[3],
        "d 5:6 @7 /etc\nd 5:6 @7 /etc/apache2\nd 5:6 @7 /etc/apache2/sites-enabled\nf @1 /etc/apache2/sites-enabled/.wh.000-default.conf\nl /etc/apache2/sites-enabled/s.conf -> ../s.conf\nd /etc/cron.d\nf /etc/cron.d/cronjob"
    );
}

#[test]
fn umask_hard_links_and_order_of_creation_do_not_show() {
    let one = tempfile::tempdir().unwrap();
    let two = tempfile::tempdir().unwrap();
    let write = |folder: &Path, names: [&str; 3], mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(folder.join("f/d")).unwrap();
        for name in names {
            std::fs::write(folder.join("f/d").join(name), b"same").unwrap();
            std::fs::set_permissions(folder.join("f/d").join(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        std::fs::set_permissions(folder.join("f/d"), PermissionsExt::from_mode(mode | 0o100)).unwrap();
    };
    write(one.path(), ["a", "b", "c"], 0o644);
    write(two.path(), ["c", "a", "b"], 0o600);
    std::fs::remove_file(two.path().join("f/d/b")).unwrap();
    std::fs::hard_link(two.path().join("f/d/a"), two.path().join("f/d/b")).unwrap();
    let shown = |folder: &Path| {
        let sources = DiskSources::open(folder).unwrap();
        show(&place(&base(&[]), sources, &[(layer("f"), "/a")]).unwrap()[0])
    };
    assert_eq!(shown(one.path()), shown(two.path()));
}

#[test]
fn names_differ_by_their_bytes_and_not_by_letters_or_spelling() {
    // One letter in two cases, and one letter composed and decomposed.
    check(
        &[],
        &["f/A", "f/a", "f/e\u{301}", "f/\u{e9}"],
        &[(layer("f"), "/x")],
        &["d /x", "f /x/A", "f /x/a", "f /x/e\u{301}", "f /x/\u{e9}"],
    );
}

#[test]
fn a_removed_folder_is_one_whiteout_and_never_an_opaque_folder() {
    let base = ["d/", "d/a/", "d/a/x=1", "d/b=1"];
    check(&base, &[], &[(files(&["!d/a"]), "/")], &["d 5:6 @7 /d", "f @1 /d/.wh.a"]);
    // What is written again stands in a layer above, where the whiteout below hides the old content.
    check(&base, &[], &[(files(&["!d"]), "/"), (files(&["d/new=1"]), "/")], &["d /d", "f /d/new"]);
    let all = place(&self::base(&base), project(&[]), &[(files(&["!d/a"]), "/")]).unwrap();
    let whiteout = all[0].last().unwrap();
    assert_eq!(whiteout.kind, EntryKind::File(Content::Bytes([].into())), "a regular file without content");
}

#[test]
fn a_walk_from_a_place_on_gives_the_folders_above_it_and_what_follows() {
    let sources = project(&["a/b/1", "a/b/2", "a/b-c/x", "a/c/d/e", "a.x", "b/y/z", "c"]);
    let mut layer = layer(".");
    layer.files = vec![file("/app/a/none"), file("/app/b/added"), file("/z/y")];
    layer.files[0].what = FileWhat::Remove;
    let facts = base(&["app/", "app/a/", "app/a/none"]);
    let placement = placed(&facts, sources, &[(layer, "/app")]).unwrap();
    let all: Vec<Entry> = placement.entries(0).collect::<Result<_, _>>().unwrap();
    let from = |start: Start| placement.entries_from(0, start).collect::<Result<Vec<Entry>, _>>().unwrap();
    assert!(from(Start::First) == all);
    for (number, entry) in all.iter().enumerate() {
        let is_above = |other: &&Entry| entry.path.starts_with(&other.path) && entry.path != other.path;
        let above: Vec<Entry> = all.iter().filter(is_above).cloned().collect();
        let rest = |from: usize| [above.as_slice(), &all[from..]].concat();
        let is_removal = entry.path.file_name().is_some_and(|name| name.starts_with(b".wh."));
        if !is_removal {
            assert_eq!(show(&from(Start::At(entry.path.clone()))), show(&rest(number)), "at {}", entry.path);
        }
        if entry.kind != EntryKind::Directory && !is_removal {
            let after = from(Start::After(entry.path.clone()));
            let left: Vec<Entry> = after.into_iter().filter(|other| !entry.path.starts_with(&other.path)).collect();
            assert_eq!(show(&left), show(&all[number + 1..]), "after {}", entry.path);
        }
    }
    assert_eq!(show(&from(Start::At(path("/app/a/b/11")))), show(&from(Start::At(path("/app/a/b/2")))));
}
