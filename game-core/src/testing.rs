//! A builder of match terms, for the tests of every crate.

use crate::{
    BySeat, ClockStart, MatchId, MatchSetup, Player, Rule, Rules, StartPosition, TimeControl,
    UnixMillis, Variant,
};

/// Builds a [`MatchSetup`] for a test, which names only the terms that it is about.
///
/// The others are: match 1, ann against bob, who are bots, so that clocks are exact; 3 minutes and 2 seconds a move, first moves not timed, the
/// initial position, not rated, made at the beginning of 1970.
///
/// # Panics
///
/// Methods that take text panic if it is not valid.
#[derive(Debug, Clone)]
pub struct SetupBuilder(MatchSetup);

impl Default for SetupBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl SetupBuilder {
    /// The usual terms.
    #[must_use]
    pub fn new() -> Self {
        Self(MatchSetup {
            id: MatchId::from_random(1),
            players: BySeat {
                white: player("ann"),
                black: player("bob"),
            },
            start: StartPosition::default(),
            controls: both(control("180+2")),
            clock_start: ClockStart::AfterFirstMoves,
            start_at: None,
            rated: false,
            spectator_delay_s: 0,
            chat: true,
            rules: Rules::USUAL,
            tags: None,
            created_at: UnixMillis(0),
        })
    }

    /// Another match.
    #[must_use]
    pub fn id(mut self, id: MatchId) -> Self {
        self.0.id = id;
        self
    }

    /// Other players, White first.
    #[must_use]
    pub fn players(mut self, white: Player, black: Player) -> Self {
        self.0.players = BySeat { white, black };
        self
    }

    /// Other players by their ids, which are their names too. White first.
    #[must_use]
    pub fn named(self, white: &str, black: &str) -> Self {
        self.players(player(white), player(black))
    }

    /// Another time control.
    #[must_use]
    pub const fn time_control(mut self, control: TimeControl) -> Self {
        self.0.controls = both(control);
        self
    }

    /// A control for each seat.
    #[must_use]
    pub const fn controls(mut self, white: TimeControl, black: TimeControl) -> Self {
        self.0.controls = BySeat { white, black };
        self
    }

    /// Another variant, from its own initial position.
    #[must_use]
    pub fn variant(mut self, variant: Variant) -> Self {
        self.0.start = StartPosition::initial(variant);
        self
    }

    /// One more rule that differs from the usual ones.
    #[must_use]
    pub const fn rule(mut self, rule: Rule) -> Self {
        self.0.rules = self.0.rules.with(rule);
        self
    }

    /// Players are people, whose lag is compensated.
    #[must_use]
    pub const fn people(mut self) -> Self {
        self.0.players.white.is_bot = false;
        self.0.players.black.is_bot = false;
        self
    }

    /// Another time control, as seconds `+` seconds.
    #[must_use]
    pub fn timed(self, text: &str) -> Self {
        self.time_control(control(text))
    }

    /// Another start of the clocks.
    #[must_use]
    pub const fn clock_start(mut self, clock_start: ClockStart) -> Self {
        self.0.clock_start = clock_start;
        self
    }

    /// The clocks count from ply 0.
    #[must_use]
    pub const fn at_once(self) -> Self {
        self.clock_start(ClockStart::AtOnce)
    }

    /// Another start position, as FEN.
    #[must_use]
    pub fn start(mut self, fen: &str) -> Self {
        self.0.start = StartPosition::parse(self.0.start.variant(), fen)
            .unwrap_or_else(|error| panic!("{fen:?}: {error}"));
        self
    }

    /// A match that counts for ratings.
    #[must_use]
    pub const fn rated(mut self) -> Self {
        self.0.rated = true;
        self
    }

    /// Made at another time, in Unix milliseconds.
    #[must_use]
    pub const fn created_at(mut self, millis: u64) -> Self {
        self.0.created_at = UnixMillis(millis);
        self
    }

    /// The terms.
    #[must_use]
    pub fn build(self) -> MatchSetup {
        self.0
    }
}

/// A player whose name is its id: a bot, whose lag is not compensated.
///
/// # Panics
///
/// If `id` is not a valid player id.
#[must_use]
pub fn player(id: &str) -> Player {
    Player {
        id: id.parse().unwrap_or_else(|error| panic!("{id:?}: {error}")),
        name: id.into(),
        rating: None,
        is_bot: true,
    }
}

const fn both(control: TimeControl) -> BySeat<TimeControl> {
    BySeat {
        white: control,
        black: control,
    }
}

fn control(text: &str) -> TimeControl {
    text.parse()
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
}
