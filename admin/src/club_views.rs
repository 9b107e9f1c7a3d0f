//! What players wait for and what they have finished, as JSON.

use game_core::{Match, MatchId, Outcome, Player, PlayerId, Speed, Termination, UnixMillis};
use serde::Serialize;
use store::Ticket;
use utoipa::ToSchema;

use crate::views::{PlayersView, Variant, controls};

/// A pool in which players wait for opponents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PoolView {
    /// Its name: the time control and, where the terms are not the usual ones, a digest of them.
    pub pool: String,
    /// The time control in text.
    pub time_control: String,
    /// The rules and the start.
    pub variant: Variant,
    /// Whether the results count for ratings.
    pub rated: bool,
    /// How many players wait in it; about how many if they are over 200.
    pub waiting: usize,
    /// For how long the first of them has waited, in milliseconds; of the 200 last requested tickets.
    pub longest_ms: u64,
}

/// The pools in which players wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PoolList {
    /// The fullest first: 50 at most.
    pub pools: Vec<PoolView>,
    /// How many pools have tickets, those of players who are gone included.
    pub total: usize,
}

/// A player who waits for an opponent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TicketView {
    /// The id of the ticket.
    pub id: String,
    /// The player's id.
    #[schema(value_type = String)]
    pub player: PlayerId,
    /// The player's name.
    pub name: String,
    /// The player's rating, if there is one.
    pub rating: Option<u16>,
    /// Whether a program plays.
    pub is_bot: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_at: u64,
    /// When its player last requested it, in milliseconds since 1970.
    pub seen_at: u64,
}

/// The tickets that wait in a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TicketList {
    /// The oldest first; at most the 200 last requested.
    pub tickets: Vec<TicketView>,
}

/// A challenge that everyone may accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpenChallenge {
    /// The ticket of the player who made it.
    #[serde(flatten)]
    pub ticket: TicketView,
    /// The rules and the start.
    pub variant: Variant,
    /// The time control in text.
    pub time_control: String,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// When it expires, unless its player requests it again before, in milliseconds since 1970.
    pub expires_at: u64,
}

/// The challenges that everyone may accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpenChallengeList {
    /// The last first; at most the 200 last requested.
    pub challenges: Vec<OpenChallenge>,
}

/// A player of a finished match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FinishedPlayer {
    /// The player's id.
    #[schema(value_type = String)]
    pub id: PlayerId,
    /// The player's name.
    pub name: String,
    /// The rating before the match, if the player had one.
    pub rating: Option<u16>,
}

/// A match in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FinishedView {
    /// Its id.
    #[schema(value_type = String)]
    pub match_id: MatchId,
    /// The players.
    pub players: PlayersView<FinishedPlayer>,
    /// Its rules and start.
    pub variant: Variant,
    /// The class of its time control.
    #[schema(value_type = String)]
    pub speed: Speed,
    /// The time control in text.
    pub time_control: String,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// Half-moves made.
    pub ply: u16,
    /// The result.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// The reason.
    #[schema(value_type = String)]
    pub termination: Termination,
    /// When it ended, in milliseconds since 1970.
    pub ended_at: u64,
}

/// A page of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FinishedList {
    /// The last that ended first.
    pub matches: Vec<FinishedView>,
    /// The `cursor` of the next page, if there is one.
    pub next: Option<String>,
}

/// Matches that have ended, and wait to be archived, rated and published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Backlog {
    /// How many wait.
    pub waiting: u64,
    /// For how long the oldest of them has waited, in milliseconds; absent if none does or the store does not say.
    pub oldest_ms: Option<u64>,
}

impl PoolView {
    /// A pool in which so many wait, one of them with this ticket, and the first for so long.
    #[must_use]
    pub fn new(pool: String, ticket: &Ticket, waiting: usize, longest_ms: u64) -> Self {
        let terms = &ticket.terms;
        Self {
            pool,
            time_control: controls(&terms.controls),
            variant: Variant::new(terms.start.variant(), terms.start.is_initial()),
            rated: terms.rated,
            waiting,
            longest_ms,
        }
    }
}

impl TicketView {
    /// A ticket that waits.
    #[must_use]
    pub fn new(ticket: &Ticket) -> Self {
        Self {
            id: ticket.id.to_string(),
            player: ticket.player.id.clone(),
            name: ticket.player.name.to_string(),
            rating: ticket.player.rating,
            is_bot: ticket.player.is_bot,
            created_at: ticket.created_at.0,
            seen_at: ticket.seen_at.0,
        }
    }
}

impl OpenChallenge {
    /// A challenge that waits, and when it expires.
    #[must_use]
    pub fn new(ticket: &Ticket, expires_at: UnixMillis) -> Self {
        let terms = &ticket.terms;
        Self {
            ticket: TicketView::new(ticket),
            variant: Variant::new(terms.start.variant(), terms.start.is_initial()),
            time_control: controls(&terms.controls),
            rated: terms.rated,
            expires_at: expires_at.0,
        }
    }
}

impl FinishedPlayer {
    fn new(player: &Player) -> Self {
        Self {
            id: player.id.clone(),
            name: player.name.to_string(),
            rating: player.rating,
        }
    }
}

impl FinishedView {
    /// A match that ended at this time; `None` if it has not ended.
    #[must_use]
    pub fn new(game: &Match, ended_at: UnixMillis) -> Option<Self> {
        let setup = game.setup();
        let (outcome, termination) = game.outcome()?;
        Some(Self {
            match_id: setup.id,
            players: PlayersView {
                white: FinishedPlayer::new(&setup.players.white),
                black: FinishedPlayer::new(&setup.players.black),
            },
            variant: Variant::new(setup.variant(), setup.start.is_initial()),
            speed: setup.speed(),
            time_control: controls(&setup.controls),
            rated: setup.rated,
            ply: game.ply(),
            outcome,
            termination,
            ended_at: ended_at.0,
        })
    }
}
