//! Whether a history of operations is linearizable: whether there is one order of them that respects real time and in
//! which every answer is right.
//!
//! It knows the JSON lines of `docs/histories.md` and nothing else of this project, so that it is a second witness
//! beside the oracles of `lab`. [`read`] reads a file, [`check`] judges it match by match. [`search()`] is the algorithm
//! for any [`Model`]; that of a match is a log that only grows (`match_log.rs`).

mod check;
mod facts;
mod match_log;
mod operation;
mod search;

pub use check::{Contradiction, Judgement, Verdict, check};
pub use operation::{
    Action, Answer, Asked, Broken, Entry, Joining, Operation, ReadError, Record, Records, Role,
    Seat, State, Told, read,
};
pub use search::{Model, Outcome, Timed, search};
