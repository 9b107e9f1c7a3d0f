//! A seat in a match: the protocol as a state machine, and the session that drives it.

mod machine;
mod session;
mod source;
mod unanswered;
mod update;

#[cfg(test)]
mod tests;

pub use machine::SeatMachine;
pub use session::{SeatError, SeatSession, SessionConfig};
pub use source::{PlayerSeat, SeatFuture, SeatSource, Watch};
pub use unanswered::Acked;
pub use update::{CommandError, Loss, SeatTimes, Update};
