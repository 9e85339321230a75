//! Everything that needs no outside server, in one binary.

mod any_order;
mod architecture;
mod bad_input;
mod determinism;
mod ecr;
mod guard;
mod hostile_project;
mod image_layers;
mod known;
mod lock;
mod platforms;
mod requests;
mod reuse;
mod ship;
mod sources;
mod start;
mod store;
mod support;
