//! Owners, modes and times.

use super::*;
use crate::spec::{Capabilities, OwnerPart};
use crate::tree::{DiskSources, MemorySources};

fn user(name: &str) -> OwnerSpec {
    OwnerSpec { user: OwnerPart::Name(name.to_owned()), group: None }
}

#[test]
fn paths_are_merged_key_by_key_and_later_wins() {
    let mut spec = layer("f");
    spec.paths = vec![
        PathRule { owner: Some(user("www-data")), dir_mode: Some(0o775), file_mode: Some(0o664), ..rule(&["storage"]) },
        PathRule { mode: Some(ModeRule::Fixed(0o600)), mtime: Some(MtimeRule::Seconds(5)), ..rule(&["**/secret*"]) },
        PathRule { owner: Some(user("root")), ..rule(&["storage/logs"]) },
    ];
    let passwd = "etc/passwd=root:x:0:0::/:/\nwww-data:x:33:34::/:/\n";
    check(
        &["etc/", passwd],
        &["f/storage/a", "f/storage/logs/b", "f/storage/secret/c", "f/secrets", "f/z"],
        &[(spec, "/app")],
        &[
            "d /app",
            "f600 @5 /app/secrets",
            "d775 33:34 /app/storage",
            "f664 33:34 /app/storage/a",
            "d775 /app/storage/logs",
            "f664 /app/storage/logs/b",
            "d775 33:34 @5 /app/storage/secret",
            "f664 33:34 @5 /app/storage/secret/c",
            "f /app/z",
        ],
    );
}

#[test]
fn an_existing_folder_changes_only_where_a_rule_names_it_and_only_what_the_rule_says() {
    let mut spec = layer("f");
    spec.owner = OwnerSpec { user: OwnerPart::Id(9), group: None };
    spec.paths = vec![PathRule { dir_mode: Some(0o700), ..rule(&["b"]) }];
    check(
        &["a/ 750", "b/ 751", "n/ 752"],
        &["f/a/x", "f/b/y", "f/new/z"],
        &[(spec.clone(), "/")],
        &["d750 5:6 @7 /a", "f 9:9 /a/x", "d700 5:6 @7 /b", "f 9:9 /b/y", "d 9:9 /new", "f 9:9 /new/z"],
    );
    spec.paths = vec![PathRule { dir_mode: Some(0o711), ..rule(&["."]) }];
    check(&["n/ 752"], &["f/x"], &[(spec.clone(), "/n")], &["d711 5:6 @7 /n", "f 9:9 /n/x"]);
    spec.paths = vec![PathRule { dir_mode: Some(0o711), ..rule(&["*"]) }];
    check(&["n/ 752"], &["f/x"], &[(spec, "/n")], &["d752 5:6 @7 /n", "f 9:9 /n/x"]);
}

#[test]
fn files_name_what_they_name() {
    let mut log = file("var/log/app");
    log.owner = Some(user("www-data"));
    let mut tmp = file("tmp");
    tmp.mode = Some(0o700);
    let mut cron = file("etc/cron.d/x=y");
    cron.mode = Some(0o600);
    let spec = written(&[log, tmp, cron, file("run"), file("etc/l -> m")]);
    check(
        &["etc/", "etc/passwd=www-data:x:33:34::/:/\n", "tmp/ 1777", "run/ 1755"],
        &[],
        &[(spec, "/")],
        &[
            "d 5:6 @7 /etc",
            "d /etc/cron.d",
            "f600 /etc/cron.d/x",
            "l /etc/l -> m",
            "d1755 5:6 @7 /run",
            "d700 5:6 @7 /tmp",
            "d /var",
            "d /var/log",
            "d 33:34 /var/log/app",
        ],
    );
}

#[test]
fn names_come_from_the_tree_below_own_layers_included() {
    let mut spec = layer("f");
    spec.owner = user("app");
    let by_files = (files(&["etc/passwd=app:x:77:78::/:/\n"]), "/");
    check(&["etc/"], &["f/x"], &[by_files, (spec.clone(), "/srv")], &["d 77:78 /srv", "f 77:78 /srv/x"]);
    let by_source = (layer("os"), "/");
    check(
        &["etc -> e", "e/"],
        &["f/x", "os/etc/passwd=app:x:7:8::/:/"],
        &[by_source, (spec.clone(), "/srv")],
        &["d 7:8 /srv", "f 7:8 /srv/x"],
    );
    let error = refused(&["etc/", "etc/passwd=apq:x:1:1::/:/\n"], &["f/x"], &[(spec, "/srv")]);
    assert!(error.hint().unwrap().contains("apq"), "{error}");
}

#[test]
fn modes_are_normal_kept_or_fixed() {
    let sources = || {
        let mut sources = MemorySources::new();
        sources.with_mode("f/run", "", 0o4710).with_mode("f/read", "", 0o606).folder("f/dir").text("f/dir/x", "");
        sources
    };
    for (mode, expected) in [
        (ModeRule::Normal, ["d /a", "d /a/dir", "f /a/dir/x", "f /a/read", "f755 /a/run"]),
        (ModeRule::Keep, ["d /a", "d /a/dir", "f /a/dir/x", "f606 /a/read", "f4710 /a/run"]),
        (ModeRule::Fixed(0o640), ["d750 /a", "d750 /a/dir", "f640 /a/dir/x", "f640 /a/read", "f640 /a/run"]),
    ] {
        let spec = LayerSpec { mode, ..layer("f") };
        let all = place(&base(&[]), sources(), &[(spec, "/a")]).unwrap();
        assert_eq!(show(&all[0]), expected.join("\n"));
    }
}

#[test]
fn a_folder_keeps_what_is_said_of_it_also_after_what_it_holds() {
    let mut said = file("a");
    said.mode = Some(0o2700);
    said.owner = Some(OwnerSpec { user: OwnerPart::Id(7), group: None });
    let inner = file("a/b/c=1");
    for list in [[said.clone(), inner.clone()], [inner, said]] {
        check(&[], &[], &[(written(&list), "/")], &["d2700 7:7 /a", "d /a/b", "f /a/b/c"]);
    }
}

#[test]
fn times_are_of_the_content_constant_or_kept() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    std::fs::create_dir(project.join("f")).unwrap();
    std::fs::write(project.join("f/x"), b"1").unwrap();
    std::os::unix::fs::symlink("x", project.join("f/l")).unwrap();
    let day = std::time::UNIX_EPOCH + std::time::Duration::from_millis(86_400_999);
    std::fs::File::open(project.join("f/x")).unwrap().set_modified(day).unwrap();
    std::fs::File::open(project.join("f")).unwrap().set_modified(day).unwrap();
    let times = |mtime| {
        let spec = LayerSpec { mtime, files: vec![file("a/w=1")], ..layer("f") };
        let sources = DiskSources::open(project).unwrap();
        let all = place(&base(&[]), sources, &[(spec, "/a")]).unwrap();
        all[0].iter().filter(|entry| entry.path != path("a/l")).map(|entry| entry.mtime).collect::<Vec<_>>()
    };
    let seconds = Mtime::Seconds;
    assert_eq!(times(MtimeRule::Content), [seconds(1), Mtime::Content, Mtime::Content]);
    assert_eq!(times(MtimeRule::Seconds(9)), [seconds(9), seconds(9), seconds(9)]);
    assert_eq!(times(MtimeRule::Keep), [seconds(86_400), Mtime::Content, seconds(86_400)]);
}

#[test]
fn capabilities_stand_on_regular_files_and_later_rules_win() {
    let set = |names: &[&str]| {
        let mut set = Capabilities::default();
        assert!(names.iter().all(|name| set.insert(name)));
        Some(set)
    };
    let mut spec = layer("f");
    spec.paths = vec![
        PathRule { capabilities: set(&["cap_net_raw"]), ..rule(&["bin"]) },
        PathRule { capabilities: set(&[]), ..rule(&["bin/plain"]) },
    ];
    spec.files = vec![FileSpec { capabilities: set(&["cap_chown"]), ..file("w=1") }];
    let sources = project(&["f/bin/ping", "f/bin/plain", "f/bin/link -> ping"]);
    let layers = place(&base(&[]), sources, &[(spec, "/")]).unwrap();
    let of = |name: &str| {
        let entry = layers[0].iter().find(|entry| entry.path == path(name)).unwrap();
        entry.xattrs.get(Capabilities::XATTR).cloned()
    };
    assert_eq!(of("bin/ping"), set(&["cap_net_raw"]).map(Capabilities::to_xattr));
    assert_eq!(of("w"), set(&["cap_chown"]).map(Capabilities::to_xattr));
    assert_eq!((of("bin"), of("bin/plain"), of("bin/link")), (None, None, None));
}
