//! Everything that needs no outside server, in one binary.

mod any_order;
mod architecture;
mod bad_input;
mod determinism;
mod lock;
mod ship;
mod support;
