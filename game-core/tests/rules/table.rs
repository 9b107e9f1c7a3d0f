//! A table at which a match is played: it keeps the time, numbers the commands and collects the
//! events.

use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{
    Command, CommandId, CommandKind, Event, EventKind, Match, MatchSetup, MatchTime, Outcome,
    Refusal, Seat, Termination, WithMove,
};

/// The terms at most tables: 3+2, untimed first moves, the initial position.
pub(crate) fn setup() -> SetupBuilder {
    SetupBuilder::new()
        .named("anna", "bert")
        .created_at(1_746_057_606_000)
}

pub(crate) struct Table {
    pub(crate) game: Match,
    pub(crate) now: MatchTime,
    /// Every event so far.
    pub(crate) events: Vec<Event>,
    next_id: u64,
}

impl Table {
    pub(crate) fn new(setup: MatchSetup) -> Self {
        let mut game = Match::new(setup);
        game.attend();
        Self {
            game,
            now: MatchTime::from_micros(1_000_000_000),
            events: Vec::new(),
            next_id: 1,
        }
    }

    /// 3+2 from the initial position.
    pub(crate) fn initial() -> Self {
        Self::new(setup().build())
    }

    /// 3+2 from another position.
    pub(crate) fn from_fen(fen: &str) -> Self {
        Self::new(setup().start(fen).build())
    }

    /// 3+2 from another position, timed from the first move.
    pub(crate) fn at_once(fen: &str) -> Self {
        Self::new(setup().start(fen).at_once().build())
    }

    /// Lets time pass, without ticking the match.
    pub(crate) fn wait(&mut self, millis: u64) -> &mut Self {
        self.now = self.now + Duration::from_millis(millis);
        self
    }

    /// Ticks the match at the present time.
    pub(crate) fn tick(&mut self) -> &mut Self {
        self.game.tick(self.now, &mut self.events);
        self
    }

    pub(crate) fn start_clock(&mut self) -> &mut Self {
        self.game.start_clock(self.now);
        self
    }

    /// Sends a command under a fresh id.
    pub(crate) fn send(&mut self, seat: Seat, kind: CommandKind) -> Result<u32, Refusal> {
        let id = self.next_id;
        self.next_id += 1;
        self.send_as(seat, id, kind)
    }

    /// Sends a command under an id of choice.
    pub(crate) fn send_as(
        &mut self,
        seat: Seat,
        id: u64,
        kind: CommandKind,
    ) -> Result<u32, Refusal> {
        let id = CommandId(id);
        let command = Command { id, kind };
        self.game.apply(seat, &command, self.now, &mut self.events)
    }

    /// The move `uci` in the present position.
    pub(crate) fn move_of(&self, uci: &str) -> CommandKind {
        self.move_with(uci, WithMove::Nothing)
    }

    /// The move `uci` in the present position, with an offer or a claim.
    pub(crate) fn move_with(&self, uci: &str, with: WithMove) -> CommandKind {
        CommandKind::Move {
            position_seq: self.game.position_seq(),
            uci: uci.parse().expect(uci),
            with,
        }
    }

    /// Makes one move for the side to move, and starts the clock of the other.
    pub(crate) fn play(&mut self, uci: &str) -> &mut Self {
        let command = self.move_of(uci);
        let answer = self.send(self.game.turn(), command);
        assert!(answer.is_ok(), "{uci}: {answer:?} in {}", self.game.fen());
        self.start_clock()
    }

    /// Makes moves for both sides, in no time.
    pub(crate) fn play_all(&mut self, moves: &str) -> &mut Self {
        for uci in moves.split_whitespace() {
            self.play(uci);
        }
        self
    }

    pub(crate) fn clock_ms(&self, seat: Seat) -> u128 {
        self.game.clocks(self.now)[seat].as_millis()
    }

    /// The kind of the last event.
    pub(crate) fn last(&self) -> EventKind {
        self.events.last().expect("an event").kind
    }

    /// Expects that the last event ended the match with this result.
    #[track_caller]
    pub(crate) fn expect_end(&self, outcome: Outcome, termination: Termination) {
        assert_eq!(self.game.outcome(), Some((outcome, termination)));
        assert_eq!(
            self.last(),
            EventKind::Ended {
                outcome,
                termination
            }
        );
        assert_eq!(self.game.seq() as usize, self.events.len());
        assert_eq!(self.game.deadline(), None);
        assert_eq!(self.game.running(), None);
    }
}
