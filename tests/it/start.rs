//! Whether the image can start is said before anything is sent.

use super::support::{Project, Run, Runner};

/// The head of an ELF program: `machine` is its `e_machine`, `loader` its interpreter.
fn elf(machine: u16, loader: Option<&str>) -> Vec<u8> {
    let mut bytes = vec![0; 64 + 56];
    bytes[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\x00");
    bytes[16..18].copy_from_slice(&2u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
    bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
    if let Some(loader) = loader {
        bytes[56..58].copy_from_slice(&1u16.to_le_bytes());
        bytes[64..68].copy_from_slice(&3u32.to_le_bytes());
        bytes[72..80].copy_from_slice(&120u64.to_le_bytes());
        bytes[96..104].copy_from_slice(&(loader.len() as u64 + 1).to_le_bytes());
        bytes.extend(loader.as_bytes());
        bytes.push(0);
    }
    bytes
}

const AMD64: u16 = 62;
const ARM64: u16 = 183;

fn build(config: &str, program: &[u8], mode: u32) -> Run {
    let project = Project::with(&format!("base: scratch\nlayers: [{{from: app, to: /app}}]\nconfig: {config}\n"));
    std::fs::write(project.join("app/run"), program).expect("a program");
    project.mode("app/run", mode);
    Runner::new().run(project.path(), &["build"])
}

#[test]
fn a_program_that_is_not_there_or_cannot_be_run_is_an_error() {
    let script = b"#!/app/run\n";
    for (config, mode, texts) in [
        ("{entrypoint: [/app/server]}", 0o755, ["`entrypoint` starts `/app/server`", "config.entrypoint"]),
        ("{cmd: [server]}", 0o755, ["`cmd` starts `server`", "config.env.PATH"]),
        ("{cmd: [./other], working_dir: /app}", 0o755, ["`cmd` starts `./other`", "config.cmd"]),
        ("{cmd: [/app/run]}", 0o644, ["not executable (mode 0644)", "chmod +x"]),
        ("{cmd: [/app]}", 0o755, ["is a folder", "program in it"]),
    ] {
        build(config, script, mode).fails_with(4, &texts);
    }
    for config in ["{entrypoint: [/app/run], cmd: [--any, thing]}", "{cmd: [run], env: {PATH: /usr/bin:/app}}", "{}"] {
        let run = build(config, script, 0o755);
        assert_eq!((run.code, run.stderr.contains("warning")), (0, false), "{config}: {}", run.stderr);
    }
    assert_eq!(build("{cmd: [./run], working_dir: /app}", script, 0o755).code, 0);
}

#[test]
fn programs_are_found_as_runtimes_find_them() {
    let project = |config: &str| {
        let files = "- {name: f, files: [{path: /a/tool, content: x}, {path: /b/tool, content: x, mode: \"0755\"}, \
            {path: /l, link: b/deep}, {path: /b/deep, dir: true}]}";
        let project = Project::with(&format!("base: scratch\nlayers:\n  {files}\nconfig: {config}\n"));
        Runner::new().run(project.path(), &["build"])
    };
    for config in [
        "{cmd: [tool], env: {PATH: \"/a:/b\"}}",
        "{cmd: [tool], env: {PATH: \"/a:b\"}}",
        "{cmd: [tool], working_dir: /b, env: {PATH: \":/a\"}}",
        "{cmd: [../tool], working_dir: /b/deep}",
        "{cmd: [/l/../tool]}",
        "{cmd: [/a/.././../b//tool]}",
        "{entrypoint: [\"\"], cmd: [/b/tool]}",
    ] {
        let run = project(config);
        assert_eq!(run.code, 0, "{config}: {}", run.stderr);
    }
    project("{cmd: [tool], env: {PATH: \"/x:/a\"}}").fails_with(4, &["`/a/tool`, which is not executable"]);
    project("{cmd: [/l/../x/../tool]}").fails_with(4, &["which is not in the image"]);
}

#[test]
fn a_first_program_for_another_machine_is_an_error_and_any_other_a_warning() {
    build("{cmd: [/app/run]}", &elf(ARM64, None), 0o755).fails_with(4, &["for arm64", "linux/amd64"]);
    assert_eq!(build("{cmd: [/app/run]}", &elf(AMD64, None), 0o755).code, 0);
    let other = build("{}", &elf(ARM64, None), 0o755);
    assert_eq!(other.code, 0, "{}", other.stderr);
    assert!(other.stderr.contains("`/app/run` is for arm64"), "{}", other.stderr);
}

#[test]
fn a_missing_loader_interpreter_or_user_is_a_warning_with_a_remedy() {
    let loader = "/lib64/ld-linux-x86-64.so.2";
    for (config, program, text) in [
        ("{cmd: [/app/run]}", elf(AMD64, Some(loader)), "needs the loader `/lib64/ld-linux-x86-64.so.2`"),
        ("{cmd: [/app/run]}", b"#!/usr/bin/env node\n".to_vec(), "is run by `/usr/bin/env`"),
        ("{cmd: [/app/run]}", b"#!/bin/sh\r\n".to_vec(), "carriage return"),
        ("{user: web}", b"#!/app/run\n".to_vec(), "`config.user` is `web`"),
    ] {
        let run = build(config, &program, 0o755);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stderr.contains(text), "`{text}` is missing in:\n{}", run.stderr);
    }
}

#[test]
fn links_and_first_lines_that_name_this_machine_are_warned_of() {
    let project = Project::scratch();
    let (runner, here) = (Runner::new(), project.path().display().to_string());
    std::os::unix::fs::symlink(runner.home().join(".local/python"), project.join("app/python")).expect("a link");
    project.write("app/tool", &format!("#!{here}/.venv/bin/python\n"));
    project.mode("app/tool", 0o755);
    let run = runner.run(project.path(), &["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for text in ["`/app/python` leads to", "`/app/tool` is run by"] {
        assert!(run.stderr.contains(text), "{}", run.stderr);
    }
}

#[test]
fn what_is_removed_is_said_to_stay_below() {
    let project = Project::with(
        "base: scratch\nlayers:\n  - {from: app, to: /app}\n  - {name: clean, files: [{path: /app/hello.txt, remove: true}]}\n",
    );
    let run = Runner::new().run(project.path(), &["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("layer `clean` hides `/app/hello.txt`: the bytes stay"), "{}", run.stderr);
}
