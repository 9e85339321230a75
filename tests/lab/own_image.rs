//! dockless's own image, made by dockless from this project's build file, and used as CI systems use it.

use std::fs;
use std::path::Path;

use crate::support::docker::{docker, load};
use crate::support::process::run;
use crate::support::servers::variable;
use crate::support::workbench::Workbench;

/// What a runner of containers takes away.
const RESTRICTED: [&str; 6] =
    ["--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp", "--rm"];

#[test]
fn our_own_image_ships_a_project_as_nobody_with_a_shell_and_authorities() {
    let bench = Workbench::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |name: &str| fs::read_to_string(root.join(name)).expect("a file of the project");
    let licences = ["LICENSE-APACHE", "LICENSE-MIT"].map(|name| (name, text(name)));
    let files: Vec<(&str, &str)> = licences.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let own = bench.project(&text("build.yaml"), &files);
    fs::create_dir_all(own.dir.join("target/release")).expect("the workbench is writable");
    fs::copy(env!("CARGO_BIN_EXE_dockless"), own.dir.join("target/release/dockless")).expect("the program");
    let archive = bench.path("own.tar").display().to_string();
    let base = format!("oci-archive:{}", variable("PHP_BASE"));
    let mut build = bench.dockless();
    build.arg("-C").arg(&own.dir).args(["build", "--base", &base, "-o", &format!("docker-archive:{archive}")]);
    run(&mut build).ok();
    let image = load(&bench, &archive);
    let started = |options: &[&str], words: &[&str]| {
        docker(&bench, &[&["run"], &RESTRICTED[..], options, &[image.as_str()], words].concat()).ok().stdout
    };
    assert_eq!(started(&[], &["--version"]), format!("dockless {}\n", env!("CARGO_PKG_VERSION")));
    let shell = "id -u; test -r /etc/ssl/certs/ca-certificates.crt; test -r /usr/share/doc/dockless/LICENSE-MIT; \
                 command -v dockless";
    assert_eq!(started(&["--entrypoint=/bin/sh"], &["-euc", shell]), "65534\n/usr/local/bin/dockless\n");
    let shop = bench.myshop();
    let volume = format!("--volume={}:/project:ro", shop.dir.display());
    let shipped = started(&[&volume], &["ship", "--sandbox"]);
    assert!(shipped.contains("/appkr/myshop:1.4@sha256:"), "{shipped}");
}
