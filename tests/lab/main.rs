//! The product against real servers and runtimes: Debian's registry, Docker, podman, skopeo, umoci, moto, MiniStack.
//!
//! Every test calls the binary and the tools as processes, each with a home, a cache and a configuration of its own.
//! The servers are those of `scripts/lab/run`; without them a test fails and says so.

mod archives;
mod bench;
mod disk;
mod ecs;
mod faults;
mod init;
mod matrix;
mod own_image;
mod packaging;
mod proxy;
mod readers;
mod registry;
mod restricted;
mod runs;
mod shell;
mod ship;
mod size;
mod support;
mod tls;
mod token;
