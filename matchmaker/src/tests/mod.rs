//! The matchmaker over HTTP, on an embedded store.

mod world;

mod accounts;
mod archive;
mod bounds;
mod challenges;
mod crash;
mod edge;
mod finished;
mod issuer;
mod matches;
mod players;
mod room;
mod run;
mod seats;
mod tickets;
mod webhooks;
