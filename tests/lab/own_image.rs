//! dockless's own image, made by dockless from this project's build file, and used as CI systems use it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;

use crate::support::authority::Authority;
use crate::support::docker::{docker, load};
use crate::support::process::run;
use crate::support::server::{Server, htpasswd};
use crate::support::servers::variable;
use crate::support::workbench::Workbench;

/// What a runner of containers takes away.
const RESTRICTED: [&str; 6] =
    ["run", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp", "--rm"];

/// Builds the image of the program that is tested, and gives it to the engine.
fn own_image(bench: &Workbench, base: &str) -> String {
    let (root, place) = (Path::new(env!("CARGO_MANIFEST_DIR")), bench.path("own"));
    fs::create_dir_all(place.join("target/release")).expect("the workbench is writable");
    for name in ["build.yaml", "LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(root.join(name), place.join(name)).expect("a file of the project");
    }
    fs::copy(env!("CARGO_BIN_EXE_dockless"), place.join("target/release/dockless")).expect("the program");
    let archive = bench.path("own.tar").display().to_string();
    let build = ["build", "--base", base, "-o", &format!("docker-archive:{archive}")];
    run(bench.dockless().arg("-C").arg(&place).args(build)).ok();
    load(bench, &archive)
}

#[test]
fn our_own_image_ships_a_project_as_nobody_with_a_shell_and_authorities() {
    let bench = Workbench::new();
    let image = own_image(&bench, &format!("oci-archive:{}", variable("PHP_BASE")));
    let started = |options: &[&str], words: &[&str]| {
        let restricted = [&RESTRICTED[..], &["--network=none"]].concat();
        docker(&bench, &[&restricted[..], options, &[image.as_str()], words].concat()).ok().stdout
    };
    assert_eq!(started(&[], &["--version"]), format!("dockless {}\n", env!("CARGO_PKG_VERSION")));
    // As GitLab starts it: no entrypoint, and the script goes to the shell.
    let shell = "id -u; test -r /etc/ssl/certs/ca-certificates.crt; test -r /usr/share/doc/dockless/LICENSE-MIT; \
                 command -v dockless; pwd";
    assert_eq!(started(&["--entrypoint="], &["sh", "-euc", shell]), "65534\n/usr/local/bin/dockless\n/project\n");
    let shop = bench.myshop();
    let volume = format!("--volume={}:/project:ro", shop.dir.display());
    let shipped = started(&[&volume], &["ship", "--sandbox"]);
    let here = run(bench.dockless().arg("-C").arg(&shop.dir).args(["ship", "--sandbox"])).ok().stdout;
    assert!(shipped.contains("/appkr/myshop:1.4@sha256:"), "{shipped}");
    assert_eq!(shipped, here, "the same image as outside");
}

/// A base as the build file asks for: with a shell, and with the certificates of one authority.
fn base(bench: &Workbench, authority: &Authority) -> String {
    let build = format!(
        "version: 1\nbase: oci-archive:{}\nlayers:\n  - name: authorities\n    files:\n      - \
         {{path: /etc/ssl/certs/ca-certificates.crt, from: bundle.pem}}\n",
        variable("PHP_BASE")
    );
    let project = bench.project(&build, &[]);
    authority.write(&project.dir.join("bundle.pem"));
    let place = format!("oci:{}", bench.path("base").display());
    run(bench.dockless().arg("-C").arg(&project.dir).args(["build", "--output", &place])).ok();
    place
}

#[test]
fn our_own_image_trusts_whom_its_base_trusts() {
    let bench = Workbench::new();
    let authority = Authority::new();
    let (cert, key) = authority.server(IpAddr::V4(Ipv4Addr::LOCALHOST)).write(&bench.path("tmp"), "server");
    let tls = format!("  tls: {{certificate: {}, key: {}}}\n", cert.display(), key.display());
    let server = Server::registry(&bench, "127.0.0.1", &tls, &htpasswd(&bench, "lab", "canary"));
    bench.docker_login(&server.authority, "lab:canary");
    let image = own_image(&bench, &base(&bench, &authority));
    let hosts = format!("hosts: {{\"{}\": {{scheme: https}}}}\n", server.authority);
    fs::write(bench.path("docker/config.yaml"), hosts).expect("the workbench is writable");
    let shop = bench.myshop();
    // The user of the image reads what is mounted.
    run(Command::new("chmod").args(["-R", "a+rX"]).args([bench.path("docker"), shop.dir.clone()])).ok();
    let config = format!("--volume={}:/config:ro", bench.path("docker").display());
    let project = format!("--volume={}:/project:ro", shop.dir.display());
    let name = format!("{}/own/shop", server.authority);
    let options = ["--network=host", &config, &project, "--env=DOCKER_CONFIG=/config"];
    let words = ["--env=DOCKLESS_CONFIG=/config/config.yaml", &image, "--name", &name, "--tag", "1", "push"];
    let pushed = docker(&bench, &[&RESTRICTED[..], &options, &words].concat()).ok().stdout;
    assert!(pushed.starts_with(&format!("{name}:1@sha256:")), "{pushed}");
}
