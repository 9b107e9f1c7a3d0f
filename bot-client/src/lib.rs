//! The parts of the binary `bot-client`: its command line, `play`, `bot` and `match`. Its other commands are in the library
//! `lab`, and all of them play with the library `client`, which is the crate to use in other programs.

pub mod commands;
mod engine_match;
