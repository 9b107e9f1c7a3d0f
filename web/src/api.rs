//! What a server says of itself: how it refuses, and what it allows.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::problem::FromFault;

/// The state of a server's handlers, in an `Arc`: how it refuses, and what it allows.
pub trait Api: Send + Sync + 'static {
    /// What a request is refused with.
    type Problem: FromFault;

    /// What requests without a token are told to send.
    const TOKEN_NEEDED: &'static str;

    /// What [`limit`](crate::limit) allows.
    fn bounds(&self) -> &Bounds;
}

/// What [`limit`](crate::limit) allows.
#[derive(Debug)]
pub struct Bounds {
    /// Longest body of a request, in bytes.
    pub body_len_max: usize,
    /// A body must be complete within this after its head.
    pub body_within: Duration,
    /// A request must be answered within this after its body.
    pub answer_within: Duration,
    /// One permit for each request under way. More are refused at once: waiting would only make the queue longer.
    pub requests: Semaphore,
}
