//! From two players to a match: the assignment first, then the match.
//!
//! The assignment is one compare-and-set on the tickets and decides who plays whom in which match. The match is
//! created from it afterwards, and whichever matchmaker reads an assigned ticket creates it if it is missing. So a
//! matchmaker that dies in between leaves nothing stuck; creating twice changes nothing.

use game_core::{BySeat, ColorChoice, Match, MatchId, Player};
use store::{Assignment, Created, Ticket};
use tracing::info;

use crate::clock::now;
use crate::problem::Problem;
use crate::service::Service;

/// The match `match_id` between the owner of `ticket` and `opponent`, in the colours that the ticket asks
/// for.
pub(crate) fn draw(match_id: MatchId, ticket: &Ticket, opponent: &Player) -> Assignment {
    let owner_is_white = match ticket.color {
        ColorChoice::White => true,
        ColorChoice::Black => false,
        ColorChoice::Random => rand::random(),
    };
    seated(match_id, &ticket.player, opponent, owner_is_white)
}

/// The match `match_id` of two tickets of a pool, in colours that both accept.
pub(crate) fn draw_pair(match_id: MatchId, one: &Ticket, other: &Ticket) -> Assignment {
    let one_is_white = match (one.color, other.color) {
        (ColorChoice::White, _) | (ColorChoice::Random, ColorChoice::Black) => true,
        (ColorChoice::Black, _) | (ColorChoice::Random, ColorChoice::White) => false,
        (ColorChoice::Random, ColorChoice::Random) => rand::random(),
    };
    seated(match_id, &one.player, &other.player, one_is_white)
}

fn seated(match_id: MatchId, one: &Player, other: &Player, one_is_white: bool) -> Assignment {
    let (one, other) = (one.clone(), other.clone());
    let (white, black) = if one_is_white {
        (one, other)
    } else {
        (other, one)
    };
    Assignment {
        match_id,
        players: BySeat { white, black },
        at: now(),
    }
}

/// Whether `player` has a seat in the match.
pub(crate) fn is_player(assignment: &Assignment, player: &Player) -> bool {
    let BySeat { white, black } = &assignment.players;
    white.id == player.id || black.id == player.id
}

impl Service {
    /// Creates the match of an assigned ticket if it is missing and was assigned a short time ago: later, it has ended
    /// and is gone.
    pub(crate) async fn ensure_match(
        &self,
        ticket: &Ticket,
        assignment: &Assignment,
    ) -> Result<(), Problem> {
        match self.store.ownership(assignment.match_id).await? {
            None if assignment.may_create(now()) => self.create_match(ticket, assignment).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Creates the match of an assigned ticket on the shard of its tag if that has room, else on any.
    pub(crate) async fn create_match(
        &self,
        ticket: &Ticket,
        assignment: &Assignment,
    ) -> Result<(), Problem> {
        let shard = self.shard_for_new(assignment.match_id)?;
        let terms = ticket.terms.clone();
        let setup = terms.setup(assignment.match_id, assignment.players.clone(), now());
        let created = self
            .store
            .create(shard.id, &Match::new(setup).snapshot())
            .await?;
        if created == Created::New {
            self.view().note_placed(shard.id);
            info!(
                match_id = %assignment.match_id,
                shard = %shard.id,
                white = %assignment.players.white.id,
                black = %assignment.players.black.id,
                variant = %ticket.terms.start.variant(),
                white_control = %ticket.terms.controls.white,
                black_control = %ticket.terms.controls.black,
                rated = ticket.terms.rated,
                "match created"
            );
        }
        self.tell_both(&assignment.players, assignment.match_id)
            .await;
        Ok(())
    }
}
