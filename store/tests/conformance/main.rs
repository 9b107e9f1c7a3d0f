//! One contract, three stores: the same operations have the same answers, on all, also when things
//! go wrong.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod answers;
mod disk;
mod embedded;
mod faulty;
mod holdings;
mod model;
mod redis;
mod revocations;
mod samples;
mod sequences;
