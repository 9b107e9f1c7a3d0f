//! What players of the model hold, and since when.

use std::collections::BTreeMap;

use game_core::{PlayerId, UnixMillis};

use crate::holding::{HOLDING_KEPT, Holding};

#[derive(Debug, Clone, Default)]
pub(super) struct Holdings(BTreeMap<(PlayerId, Holding, String), UnixMillis>);

impl Holdings {
    pub(super) fn hold(
        &mut self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> bool {
        let entry = (player.clone(), kind, id.to_owned());
        if self.0.contains_key(&entry) {
            return true;
        }
        if self.of(player, kind).count() >= max as usize {
            return false;
        }
        self.remove_old(now);
        self.0.insert(entry, now);
        true
    }

    /// What a player holds of a kind.
    pub(super) fn of<'a>(
        &'a self,
        player: &'a PlayerId,
        kind: Holding,
    ) -> impl Iterator<Item = (&'a String, UnixMillis)> {
        let all = self.0.range((player.clone(), kind, String::new())..);
        all.take_while(move |((of, their_kind, _), _)| of == player && *their_kind == kind)
            .map(|((.., id), at)| (id, *at))
    }

    pub(super) fn let_go(&mut self, player: &PlayerId, kind: Holding, ids: &[String]) {
        for id in ids {
            self.0.remove(&(player.clone(), kind, id.clone()));
        }
    }

    pub(super) fn remove_old(&mut self, now: UnixMillis) {
        let kept_ms = HOLDING_KEPT.as_millis() as u64;
        self.0.retain(|_, at| at.0.saturating_add(kept_ms) >= now.0);
    }
}
