//! A builder of match terms, for the tests of every crate.

use crate::{
    BySeat, ClockStart, MatchId, MatchSetup, Player, StartPosition, TimeControl, UnixMillis,
};

/// Builds a [`MatchSetup`] for a test, which names only the terms that it is about.
///
/// The others are: match 1, ann against bob, 3 minutes and 2 seconds a move, first moves not timed, the
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
            time_control: control("180+2"),
            clock_start: ClockStart::AfterFirstMoves,
            start: StartPosition::INITIAL,
            rated: false,
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
        self.0.time_control = control;
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
        self.0.start = fen
            .parse()
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

/// A player whose name is its id.
///
/// # Panics
///
/// If `id` is not a valid player id.
#[must_use]
pub fn player(id: &str) -> Player {
    Player {
        id: id.parse().unwrap_or_else(|error| panic!("{id:?}: {error}")),
        name: id.into(),
    }
}

fn control(text: &str) -> TimeControl {
    text.parse()
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
}
