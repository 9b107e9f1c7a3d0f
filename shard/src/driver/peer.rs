//! What the driver keeps of a seat stream.

use game_core::PlayerId;
use quinn::Connection;
use tokio::time::Instant;

use super::Outlet;

/// A seat stream as the driver knows it.
pub(super) struct Peer {
    pub(super) outlet: Outlet,
    pub(super) connection: Connection,
    pub(super) player: PlayerId,
    /// When it last sent a command or, before the first, when it joined.
    pub(super) heard_at: Instant,
}
