//! A whole deployment against a stand-in that answers as ECS does, over real HTTP on a loopback port.

mod half_way;
mod lossless;
mod refusals;
mod stand_in;
mod verdicts;
mod without_wait;
mod world;
