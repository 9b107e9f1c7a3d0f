//! One contract, three stores: the same operations have the same answers, on all, also when things
//! go wrong.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod accounts;
mod aftermath;
mod answers;
mod archive;
mod audit;
mod backup;
mod chat;
mod disk;
mod embedded;
mod faulty;
mod feed;
mod former;
mod hand_over;
mod holdings;
mod idempotency;
mod journal;
mod layout;
mod many;
mod outbox;
mod postgres;
mod presence;
mod ratings;
mod redis;
mod registry;
mod retention;
mod revocations;
mod samples;
mod scan;
mod sequences;
mod tournaments;
mod transfers;
mod waves;
