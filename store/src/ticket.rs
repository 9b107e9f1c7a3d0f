//! A player's request for a match.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use game_core::{
    BySeat, ClockStart, ColorChoice, DeclineReason, InvalidId, MatchId, MatchSetup, MatchTags,
    Player, PlayerId, Rules, StartPosition, Tag, TimeControl, UnixMillis,
};

/// How long a ticket waits without a request of its player, after which it is removed and a challenge cannot
/// be accepted any more. Long enough to send a link to a friend; short, because anyone can make challenges
/// that no one opens.
pub const TICKET_WAITS: Duration = Duration::from_secs(15 * 60);

/// How long a ticket is kept after it got a match or was cancelled: its player must still learn of the match,
/// which takes seconds.
pub(crate) const ENDED_KEPT: Duration = Duration::from_secs(60 * 60);

/// How long at most a ticket is kept after it was given a match.
pub(crate) const TICKET_LIFE_MAX: Duration =
    Duration::from_secs(TICKET_WAITS.as_secs() + ENDED_KEPT.as_secs());

/// A ticket that is not requested leaves its pool after this time. Far longer than a present player is ever
/// silent, a few lost requests and a restarted matchmaker included; a later request returns the ticket to the
/// pool.
const STAYS_UNSEEN: Duration = Duration::from_secs(60);

/// Upper bound on pools that are named at once, the last ones in which a ticket was made or requested.
pub(crate) const POOLS_MAX: usize = 5_000;

/// The earliest last request of a ticket that is in its pool at `now`.
pub(crate) fn stays_since(now: UnixMillis) -> UnixMillis {
    UnixMillis(now.0.saturating_sub(STAYS_UNSEEN.as_millis() as u64))
}

/// Names one ticket: 12 characters, base62. It has the form of a match's id, and the id of a challenge is that
/// of the match that comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId(MatchId);

impl TicketId {
    /// The id that 128 random bits spell.
    #[must_use]
    pub fn from_random(bits: u128) -> Self {
        Self(MatchId::from_random(bits))
    }

    /// The id made of a tag and 128 random bits: of a challenge, whose match keeps it.
    #[must_use]
    pub fn with_tag(tag: Tag, bits: u128) -> Self {
        Self(MatchId::with_tag(tag, bits))
    }

    /// The match of the same id.
    #[must_use]
    pub const fn match_id(self) -> MatchId {
        self.0
    }
}

impl From<MatchId> for TicketId {
    fn from(id: MatchId) -> Self {
        Self(id)
    }
}

impl FromStr for TicketId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self)
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The terms of a match without its id and players: what can be agreed before those are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The position at ply 0, of the variant that is played.
    pub start: StartPosition,
    /// How much time each side has.
    pub controls: BySeat<TimeControl>,
    /// When the clocks begin to count.
    pub clock_start: ClockStart,
    /// When play begins, if not as soon as the match is made.
    pub start_at: Option<UnixMillis>,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// By how many seconds spectators are behind.
    pub spectator_delay_s: u8,
    /// Whether players and spectators can chat.
    pub chat: bool,
    /// The rules that differ from the usual ones.
    pub rules: Rules,
    /// Where the match belongs.
    pub tags: Option<Box<MatchTags>>,
}

impl Terms {
    /// The usual terms: standard chess from its initial position, casual, with chat and no delay.
    #[must_use]
    pub fn new(control: TimeControl) -> Self {
        Self {
            start: StartPosition::INITIAL,
            controls: BySeat {
                white: control,
                black: control,
            },
            clock_start: ClockStart::default(),
            start_at: None,
            rated: false,
            spectator_delay_s: 0,
            chat: true,
            rules: Rules::USUAL,
            tags: None,
        }
    }

    /// The terms of a match.
    #[must_use]
    pub fn of(setup: &MatchSetup) -> Self {
        let MatchSetup {
            id: _,
            players: _,
            start,
            controls,
            clock_start,
            start_at,
            rated,
            spectator_delay_s,
            chat,
            rules,
            tags,
            created_at: _,
        } = setup;
        Self {
            start: start.clone(),
            controls: *controls,
            clock_start: *clock_start,
            start_at: *start_at,
            rated: *rated,
            spectator_delay_s: *spectator_delay_s,
            chat: *chat,
            rules: *rules,
            tags: tags.clone(),
        }
    }

    /// A match on these terms.
    #[must_use]
    pub fn setup(self, id: MatchId, players: BySeat<Player>, created_at: UnixMillis) -> MatchSetup {
        MatchSetup {
            id,
            players,
            start: self.start,
            controls: self.controls,
            clock_start: self.clock_start,
            start_at: self.start_at,
            rated: self.rated,
            spectator_delay_s: self.spectator_delay_s,
            chat: self.chat,
            rules: self.rules,
            tags: self.tags,
            created_at,
        }
    }
}

/// The ratings that a player accepts in an opponent, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RatingRange {
    /// The lowest.
    pub min: u16,
    /// The highest.
    pub max: u16,
}

impl RatingRange {
    /// Whether a rating is in the range.
    #[must_use]
    pub const fn contains(self, rating: u16) -> bool {
        self.min <= rating && rating <= self.max
    }
}

/// A list of waiting tickets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TicketList {
    /// The tickets of a pool.
    Pool(Box<str>),
    /// The challenges that everyone may find.
    Open,
    /// What a player waits with: tickets of pools, and challenges.
    By(PlayerId),
    /// The challenges to a player.
    To(PlayerId),
}

impl fmt::Display for TicketList {
    /// The name of the list in keys. No name but a pool's has a space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(pool) => write!(f, "in:{pool}"),
            Self::Open => f.write_str("open"),
            Self::By(player) => write!(f, "by:{player}"),
            Self::To(player) => write!(f, "to:{player}"),
        }
    }
}

/// A player's request for a match: in a pool, or as a challenge that another player accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Which ticket.
    pub id: TicketId,
    /// The player who requests a match.
    pub player: Player,
    /// The pool it waits in; `None` for a challenge.
    pub pool: Option<Box<str>>,
    /// The one who may accept a challenge; `None` for anyone.
    pub opponent: Option<PlayerId>,
    /// The requested colour.
    pub color: ColorChoice,
    /// The requested terms.
    pub terms: Terms,
    /// The accepted ratings of the opponent in a pool; `None` for those near the player's own.
    pub rating_range: Option<RatingRange>,
    /// The opponent of the player's last match from a pool, as of when the ticket was made.
    pub last_opponent: Option<PlayerId>,
    /// Whether everyone may find a challenge in the list of open ones.
    pub is_open: bool,
    /// Whether no limit applied to its maker, so that its match does not count for the player.
    pub is_exempt: bool,
    /// When it expires, whether or not its player requests it; `None` for [`TICKET_WAITS`] after the last request.
    pub expires_at: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When its player last requested it.
    pub seen_at: UnixMillis,
    /// Its state.
    pub state: TicketState,
}

impl Ticket {
    /// A new ticket on the usual terms: for anyone, in no pool, any colour.
    #[must_use]
    pub fn new(id: TicketId, player: Player, time_control: TimeControl, now: UnixMillis) -> Self {
        Self {
            id,
            player,
            pool: None,
            opponent: None,
            color: ColorChoice::Random,
            terms: Terms::new(time_control),
            rating_range: None,
            last_opponent: None,
            is_open: false,
            is_exempt: false,
            expires_at: None,
            created_at: now,
            seen_at: now,
            state: TicketState::Waiting,
        }
    }

    /// Whether the ticket waits and has expired: it counts as gone, whether or not the store has removed it.
    #[must_use]
    pub fn is_abandoned(&self, now: UnixMillis) -> bool {
        self.state == TicketState::Waiting && now.0 > self.waits_until()
    }

    /// When the ticket may be removed if it still waits and is not requested again, in Unix milliseconds.
    pub(crate) const fn waits_until(&self) -> u64 {
        match self.expires_at {
            Some(at) => at.0,
            None => self
                .seen_at
                .0
                .saturating_add(TICKET_WAITS.as_millis() as u64),
        }
    }

    /// The lists that the ticket is in while it waits, except that of its pool.
    pub(crate) fn lists(&self) -> Vec<TicketList> {
        let mut lists = vec![TicketList::By(self.player.id.clone())];
        if self.pool.is_none() {
            if self.is_open {
                lists.push(TicketList::Open);
            }
            lists.extend(self.opponent.clone().map(TicketList::To));
        }
        lists
    }

    /// When the ticket may be removed if it does not wait any more, in Unix milliseconds. Until when it
    /// waited is not known.
    pub(crate) const fn kept_until(&self) -> u64 {
        self.waits_until()
            .saturating_add(ENDED_KEPT.as_millis() as u64)
    }
}

/// The state of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketState {
    /// It waits for an opponent.
    Waiting,
    /// It has a match.
    Assigned(Assignment),
    /// Its player withdrew it.
    Cancelled,
    /// The player it was for declined it.
    Declined(DeclineReason),
}

/// The match that tickets were given: all that is needed to create it, so that any reader of the ticket can
/// finish what a matchmaker that died in between had begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Which match.
    pub match_id: MatchId,
    /// Who plays which side.
    pub players: BySeat<Player>,
    /// When it was made.
    pub at: UnixMillis,
}

impl Assignment {
    /// How long after it was made a match that is missing may be created from it. A match is kept for longer than
    /// this after its end, so that no match that has ended and is gone begins again.
    pub const CREATES_WITHIN: Duration = Duration::from_secs(5 * 60);

    /// Whether the match may be created at `now` if it is missing.
    #[must_use]
    pub fn may_create(&self, now: UnixMillis) -> bool {
        u128::from(now.0.saturating_sub(self.at.0)) <= Self::CREATES_WITHIN.as_millis()
    }
}
