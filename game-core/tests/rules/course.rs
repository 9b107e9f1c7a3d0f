//! Random courses of a match: what may happen, and what the match returned.

use std::time::Duration;

use game_core::{
    BySeat, ClockStart, Command, CommandId, CommandKind, Event, EventKind, Match, MatchSetup,
    MatchTime, Refusal, Seat, Termination, TimeControl, Uci, WithMove,
};
use proptest::prelude::*;

use crate::table::setup;

/// Positions from which short random play reaches every kind of end.
const STARTS: &[&str] = &[
    "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
    "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
    // Repetition (one move a side); 75 moves; mates and stalemates; bare kings; promotions.
    "k7/p1p5/P1P5/8/8/p1p5/P1P5/K7 w - - 0 1",
    "k7/8/8/8/8/8/8/K6R w - - 0 1",
    "8/8/4k3/8/8/8/8/R3K2R b KQ - 141 100",
    "7k/8/5KQ1/8/8/8/8/8 w - - 0 1",
    "k7/8/8/8/8/8/1n5P/K7 w - - 0 1",
    "8/PPPk4/8/8/8/8/4Kppp/8 b - - 0 1",
];

/// One thing that happens to a match.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Time passes; the match is ticked if `ticks`.
    Wait {
        micros: u64,
        ticks: bool,
    },
    /// The owner's clock turns out to have stood still for a while.
    TurnBack {
        micros: u64,
    },
    StartClock,
    /// A legal move by the side to move, chosen by number.
    Legal {
        choice: u16,
        with: WithMove,
    },
    Send {
        seat: Seat,
        kind: CommandKind,
    },
    /// Any command, under an id that was used before.
    Repeat {
        seat: Seat,
        choice: u16,
        kind: CommandKind,
    },
}

pub(crate) fn seat() -> impl Strategy<Value = Seat> {
    prop_oneof![Just(Seat::White), Just(Seat::Black)]
}

/// Any move that can be written, drops included.
pub(crate) fn uci() -> impl Strategy<Value = Uci> {
    (0..64_u16, 0..64_u16, 1..=6_u16, any::<bool>()).prop_map(|(from, to, role, promotes)| {
        let role = if promotes || from == to { role } else { 0 };
        Uci::from_bits(from | to << 6 | role << 12).unwrap()
    })
}

pub(crate) fn with_move() -> impl Strategy<Value = WithMove> {
    prop_oneof![
        8 => Just(WithMove::Nothing),
        1 => Just(WithMove::DrawOffer),
        1 => Just(WithMove::DrawClaim),
    ]
}

fn any_command() -> impl Strategy<Value = CommandKind> {
    prop_oneof![
        (0..60_u32, uci(), with_move()).prop_map(|(position_seq, uci, with)| {
            CommandKind::Move {
                position_seq,
                uci,
                with,
            }
        }),
        Just(CommandKind::OfferDraw),
        Just(CommandKind::DeclineDraw),
    ]
}

/// Commands that end most matches, and so must be rare.
fn final_command() -> impl Strategy<Value = CommandKind> {
    prop_oneof![
        Just(CommandKind::Resign),
        Just(CommandKind::Abort),
        Just(CommandKind::AcceptDraw),
    ]
}

/// Anything but a repeat.
pub(crate) fn new_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => (any::<u16>(), with_move())
            .prop_map(|(choice, with)| Step::Legal { choice, with }),
        20 => Just(Step::StartClock),
        20 => (0..3_000_000_u64, any::<bool>())
            .prop_map(|(micros, ticks)| Step::Wait { micros, ticks }),
        2 => (0..1_000_000_u64).prop_map(|micros| Step::TurnBack { micros }),
        1 => Just(Step::Wait { micros: 40_000_000, ticks: true }),
        10 => (seat(), any_command()).prop_map(|(seat, kind)| Step::Send { seat, kind }),
        1 => (seat(), final_command()).prop_map(|(seat, kind)| Step::Send { seat, kind }),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let repeat = (seat(), any::<u16>(), any_command());
    prop_oneof![
        15 => new_step(),
        1 => repeat.prop_map(|(seat, choice, kind)| Step::Repeat { seat, choice, kind }),
    ]
}

pub(crate) fn agreed() -> impl Strategy<Value = MatchSetup> {
    let control = prop_oneof![Just((15_000, 0)), Just((30_000, 2_000)), Just((0, 1_000))];
    (0..STARTS.len(), any::<bool>(), control).prop_map(|(start, at_once, (initial, increment))| {
        let control = TimeControl::from_millis(initial, increment).unwrap();
        let setup = setup().start(STARTS[start]).time_control(control);
        if at_once {
            setup.at_once().build()
        } else {
            setup.build()
        }
    })
}

/// A match under way, and everything that it returned.
pub(crate) struct Course {
    pub(crate) game: Match,
    pub(crate) now: MatchTime,
    /// Time that has passed, not counting what was turned back.
    pub(crate) elapsed: Duration,
    pub(crate) events: Vec<Event>,
    /// Every command so far, with its answer.
    pub(crate) answers: BySeat<Vec<(Command, Result<u32, Refusal>)>>,
    pub(crate) next_id: u64,
}

impl Course {
    /// A match that both players have joined.
    pub(crate) fn new(setup: MatchSetup) -> Self {
        let mut game = Match::new(setup);
        game.attend();
        Self {
            game,
            now: MatchTime::from_micros(10_000_000_000),
            elapsed: Duration::ZERO,
            events: Vec::new(),
            answers: BySeat::default(),
            next_id: 0,
        }
    }

    pub(crate) fn take(&mut self, step: &Step) {
        match *step {
            Step::Wait { micros, ticks } => {
                self.now = self.now + Duration::from_micros(micros);
                self.elapsed += Duration::from_micros(micros);
                if ticks {
                    self.game.tick(self.now, &mut self.events);
                }
            }
            Step::TurnBack { micros } => {
                self.now = MatchTime::from_micros(self.now.as_micros() - micros);
            }
            Step::StartClock => self.game.start_clock(self.now),
            Step::Legal { choice, with } => {
                let moves = self.game.legal_moves();
                if let Some(index) = usize::from(choice).checked_rem(moves.len()) {
                    let kind = CommandKind::Move {
                        position_seq: self.game.position_seq(),
                        uci: moves[index],
                        with,
                    };
                    self.send_new(self.game.turn(), kind);
                }
            }
            Step::Send { seat, kind } => self.send_new(seat, kind),
            Step::Repeat { seat, choice, kind } => self.repeat(seat, choice, kind),
        }
    }

    fn send_new(&mut self, seat: Seat, kind: CommandKind) {
        let id = CommandId(self.next_id);
        self.next_id += 1;
        let answer = self.send(seat, id, kind);
        self.answers[seat].push((Command { id, kind }, answer));
    }

    /// Sends a command, and checks that a refusal changed nothing but what time did.
    fn send(&mut self, seat: Seat, id: CommandId, kind: CommandKind) -> Result<u32, Refusal> {
        let mut untouched = self.game.clone();
        let mut by_time = Vec::new();
        untouched.tick(self.now, &mut by_time);
        let before = self.events.len();
        let command = Command { id, kind };
        let answer = self.game.apply(seat, &command, self.now, &mut self.events);
        match answer {
            Ok(seq) => {
                let event = &self.events[seq as usize - 1];
                assert_eq!((event.seat, event.command_id), (Some(seat), Some(id)));
            }
            Err(_) => {
                assert_eq!(self.events[before..], by_time);
                assert_same(&self.game, &untouched, self.now);
                assert_eq!(self.game.deadline(), untouched.deadline());
            }
        }
        answer
    }

    /// Sends a command under one of the seat's last ids, the same one or another, and checks that
    /// nothing comes of it.
    fn repeat(&mut self, seat: Seat, choice: u16, kind: CommandKind) {
        // Refusals are remembered for the last few only.
        let known = &self.answers[seat];
        let recent = &known[known.len().saturating_sub(4)..];
        let Some(index) = usize::from(choice).checked_rem(recent.len()) else {
            return;
        };
        let (first, answer) = recent[index];
        let kind = if choice.is_multiple_of(2) {
            first.kind
        } else {
            kind
        };
        let answer = match (kind, first.kind) {
            _ if kind == first.kind => answer,
            // Castling has two names, and two who offer have agreed: these may be the same.
            (CommandKind::Move { .. }, CommandKind::Move { .. })
            | (CommandKind::OfferDraw, CommandKind::AcceptDraw) => return,
            _ => Err(Refusal::CommandIdReused),
        };
        let before = (self.game.clone(), self.events.len());
        let command = Command { id: first.id, kind };
        let repeated = self.game.apply(seat, &command, self.now, &mut self.events);
        assert_eq!(repeated, answer);
        assert_eq!(self.events.len(), before.1);
        assert_same(&self.game, &before.0, self.now);
        assert_eq!(self.game.deadline(), before.0.deadline());
    }

    /// The time that a side was given, less what it has left, must have passed.
    pub(crate) fn check_charges(&self) {
        let setup = self.game.setup();
        let mut given = setup.controls.map(TimeControl::start);
        let mut ply = 0;
        for (index, event) in self.events.iter().enumerate() {
            if let (EventKind::Moved { .. }, Some(seat)) = (event.kind, event.seat) {
                let next = self.events.get(index + 1);
                let timed = ply >= 2 || setup.clock_start == ClockStart::AtOnce;
                if timed && !rules_ended(next) {
                    given[seat] += setup.controls[seat].increment();
                }
                ply += 1;
            }
        }
        let left = self.game.clocks(self.now);
        let charged = |seat: Seat| given[seat].checked_sub(left[seat]).expect("no gift");
        let total = charged(Seat::White) + charged(Seat::Black);
        assert!(total <= self.elapsed, "{total:?} of {:?}", self.elapsed);
    }
}

/// Whether the rules put an end to the match, rather than time.
fn rules_ended(end: Option<&Event>) -> bool {
    end.is_some_and(|end| {
        matches!(
            end.kind,
            EventKind::Ended {
                termination: Termination::Checkmate
                    | Termination::Stalemate
                    | Termination::DeadPosition
                    | Termination::FivefoldRepetition
                    | Termination::SeventyFiveMoves
                    | Termination::MaxLength,
                ..
            }
        )
    })
}

/// Checks that two matches are in the same state, as far as the public interface shows.
#[track_caller]
pub(crate) fn assert_same(one: &Match, other: &Match, now: MatchTime) {
    assert_eq!(one.snapshot(), other.snapshot());
    assert_eq!(one.fen(), other.fen());
    assert_eq!(one.draw_offer(), other.draw_offer());
    assert_eq!(one.clocks(now), other.clocks(now));
    assert_eq!(one.running(), other.running());
    for seat in Seat::BOTH {
        assert_eq!(one.may_offer_draw(seat), other.may_offer_draw(seat));
    }
}
