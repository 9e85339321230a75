//! The image of the matrix: what its project holds, what its build file says, and what must stand at every path that
//! they name. The last is written by hand from the rules of the build file, and from nothing that the product made.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use dockless::oci::Digest;

use crate::support::layers::remove;
use crate::support::tree::{Kind, Node, Tree};

/// The bytes of `security.capability` for `cap_net_bind_service+ep` in the second revision, as `setcap` writes them.
const BIND_SERVICE: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The number that the base gives `www-data`; there `mail` is 8 and `daemon` is 1.
const WWW_DATA: u32 = 33;

/// A name that no encoding of text has.
const ODD: &[u8] = b"odd \xff\xfe\\ \x01name";

/// A name of so many bytes.
fn long(length: usize) -> String {
    "long-".chars().cycle().take(length).collect()
}

/// The build file; `base` and `name` as it takes them.
pub(crate) fn build_file(name: &str, base: &str) -> String {
    format!("version: 1\nname: {name}\ntags: [ours]\nbase: {base}\n{LAYERS}")
}

const LAYERS: &str = r##"compression: gzip
contexts: {tools: ../tools}
layers:
  - {from: root, to: /}
  - {from: app, to: /srv/app, owner: www-data, files: [{path: /srv/app, dir: true, owner: "www-data:mail", mode: "2750"}]}
  - {from: public, to: /srv/app/public}
  - {from: modes, to: /opt/modes, mode: keep, owner: "4000000:4294967294"}
  - {from: box, to: /var/local/box, paths: [{match: [private], owner: "mail", dir_mode: "0700", file_mode: "0640"}]}
  - name: changes
    files:
      - {path: /etc/cron.d/job, content: "* * * * * root true\n", mode: "0600", mtime: 1700000000}
      - {path: /etc/alternatives/shop, link: /srv/app/start}
      - {path: /var/log/shop, dir: true, owner: www-data, mode: "3775"}
      - {path: /var/mail/readme, content: "", owner: "0:mail"}
      - {path: /etc/issue.net, remove: true}
      - {path: /etc/skel, remove: true}
      - {path: /etc/terminfo, remove: true}
      - {path: /srv/app/stale, remove: true}
      - {path: /lib/old, remove: true}
  - name: reborn
    files:
      - {path: /etc/skel/born, content: "again\n"}
  - from: bin
    to: /usr/local/bin
    paths: [{match: [serve], capabilities: [cap_net_bind_service]}]
    files: [{path: /usr/local/sbin/serve, content: "#!/bin/sh\n", mode: "0755", capabilities: [cap_net_bind_service]}]
  - {context: tools, from: ., to: /opt/tools, exclude: ["**/*.o"], owner: daemon}
  - {from: swapped, to: /, replace: true}
  - {from: again, to: /, replace: true}
"##;

/// The files of the project: path, mode, content.
const FILES: &[(&str, u32, &str)] = &[
    ("root/tmp/x", 0o600, "x\n"),
    ("root/lib/y", 0o644, "y\n"),
    ("root/lib/old", 0o644, "removed by a later layer\n"),
    ("root/bin/z", 0o744, "#!/bin/sh\necho z\n"),
    ("root/var/run/w", 0o644, "w\n"),
    ("root/srv/new/v", 0o644, "v\n"),
    ("root/var/local/tool", 0o644, "t\n"),
    ("root/etc/shop.conf", 0o640, "shop\n"),
    ("root/etc/os-release", 0o644, "ID=shop\n"),
    ("root/etc/debian_version", 0o644, "13\n"),
    ("root/usr/share/shop/hard-1", 0o644, "one inode\n"),
    ("root/usr/share/shop/nothing", 0o644, ""),
    ("app/start", 0o755, "#!/bin/sh\n"),
    ("app/stale", 0o644, "removed by a later layer\n"),
    ("app/storage/log", 0o644, "log\n"),
    ("public/index.html", 0o644, "<p>\n"),
    ("modes/setuid", 0o4755, "u\n"),
    ("modes/setgid", 0o2711, "g\n"),
    ("modes/private", 0o400, "p\n"),
    ("modes/sticky/file", 0o666, "s\n"),
    ("modes/shared/file", 0o660, "h\n"),
    ("box/private/key", 0o644, "k\n"),
    ("box/open", 0o644, "o\n"),
    ("../tools/bin/tool", 0o755, "#!/bin/sh\n"),
    ("../tools/bin/tool.o", 0o644, "left out\n"),
    ("bin/serve", 0o755, "#!/bin/sh\nserve\n"),
    ("swapped/etc/cron.daily", 0o644, "a file now\n"),
    ("swapped/etc/motd/today", 0o644, "a folder now\n"),
    ("swapped/usr/share/info", 0o644, "a file for one layer\n"),
    ("again/usr/share/info/new", 0o644, "a folder again\n"),
];

/// Writes the project into a folder, which has the build file already.
pub(crate) fn write_project(dir: &Path) {
    let written = |why: std::io::Error| -> ! { panic!("the workbench is writable: {why}") };
    let add = |path: &Path, mode: u32, content: &str| {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().expect("an inner path")).unwrap_or_else(|why| written(why));
        fs::write(&path, content).unwrap_or_else(|why| written(why));
        mode_of(&path, mode);
    };
    for (path, mode, content) in FILES {
        add(Path::new(path), *mode, content);
    }
    let share = Path::new("root/usr/share/shop");
    add(&share.join(std::ffi::OsStr::from_bytes(ODD)), 0o644, "odd\n");
    add(&share.join(long(120)), 0o644, "120\n");
    add(&share.join(long(200)).join(long(255)), 0o644, "456\n");
    let share = dir.join(share);
    fs::create_dir(share.join("empty")).unwrap_or_else(|why| written(why));
    fs::hard_link(share.join("hard-1"), share.join("hard-2")).unwrap_or_else(|why| written(why));
    symlink("../../../etc/shop.conf", share.join("up")).unwrap_or_else(|why| written(why));
    symlink("/nowhere/at all", share.join("dangling")).unwrap_or_else(|why| written(why));
    symlink(long(300), share.join("far")).unwrap_or_else(|why| written(why));
    mode_of(&dir.join("modes"), 0o755);
    mode_of(&dir.join("modes/sticky"), 0o1777);
    mode_of(&dir.join("modes/shared"), 0o2770);
}

fn mode_of(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the workbench is writable");
}

/// The folder that the naive layers are made of: what the image's first layer brings, as a user would pack it.
pub(crate) fn naive_folder(project: &Path) -> PathBuf {
    project.join("root")
}

/// The tree that the image must have over a base: everything that the build file names, and all else as it was.
pub(crate) fn expected(base: &Tree) -> Tree {
    let mut tree = base.clone();
    for path in ["etc/issue.net", "etc/skel", "etc/terminfo"] {
        assert!(tree.contains_key(path.as_bytes()), "the base has /{path} to be removed");
        remove(&mut tree, path.as_bytes());
    }
    tree.extend(first_layer());
    tree.extend(own_folders());
    tree.extend(changes());
    tree.extend(capable());
    replace(&mut tree);
    tree
}

fn folder(path: &str) -> (Vec<u8>, Node) {
    (path.into(), Node::new(Kind::Folder, 1))
}

fn link(path: &str, target: &str) -> (Vec<u8>, Node) {
    (path.into(), Node::new(Kind::Link(target.into()), 1))
}

/// A file with a time by its content.
fn file(path: impl Into<Vec<u8>>, content: &str) -> (Vec<u8>, Node) {
    let mut first = [0; 8];
    first.copy_from_slice(&Digest::of(content.as_bytes()).as_bytes()[..8]);
    let time = 315_532_800 + u64::from_be_bytes(first) % 1_000_000_000;
    (path.into(), Node::new(Kind::file(content.as_bytes()), i64::try_from(time).expect("before 2012")))
}

fn owned((path, node): (Vec<u8>, Node), uid: u32, gid: u32, mode: u32) -> (Vec<u8>, Node) {
    (path, Node { uid, gid, mode, ..node })
}

/// A whole `tmp/ lib/ bin/ etc/ usr/ var/ srv/` brought to the root: what it writes lands behind the base's symlinks.
fn first_layer() -> Vec<(Vec<u8>, Node)> {
    let z = file("usr/bin/z", "#!/bin/sh\necho z\n");
    let share = "usr/share/shop";
    vec![
        file("tmp/x", "x\n"),
        file("usr/lib/y", "y\n"),
        owned(z, 0, 0, 0o755),
        file("run/w", "w\n"),
        folder("srv/new"),
        file("srv/new/v", "v\n"),
        file("var/local/tool", "t\n"),
        file("etc/shop.conf", "shop\n"),
        file("etc/os-release", "ID=shop\n"),
        file("etc/debian_version", "13\n"),
        folder(share),
        folder(&format!("{share}/empty")),
        file(format!("{share}/hard-1"), "one inode\n"),
        file(format!("{share}/hard-2"), "one inode\n"),
        file(format!("{share}/nothing"), ""),
        file([share.as_bytes(), b"/", ODD].concat(), "odd\n"),
        file(format!("{share}/{}", long(120)), "120\n"),
        folder(&format!("{share}/{}", long(200))),
        file(format!("{share}/{}/{}", long(200), long(255)), "456\n"),
        link(&format!("{share}/up"), "../../../etc/shop.conf"),
        link(&format!("{share}/dangling"), "/nowhere/at all"),
        link(&format!("{share}/far"), &long(300)),
    ]
}

/// Folders with owners and modes, one of them below what a lower layer made.
fn own_folders() -> Vec<(Vec<u8>, Node)> {
    let www = |entry, mode| owned(entry, WWW_DATA, WWW_DATA, mode);
    let kept = |entry, mode| owned(entry, 4_000_000, 4_294_967_294, mode);
    vec![
        owned(folder("srv/app"), WWW_DATA, 8, 0o2750),
        www(file("srv/app/start", "#!/bin/sh\n"), 0o755),
        www(folder("srv/app/storage"), 0o755),
        www(file("srv/app/storage/log", "log\n"), 0o644),
        folder("srv/app/public"),
        file("srv/app/public/index.html", "<p>\n"),
        kept(folder("opt/modes"), 0o755),
        kept(file("opt/modes/setuid", "u\n"), 0o4755),
        kept(file("opt/modes/setgid", "g\n"), 0o2711),
        kept(file("opt/modes/private", "p\n"), 0o400),
        kept(folder("opt/modes/sticky"), 0o1777),
        kept(file("opt/modes/sticky/file", "s\n"), 0o666),
        kept(folder("opt/modes/shared"), 0o2770),
        kept(file("opt/modes/shared/file", "h\n"), 0o660),
        owned(folder("opt/tools"), 1, 1, 0o755),
        owned(folder("opt/tools/bin"), 1, 1, 0o755),
        owned(file("opt/tools/bin/tool", "#!/bin/sh\n"), 1, 1, 0o755),
        folder("var/local/box"),
        file("var/local/box/open", "o\n"),
        owned(folder("var/local/box/private"), 8, 8, 0o700),
        owned(file("var/local/box/private/key", "k\n"), 8, 8, 0o640),
    ]
}

fn changes() -> Vec<(Vec<u8>, Node)> {
    let (job, node) = file("etc/cron.d/job", "* * * * * root true\n");
    vec![
        (job, Node { mode: 0o600, mtime: 1_700_000_000, ..node }),
        link("etc/alternatives/shop", "/srv/app/start"),
        owned(folder("var/log/shop"), WWW_DATA, WWW_DATA, 0o3775),
        owned(file("var/mail/readme", ""), 0, 8, 0o644),
        folder("etc/skel"),
        file("etc/skel/born", "again\n"),
    ]
}

fn capable() -> Vec<(Vec<u8>, Node)> {
    let attributes = [("security.capability".to_owned(), BIND_SERVICE.to_vec())];
    let capable = |(path, node)| (path, Node { mode: 0o755, xattrs: attributes.clone().into(), ..node });
    vec![
        capable(file("usr/local/bin/serve", "#!/bin/sh\nserve\n")),
        capable(file("usr/local/sbin/serve", "#!/bin/sh\n")),
    ]
}

fn replace(tree: &mut Tree) {
    for path in ["etc/cron.daily", "etc/motd", "usr/share/info"] {
        assert!(tree.contains_key(path.as_bytes()), "the base has /{path} to be replaced");
        remove(tree, path.as_bytes());
    }
    tree.extend([
        file("etc/cron.daily", "a file now\n"),
        folder("etc/motd"),
        file("etc/motd/today", "a folder now\n"),
        folder("usr/share/info"),
        file("usr/share/info/new", "a folder again\n"),
    ]);
}
