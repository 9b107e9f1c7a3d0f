//! The stored ticket, and the match that it was given.

use game_core::UnixMillis;
use serde::{Deserialize, Serialize};

use super::leaves::{
    StoredClockStart, StoredColor, StoredControl, StoredId, StoredPlayer, id_from_stored,
    id_to_stored, parse,
};
use super::setup::{PlayersV1, StartV1};
use crate::ticket::{Assignment, Ticket, TicketState};

/// A [`Ticket`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TicketV1 {
    id: StoredId,
    player: StoredPlayer,
    pool: Option<String>,
    opponent: Option<String>,
    time_control: StoredControl,
    clock_start: StoredClockStart,
    color: StoredColor,
    start: StartV1,
    created_at_ms: u64,
    seen_at_ms: u64,
    state: StateV1,
}

/// A [`TicketState`], version 1.
#[derive(Debug, Serialize, Deserialize)]
enum StateV1 {
    Waiting,
    Assigned(AssignmentV1),
    Cancelled,
}

/// An [`Assignment`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AssignmentV1 {
    match_id: StoredId,
    players: PlayersV1,
}

impl From<&Ticket> for TicketV1 {
    fn from(ticket: &Ticket) -> Self {
        let Ticket {
            id,
            player,
            pool,
            opponent,
            time_control,
            clock_start,
            color,
            start,
            created_at,
            seen_at,
            state,
        } = ticket;
        Self {
            id: id_to_stored(id),
            player: player.into(),
            pool: pool.as_deref().map(str::to_owned),
            opponent: opponent.as_ref().map(ToString::to_string),
            time_control: (*time_control).into(),
            clock_start: (*clock_start).into(),
            color: (*color).into(),
            start: start.into(),
            created_at_ms: created_at.0,
            seen_at_ms: seen_at.0,
            state: match state {
                TicketState::Waiting => StateV1::Waiting,
                TicketState::Assigned(assignment) => StateV1::Assigned(assignment.into()),
                TicketState::Cancelled => StateV1::Cancelled,
            },
        }
    }
}

impl TryFrom<TicketV1> for Ticket {
    type Error = String;

    fn try_from(stored: TicketV1) -> Result<Self, String> {
        Ok(Self {
            id: id_from_stored(stored.id)?,
            player: stored.player.try_into()?,
            pool: stored.pool.map(String::into_boxed_str),
            opponent: stored.opponent.map(|id| parse(&id)).transpose()?,
            time_control: stored.time_control.try_into()?,
            clock_start: stored.clock_start.into(),
            color: stored.color.into(),
            start: stored.start.try_into()?,
            created_at: UnixMillis(stored.created_at_ms),
            seen_at: UnixMillis(stored.seen_at_ms),
            state: match stored.state {
                StateV1::Waiting => TicketState::Waiting,
                StateV1::Assigned(assignment) => TicketState::Assigned(assignment.try_into()?),
                StateV1::Cancelled => TicketState::Cancelled,
            },
        })
    }
}

impl From<&Assignment> for AssignmentV1 {
    fn from(assignment: &Assignment) -> Self {
        let Assignment { match_id, players } = assignment;
        Self {
            match_id: id_to_stored(match_id),
            players: players.into(),
        }
    }
}

impl TryFrom<AssignmentV1> for Assignment {
    type Error = String;

    fn try_from(stored: AssignmentV1) -> Result<Self, String> {
        Ok(Self {
            match_id: id_from_stored(stored.match_id)?,
            players: stored.players.try_into()?,
        })
    }
}
