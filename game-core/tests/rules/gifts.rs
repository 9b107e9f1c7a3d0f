//! Row "give time": a seat adds to its opponent's clock.

use game_core::{CommandKind, EventKind, Match, Outcome, Refusal, Rule, Seat, Termination};

use crate::table::{Table, setup};

fn gift(seconds: u8) -> CommandKind {
    CommandKind::GiveTime { seconds }
}

fn begun() -> Table {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5");
    table
}

#[test]
fn give_time_adds_to_the_opponents_clock_on_either_sides_turn() {
    let mut table = begun();
    table.wait(10_000);
    // To the side whose clock counts.
    assert_eq!(table.send(Seat::Black, gift(15)), Ok(3));
    assert_eq!(table.last(), EventKind::TimeGiven { seconds: 15 });
    assert_eq!(table.events[2].seat, Some(Seat::Black));
    assert_eq!(table.clock_ms(Seat::White), 185_000);
    assert_eq!(table.events[2].clocks.remaining.white.as_secs(), 185);
    assert_eq!(table.game.running(), Some(Seat::White));
    assert_eq!(
        table
            .game
            .deadline()
            .map(|at| at.since(table.now).as_secs()),
        Some(185)
    );
    // And to the other.
    assert_eq!(table.send(Seat::White, gift(60)), Ok(4));
    assert_eq!(table.clock_ms(Seat::Black), 240_000);
    table.wait(1_000);
    assert_eq!(table.clock_ms(Seat::White), 184_000);
    table.resume();
    assert_eq!(table.clock_ms(Seat::Black), 240_000);
}

#[test]
fn give_time_has_bounds() {
    let mut table = begun();
    for seconds in [0, 1, 4, 61, 255] {
        table.expect_refusal(Seat::White, gift(seconds), Refusal::AmountOutOfBounds);
    }
    for seconds in [5, 60] {
        table.send(Seat::White, gift(seconds)).unwrap();
    }
    assert_eq!(table.clock_ms(Seat::Black), 245_000);
}

#[test]
fn give_time_is_not_for_rated_matches_nor_against_the_terms() {
    for setup in [setup().rated(), setup().rule(Rule::NoGiveTime)] {
        let mut table = Table::new(setup.build());
        table.play_all("e2e4 e7e5");
        for seat in Seat::BOTH {
            table.expect_refusal(seat, gift(15), Refusal::NotAllowed);
        }
    }
}

#[test]
fn give_time_that_is_sent_again_is_given_once() {
    let mut table = begun();
    assert_eq!(table.send_as(Seat::White, 900, gift(15)), Ok(3));
    assert_eq!(table.send_as(Seat::White, 900, gift(15)), Ok(3));
    assert_eq!(table.clock_ms(Seat::Black), 195_000);
    let other = table.send_as(Seat::White, 900, gift(20));
    assert_eq!(other, Err(Refusal::CommandIdReused));
}

#[test]
fn give_time_ends_with_the_match() {
    let mut table = begun();
    table.wait(180_000);
    assert_eq!(table.send(Seat::Black, gift(15)), Err(Refusal::MatchOver));
    table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
}

/// After zero the flag waits for what lag compensation may give back: a gift in that time saves, less
/// what was used beyond zero.
#[test]
fn give_time_in_the_grace_saves_the_flag() {
    // 1+0 has a quota of 1.17 s at the start.
    let mut table = Table::new(setup().timed("60+0").people().build());
    table.play_all("e2e4 e7e5").wait(61_000);
    assert_eq!(table.clock_ms(Seat::White), 0);
    table.send(Seat::Black, gift(10)).unwrap();
    assert_eq!(table.game.outcome(), None);
    assert_eq!(table.clock_ms(Seat::White), 9_000);
    let restored = Match::restore(table.game.snapshot(), &[]).unwrap();
    assert_eq!(restored.clocks(table.now), table.game.clocks(table.now));
    table.wait(9_000 + 1_170 - 1).tick();
    assert_eq!(table.game.outcome(), None);
    table.wait(1).tick();
    table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
}
