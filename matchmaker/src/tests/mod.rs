//! The matchmaker over HTTP, on an embedded store.

mod world;

mod accounts;
mod archive;
mod bounds;
mod challenges;
mod crash;
mod edge;
mod events;
mod finished;
mod idempotency;
mod issuer;
mod lobby;
mod matches;
mod page;
mod players;
mod pools;
mod room;
mod run;
mod seats;
mod tickets;
mod transfers;
mod webhooks;
