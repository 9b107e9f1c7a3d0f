//! Snapshots and records from a broken or hostile source: nothing they hold makes a match panic.

use std::time::Duration;

use bincode::config::{Configuration, standard};
use bincode::serde::{decode_from_slice, encode_to_vec};
use game_core::{
    BySeat, Command, CommandId, CommandKind, Event, EventKind, Match, MatchTime, Outcome, Snapshot,
    Termination,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::course::{Course, agreed, seat, step, uci};

/// The limit is there as it is for those who decode what they did not write.
const CODEC: Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<65_536>,
> = standard().with_limit::<65_536>();

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
