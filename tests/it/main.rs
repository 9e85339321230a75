//! Everything that needs no outside server, in one binary.

mod any_order;
mod architecture;
mod bad_input;
mod before;
mod determinism;
mod ecr;
mod environments;
mod fault_matrix;
mod fleet;
mod guard;
mod hostile_project;
mod image_layers;
mod known;
mod lock;
mod platforms;
mod preflight;
mod reuse;
mod rollback;
mod schedules;
mod ship;
mod sources;
mod start;
mod status;
mod support;
