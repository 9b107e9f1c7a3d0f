//! The transfers of the model.

use std::collections::BTreeMap;

use game_core::{PlayerId, UnixMillis};

use crate::account::SecretDigest;
use crate::transfer::Transfer;

#[derive(Debug, Clone, Default)]
pub(super) struct Transfers(BTreeMap<SecretDigest, Transfer>);

impl Transfers {
    pub(super) fn put(&mut self, transfer: &Transfer) {
        if !self.0.contains_key(&transfer.digest) {
            self.0.retain(|_, former| former.player != transfer.player);
            self.0.insert(transfer.digest, transfer.clone());
        }
    }

    pub(super) fn redeem(
        &mut self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Option<Transfer> {
        let transfer = self.0.get_mut(digest)?;
        if now >= transfer.expires_at || transfer.used_by.is_some_and(|by| by != request) {
            return None;
        }
        let as_made = Transfer {
            used_by: None,
            ..transfer.clone()
        };
        transfer.used_by = Some(request);
        Some(as_made)
    }

    pub(super) fn remove_of(&mut self, player: &PlayerId) {
        self.0.retain(|_, transfer| transfer.player != *player);
    }

    pub(super) fn remove_old(&mut self, now: UnixMillis) {
        self.0.retain(|_, transfer| now < transfer.expires_at);
    }
}
