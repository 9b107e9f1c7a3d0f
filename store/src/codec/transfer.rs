//! The stored transfer of a player to another device.

use game_core::UnixMillis;
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::parse;
use crate::account::SecretDigest;
use crate::transfer::Transfer;

/// A [`Transfer`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TransferV1 {
    digest: [u8; 32],
    player: String,
    name: String,
    is_bot: bool,
    made_at_ms: u64,
    expires_at_ms: u64,
    used_by: Option<u64>,
}

impl Layout for TransferV1 {
    const FORMAT: Format = Format::Transfer;
    const VERSION: u8 = 1;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl From<&Transfer> for TransferV1 {
    fn from(transfer: &Transfer) -> Self {
        let Transfer {
            digest,
            player,
            name,
            is_bot,
            made_at,
            expires_at,
            used_by,
        } = transfer;
        Self {
            digest: digest.0,
            player: player.to_string(),
            name: name.clone(),
            is_bot: *is_bot,
            made_at_ms: made_at.0,
            expires_at_ms: expires_at.0,
            used_by: *used_by,
        }
    }
}

impl TryFrom<TransferV1> for Transfer {
    type Error = String;

    fn try_from(stored: TransferV1) -> Result<Self, String> {
        Ok(Self {
            digest: SecretDigest(stored.digest),
            player: parse(&stored.player)?,
            name: stored.name,
            is_bot: stored.is_bot,
            made_at: UnixMillis(stored.made_at_ms),
            expires_at: UnixMillis(stored.expires_at_ms),
            used_by: stored.used_by,
        })
    }
}
