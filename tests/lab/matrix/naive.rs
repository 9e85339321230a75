//! The control: layers made by `tar` of the same folder, without knowing the base. Each runtime damages the base in a way
//! of its own, and the comparison of the matrix sees it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::runtimes::{NAMES, Runtimes};
use super::{Image, KEPT, documented, fixture, shown};
use crate::support::process::run;
use crate::support::servers::{registry, registry_login, variable};
use crate::support::skopeo::{copy, push};
use crate::support::tree::{Kind, Tree, assert_equal, differences};
use crate::support::workbench::Workbench;

/// What the table shows of a tree.
const COLUMNS: [&str; 4] = ["tmp", "var/local", "lib", "var/run"];

/// What `tar` does with a folder: with an entry for each folder, as `tar -c .` does, or with files alone.
#[derive(Clone, Copy)]
enum Folders {
    Written,
    LeftOut,
}

impl Folders {
    fn tag(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::LeftOut => "left-out",
        }
    }

    /// Whether each runtime damages the base with it. umoci alone looks at the tree that it unpacks upon, and then only
    /// where the layer does not say what a folder is.
    fn damages(self) -> [bool; 4] {
        match self {
            Self::Written => [true, true, true, true],
            Self::LeftOut => [true, true, true, false],
        }
    }
}

/// Packs the folder.
#[track_caller]
fn packed(bench: &Workbench, folder: &Path, folders: Folders) -> PathBuf {
    let layer = bench.path(folders.tag()).with_extension("tar");
    let which = match folders {
        Folders::Written => "-mindepth 1",
        Folders::LeftOut => "! -type d",
    };
    let pack = format!(
        "find . {which} -print0 | sort -z | tar -c --null --no-recursion --owner=0 --group=0 --mtime=@1 -T - -f \"$0\""
    );
    run(Command::new("sh").current_dir(folder).args(["-c", &pack]).arg(&layer)).ok();
    layer
}

/// Puts the layer upon the base, as it is, and pushes the image.
#[track_caller]
fn appended(bench: &Workbench, layer: &Path, tag: &str) -> Image {
    let layout = bench.path("naive");
    let image = |tag: &str| format!("{}:{tag}", layout.display());
    copy(&format!("oci-archive:{}", variable("PHP_BASE")), &format!("oci:{}", image("base")));
    let mut append = Command::new("umoci");
    append.args(["raw", "add-layer", "--image", &image("base"), "--tag", tag]).arg(layer);
    run(&mut append).ok();
    push(&layout, tag, &format!("docker://{}/matrix/naive:{tag}", registry()));
    Image::pushed(bench, "matrix/naive", tag)
}

fn row(layer: &str, runtime: &str, tree: &Tree, starts: bool) -> String {
    let cells = COLUMNS.map(|path| match tree.get(path.as_bytes()) {
        Some(node) if matches!(node.kind, Kind::Link(_)) => format!("`-> {}`", shown(node).trim_start_matches("l ")),
        Some(node) => format!("`{:04o}` {}:{}", node.mode, node.uid, node.gid),
        None => "gone".to_owned(),
    });
    let starts = if starts { "start" } else { "**do not start**" };
    format!("| {layer} | {runtime} | {} | {starts} |\n", cells.join(" | "))
}

fn rows(layer: &str, runtimes: &Runtimes<'_>, trees: &[Tree; 4]) -> String {
    let started = runtimes.run("perl -e 1").map(|finished| finished.status.success());
    let each = NAMES.iter().zip(trees).zip(started);
    each.map(|((name, tree), starts)| row(layer, name, tree, starts)).collect()
}

#[test]
fn layers_made_without_the_base_damage_it_in_every_runtime_as_documented() {
    let bench = Workbench::new();
    bench.docker_login(&registry(), &registry_login());
    let ours = Image::built(&bench, "control");
    let kept = KEPT.map(|(path, _)| path);
    let mut base = ours.trees().0;
    base.retain(|path, _| kept.iter().any(|kept| kept.as_bytes() == path));
    let runtimes = Runtimes::unpack(&bench, &ours);
    let trees = runtimes.at(&kept);
    for (name, tree) in NAMES.iter().zip(&trees) {
        assert_equal(&base, tree, name);
    }
    let mut table = rows("dockless", &runtimes, &trees);
    let folder = fixture::naive_folder(&bench.path("project"));
    for (title, folders) in [("`tar`, folders written", Folders::Written), ("`tar`, files alone", Folders::LeftOut)] {
        let image = appended(&bench, &packed(&bench, &folder, folders), folders.tag());
        let runtimes = Runtimes::unpack(&bench, &image);
        let trees = runtimes.at(&kept);
        let damaged = trees.each_ref().map(|tree| !differences(&base, tree).is_empty());
        assert_eq!(damaged, folders.damages(), "{title}: where the comparison sees damage");
        table += &rows(title, &runtimes, &trees);
    }
    assert!(documented().contains(&table), "docs/layers.md does not have this table:\n{table}");
}
