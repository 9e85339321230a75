//! `init` on what nobody should write: whatever it makes of it, the build file's own reader and its schema take it.

use std::fs;
use std::path::Path;

use dockless::init::{self, Options, Start};
use dockless::spec::{self, Inputs, Overrides, SpecError};
use dockless::tree::{DiskSources, MemorySources, Sources};

use super::schema::{as_json, faults};
use super::support::Runner;

/// Reads what was written, with every variable that it demands.
fn read(start: &Start) -> Result<spec::BuildSpec, SpecError> {
    let overrides = Overrides::default();
    let environment = |name: &str| (name == "BASE").then(|| "scratch".to_owned());
    let inputs =
        Inputs { project: Path::new("/nowhere"), file: None, environment: &environment, overrides: &overrides };
    spec::load_text(&inputs, &start.documents[0].text)
}

#[track_caller]
fn holds(start: &Start, of: &str) {
    let text = &start.documents[0].text;
    if let Err(error) = read(start) {
        panic!("{error}\n--- of\n{of}\n--- made\n{text}");
    }
    assert!(text.starts_with("# yaml-language-server: $schema=build.schema.json\n"), "{text}");
    let document = as_json(text).unwrap_or_else(|| panic!("no YAML\n--- of\n{of}\n--- made\n{text}"));
    assert_eq!(faults(schema(), &document), Vec::<String>::new(), "\n--- of\n{of}\n--- made\n{text}");
}

fn schema() -> &'static serde_json::Value {
    static SCHEMA: std::sync::LazyLock<serde_json::Value> = std::sync::LazyLock::new(spec::build_file_schema);
    &SCHEMA
}

fn import(sources: &dyn Sources, text: &str) -> Option<Start> {
    init::of_dockerfile(sources, "shop", "Dockerfile", text, &Options::default()).ok()
}

#[test]
fn dockerfiles_that_nobody_should_write_become_build_files_that_can_be_read() {
    for text in [
        "FROM a\nRUN <<EOF\nset -e\necho hi > /x\nEOF\n",
        "FROM a\nCOPY <<\"EOF\" /etc/motd\n$HOME: 'x' \"y\"\n\t# no comment\nEOF\n",
        "FROM a\nCOPY <<A <<B /etc/\none\nA\ntwo\nB\n",
        "FROM a\nRUN apt-get update && \\\n# a comment\n\n  apt-get install -y x \\\n  # another\n  && rm -rf /var/lib/apt/lists/*\n",
        "# escape=`\nFROM a\nWORKDIR C:\\app`\n\\x\nENV A=`$B\n",
        "ARG V=3\nARG I=php:$V\nFROM ${I:-x}\n",
        "ARG V\nFROM a:${V:-3}-${V:+x}\n",
        "ARG V\nFROM $V\n",
        "FROM a\nONBUILD COPY . /app\nONBUILD RUN make\n",
        "# syntax=docker/dockerfile:1\nFROM a\nLABEL a=\"b: c # d\" 'e f'=g \"\u{1f600}\"=h\n",
        "FROM a\r\nENV A=1\r\nCOPY . /app\r\nCMD [\"a\", \"b\"]\r\n",
        "\u{feff}FROM a\nENV A=\"\u{2028}\u{85}\u{feff}\u{7}\"\n",
        "FROM a\nCMD ['a', 'b']\nENTRYPOINT [\"a\", 'b']\n",
        "FROM a\nCMD [\"a\\u0000b\", \"\\\"\"]\n",
        "FROM a\nENV A=${A:-b} B=${B:+c} C=${C:-${D:-e}} D=${D?no} E=${E:?no} F=${F#x} G=${G/a/b}\n",
        "FROM a\nCOPY --link --parents --exclude=*.md --exclude='a b' --chown=1:1 --chmod=u=rwx,go=rx a/b c/ /app/\n",
        "FROM a\nCOPY --chmod=755 --from=nginx:1 /etc/nginx /etc/nginx/\nCOPY --from=0 /a /b\nCOPY --from=9 /a /b\n",
        "FROM a AS one\nRUN make\nFROM one AS two\nFROM b\nCOPY --from=two /out/x /x\nCOPY --from=TWO /y /y\n",
        "FROM a\nRUN --mount=type=cache,target=/x --mount=type=bind,source=.,target=/y --network=none make\n",
        "FROM a\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN a | b\nCMD c\n",
        "FROM scratch\nADD https://example.com/a.tar.gz /x\nADD a.tar.gz /y\nADD --checksum=sha256:0 git@x:y.git /z\n",
        "FROM a\nWORKDIR ../..\nWORKDIR x y\nUSER a:b:c\nUSER \"\"\nUSER $U\n",
        "FROM a\nEXPOSE 80/tcp 53/UDP 8000-8002 $P 99999 x\nVOLUME [\"/a\", \"b\"]\nVOLUME /c d\n",
        "FROM a\nSTOPSIGNAL 9\nSTOPSIGNAL sigterm\nSTOPSIGNAL SIGRTMIN+3\n",
        "FROM a\nHEALTHCHECK --interval=1m30s --timeout=0.5s --retries=0 --start-period=1h CMD curl \"x: y\"\n",
        "FROM a\nHEALTHCHECK --interval=1us --retries=99999999999 CMD [\"a\"]\n",
        "FROM a\nHEALTHCHECK NONE\nMAINTAINER A \"B\" <c@d>\n",
        "FROM a\nENV\nENV =x\nENV A\nENV A b c\nENV 1=2 'A B'=3\nLABEL =x\nLABEL a\n",
        "FROM a\nCOPY ../x /x\nCOPY /../y /y\nCOPY . .\nCOPY ./ ./\nCOPY * /z/\nCOPY [\"a b\", \"c d/\"]\nCOPY a\\ b /q\n",
        "FROM a\nCOPY $UNSET /x\nCOPY x $UNSET\nCOPY ${UNSET:-y} ${UNSET:-/z}/\n",
        "FROM a\nCOPY x / \nCOPY y /.\nCOPY z /../..\nCOPY build.yaml Dockerfile .git /c/\n",
        "FROM a\nRUN ln -s /a /b /c\nRUN ln -s a\nRUN ln -sfn 'a: b' \"/x'y\"\nRUN mkdir -p /a/{b,c} '/d e' /\n",
        "FROM a\nCOPY a /app\nRUN chmod -R u+x,g-w /app && chown -R a:b /app && chmod 99999 /app && rm -rf /app /\n",
        "FROM a\nRUN echo \"a: b\\n# c\" > /x && printf '%s\\n' \"$Y\" >> /x && touch /x /x && rm /x\n",
        "FROM a\nRUN echo $HOME > $HOME/x; echo ~ > ~/y; echo $(date) > /z\n",
        "FROM --platform=$BUILDPLATFORM a\nFROM --platform=linux/arm64/v8 b\nFROM --platform=windows/amd64 c\n",
        "FROM UPPER/Case:Tag@sha256:x\n",
        "FROM a@sha256:0000000000000000000000000000000000000000000000000000000000000000 AS \u{1f600}\n",
        "FROM a b c\nFROM\nAS x\n",
        "RUN before\nFROM a\n",
        "",
        "\\\n",
        "FROM a\nRUN cat <<EOF > /x\nnever ends",
        "FROM a\nCOPY <<EOF /x\nnever ends",
    ] {
        if let Some(start) = import(&MemorySources::new(), text) {
            holds(&start, text);
        }
    }
}

#[test]
fn a_line_of_a_mebibyte_is_read() {
    let long = "x".repeat((1 << 20) - 64);
    for text in [format!("FROM a\nENV A={long}\n"), format!("FROM a\nRUN {long}\n"), format!("FROM a\nCMD {long}\n")] {
        let start = import(&MemorySources::new(), &text).expect("a Dockerfile");
        // The reader of build files has a limit of its own.
        let said = read(&start).err().map(|error| error.to_string());
        assert!(said.is_none() || said.as_deref().is_some_and(|said| said.len() < 1000), "{said:?}");
    }
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn of<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.below(all.len())]
    }
}

const WORDS: [&str; 34] = [
    "a",
    "/app",
    ".",
    "x/",
    "/",
    "..",
    "$A",
    "${A:-b}",
    "${B:+c}",
    "\"a b\"",
    "'c: d'",
    "# e",
    "{",
    "[",
    "]",
    "*",
    "&x",
    "!y",
    "%z",
    "@",
    "`",
    "-",
    "?",
    ":",
    "\u{1f600}",
    "\\",
    "\\\"",
    "\u{85}",
    "null",
    "0755",
    "~",
    "=",
    "a=b",
    "\t",
];
const KEYS: [&str; 22] = [
    "FROM",
    "RUN",
    "COPY",
    "ADD",
    "ENV",
    "ARG",
    "LABEL",
    "WORKDIR",
    "USER",
    "EXPOSE",
    "VOLUME",
    "CMD",
    "ENTRYPOINT",
    "STOPSIGNAL",
    "HEALTHCHECK CMD",
    "SHELL",
    "COPY --from=0",
    "RUN mkdir",
    "RUN ln -s",
    "RUN chmod 755",
    "RUN chown a",
    "RUN echo x >",
];

#[test]
fn random_dockerfiles_become_build_files_that_can_be_read() {
    let mut dice = Dice(7);
    let mut imported = 0;
    for _ in 0..1500 {
        let mut text = String::from("FROM a\n");
        for _ in 0..1 + dice.below(6) {
            text.push_str(dice.of(&KEYS));
            for _ in 0..1 + dice.below(4) {
                text.push_str(dice.of(&[" ", " ", " ", "", "/", "=", " --chown=", " \\\n "]));
                text.push_str(dice.of(&WORDS));
            }
            text.push('\n');
        }
        if let Some(start) = import(&MemorySources::new(), &text) {
            imported += 1;
            holds(&start, &text);
        }
    }
    assert!(imported > 300, "most are Dockerfiles: {imported}");
}

#[test]
fn manifests_with_strange_words_become_build_files_that_can_be_read() {
    let words = [
        "a\"b",
        "a'b",
        "a\\nb: c",
        "- x",
        "\u{1f600}",
        "${X}",
        "$$",
        "a # b",
        "../../etc",
        "/",
        "",
        "*",
        "&a",
        "%",
        "\\u0000",
    ];
    for word in words {
        let toml = word.replace('\\', "\\\\").replace('"', "\\\"");
        let json = word.replace('"', "\\\"");
        for (name, text) in [
            (
                "package.json",
                format!(
                    "{{\"name\": \"{json}\", \"main\": \"{json}.js\", \"scripts\": {{\"start\": \"node {json}\"}}}}"
                ),
            ),
            (
                "package.json",
                format!(
                    "{{\"name\": \"{json}\", \"devDependencies\": {{\"@angular/cli\": \"1\"}}, \"engines\": {{\"node\": \"{json}\"}}}}"
                ),
            ),
            ("Cargo.toml", format!("[package]\nname = \"{toml}\"\ndefault-run = \"{toml}\"\n")),
            (
                "pyproject.toml",
                format!(
                    "[project]\nname = \"{toml}\"\ndependencies = [\"{toml}\"]\n[project.scripts]\na = \"{toml}:{toml}\"\n"
                ),
            ),
            ("go.mod", format!("module {word}\n")),
            ("pom.xml", format!("<project><artifactId>{word}</artifactId><version>{word}</version></project>")),
            ("composer.json", format!("{{\"require\": {{\"php\": \"{json}\"}}}}")),
            (".python-version", word.to_owned()),
        ] {
            let mut project = MemorySources::new();
            project.text(name, &text).text("requirements.txt", word);
            for folder in ["shop", word, "\u{1f600}\n: x"] {
                let start = init::of_project(&project, folder, &Options::default()).expect("a start");
                holds(&start, &format!("{name}: {text} in {folder}"));
            }
        }
    }
}

/// What is the matter with a project, and what makes it so.
type Row<'a> = (&'a str, &'a dyn Fn(&Path));

#[test]
fn files_of_the_wrong_kind_keep_nothing_from_being_written() {
    let runner = Runner::new();
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("lock"), "{}").expect("a file");
    let rows: [Row<'_>; 7] = [
        ("a list", &|at| fs::write(at.join("package.json"), "[1, 2]").expect("a file")),
        ("broken TOML", &|at| fs::write(at.join("pyproject.toml"), "[project\nname=").expect("a file")),
        ("no UTF-8", &|at| fs::write(at.join("Gemfile"), b"\xff\xfe\x00ruby '3.3'").expect("a file")),
        ("a link out of the project", &|at| {
            std::os::unix::fs::symlink(outside.path().join("lock"), at.join("package-lock.json")).expect("a link");
            fs::write(at.join("package.json"), "{\"dependencies\": {\"x\": \"1\"}}").expect("a file");
        }),
        ("folders instead of files", &|at| {
            for name in ["package.json", "go.mod", ".nvmrc", ".python-version"] {
                fs::create_dir(at.join(name)).expect("a folder");
            }
            fs::write(at.join("requirements.txt"), "flask").expect("a file");
        }),
        ("links instead of files", &|at| {
            for name in ["pyproject.toml", ".python-version", "main.py", "uv.lock"] {
                std::os::unix::fs::symlink("/etc/hostname", at.join(name)).expect("a link");
            }
            fs::write(at.join("requirements.txt"), "flask").expect("a file");
        }),
        ("a lock file of 100 MB", &|at| {
            fs::write(at.join("package.json"), "{}").expect("a file");
            for name in ["package-lock.json", "yarn.lock", "uv.lock"] {
                fs::File::create(at.join(name)).and_then(|file| file.set_len(100 << 20)).expect("a file");
            }
        }),
    ];
    for (what, make) in rows {
        let project = tempfile::tempdir().expect("a folder");
        make(project.path());
        let run = runner.run(project.path(), &["init"]);
        assert_eq!(run.code, 0, "{what}: {}", run.stderr);
        let sources = DiskSources::open(project.path()).expect("the project");
        holds(&init::of_project(&sources, "x", &Options::default()).expect("a start"), what);
    }
}

#[test]
fn a_dockerfile_that_is_no_text_is_refused_or_read_but_never_breaks() {
    let runner = Runner::new();
    for (bytes, code) in [
        (&b"FROM a\nENV A=\xff\xfe\n"[..], 0),
        (b"\x7fELF\x02\x01\x01\x00", 3),
        (b"\x00\x00\x00", 3),
        (b"\xef\xbb\xbfFROM a\r\nCMD [\"x\"]\r\n", 0),
    ] {
        let project = tempfile::tempdir().expect("a folder");
        fs::write(project.path().join("Dockerfile"), bytes).expect("a file");
        let run = runner.run(project.path(), &["init", "--from-dockerfile", "Dockerfile"]);
        assert_eq!(run.code, code, "{bytes:?}: {}", run.stderr);
        assert_eq!(project.path().join("build.yaml").exists(), code == 0);
    }
}

#[test]
fn values_that_no_build_file_takes_are_refused_before_anything_is_written() {
    let runner = Runner::new();
    for (option, value) in [
        ("--name", "registry.example.com/shop:1"),
        ("--name", "https://registry.example.com/shop"),
        ("--base", "???"),
        ("--platform", "arm"),
        ("--tag", "a/b"),
    ] {
        let project = tempfile::tempdir().expect("a folder");
        let run = runner.run(project.path(), &["init", option, value]);
        assert_eq!(run.code, 3, "{option} {value}: {}", run.stderr);
        assert!(run.stderr.contains(option), "{}", run.stderr);
        assert_eq!(fs::read_dir(project.path()).expect("a folder").count(), 0);
    }
}
