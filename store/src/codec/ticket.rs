//! The stored ticket, and the match that it was given.

use game_core::UnixMillis;
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{StoredColor, StoredId, StoredPlayer, id_from_stored, id_to_stored, parse};
use super::setup::{PlayersV2, TermsV2};
use crate::ticket::{Assignment, Ticket, TicketState};

/// A [`Ticket`], version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TicketV2 {
    id: StoredId,
    player: StoredPlayer,
    pool: Option<String>,
    opponent: Option<String>,
    color: StoredColor,
    terms: TermsV2,
    created_at_ms: u64,
    seen_at_ms: u64,
    state: StateV2,
}

impl Layout for TicketV2 {
    const FORMAT: Format = Format::Ticket;
    const VERSION: u8 = 2;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

/// A [`TicketState`], version 2.
#[derive(Debug, Serialize, Deserialize)]
enum StateV2 {
    Waiting,
    Assigned(AssignmentV2),
    Cancelled,
}

/// An [`Assignment`], version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AssignmentV2 {
    match_id: StoredId,
    players: PlayersV2,
}

impl Layout for AssignmentV2 {
    const FORMAT: Format = Format::Assignment;
    const VERSION: u8 = 2;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl From<&Ticket> for TicketV2 {
    fn from(ticket: &Ticket) -> Self {
        let Ticket {
            id,
            player,
            pool,
            opponent,
            color,
            terms,
            created_at,
            seen_at,
            state,
        } = ticket;
        Self {
            id: id_to_stored(id),
            player: player.into(),
            pool: pool.as_deref().map(str::to_owned),
            opponent: opponent.as_ref().map(ToString::to_string),
            color: (*color).into(),
            terms: terms.into(),
            created_at_ms: created_at.0,
            seen_at_ms: seen_at.0,
            state: match state {
                TicketState::Waiting => StateV2::Waiting,
                TicketState::Assigned(assignment) => StateV2::Assigned(assignment.into()),
                TicketState::Cancelled => StateV2::Cancelled,
            },
        }
    }
}

impl TryFrom<TicketV2> for Ticket {
    type Error = String;

    fn try_from(stored: TicketV2) -> Result<Self, String> {
        Ok(Self {
            id: id_from_stored(stored.id)?,
            player: stored.player.try_into()?,
            pool: stored.pool.map(String::into_boxed_str),
            opponent: stored.opponent.map(|id| parse(&id)).transpose()?,
            color: stored.color.into(),
            terms: stored.terms.try_into()?,
            created_at: UnixMillis(stored.created_at_ms),
            seen_at: UnixMillis(stored.seen_at_ms),
            state: match stored.state {
                StateV2::Waiting => TicketState::Waiting,
                StateV2::Assigned(assignment) => TicketState::Assigned(assignment.try_into()?),
                StateV2::Cancelled => TicketState::Cancelled,
            },
        })
    }
}

impl From<&Assignment> for AssignmentV2 {
    fn from(assignment: &Assignment) -> Self {
        let Assignment { match_id, players } = assignment;
        Self {
            match_id: id_to_stored(match_id),
            players: players.into(),
        }
    }
}

impl TryFrom<AssignmentV2> for Assignment {
    type Error = String;

    fn try_from(stored: AssignmentV2) -> Result<Self, String> {
        Ok(Self {
            match_id: id_from_stored(stored.match_id)?,
            players: stored.players.try_into()?,
        })
    }
}
