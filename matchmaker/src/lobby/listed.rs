//! The matches of a player, as the lists of what a player has name them.

use std::collections::HashSet;

use game_core::{BySeat, Match, MatchId, PlayerId, Seat, UnixMillis};
use protocol::http::AccountMatch;
use store::{Holding, TicketId, TicketState};

use crate::clock::now;
use crate::matches::Shown;
use crate::problem::Problem;
use crate::service::Service;

/// The kinds of lists that name matches.
const KINDS: [Holding; 2] = [Holding::Match, Holding::Uncounted];

/// Age up to which an entry without a match may belong to a request that is about to create it.
const MADE_WITHIN_MS: u64 = 60_000;

/// The entries of a player's lists of matches.
#[derive(Debug, Default)]
pub(super) struct Listed {
    entries: Vec<(Holding, MatchId, UnixMillis)>,
}

impl Listed {
    /// Each match once, the one that was listed last first.
    pub(super) fn ids(&self) -> Vec<MatchId> {
        let mut entries: Vec<_> = self.entries.iter().map(|(_, id, at)| (*at, *id)).collect();
        entries.sort_unstable_by(|one, other| other.cmp(one));
        let mut seen = HashSet::new();
        let ids = entries.into_iter().map(|(_, id)| id);
        ids.filter(|id| seen.insert(*id)).collect()
    }
}

impl Service {
    /// What the lists of a player name; matches that are over may be among them.
    pub(super) async fn listed(&self, player: &PlayerId) -> Result<Listed, Problem> {
        let mut entries = Vec::new();
        for kind in KINDS {
            for (id, at) in self.store.held(player, kind).await? {
                // What is no id is of a newer program.
                entries.extend(id.parse().ok().map(|id| (kind, id, at)));
            }
        }
        Ok(Listed { entries })
    }

    /// Takes matches out of a player's lists that are over: whoever lists them next has less to read.
    pub(super) async fn unlist(
        &self,
        player: &PlayerId,
        listed: &Listed,
        over: &HashSet<MatchId>,
    ) -> Result<(), Problem> {
        for kind in KINDS {
            let of_kind = listed.entries.iter().filter(|(of, ..)| *of == kind);
            let ids: Vec<String> = of_kind
                .filter(|(_, id, _)| over.contains(id))
                .map(|(_, id, _)| id.to_string())
                .collect();
            if !ids.is_empty() {
                self.store.let_go(player, kind, &ids).await?;
            }
        }
        Ok(())
    }

    /// Creates the missing match of an entry, if it is that of a challenge whose acceptance was cut short: it has the
    /// challenge's id. Returns whether the entry is of a request that failed long ago.
    pub(super) async fn complete_or_give_up(
        &self,
        listed: &Listed,
        id: MatchId,
    ) -> Result<bool, Problem> {
        if let Some(ticket) = self.store.ticket(TicketId::from(id)).await?
            && let TicketState::Assigned(assignment) = &ticket.state
            && assignment.match_id == id
        {
            self.ensure_match(&ticket, assignment).await?;
        }
        let at = listed.entries.iter().find(|(_, of, _)| *of == id);
        let is_old = |at: &UnixMillis| now().0.saturating_sub(at.0) > MADE_WITHIN_MS;
        Ok(at.is_none_or(|(.., at)| is_old(at)))
    }
}

/// A match as its player sees it; `None` if somebody else's.
pub(super) fn account_match(player: &PlayerId, shown: &Shown) -> Option<AccountMatch> {
    let setup = shown.game.setup();
    Some(AccountMatch {
        seat: seat_of(player, &shown.game)?,
        created_at: setup.created_at,
        game: shown.reply(setup.id),
    })
}

/// The seat of a player in a match.
pub(super) fn seat_of(player: &PlayerId, game: &Match) -> Option<Seat> {
    let BySeat { white, black } = &game.setup().players;
    match player {
        id if white.id == *id => Some(Seat::White),
        id if black.id == *id => Some(Seat::Black),
        _ => None,
    }
}
