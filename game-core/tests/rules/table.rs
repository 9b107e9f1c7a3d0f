//! A table at which a match is played: it keeps the time, numbers the commands and collects the
//! events.

use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{
    Command, CommandId, CommandKind, Event, EventKind, Match, MatchSetup, MatchTime, Outcome,
    Receipt, Refusal, Seat, Termination, WithMove,
};

/// The terms at most tables: 3+2, untimed first moves, the initial position.
pub(crate) fn setup() -> SetupBuilder {
    SetupBuilder::new()
        .named("anna", "bert")
        .created_at(1_746_057_606_000)
}

#[derive(Clone)]
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
        self.send_with(seat, id, kind, self.now.into())
    }

    /// Sends a command under an id of choice, with a receipt of choice.
    pub(crate) fn send_with(
        &mut self,
        seat: Seat,
        id: u64,
        kind: CommandKind,
        receipt: Receipt,
    ) -> Result<u32, Refusal> {
        let id = CommandId(id);
        let command = Command { id, kind };
        self.game.apply(seat, &command, receipt, &mut self.events)
    }

    /// Sends a command under a fresh id, over a connection with this lag.
    pub(crate) fn send_late(
        &mut self,
        seat: Seat,
        kind: CommandKind,
        lag_ms: u64,
    ) -> Result<u32, Refusal> {
        let id = self.next_id;
        self.next_id += 1;
        let receipt = Receipt {
            at: self.now,
            lag: Duration::from_millis(lag_ms),
            ..Receipt::default()
        };
        self.send_with(seat, id, kind, receipt)
    }

    /// Sends a command that is refused, and checks that it changed nothing.
    #[track_caller]
    pub(crate) fn expect_refusal(&mut self, seat: Seat, kind: CommandKind, refusal: Refusal) {
        let before = self.game.snapshot();
        let deadline = self.game.deadline();
        assert_eq!(self.send(seat, kind), Err(refusal), "{seat} {kind:?}");
        assert_eq!(self.game.snapshot(), before, "{seat} {kind:?}");
        assert_eq!(self.game.deadline(), deadline, "{seat} {kind:?}");
    }

    /// Gives the match to another owner, who knows its snapshot, and has not started its clock yet.
    pub(crate) fn resume(&mut self) -> &mut Self {
        let snapshot = self.game.snapshot();
        self.game = Match::restore(snapshot.clone(), &[]).unwrap();
        assert_eq!(self.game.snapshot(), snapshot);
        self.game.attend();
        self
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

/// 42 moves a side from the initial position in which nothing is captured and no position occurs three
/// times: a step of a pawn, then the knights go out and come back.
pub(crate) fn quiet_moves() -> impl Iterator<Item = String> {
    let steps = "a3 b3 c3 d3 e3 g3 h3 a4 c4 e4 g4 h4 d4 b4".split_whitespace();
    steps.flat_map(|step| {
        let file = &step[..1];
        let (white_from, black_from, black_to) = match &step[1..] {
            "3" => (2, 7, 6),
            _ => (3, 6, 5),
        };
        let pawns = [
            format!("{file}{white_from}{step}"),
            format!("{file}{black_from}{file}{black_to}"),
        ];
        let knights = ["g1f3", "g8f6", "f3g1", "f6g8"].map(str::to_owned);
        pawns.into_iter().chain(knights)
    })
}
