//! The checker against histories with known faults in them.

use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{Command, MatchTime, WithMove};
use protocol::{ClockView, Role, WireRefusal};

use super::*;

const MOVES: [&str; 4] = ["e2e4", "e7e5", "g1f3", "b8c6"];

fn seat_of(seq: u32) -> Seat {
    if seq % 2 == 1 {
        Seat::White
    } else {
        Seat::Black
    }
}

fn kind(seq: u32) -> CommandKind {
    match MOVES.get(seq as usize - 1) {
        Some(uci) => CommandKind::plain_move(seq - 1, uci.parse().unwrap()),
        None => CommandKind::Resign,
    }
}

/// Four moves and a resignation; the commands are numbered as their events.
fn stored() -> Stored {
    let setup = SetupBuilder::new().named("ada", "bob");
    let setup = setup.timed("60+0").at_once().build();
    let mut game = Match::new(setup.clone());
    let mut log = Vec::new();
    for seq in 1..=5 {
        let now = MatchTime::default() + Duration::from_secs(u64::from(seq));
        let command = Command {
            id: CommandId(seq.into()),
            kind: kind(seq),
        };
        game.apply(seat_of(seq), &command, now, &mut log).unwrap();
        game.start_clock(now);
    }
    let published = Published::of(&game);
    Stored {
        setup,
        log,
        published,
        time_is_plenty: true,
        has_one_owner: true,
        step_back_max: Duration::ZERO,
    }
}

fn sight(event: &Event) -> Entry {
    let event_seen = WireEvent {
        seat: event.seat,
        kind: Some(event.kind),
        clock: ClockView::new(event.clocks.remaining, None, Duration::ZERO),
    };
    Entry::Saw {
        seq: event.seq,
        epoch: Epoch(1),
        event: event_seen,
        offers: Offers::default(),
    }
}

/// What a player of [`stored`] was told when nothing went wrong.
fn told(seat: Seat) -> Vec<Entry> {
    let mut entries = Vec::new();
    for event in &stored().log {
        let (id, kind) = (CommandId(event.seq.into()), kind(event.seq));
        if event.seat == Some(seat) {
            entries.push(Entry::Asked { id, kind });
        }
        entries.push(sight(event));
        if event.seat == Some(seat) {
            entries.push(Entry::Acked {
                id,
                kind,
                event: event.seq,
                epoch: Epoch(1),
            });
        }
    }
    entries
}

fn history(seat: Seat, entries: Vec<Entry>) -> History {
    let role = match seat {
        Seat::White => Role::White,
        Seat::Black => Role::Black,
    };
    let mut history = History::new(role, true);
    for entry in entries {
        history.note(Duration::ZERO, entry);
    }
    history
}

/// What a player was told when nothing went wrong.
fn usual(seat: Seat) -> History {
    history(seat, told(seat))
}

fn promises(histories: &[History], stored: &Stored) -> Vec<Promise> {
    let mut promises: Vec<_> = check(histories, stored)
        .into_iter()
        .map(|breach| breach.promise)
        .collect();
    promises.sort_unstable();
    promises.dedup();
    promises
}

/// Changes the stored match and expects breaches of these promises.
#[track_caller]
fn stored_breaks(change: impl FnOnce(&mut Stored), expected: &[Promise]) {
    let mut stored = stored();
    change(&mut stored);
    let histories = [usual(Seat::White), usual(Seat::Black)];
    assert_eq!(promises(&histories, &stored), expected);
}

/// Changes what White was told and expects breaches of these promises.
#[track_caller]
fn told_breaks(change: impl FnOnce(&mut Vec<Entry>), expected: &[Promise]) {
    let mut white = told(Seat::White);
    change(&mut white);
    let histories = [history(Seat::White, white), usual(Seat::Black)];
    assert_eq!(promises(&histories, &stored()), expected);
}

#[test]
fn what_is_right_has_no_breaches() {
    stored_breaks(|_| {}, &[]);
    told_breaks(|_| {}, &[]);
}

#[test]
fn a_lost_end_of_the_log() {
    // The acks and sights of both, the published state, and the end itself.
    stored_breaks(
        |stored| stored.log.truncate(3),
        &[Promise::Lost, Promise::Disagreement, Promise::Unfinished],
    );
}

#[test]
fn a_record_that_another_one_replaced() {
    stored_breaks(
        |stored| stored.log[2].command_id = Some(CommandId(77)),
        &[Promise::Lost],
    );
    stored_breaks(
        |stored| {
            stored.log[2].kind = EventKind::Moved {
                uci: "d2d4".parse().unwrap(),
                with: WithMove::Nothing,
            };
        },
        &[Promise::Disagreement],
    );
}

#[test]
fn a_record_that_stands_twice() {
    stored_breaks(
        |stored| {
            let again = stored.log[3].clone();
            stored.log.insert(4, again);
        },
        // What comes after it stands in another place than it was said to.
        &[
            Promise::Duplicated,
            Promise::Reordered,
            Promise::Disagreement,
        ],
    );
}

#[test]
fn a_command_that_took_effect_twice() {
    stored_breaks(
        |stored| stored.log[2].command_id = stored.log[0].command_id,
        &[Promise::Lost, Promise::Duplicated],
    );
}

#[test]
fn records_in_another_order() {
    stored_breaks(
        |stored| stored.log.swap(1, 2),
        &[Promise::Reordered, Promise::Disagreement],
    );
}

#[test]
fn a_log_that_is_no_chess() {
    stored_breaks(
        |stored| {
            stored.log[4].kind = EventKind::Ended {
                outcome: Outcome::BlackWins,
                termination: Termination::Checkmate,
            };
        },
        &[Promise::Disagreement],
    );
}

#[test]
fn a_published_match_that_is_not_the_stored_one() {
    let changes: [fn(&mut Published); 4] = [
        |published| published.pgn.push('x'),
        |published| published.seq += 1,
        |published| published.moves.truncate(1),
        |published| published.result = None,
    ];
    for change in changes {
        stored_breaks(
            |stored| change(&mut stored.published),
            &[Promise::Disagreement],
        );
    }
}

#[test]
fn a_flag_that_fell_over_a_fault() {
    let mut stored = stored();
    let mut game = Match::new(stored.setup.clone());
    game.start_clock(MatchTime::default());
    stored.log.clear();
    let late = MatchTime::default() + Duration::from_secs(61);
    game.tick(late, &mut stored.log);
    stored.published = Published::of(&game);
    let told = history(Seat::White, vec![sight(&stored.log[0])]);
    assert_eq!(promises(&[told], &stored), [Promise::Overcharged]);
}

#[test]
fn an_ack_for_another_place_or_for_nothing_asked() {
    told_breaks(
        |entries| {
            for entry in entries {
                if let Entry::Acked { event, .. } = entry
                    && *event == 3
                {
                    *event = 4;
                }
            }
        },
        &[Promise::Reordered],
    );
    told_breaks(
        |entries| entries.retain(|entry| !matches!(entry, Entry::Asked { .. })),
        &[Promise::Disagreement],
    );
}

#[test]
fn an_ack_that_is_given_twice_for_two_places() {
    told_breaks(
        |entries| {
            let again = Entry::Acked {
                id: CommandId(3),
                kind: kind(3),
                event: 5,
                epoch: Epoch(1),
            };
            entries.push(again);
        },
        &[Promise::Duplicated, Promise::Reordered],
    );
}

#[test]
fn a_refusal_of_what_was_done() {
    let refused = |id| Entry::Refused {
        id: CommandId(id),
        reason: WireRefusal::Paused,
    };
    told_breaks(|entries| entries.push(refused(3)), &[Promise::Disagreement]);
    told_breaks(|entries| entries.push(refused(99)), &[]);
}

#[test]
fn an_event_that_was_another_one_when_it_was_seen() {
    told_breaks(
        |entries| {
            if let Entry::Saw { event, .. } = &mut entries[1] {
                event.clock.white_ms -= 1;
            }
        },
        &[Promise::Disagreement],
    );
}

#[test]
fn a_state_that_never_was() {
    let shown = |seq, moves: usize, result| Entry::Shown {
        seq,
        epoch: Epoch(1),
        moves: MOVES[..moves]
            .iter()
            .map(|uci| uci.parse().unwrap())
            .collect(),
        result,
        offers: Offers::default(),
        clock: ClockView::new(BySeat::default(), None, Duration::ZERO),
    };
    let resigned = Some((Outcome::BlackWins, Termination::Resignation));
    told_breaks(|entries| entries.push(shown(5, 4, resigned)), &[]);
    told_breaks(|entries| entries.push(shown(2, 2, None)), &[]);
    told_breaks(
        |entries| entries.push(shown(2, 3, None)),
        &[Promise::Disagreement],
    );
    told_breaks(
        |entries| entries.push(shown(6, 4, resigned)),
        &[Promise::Lost],
    );
    let won = Some((Outcome::WhiteWins, Termination::Resignation));
    told_breaks(
        |entries| entries.push(shown(5, 4, won)),
        &[Promise::Disagreement],
    );
}

/// White offers a draw, and the offer lives through White's move and falls with Black's (MATCH.md).
#[test]
fn the_offers_that_stood_are_those_of_the_log() {
    let mut stored = stored();
    let mut game = Match::new(stored.setup.clone());
    stored.log.clear();
    let offer = (Seat::White, CommandKind::OfferDraw);
    let moves = (1..=4).map(|seq| (seat_of(seq), kind(seq)));
    let (first, last): (Vec<_>, Vec<_>) = moves.partition(
        |(_, kind)| matches!(kind, CommandKind::Move { position_seq, .. } if *position_seq < 2),
    );
    for ((seat, mut kind), id) in first.into_iter().chain([offer]).chain(last).zip(1..) {
        if let CommandKind::Move { position_seq, .. } = &mut kind {
            *position_seq = game.position_seq();
        }
        let (id, now) = (CommandId(id), MatchTime::default());
        game.apply(seat, &Command { id, kind }, now, &mut stored.log)
            .unwrap();
    }
    let white = Some(Seat::White);
    let (offers, breaches) = offers_after(&stored);
    let draws: Vec<_> = offers.iter().map(|offers| offers.draw).collect();
    assert_eq!(draws, [None, None, None, white, white, None]);
    assert_eq!(breaches, []);
}

#[test]
fn a_draw_offer_that_a_client_saw_and_nobody_made() {
    for (index, offered) in [(1, Seat::White), (3, Seat::Black)] {
        told_breaks(
            |entries| match &mut entries[index] {
                Entry::Saw { offers, .. } => offers.draw = Some(offered),
                other => panic!("{other:?}"),
            },
            &[Promise::Disagreement],
        );
    }
}

#[test]
fn an_epoch_that_falls() {
    told_breaks(
        |entries| {
            if let Entry::Saw { epoch, .. } = &mut entries[1] {
                *epoch = Epoch(2);
            }
        },
        &[Promise::Disagreement],
    );
}

#[test]
fn a_player_that_broke_off_or_never_learnt_the_result() {
    told_breaks(
        |entries| entries.push(Entry::Broke(Violation::Lost { seen: 3, has: 2 })),
        &[Promise::Lost],
    );
    told_breaks(
        |entries| entries.push(Entry::Broke(Violation::Rewritten)),
        &[Promise::Disagreement],
    );
    told_breaks(|entries| entries.truncate(4), &[Promise::Unfinished]);
}

#[test]
fn what_a_clock_lost_beyond_thinking() {
    // White's moves were made a second after Black's.
    let mut white = usual(Seat::White);
    assert_eq!(excess(&white, &stored()), Some(Duration::from_secs(2)));
    white.thought = Duration::from_millis(1_500);
    assert_eq!(excess(&white, &stored()), Some(Duration::from_millis(500)));
    white.thought = Duration::from_secs(9);
    assert_eq!(excess(&white, &stored()), Some(Duration::ZERO));
}

#[test]
fn what_has_no_answer_is_unknown_and_no_breach() {
    let mut white = usual(Seat::White);
    let asked = Entry::Asked {
        id: CommandId(50),
        kind: CommandKind::Resign,
    };
    white.note(Duration::ZERO, asked);
    assert_eq!((white.acked(), white.unknown()), (3, 1));
    assert_eq!(promises(&[white], &stored()), []);
}

/// What was done in a match with a takeback, in which White offered a draw with the move that stays and asked for
/// its next one back (MATCH.md, "takeback", "offer and position").
const TAKEBACK: [(Seat, &str); 9] = [
    (Seat::White, "e2e4"),
    (Seat::Black, "e7e5"),
    (Seat::White, "offer"),
    (Seat::White, "g1f3"),
    (Seat::White, "takeback"),
    (Seat::Black, "grant"),
    (Seat::White, "f1c4"),
    (Seat::Black, "resign"),
    (Seat::Black, "rematch"),
];

fn asked(game: &Match, what: &str) -> CommandKind {
    match what {
        "offer" => CommandKind::OfferDraw,
        "takeback" => CommandKind::OfferTakeback,
        "grant" => CommandKind::AcceptTakeback,
        "resign" => CommandKind::Resign,
        "rematch" => CommandKind::OfferRematch,
        uci => CommandKind::plain_move(game.position_seq(), uci.parse().unwrap()),
    }
}

/// The stored match of [`TAKEBACK`], and what White was told of it, offers in view included.
fn with_takeback() -> (Stored, Vec<Entry>) {
    let setup = SetupBuilder::new().timed("60+0").at_once().build();
    let mut game = Match::new(setup.clone());
    let (mut log, mut told) = (Vec::new(), Vec::new());
    for (number, &(seat, what)) in (1_u64..).zip(&TAKEBACK) {
        let now = MatchTime::default() + Duration::from_secs(number);
        let (id, kind) = (CommandId(number), asked(&game, what));
        game.apply(seat, &Command { id, kind }, now, &mut log)
            .unwrap();
        game.start_clock(now);
        let event = log.last().unwrap();
        let offers = Offers {
            draw: game.draw_offer(),
            takeback: game.takeback_offer(),
            rematch: game.rematch_offer(),
        };
        let mut seen = sight(event);
        if let Entry::Saw { offers: saw, .. } = &mut seen {
            *saw = offers;
        }
        if seat == Seat::White {
            told.push(Entry::Asked { id, kind });
        }
        told.push(seen);
        if seat == Seat::White {
            told.push(Entry::Acked {
                id,
                kind,
                event: event.seq,
                epoch: Epoch(1),
            });
        }
    }
    let stored = Stored {
        setup,
        log,
        published: Published::of(&game),
        time_is_plenty: false,
        has_one_owner: true,
        step_back_max: Duration::ZERO,
    };
    (stored, told)
}

#[track_caller]
fn takeback_breaks(change: impl FnOnce(&mut Stored, &mut Vec<Entry>), expected: &[Promise]) {
    let (mut stored, mut told) = with_takeback();
    change(&mut stored, &mut told);
    assert_eq!(promises(&[history(Seat::White, told)], &stored), expected);
}

#[test]
fn a_takeback_and_what_stands_after_it() {
    takeback_breaks(|_, _| {}, &[]);
    let shown = |seq, moves: &[&str]| Entry::Shown {
        seq,
        epoch: Epoch(1),
        moves: moves.iter().map(|uci| uci.parse().unwrap()).collect(),
        result: None,
        offers: Offers::default(),
        clock: ClockView::new(BySeat::default(), None, Duration::ZERO),
    };
    takeback_breaks(|_, told| told.push(shown(6, &["e2e4", "e7e5"])), &[]);
    takeback_breaks(
        |_, told| told.push(shown(6, &["e2e4", "e7e5", "g1f3"])),
        &[Promise::Disagreement],
    );
}

#[test]
fn a_takeback_of_another_number_of_moves() {
    takeback_breaks(
        |stored, _| stored.log[5].kind = EventKind::TakenBack { plies: 2 },
        // The clocks go elsewhere, and the next move is then Black's.
        &[
            Promise::ClockCharged,
            Promise::ClockRewound,
            Promise::Disagreement,
        ],
    );
}

#[test]
fn a_move_that_took_effect_in_another_position_than_it_was_for() {
    takeback_breaks(
        |_, told| {
            for entry in told {
                if let Entry::Acked {
                    id: CommandId(7),
                    kind: CommandKind::Move { position_seq, .. },
                    ..
                } = entry
                {
                    *position_seq = 4;
                }
            }
        },
        &[Promise::Disagreement],
    );
}

#[test]
fn an_offer_of_a_takeback_or_a_rematch_that_a_client_saw_and_nobody_made() {
    let see = |told: &mut Vec<Entry>, number: u32, change: fn(&mut Offers)| {
        let saw = told.iter_mut().find_map(|entry| match entry {
            Entry::Saw { seq, offers, .. } if *seq == number => Some(offers),
            _ => None,
        });
        change(saw.unwrap());
    };
    type Change = fn(&mut Offers);
    let changes: [(u32, Change); 4] = [
        (5, |offers| offers.takeback = None),
        (6, |offers| offers.takeback = Some(Seat::White)),
        (6, |offers| offers.draw = Some(Seat::White)),
        (9, |offers| offers.rematch = Some(Seat::White)),
    ];
    for (seq, change) in changes {
        takeback_breaks(|_, told| see(told, seq, change), &[Promise::Disagreement]);
    }
}

#[test]
fn a_rematch_that_is_agreed_on_twice() {
    takeback_breaks(
        |stored, _| {
            for seq in [10, 11] {
                let mut agreed = stored.log[8].clone();
                (agreed.seq, agreed.command_id) = (seq, Some(CommandId(seq.into())));
                agreed.seat = Some(Seat::White);
                agreed.kind = EventKind::RematchAgreed {
                    match_id: MatchId::from_random(seq.into()),
                };
                stored.log.push(agreed);
            }
        },
        &[Promise::Rematch, Promise::Disagreement],
    );
}
