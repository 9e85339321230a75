//! Locks as they are written, and as merges, editors and disks leave them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use super::*;
use crate::base::{Answers, BaseImage, BaseLayer, Fact, FactKind};
use crate::ground::Hint;
use crate::oci::{Config, Descriptor, DiffId, ImagePath, LayerCodec, MediaType};

fn path(text: &str) -> ImagePath {
    ImagePath::parse(text.as_bytes()).expect("inside the image")
}

fn fact(kind: FactKind, mode: u32) -> Fact {
    Fact { kind, mode, uid: 0, gid: 42, mtime: 1_700_000_000, xattrs: BTreeMap::new() }
}

fn answers() -> Answers {
    let capability = BTreeMap::from([("security.capability".to_owned(), vec![1, 0, 0, 2, 0xff])]);
    let ping = Fact { xattrs: capability, ..fact(FactKind::File, 0o4755) };
    let raw = ImagePath::parse(b"a b/100%\xff").expect("inside the image");
    Answers {
        paths: BTreeMap::from([
            (path("/etc"), Some(fact(FactKind::Directory, 0o755))),
            (path("/lib"), Some(fact(FactKind::Symlink(b"usr/l -> \xfe".to_vec()), 0o777))),
            (path("/bin/ping"), Some(ping)),
            (path("/dev/null"), Some(fact(FactKind::Other, 0o666))),
            (path("/srv"), None),
            (raw, Some(fact(FactKind::File, 0o600))),
        ]),
        listed: BTreeSet::from([path("/dev"), path("/etc")]),
        users: BTreeMap::from([("www-data".to_owned(), Some((33, 34))), ("nobody".to_owned(), None)]),
        groups: BTreeMap::from([("adm".to_owned(), Some(4)), ("wheel".to_owned(), None)]),
    }
}

/// A base as Docker's registry serves it: manifest, config, and the image they make.
fn docker_base() -> (String, String, BaseImage) {
    let diff_id = DiffId(Digest::of(b"tar"));
    let config =
        format!(r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#);
    let blob = Digest::of(b"gzip");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",
"config":{{"mediaType":"application/vnd.docker.container.image.v1+json","size":{},"digest":"{}"}},
"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":4,"digest":"{blob}"}}]}}"#,
        config.len(),
        Digest::of(config.as_bytes())
    );
    let image = BaseImage {
        name: Some("docker.io/library/debian:12".to_owned()),
        digest: Some(Digest::of(manifest.as_bytes())),
        config: Config::parse(config.as_bytes()).unwrap(),
        layers: vec![BaseLayer { blob: Descriptor::new(MediaType::Layer(LayerCodec::Gzip), blob, 4), diff_id }],
    };
    (manifest, config, image)
}

fn locked() -> LockedBase {
    let (manifest, config, image) = docker_base();
    LockedBase::of("debian:12", &image, Some(manifest.as_bytes()), config.as_bytes(), answers()).unwrap()
}

fn lock() -> Lock {
    let platform: Platform = "linux/arm/v7".parse().unwrap();
    let pins = BTreeMap::from([(platform.clone(), Digest::of(b"other"))]);
    Lock {
        platforms: BTreeMap::from([(platform, locked())]),
        images: BTreeMap::from([("example.com/tool:1".to_owned(), pins)]),
    }
}

fn told(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn a_lock_reads_one_line_a_path() {
    let text = String::from_utf8(lock().to_bytes()).unwrap();
    for line in [
        r#"  "version": 1,"#,
        r#"    "linux/arm/v7": {"#,
        r#"      "base": "debian:12","#,
        r#"        "nobody": null,"#,
        r#"        "www-data": "33:34""#,
        r#"        "adm": 4,"#,
        r#"        "/dev","#,
        r#"        "/a b/100%25%FF": "file 0600 0:42 @1700000000","#,
        r#"        "/bin/ping": "file 4755 0:42 @1700000000 security.capability=0x01000002ff","#,
        r#"        "/dev/null": "other 0666 0:42 @1700000000","#,
        r#"        "/etc": "dir 0755 0:42 @1700000000","#,
        r#"        "/lib": "link 0777 0:42 @1700000000 -> usr/l -> %FE","#,
        r#"        "/srv": null"#,
    ] {
        assert!(text.lines().any(|it| it == line), "`{line}` is not in\n{text}");
    }
    assert!(text.ends_with("}\n"));
    assert_eq!(Lock::parse(text.as_bytes()).unwrap(), lock());
}

#[test]
fn a_locked_base_is_the_image_that_was_resolved() {
    let (_, _, image) = docker_base();
    assert_eq!(locked().image().unwrap(), image);
}

#[test]
fn archives_without_a_manifest_and_scratch_are_locked_too() {
    let (_, config, image) = docker_base();
    let archive = BaseImage { digest: None, name: Some("docker-archive:b.tar".to_owned()), ..image.clone() };
    let locked = LockedBase::of("docker-archive:../b.tar", &archive, None, config.as_bytes(), answers()).unwrap();
    assert_eq!(locked.layers.len(), 1);
    assert_eq!(locked.image().unwrap(), archive);
    let scratch = Config::scratch(&Platform::new("linux", "amd64"));
    let config = crate::oci::json::to_bytes(scratch.document());
    let scratch = BaseImage { name: None, digest: None, config: scratch, layers: Vec::new() };
    let locked = LockedBase::of("scratch", &scratch, None, &config, Answers::default()).unwrap();
    assert_eq!(locked.image().unwrap(), scratch);
}

#[test]
fn parts_that_make_another_image_are_not_locked() {
    let (manifest, config, image) = docker_base();
    let other = BaseImage { layers: Vec::new(), ..image };
    let error = LockedBase::of("b", &other, Some(manifest.as_bytes()), config.as_bytes(), answers()).unwrap_err();
    assert!(error.to_string().contains("another image"), "{error}");
}

/// Changes a good base in one way.
type Damage = fn(&mut LockedBase);

#[test]
fn what_no_digest_names_is_not_built_on() {
    let cases: [(&str, Damage); 9] = [
        ("a manifest of `debian:12` whose digest is", |locked| locked.digest = Some(Digest::of(b"x"))),
        ("a manifest of `debian:12` whose digest is", |locked| locked.manifest.as_mut().unwrap().push(' ')),
        ("a config of `debian:12` whose digest is", |locked| locked.config.push(' ')),
        ("no digest beside it", |locked| locked.digest = None),
        ("a digest and no manifest", |locked| locked.manifest = None),
        ("layers beside those", |locked| locked.layers.push(Descriptor::new(MediaType::Config, Digest::of(b""), 0))),
        ("cannot be used: the document is neither", |locked| {
            locked.manifest = Some("{}".to_owned());
            locked.digest = Some(Digest::of(b"{}"));
        }),
        ("0 layers and its config 1", |locked| {
            locked.manifest = None;
            locked.digest = None;
        }),
        ("cannot be used: the image config cannot be read", |locked| {
            locked.manifest = None;
            locked.digest = None;
            locked.config = "<".to_owned();
        }),
    ];
    for (expected, damage) in cases {
        let mut locked = locked();
        damage(&mut locked);
        let error = locked.image().unwrap_err();
        assert!(told(&error).contains(expected), "{expected}: {}", told(&error));
        assert_eq!(error.hint().as_deref(), Some("restore it, or run `dockless lock --upgrade`, which writes it anew"));
    }
}

#[test]
fn bad_locks_end_in_errors_that_name_the_place() {
    let good = String::from_utf8(lock().to_bytes()).unwrap();
    let cases = [
        ("EOF while parsing a value at line 1", String::new()),
        ("EOF while parsing", good[..good.len() / 2].to_owned()),
        ("unresolved merge, from line 2 on", good.replacen("\n", "\n<<<<<<< ours\n", 1)),
        ("version 2; this program reads version 1", good.replace("\"version\": 1", "\"version\": 2, \"new\": []")),
        ("invalid type: string \"1\", expected u64 at line 2", good.replace("\"version\": 1", "\"version\": \"1\"")),
        ("missing field `version`", "{}".to_owned()),
        ("unknown field `extra`", good.replace("\"version\": 1", "\"version\": 1, \"extra\": 1")),
        ("`/etc` stands twice at line", good.replace("\"/srv\":", "\"/etc\":")),
        ("`www-data` stands twice at line", good.replace("\"nobody\":", "\"www-data\":")),
        ("expected a path such as", good.replace("\"/srv\":", "\"srv\":")),
        ("expected a path such as", good.replace("\"/srv\":", "\"/a/../b\":")),
        ("expected a path such as", good.replace("\"/srv\":", "\"/a%2\":")),
        ("expected a path such as", good.replace("\"/srv\":", "\"/%é\":")),
        ("expected a platform such as", good.replace("linux/arm/v7", "arm")),
        ("expected what stands at a path", good.replace("dir 0755", "dir 0999")),
        ("expected what stands at a path", good.replace("dir 0755 0:42 @1700000000", "dir 0755 0:42 @+1")),
        ("expected what stands at a path", good.replace("dir 0755 0:42 @1700000000", "dir 0755 0:42 @1 -> x")),
        ("expected what stands at a path", good.replace("=0x01000002ff", "=0x1")),
        ("expected numbers such as `33:33`", good.replace("33:34", "33")),
        ("invalid type: map, expected a string", good.replace("\"base\": \"debian:12\"", "\"base\": {}")),
        ("trailing characters", format!("{good}{{}}")),
        ("EOF while parsing", format!("{{\"x\":{}", "[".repeat(100_000))),
        ("invalid type: sequence", format!("{{\"version\":{}", "[".repeat(100_000))),
    ];
    for (expected, text) in cases {
        let error = Lock::parse(text.as_bytes()).unwrap_err();
        assert!(told(&error).contains(expected), "{expected}: {}", told(&error));
        assert_eq!(error.hint().as_deref(), Some("restore it, or run `dockless lock --upgrade`, which writes it anew"));
    }
    let error = Lock::parse(&vec![b' '; MAX_BYTES + 1]).unwrap_err();
    assert!(error.to_string().contains("are not read"), "{error}");
}

#[test]
fn every_cut_of_a_lock_is_an_error() {
    let good = lock().to_bytes();
    let whole = good.len() - 1;
    for end in 0..whole {
        assert!(Lock::parse(&good[..end]).is_err(), "{end}");
    }
}

fn any_path() -> impl Strategy<Value = ImagePath> {
    let name = vec(prop_oneof![Just(b'%'), Just(b'\\'), Just(b'"'), 1..=255u8], 1..6);
    vec(name, 0..4).prop_filter_map("a path", |names| ImagePath::parse(&names.join(&b'/')))
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let kind = prop_oneof![
        Just(FactKind::Directory),
        Just(FactKind::File),
        Just(FactKind::Other),
        vec(any::<u8>(), 0..9).prop_map(FactKind::Symlink),
    ];
    let xattrs = btree_map("[a-z =%.é]{1,5}", vec(any::<u8>(), 0..5), 0..3);
    (kind, 0..=0o7777u32, any::<(u64, u64, u64)>(), xattrs).prop_map(|(kind, mode, (uid, gid, mtime), xattrs)| Fact {
        kind,
        mode,
        uid,
        gid,
        mtime,
        xattrs,
    })
}

fn any_answers() -> impl Strategy<Value = Answers> {
    let paths = btree_map(any_path(), proptest::option::of(any_fact()), 0..5);
    let users = btree_map(any::<String>(), any::<Option<(u64, u64)>>(), 0..3);
    let groups = btree_map(any::<String>(), any::<Option<u64>>(), 0..3);
    (paths, btree_set(any_path(), 0..3), users, groups).prop_map(|(paths, listed, users, groups)| Answers {
        paths,
        listed,
        users,
        groups,
    })
}

fn any_platform() -> impl Strategy<Value = Platform> {
    "(linux|freebsd)/(amd64|arm)(/v[0-9])?".prop_map(|text| text.parse().expect("a platform"))
}

fn any_base() -> impl Strategy<Value = LockedBase> {
    let descriptor = any::<(String, [u8; 32], u64)>().prop_map(|(media_type, digest, size)| Descriptor {
        media_type,
        ..Descriptor::new(MediaType::Config, Digest::from_bytes(digest), size)
    });
    let digest = any::<Option<[u8; 32]>>().prop_map(|digest| digest.map(Digest::from_bytes));
    let texts = any::<(String, Option<String>, Option<String>, String)>();
    (texts, digest, vec(descriptor, 0..2), any_answers()).prop_map(
        |((base, name, manifest, config), digest, layers, answers)| LockedBase {
            base,
            name,
            digest,
            manifest,
            config,
            layers,
            answers,
        },
    )
}

proptest! {
    #[test]
    fn any_lock_comes_back(
        platforms in btree_map(any_platform(), any_base(), 0..3),
        images in btree_map(any::<String>(), btree_map(any_platform(), any::<[u8; 32]>(), 0..2), 0..2),
    ) {
        let pins = |pins: BTreeMap<Platform, [u8; 32]>| pins.into_iter().map(|(key, pin)| (key, Digest::from_bytes(pin)));
        let images = images.into_iter().map(|(image, digests)| (image, pins(digests).collect())).collect();
        let lock = Lock { platforms, images };
        let bytes = lock.to_bytes();
        prop_assert_eq!(Lock::parse(&bytes).unwrap(), lock);
    }

    #[test]
    fn any_bytes_end_in_an_answer(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Lock::parse(&bytes);
    }

    #[test]
    fn any_change_of_a_lock_ends_in_an_answer(place in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = lock().to_bytes();
        *place.get_mut(&mut bytes) = byte;
        if let Ok(lock) = Lock::parse(&bytes) {
            lock.platforms.values().for_each(|locked| drop(locked.image()));
        }
    }
}
