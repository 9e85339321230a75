//! Everything that needs no outside server, in one binary.

mod any_order;
mod architecture;
mod bad_input;
mod copy;
mod determinism;
mod ecr;
mod fault_matrix;
mod guard;
mod hostile_project;
mod image_layers;
mod inspect;
mod known;
mod lock;
mod networks;
mod platforms;
mod reuse;
mod ship;
mod sources;
mod start;
mod support;
