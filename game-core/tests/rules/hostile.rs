//! Snapshots and records from a broken or hostile source: none makes a match panic.

use std::time::Duration;

use game_core::{
    BySeat, ClockState, Command, CommandId, CommandKind, Deed, End, Entry, Event, EventKind, Match,
    MatchTime, Outcome, Snapshot, Termination, WithMove,
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
    game.start_clock(now);
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
    game.tick(MatchTime::from_micros(u64::MAX), &mut events);
    let again = Match::restore(game.snapshot(), &[]).expect("its own snapshot");
    assert_eq!(again.snapshot(), game.snapshot());
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
    (outcome, termination)
}

fn any_clock() -> impl Strategy<Value = Duration> + Clone {
    prop_oneof![
        (0..200_000_000_u64).prop_map(Duration::from_micros),
        any::<(u64, u32)>().prop_map(|(s, n)| Duration::new(s, n % 1_000_000_000)),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let moved =
        (seat(), uci(), any::<u32>(), with_move()).prop_map(|(seat, uci, clock_ms, with)| {
            Deed::Moved {
                seat,
                uci,
                with,
                clock_ms,
            }
        });
    let deed = prop_oneof![
        moved,
        seat().prop_map(|seat| Deed::DrawOffered(seat)),
        seat().prop_map(|seat| Deed::DrawDeclined(seat)),
    ];
    (0..40_u64, deed).prop_map(|(id, deed)| Entry {
        command: CommandId(id),
        deed,
    })
}

/// One change of a snapshot.
#[derive(Debug, Clone)]
enum Damage {
    Replaced(u16, Entry),
    Inserted(u16, Entry),
    Removed(u16),
    Clocks(BySeat<Duration>),
    End(Option<End>),
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
        (any_clock(), any_clock())
            .prop_map(|(white, black)| Damage::Clocks(BySeat { white, black })),
        prop::option::of(end).prop_map(Damage::End),
    ]
}

fn spoil(snapshot: &mut Snapshot, damage: Damage) {
    let history = &mut snapshot.history;
    let len = history.len();
    match damage {
        Damage::Replaced(place, entry) if len > 0 => history[usize::from(place) % len] = entry,
        Damage::Inserted(place, entry) => history.insert(usize::from(place) % (len + 1), entry),
        Damage::Removed(place) if len > 0 => {
            history.remove(usize::from(place) % len);
        }
        Damage::Replaced(..) | Damage::Removed(_) => {}
        Damage::Clocks(clocks) => snapshot.clocks.remaining = clocks,
        Damage::End(end) => snapshot.end = end,
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        (uci(), with_move()).prop_map(|(uci, with)| EventKind::Moved { uci, with }),
        Just(EventKind::DrawOffered),
        Just(EventKind::DrawDeclined),
        any_outcome().prop_map(|(outcome, termination)| EventKind::Ended {
            outcome,
            termination
        }),
    ];
    (
        0..40_u32,
        prop::option::of(seat()),
        prop::option::of(0..40_u64),
        (any_clock(), any_clock()),
        kind,
    )
        .prop_map(|(seq, seat, id, (white, black), kind)| Event {
            seq,
            seat,
            command_id: id.map(CommandId),
            clocks: ClockState {
                remaining: BySeat { white, black },
                ..ClockState::default()
            },
            at: MatchTime::default(),
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
