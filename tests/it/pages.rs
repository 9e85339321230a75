//! The how-to pages are run as they stand: each in a project of the page's own build file, its commands given to a shell,
//! against registries and an ECS in this process.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use dockless::pipeline::SystemClock;
use dockless::sandbox::{Personality, Sandbox, SandboxOptions, Seed, SeedService};
use serde_json::{Value, json};

use super::support::Runner;

/// The registries of the pages.
const HOSTS: [&str; 6] = [
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
    "docker.io",
    "prod.example.com",
    "registry.example.com",
    "registry.internal",
    "staging.example.com",
];
/// The images that are there: what the pages build on, and one that was pushed before.
const BASES: [&str; 4] = [
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/web:1.4",
    "docker.io/library/php:8.3-apache",
    "registry.example.com/bases/node:22",
    "registry.example.com/bases/php:8.3",
];
/// What else they call: made before, or beside.
const OTHER_PROGRAMS: [&str; 5] = ["cargo", "composer", "docker", "npm", "uv"];
/// A base that has the users and programs of the pages.
const BASE: &str = r##"version: 1
base: scratch
layers:
  - name: system
    files:
      - {path: /etc/passwd, content: "root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nnode:x:1000:1000::/:/bin/sh\n"}
      - {path: /etc/group, content: "root:x:0:\nwww-data:x:33:\nnode:x:1000:\n"}
      - {path: /usr/local/bin/node, content: "#!/bin/sh\n", mode: "0755"}
      - {path: /usr/local/bin/uvicorn, content: "#!/bin/sh\n", mode: "0755"}
      - {path: /usr/local/bin/apache2-foreground, content: "#!/bin/sh\n", mode: "0755"}
      - {path: /etc/apache2/sites-available/000-default.conf, content: "\n"}
      - {path: /bin/sh, content: "", mode: "0755"}
config: {env: {PATH: "/usr/local/bin:/bin"}, cmd: [node]}
"##;

/// What a page has in a fence.
enum Block {
    BuildFile(String),
    Commands(String),
}

/// Returns the build files and the commands of a page, in its order.
fn fenced(page: &str) -> Vec<Block> {
    let (mut found, mut lines) = (Vec::new(), page.lines());
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: String = lines.by_ref().take_while(|l| !l.starts_with("```")).map(|l| format!("{l}\n")).collect();
        match info {
            "yaml" if block.starts_with("version: 1\n") => found.push(Block::BuildFile(block)),
            "sh" => found.push(Block::Commands(block)),
            _ => {}
        }
    }
    found
}

/// Everything that the pages speak to.
struct World {
    sandbox: Option<Sandbox>,
    runtime: tokio::runtime::Runtime,
    runner: Runner,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let mut options = SandboxOptions::new(folder.path().join("state"), Arc::new(SystemClock));
        options.region = "eu-central-1".to_owned();
        options.personality = Personality::distribution();
        let sandbox = runtime.block_on(Sandbox::start(options)).expect("the stand-in starts");
        let address = sandbox.address();
        let hosts = HOSTS.map(|host| format!("  {host}: {{endpoint: \"{address}\", scheme: http}}\n")).concat();
        let logins = ["https://index.docker.io/v1/"].iter().chain(&HOSTS);
        let logins: serde_json::Map<String, Value> =
            logins.map(|host| ((*host).to_owned(), json!({"auth": sandbox.login().reveal()}))).collect();
        let place = |name: &str| folder.path().join(name);
        fs::write(place("config.yaml"), format!("hosts:\n{hosts}")).expect("a user configuration");
        fs::write(place("config.json"), json!({"auths": logins}).to_string()).expect("logins");
        for name in ["project", "base", "bin"] {
            fs::create_dir(place(name)).expect("a folder");
        }
        for name in OTHER_PROGRAMS {
            std::os::unix::fs::symlink("/bin/true", place("bin").join(name)).expect("a link");
        }
        let runner = Runner::new()
            .env("DOCKLESS_CONFIG", &place("config.yaml").display().to_string())
            .env("DOCKER_CONFIG", &folder.path().display().to_string())
            .env("AWS_ENDPOINT_URL", &sandbox.endpoint())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "eu-central-1");
        Self { sandbox: Some(sandbox), runtime, runner, folder }
    }

    /// Puts the base under its names.
    fn bases(&self) {
        let base = self.folder.path().join("base");
        fs::write(base.join("build.yaml"), BASE).expect("a build file");
        let image = format!("oci:{}", base.join("image").display());
        let built = self.runner.run(&base, &["build", "--output", &image]);
        assert_eq!(built.code, 0, "{}", built.stderr);
        for name in BASES {
            let copied = self.runner.run(&base, &["copy", &image, name]);
            assert_eq!(copied.code, 0, "{name}: {}", copied.stderr);
        }
    }

    /// Writes the build file, makes what its layers take, and the services that it deploys to.
    fn prepare(&self, text: &str) {
        let project = self.folder.path().join("project");
        let text =
            text.replace("${git.commit}", "0a1b2c3").replace("public.ecr.aws/docker/library/node:22-slim", BASES[2]);
        let text = text.replace("public.ecr.aws/docker/library/python:3.13-slim", BASES[2]);
        // The second account is another one's: its clusters are out of reach of the first one's credentials.
        let text = text.replace("210987654321.dkr.ecr.eu-central-1.amazonaws.com/", "prod.example.com/");
        let text = text.replace("venv: /opt/venv", "venv: venv").replace(":${PHP:-8.3}", ":8.3");
        let web = text.replace("/shop/api\n", "/shop/web\n").replace("services: [api]", "services: [web]");
        for (name, text) in [("build", &text), ("api", &text), ("web", &web)] {
            fs::write(project.join(format!("{name}.yaml")), text).expect("a build file");
        }
        let file: Value = serde_saphyr::from_str(&text).expect("YAML");
        fs::create_dir_all(project.join("venv/bin")).expect("a folder");
        fs::write(project.join("venv/bin/uvicorn"), "#!/bin/sh\n").expect("a program");
        for layer in file["layers"].as_array().into_iter().flatten() {
            match &layer["from"] {
                Value::String(from) if layer["context"].is_null() => {
                    fs::create_dir_all(project.join(from)).expect("a folder");
                    fs::write(project.join(from).join("file"), from).expect("a file");
                }
                Value::Object(platforms) => platforms.values().filter_map(Value::as_str).for_each(|from| {
                    let file = project.join(from);
                    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
                    fs::write(file, "#!/bin/sh\n").expect("a program");
                }),
                _ => {}
            }
        }
        let environments = file["environments"].as_object().into_iter().flatten().map(|(_, one)| &one["deploy"]);
        for deploy in environments.chain([&file["deploy"]]) {
            for service in [file["deploy"]["services"][0].as_str(), Some("web")] {
                self.seed(deploy["cluster"].as_str(), service);
            }
        }
    }

    fn seed(&self, cluster: Option<&str>, service: Option<&str>) {
        let (Some(cluster), Some(service)) = (cluster, service) else { return };
        let seeded = SeedService {
            name: service.to_owned(),
            family: service.to_owned(),
            containers: vec![service.to_owned()],
            image: format!("{}/shop/web:placeholder", HOSTS[0]),
            ..SeedService::default()
        };
        let seed = Seed { cluster: cluster.to_owned(), services: vec![seeded], ..Seed::default() };
        self.sandbox.as_ref().expect("it runs").seed(&seed).expect("what the page expects");
    }

    /// Gives commands to a shell, which ends at the first that fails.
    fn run(&self, commands: &str) -> Result<(), String> {
        let mut shell = Command::new("sh");
        self.runner.clear(&mut shell);
        let program = Path::new(env!("CARGO_BIN_EXE_dockless")).parent().expect("a folder");
        let path = format!("{}:{}:/usr/bin:/bin", self.folder.path().join("bin").display(), program.display());
        let done = shell.env("PATH", path).current_dir(self.folder.path().join("project"));
        let done = done.args(["-euc", commands]).output().expect("sh");
        match done.status.success() {
            true => Ok(()),
            false => Err(format!("{commands}\n{}: {}", done.status, String::from_utf8_lossy(&done.stderr))),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.runtime.block_on(sandbox.stop());
        }
    }
}

/// Runs a page from its top to its end.
fn run(page: &str) -> Result<(), String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page)).expect("a page");
    let world = World::new();
    world.bases();
    // A page without a build file goes on with the reader's own.
    world.prepare("version: 1\nname: registry.example.com/shop/web\nbase: scratch\nlayers: [{from: src, to: /srv}]\n");
    let mut ran = false;
    for block in fenced(&text) {
        match block {
            Block::BuildFile(text) => world.prepare(&text),
            Block::Commands(commands) => {
                world.run(&commands).map_err(|why| format!("{page}: {why}"))?;
                ran |= commands.contains("dockless ");
            }
        }
    }
    if ran { Ok(()) } else { Err(format!("{page} runs nothing")) }
}

#[test]
fn the_how_to_pages_run_as_written() {
    let pages = [
        "how-to/air-gapped.md",
        "how-to/environments.md",
        "how-to/fastapi-uv.md",
        "how-to/monorepo.md",
        "how-to/next.md",
        "how-to/private-base.md",
        "how-to/promote.md",
        "how-to/rust.md",
        "coming-from/docker-build.md",
        "coming-from/ecs-deploy.md",
        "coming-from/kaniko.md",
    ];
    // A deployment takes its seconds, so the pages take them together.
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let runs = pages.map(|page| scope.spawn(move || run(page)));
        runs.into_iter().filter_map(|run| run.join().expect("a page does not panic").err()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
