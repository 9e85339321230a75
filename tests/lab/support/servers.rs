//! Where the lab's servers are, as `scripts/lab/run` says by its variables.

use std::path::PathBuf;

/// The account of all names and of moto's tokens.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of all names.
pub(crate) const REGION: &str = "ap-northeast-1";
/// The host of the registry that `build.yaml` names, and that nobody reaches by that name.
pub(crate) const ECR_HOST: &str = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com";

/// Returns the variable `DOCKLESS_LAB_<name>`.
pub(crate) fn variable(name: &str) -> String {
    let name = format!("DOCKLESS_LAB_{name}");
    std::env::var(&name).unwrap_or_else(|_| panic!("`{name}` is not set: run these tests by `scripts/lab/run`"))
}

/// `HOST:PORT` of the registry with Basic authentication.
pub(crate) fn registry() -> String {
    variable("REGISTRY")
}

/// `USER:PASSWORD` of that registry.
pub(crate) fn registry_login() -> String {
    format!("{}:{}", variable("REGISTRY_USER"), variable("REGISTRY_PASSWORD"))
}

/// URL of moto.
pub(crate) fn moto() -> String {
    variable("MOTO")
}

/// URL of MiniStack.
pub(crate) fn ministack() -> String {
    variable("MINISTACK")
}

/// `HOST:PORT` of a URL of one of the above.
pub(crate) fn authority(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

/// The folder of this run, removed at its end.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(variable("DIR"))
}

/// A loopback port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}
