//! The rules of a match, row by row: through the public interface, on time that the test owns.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod arbiter;
mod blockade;
mod clocks;
mod course;
mod draws;
mod endings;
mod games;
mod hostile;
mod lichess;
mod perft;
mod pgn;
mod play;
mod properties;
mod restore;
mod table;
mod variants;
