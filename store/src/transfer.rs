//! The right to go on as a player on another device.

use game_core::{PlayerId, UnixMillis};

use crate::account::SecretDigest;

/// A secret with which the holder of a player's token goes on as that player elsewhere, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The digest of the code.
    pub digest: SecretDigest,
    /// Who goes on: a guest, or the player of an account.
    pub player: PlayerId,
    /// The player's name.
    pub name: String,
    /// Whether a program plays.
    pub is_bot: bool,
    /// When it was made.
    pub made_at: UnixMillis,
    /// When it expires.
    pub expires_at: UnixMillis,
    /// The request that has used it, if one has.
    pub used_by: Option<u64>,
}
