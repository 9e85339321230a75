//! Everything that needs no outside server, in one binary.

mod architecture;
mod bad_input;
mod determinism;
mod image_layers;
mod ship;
mod support;
