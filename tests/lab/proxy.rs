//! A machine that reaches nothing but a proxy: a network namespace whose only neighbour is tinyproxy. Registry and AWS
//! are behind it, under an authority of the company's.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use crate::support::authority::Authority;
use crate::support::aws::Aws;
use crate::support::process::{Finished, run};
use crate::support::server::{Server, htpasswd};
use crate::support::servers::{ECR_HOST, free_port, moto};
use crate::support::workbench::Workbench;

/// A namespace with a link to the proxy, and an address beside it that it has no way to. Gone when dropped.
struct Locked {
    name: String,
    /// Where the proxy listens.
    neighbour: Ipv4Addr,
    /// Where the servers listen.
    beyond: Ipv4Addr,
    links: [String; 2],
}

fn ip(arguments: &str) -> Finished {
    run(Command::new("ip").args(arguments.split(' ')))
}

impl Locked {
    fn new() -> Self {
        let id = std::process::id();
        // Two runs at once have other numbers.
        let (a, b) = ((id >> 6) as u8, ((id & 63) << 2) as u8);
        let (name, near, far) = (format!("dockless-{id}"), format!("dln{id}"), format!("dlf{id}"));
        let (neighbour, own) = (Ipv4Addr::new(10, 213, a, b + 1), Ipv4Addr::new(10, 213, a, b + 2));
        let beyond = Ipv4Addr::new(10, 214, a, b + 1);
        let locked = Self { name: name.clone(), neighbour, beyond, links: [near.clone(), far.clone()] };
        for line in [
            format!("netns add {name}"),
            format!("link add {near} type veth peer name eth0 netns {name}"),
            format!("addr add {neighbour}/30 dev {near}"),
            format!("link set {near} up"),
            format!("-n {name} addr add {own}/30 dev eth0"),
            format!("-n {name} link set eth0 up"),
            format!("-n {name} link set lo up"),
            format!("link add {far} type veth peer name {far}p"),
            format!("addr add {beyond}/32 dev {far}"),
            format!("link set {far} up"),
        ] {
            ip(&line).ok();
        }
        locked
    }

    /// Makes a command run inside.
    fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.name]).arg(command.get_program()).args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                inside.env(name, value);
            }
        }
        inside
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        for link in &self.links {
            ip(&format!("link del {link}"));
        }
        ip(&format!("netns del {}", self.name));
    }
}

/// Starts the proxy at an address, as Debian has it.
fn tinyproxy(bench: &Workbench, address: Ipv4Addr) -> Server {
    let port = free_port();
    let config = bench.path("tinyproxy.conf");
    let text = format!(
        "Port {port}\nListen {address}\nTimeout 600\nMaxClients 100\nBasicAuth proxy canary\nLogLevel Connect\n\
         LogFile \"{}\"\n",
        bench.path("tinyproxy.log").display()
    );
    fs::write(&config, text).expect("the workbench is writable");
    let mut command = Command::new("tinyproxy");
    command.arg("-d").arg("-c").arg(&config);
    Server::start(&mut command, &bench.path("tinyproxy.txt"), &format!("{address}:{port}"))
}

#[test]
fn registry_ecr_and_ecs_are_reached_through_the_only_way_out() {
    let (bench, locked) = (Workbench::new(), Locked::new());
    let authority = Authority::new();
    let certified = authority.server(IpAddr::V4(locked.beyond));
    let (cert, key) = certified.write(&bench.path("tmp"), "server");
    let tls = format!("  tls: {{certificate: {}, key: {}}}\n", cert.display(), key.display());
    let (user, password) = ("AWS", "123456789012-auth-token");
    let registry = Server::registry(&bench, &locked.beyond.to_string(), &tls, &htpasswd(&bench, user, password));
    let aws = certified.front(IpAddr::V4(locked.beyond), crate::support::servers::authority(&moto()));
    let proxy = tinyproxy(&bench, locked.neighbour);
    let ca = authority.write(&bench.path("ca.pem"));
    let config = format!("hosts: {{{ECR_HOST}: {{endpoint: \"{}\", scheme: https}}}}\n", registry.authority);
    fs::write(bench.path("config.yaml"), config).expect("the workbench is writable");

    let name = "locked-down";
    Aws::at(&moto()).make_service(name);
    let project = bench
        .myshop()
        .with("appkr/myshop", "proxy/shop")
        .with("cluster: myshop", &format!("cluster: {name}"))
        .with("services: [myshop]", &format!("services: [{name}]"))
        .with("containers: [myshop]", &format!("containers: [{name}]"));
    let inside = |arguments: &[&str], proxied: bool| {
        let mut command = bench.dockless();
        command.arg("-C").arg(&project.dir).args(arguments);
        command.env("AWS_ENDPOINT_URL", format!("https://{}:{aws}", locked.beyond)).env("AWS_CA_BUNDLE", &ca);
        if proxied {
            command.env("HTTPS_PROXY", format!("http://proxy:canary@{}", proxy.authority));
        }
        run(&mut locked.inside(&command))
    };
    let shipped = inside(&["ship", "--no-wait", "--json"], true).ok();
    assert!(!shipped.stderr.contains("canary"), "{shipped}");
    let report = shipped.json();
    assert_eq!(report["verdict"], "not_awaited");
    let image = report["image"].as_str().expect("a reference");
    let seen = Aws::at(&moto()).task_definition(name);
    assert_eq!(seen["containerDefinitions"][0]["image"], *image);
    let log = fs::read_to_string(bench.path("tinyproxy.log")).expect("the proxy's log");
    for server in [registry.authority.clone(), format!("{}:{aws}", locked.beyond)] {
        assert!(log.contains(&server), "{server} was not asked for through the proxy:\n{log}");
    }
    // The proof that there is no other way.
    let copy = format!("{}/proxy/shop:1.4", registry.authority);
    inside(&["inspect", &copy], false).fails(5, &["cannot reach", &registry.authority]);
}
