//! Stored bytes from a broken or hostile source: whatever of them decodes is refused or makes a match
//! that can be used, and nothing panics.

use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{
    Command, CommandId, CommandKind, Event, Match, MatchId, MatchTime, Receipt, RoundTrip,
    Snapshot, WithMove,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::bounds::CHECKSUM_LEN;
use super::layout::Format;
use super::samples::sealed;
use super::{decode_record, decode_snapshot, encode_record, encode_snapshot};

/// A snapshot, and the log after it, as a match might leave them: each step is a choice among the legal
/// moves, or a command beside them.
fn left_behind() -> impl Strategy<Value = (Snapshot, Vec<Event>)> {
    let steps = vec((any::<u16>(), 0..16_u8), 1..60);
    (any::<bool>(), steps, any::<u16>()).prop_map(|(at_once, steps, choice)| {
        let setup = SetupBuilder::new().timed("15+0");
        let setup = if at_once { setup.at_once() } else { setup };
        let start = Match::new(setup.build());
        let (mut game, mut events) = (start.clone(), Vec::new());
        let mut now = MatchTime::default();
        for (id, (choice, what)) in (1..).zip(steps) {
            now = now + Duration::from_millis(400);
            let legal = game.legal_moves();
            let kind = match what {
                0 => CommandKind::OfferDraw,
                1 => CommandKind::DeclineDraw,
                4 => CommandKind::OfferTakeback,
                5 => CommandKind::GiveTime { seconds: 15 },
                6 => CommandKind::OfferRematch,
                _ if legal.is_empty() => CommandKind::Resign,
                _ => CommandKind::Move {
                    position_seq: game.position_seq(),
                    uci: legal[usize::from(choice) % legal.len()],
                    with: match what {
                        2 => WithMove::DrawOffer,
                        3 => WithMove::DrawClaim,
                        _ => WithMove::Nothing,
                    },
                },
            };
            let id = CommandId(id);
            let by = game.turn();
            let receipt = Receipt {
                at: now,
                round_trip: at_once.then(|| RoundTrip::from_millis(choice)),
                ..Receipt::default()
            };
            let _ = game.apply(by, &Command { id, kind }, receipt, &mut events);
            // What was asked for is granted now and then.
            let answer = match kind {
                CommandKind::OfferTakeback if choice % 2 == 0 => CommandKind::AcceptTakeback,
                CommandKind::OfferTakeback => CommandKind::DeclineTakeback,
                CommandKind::OfferRematch => CommandKind::AcceptRematch,
                _ => CommandKind::DeclineDraw,
            };
            let (receipt, answer) = (
                Receipt {
                    at: now,
                    next_match: Some(MatchId::from_random(choice.into())),
                    ..Receipt::default()
                },
                Command { id, kind: answer },
            );
            let _ = game.apply(by.opponent(), &answer, receipt, &mut events);
            game.start_clock(now);
        }
        let (head, tail) = events.split_at(usize::from(choice) % (events.len() + 1));
        let snapshot = Match::restore(start.snapshot(), head).unwrap().snapshot();
        (snapshot, tail.to_vec())
    })
}

fn body(bytes: &[u8]) -> Vec<u8> {
    bytes[1..bytes.len() - CHECKSUM_LEN].to_vec()
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

/// Whatever is restored must be usable.
fn use_it(mut game: Match) {
    let now = MatchTime::from_micros(u64::MAX / 2);
    let mut events = Vec::new();
    let _ = (game.fen(), game.pgn("x"), game.clocks(now));
    game.start_clock(now);
    if let Some(uci) = game.legal_moves().first().copied() {
        let kind = CommandKind::Move {
            position_seq: game.position_seq(),
            uci,
            with: WithMove::DrawOffer,
        };
        let id = CommandId(u64::MAX);
        let _ = game.apply(game.turn(), &Command { id, kind }, now, &mut events);
    }
    game.tick(MatchTime::from_micros(u64::MAX), &mut events);
    let snapshot = decode_snapshot(&encode_snapshot(&game.snapshot())).expect("its own bytes");
    let again = Match::restore(snapshot, &[]).expect("its own snapshot");
    assert_eq!(again.snapshot(), game.snapshot());
}

/// `snapshot` and `tail` are bodies, without tag and checksum.
fn restore_bytes(snapshot: &[u8], tail: &[Vec<u8>]) {
    let Ok(snapshot) = decode_snapshot(&sealed(Format::Snapshot.tag(3), snapshot)) else {
        return;
    };
    let records = tail
        .iter()
        .map(|body| decode_record(&sealed(Format::Record.tag(3), body)).ok());
    let tail: Vec<Event> = records.map_while(|record| record).collect();
    let _ = (snapshot.seq(), snapshot.outcome());
    if let Ok(game) = Match::restore(snapshot.clone(), &tail) {
        use_it(game);
    }
    if let Ok(game) = Match::restore(snapshot, &[]) {
        use_it(game);
    }
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
        which in any::<prop::sample::Index>(),
        cut in prop::option::weighted(0.2, any::<u16>()),
    ) {
        let snapshot = body(&encode_snapshot(&snapshot));
        let mut tail: Vec<Vec<u8>> = tail.iter().map(|event| body(&encode_record(event))).collect();
        if !tail.is_empty() {
            let which = which.index(tail.len());
            tail[which] = spoil(std::mem::take(&mut tail[which]), &tail_damage, cut);
        }
        restore_bytes(&spoil(snapshot, &damage, cut), &tail);
    }

    #[test]
    fn random_bytes_never_panic(
        snapshot in vec(any::<u8>(), 0..300),
        tail in vec(vec(any::<u8>(), 0..60), 0..5),
    ) {
        restore_bytes(&snapshot, &tail);
    }
}
