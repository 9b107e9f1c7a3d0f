//! The gateway: unmodified clients of the Lichess Bot and Board API play, also when things go wrong.

mod clients;
mod going_wrong;
mod hall;
mod limits;
mod organising;
mod watching;
