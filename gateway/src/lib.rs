//! The gateway: programs that speak the Lichess Bot and Board API play here, unmodified.
//!
//! In front it speaks that API over HTTP, behind it is a client like any other: the matchmaker over HTTP with the
//! token that came with the request, and a seat over QUIC for each match that is played through it. It keeps
//! nothing: another gateway can take its place at any time, and a token is never shown more than its player may see.
//!
//! - A **seat** (`seat`) is one player's seat in one match. Its task owns the session, writes the lines of all
//!   streams of the game, and answers moves once they are durable.
//! - An **event stream** (`events`) follows one player's challenges and matches.
//! - A request is held for less than a second while the server fails over; then it gets the answer that clients of
//!   this API take well (`hold`).

mod acts;
mod args;
mod clock;
mod config;
mod events;
mod fields;
mod hold;
mod identity;
mod limits;
mod lines;
mod people;
mod places;
mod refusal;
mod router;
mod routes;
mod seat;
mod seats;
mod serve;
mod shapes;
mod state;
mod streams;

// The features of dependencies' dependencies.
use features as _;

pub use args::GatewayArgs;
pub use config::{Config, Unusable};
pub use limits::LimitArgs;
pub use serve::{check, run};
