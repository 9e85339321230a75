//! One image, four runtimes: Docker, podman, containerd and umoci unpack it to one file system, which is the one that
//! the build file means. And what they do with layers that were made without knowing the base.

mod fixture;
mod naive;
mod runtimes;

use std::path::Path;

use crate::support::layers::apply;
use crate::support::servers::{registry, registry_login, variable};
use crate::support::skopeo::copy;
use crate::support::tree::{Kind, Node, Tree, assert_equal};
use crate::support::workbench::Workbench;
use crate::support::{layout, process::run};
use runtimes::{NAMES, Runtimes};

/// What the base brings and no layer may change, written down by hand: `/tmp` and what else has a mode or an owner of its
/// own, and the symlinks.
const KEPT: [(&str, &str); 9] = [
    ("tmp", "d 1777 0:0"),
    ("var/mail", "d 2775 0:8"),
    ("var/local", "d 2775 0:50"),
    ("run/lock", "d 1777 0:0"),
    ("root", "d 0700 0:0"),
    ("lib", "l usr/lib"),
    ("bin", "l usr/bin"),
    ("var/run", "l /run"),
    ("var/lock", "l /run/lock"),
];

/// A base's programs, the folders that a careless layer breaks, and the image's own program.
const PROGRAMS: &str = "perl -e 'print 6 * 7, qq(\\n)'; php -r 'echo PHP_MAJOR_VERSION, PHP_EOL;'; dpkg --version | head -n1 | \
     cut -d' ' -f1-4; ls /lib/os-release; stat -c %a /tmp; touch /tmp/new; z; cat /lib/y";
/// What they print.
const PRINTED: &str = "42\n8\nDebian 'dpkg' package management\n/lib/os-release\n1777\nz\ny\n";

/// An image in the lab's registry, and in a layout.
struct Image {
    name: String,
    layout: std::path::PathBuf,
    checked: layout::Checked,
}

impl Image {
    /// Builds the fixture with the real binary and pushes it. Each test has a repository of its own: the registry reads
    /// what another push writes at that moment, and refuses a manifest for it.
    #[track_caller]
    fn built(bench: &Workbench, name: &str) -> Self {
        let name = format!("matrix/{name}");
        let repository = format!("{}/{name}", registry());
        let base = format!("oci-archive:{}", variable("PHP_BASE"));
        let project = bench.project(&fixture::build_file(&repository, &base), &[]);
        fixture::write_project(&project.dir);
        bench.docker_login(&registry(), &registry_login());
        run(bench.dockless().arg("-C").arg(&project.dir).arg("push")).ok();
        Self::pushed(bench, &name, "ours")
    }

    /// Fetches what was pushed, and checks all digests.
    #[track_caller]
    fn pushed(bench: &Workbench, repository: &str, tag: &str) -> Self {
        let (layout, name) = (bench.path(&format!("layout-{tag}")), format!("{}/{repository}:{tag}", registry()));
        copy(&format!("docker://{name}"), &format!("oci:{}:{tag}", layout.display()));
        let checked = layout::check(&layout);
        Self { name, layout, checked }
    }

    /// The tree of the base, which is the lowest layer, and of all layers.
    fn trees(&self) -> (Tree, Tree) {
        let mut layers = layout::layers(&self.layout, &self.checked).into_iter();
        let mut base = Tree::new();
        apply(&mut base, layers.next().expect("a base has a layer"));
        let mut whole = base.clone();
        for layer in layers {
            apply(&mut whole, layer);
        }
        (base, whole)
    }
}

fn shown(node: &Node) -> String {
    match &node.kind {
        Kind::Folder => format!("d {:04o} {}:{}", node.mode, node.uid, node.gid),
        Kind::Link(target) => format!("l {}", String::from_utf8_lossy(target)),
        _ => node.to_string(),
    }
}

#[test]
fn four_runtimes_unpack_the_one_tree_that_the_build_file_means() {
    let bench = Workbench::new();
    let image = Image::built(&bench, "trees");
    let (base, applied) = image.trees();
    let expected = fixture::expected(&base);
    for (path, kept) in &KEPT {
        assert_eq!(shown(&expected[path.as_bytes()]), *kept, "/{path} of the base");
    }
    assert_equal(&expected, &applied, "the layers by the letter of the specification");
    let runtimes = Runtimes::unpack(&bench, &image);
    for (name, tree) in NAMES.iter().zip(runtimes.trees()) {
        assert_equal(&expected, &tree, name);
    }
    for (name, finished) in NAMES.iter().zip(runtimes.run(PROGRAMS)) {
        assert_eq!(finished.ok().stdout, PRINTED, "{name}");
    }
}

#[test]
fn every_layer_holds_the_folders_of_what_it_holds_and_never_the_root() {
    let bench = Workbench::new();
    let image = Image::built(&bench, "folders");
    for layer in layout::layers(&image.layout, &image.checked).into_iter().skip(1) {
        let (mut tree, _) = image.trees();
        let paths = apply(&mut tree, layer);
        for path in &paths {
            let folder = path.iter().rposition(|byte| *byte == b'/').map(|at| &path[..at]);
            assert!(!path.is_empty(), "the root");
            assert!(folder.is_none_or(|folder| paths.contains(folder)), "/{} has its folder", path.escape_ascii());
        }
    }
}

/// Where the table of what runtimes do stands for readers.
fn documented() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/layers.md");
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}
