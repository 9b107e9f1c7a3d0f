//! What concerns one player, wherever it happens: the events of an account, its live matches, and who is online.
//!
//! The streams of events read the lists of challenges and matches that the store has of their player, and tell the
//! differences to what they have told before. So nothing depends on a message that may be lost: a *hint* from the process
//! where something has changed only makes them look at once instead of some seconds later. A stream holds nothing that
//! another matchmaker would need; its client opens it there again and is told the present state.

mod news;

mod hearing;
mod listed;

// The routes.
pub(crate) mod events;
pub(crate) mod matches;
pub(crate) mod online;
pub(crate) mod token_test;

pub(crate) use self::hearing::{announce_online, hear_hints};
pub(crate) use self::news::NewsBoard;
