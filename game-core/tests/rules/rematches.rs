//! Row "rematch": what happens after the end.

use game_core::{
    CommandKind, Event, EventKind, Match, MatchId, Outcome, Player, Receipt, Refusal, RestoreError,
    Rule, Seat, Snapshot, StartPosition, Termination, TimeControl, UnixMillis, Variant,
};

use crate::table::{Table, setup};

use CommandKind::{AcceptRematch, DeclineRematch, OfferRematch};

fn next_id() -> MatchId {
    MatchId::from_random(77)
}

/// Sends a command that may agree on a rematch.
fn send(table: &mut Table, seat: Seat, id: u64, kind: CommandKind) -> Result<u32, Refusal> {
    let receipt = Receipt {
        next_match: Some(next_id()),
        ..table.now.into()
    };
    table.send_with(seat, id, kind, receipt)
}

/// A match that Black has won, at event 5.
fn mated() -> Table {
    let mut table = Table::initial();
    table.play_all("f2f3 e7e5 g2g4 d8h4");
    table
}

fn fresh() -> Snapshot {
    Match::new(setup().build()).snapshot()
}

#[test]
fn rematch_is_offered_after_the_end_only() {
    let mut table = Table::initial();
    for moves in ["", "e2e4 e7e5"] {
        table.play_all(moves);
        for kind in [OfferRematch, AcceptRematch, DeclineRematch] {
            table.expect_refusal(Seat::White, kind, Refusal::MatchInPlay);
        }
    }
}

#[test]
fn rematch_is_agreed_on_when_the_other_accepts_or_offers_too() {
    for answer in [AcceptRematch, OfferRematch] {
        for seat in Seat::BOTH {
            let mut table = mated();
            let other = seat.opponent();
            assert_eq!(send(&mut table, seat, 900, OfferRematch), Ok(6));
            assert_eq!(table.last(), EventKind::RematchOffered);
            assert_eq!(table.game.rematch_offer(), Some(seat));
            assert_eq!(table.game.rematch(), None);
            assert_eq!(send(&mut table, other, 901, answer), Ok(7));
            let match_id = next_id();
            assert_eq!(table.last(), EventKind::RematchAgreed { match_id });
            assert_eq!(table.events[6].seat, Some(other));
            assert_eq!(table.game.rematch(), Some(match_id));
            assert_eq!(table.game.rematch_offer(), None);
            // The result is what it was.
            let won = (Outcome::BlackWins, Termination::Checkmate);
            assert_eq!(table.game.outcome(), Some(won));
            assert_eq!((table.game.deadline(), table.game.running()), (None, None));
            // Repeats have the same answers; another rematch there is not.
            assert_eq!(send(&mut table, seat, 900, OfferRematch), Ok(6));
            assert_eq!(send(&mut table, other, 901, answer), Ok(7));
            for (number, kind) in (0..).zip([OfferRematch, AcceptRematch, DeclineRematch]) {
                let refused = send(&mut table, seat, 910 + number, kind);
                assert_eq!(refused, Err(Refusal::MatchOver));
            }
        }
    }
}

#[test]
fn rematch_offers_are_answered_by_the_other_seat() {
    let mut table = mated();
    for kind in [AcceptRematch, DeclineRematch] {
        table.expect_refusal(Seat::White, kind, Refusal::NoOffer);
    }
    send(&mut table, Seat::White, 900, OfferRematch).unwrap();
    for own in [AcceptRematch, DeclineRematch] {
        table.expect_refusal(Seat::White, own, Refusal::NoOffer);
    }
    table.expect_refusal(Seat::White, OfferRematch, Refusal::OfferTooSoon);
    send(&mut table, Seat::Black, 901, DeclineRematch).unwrap();
    assert_eq!(table.last(), EventKind::RematchDeclined);
    assert_eq!(table.game.rematch_offer(), None);
    table.expect_refusal(Seat::Black, AcceptRematch, Refusal::NoOffer);
    // Either may think again.
    send(&mut table, Seat::Black, 902, OfferRematch).unwrap();
    send(&mut table, Seat::White, 903, AcceptRematch).unwrap();
    assert_eq!(table.game.rematch(), Some(next_id()));
}

#[test]
fn rematch_is_not_offered_with_no_rematch() {
    let mut table = Table::new(setup().rule(Rule::NoRematch).build());
    table.play_all("f2f3 e7e5 g2g4 d8h4");
    table.expect_refusal(Seat::White, OfferRematch, Refusal::NotAllowed);
    table.expect_refusal(Seat::White, AcceptRematch, Refusal::NoOffer);
}

#[test]
fn rematch_follows_any_end() {
    let ends: [fn(&mut Table); 4] = [
        |table| {
            table.send(Seat::White, CommandKind::Abort).unwrap();
        },
        |table| {
            table.play_all("e2e4 e7e5");
            table.send(Seat::Black, CommandKind::Resign).unwrap();
        },
        |table| {
            table.start_clock().wait(25_000).tick();
        },
        |table| {
            let events = &mut table.events;
            table
                .game
                .adjudicate(Outcome::Draw, table.now, events)
                .unwrap();
        },
    ];
    for end in ends {
        let mut table = Table::initial();
        end(&mut table);
        assert!(table.game.outcome().is_some());
        send(&mut table, Seat::White, 900, OfferRematch).unwrap();
        send(&mut table, Seat::Black, 901, AcceptRematch).unwrap();
        table.resume();
        assert_eq!(table.game.rematch(), Some(next_id()));
    }
}

/// An owner without an id for the new match cannot agree on it.
#[test]
fn rematch_needs_an_id() {
    let mut table = mated();
    table.send(Seat::White, OfferRematch).unwrap();
    table.expect_refusal(Seat::Black, AcceptRematch, Refusal::NotAllowed);
    assert_eq!(table.game.rematch_offer(), Some(Seat::White));
}

/// Colours exchanged, same terms; what a player has for itself goes with the player.
#[test]
fn rematch_has_the_same_terms_with_the_other_colours() {
    let control = |text: &str| text.parse::<TimeControl>().unwrap();
    let player = |id: &str, rating, is_bot| Player {
        id: id.parse().unwrap(),
        name: id.into(),
        rating,
        is_bot,
    };
    let mut setup = setup()
        .players(
            player("anna", Some(1500), false),
            player("bert", None, true),
        )
        .controls(control("180+2"), control("40/5400+30:1800+30"))
        .rule(Rule::AutoClaim)
        .rated()
        .at_once()
        .build();
    setup.start = StartPosition::chess960(0).unwrap();
    setup.start_at = Some(UnixMillis(5));
    setup.spectator_delay_s = 10;
    let next = setup.rematch(next_id(), UnixMillis(9));
    assert_eq!(next.id, next_id());
    assert_eq!(next.created_at, UnixMillis(9));
    assert_eq!(next.start_at, None, "play begins when both are there");
    assert_eq!(next.players.white, setup.players.black);
    assert_eq!(next.players.black, setup.players.white);
    assert_eq!(next.controls.white, setup.controls.black);
    assert_eq!(next.controls.black, setup.controls.white);
    assert!(!next.compensates(Seat::White) && next.compensates(Seat::Black));
    assert_eq!(next.variant(), Variant::Chess960);
    // Twice exchanged is as before.
    let mut again = next.rematch(setup.id, setup.created_at);
    again.start_at = setup.start_at;
    assert_eq!(again, setup);
}

/// An offer, its refusal, another offer and the agreement: events 6 to 9.
fn agreed_at_last() -> Table {
    let mut table = mated();
    for (id, seat, kind) in [
        (900, Seat::White, OfferRematch),
        (901, Seat::Black, DeclineRematch),
        (902, Seat::Black, OfferRematch),
        (903, Seat::White, AcceptRematch),
    ] {
        table.wait(1_000);
        send(&mut table, seat, id, kind).unwrap();
    }
    table
}

#[test]
fn rematch_events_are_restored_from_every_snapshot_and_log() {
    let table = agreed_at_last();
    let whole = table.game.snapshot();
    assert_eq!(whole.seq(), 9);
    assert_eq!((whole.history.len(), whole.aftermath.len()), (4, 4));
    assert_eq!(whole.rematch, Some(next_id()));
    for seq in 0..=table.events.len() {
        let (head, tail) = table.events.split_at(seq);
        let early = Match::restore(fresh(), head).unwrap();
        let (clocks, at) = head
            .last()
            .map_or_else(Default::default, |event| (event.clocks, event.at));
        if seq > 0 {
            let cut = table.game.snapshot_at(seq as u32, clocks, at);
            assert_eq!(cut, early.snapshot(), "{seq}");
        }
        let restored = Match::restore(early.snapshot(), tail).unwrap();
        assert_eq!(restored.snapshot(), whole, "{seq}");
        assert_eq!(restored.rematch(), Some(next_id()));
        assert_eq!(restored.outcome(), table.game.outcome());
        assert_eq!(early.seq() as usize, seq);
    }
}

#[test]
fn rematch_events_are_made_again_from_what_a_match_keeps_of_them() {
    let table = agreed_at_last();
    for seq in 0..=table.game.seq() {
        let again = table.game.events_after(seq);
        let told = |events: &[Event]| -> Vec<_> {
            let told = events.iter();
            told.map(|e| (e.seq, e.seat, e.command_id, e.kind))
                .collect()
        };
        assert_eq!(told(&again), told(&table.events[seq as usize..]));
        assert_eq!(again.last(), table.events[seq as usize..].last());
    }
    let again = Match::restore(fresh(), &table.game.events_after(0)).unwrap();
    assert_eq!(again.snapshot(), table.game.snapshot());
}

#[test]
fn rematch_events_that_no_match_wrote_are_refused() {
    let table = agreed_at_last();
    let whole = table.game.snapshot();
    type Spoil = fn(&mut Snapshot);
    let spoils: [(&str, Spoil); 6] = [
        ("an agreement without its id", |s| s.rematch = None),
        ("an id without an agreement", |s| {
            s.aftermath.pop();
        }),
        ("an answer without an offer", |s| {
            s.aftermath.remove(2);
        }),
        ("an aftermath without an end", |s| s.end = None),
        ("a move after the end", |s| s.aftermath[0] = s.history[0]),
        ("an offer before the end", |s| {
            s.history.push(s.aftermath[0]);
        }),
    ];
    for (name, spoil) in spoils {
        let mut snapshot = whole.clone();
        spoil(&mut snapshot);
        assert!(Match::restore(snapshot, &[]).is_err(), "{name}");
    }
    let mut log = table.events.clone();
    let mut more = log[7].clone();
    more.seq = 10;
    more.command_id = Some(game_core::CommandId(999));
    log.push(more);
    let refused = Match::restore(fresh(), &log).map(|_| ());
    assert_eq!(
        refused,
        Err(RestoreError::Refused {
            seq: 10,
            refusal: Refusal::MatchOver
        })
    );
}

/// The end by a flag needs a clock at zero, also where events follow it.
#[test]
fn rematch_events_after_a_flag_are_made_again() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5").wait(180_000).tick();
    send(&mut table, Seat::White, 900, OfferRematch).unwrap();
    let again = table.game.events_after(0);
    let restored = Match::restore(fresh(), &again).unwrap();
    assert_eq!(restored.snapshot(), table.game.snapshot());
}
