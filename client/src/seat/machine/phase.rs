//! Where a seat stands between its client and the shard.

use protocol::CloseCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Without a stream.
    Apart,
    /// `Join` is sent.
    Joining,
    /// The shard has reported a pause: the answer to the `Join` waits for the store.
    Held,
    /// The seat is taken.
    Seated,
    /// Nothing more will happen.
    Over(CloseCode),
}
