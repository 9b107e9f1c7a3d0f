//! Seats that clients of this gateway have in matches.
//!
//! A seat's task owns the session: it takes the seat when a client first asks for something in the game, stays through
//! takeovers, and gives the seat up once the game is over or nobody has asked for a while. All streams of the game are
//! written by it, so the position of the next move is always the one that was streamed last.

mod acts;
mod moves;
mod table;
mod task;

pub(crate) use acts::Act;
pub(crate) use table::{Ask, Seats};
