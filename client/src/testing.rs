//! What a shard may say and a seat that hears it, for tests here and in other crates.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    reason = "a test that fails here says enough"
)]

pub mod script;
pub mod seated;
pub mod shard;
