//! The rules of a match, row by row: through the public interface, on time that the test owns.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod arbiter;
mod blockade;
mod claims;
mod clocks;
mod controls;
mod course;
mod draws;
mod endings;
mod games;
mod gifts;
mod gone;
mod hostile;
mod lichess;
mod limits;
mod perft;
mod pgn;
mod play;
mod properties;
mod rematches;
mod restore;
mod starts;
mod table;
mod takebacks;
mod variants;
