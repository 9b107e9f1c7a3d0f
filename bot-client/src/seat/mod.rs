//! A seat in a match: the protocol as a state machine, and the session that drives it.

mod machine;
mod session;
mod source;
mod unanswered;

#[cfg(test)]
mod tests;

pub use machine::{CommandError, Loss, SeatMachine, SeatTimes, Update};
pub use session::{SeatError, SeatSession, SessionConfig};
pub use source::{PlayerSeat, SeatFuture, SeatSource, Watch};
pub use unanswered::Acked;
