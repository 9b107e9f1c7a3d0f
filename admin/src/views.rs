//! What operators see, as JSON. Everything in it is confirmed.

mod players;
mod shards;
mod watched;

use std::time::Duration;

use game_core::{
    BySeat, Match, MatchId, Outcome, PlayerId, RestoreError, Seat, ShardId, Speed, Termination,
    TimeControl, Uci,
};
use protocol::http::Terms;
use serde::{Deserialize, Serialize};
use store::Checkpoint;
use utoipa::ToSchema;

pub(crate) use players::week_hours;
pub use players::{
    AccountView, CodeLife, CodeMade, InvitationList, InvitationMade, InvitationView, ListedPlayer,
    NewInvitation, NewPlayers, PlayerList, PlayerMade, PlayerQuery, PlayersMade, Removed, Restored,
};
pub use shards::{ShardList, ShardState, ShardView};
pub use watched::{WatchedList, WatchedMatch};

use shard_core::{Inspection, ListPosition, MatchQuery, MatchRow, PeerLink, Sort};

/// Whether a match is being played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchStatus {
    /// It is being played or waits for its players.
    Live,
    /// It has ended.
    Finished,
}

/// The rules and the start of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Variant {
    /// Chess from its initial position.
    Standard,
    /// Chess from another position.
    #[serde(rename = "from_position")]
    FromPosition,
    /// Chess960.
    Chess960,
    /// Crazyhouse.
    Crazyhouse,
    /// Antichess.
    Antichess,
    /// Atomic chess.
    Atomic,
    /// King of the Hill.
    KingOfTheHill,
    /// Racing Kings.
    RacingKings,
    /// Three-check.
    ThreeCheck,
    /// Horde.
    Horde,
}

impl Variant {
    /// The rules `of` a match, and whether it begins from their initial position.
    pub(crate) const fn new(of: game_core::Variant, from_initial: bool) -> Self {
        match of {
            game_core::Variant::Standard if from_initial => Self::Standard,
            game_core::Variant::Standard => Self::FromPosition,
            game_core::Variant::Chess960 => Self::Chess960,
            game_core::Variant::Crazyhouse => Self::Crazyhouse,
            game_core::Variant::Antichess => Self::Antichess,
            game_core::Variant::Atomic => Self::Atomic,
            game_core::Variant::KingOfTheHill => Self::KingOfTheHill,
            game_core::Variant::RacingKings => Self::RacingKings,
            game_core::Variant::ThreeCheck => Self::ThreeCheck,
            game_core::Variant::Horde => Self::Horde,
        }
    }

    /// The rules, and whether the match begins from their initial position where that makes a difference.
    pub(crate) const fn parts(self) -> (game_core::Variant, Option<bool>) {
        match self {
            Self::Standard => (game_core::Variant::Standard, Some(true)),
            Self::FromPosition => (game_core::Variant::Standard, Some(false)),
            Self::Chess960 => (game_core::Variant::Chess960, None),
            Self::Crazyhouse => (game_core::Variant::Crazyhouse, None),
            Self::Antichess => (game_core::Variant::Antichess, None),
            Self::Atomic => (game_core::Variant::Atomic, None),
            Self::KingOfTheHill => (game_core::Variant::KingOfTheHill, None),
            Self::RacingKings => (game_core::Variant::RacingKings, None),
            Self::ThreeCheck => (game_core::Variant::ThreeCheck, None),
            Self::Horde => (game_core::Variant::Horde, None),
        }
    }
}

/// A player and the seat's connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlayerView {
    /// The player's id.
    #[schema(value_type = String)]
    pub id: PlayerId,
    /// The player's name.
    pub name: String,
    /// The rating before the match, if the player has one.
    pub rating: Option<u16>,
    /// Whether a program plays.
    pub is_bot: bool,
    /// Whether the player is connected; absent where only the store was asked.
    pub connected: Option<bool>,
    /// The smoothed round-trip time to the player, in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Milliseconds since the player's last command or, before the first, since the player joined.
    pub silent_ms: Option<u64>,
}

/// Both players.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlayersView<T> {
    /// White's.
    pub white: T,
    /// Black's.
    pub black: T,
}

/// Both clocks, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClocksView {
    /// White's remaining time.
    pub white_ms: u64,
    /// Black's remaining time.
    pub black_ms: u64,
    /// The side whose clock runs; absent while none does, and while an event waits for the store.
    #[schema(value_type = Option<String>)]
    pub running: Option<Seat>,
}

/// How a match ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResultView {
    /// The result: `white_wins`, `black_wins`, `draw` or `aborted`.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// The reason, as a stable code such as `checkmate`.
    #[schema(value_type = String)]
    pub termination: Termination,
}

/// A match in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MatchSummary {
    /// Its id.
    #[schema(value_type = String)]
    pub match_id: MatchId,
    /// Whether it is being played.
    pub status: MatchStatus,
    /// Its rules and start.
    pub variant: Variant,
    /// The class of its time control, or of the slower one if they differ: `ultrabullet`, `bullet`, `blitz`, `rapid` or `classical`.
    #[schema(value_type = String)]
    pub speed: Speed,
    /// Seconds `+` increment in seconds, a delay and further stages; White's and Black's if they differ, with ` / `
    /// between.
    pub time_control: String,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// By how many seconds spectators are behind.
    #[serde(default)]
    pub spectator_delay_s: u8,
    /// The players.
    pub players: PlayersView<PlayerView>,
    /// Half-moves made.
    pub ply: u16,
    /// The side to move.
    #[schema(value_type = String)]
    pub turn: Seat,
    /// The clocks.
    pub clocks: ClocksView,
    /// Its result, if it has ended.
    pub result: Option<ResultView>,
    /// When it was made, in milliseconds since 1970.
    pub created_at: u64,
    /// The shard that owns it.
    #[schema(value_type = String)]
    pub owner: ShardId,
    /// The fencing number of that ownership.
    pub epoch: u64,
    /// Number of confirmed events.
    pub seq: u32,
    /// Events that wait for the store; absent where only the store was asked.
    pub unconfirmed: Option<u32>,
    /// Number of spectators; absent where only the store was asked.
    pub spectators: Option<u32>,
    /// Whether this is the stored state of a moment ago, without running clocks, because the owner is gone, cannot be
    /// asked or has not loaded the match.
    pub stale: bool,
}

/// A move that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MoveView {
    /// In UCI, for example `e2e4`.
    #[schema(value_type = String)]
    pub uci: Uci,
    /// In SAN, for example `Nf3`.
    pub san: String,
    /// The mover's clock after it, in milliseconds.
    pub clock_ms: u64,
}

/// The owner of a match, and the progress of its writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OwnershipView {
    /// The shard that owns it.
    #[schema(value_type = String)]
    pub owner: ShardId,
    /// The fencing number of that ownership.
    pub epoch: u64,
    /// Number of the last event that the store has confirmed.
    pub confirmed_seq: u32,
    /// Events that wait for the store; absent where only the store was asked.
    pub unconfirmed_events: Option<u32>,
    /// Age of the oldest of them, in milliseconds.
    pub checkpoint_lag_ms: Option<f64>,
    /// The event that the newest stored snapshot is of.
    pub snapshot_seq: u32,
    /// Writes of the owner that were refused since its start, for any match; absent where only the store was asked.
    pub owner_fenced_total: Option<u64>,
}

/// Everything that is known of one match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MatchDetails {
    /// The part that lists show.
    #[serde(flatten)]
    pub summary: MatchSummary,
    /// The position, as FEN.
    pub fen: String,
    /// The position at ply 0, as FEN.
    pub start_fen: String,
    /// The number of the move that began at ply 0: 1 but for positions from the middle of a game.
    pub start_fullmove: u32,
    /// The terms, as the matchmaker's API has them.
    #[schema(value_type = Object)]
    pub terms: Terms,
    /// The seq of the last event that changed the line of moves.
    pub position_seq: u32,
    /// All moves from ply 0.
    pub moves: Vec<MoveView>,
    /// The side whose draw offer stands.
    #[schema(value_type = Option<String>)]
    pub draw_offer: Option<Seat>,
    /// The side whose request for a takeback stands.
    #[schema(value_type = Option<String>)]
    pub takeback_offer: Option<Seat>,
    /// The side whose offer of a rematch stands.
    #[schema(value_type = Option<String>)]
    pub rematch_offer: Option<Seat>,
    /// The match that both agreed on after this one.
    #[schema(value_type = Option<String>)]
    pub rematch: Option<MatchId>,
    /// Whether play is paused because the store does not answer.
    pub paused: bool,
    /// Its owner, and the progress of its writes.
    pub ownership: OwnershipView,
    /// Another text whenever there is news, besides what changes all the time, such as round-trip times.
    #[serde(default)]
    pub revision: String,
}

/// A page of matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MatchList {
    /// In the requested order.
    pub matches: Vec<MatchSummary>,
    /// The `cursor` of the next page, if there is one.
    pub next: Option<String>,
    /// Number of matches that pass the filters, on all pages; of matches that no owner reports, only those that were
    /// read from the store so far.
    pub total: usize,
    /// Whether the list is incomplete, because an owner could not be asked or the store is still being scanned.
    pub stale: bool,
    /// How many of these matches are of each kind that `count` names, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<usize>,
}

/// The matches in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldList {
    /// Their ids, in no order.
    #[schema(value_type = Vec<String>)]
    pub matches: Vec<MatchId>,
}

/// A hand-over of a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HandedOff {
    /// Its id.
    #[schema(value_type = String)]
    pub match_id: MatchId,
    /// The new owner.
    #[schema(value_type = String)]
    pub to: ShardId,
}

/// A revocation of a player's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revoked {
    /// The player's id.
    #[schema(value_type = String)]
    pub player: PlayerId,
    /// Number of the player's streams that were closed at once; a shard that could not be asked closes its own within
    /// two seconds.
    pub closed: usize,
}

/// Milliseconds with a fraction.
#[must_use]
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The time controls of both sides in text, or the one that both have.
pub(crate) fn controls(BySeat { white, black }: &BySeat<TimeControl>) -> String {
    if white == black {
        white.to_string()
    } else {
        format!("{white} / {black}")
    }
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl MatchSummary {
    /// A match as its owner reports it.
    #[must_use]
    pub fn new(row: MatchRow, owner: ShardId) -> Self {
        let player = |seat: Seat| PlayerView {
            id: row.players[seat].id.clone(),
            name: row.players[seat].name.to_string(),
            rating: row.players[seat].rating,
            is_bot: row.players[seat].is_bot,
            connected: Some(row.connected[seat]),
            rtt_ms: None,
            silent_ms: None,
        };
        Self {
            match_id: row.id,
            status: if row.result.is_some() {
                MatchStatus::Finished
            } else {
                MatchStatus::Live
            },
            variant: Variant::new(row.variant, row.from_initial),
            speed: row.controls.white.speed().max(row.controls.black.speed()),
            time_control: controls(&row.controls),
            rated: row.rated,
            spectator_delay_s: row.spectator_delay_s,
            players: PlayersView {
                white: player(Seat::White),
                black: player(Seat::Black),
            },
            ply: row.ply,
            turn: row.turn,
            clocks: ClocksView {
                white_ms: whole_millis(row.clocks.white),
                black_ms: whole_millis(row.clocks.black),
                running: row.running,
            },
            result: row.result.map(|(outcome, termination)| ResultView {
                outcome,
                termination,
            }),
            created_at: row.created_at.0,
            owner,
            epoch: row.epoch.0,
            seq: row.confirmed_seq,
            unconfirmed: Some(row.unconfirmed),
            spectators: Some(row.spectators),
            stale: false,
        }
    }

    /// Its position in a list.
    #[must_use]
    pub fn position(&self, query: &MatchQuery) -> ListPosition {
        let value = match query.sort {
            Sort::Created => self.created_at,
            Sort::Ply => self.ply.into(),
            Sort::Spectators => self.spectators.unwrap_or(0).into(),
        };
        query.place(value, self.match_id)
    }

    /// The cursor of a position.
    #[must_use]
    pub fn cursor((value, id): ListPosition) -> String {
        format!("{value:x}.{id}")
    }

    /// Marks that only the store was asked.
    fn of_the_store(mut self) -> Self {
        for player in [&mut self.players.white, &mut self.players.black] {
            player.connected = None;
        }
        self.unconfirmed = None;
        self.spectators = None;
        self.stale = self.status == MatchStatus::Live;
        self
    }
}

impl PlayerView {
    fn link(&mut self, link: Option<PeerLink>) {
        self.rtt_ms = link.map(|link| millis(link.rtt));
        self.silent_ms = link.map(|link| whole_millis(link.silent_for));
    }
}

impl MatchDetails {
    /// A match as its owner reports it, and the match itself.
    ///
    /// # Errors
    ///
    /// If its snapshot does not replay, which only a bug can cause.
    pub fn new(inspection: Inspection, owner: ShardId) -> Result<(Self, Match), RestoreError> {
        let Inspection {
            row,
            snapshot,
            snapshot_seq,
            checkpoint_lag,
            paused,
            links,
            owner_fenced,
        } = inspection;
        let game = Match::restore(snapshot, &[])?;
        let ownership = OwnershipView {
            owner,
            epoch: row.epoch.0,
            confirmed_seq: row.confirmed_seq,
            unconfirmed_events: Some(row.unconfirmed),
            checkpoint_lag_ms: checkpoint_lag.map(millis),
            snapshot_seq,
            owner_fenced_total: Some(owner_fenced),
        };
        let mut summary = MatchSummary::new(row, owner);
        summary.players.white.link(links.white);
        summary.players.black.link(links.black);
        let mut details = Self::of(&game, summary, ownership);
        details.paused = paused;
        details.revise();
        Ok((details, game))
    }

    /// A match as it is stored, and the match itself.
    ///
    /// # Errors
    ///
    /// If the stored match does not replay.
    pub fn stored(checkpoint: Checkpoint) -> Result<(Self, Match), RestoreError> {
        let snapshot_seq = checkpoint.snapshot.seq();
        let (epoch, owner) = (checkpoint.ownership.epoch, checkpoint.ownership.owner);
        let game = Match::restore(checkpoint.snapshot, &checkpoint.tail)?;
        let setup = game.setup();
        let row = MatchRow {
            id: setup.id,
            players: BySeat::new_with(|seat| setup.players[seat].clone()),
            controls: setup.controls,
            variant: setup.variant(),
            rated: setup.rated,
            from_initial: setup.start.is_initial(),
            spectator_delay_s: setup.spectator_delay_s,
            created_at: setup.created_at,
            ply: game.ply(),
            turn: game.turn(),
            clocks: game.clocks(game_core::MatchTime::default()),
            running: None,
            result: game.outcome(),
            epoch,
            confirmed_seq: game.seq(),
            unconfirmed: 0,
            connected: BySeat::default(),
            spectators: 0,
        };
        let ownership = OwnershipView {
            owner,
            epoch: epoch.0,
            confirmed_seq: game.seq(),
            unconfirmed_events: None,
            checkpoint_lag_ms: None,
            snapshot_seq,
            owner_fenced_total: None,
        };
        let summary = MatchSummary::new(row, owner).of_the_store();
        let mut details = Self::of(&game, summary, ownership);
        details.revise();
        Ok((details, game))
    }

    fn of(game: &Match, summary: MatchSummary, ownership: OwnershipView) -> Self {
        let setup = game.setup();
        let moves = game.moves().zip(game.moves_in_san());
        Self {
            fen: game.fen(),
            start_fen: setup.start.fen(),
            start_fullmove: setup.start.fullmove(),
            terms: Terms::of(setup),
            position_seq: game.position_seq(),
            moves: moves
                .map(|((uci, clock), san)| MoveView {
                    uci,
                    san,
                    clock_ms: whole_millis(clock),
                })
                .collect(),
            draw_offer: game.draw_offer(),
            takeback_offer: game.takeback_offer(),
            rematch_offer: game.rematch_offer(),
            rematch: game.rematch(),
            paused: false,
            ownership,
            revision: String::new(),
            summary,
        }
    }

    fn revise(&mut self) {
        let summary = &self.summary;
        let (white, black) = (&summary.players.white, &summary.players.black);
        let flag = |flag: Option<bool>| flag.map_or('-', |flag| if flag { '1' } else { '0' });
        let number = |number: Option<u32>| number.map_or("-".to_owned(), |n| n.to_string());
        let running = summary.clocks.running.map_or('-', |seat| match seat {
            Seat::White => 'w',
            Seat::Black => 'b',
        });
        self.revision = format!(
            "{}.{}.{}.{}.{}.{}{}{}{}{running}",
            summary.owner,
            summary.epoch,
            summary.seq,
            number(summary.spectators),
            number(summary.unconfirmed),
            flag(white.connected),
            flag(black.connected),
            flag(Some(summary.stale)),
            flag(Some(self.paused)),
        );
    }
}
