//! Snapshots and records from a broken or hostile source: none makes a match panic.

use std::time::Duration;

use game_core::{
    BySeat, ClockState, Command, CommandId, CommandKind, Deed, End, Entry, Event, EventKind, Match,
    MatchId, MatchTime, Outcome, Receipt, RoundTrip, Seat, Snapshot, Termination, WithMove,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::course::{Course, agreed, seat, step, uci, with_move};

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

/// Whatever is restored must be usable: nothing here may panic.
fn use_it(mut game: Match) {
    let now = MatchTime::from_micros(u64::MAX / 2);
    let mut events = Vec::new();
    let _ = (game.fen(), game.pgn("x"), game.snapshot(), game.clocks(now));
    let _ = (game.events_after(0), game.move_time(now), game.deadline());
    game.carry_over(Duration::MAX);
    game.start_clock(now);
    let _ = game.move_time(MatchTime::from_micros(u64::MAX));
    for (id, uci) in game.legal_moves().into_iter().take(2).enumerate() {
        let id = CommandId(u64::MAX - id as u64);
        let kind = CommandKind::Move {
            position_seq: game.position_seq(),
            uci,
            with: WithMove::DrawOffer,
        };
        let _ = game.apply(game.turn(), &Command { id, kind }, now, &mut events);
        game.start_clock(now);
    }
    for seat in Seat::BOTH {
        game.left(seat, true, now);
        let _ = game.claimable_at(seat);
    }
    let receipt = Receipt {
        at: now,
        lag: Duration::MAX,
        round_trip: Some(Duration::MAX.into()),
        next_match: Some(MatchId::from_random(9)),
    };
    for (id, (seat, kind)) in (0..).zip(every_command()) {
        let id = CommandId(u64::MAX / 2 - id);
        let _ = game.apply(seat, &Command { id, kind }, receipt, &mut events);
    }
    game.tick(MatchTime::from_micros(u64::MAX), &mut events);
    let again = Match::restore(game.snapshot(), &[]).expect("its own snapshot");
    assert_eq!(again.snapshot(), game.snapshot());
}

/// Every command but moves, those that end a match last.
fn every_command() -> impl Iterator<Item = (Seat, CommandKind)> {
    use CommandKind as C;
    [
        C::GiveTime { seconds: 60 },
        C::DeclineTakeback,
        C::OfferTakeback,
        C::AcceptTakeback,
        C::DeclineDraw,
        C::OfferDraw,
        C::ClaimDraw,
        C::ClaimWin,
        C::ClaimAbandonedDraw,
        C::Abort,
        C::AcceptDraw,
        C::Resign,
        C::OfferRematch,
        C::DeclineRematch,
        C::AcceptRematch,
    ]
    .into_iter()
    .flat_map(|kind| [(Seat::Black, kind), (Seat::White, kind)])
}

fn restore_both(snapshot: Snapshot, tail: &[Event]) {
    let _ = (snapshot.seq(), snapshot.outcome());
    if let Ok(game) = Match::restore(snapshot.clone(), tail) {
        use_it(game);
    }
    if let Ok(game) = Match::restore(snapshot, &[]) {
        use_it(game);
    }
}

fn any_outcome() -> impl Strategy<Value = (Outcome, Termination)> {
    let outcome = prop::sample::select(vec![
        Outcome::WhiteWins,
        Outcome::BlackWins,
        Outcome::Draw,
        Outcome::Aborted,
    ]);
    let termination = prop::sample::select(vec![
        Termination::Checkmate,
        Termination::VariantEnd,
        Termination::TimeForfeit,
        Termination::Resignation,
        Termination::DrawAgreement,
        Termination::WhiteNoStart,
        Termination::FivefoldRepetition,
        Termination::ThreefoldRepetition,
        Termination::FiftyMoves,
        Termination::Abandoned,
        Termination::Aborted,
        Termination::Adjudicated,
    ]);
    (outcome, termination)
}

fn any_time() -> impl Strategy<Value = Duration> + Clone {
    prop_oneof![
        (0..200_000_000_u64).prop_map(Duration::from_micros),
        (0..8_000_u64).prop_map(Duration::from_millis),
        // All that 32 bits of milliseconds hold, which is the most.
        Just(Duration::from_millis(u32::MAX.into())),
        any::<(u64, u32)>().prop_map(|(s, n)| Duration::new(s, n % 1_000_000_000)),
    ]
}

fn any_clocks() -> impl Strategy<Value = ClockState> {
    let both = || (any_time(), any_time()).prop_map(|(white, black)| BySeat { white, black });
    let others = prop_oneof![
        2 => Just((BySeat::default(), Duration::ZERO, Duration::ZERO)),
        1 => (both(), any_time(), any_time()),
    ];
    (both(), others).prop_map(|(remaining, (quota, spent, overrun))| ClockState {
        remaining,
        quota,
        spent,
        overrun,
    })
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let moved =
        (seat(), uci(), any::<u32>(), with_move()).prop_map(|(seat, uci, clock_ms, with)| {
            Deed::Moved {
                seat,
                uci,
                with,
                clock_ms,
            }
        });
    prop_oneof![
        4 => moved,
        1 => seat().prop_map(Deed::DrawOffered),
        1 => seat().prop_map(Deed::DrawDeclined),
        2 => seat().prop_map(Deed::TakebackOffered),
        1 => seat().prop_map(Deed::TakebackDeclined),
        2 => (seat(), any::<u8>()).prop_map(|(seat, plies)| Deed::TakenBack(seat, plies % 5)),
        1 => (seat(), any::<u8>()).prop_map(|(seat, seconds)| Deed::TimeGiven(seat, seconds)),
        1 => seat().prop_map(Deed::RematchOffered),
        1 => seat().prop_map(Deed::RematchDeclined),
        1 => seat().prop_map(Deed::RematchAgreed),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    (0..40_u64, any_deed()).prop_map(|(id, deed)| Entry {
        command: CommandId(id),
        deed,
    })
}

fn any_match_id() -> impl Strategy<Value = MatchId> {
    any::<u128>().prop_map(MatchId::from_random)
}

/// One change of a snapshot.
#[derive(Debug, Clone)]
enum Damage {
    Replaced(u16, Entry),
    Inserted(u16, Entry),
    Removed(u16),
    RoundTrips(Vec<Option<RoundTrip>>),
    Clocks(ClockState),
    End(Option<End>),
    Aftermath(Vec<Entry>),
    Rematch(Option<MatchId>),
    At(u64),
}

fn damage() -> impl Strategy<Value = Damage> {
    let end = (prop::option::of((seat(), 0..40_u64)), any_outcome()).prop_map(
        |(by, (outcome, termination))| End {
            by: by.map(|(seat, id)| (seat, CommandId(id))),
            outcome,
            termination,
        },
    );
    prop_oneof![
        (any::<u16>(), any_entry()).prop_map(|(place, entry)| Damage::Replaced(place, entry)),
        (any::<u16>(), any_entry()).prop_map(|(place, entry)| Damage::Inserted(place, entry)),
        any::<u16>().prop_map(Damage::Removed),
        vec(any_round_trip(), 0..6).prop_map(Damage::RoundTrips),
        any_clocks().prop_map(Damage::Clocks),
        prop::option::of(end).prop_map(Damage::End),
        vec(any_entry(), 0..4).prop_map(Damage::Aftermath),
        prop::option::of(any_match_id()).prop_map(Damage::Rematch),
        any::<u64>().prop_map(Damage::At),
    ]
}

/// Gives each move a round trip again, so that other damage is found.
fn fill_up(snapshot: &mut Snapshot) {
    let moves = snapshot.history.iter().filter(|entry| entry.deed.is_move());
    snapshot.round_trips.resize(moves.count(), None);
}

fn spoil(snapshot: &mut Snapshot, damage: Damage) {
    let history = &mut snapshot.history;
    let len = history.len();
    match damage {
        Damage::Replaced(place, entry) if len > 0 => {
            history[usize::from(place) % len] = entry;
            fill_up(snapshot);
        }
        Damage::Inserted(place, entry) => {
            history.insert(usize::from(place) % (len + 1), entry);
            fill_up(snapshot);
        }
        Damage::Removed(place) if len > 0 => {
            history.remove(usize::from(place) % len);
            fill_up(snapshot);
        }
        Damage::Replaced(..) | Damage::Removed(_) => {}
        Damage::RoundTrips(round_trips) => snapshot.round_trips = round_trips,
        Damage::Clocks(clocks) => snapshot.clocks = clocks,
        Damage::End(end) => snapshot.end = end,
        Damage::Aftermath(entries) => snapshot.aftermath = entries,
        Damage::Rematch(id) => snapshot.rematch = id,
        Damage::At(micros) => snapshot.at = MatchTime::from_micros(micros),
    }
}

fn any_round_trip() -> impl Strategy<Value = Option<RoundTrip>> {
    prop::option::of(any::<u16>().prop_map(RoundTrip::from_millis))
}

fn any_event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        3 => (uci(), with_move()).prop_map(|(uci, with)| EventKind::Moved { uci, with }),
        1 => Just(EventKind::DrawOffered),
        1 => Just(EventKind::DrawDeclined),
        1 => Just(EventKind::TakebackOffered),
        1 => Just(EventKind::TakebackDeclined),
        1 => (0..5_u8).prop_map(|plies| EventKind::TakenBack { plies }),
        1 => any::<u8>().prop_map(|seconds| EventKind::TimeGiven { seconds }),
        3 => any_outcome().prop_map(|(outcome, termination)| EventKind::Ended {
            outcome,
            termination
        }),
        1 => Just(EventKind::Stopped),
        1 => Just(EventKind::Resumed),
        1 => Just(EventKind::ClockSet { seat: Seat::White }),
        1 => Just(EventKind::RematchOffered),
        1 => Just(EventKind::RematchDeclined),
        1 => any_match_id().prop_map(|match_id| EventKind::RematchAgreed { match_id }),
    ];
    (
        0..40_u32,
        prop::option::of(seat()),
        prop::option::of(0..40_u64),
        any_clocks(),
        any::<u64>(),
        any_round_trip(),
        kind,
    )
        .prop_map(|(seq, seat, id, clocks, at, round_trip, kind)| Event {
            seq,
            seat,
            command_id: id.map(CommandId),
            clocks,
            at: MatchTime::from_micros(at),
            round_trip,
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
    fn damaged_snapshots_never_panic(
        (mut snapshot, tail) in left_behind(),
        damage in vec(damage(), 1..4),
    ) {
        for damage in damage {
            spoil(&mut snapshot, damage);
        }
        restore_both(snapshot, &tail);
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
