//! Faults of a local cluster: which there are, which comes next and to whom, and how it is brought about.

mod inject;
mod kind;
pub mod sabotage;
mod schedule;

pub use inject::{Going, InjectError, Injector};
pub use kind::FaultKind;
pub use sabotage::Sabotage;
pub use schedule::{Fault, Schedule};
