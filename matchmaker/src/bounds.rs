//! What one player or one address may use: a request that costs its sender nothing must not cost the installation
//! something lasting.
//!
//! Rates by address are counted in this process: another matchmaker allows as much again, and a restart forgets
//! them. The total is bounded nevertheless, as what a player has is counted in the store for all matchmakers: a
//! list for each player and kind, to which an entry is added before the match, ticket or challenge is created.
//! Entries are not removed when it is over; a matchmaker that finds a list full removes those that are. So a list
//! may hold an entry too many but never lacks one, whichever process dies in between.

use std::str::FromStr;
use std::time::Duration;

use game_core::{MatchId, PlayerId};
use store::{Holding, Status, TicketId, TicketState};
use tracing::warn;

use crate::allowances::Client;
use crate::clock::now;
use crate::pairing::SEEN_WITHIN_MS;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Age up to which an entry whose match, ticket or challenge is missing may belong to a request that is about to
/// create it; an older one belongs to a request that failed.
const MADE_WITHIN_MS: u64 = 60_000;

/// Suggested wait of a player at a limit: it depends on what the player ends.
const FULL_FOR: Duration = Duration::from_secs(10);

impl Service {
    /// Refuses if a player may not have one more match.
    pub(crate) async fn check_room(
        &self,
        player: &PlayerId,
        client: Client,
    ) -> Result<(), Problem> {
        let max = self.config.limits.per_player_max(Holding::Match) as usize;
        if client.is_exempt()
            || self.store.held(player, Holding::Match).await?.len() < max
            || self.remove_over(player, Holding::Match).await? < max
        {
            Ok(())
        } else {
            Err(full(Holding::Match))
        }
    }

    /// Counts a match, ticket or challenge that is about to be created; returns whether the player may have it.
    pub(crate) async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        client: Client,
    ) -> Result<bool, Problem> {
        if client.is_exempt() {
            if kind == Holding::Match {
                self.list_uncounted(player, id).await?;
            }
            return Ok(true);
        }
        self.hold_counted(player, kind, id).await
    }

    /// The same for a player to whom the limits apply.
    pub(crate) async fn hold_counted(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
    ) -> Result<bool, Problem> {
        let max = self.config.limits.per_player_max(kind);
        if self.store.hold(player, kind, id, max, now()).await? {
            return Ok(true);
        }
        if self.remove_over(player, kind).await? >= max as usize {
            return Ok(false);
        }
        Ok(self.store.hold(player, kind, id, max, now()).await?)
    }

    /// Lists a match that is about to be created and that no limit counts, so that its player is told of it.
    pub(crate) async fn list_uncounted(&self, player: &PlayerId, id: &str) -> Result<(), Problem> {
        if !self.hold_counted(player, Holding::Uncounted, id).await? {
            warn!(%player, match_id = id, "a player has too many matches for one more in the list");
        }
        Ok(())
    }

    /// Removes the entry of something that is not created after all.
    pub(crate) async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
    ) -> Result<(), Problem> {
        Ok(self.store.let_go(player, kind, &[id.to_owned()]).await?)
    }

    /// Removes finished entries from a player's list; returns how many are left.
    async fn remove_over(&self, player: &PlayerId, kind: Holding) -> Result<usize, Problem> {
        let held = self.store.held(player, kind).await?;
        let (count, mut over) = (held.len(), Vec::new());
        for (id, since) in held {
            let is_new = now().0.saturating_sub(since.0) <= MADE_WITHIN_MS;
            if self.is_over(kind, &id, is_new).await? {
                over.push(id);
            }
        }
        self.store.let_go(player, kind, &over).await?;
        Ok(count - over.len())
    }

    /// Whether an entry no longer counts.
    async fn is_over(&self, kind: Holding, id: &str, is_new: bool) -> Result<bool, Problem> {
        if matches!(kind, Holding::Match | Holding::Uncounted) {
            let Ok(id) = MatchId::from_str(id) else {
                return Ok(true);
            };
            let ownership = self.store.ownership(id).await?;
            return Ok(ownership.map_or(!is_new, |known| known.status == Status::Finished));
        }
        let Ok(id) = TicketId::from_str(id) else {
            return Ok(true);
        };
        let Some(ticket) = self.store.ticket(id).await? else {
            return Ok(!is_new);
        };
        let unseen_ms = now().0.saturating_sub(ticket.seen_at.0);
        if ticket.state != TicketState::Waiting || ticket.is_abandoned(now()) {
            return Ok(true);
        }
        // A ticket whose client is gone is never paired; it must not block its player's next one.
        let is_left = kind == Holding::Ticket && unseen_ms > SEEN_WITHIN_MS;
        Ok(is_left && self.store.cancel_ticket(id).await?)
    }
}

/// The problem of a player who has as many of a kind as allowed.
pub(crate) fn full(kind: Holding) -> Problem {
    let (kind, detail) = match kind {
        Holding::Match | Holding::Uncounted => (
            Kind::TooManyMatches,
            "You play in as many matches as one player may. Finish one first.",
        ),
        Holding::Ticket => (
            Kind::TooManyTickets,
            "You wait in as many pools as one player may. Withdraw a ticket first.",
        ),
        Holding::Challenge => (
            Kind::TooManyChallenges,
            "You have as many open challenges as one player may. Withdraw one first.",
        ),
    };
    Problem::new(kind, detail).after(FULL_FOR)
}
