//! What the lab's tests share, one noun a file.

pub(crate) mod authority;
pub(crate) mod aws;
pub(crate) mod containerd;
pub(crate) mod docker;
pub(crate) mod http;
pub(crate) mod layers;
pub(crate) mod layout;
pub(crate) mod mount;
pub(crate) mod podman;
pub(crate) mod process;
pub(crate) mod server;
pub(crate) mod servers;
pub(crate) mod skopeo;
pub(crate) mod tree;
pub(crate) mod workbench;
