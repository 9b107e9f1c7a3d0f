//! Random courses of a match: what may happen, and what the match returned.

use std::time::Duration;

use game_core::{
    BySeat, ClockStart, ClockState, Command, CommandId, CommandKind, Delay, Event, EventKind,
    Match, MatchId, MatchSetup, MatchTime, Receipt, Refusal, RoundTrip, Rule, Rules, Seat,
    StartPosition, Termination, TimeControl, Uci, UnixMillis, Variant, WithMove,
};
use proptest::prelude::*;

use crate::table::setup;

/// Positions from which short random play reaches every kind of end, in every variant but Chess960.
const STARTS: &[(Variant, &str)] = &[
    (
        Variant::Standard,
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
    ),
    (
        Variant::Standard,
        "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
    ),
    // Repetition (one move a side); 75 and 50 moves; mates and stalemates; bare kings; promotions.
    (Variant::Standard, "k7/p1p5/P1P5/8/8/p1p5/P1P5/K7 w - - 0 1"),
    (Variant::Standard, "k7/8/8/8/8/8/8/K6R w - - 0 1"),
    (Variant::Standard, "8/8/4k3/8/8/8/8/R3K2R b KQ - 141 100"),
    (Variant::Standard, "8/8/4k3/8/8/8/8/R3K2R b KQ - 91 100"),
    (Variant::Standard, "7k/8/5KQ1/8/8/8/8/8 w - - 0 1"),
    (Variant::Standard, "k7/8/8/8/8/8/1n5P/K7 w - - 0 1"),
    (Variant::Standard, "8/PPPk4/8/8/8/8/4Kppp/8 b - - 0 1"),
    (
        Variant::Crazyhouse,
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR[] w KQkq - 0 1",
    ),
    (
        Variant::Crazyhouse,
        "1r2k2r/P6p/8/8/8/8/p6P/1R2K2R[QNPqnp] w Kk - 0 1",
    ),
    (
        Variant::Antichess,
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w - - 0 1",
    ),
    (Variant::Antichess, "8/1p4n1/8/8/8/8/P5N1/8 w - - 0 1"),
    (
        Variant::Atomic,
        "rnbqkbnr/ppp1pppp/8/3p4/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2",
    ),
    (Variant::Atomic, "r2qk3/3p4/8/8/8/8/3P4/R2QK3 w Qq - 0 1"),
    (
        Variant::KingOfTheHill,
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
    ),
    (Variant::KingOfTheHill, "8/8/8/2k5/8/8/3K4/8 w - - 0 1"),
    (
        Variant::RacingKings,
        "8/8/8/8/8/8/krbnNBRK/qrbnNBRQ w - - 0 1",
    ),
    (Variant::RacingKings, "8/8/k6K/8/8/8/8/1R4r1 w - - 0 1"),
    (
        Variant::ThreeCheck,
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 3+3 0 1",
    ),
    (Variant::ThreeCheck, "4k3/8/8/8/8/8/8/RQ2K3 w Q - 1+3 0 1"),
    (
        Variant::Horde,
        "rnbqkbnr/pppppppp/8/1PP2PP1/PPPPPPPP/PPPPPPPP/PPPPPPPP/PPPPPPPP w kq - 0 1",
    ),
    (Variant::Horde, "rnbqkbnr/8/8/8/8/8/1PP5/8 w kq - 0 1"),
];

/// One thing that happens to a match.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Time passes; the match is ticked if `ticks`.
    Wait { micros: u64, ticks: bool },
    /// The owner's clock turns out to have stood still for a while.
    TurnBack { micros: u64 },
    /// The owner starts to count time.
    StartClock,
    /// A legal move by the side to move, chosen by number.
    Legal {
        choice: u16,
        with: WithMove,
        lag_ms: u64,
    },
    /// Any command.
    Send { seat: Seat, kind: CommandKind },
    /// Any command, under an id that was used before.
    Repeat {
        seat: Seat,
        choice: u16,
        kind: CommandKind,
    },
    /// The standing request for a takeback or offer of a rematch is answered.
    Answer { accepts: bool },
    /// The side to move says goodbye, and a while later its opponent claims the win or a draw.
    Goodbye { win: bool },
    /// A player is gone.
    Left { seat: Seat, said_goodbye: bool },
    /// A player is here.
    Came { seat: Seat },
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
    let any_move =
        (0..60_u32, uci(), with_move()).prop_map(|(position_seq, uci, with)| CommandKind::Move {
            position_seq,
            uci,
            with,
        });
    prop_oneof![
        2 => any_move,
        2 => Just(CommandKind::OfferDraw),
        2 => Just(CommandKind::DeclineDraw),
        1 => Just(CommandKind::ClaimDraw),
        6 => Just(CommandKind::OfferTakeback),
        5 => Just(CommandKind::AcceptTakeback),
        2 => Just(CommandKind::DeclineTakeback),
        2 => (0..70_u8).prop_map(|seconds| CommandKind::GiveTime { seconds }),
        2 => Just(CommandKind::OfferRematch),
        2 => Just(CommandKind::DeclineRematch),
        1 => Just(CommandKind::AcceptRematch),
    ]
}

/// Commands that end most matches, and so must be rare.
fn final_command() -> impl Strategy<Value = CommandKind> {
    prop_oneof![
        Just(CommandKind::Resign),
        Just(CommandKind::Abort),
        Just(CommandKind::AcceptDraw),
        Just(CommandKind::ClaimWin),
        Just(CommandKind::ClaimAbandonedDraw),
    ]
}

/// Anything but a repeat.
pub(crate) fn new_step() -> impl Strategy<Value = Step> {
    let lag_ms = prop_oneof![3 => Just(0), 1 => 0..2_000_u64];
    prop_oneof![
        40 => (any::<u16>(), with_move(), lag_ms)
            .prop_map(|(choice, with, lag_ms)| Step::Legal { choice, with, lag_ms }),
        20 => Just(Step::StartClock),
        20 => (0..3_000_000_u64, any::<bool>())
            .prop_map(|(micros, ticks)| Step::Wait { micros, ticks }),
        2 => (0..1_000_000_u64).prop_map(|micros| Step::TurnBack { micros }),
        1 => Just(Step::Wait { micros: 40_000_000, ticks: true }),
        1 => Just(Step::Wait { micros: 12_000_000, ticks: false }),
        16 => (seat(), any_command()).prop_map(|(seat, kind)| Step::Send { seat, kind }),
        1 => (seat(), final_command()).prop_map(|(seat, kind)| Step::Send { seat, kind }),
        8 => prop::bool::weighted(0.8).prop_map(|accepts| Step::Answer { accepts }),
        1 => any::<bool>().prop_map(|win| Step::Goodbye { win }),
        1 => (seat(), any::<bool>())
            .prop_map(|(seat, said_goodbye)| Step::Left { seat, said_goodbye }),
        1 => seat().prop_map(|seat| Step::Came { seat }),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let repeat = (seat(), any::<u16>(), any_command());
    prop_oneof![
        15 => new_step(),
        1 => repeat.prop_map(|(seat, choice, kind)| Step::Repeat { seat, choice, kind }),
    ]
}

fn any_start() -> impl Strategy<Value = StartPosition> {
    let listed = (0..STARTS.len()).prop_map(|index| {
        let (variant, fen) = STARTS[index];
        StartPosition::parse(variant, fen).expect(fen)
    });
    let chess960 = (0..960_u16).prop_map(|number| StartPosition::chess960(number).unwrap());
    prop_oneof![STARTS.len() as u32 => listed, 2 => chess960]
}

fn any_control() -> impl Strategy<Value = TimeControl> {
    let control = |text: &'static str| Just(text.parse::<TimeControl>().unwrap());
    prop_oneof![
        3 => control("15+0"),
        2 => control("30+2"),
        1 => control("0+1"),
        1 => control("20+3d"),
        1 => control("20+1+2b"),
        1 => control("2/20+1:2/10+2:5+1+1d"),
        1 => control("3/15:10+2b"),
    ]
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let one = prop::option::weighted(0.12, Just(()));
    prop::array::uniform8(one).prop_map(|agreed| {
        let rules = Rule::ALL.into_iter().zip(agreed);
        rules
            .filter_map(|(rule, agreed)| agreed.map(|()| rule))
            .collect()
    })
}

/// Any terms. `start_at` is in milliseconds from when the match is made.
pub(crate) fn agreed() -> impl Strategy<Value = MatchSetup> {
    let controls = (any_control(), prop::option::weighted(0.3, any_control()));
    let start_at = prop::option::weighted(0.1, (0..5_000_u64).prop_map(UnixMillis));
    let is_bot = (any::<bool>(), any::<bool>());
    let flags = (any::<bool>(), prop::bool::weighted(0.2));
    let terms = (any_start(), controls, any_rules(), start_at, is_bot, flags);
    terms.prop_map(|(start, (white, black), rules, start_at, is_bot, flags)| {
        let (at_once, rated) = flags;
        let setup = setup().controls(white, black.unwrap_or(white));
        let mut setup = if at_once { setup.at_once() } else { setup }.build();
        setup.players.white.is_bot = is_bot.0;
        setup.players.black.is_bot = is_bot.1;
        MatchSetup {
            start,
            rules,
            rated,
            start_at,
            ..setup
        }
    })
}

/// A match under way, and everything that it returned.
#[derive(Clone)]
pub(crate) struct Course {
    pub(crate) game: Match,
    pub(crate) now: MatchTime,
    /// When play begins, if it has to wait.
    opens_at: Option<MatchTime>,
    /// Time that has passed, not counting what was turned back.
    elapsed: Duration,
    pub(crate) events: Vec<Event>,
    /// How much time had passed at each event.
    elapsed_at: Vec<Duration>,
    /// Every command so far, with its answer.
    pub(crate) answers: BySeat<Vec<(Command, Result<u32, Refusal>)>>,
    next_id: u64,
}

impl Course {
    /// A match that both players have joined.
    pub(crate) fn new(setup: MatchSetup) -> Self {
        let now = MatchTime::from_micros(10_000_000_000);
        let wait = |at: UnixMillis| now + Duration::from_millis(at.0);
        let opens_at = setup.start_at.map(wait);
        let mut course = Self {
            game: Match::new(setup),
            now,
            opens_at,
            elapsed: Duration::ZERO,
            events: Vec::new(),
            elapsed_at: Vec::new(),
            answers: BySeat::default(),
            next_id: 0,
        };
        course.own();
        course
    }

    /// Tells the match what its owner knows.
    fn own(&mut self) {
        self.game.attend();
        if let Some(at) = self.opens_at {
            self.game.open_at(at);
        }
    }

    /// Passes the match to another owner in the middle of whatever goes on.
    pub(crate) fn hand_over(&mut self) {
        let counts = self.game.deadline().is_some();
        let move_time = self.game.move_time(self.now);
        self.game = Match::restore(self.game.snapshot(), &[]).unwrap();
        self.own();
        if counts {
            self.game.carry_over(move_time);
            self.game.start_clock(self.now);
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
            Step::Legal {
                choice,
                with,
                lag_ms,
            } => {
                let moves = self.game.legal_moves();
                if let Some(index) = usize::from(choice).checked_rem(moves.len()) {
                    let kind = CommandKind::Move {
                        position_seq: self.game.position_seq(),
                        uci: moves[index],
                        with,
                    };
                    let _ = self.send_new(self.game.turn(), kind, lag_ms);
                }
            }
            Step::Send { seat, kind } => {
                let _ = self.send_new(seat, kind, 0);
            }
            Step::Repeat { seat, choice, kind } => self.repeat(seat, choice, kind),
            Step::Answer { accepts } => self.answer(accepts),
            Step::Goodbye { win } => {
                let absentee = self.game.turn();
                self.game.left(absentee, true, self.now);
                self.take(&Step::Wait {
                    micros: 10_000_000,
                    ticks: false,
                });
                let kind = match win {
                    true => CommandKind::ClaimWin,
                    false => CommandKind::ClaimAbandonedDraw,
                };
                let _ = self.send_new(absentee.opponent(), kind, 0);
                self.game.came(absentee);
            }
            Step::Left { seat, said_goodbye } => self.game.left(seat, said_goodbye, self.now),
            Step::Came { seat } => self.game.came(seat),
        }
        self.elapsed_at.resize(self.events.len(), self.elapsed);
    }

    /// Sends a command under a fresh id.
    pub(crate) fn send_new(
        &mut self,
        seat: Seat,
        kind: CommandKind,
        lag_ms: u64,
    ) -> Result<u32, Refusal> {
        let id = CommandId(self.next_id);
        self.next_id += 1;
        let answer = self.send(seat, id, kind, lag_ms);
        self.answers[seat].push((Command { id, kind }, answer));
        answer
    }

    fn answer(&mut self, accepts: bool) {
        use CommandKind as C;
        let (seat, accept, decline) = if let Some(seat) = self.game.takeback_offer() {
            (seat, C::AcceptTakeback, C::DeclineTakeback)
        } else if let Some(seat) = self.game.rematch_offer() {
            (seat, C::AcceptRematch, C::DeclineRematch)
        } else {
            return;
        };
        let kind = if accepts { accept } else { decline };
        let _ = self.send_new(seat.opponent(), kind, 0);
    }

    /// Some of the commands come over no connection, the others over one with a round trip of their own.
    fn round_trip(&self) -> Option<RoundTrip> {
        let number = self.next_id as u16;
        let is_measured = !number.is_multiple_of(4);
        is_measured.then(|| RoundTrip::from_millis(number.wrapping_mul(9_973)))
    }

    fn receipt(&self, lag_ms: u64) -> Receipt {
        Receipt {
            at: self.now,
            lag: Duration::from_millis(lag_ms),
            round_trip: self.round_trip(),
            next_match: Some(MatchId::from_random(self.next_id.into())),
        }
    }

    /// Sends a command, and checks that a refusal changed nothing but what time did.
    fn send(
        &mut self,
        seat: Seat,
        id: CommandId,
        kind: CommandKind,
        lag_ms: u64,
    ) -> Result<u32, Refusal> {
        let mut untouched = self.game.clone();
        let mut by_time = Vec::new();
        untouched.tick(self.now, &mut by_time);
        let before = self.events.len();
        let command = Command { id, kind };
        let receipt = self.receipt(lag_ms);
        let answer = self.game.apply(seat, &command, receipt, &mut self.events);
        let new = &self.events[before..];
        match answer {
            Ok(seq) => {
                let event = &self.events[seq as usize - 1];
                assert_eq!((event.seat, event.command_id), (Some(seat), Some(id)));
                let is_move = matches!(event.kind, EventKind::Moved { .. });
                assert_eq!(event.round_trip, receipt.round_trip.filter(|_| is_move));
            }
            Err(Refusal::MatchOver) if new.len() > by_time.len() => {
                // A move that came after zero, whose lag does not explain it.
                assert!(matches!(kind, CommandKind::Move { .. }), "{kind:?}");
                assert_eq!(untouched.clocks(self.now)[seat], Duration::ZERO);
                let (_, termination) = self.game.outcome().unwrap();
                assert_eq!(termination, Termination::TimeForfeit);
                assert_eq!(new.len(), 1);
            }
            Err(_) => {
                assert_eq!(new, by_time);
                assert_same(&self.game, &untouched, self.now);
                assert_eq!(self.game.deadline(), untouched.deadline());
            }
        }
        answer
    }

    /// Sends a command under one of the seat's last ids, the same one or another, and checks that
    /// nothing comes of it.
    fn repeat(&mut self, seat: Seat, choice: u16, kind: CommandKind) {
        use CommandKind as C;
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
            (C::Move { .. }, C::Move { .. })
            | (C::OfferDraw, C::AcceptDraw)
            | (C::OfferTakeback, C::AcceptTakeback)
            | (C::AcceptTakeback, C::OfferTakeback)
            | (C::OfferRematch, C::AcceptRematch)
            | (C::AcceptRematch, C::OfferRematch) => return,
            _ => Err(Refusal::CommandIdReused),
        };
        let before = (self.game.clone(), self.events.len());
        let command = Command { id: first.id, kind };
        let receipt = self.receipt(0);
        let repeated = self.game.apply(seat, &command, receipt, &mut self.events);
        assert_eq!(repeated, answer);
        assert_eq!(self.events.len(), before.1);
        assert_same(&self.game, &before.0, self.now);
        assert_eq!(self.game.deadline(), before.0.deadline());
    }

    /// What the records say of the connections, of the moves that stand.
    pub(crate) fn round_trips(&self) -> Vec<Option<RoundTrip>> {
        let mut standing = Vec::new();
        for event in &self.events {
            match event.kind {
                EventKind::Moved { .. } => standing.push(event.round_trip),
                EventKind::TakenBack { plies } => {
                    standing.truncate(standing.len() - usize::from(plies));
                }
                _ => assert_eq!(event.round_trip, None),
            }
        }
        standing
    }

    /// One result at most, after which only a rematch is talked about.
    pub(crate) fn check_result(&self) {
        let is_end = |event: &&Event| matches!(event.kind, EventKind::Ended { .. });
        assert!(self.events.iter().filter(is_end).count() <= 1);
        let from_end = self.events.iter().skip_while(|event| !is_end(event));
        for event in from_end.skip(1) {
            assert!(
                matches!(
                    event.kind,
                    EventKind::RematchOffered
                        | EventKind::RematchDeclined
                        | EventKind::RematchAgreed { .. }
                ),
                "{event:?}"
            );
        }
    }

    /// Time is conserved: what a clock loses has passed, and it gains only what was earned or given.
    pub(crate) fn check_charges(&self) {
        let setup = self.game.setup();
        let mut ledger = Ledger::new(setup);
        let mut passed_before = Duration::ZERO;
        for (index, event) in self.events.iter().enumerate() {
            let passed = self.elapsed_at[index] - passed_before;
            passed_before = self.elapsed_at[index];
            ledger.enter(event, self.events.get(index + 1), passed);
        }
    }
}

/// The clocks as the events have them, checked one by one.
struct Ledger<'a> {
    setup: &'a MatchSetup,
    clocks: ClockState,
    /// What both clocks showed after each half-move that stands, ply 0 first.
    after: Vec<BySeat<Duration>>,
    mover: Seat,
    /// Moves that stand, of each side.
    moves: BySeat<u16>,
}

impl<'a> Ledger<'a> {
    fn new(setup: &'a MatchSetup) -> Self {
        let clocks = Match::new(setup.clone()).snapshot().clocks;
        Self {
            setup,
            after: vec![clocks.remaining],
            clocks,
            mover: setup.start.position().turn(),
            moves: BySeat::default(),
        }
    }

    /// Enters an event, for which so much time had passed since the one before.
    fn enter(&mut self, event: &Event, next: Option<&Event>, passed: Duration) {
        let (old, new) = (self.clocks.remaining, event.clocks.remaining);
        let (mover, waiting) = (self.mover, self.mover.opponent());
        assert!(event.clocks.is_possible(), "{event:?}");
        // What the mover may gain, and what it gains for certain.
        let (mut most, mut least) = (Duration::ZERO, Duration::ZERO);
        let mut gift = Duration::ZERO;
        match event.kind {
            EventKind::Moved { .. } => {
                let control = self.setup.controls[mover];
                let made = self.moves[mover];
                let ply = self.after.len() - 1;
                let timed = ply >= 2 || self.setup.clock_start == ClockStart::AtOnce;
                if timed {
                    most += self.clocks.quota[mover].min(control.lag_gain_max());
                }
                if timed && !rules_ended(next) {
                    let stage = control.stage_at(made);
                    let begun = control.stage_ended_by(made + 1);
                    least += stage.increment + begun.map_or(Duration::ZERO, |stage| stage.time);
                    most += least;
                    if let Delay::Bronstein(delay) = stage.delay {
                        most += delay;
                    }
                }
            }
            EventKind::TimeGiven { seconds } => {
                gift = Duration::from_secs(seconds.into());
                if event.seat == Some(waiting) {
                    (most, least, gift) = (gift, gift, Duration::ZERO);
                }
            }
            EventKind::TakenBack { plies } => {
                self.take_back(plies, new);
                self.clocks = event.clocks;
                return;
            }
            _ => {}
        }
        assert_eq!(new[waiting], old[waiting] + gift, "{event:?}");
        assert!(new[mover] <= old[mover] + most, "{event:?}");
        let spent = passed + self.clocks.overrun;
        assert!(new[mover] + spent >= old[mover] + least, "{event:?}");
        self.clocks = event.clocks;
        if let EventKind::Moved { .. } = event.kind {
            self.after.push(new);
            self.moves[mover] += 1;
            self.mover = waiting;
        }
    }

    /// The clocks are what they were, in whole milliseconds.
    fn take_back(&mut self, plies: u8, new: BySeat<Duration>) {
        for _ in 0..plies {
            self.after.pop();
            self.mover = self.mover.opponent();
            self.moves[self.mover] -= 1;
        }
        let were = *self.after.last().expect("ply 0");
        for seat in Seat::BOTH {
            let lost = were[seat].checked_sub(new[seat]).expect("no gain");
            assert!(lost < Duration::from_millis(1), "{lost:?}");
        }
        *self.after.last_mut().expect("ply 0") = new;
    }
}

/// Whether the rules put an end to the match, rather than time.
fn rules_ended(end: Option<&Event>) -> bool {
    end.is_some_and(|end| {
        let EventKind::Ended { termination, .. } = end.kind else {
            return false;
        };
        let by_rules = matches!(
            termination,
            Termination::Checkmate
                | Termination::Stalemate
                | Termination::DeadPosition
                | Termination::VariantEnd
                | Termination::FivefoldRepetition
                | Termination::SeventyFiveMoves
                | Termination::MaxLength
                | Termination::ThreefoldRepetition
                | Termination::FiftyMoves
        );
        by_rules && end.seat.is_none()
    })
}

/// Checks that two matches are in the same state, as far as the public interface shows.
#[track_caller]
pub(crate) fn assert_same(one: &Match, other: &Match, now: MatchTime) {
    assert_eq!(one.snapshot(), other.snapshot());
    assert_eq!(one.round_trips(), other.round_trips());
    assert_eq!(one.fen(), other.fen());
    assert_eq!(one.legal_moves(), other.legal_moves());
    assert_eq!(one.position_seq(), other.position_seq());
    assert_eq!(one.draw_offer(), other.draw_offer());
    assert_eq!(one.takeback_offer(), other.takeback_offer());
    assert_eq!(one.rematch_offer(), other.rematch_offer());
    assert_eq!(one.rematch(), other.rematch());
    assert_eq!(one.clocks(now), other.clocks(now));
    assert_eq!(one.running(), other.running());
    assert_eq!(one.may_abort(), other.may_abort());
    assert_eq!(one.may_resign(), other.may_resign());
    for seat in Seat::BOTH {
        assert_eq!(one.may_offer_draw(seat), other.may_offer_draw(seat));
    }
}
