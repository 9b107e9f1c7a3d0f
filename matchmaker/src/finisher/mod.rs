//! What follows from the end of a match: it is archived, its players are rated, and it is published.
//!
//! The write that ends a match adds an entry to the outbox of its tag. Every matchmaker has a worker here, which looks for tags
//! with entries, takes the lease of a tag, and performs the steps of each entry in order ([`steps`]). A worker that stops, or
//! is stopped, leaves the entry to another one; each step has no effect when it is repeated.

mod figures;
mod steps;
mod worker;

pub(crate) use self::figures::FinisherFigures;
pub(crate) use self::worker::{Finisher, finish_matches};
