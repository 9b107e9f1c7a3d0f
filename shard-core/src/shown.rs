//! What a shard or a store tells of its matches: plain values, copied in bounded time and turned into
//! JSON elsewhere.

use std::collections::BinaryHeap;
use std::time::Duration;

use game_core::{
    BySeat, Epoch, MatchId, MatchSetup, Outcome, Player, Seat, ShardId, Snapshot, Speed,
    Termination, TimeControl, UnixMillis,
};

/// What a list shows of one match. Everything in it is confirmed, but the count of what is not.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchRow {
    /// Which match.
    pub id: MatchId,
    /// Who plays.
    pub players: BySeat<Player>,
    /// How much time each side has.
    pub time_control: TimeControl,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// Whether it began from the initial position of chess.
    pub from_initial: bool,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Half-moves made.
    pub ply: u16,
    /// The side to move.
    pub turn: Seat,
    /// What both clocks show now; while events wait for the store, what the last confirmed one said.
    pub clocks: BySeat<Duration>,
    /// Whose clock counts.
    pub running: Option<Seat>,
    /// How it ended, if it has.
    pub result: Option<(Outcome, Termination)>,
    /// The epoch of its ownership.
    pub epoch: Epoch,
    /// Number of confirmed events.
    pub confirmed_seq: u32,
    /// Events that the store has not confirmed.
    pub unconfirmed: u32,
    /// Who sits there.
    pub connected: BySeat<bool>,
    /// Peers that watch.
    pub spectators: u32,
}

/// All that its owner knows of one match. The snapshot is of the last confirmed event.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// What a list shows too.
    pub row: MatchRow,
    /// The state after the last confirmed event.
    pub snapshot: Snapshot,
    /// The seq of the newest stored snapshot.
    pub snapshot_seq: u32,
    /// How long the oldest unconfirmed event has waited for the store.
    pub checkpoint_lag: Option<Duration>,
    /// Whether play is paused for want of a store.
    pub paused: bool,
    /// The connection of each seat.
    pub links: BySeat<Option<Link>>,
    /// Writes of this owner that were refused since its start, of any match.
    pub owner_fenced: u64,
}

/// What is known of a peer's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The smoothed round-trip time.
    pub rtt: Duration,
    /// Since its last command or, before the first, since it joined.
    pub silent_for: Duration,
}

/// What a list is filtered and sorted by.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What was agreed.
    pub setup: &'a MatchSetup,
    /// Whether it is not over, as far as confirmed.
    pub is_live: bool,
    /// Half-moves made.
    pub ply: u16,
    /// Peers that watch.
    pub spectators: u32,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// By the time a match was made.
    #[default]
    Created,
    /// By half-moves made.
    Ply,
    /// By the number of spectators.
    Spectators,
}

/// A place in a list: the value that it is sorted by, turned over where that is descending, and the
/// match's id.
pub type Position = (u64, MatchId);

/// Which matches a list shows, and in what order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchQuery {
    /// A player's id, or the beginning of a name; the case of ASCII letters does not matter.
    pub player: Option<String>,
    /// Only live, or only finished ones.
    pub live: Option<bool>,
    /// Only those from the initial position, or only those from another one.
    pub from_initial: Option<bool>,
    /// Only those of this speed.
    pub speed: Option<Speed>,
    /// Only those made then or later.
    pub created_from: Option<UnixMillis>,
    /// Only those made then or earlier.
    pub created_to: Option<UnixMillis>,
    /// What they are sorted by.
    pub sort: Sort,
    /// The highest value first.
    pub descending: bool,
    /// Only those after this place.
    pub after: Option<Position>,
    /// No more than so many.
    pub limit: usize,
}

impl MatchQuery {
    /// The longest page.
    pub const LIMIT_MAX: usize = 500;

    /// Whether a match is to be shown.
    #[must_use]
    pub fn accepts(&self, facts: &Facts<'_>) -> bool {
        let Facts { setup, is_live, .. } = *facts;
        self.live.is_none_or(|live| live == is_live)
            && self
                .from_initial
                .is_none_or(|initial| initial == setup.start.is_initial())
            && self
                .speed
                .is_none_or(|speed| speed == setup.time_control.speed())
            && self
                .created_from
                .is_none_or(|from| setup.created_at >= from)
            && self.created_to.is_none_or(|to| setup.created_at <= to)
            && self.player.as_deref().is_none_or(|text| {
                Seat::BOTH
                    .into_iter()
                    .any(|seat| is_called(&setup.players[seat], text))
            })
    }

    /// Where a match stands in the list.
    #[must_use]
    pub fn position(&self, facts: &Facts<'_>) -> Position {
        let value = match self.sort {
            Sort::Created => facts.setup.created_at.0,
            Sort::Ply => facts.ply.into(),
            Sort::Spectators => facts.spectators.into(),
        };
        self.place(value, facts.setup.id)
    }

    /// The place of a match with this value to sort by.
    #[must_use]
    pub const fn place(&self, value: u64, id: MatchId) -> Position {
        (if self.descending { !value } else { value }, id)
    }
}

fn is_called(player: &Player, text: &str) -> bool {
    let begins = |name: &str| {
        name.get(..text.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(text))
    };
    player.id.as_str() == text || begins(&player.name)
}

/// The first matches of a list, chosen from any number in memory bounded by the limit.
#[derive(Debug)]
pub struct Selection<'a, T> {
    query: &'a MatchQuery,
    /// The first ones so far, the last of them on top; one more than the limit, to know whether more
    /// follow.
    first: BinaryHeap<Entry<T>>,
    total: usize,
}

#[derive(Debug)]
struct Entry<T>(Position, T);

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// In order, each with its place.
    pub entries: Vec<(Position, T)>,
    /// Whether more follow.
    pub has_more: bool,
    /// How many matches the query accepts, on this page or not.
    pub total: usize,
}

impl<'a, T> Selection<'a, T> {
    /// Nothing chosen yet.
    #[must_use]
    pub fn new(query: &'a MatchQuery) -> Self {
        Self {
            query,
            first: BinaryHeap::new(),
            total: 0,
        }
    }

    /// Considers one match, named by `item`.
    pub fn offer(&mut self, facts: &Facts<'_>, item: T) {
        if self.query.accepts(facts) {
            self.total += 1;
            self.place(self.query.position(facts), item);
        }
    }

    /// Considers what another selection has chosen from the same list elsewhere.
    pub fn merge(&mut self, page: Page<T>) {
        self.total += page.total;
        for (position, item) in page.entries {
            self.place(position, item);
        }
    }

    fn place(&mut self, position: Position, item: T) {
        if self.query.after.is_some_and(|after| position <= after) {
            return;
        }
        self.first.push(Entry(position, item));
        if self.first.len() > self.query.limit + 1 {
            self.first.pop();
        }
    }

    /// What was chosen.
    #[must_use]
    pub fn into_page(self) -> Page<T> {
        let has_more = self.first.len() > self.query.limit;
        let mut sorted = self.first.into_sorted_vec();
        sorted.truncate(self.query.limit);
        Page {
            entries: sorted
                .into_iter()
                .map(|Entry(at, item)| (at, item))
                .collect(),
            has_more,
            total: self.total,
        }
    }
}

/// A shard as it sees itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardStatus {
    /// Matches in memory that are not over.
    pub live: u32,
    /// Matches in memory.
    pub in_memory: u32,
    /// Seat streams.
    pub peers: u32,
    /// Whether play is paused for want of a store.
    pub paused: bool,
    /// Why it is paused now, if it is.
    pub pause_reason: Option<String>,
    /// An older live shard that announces this one's address to players.
    pub address_taken_by: Option<ShardId>,
    /// Whether it takes no more matches.
    pub draining: bool,
}
