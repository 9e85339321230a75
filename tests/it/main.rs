//! Everything that needs no outside server, in one binary.

mod any_order;
mod architecture;
mod bad_input;
mod canary;
mod conformance;
mod determinism;
mod ecr;
mod fault_matrix;
mod guard;
mod hostile_project;
mod image_layers;
mod kill_resume;
mod known;
mod lock;
mod platforms;
mod random_faults;
mod request_counts;
mod reuse;
mod ship;
mod soak;
mod sources;
mod start;
mod support;
