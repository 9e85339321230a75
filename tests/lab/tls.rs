//! Debian's registry behind TLS whose authority nobody knows, with Basic authentication.

use std::net::{IpAddr, Ipv4Addr};

use crate::support::authority::Authority;
use crate::support::process::run;
use crate::support::server::{Server, htpasswd};
use crate::support::workbench::Workbench;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A registry with an authority of its own, and the authority's file.
fn registry(bench: &Workbench) -> (Server, String) {
    let authority = Authority::new();
    let (cert, key) = authority.server(LOOPBACK).write(&bench.path("tmp"), "server");
    let tls = format!("  tls: {{certificate: {}, key: {}}}\n", cert.display(), key.display());
    let ca = authority.write(&bench.path("ca.pem")).display().to_string();
    (Server::registry(bench, "127.0.0.1", &tls, &htpasswd(bench, "lab", "canary")), ca)
}

fn build(name: &str) -> String {
    format!("version: 1\nname: {name}\ntags: [\"1\"]\nbase: scratch\nlayers:\n  - {{from: app, to: /app}}\n")
}

#[test]
fn a_private_authority_is_trusted_by_host_by_bundle_and_by_the_system() {
    let bench = Workbench::new();
    let (server, ca) = registry(&bench);
    bench.docker_login(&server.authority, "lab:canary");
    let project = bench.project(&build(&format!("{}/tls/shop", server.authority)), &[("app/hello.txt", "hello\n")]);
    let push = |config: &str, variable: Option<&str>| {
        std::fs::write(bench.path("config.yaml"), config).expect("the workbench is writable");
        let mut command = bench.dockless();
        command.arg("-C").arg(&project.dir).args(["push", "--json"]);
        if let Some(variable) = variable {
            command.env(variable, &ca);
        }
        run(&mut command)
    };
    let host = &server.authority;
    let https = format!("hosts: {{\"{host}\": {{scheme: https}}}}\n");
    let unknown = push(&https, None);
    assert!(!unknown.stderr.contains("canary"), "{unknown}");
    unknown.fails(5, &["certificate", "is not trusted", "ca: FILE"]);
    let first = push(&format!("hosts: {{\"{host}\": {{scheme: https, ca: {ca}}}}}\n"), None).ok().json();
    for variable in ["SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        let again = push(&https, Some(variable)).ok().json();
        assert_eq!((&again["digest"], &again["uploaded_bytes"]), (&first["digest"], &0.into()), "{variable}");
    }
}

#[test]
fn a_copy_goes_from_one_registry_into_another_and_back_to_a_layout() {
    let bench = Workbench::new();
    let (server, ca) = registry(&bench);
    use base64::Engine as _;
    let basic = |login: &str| base64::engine::general_purpose::STANDARD.encode(login);
    let (other, login) = (crate::support::servers::registry(), crate::support::servers::registry_login());
    let auths = serde_json::json!({"auths": {
        server.authority.clone(): {"auth": basic("lab:canary")}, other.clone(): {"auth": basic(&login)},
    }});
    std::fs::write(bench.path("docker/config.json"), auths.to_string()).expect("the workbench is writable");
    let config = format!("hosts: {{\"{}\": {{scheme: https, ca: {ca}}}}}\n", server.authority);
    std::fs::write(bench.path("config.yaml"), config).expect("the workbench is writable");
    let (there, here) = (format!("{}/tls/copied:1", server.authority), format!("{other}/tls/copied:1"));
    let project = bench.project(&build(there.trim_end_matches(":1")), &[("app/hello.txt", "hello\n")]);
    let pushed = run(bench.dockless().arg("-C").arg(&project.dir).args(["push", "--json"])).ok().json();
    let copied = run(bench.dockless().args(["copy", "--json", &there, &here])).ok().json();
    assert_eq!(copied["digest"], pushed["digest"]);
    let layout = bench.path("layout");
    let place = format!("oci:{}", layout.display());
    run(bench.dockless().args(["copy", &here, &place])).ok();
    assert_eq!(pushed["digest"], *crate::support::layout::check(&layout).digest);
    let told = run(bench.dockless().args(["inspect", "--json", &place])).ok().json();
    assert_eq!(told["digest"], pushed["digest"]);
}
