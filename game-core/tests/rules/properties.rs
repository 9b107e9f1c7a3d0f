//! What holds for every match, whatever its seats do and whatever bytes it is restored from.

use std::time::Duration;

use bincode::config::{Configuration, standard};
use bincode::serde::{decode_from_slice, encode_to_vec};
use game_core::{
    BySeat, ClockStart, Command, CommandId, CommandKind, Event, EventKind, Match, MatchSetup,
    MatchTime, Outcome, Refusal, Seat, Snapshot, Termination, TimeControl, Uci,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::table::setup;

/// The limit is there as it is for those who decode what they did not write.
const CODEC: Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<65_536>,
> = standard().with_limit::<65_536>();

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
enum Step {
    /// Time passes; the match hears of it if `ticks`.
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
        offers_draw: bool,
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

fn seat() -> impl Strategy<Value = Seat> {
    prop_oneof![Just(Seat::White), Just(Seat::Black)]
}

fn uci() -> impl Strategy<Value = Uci> {
    any::<u16>().prop_filter_map("no move", |bits| Uci::from_bits(bits).ok())
}

fn any_command() -> impl Strategy<Value = CommandKind> {
    prop_oneof![
        (0..60_u16, uci(), any::<bool>()).prop_map(|(ply, uci, offers_draw)| CommandKind::Move {
            ply,
            uci,
            offers_draw
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
fn new_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => (any::<u16>(), prop::bool::weighted(0.1))
            .prop_map(|(choice, offers_draw)| Step::Legal { choice, offers_draw }),
        20 => Just(Step::StartClock),
        20 => (0..3_000_000_u64, any::<bool>())
            .prop_map(|(micros, ticks)| Step::Wait { micros, ticks }),
        2 => (0..1_000_000_u64).prop_map(|micros| Step::TurnBack { micros }),
        1 => Just(Step::Wait { micros: 40_000_000, ticks: true }),
        10 => (seat(), any_command()).prop_map(|(seat, kind)| Step::Send { seat, kind }),
        1 => (seat(), final_command()).prop_map(|(seat, kind)| Step::Send { seat, kind }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let repeat = (seat(), any::<u16>(), any_command());
    prop_oneof![
        15 => new_step(),
        1 => repeat.prop_map(|(seat, choice, kind)| Step::Repeat { seat, choice, kind }),
    ]
}

fn agreed() -> impl Strategy<Value = MatchSetup> {
    let control = prop_oneof![Just((15_000, 0)), Just((30_000, 2_000)), Just((0, 1_000))];
    (0..STARTS.len(), any::<bool>(), control).prop_map(|(start, at_once, (initial, increment))| {
        MatchSetup {
            start: STARTS[start].parse().unwrap(),
            clock_start: if at_once {
                ClockStart::AtOnce
            } else {
                ClockStart::AfterFirstMoves
            },
            time_control: TimeControl::from_millis(initial, increment).unwrap(),
            ..setup()
        }
    })
}

/// A match under way, and all that was seen of it.
struct Course {
    game: Match,
    now: MatchTime,
    /// Time that has passed, not counting what was turned back.
    elapsed: Duration,
    events: Vec<Event>,
    /// Every id so far, with what the first command under it was told.
    answers: BySeat<Vec<(CommandId, Result<u32, Refusal>)>>,
    next_id: u64,
}

impl Course {
    fn new(setup: MatchSetup) -> Self {
        Self {
            game: Match::new(setup),
            now: MatchTime::from_micros(10_000_000_000),
            elapsed: Duration::ZERO,
            events: Vec::new(),
            answers: BySeat::default(),
            next_id: 0,
        }
    }

    fn take(&mut self, step: &Step) {
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
                offers_draw,
            } => {
                let moves = self.game.legal_moves();
                if let Some(index) = usize::from(choice).checked_rem(moves.len()) {
                    let kind = CommandKind::Move {
                        ply: self.game.ply(),
                        uci: moves[index],
                        offers_draw,
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
        self.answers[seat].push((id, answer));
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

    /// Sends a command under one of the seat's last ids, and checks that nothing comes of it.
    fn repeat(&mut self, seat: Seat, choice: u16, kind: CommandKind) {
        // Refusals are remembered for the last few only.
        let known = &self.answers[seat];
        let recent = &known[known.len().saturating_sub(4)..];
        let Some(index) = usize::from(choice).checked_rem(recent.len()) else {
            return;
        };
        let (id, answer) = recent[index];
        let before = (self.game.clone(), self.events.len());
        let command = Command { id, kind };
        let repeated = self.game.apply(seat, &command, self.now, &mut self.events);
        assert_eq!(repeated, answer);
        assert_eq!(self.events.len(), before.1);
        assert_same(&self.game, &before.0, self.now);
        assert_eq!(self.game.deadline(), before.0.deadline());
    }

    /// What a side was given less what it has left must have passed.
    fn check_charges(&self) {
        let setup = self.game.setup();
        let control = setup.time_control;
        let mut given = BySeat::new_with(|_| control.start());
        let mut ply = 0;
        for (index, event) in self.events.iter().enumerate() {
            if let (EventKind::Moved { .. }, Some(seat)) = (event.kind, event.seat) {
                let next = self.events.get(index + 1);
                let timed = ply >= 2 || setup.clock_start == ClockStart::AtOnce;
                if timed && !rules_ended(next) {
                    given[seat] += control.increment();
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

/// Two matches that stand alike, as far as anyone can see.
#[track_caller]
fn assert_same(one: &Match, other: &Match, now: MatchTime) {
    assert_eq!(one.snapshot(), other.snapshot());
    assert_eq!(one.fen(), other.fen());
    assert_eq!(one.draw_offer(), other.draw_offer());
    assert_eq!(one.clocks(now), other.clocks(now));
    assert_eq!(one.running(), other.running());
    for seat in Seat::BOTH {
        assert_eq!(one.may_offer_draw(seat), other.may_offer_draw(seat));
    }
}

/// Once time counts for nobody, a restored match is in no way different.
#[track_caller]
fn assert_restored(restored: &Match, course: &Course) {
    let mut stopped = course.game.clone();
    if stopped.deadline().is_some() {
        // A live match whose clock counts differs by just that.
        stopped = Match::restore(stopped.snapshot(), &[]).unwrap();
    }
    assert_same(restored, &stopped, course.now);
    assert_eq!(restored.outcome(), course.game.outcome());
    assert_eq!(restored.deadline(), None);
    assert_eq!(restored.pgn("x"), course.game.pgn("x"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Gapless seqs, refusals without effect, repeats answered alike, nobody charged more than has
    /// passed; and from any snapshot the rest of the log leads to the same match.
    #[test]
    fn any_course_of_a_match(setup in agreed(), steps in vec(step(), 1..120)) {
        let mut course = Course::new(setup);
        let mut snapshots = vec![course.game.snapshot()];
        for step in &steps {
            course.take(step);
            if snapshots.last().is_some_and(|last| last.seq() < course.game.seq()) {
                snapshots.push(course.game.snapshot());
            }
        }
        let seqs: Vec<u32> = course.events.iter().map(|event| event.seq).collect();
        prop_assert_eq!(seqs, (1..=course.game.seq()).collect::<Vec<u32>>());
        course.check_charges();
        for snapshot in snapshots {
            let tail = &course.events[snapshot.seq() as usize..];
            let mut restored = Match::restore(snapshot, tail).unwrap();
            assert_restored(&restored, &course);
            for seat in Seat::BOTH {
                for (id, answer) in &course.answers[seat] {
                    if answer.is_ok() {
                        let command = Command { id: *id, kind: CommandKind::Resign };
                        let repeated = restored.apply(seat, &command, course.now, &mut Vec::new());
                        prop_assert_eq!(repeated, *answer);
                    }
                }
            }
        }
    }

    /// A match that moves to another owner goes on as it would have.
    #[test]
    fn a_restored_match_goes_on_alike(
        setup in agreed(),
        before in vec(step(), 0..60),
        // A new owner has forgotten refusals, and may judge a repeat anew.
        after in vec(new_step(), 0..60),
    ) {
        let mut course = Course::new(setup);
        for step in &before {
            course.take(step);
        }
        let stopped = Match::restore(course.game.snapshot(), &[]).unwrap();
        let mut lives = [stopped.clone(), stopped].map(|game| Course {
            game,
            now: course.now,
            elapsed: Duration::ZERO,
            events: course.events.clone(),
            answers: BySeat::default(),
            next_id: course.next_id,
        });
        for step in &after {
            for live in &mut lives {
                live.take(step);
            }
            // One of the two moves house whenever time counts for nobody.
            if lives[1].game.deadline().is_none() {
                lives[1].game = Match::restore(lives[1].game.snapshot(), &[]).unwrap();
            }
        }
        prop_assert_eq!(&lives[0].events, &lives[1].events);
        assert_same(&lives[0].game, &lives[1].game, course.now);
    }
}

/// A snapshot and log as a match might leave them.
fn left_behind() -> impl Strategy<Value = (Snapshot, Vec<Event>)> {
    (agreed(), vec(step(), 1..60), any::<u16>()).prop_map(|(setup, steps, choice)| {
        let mut course = Course::new(setup.clone());
        for step in &steps {
            course.take(step);
        }
        let seq = usize::from(choice) % (course.events.len() + 1);
        let (head, tail) = course.events.split_at(seq);
        let start = Match::new(setup).snapshot();
        let snapshot = Match::restore(start, head).unwrap().snapshot();
        (snapshot, tail.to_vec())
    })
}

fn spoil(mut bytes: Vec<u8>, damage: &[(u16, u8)], cut: Option<u16>) -> Vec<u8> {
    for (place, xor) in damage {
        let place = usize::from(*place) % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= xor;
        }
    }
    if let Some(cut) = cut {
        bytes.truncate(usize::from(cut) % (bytes.len() + 1));
    }
    bytes
}

/// Whatever is restored must be usable: nothing here may panic.
fn use_it(mut game: Match) {
    let now = MatchTime::from_micros(u64::MAX / 2);
    let mut events = Vec::new();
    let _ = (game.fen(), game.pgn("x"), game.snapshot(), game.clocks(now));
    game.start_clock(now);
    for (id, uci) in game.legal_moves().into_iter().take(2).enumerate() {
        let id = CommandId(u64::MAX - id as u64);
        let kind = CommandKind::Move {
            ply: game.ply(),
            uci,
            offers_draw: true,
        };
        let _ = game.apply(game.turn(), &Command { id, kind }, now, &mut events);
        game.start_clock(now);
    }
    game.tick(MatchTime::from_micros(u64::MAX), &mut events);
    let again = Match::restore(game.snapshot(), &[]).expect("its own snapshot");
    assert_eq!(again.snapshot(), game.snapshot());
}

fn restore_bytes(snapshot: &[u8], tail: &[u8]) {
    let snapshot = decode_from_slice::<Snapshot, _>(snapshot, CODEC);
    let tail = decode_from_slice::<Vec<Event>, _>(tail, CODEC);
    let Ok((snapshot, _)) = snapshot else { return };
    let tail = tail.map(|(tail, _)| tail).unwrap_or_default();
    let _ = (snapshot.seq(), snapshot.outcome());
    if let Ok(game) = Match::restore(snapshot.clone(), &tail) {
        use_it(game);
    }
    if let Ok(game) = Match::restore(snapshot, &[]) {
        use_it(game);
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![
        Just(Outcome::WhiteWins),
        Just(Outcome::BlackWins),
        Just(Outcome::Draw),
        Just(Outcome::Aborted),
    ];
    let termination = prop_oneof![
        Just(Termination::Checkmate),
        Just(Termination::TimeForfeit),
        Just(Termination::Resignation),
        Just(Termination::DrawAgreement),
        Just(Termination::WhiteNoStart),
        Just(Termination::FivefoldRepetition),
    ];
    let kind = prop_oneof![
        (uci(), any::<bool>()).prop_map(|(uci, offers_draw)| EventKind::Moved { uci, offers_draw }),
        Just(EventKind::DrawOffered),
        Just(EventKind::DrawDeclined),
        (outcome, termination).prop_map(|(outcome, termination)| EventKind::Ended {
            outcome,
            termination
        }),
    ];
    let clock = prop_oneof![
        (0..200_000_000_u64).prop_map(Duration::from_micros),
        any::<(u64, u32)>().prop_map(|(s, n)| Duration::new(s, n % 1_000_000_000)),
    ];
    (
        0..40_u32,
        prop::option::of(seat()),
        prop::option::of(0..40_u64),
        (clock.clone(), clock),
        kind,
    )
        .prop_map(|(seq, seat, id, (white, black), kind)| Event {
            seq,
            seat,
            command_id: id.map(CommandId),
            clocks: BySeat { white, black },
            kind,
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn damaged_bytes_never_panic(
        (snapshot, tail) in left_behind(),
        damage in vec((any::<u16>(), any::<u8>()), 0..4),
        tail_damage in vec((any::<u16>(), any::<u8>()), 0..4),
        cut in prop::option::weighted(0.2, any::<u16>()),
    ) {
        let snapshot = encode_to_vec(&snapshot, CODEC).unwrap();
        let tail = encode_to_vec(&tail, CODEC).unwrap();
        restore_bytes(&spoil(snapshot, &damage, cut), &spoil(tail, &tail_damage, cut));
    }

    #[test]
    fn random_bytes_never_panic(snapshot in vec(any::<u8>(), 0..300), tail in vec(any::<u8>(), 0..300)) {
        restore_bytes(&snapshot, &tail);
    }

    #[test]
    fn invented_events_never_panic(
        (snapshot, mut tail) in left_behind(),
        invented in vec(any_event(), 1..4),
        place in any::<u16>(),
        renumber in any::<bool>(),
    ) {
        let place = usize::from(place) % (tail.len() + 1);
        tail.splice(place..place, invented);
        if renumber {
            for (seq, event) in (snapshot.seq() + 1..).zip(&mut tail) {
                event.seq = seq;
            }
        }
        if let Ok(game) = Match::restore(snapshot, &tail) {
            use_it(game);
        }
    }
}
