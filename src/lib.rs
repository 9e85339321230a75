//! dockless takes a project directory to a running Amazon ECS service without a Docker daemon.
//!
//! The modules stand on floors; a module names only floors below its own (see `ARCHITECTURE.md`). The library never
//! prints, exits, reads the environment or asks the time except through what is handed to it.

// floor 0
pub mod ground;
// floor 1
pub mod oci;
// floor 2
pub mod base;
pub mod event;
pub mod spec;
pub mod store;
pub mod tree;
// floor 3
pub mod guard;
pub mod image_source;
pub mod init;
pub mod plan;
// floor 4
pub mod layer;
// floor 5
pub mod image;
pub mod net;
// floor 6
pub mod deploy;
pub mod registry;
// floor 7
pub mod pipeline;
pub mod sandbox;
