//! `init`: what is recognised, what is written, what is refused, and Dockerfiles taken over.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dockless::init::{self, Kind, LiveContainer, LiveService, Options, Start};
use dockless::spec::{self, BuildSpec, ConfigSpec, Inputs, Overrides};
use dockless::tree::MemorySources;
use serde_json::{Value, json};

use super::support::{Run, Runner, StandIn, account_host};

/// Reads the build file of some documents as any command does.
#[track_caller]
fn loaded(start: &Start) -> BuildSpec {
    let project = tempfile::tempdir().expect("a folder");
    let path = fs::canonicalize(project.path()).expect("a path");
    fs::write(path.join("build.yaml"), &start.documents[0].text).expect("a build file");
    let (overrides, none) = (Overrides::default(), |_: &str| None);
    let inputs = Inputs { project: &path, file: None, environment: &none, overrides: &overrides };
    spec::load(&inputs).unwrap_or_else(|error| panic!("{error}\n{}", start.documents[0].text))
}

/// A project in memory: a line for each file, `name` or `name: content`; folders end with a slash.
fn project(files: &str) -> MemorySources {
    let mut project = MemorySources::new();
    for line in files.lines().filter(|line| !line.is_empty()) {
        let (name, content) = line.split_once(": ").unwrap_or((line, ""));
        match name.strip_suffix('/') {
            Some(folder) => project.folder(folder),
            None => project.text(name, content.replace("\\n", "\n")),
        };
    }
    project
}

/// What a build file says, as far as the rows of the table name it.
fn shape(spec: &BuildSpec) -> (String, Vec<String>, Vec<String>) {
    let image = &spec.images[0];
    let from = |layer: &spec::LayerSpec| {
        layer.source.as_ref().map_or_else(|| layer.name.clone(), |s| s.from.display().to_string())
    };
    let start = image.config.entrypoint.clone().or(image.config.cmd.clone()).unwrap_or_default();
    let base = format!("{:?}", image.base);
    (base, image.layers.iter().map(from).collect(), start)
}

struct Row {
    files: &'static str,
    kind: Kind,
    /// What the base's reference holds.
    base: &'static str,
    /// What the layers take, bottom to top; the empty text is the project itself.
    layers: &'static [&'static str],
    start: &'static [&'static str],
    /// What the first step holds.
    step: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        files: "artisan\ncomposer.json: {\"require\": {\"php\": \"^8.2\", \"laravel/framework\": \"^11\"}}\npackage.json: {\"devDependencies\": {\"vite\": \"5\"}, \"scripts\": {\"build\": \"vite build\"}}",
        kind: Kind::Laravel,
        base: "8.2-apache",
        layers: &["vendor", "public/build", "", "apache"],
        start: &["apache2-foreground"],
        step: "composer install --no-dev",
    },
    Row {
        files: "index.php",
        kind: Kind::Php,
        base: "8.4-apache",
        layers: &[""],
        start: &["apache2-foreground"],
        step: "",
    },
    Row {
        files: "composer.json: {}\npublic/index.php",
        kind: Kind::Php,
        base: "8.4-apache",
        layers: &["vendor", "", "apache"],
        start: &["apache2-foreground"],
        step: "composer install",
    },
    Row {
        files: "package.json: {\"dependencies\": {\"express\": \"4\"}, \"scripts\": {\"start\": \"node server.js\"}, \"engines\": {\"node\": \">=20\"}}\npackage-lock.json",
        kind: Kind::Node,
        base: "20-slim",
        layers: &["node_modules", ""],
        start: &["node", "server.js"],
        step: "npm ci --omit=dev",
    },
    Row {
        files: "package.json: {\"dependencies\": {\"koa\": \"2\"}, \"main\": \"dist/app.js\", \"scripts\": {\"build\": \"tsc\"}}\npnpm-lock.yaml",
        kind: Kind::Node,
        base: "24-slim",
        layers: &["node_modules", "dist", "package.json"],
        start: &["node", "dist/app.js"],
        step: "pnpm install --frozen-lockfile && pnpm run build && pnpm prune --prod",
    },
    Row {
        files: "package.json: {\"dependencies\": {\"koa\": \"2\"}}\nyarn.lock\nindex.js\n.nvmrc: v22.1.0",
        kind: Kind::Node,
        base: "22-slim",
        layers: &["node_modules", ""],
        start: &["node", "index.js"],
        step: "yarn install --production",
    },
    Row {
        files: "package.json: {\"dependencies\": {\"koa\": \"2\"}, \"packageManager\": \"yarn@4.5.0\"}\nyarn.lock\n.pnp.cjs\nindex.js",
        kind: Kind::Node,
        base: "24-slim",
        layers: &[".yarn", ".pnp.cjs", ""],
        start: &["node", "index.js"],
        step: "yarn workspaces focus",
    },
    Row {
        files: "package.json: {\"dependencies\": {\"next\": \"15\"}, \"scripts\": {\"build\": \"next build\"}}\nnext.config.mjs: export default { output: 'standalone' }\npublic/a.css",
        kind: Kind::Next,
        base: "24-slim",
        layers: &[".next/standalone/node_modules", ".next/standalone", ".next/static", "public"],
        start: &["node", "server.js"],
        step: "npm ci && npm run build",
    },
    Row {
        files: "package.json: {\"dependencies\": {\"next\": \"15\"}, \"scripts\": {\"build\": \"next build\"}}\nnext.config.js",
        kind: Kind::Next,
        base: "24-slim",
        layers: &["node_modules", ".next", ""],
        start: &["node", "node_modules/next/dist/bin/next", "start"],
        step: "npm install && npm run build && npm prune",
    },
    Row {
        files: "package.json: {\"dependencies\": {\"@nestjs/core\": \"11\"}, \"scripts\": {\"build\": \"nest build\", \"start:prod\": \"node dist/main\"}}\npackage-lock.json",
        kind: Kind::Nest,
        base: "24-slim",
        layers: &["node_modules", "dist", "package.json"],
        start: &["node", "dist/main"],
        step: "npm ci && npm run build && npm prune",
    },
    Row {
        files: "requirements.txt: fastapi==0.115\\nuvicorn[standard]\napp/main.py",
        kind: Kind::Python,
        base: "3.13-slim",
        layers: &["build/python", ""],
        start: &["python", "-m", "uvicorn", "--host", "0.0.0.0", "--port", "8000", "app.main:app"],
        step: "python3 -m pip install --target build/python",
    },
    Row {
        files: "pyproject.toml: [project]\\nname = \"x\"\\nrequires-python = \">=3.12\"\\ndependencies = [\"Flask>=3\", \"gunicorn\"]\nuv.lock\nmain.py",
        kind: Kind::Python,
        base: "3.12-slim",
        layers: &["build/python", ""],
        start: &["python", "-m", "gunicorn", "--bind", "0.0.0.0:8000", "main:app"],
        step: "uv export --frozen",
    },
    Row {
        files: "pyproject.toml: [tool.poetry.dependencies]\\npython = \"^3.11\"\\ndjango = \"5\"\\ngunicorn = \"23\"\npoetry.lock\nmanage.py\nshop/wsgi.py",
        kind: Kind::Python,
        base: "3.11-slim",
        layers: &["build/python", ""],
        start: &["python", "-m", "gunicorn", "--bind", "0.0.0.0:8000", "shop.wsgi:application"],
        step: "poetry export",
    },
    Row {
        files: "pyproject.toml: [project]\\nname = \"my-app\"\\ndependencies = [\"click\"]\\n[project.scripts]\\nmy-app = \"my_app:main\"\nuv.lock\nsrc/my_app/__init__.py",
        kind: Kind::Python,
        base: "3.13-slim",
        layers: &["build/python", ""],
        start: &["python", "-c", "import sys; from my_app import main; sys.exit(main())"],
        step: "uv export --frozen",
    },
    Row {
        files: "requirements.txt: flask\napp.py: from flask import Flask\\nweb = Flask(__name__)",
        kind: Kind::Python,
        base: "3.13-slim",
        layers: &["build/python", ""],
        start: &["python", "-m", "flask", "--app", "app:web", "run", "--host", "0.0.0.0", "--port", "8000"],
        step: "rm -rf build/python && python3 -m pip install",
    },
    Row {
        files: "requirements.txt: # nothing yet\nmain.py",
        kind: Kind::Python,
        base: "3.13-slim",
        layers: &[""],
        start: &["python", "main.py"],
        step: "",
    },
    Row {
        files: "package.json: {\"dependencies\": {\"x\": \"1\"}, \"scripts\": {\"start\": \"x-serve --port 1\"}}\nyarn.lock: #\\n\\n__metadata:\\n\n.yarnrc.yml: nodeLinker: node-modules",
        kind: Kind::Node,
        base: "24-slim",
        layers: &["node_modules", ""],
        start: &["npm", "start"],
        step: "yarn workspaces focus --production",
    },
    Row {
        files: "package.json: {\"name\": \"@me/shop\", \"devDependencies\": {\"@angular/cli\": \"20\"}, \"scripts\": {\"build\": \"ng build\", \"start\": \"ng serve\"}}",
        kind: Kind::Static,
        base: "nginx",
        layers: &["dist/shop/browser", "nginx"],
        start: &[],
        step: "npm ci && npm run build",
    },
    Row {
        files: "package.json: {\"devDependencies\": {\"@11ty/eleventy\": \"3\"}, \"scripts\": {\"build\": \"eleventy\"}}",
        kind: Kind::Static,
        base: "nginx",
        layers: &["_site"],
        start: &[],
        step: "npm ci && npm run build",
    },
    Row {
        files: "Gemfile: source 'https://rubygems.org'\\nruby '3.3.6'\nconfig/application.rb\nconfig/puma.rb\ntmp/\nlog/",
        kind: Kind::Ruby,
        base: "ruby:3.3-slim",
        layers: &["vendor/bundle", "public/assets", ""],
        start: &["bundle", "exec", "puma", "-C", "config/puma.rb"],
        step: "bundle install",
    },
    Row {
        files: "Gemfile\nconfig.ru",
        kind: Kind::Ruby,
        base: "ruby:3.4-slim",
        layers: &["vendor/bundle", ""],
        start: &["bundle", "exec", "rackup", "-o", "0.0.0.0", "-p", "9292"],
        step: "bundle install",
    },
    Row {
        files: "go.mod: module example.com/shop/v2\ncmd/shop/main.go\ncmd/tool/main.go\ntemplates/a.html",
        kind: Kind::Go,
        base: "distroless/static",
        layers: &["templates", "build/shop"],
        start: &["/usr/local/bin/shop"],
        step: "go build -trimpath -o build/shop ./cmd/shop",
    },
    Row {
        files: "Cargo.toml: [package]\\nname = \"shop\"\\n[[bin]]\\nname = \"shopd\"\nCargo.lock\nsrc/main.rs",
        kind: Kind::Rust,
        base: "debian:13-slim",
        layers: &["target/release/shopd"],
        start: &["/usr/local/bin/shopd"],
        step: "cargo build --release --locked",
    },
    Row {
        files: "Cargo.toml: [workspace]\\nmembers = [\"crates/*\"]\ncrates/a/Cargo.toml: [package]\\nname = \"a\"\ncrates/a/src/lib.rs\ncrates/b/Cargo.toml: [package]\\nname = \"b\"\ncrates/b/src/main.rs",
        kind: Kind::Rust,
        base: "debian:13-slim",
        layers: &["target/release/b"],
        start: &["/usr/local/bin/b"],
        step: "cargo build --release --package b",
    },
    Row {
        files: "pom.xml: <project><parent><artifactId>p</artifactId><version>3.3</version></parent><groupId>org.springframework.boot</groupId><artifactId>shop</artifactId><version>1.2</version><properties><java.version>17</java.version></properties></project>\nmvnw",
        kind: Kind::Java,
        base: "eclipse-temurin:17-jre",
        layers: &["build/app/lib", "build/app"],
        start: &["java", "-jar", "/app/shop-1.2.jar"],
        step: "./mvnw --batch-mode package",
    },
    Row {
        files: "build.gradle: version = '0.1'\\nsourceCompatibility = '21'\nsettings.gradle: rootProject.name = 'shop'\ngradlew",
        kind: Kind::Java,
        base: "eclipse-temurin:21-jre",
        layers: &["build/libs/shop-0.1.jar"],
        start: &["java", "-jar", "/app/app.jar"],
        step: "./gradlew assemble",
    },
    Row {
        files: "target/shop.jar",
        kind: Kind::Java,
        base: "eclipse-temurin:21-jre",
        layers: &["target/shop.jar"],
        start: &["java", "-jar", "/app/app.jar"],
        step: "",
    },
    Row { files: "index.html", kind: Kind::Static, base: "nginx", layers: &[""], start: &[], step: "" },
    Row { files: "public/index.html", kind: Kind::Static, base: "nginx", layers: &["public"], start: &[], step: "" },
    Row {
        files: "package.json: {\"devDependencies\": {\"vite\": \"5\"}, \"scripts\": {\"build\": \"vite build\"}}\nindex.html",
        kind: Kind::Static,
        base: "nginx",
        layers: &["dist", "nginx"],
        start: &[],
        step: "npm ci && npm run build",
    },
    Row { files: "notes.md", kind: Kind::Other, base: "debian:13-slim", layers: &[""], start: &[], step: "" },
];

#[test]
fn each_kind_is_recognised_and_its_build_file_reads_as_what_it_means() {
    for row in ROWS {
        let start = init::of_project(&project(row.files), "My Shop", &Options::default()).expect("a start");
        assert_eq!(start.kind, row.kind, "{}", row.files);
        let spec = loaded(&start);
        let (base, layers, words) = shape(&spec);
        let text = &start.documents[0].text;
        assert!(
            base.contains(row.base.rsplit(':').next().expect("a word")) && text.contains(row.base),
            "{base}\n{text}"
        );
        assert_eq!((layers, words), (owned(row.layers), owned(row.start)), "{text}");
        let first = start.steps.first().map(String::as_str).unwrap_or_default();
        assert!(first.contains(row.step) && first.is_empty() == row.step.is_empty(), "{:?}", start.steps);
        assert_eq!(spec.name.as_ref().map(ToString::to_string).as_deref(), Some("registry.example.com/my-shop"));
        assert!(text.starts_with("# yaml-language-server: $schema=build.schema.json\n"), "{text}");
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn what_packages_install_is_cut_and_lies_below_the_code() {
    for row in ROWS
        .iter()
        .filter(|row| matches!(row.kind, Kind::Laravel | Kind::Node | Kind::Python | Kind::Ruby | Kind::Next))
        .filter(|row| !row.step.is_empty())
    {
        let start = init::of_project(&project(row.files), "x", &Options::default()).expect("a start");
        let spec = loaded(&start);
        assert_eq!(spec.images[0].layers[0].split, spec::Split::At(64 << 20), "{}", row.files);
    }
}

#[test]
fn the_steps_are_for_the_platform_of_the_image() {
    for (files, words) in [
        ("go.mod: module x", "GOARCH=arm64"),
        ("requirements.txt: flask", "manylinux2014_aarch64"),
        ("pyproject.toml: [project]\\ndependencies = [\"x\"]\nuv.lock", "aarch64-unknown-linux-gnu"),
        ("Cargo.toml: [package]\\nname = \"a\"\nsrc/main.rs", "--target aarch64-unknown-linux-gnu"),
    ] {
        let named = Options { platforms: vec!["linux/arm64".to_owned()], ..Options::default() };
        let live = LiveService { architecture: Some("ARM64".to_owned()), ..service(&[]) };
        let found = Options { service: Some(live), ..Options::default() };
        for options in [named, found] {
            let start = init::of_project(&project(files), "x", &options).expect("a start");
            assert!(start.steps.concat().contains(words), "{:?}", start.steps);
        }
    }
}

#[test]
fn what_the_commit_is_called_may_be_said() {
    let options = Options { tags: vec!["v1".to_owned(), "${git.short}".to_owned()], ..Options::default() };
    let start = init::of_project(&MemorySources::new(), "x", &options).expect("a start");
    assert!(start.documents[0].text.contains("tags: [v1, \"${git.short}\"]"), "{}", start.documents[0].text);
}

#[test]
fn a_kind_that_is_asked_for_counts() {
    let project = project("go.mod: module x\npackage.json: {}");
    let start = init::of_project(&project, "x", &Options::default()).expect("a start");
    assert_eq!((start.kind, start.also), (Kind::Go, vec![Kind::Node]));
    let options = Options { kind: Some(Kind::Node), ..Options::default() };
    assert_eq!(init::of_project(&project, "x", &options).expect("a start").kind, Kind::Node);
    for kind in Kind::all() {
        let options = Options { kind: Some(kind), ..Options::default() };
        loaded(&init::of_project(&MemorySources::new(), "x", &options).expect("a start"));
    }
}

#[test]
fn manifests_that_are_broken_keep_nothing_from_being_written() {
    for files in [
        "package.json: {",
        "Cargo.toml: [",
        "pyproject.toml: =",
        "composer.json: []",
        "pom.xml: <",
        "go.mod",
        "Gemfile: \u{1}",
    ] {
        loaded(&init::of_project(&project(files), "x", &Options::default()).expect("a start"));
    }
}

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dockerfiles");
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    all.sort();
    assert!(all.len() >= 30, "the corpus was found");
    all
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn imported(folder: &Path) -> Start {
    let (files, text) = (read(folder.join("files.txt")), read(folder.join("Dockerfile")));
    init::of_dockerfile(&project(&files), "shop", "Dockerfile", &text, &Options::default())
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

/// What is told of an import, one line each.
fn told(start: &Start) -> String {
    let mut text = String::new();
    for finding in &start.findings {
        text.push_str(&format!("{}: {}\n    {}\n", finding.line, finding.instruction, finding.what));
    }
    for stage in &start.ci {
        text.push_str(&format!("{}: stage `{}` in {}\n", stage.line, stage.name, stage.image));
        stage.commands.iter().for_each(|command| text.push_str(&format!("    {command}\n")));
    }
    start.steps.iter().for_each(|step| text.push_str(&format!("step: {step}\n")));
    start.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
    text
}

/// Compares with a file of the corpus; with `DOCKLESS_UPDATE_FIXTURES` set it is written instead.
fn compare(path: &Path, text: &str) -> Option<String> {
    if std::env::var_os("DOCKLESS_UPDATE_FIXTURES").is_some() {
        match text.is_empty() {
            true => drop(fs::remove_file(path)),
            false => fs::write(path, text).expect("a written fixture"),
        }
    }
    let expect = read(path.to_owned());
    (expect != text).then(|| format!("{}:\n--- expected\n{expect}--- made\n{text}", path.display()))
}

#[test]
fn every_dockerfile_of_the_corpus_becomes_what_stands_beside_it() {
    let mut wrong = Vec::new();
    for folder in corpus() {
        let start = imported(&folder);
        loaded(&start);
        let base = start.documents.iter().find(|document| document.path == "Dockerfile.base");
        wrong.extend(compare(&folder.join("build.yaml"), &start.documents[0].text));
        wrong.extend(compare(&folder.join("told.txt"), &told(&start)));
        wrong.extend(compare(
            &folder.join("Dockerfile.base"),
            base.map(|document| document.text.as_str()).unwrap_or_default(),
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The config in the words of the image specification; durations in milliseconds.
fn config(config: &ConfigSpec) -> Value {
    let base = [("PATH".to_owned(), "/base/bin".to_owned())];
    let env: Vec<String> = config
        .env
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?.resolve(&base).expect("a value"))))
        .collect();
    let millis = |duration: Option<std::time::Duration>| duration.map(|duration| duration.as_millis());
    let healthcheck = config.healthcheck.as_ref().map(|check| {
        let (interval, timeout, start) = (millis(check.interval), millis(check.timeout), millis(check.start_period));
        json!({"Test": check.test, "Interval": interval, "Timeout": timeout, "StartPeriod": start, "Retries": check.retries})
    });
    let labels: BTreeMap<&String, &Option<String>> = config.labels.iter().collect();
    let mut all = json!({
        "Env": env, "WorkingDir": config.working_dir, "User": config.user, "Entrypoint": config.entrypoint,
        "Cmd": config.cmd, "ExposedPorts": config.ports, "Volumes": config.volumes, "Labels": labels,
        "StopSignal": config.stop_signal, "Healthcheck": healthcheck,
    });
    drop_empty(&mut all);
    all
}

/// Takes away what is not said; an empty command is.
fn drop_empty(value: &mut Value) {
    let Some(members) = value.as_object_mut() else { return };
    members.values_mut().for_each(drop_empty);
    members.retain(|name, member| {
        let empty =
            member.as_array().is_some_and(Vec::is_empty) || member.as_object().is_some_and(serde_json::Map::is_empty);
        !(member.is_null() || empty && name != "Cmd")
    });
}

#[test]
fn the_config_of_an_import_is_what_the_dockerfile_says() {
    for folder in corpus() {
        let expect: Value = serde_json::from_str(&read(folder.join("config.json"))).expect("what was written by hand");
        let spec = loaded(&imported(&folder));
        assert_eq!(config(&spec.images[0].config), expect, "{}", folder.display());
    }
}

#[test]
fn arguments_are_taken_from_the_environment() {
    let text = "ARG V=1\nFROM debian:$V\nARG V\nLABEL v=$V\nWORKDIR /srv/$V\n";
    let start =
        init::of_dockerfile(&MemorySources::new(), "x", "Dockerfile", text, &Options::default()).expect("a start");
    let project = tempfile::tempdir().expect("a folder");
    fs::write(project.path().join("build.yaml"), &start.documents[0].text).expect("a build file");
    let overrides = Overrides::default();
    let two = |name: &str| (name == "V").then(|| "2".to_owned());
    let inputs = Inputs { project: project.path(), file: None, environment: &two, overrides: &overrides };
    let spec = spec::load(&inputs).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(spec.images[0].config.working_dir.as_deref(), Some("/srv/2"));
    assert!(format!("{:?}", spec.images[0].base).contains('2'));
}

#[test]
fn a_stage_can_be_chosen() {
    let text = "FROM a AS one\nCMD [\"1\"]\nFROM b AS two\nCMD [\"2\"]\n";
    let of = |target: &str| {
        let options = Options { target: Some(target.to_owned()), ..Options::default() };
        init::of_dockerfile(&MemorySources::new(), "x", "Dockerfile", text, &options)
    };
    for (target, cmd) in [("one", "1"), ("ONE", "1"), ("0", "1"), ("two", "2")] {
        assert_eq!(loaded(&of(target).expect("a start")).images[0].config.cmd, Some(vec![cmd.to_owned()]));
    }
    assert_eq!(
        of("three").expect_err("no such stage").to_string(),
        "`Dockerfile` has no stage `three`; there are one, two"
    );
}

#[test]
fn what_is_no_dockerfile_is_refused_with_its_line() {
    for (text, expect) in [
        ("", "there is no FROM"),
        ("FROM a\nCOPPY . .\n", "line 2"),
        ("RUN x\n", "line 1"),
        ("FROM a\nRUN <<EOF\nx\n", "EOF"),
        ("FROM a\nCOPY x\n", "line 2"),
    ] {
        let error = init::of_dockerfile(&MemorySources::new(), "x", "Dockerfile", text, &Options::default());
        let error = error.map(|_| ()).expect_err("refused").to_string();
        assert!(
            error.starts_with("cannot read `Dockerfile` as a Dockerfile: ") && error.contains(expect)
                || error.contains("FROM"),
            "{text:?}: {error}"
        );
    }
}

fn service(containers: &[(&str, &str, bool)]) -> LiveService {
    let container = |(name, image, essential): &(&str, &str, bool)| LiveContainer {
        name: (*name).to_owned(),
        image: (*image).to_owned(),
        essential: *essential,
    };
    LiveService {
        cluster: "main".to_owned(),
        service: "web".to_owned(),
        containers: containers.iter().map(container).collect(),
        ..LiveService::default()
    }
}

#[test]
fn the_containers_of_a_live_service_are_those_of_the_images_repository() {
    let ecr = format!("{}/shop:1", account_host());
    for (containers, name, chosen) in [
        (vec![("app", ecr.as_str(), true)], Some(format!("{}/shop", account_host())), vec!["app"]),
        (
            vec![("app", &ecr, true), ("proxy", "docker.io/library/nginx:1", true)],
            Some(format!("{}/shop", account_host())),
            vec!["app"],
        ),
        (
            vec![("app", &ecr, true), ("queue", &ecr, false)],
            Some(format!("{}/shop", account_host())),
            vec!["app", "queue"],
        ),
        // Nobody knows which: none is named, and a deployment says so instead of breaking one of them.
        (vec![("a", "docker.io/x/a:1", true), ("b", "docker.io/x/b:1", true)], None, vec![]),
        (vec![("app", "not a reference at all", true)], None, vec!["app"]),
    ] {
        let live = service(&containers);
        assert_eq!(live.repository(), name, "{containers:?}");
        let options = Options { service: Some(live), ..Options::default() };
        let spec = loaded(&init::of_project(&MemorySources::new(), "x", &options).expect("a start"));
        let deploy = spec.deploy.expect("a section");
        let named = match &deploy.services[0].containers {
            spec::ContainerChoice::Named(named) => &named[..],
            _ => &[],
        };
        assert_eq!(named.iter().map(|container| container.name.as_str()).collect::<Vec<_>>(), chosen);
        assert_eq!((deploy.cluster.as_str(), deploy.services[0].name.as_str()), ("main", "web"));
        if let Some(name) = name {
            assert_eq!(spec.name.map(|name| name.to_string()), Some(name));
        }
    }
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn run(folder: &tempfile::TempDir, arguments: &[&str]) -> Run {
    Runner::new().run(folder.path(), arguments)
}

#[test]
fn a_second_init_writes_nothing_unless_it_is_forced() {
    let project = folder(&[("go.mod", "module example.com/shop\n"), ("main.go", "package main\n")]);
    let first = run(&project, &["init"]);
    assert_eq!(
        (first.code, first.stdout.as_str()),
        (0, "build.yaml\n.dockerignore\nbuild.schema.json\n"),
        "{}",
        first.stderr
    );
    for words in [
        "This is a Go program (go.mod).",
        "Wrote `build.yaml`, `.dockerignore`, `build.schema.json`.",
        "Next:",
        "dockless build",
    ] {
        assert!(first.stderr.contains(words), "{}", first.stderr);
    }
    fs::write(project.path().join("build.yaml"), "mine").expect("a file");
    run(&project, &["init"]).fails_with(12, &["`build.yaml` is there already, and nothing was written", "--force"]);
    assert_eq!(read(project.path().join("build.yaml")), "mine");
    let ignored = read(project.path().join(".dockerignore"));
    fs::write(project.path().join(".dockerignore"), format!("{ignored}more\n")).expect("a file");
    let forced = run(&project, &["init", "--force"]);
    assert_eq!((forced.code, forced.stdout.as_str()), (0, "build.yaml\nbuild.schema.json\n"), "{}", forced.stderr);
    assert!(read(project.path().join(".dockerignore")).ends_with("more\n"), "what was written by hand stays");
    assert!(read(project.path().join("build.yaml")).contains("from: build/shop"));
}

#[test]
fn a_base_that_is_there_is_not_written_over_and_then_nothing_is() {
    let project = folder(&[("Dockerfile", "FROM a\nRUN apt-get update\nCOPY . /app\n"), ("Dockerfile.base", "mine")]);
    run(&project, &["init", "--from-dockerfile", "Dockerfile"]).fails_with(12, &["`Dockerfile.base` is there already"]);
    assert!(!project.path().join("build.yaml").exists());
}

#[test]
fn a_dry_run_prints_and_writes_nothing() {
    let project = folder(&[("index.html", "hello")]);
    let shown = run(&project, &["init", "--dry-run", "--name", "registry.example.com/a/b"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(
        shown.stdout.starts_with("# ---- build.yaml\n# yaml-language-server: ")
            && shown.stdout.contains("name: registry.example.com/a/b\n")
    );
    assert_eq!(fs::read_dir(project.path()).expect("a folder").count(), 1);
}

#[test]
fn programs_get_one_document() {
    let project = folder(&[("Dockerfile", "FROM a\nCOPY . /app\nRUN make\n")]);
    let run = run(&project, &["init", "--from-dockerfile", "Dockerfile", "--json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect("one document");
    assert_eq!((&report["schema"], &report["written"][0]), (&json!(1), &json!("build.yaml")), "{}", run.stderr);
    assert_eq!((&report["findings"][0]["line"], &report["steps"][0]), (&json!(3), &json!("make")));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let project = folder(&[]);
    let none = run(&project, &["init", "--from-dockerfile", "None"]);
    assert!(none.code == 4 && none.stderr.contains("cannot open `None`"), "{}", none.stderr);
    run(&project, &["init", "--from-ecs", "web"]).fails_with(2, &["`web` names no service"]);
    let kind = run(&project, &["init", "--kind", "nodes"]);
    assert_eq!(kind.code, 2);
    assert!(kind.stderr.contains("did you mean `node`?"), "{}", kind.stderr);
    assert_eq!(run(&project, &["init", "--target", "x"]).code, 2);
}

#[test]
fn a_live_service_gives_the_deploy_section() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let runner = standin.runner().env("AWS_REGION", "eu-west-1");
    let project = folder(&[("go.mod", "module example.com/shop\n")]);
    let first = runner.run(project.path(), &["init", "--from-ecs", "main/web"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let text = read(project.path().join("build.yaml"));
    let section = "deploy:\n  region: eu-west-1\n  cluster: main\n  services: [web]\n  containers: [web]\n";
    assert!(text.ends_with(section) && text.contains(&format!("name: {}/shop\n", account_host())), "{text}");
    // The build file is there now: the section alone is printed.
    let second = runner.run(project.path(), &["init", "--from-ecs", "main/web"]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert!(second.stdout.ends_with(section) && second.stderr.contains("stays as it is"), "{}", second.stdout);
    for (asked, near) in [("man/web", "--from-ecs main/web"), ("main/wed", "--from-ecs main/web")] {
        runner.run(project.path(), &["init", "--from-ecs", asked]).fails_with(12, &["cannot look at service", near]);
    }
}

/// A base on which anything starts: programs of these names that the kernel would take.
fn base(runner: &Runner, programs: &[&str]) -> (tempfile::TempDir, String) {
    let files: String = programs
        .iter()
        .map(|name| format!("      - {{path: {name}, content: \"#!/bin/sh\\n\", mode: \"0755\"}}\n"))
        .collect();
    let passwd = "      - {path: /etc/passwd, content: \"root:x:0:0::/root:/bin/sh\\nwww-data:x:33:33::/:/bin/sh\\nnode:x:1000:1000::/:/bin/sh\\napp:x:1:1::/:/\\nnextjs:x:2:2::/:/\\nrails:x:3:3::/:/\\n\"}\n";
    let group = "      - {path: /etc/group, content: \"root:x:0:\\nwww-data:x:33:\\nnode:x:1000:\\napp:x:1:\\nnodejs:x:2:\\nrails:x:3:\\n\"}\n";
    let platforms = "platforms: [linux/amd64, linux/arm64]";
    let text =
        format!("version: 1\nbase: scratch\n{platforms}\nlayers:\n  - name: base\n    files:\n{passwd}{group}{files}");
    let project = folder(&[("build.yaml", &text)]);
    let layout = project.path().join("layout");
    let output = format!("oci:{}", layout.display());
    let made = runner.run(project.path(), &["build", "--output", &output]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    (project, output)
}

#[test]
fn what_is_written_builds() {
    let runner = Runner::new();
    let programs = [
        "/bin/sh",
        "/usr/local/bin/node",
        "/usr/local/bin/apache2-foreground",
        "/usr/local/bin/python",
        "/etc/apache2/mods-available/rewrite.load",
    ];
    let (_keep, base) = base(&runner, &programs);
    let rows: [&[(&str, &str)]; 5] = [
        &[("package.json", "{\"dependencies\": {\"x\": \"1\"}}"), ("index.js", ""), ("node_modules/x/index.js", "")],
        &[
            ("artisan", ""),
            ("bootstrap/app.php", ""),
            ("bootstrap/cache/a", ""),
            ("composer.json", "{}"),
            ("storage/a", ""),
            ("vendor/a", ""),
        ],
        &[("requirements.txt", "x"), ("main.py", ""), ("build/python/x.py", "")],
        &[("go.mod", "module e.com/shop"), ("build/shop", "#!/bin/sh\n"), ("static/a.css", "")],
        &[("public/index.html", "hello")],
    ];
    for files in rows {
        let project = folder(files);
        let made = runner.run(project.path(), &["init", "--base", &base]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        let built =
            runner.run(project.path(), &["build", "--output", &format!("oci:{}", runner.home().join("out").display())]);
        assert_eq!(built.code, 0, "{}\n{}", built.stderr, read(project.path().join("build.yaml")));
    }
}

#[test]
fn the_shop_of_the_fixtures_is_a_php_project() {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/myshop");
    let sources = dockless::tree::DiskSources::open(&shop).expect("the shop");
    let start = init::of_project(&sources, "myshop", &Options::default()).expect("a start");
    assert!(matches!(start.kind, Kind::Laravel | Kind::Php), "{:?}", start.kind);
    let layers = shape(&loaded(&start)).1;
    assert_eq!(layers.first().map(String::as_str), Some("vendor"), "{layers:?}");
}

/// Puts the files of a project of the corpus on the disk.
fn unpacked(folder: &Path) -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a folder");
    for line in read(folder.join("files.txt")).lines().filter(|line| !line.is_empty()) {
        let (name, content) = line.split_once(": ").unwrap_or((line, ""));
        let path = project.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).expect("a folder");
            continue;
        }
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content.replace("\\n", "\n")).expect("a file");
    }
    fs::write(project.path().join("Dockerfile"), read(folder.join("Dockerfile"))).expect("a file");
    project
}

/// Makes what CI would have made before: the sources of layers that are not there yet.
fn made_by_ci(project: &Path) {
    let (overrides, none) = (Overrides::default(), |_: &str| None);
    let project = fs::canonicalize(project).expect("a path");
    let spec = spec::load(&Inputs { project: &project, file: None, environment: &none, overrides: &overrides })
        .expect("what init wrote");
    for source in spec.images[0].layers.iter().filter_map(|layer| layer.source.as_ref()) {
        if source.origin != spec::LayerOrigin::Project {
            continue;
        }
        let at = project.join(&source.from);
        let is_program = at.extension().is_some() || source.from.to_string_lossy().contains("release/");
        if is_program && !at.exists() {
            fs::create_dir_all(at.parent().expect("a folder")).expect("a folder");
            fs::write(at, "made").expect("a file");
        } else if !at.is_file() {
            fs::create_dir_all(&at).expect("a folder");
            let names = source.include.iter().map(|pattern| pattern.replace('*', "x"));
            for name in names.chain(["made".to_owned()]) {
                let inside = at.join(name.trim_start_matches('/'));
                fs::create_dir_all(inside.parent().expect("a folder")).expect("a folder");
                if !inside.exists() {
                    fs::write(inside, "made").expect("a file");
                }
            }
        }
    }
}

#[test]
fn every_dockerfile_of_the_corpus_is_planned_after_its_import() {
    let runner = Runner::new();
    // What Debian's Apache has, which a Dockerfile takes away.
    let sites = "/etc/apache2/sites-enabled";
    let sites = ["000-default", "default-ssl"].map(|site| format!("{sites}/{site}.conf"));
    let (_keep, base) = base(&runner, &["/bin/sh", &sites[0], &sites[1]]);
    let (mut refused, mut planned) = (BTreeMap::new(), 0);
    for folder in corpus() {
        let project = unpacked(&folder);
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let init = runner.run(project.path(), &["init", "--from-dockerfile", "Dockerfile"]);
        assert_eq!(init.code, 0, "{name}: {}", init.stderr);
        if read(project.path().join("build.yaml")).contains("\n  - image: ") {
            // Files of an image that only its registry has.
            continue;
        }
        planned += 1;
        made_by_ci(project.path());
        let plan = runner.run(project.path(), &["plan", "--estimate", "--sandbox", "--base", &base]);
        if plan.code != 0 {
            refused.insert(name, plan.stderr);
        }
    }
    assert!(refused.is_empty() && planned >= 30, "{planned}: {refused:#?}");
}
