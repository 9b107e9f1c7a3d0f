//! State of matches and shards as plain values, copied in bounded time; other modules turn them into JSON.

use std::collections::BinaryHeap;
use std::time::Duration;

use game_core::{
    BySeat, Epoch, MatchId, MatchSetup, Outcome, Player, Seat, ShardId, Snapshot, Speed,
    Termination, TimeControl, UnixMillis, Variant,
};
use protocol::ClockView;

/// One match in a list. Everything in it is confirmed but the number of unconfirmed events.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchRow {
    /// Which match.
    pub id: MatchId,
    /// The players.
    pub players: BySeat<Player>,
    /// The time control.
    pub controls: BySeat<TimeControl>,
    /// The rules of the game.
    pub variant: Variant,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// Whether it began from the initial position of chess.
    pub from_initial: bool,
    /// By how many seconds spectators are behind.
    pub spectator_delay_s: u8,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Half-moves made.
    pub ply: u16,
    /// The side to move.
    pub turn: Seat,
    /// Both clocks now; while events wait for the store, as of the last confirmed one.
    pub clocks: BySeat<Duration>,
    /// The side whose clock runs.
    pub running: Option<Seat>,
    /// Its result, if it has ended.
    pub result: Option<(Outcome, Termination)>,
    /// The epoch of its ownership.
    pub epoch: Epoch,
    /// Number of confirmed events.
    pub confirmed_seq: u32,
    /// Events that the store has not confirmed.
    pub unconfirmed: u32,
    /// The connected seats.
    pub connected: BySeat<bool>,
    /// Number of spectators.
    pub spectators: u32,
}

/// Everything that its owner knows of one match. The snapshot is of the last confirmed event.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The part that lists show.
    pub row: MatchRow,
    /// The state after the last confirmed event.
    pub snapshot: Snapshot,
    /// The seq of the newest stored snapshot.
    pub snapshot_seq: u32,
    /// How long the oldest unconfirmed event has waited for the store.
    pub checkpoint_lag: Option<Duration>,
    /// Whether play is paused because the store does not answer.
    pub paused: bool,
    /// The connection of each seat.
    pub links: BySeat<Option<PeerLink>>,
    /// Writes of this owner that were refused since its start, for any match.
    pub owner_fenced: u64,
}

/// A match as the public sees it, which is behind by the delay of its spectators.
#[derive(Debug, Clone, PartialEq)]
pub struct PublicMatch {
    /// Number of the last event that is public.
    pub seq: u32,
    /// The state after that event; `None` if the asker has it.
    pub snapshot: Option<Snapshot>,
    /// Both clocks now. With a delay, those of the last public event, standing still.
    pub clock: ClockView,
    /// Whether play is paused because the store does not answer.
    pub paused: bool,
    /// Number of spectators on streams of this shard.
    pub spectators: u32,
}

/// The state of a peer's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerLink {
    /// The smoothed round-trip time.
    pub rtt: Duration,
    /// Time since its last command or, before the first, since it joined.
    pub silent_for: Duration,
}

/// What lists filter and sort by.
#[derive(Debug, Clone, Copy)]
pub struct MatchFacts<'a> {
    /// The setup of the match.
    pub setup: &'a MatchSetup,
    /// Whether it is live, as far as confirmed.
    pub is_live: bool,
    /// Half-moves made.
    pub ply: u16,
    /// Number of spectators.
    pub spectators: u32,
}

/// What matches are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchKind {
    /// The rules of the game.
    pub variant: Variant,
    /// The control of both seats.
    pub control: TimeControl,
    /// Whether the result counts for ratings.
    pub rated: bool,
}

impl MatchKind {
    /// Whether a match is of this kind, and from a usual start.
    #[must_use]
    pub fn has(&self, setup: &MatchSetup) -> bool {
        let BySeat { white, black } = setup.controls;
        (self.control, self.control) == (white, black)
            && (self.variant, self.rated) == (setup.variant(), setup.rated)
            && (self.variant == Variant::Chess960 || setup.start.is_initial())
    }
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

/// A position in a list: the value that it is sorted by, inverted if the order is descending, and the match's id.
pub type ListPosition = (u64, MatchId);

/// Which matches a list shows, and in what order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchQuery {
    /// A player's id, or the beginning of a name; the case of ASCII letters does not matter.
    pub player: Option<String>,
    /// Only live, or only finished ones.
    pub live: Option<bool>,
    /// Only those of this variant.
    pub variant: Option<Variant>,
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
    /// Only those after this position.
    pub after: Option<ListPosition>,
    /// Upper bound on matches in the page.
    pub limit: usize,
    /// Shows only what the public sees: a match with a delay of its spectators is as it was that long ago.
    pub public: bool,
    /// The kinds of match that are counted, up to [`COUNTED_MAX`](Self::COUNTED_MAX).
    pub counted: Vec<MatchKind>,
}

impl MatchQuery {
    /// Longest page, in matches.
    pub const LIMIT_MAX: usize = 500;
    /// Upper bound on kinds that are counted at once.
    pub const COUNTED_MAX: usize = 32;

    /// Whether the query accepts a match.
    #[must_use]
    pub fn accepts(&self, facts: &MatchFacts<'_>) -> bool {
        let MatchFacts { setup, is_live, .. } = *facts;
        self.live.is_none_or(|live| live == is_live)
            && self
                .variant
                .is_none_or(|variant| variant == setup.variant())
            && self
                .from_initial
                .is_none_or(|initial| initial == setup.start.is_initial())
            && self.speed.is_none_or(|speed| speed == setup.speed())
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

    /// The position of a match in the list.
    #[must_use]
    pub fn position(&self, facts: &MatchFacts<'_>) -> ListPosition {
        let value = match self.sort {
            Sort::Created => facts.setup.created_at.0,
            Sort::Ply => facts.ply.into(),
            Sort::Spectators => facts.spectators.into(),
        };
        self.place(value, facts.setup.id)
    }

    /// The position of a match with this sort value.
    #[must_use]
    pub const fn place(&self, value: u64, id: MatchId) -> ListPosition {
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

/// The first matches of a list, selected from any number of matches in memory bounded by the limit.
#[derive(Debug)]
pub struct PageSelection<'a, T> {
    query: &'a MatchQuery,
    /// The first ones so far, the last of them on top; one more than the limit, to know whether more follow.
    first: BinaryHeap<Entry<T>>,
    /// Whether a page that was merged was not the last of its part.
    has_more: bool,
    total: usize,
    counts: Vec<usize>,
}

#[derive(Debug)]
struct Entry<T>(ListPosition, T);

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

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// In order, each with its position.
    pub entries: Vec<(ListPosition, T)>,
    /// Whether more follow.
    pub has_more: bool,
    /// How many matches the query accepts, on this page or not.
    pub total: usize,
    /// How many of these are of each kind that is counted, in the order of the query.
    pub counts: Vec<usize>,
}

impl<'a, T> PageSelection<'a, T> {
    /// An empty selection.
    #[must_use]
    pub fn new(query: &'a MatchQuery) -> Self {
        Self {
            query,
            first: BinaryHeap::new(),
            has_more: false,
            total: 0,
            counts: vec![0; query.counted.len()],
        }
    }

    /// Offers one match; `item` stands for it in the page.
    pub fn offer(&mut self, facts: &MatchFacts<'_>, item: T) {
        if self.query.accepts(facts) {
            self.total += 1;
            for (kind, count) in self.query.counted.iter().zip(&mut self.counts) {
                *count += usize::from(kind.has(facts.setup));
            }
            self.place(self.query.position(facts), item);
        }
    }

    /// Merges the page of another part of the same list.
    pub fn merge(&mut self, page: Page<T>) {
        self.total += page.total;
        self.has_more |= page.has_more;
        for (sum, count) in self.counts.iter_mut().zip(page.counts) {
            *sum += count;
        }
        for (position, item) in page.entries {
            self.place(position, item);
        }
    }

    fn place(&mut self, position: ListPosition, item: T) {
        if self.query.after.is_some_and(|after| position <= after) {
            return;
        }
        self.first.push(Entry(position, item));
        if self.first.len() > self.query.limit + 1 {
            self.first.pop();
        }
    }

    /// The page.
    #[must_use]
    pub fn into_page(self) -> Page<T> {
        let has_more = self.has_more || self.first.len() > self.query.limit;
        let mut sorted = self.first.into_sorted_vec();
        sorted.truncate(self.query.limit);
        Page {
            entries: sorted
                .into_iter()
                .map(|Entry(at, item)| (at, item))
                .collect(),
            has_more,
            total: self.total,
            counts: self.counts,
        }
    }
}

/// The state of a shard as it sees itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardStatus {
    /// Matches in memory that are not over.
    pub live: u32,
    /// Matches in memory.
    pub in_memory: u32,
    /// Seat streams.
    pub peers: u32,
    /// Whether play is paused because the store does not answer.
    pub paused: bool,
    /// The reason of the pause, if play is paused.
    pub pause_reason: Option<String>,
    /// An older live shard that registered the same public address.
    pub address_taken_by: Option<ShardId>,
    /// Whether it takes no more matches.
    pub draining: bool,
}
