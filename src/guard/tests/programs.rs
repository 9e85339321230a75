//! What first bytes say about programs, and which programs are reported.

use super::*;
use crate::oci::Platform;
use proptest::prelude::*;

/// Makes an ELF file whose interpreter's path stands behind the only program header.
fn elf(machine: Machine, kind: u16, interpreter: Option<&str>) -> Vec<u8> {
    let bytes = |number: u64, length: usize| {
        let all = if machine.little { number.to_le_bytes() } else { number.to_be_bytes() };
        if machine.little { all[..length].to_vec() } else { all[8 - length..].to_vec() }
    };
    let width = if machine.wide { 8 } else { 4 };
    let (header, entry) = if machine.wide { (64, 56) } else { (52, 32) };
    let mut file = [b"\x7fELF".to_vec(), vec![1 + u8::from(machine.wide), 2 - u8::from(machine.little), 1]].concat();
    file.resize(16, 0);
    file.extend([bytes(kind.into(), 2), bytes(machine.number.into(), 2), bytes(1, 4), bytes(0, width)].concat());
    file.extend([bytes(header, width), bytes(0, width), bytes(0, 4), bytes(header, 2)].concat());
    file.extend([bytes(entry, 2), bytes(u64::from(interpreter.is_some()), 2), vec![0; 6]].concat());
    assert_eq!(file.len() as u64, header);
    let path = format!("{}\0", interpreter.unwrap_or_default());
    file.extend(bytes(3, 4));
    file.extend(if machine.wide { bytes(4, 4) } else { Vec::new() });
    file.extend([bytes(header + entry, width), vec![0; 2 * width], bytes(path.len() as u64, width)].concat());
    file.resize((header + entry) as usize, 0);
    file.extend(path.bytes());
    file
}

const AMD64: Machine = Machine { number: 62, wide: true, little: true };
const ARM64: Machine = Machine { number: 183, wide: true, little: true };

#[test]
fn an_elf_header_names_machine_and_interpreter_in_every_class_and_order() {
    for (number, wide, little, name) in [
        (62, true, true, "amd64"),
        (183, true, true, "arm64"),
        (40, false, true, "arm"),
        (3, false, true, "386"),
        (21, true, true, "ppc64le"),
        (22, true, false, "s390x"),
        (243, true, true, "riscv64"),
        (8, true, true, "mips64le"),
        (258, true, true, "loong64"),
        (999, false, false, "ELF machine 999 (32 bits, big-endian)"),
    ] {
        let machine = Machine { number, wide, little };
        let interpreter = Some(b"/lib/ld.so.1".to_vec());
        for kind in [2, 3] {
            assert_eq!(
                Program::of(&elf(machine, kind, Some("/lib/ld.so.1"))),
                Some(Program::Elf { machine, interpreter: interpreter.clone() })
            );
        }
        assert_eq!(Program::of(&elf(machine, 2, None)), Some(Program::Elf { machine, interpreter: None }));
        assert_eq!(Program::of(&elf(machine, 1, None)), None, "an object file");
        assert_eq!(machine.to_string(), name);
    }
}

#[test]
fn this_very_program_names_its_interpreter() {
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    if own.starts_with(b"\x7fELF") {
        assert!(
            matches!(Program::of(&own), Some(Program::Elf { interpreter: Some(path), .. }) if path.starts_with(b"/"))
        );
    }
}

#[test]
fn a_script_names_its_interpreter_and_one_argument() {
    let script = |text: &[u8]| match Program::of(text) {
        Some(Program::Script { interpreter, rest }) => {
            Some((String::from_utf8(interpreter).unwrap(), String::from_utf8(rest).unwrap()))
        }
        _ => None,
    };
    let is = |interpreter: &str, rest: &str| Some((interpreter.to_owned(), rest.to_owned()));
    assert_eq!(script(b"#!/bin/sh"), is("/bin/sh", ""));
    assert_eq!(script(b"#! /usr/bin/env -S node --x \nmain()"), is("/usr/bin/env", "-S node --x"));
    assert_eq!(script(b"#!/bin/sh\r\n"), is("/bin/sh\r", ""));
    for text in [&b""[..], b"#", b"#!", b"#!\n/bin/sh", b"#![allow(dead_code)]", b" #!/bin/sh", b"#!\0"] {
        assert_eq!(script(text), None);
    }
    let long = format!("#!/{}\n", "x".repeat(400));
    assert_eq!(script(long.as_bytes()).unwrap().0.len(), 254);
}

#[test]
fn a_machine_fits_its_platforms() {
    let fits = |machine: Machine, platform: &str| machine.fits(&platform.parse::<Platform>().unwrap());
    let arm = Machine { number: 40, wide: false, little: true };
    let i386 = Machine { number: 3, wide: false, little: true };
    assert!(fits(AMD64, "linux/amd64") && fits(ARM64, "linux/arm64/v8") && fits(i386, "linux/amd64"));
    assert!(fits(arm, "linux/arm/v6") && fits(arm, "linux/arm/v7"));
    assert!(!fits(AMD64, "linux/arm64") && !fits(ARM64, "linux/amd64") && !fits(AMD64, "linux/386"));
    assert!(
        fits(arm, "linux/arm64")
            && !fits(ARM64, "linux/arm/v7")
            && !fits(Machine { little: false, ..arm }, "linux/arm")
    );
    assert!(fits(AMD64, "linux/wasm") && fits(AMD64, "windows/amd64"), "nothing is known of these");
}

#[test]
fn programs_for_another_machine_are_reported_outside_published_packages() {
    let inspection = inspection(&[]);
    for (path, machine) in [("b", ARM64), ("a", ARM64), ("c", AMD64), ("x/node_modules/d", ARM64)] {
        inspection.file(&subject(path, 0o644), &elf(machine, 3, None));
    }
    let expected = [OtherMachine { path: path("a"), machine: ARM64 }, OtherMachine { path: path("b"), machine: ARM64 }];
    assert_eq!(inspection.take().other_machines.kept, BTreeSet::from(expected));
}

#[test]
fn each_interpreter_is_reported_once_with_the_first_executable_that_needs_it() {
    let inspection = inspection(&[]);
    for (path, mode, interpreter) in [
        ("c", 0o755, "/lib/ld-musl"),
        ("b", 0o755, "/lib/ld-musl"),
        ("a", 0o644, "/lib/ld-musl"),
        ("d", 0o755, "/lib64/ld"),
    ] {
        inspection.file(&subject(path, mode), &elf(AMD64, 2, Some(interpreter)));
    }
    let required =
        |interpreter: &str, example| RequiredInterpreter { interpreter: interpreter.into(), example: path(example) };
    assert_eq!(
        inspection.take().interpreters.kept,
        BTreeSet::from([required("/lib/ld-musl", "b"), required("/lib64/ld", "d")])
    );
}

#[test]
fn scripts_and_links_that_lead_to_the_machine_that_builds_are_reported() {
    let inspection = inspection(&[]);
    for (path, mode, text) in [
        ("bin/pip", 0o755, "#!/builds/acme/app/.venv/bin/python\n"),
        ("bin/env", 0o755, "#!/usr/bin/env -S /root/x\n"),
        ("bin/uv", 0o755, "#!/bin/sh\n'''exec' \"/builds/acme/app/bin/python\" \"$0\" \"$@\"\n"),
        ("bin/said", 0o755, "#!/bin/sh\necho /builds/acme/app/bin/python\n"),
        ("bin/data", 0o644, "#!/builds/acme/app/.venv/bin/python\n"),
        ("bin/other", 0o755, "#!/builds/acme/application/python\n"),
    ] {
        inspection.file(&subject(path, mode), text.as_bytes());
    }
    for (at, target) in [("a", "/root/.local/python"), ("b", "/rooted"), ("c", "../root/x"), ("d", "/builds/acme/app")]
    {
        inspection.symlink(&path(at), target.as_bytes());
    }
    let seen = inspection.take();
    let scripts: Vec<String> = seen.machine_scripts.kept.iter().map(|script| script.path.to_string()).collect();
    let links: Vec<String> = seen.machine_links.kept.iter().map(|link| link.path.to_string()).collect();
    assert_eq!(
        (scripts, links),
        (vec!["/bin/env".into(), "/bin/pip".into(), "/bin/uv".into()], vec!["/a".to_owned(), "/d".to_owned()])
    );
}

#[test]
fn what_stands_at_paths_that_were_asked_for_is_told() {
    let inspection = inspection(&[]);
    inspection.directory(&path("bin"), 0o755);
    inspection.symlink(&path("usr/bin/run"), b"serve");
    let mut pieces = inspection.pieces(subject("usr/bin/serve", 0o755));
    pieces.feed(b"#!/bin");
    pieces.feed(b"/sh\n");
    pieces.end();
    inspection.file(&subject("usr/bin/else", 0o755), b"#!/bin/sh\n");
    let script = Program::Script { interpreter: b"/bin/sh".to_vec(), rest: Vec::new() };
    let expected = [
        (path("bin"), Asked { mode: 0o755, kind: AskedKind::Directory }),
        (path("usr/bin/run"), Asked { mode: 0o777, kind: AskedKind::Symlink(b"serve".to_vec()) }),
        (path("usr/bin/serve"), Asked { mode: 0o755, kind: AskedKind::File(Some(script)) }),
    ];
    assert_eq!(inspection.take().asked, expected.into());
}

#[test]
fn an_upper_layer_answers_for_a_lower_one() {
    let layer = |content: &[u8], example: &str| {
        let inspection = inspection(&[]);
        inspection.file(&subject("usr/bin/serve", 0o755), content);
        inspection.file(&subject(example, 0o755), &elf(AMD64, 2, Some("/lib/ld")));
        inspection.take()
    };
    let mut both = layer(b"#!/bin/sh\n", "b");
    both.merge(layer(b"data", "a"));
    assert_eq!(both.asked[&path("usr/bin/serve")].kind, AskedKind::File(None));
    assert_eq!(both.interpreters.kept.first().unwrap().example, path("a"));
    assert_eq!(both.interpreters.count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_header_is_too_broken_to_be_read(
        changes in prop::collection::vec((0_usize..200, any::<u8>()), 0..12),
        wide in any::<bool>(),
        little in any::<bool>(),
        length in 0_usize..200,
    ) {
        let mut file = elf(Machine { number: 62, wide, little }, 2, Some("/lib/ld"));
        for (at, byte) in changes {
            if let Some(old) = file.get_mut(at) {
                *old = byte;
            }
        }
        file.truncate(length);
        Program::of(&file);
    }
}
