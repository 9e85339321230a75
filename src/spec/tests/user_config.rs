//! What the user configuration says.

use std::path::Path;

use super::shown;
use crate::spec::{HostConfig, Scheme, UserConfig, load_user_config};

fn read(text: &str) -> Result<UserConfig, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, text).expect("written");
    let shown = |error| shown(&error).replace(&folder.path().display().to_string(), "/etc/dockless");
    load_user_config(&file).map_err(shown).map(|mut config| {
        for host in config.hosts.values_mut() {
            for path in [&mut host.ca, &mut host.cert, &mut host.key].into_iter().flatten() {
                *path = Path::new("/etc/dockless").join(path.strip_prefix(folder.path()).unwrap_or(path));
            }
        }
        config
    })
}

#[test]
fn a_missing_or_empty_file_is_the_default() {
    assert_eq!(load_user_config(Path::new("/nowhere/config.yaml")).ok(), Some(UserConfig::default()));
    assert_eq!(read("# nothing\n"), Ok(UserConfig::default()));
}

#[test]
fn hosts_and_cache_are_read() {
    let config = read(
        "hosts:\n  123456789012.dkr.ecr.eu-west-1.amazonaws.com: {endpoint: '127.0.0.1:5000', scheme: http}\n  \
         docker.io: {mirrors: [mirror.example.com/hub/], ca: ca.pem, cert: /c.pem, key: key.pem}\ncache: {max_size: 500MB}\n",
    )
    .expect("a configuration");
    assert_eq!(config.cache_max_size, Some(500_000_000));
    let ecr = &config.hosts["123456789012.dkr.ecr.eu-west-1.amazonaws.com"];
    assert_eq!((ecr.endpoint.as_deref(), ecr.scheme), (Some("127.0.0.1:5000"), Some(Scheme::Http)));
    let expect = HostConfig {
        ca: Some("/etc/dockless/ca.pem".into()),
        cert: Some("/c.pem".into()),
        key: Some("/etc/dockless/key.pem".into()),
        mirrors: vec!["mirror.example.com/hub".to_owned()],
        ..HostConfig::default()
    };
    assert_eq!(config.hosts["docker.io"], expect);
}

#[test]
fn mistakes_show_their_place() {
    let check = |text: &str, expect: &str| assert_eq!(read(text).err().as_deref(), Some(expect), "{text}");
    check(
        "host: {}\n",
        "error: /etc/dockless/config.yaml:1:1: unknown key `host`\n  1 | host: {}\n    | ^^^^\nhint: did you mean `hosts`?\n",
    );
    check(
        "hosts:\n  a.example: {endpoint: \"http://b\"}\n",
        "error: /etc/dockless/config.yaml:2:25: `http://b` is a URL, not a host\n  \
         2 |   a.example: {endpoint: \"http://b\"}\n    |                         ^^^^^^^^^^\n\
         hint: write `b`, and beside `endpoint` `scheme: http`\n",
    );
    check(
        "hosts: {a.example: {cert: c.pem}}\n",
        "error: /etc/dockless/config.yaml:1:21: `cert` needs `key`\n  1 | hosts: {a.example: {cert: c.pem}}\n    |                     ^^^^\n\
         hint: add `key: FILE`\n",
    );
    check(
        "cache: {max_size: 10 gigs}\n",
        "error: /etc/dockless/config.yaml:1:19: `10 gigs` is not a size\n  1 | cache: {max_size: 10 gigs}\n    |                   ^^^^^^^\n\
         hint: write it like `10GiB`, `500MB` or a count of bytes\n",
    );
}
