//! The stored ticket, and the match that it was given.

use game_core::UnixMillis;
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{
    StoredColor, StoredDeclineReason, StoredId, StoredPlayer, id_from_stored, id_to_stored, parse,
};
use super::setup::{PlayersV2, TermsV2};
use crate::ticket::{Assignment, RatingRange, Ticket, TicketState};

/// A [`Ticket`], version 3.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TicketV3 {
    id: StoredId,
    player: StoredPlayer,
    pool: Option<String>,
    opponent: Option<String>,
    color: StoredColor,
    terms: TermsV2,
    /// The lowest and the highest.
    rating_range: Option<(u16, u16)>,
    last_opponent: Option<String>,
    is_open: bool,
    is_exempt: bool,
    expires_at_ms: Option<u64>,
    created_at_ms: u64,
    seen_at_ms: u64,
    state: StateV3,
}

impl Layout for TicketV3 {
    const FORMAT: Format = Format::Ticket;
    const VERSION: u8 = 3;
    type Former = TicketV2;

    fn from_former(former: TicketV2) -> Self {
        Self {
            id: former.id,
            player: former.player,
            pool: former.pool,
            opponent: former.opponent,
            color: former.color,
            terms: former.terms,
            rating_range: None,
            last_opponent: None,
            is_open: false,
            is_exempt: false,
            expires_at_ms: None,
            created_at_ms: former.created_at_ms,
            seen_at_ms: former.seen_at_ms,
            state: match former.state {
                StateV2::Waiting => StateV3::Waiting,
                StateV2::Assigned(assignment) => {
                    StateV3::Assigned(AssignmentV3::from_former(assignment))
                }
                StateV2::Cancelled => StateV3::Cancelled,
            },
        }
    }
}

/// A [`TicketState`], version 3.
#[derive(Debug, Serialize, Deserialize)]
enum StateV3 {
    Waiting,
    Assigned(AssignmentV3),
    Cancelled,
    Declined(StoredDeclineReason),
}

/// An [`Assignment`], version 3.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AssignmentV3 {
    match_id: StoredId,
    players: PlayersV2,
    at_ms: u64,
}

impl Layout for AssignmentV3 {
    const FORMAT: Format = Format::Assignment;
    const VERSION: u8 = 3;
    type Former = AssignmentV2;

    /// When it was made is not known: it counts as old.
    fn from_former(former: AssignmentV2) -> Self {
        Self {
            match_id: former.match_id,
            players: former.players,
            at_ms: 0,
        }
    }
}

/// A [`Ticket`], version 2, which is read.
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

/// A [`TicketState`], version 2, which is read.
#[derive(Debug, Serialize, Deserialize)]
enum StateV2 {
    Waiting,
    Assigned(AssignmentV2),
    Cancelled,
}

/// An [`Assignment`], version 2, which is read.
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

impl From<&Ticket> for TicketV3 {
    fn from(ticket: &Ticket) -> Self {
        let Ticket {
            id,
            player,
            pool,
            opponent,
            color,
            terms,
            rating_range,
            last_opponent,
            is_open,
            is_exempt,
            expires_at,
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
            rating_range: rating_range.map(|range| (range.min, range.max)),
            last_opponent: last_opponent.as_ref().map(ToString::to_string),
            is_open: *is_open,
            is_exempt: *is_exempt,
            expires_at_ms: expires_at.map(|at| at.0),
            created_at_ms: created_at.0,
            seen_at_ms: seen_at.0,
            state: match state {
                TicketState::Waiting => StateV3::Waiting,
                TicketState::Assigned(assignment) => StateV3::Assigned(assignment.into()),
                TicketState::Cancelled => StateV3::Cancelled,
                TicketState::Declined(reason) => StateV3::Declined((*reason).into()),
            },
        }
    }
}

impl TryFrom<TicketV3> for Ticket {
    type Error = String;

    fn try_from(stored: TicketV3) -> Result<Self, String> {
        Ok(Self {
            id: id_from_stored(stored.id)?,
            player: stored.player.try_into()?,
            pool: stored.pool.map(String::into_boxed_str),
            opponent: stored.opponent.map(|id| parse(&id)).transpose()?,
            color: stored.color.into(),
            terms: stored.terms.try_into()?,
            rating_range: stored
                .rating_range
                .map(|(min, max)| RatingRange { min, max }),
            last_opponent: stored.last_opponent.map(|id| parse(&id)).transpose()?,
            is_open: stored.is_open,
            is_exempt: stored.is_exempt,
            expires_at: stored.expires_at_ms.map(UnixMillis),
            created_at: UnixMillis(stored.created_at_ms),
            seen_at: UnixMillis(stored.seen_at_ms),
            state: match stored.state {
                StateV3::Waiting => TicketState::Waiting,
                StateV3::Assigned(assignment) => TicketState::Assigned(assignment.try_into()?),
                StateV3::Cancelled => TicketState::Cancelled,
                StateV3::Declined(reason) => TicketState::Declined(reason.into()),
            },
        })
    }
}

impl From<&Assignment> for AssignmentV3 {
    fn from(assignment: &Assignment) -> Self {
        let Assignment {
            match_id,
            players,
            at,
        } = assignment;
        Self {
            match_id: id_to_stored(match_id),
            players: players.into(),
            at_ms: at.0,
        }
    }
}

impl TryFrom<AssignmentV3> for Assignment {
    type Error = String;

    fn try_from(stored: AssignmentV3) -> Result<Self, String> {
        Ok(Self {
            match_id: id_from_stored(stored.match_id)?,
            players: stored.players.try_into()?,
            at: UnixMillis(stored.at_ms),
        })
    }
}
