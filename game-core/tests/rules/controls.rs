//! Rows "lag compensation", "flag", "delay", "stages" and "unequal", through whole matches. Tables of the
//! clock alone are beside it.

use std::time::Duration;

use game_core::{
    CommandKind, Match, Outcome, Refusal, Rule, Seat, Speed, Termination, TimeControl,
};

use crate::table::{Table, quiet_moves, setup};

/// Moves of White and Black after 1. e4 e5, of which none repeats a position.
const MOVES: [(&str, &str); 8] = [
    ("a2a3", "a7a6"),
    ("b2b3", "b7b6"),
    ("c2c3", "c7c6"),
    ("d2d3", "d7d6"),
    ("g2g3", "g7g6"),
    ("h2h3", "h7h6"),
    ("a3a4", "a6a5"),
    ("f2f3", "f7f6"),
];

fn control(text: &str) -> TimeControl {
    text.parse().unwrap()
}

/// People at 1+0, White to move at ply 2.
fn bullet() -> Table {
    let mut table = Table::new(setup().timed("60+0").people().build());
    table.play_all("e2e4 e7e5");
    table
}

/// A match with this control, timed from the start.
fn at_once(text: &str) -> Table {
    let mut table = Table::new(setup().timed(text).at_once().build());
    table.start_clock();
    table
}

/// Thinks, moves over a connection with this lag, and starts the clock of the other.
fn play_late(table: &mut Table, think_ms: u64, uci: &str, lag_ms: u64) {
    table.wait(think_ms);
    let command = table.move_of(uci);
    table.send_late(table.game.turn(), command, lag_ms).unwrap();
    table.start_clock();
}

fn quota_ms(table: &Table, seat: Seat) -> u128 {
    table.game.snapshot().clocks.quota[seat].as_millis()
}

fn until_deadline_ms(table: &Table) -> u128 {
    let deadline = table.game.deadline().unwrap();
    deadline.since(table.now).as_millis()
}

/// 0.39 s a move at 1+0; the quota starts at 1.17 s and is never above 2.73 s. It is in the record, so
/// another owner goes on with it.
#[test]
fn lag_compensation_at_1_plus_0() {
    for resumes in [false, true] {
        let mut table = bullet();
        assert_eq!(quota_ms(&table, Seat::White), 1_170);
        // Time used, lag, what the clock shows and the quota after it.
        let rows = [
            (1_000, 390, 59_390, 1_170),
            (1_000, 5_000, 58_780, 1_170),
            (1_000, 100, 57_880, 1_460),
            (1_000, 0, 56_880, 1_850),
            // No more than the move has cost.
            (40, 390, 56_880, 2_200),
            (1_000, 0, 55_880, 2_590),
            (1_000, 0, 54_880, 2_730),
            (1_000, 0, 53_880, 2_730),
        ];
        for ((used, lag, left, quota), (white, black)) in rows.into_iter().zip(MOVES) {
            play_late(&mut table, used, white, lag);
            assert_eq!(table.clock_ms(Seat::White), left, "{white}");
            assert_eq!(quota_ms(&table, Seat::White), quota, "{white}");
            if resumes {
                table.resume().start_clock();
            }
            table.play(black);
        }
    }
}

#[test]
fn lag_compensation_is_not_for_bots_unless_agreed() {
    for (setup, left) in [
        (setup(), 59_000),
        (setup().rule(Rule::CompensateBots), 59_390),
    ] {
        let mut table = Table::new(setup.timed("60+0").build());
        table.play_all("e2e4 e7e5");
        play_late(&mut table, 1_000, "g1f3", 390);
        assert_eq!(table.clock_ms(Seat::White), left);
    }
}

/// Remaining + min(quota, 2 s).
#[test]
fn flag_falls_when_no_compensation_could_save_it() {
    let mut table = bullet();
    assert_eq!(until_deadline_ms(&table), 60_000 + 1_170);
    table.wait(61_169).tick();
    assert_eq!(table.game.outcome(), None);
    assert_eq!(table.clock_ms(Seat::White), 0);
    table.wait(1).tick();
    table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
    table.resume();
    // 5+0 has more quota than the grace may be long.
    let mut table = Table::new(setup().timed("300+0").people().build());
    table.play_all("e2e4 e7e5");
    assert_eq!(until_deadline_ms(&table), 300_000 + 2_000);
}

/// A move after zero counts if its lag explains that it came so late, and else it has lost on time.
#[test]
fn flag_spares_a_move_that_was_late_by_its_lag() {
    for (late, lag, left) in [
        (0, 1, Some(1)),
        (0, 0, None),
        (300, 390, Some(90)),
        (300, 301, Some(1)),
        (300, 300, None),
        (389, 60_000, Some(1)),
        (390, 60_000, None),
    ] {
        let mut table = bullet();
        table.wait(60_000 + late).tick();
        let command = table.move_of("g1f3");
        let answer = table.send_late(Seat::White, command, lag);
        match left {
            Some(left) => {
                assert_eq!(answer, Ok(3), "{late} {lag}");
                assert_eq!(table.clock_ms(Seat::White), left, "{late} {lag}");
                table.start_clock();
                assert_eq!(table.game.running(), Some(Seat::Black));
            }
            None => {
                assert_eq!(answer, Err(Refusal::MatchOver), "{late} {lag}");
                table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
            }
        }
        table.resume();
    }
}

/// The clock stands during a simple delay.
#[test]
fn delay_simple_lets_the_clock_stand() {
    let mut table = at_once("60+2d");
    assert_eq!(until_deadline_ms(&table), 62_000);
    table.wait(1_500);
    assert_eq!(table.clock_ms(Seat::White), 60_000);
    table.play("e2e4");
    assert_eq!(table.clock_ms(Seat::White), 60_000);
    table.wait(2_000).play("e7e5");
    assert_eq!(table.clock_ms(Seat::Black), 60_000);
    table.wait(5_000);
    assert_eq!(table.clock_ms(Seat::White), 57_000);
    // An event in mid-move neither ends the delay nor begins it anew.
    table.send(Seat::Black, CommandKind::OfferDraw).unwrap();
    table.wait(1_000).play("g1f3");
    assert_eq!(table.clock_ms(Seat::White), 56_000);
    table.wait(1_000);
    table.send(Seat::White, CommandKind::OfferTakeback).unwrap();
    table.wait(500).resume();
    table.game.carry_over(Duration::from_millis(500));
    table.start_clock().wait(1_500);
    assert_eq!(table.clock_ms(Seat::Black), 59_000);
    table.wait(59_000).tick();
    table.expect_end(Outcome::WhiteWins, Termination::TimeForfeit);
}

/// A Bronstein delay is given back with the move, as far as it was used.
#[test]
fn delay_of_bronstein_is_given_back() {
    let mut table = at_once("60+0+2b");
    assert_eq!(until_deadline_ms(&table), 60_000);
    table.wait(1_500);
    assert_eq!(table.clock_ms(Seat::White), 58_500);
    table.play("e2e4");
    assert_eq!(table.clock_ms(Seat::White), 60_000);
    table.wait(5_000);
    assert_eq!(table.clock_ms(Seat::Black), 55_000);
    // Also over an event in mid-move and another owner.
    table.send(Seat::White, CommandKind::OfferDraw).unwrap();
    table.resume().start_clock().play("e7e5");
    assert_eq!(table.clock_ms(Seat::Black), 57_000);
    table.wait(60_000).tick();
    table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
}

/// A takeback ends the move under way: its delay begins anew.
#[test]
fn delay_begins_anew_after_a_takeback() {
    for (text, shown) in [("60+2d", 60_000), ("60+0+2b", 59_000)] {
        let mut table = at_once(text);
        table.play_all("e2e4 e7e5").wait(30_000);
        table.send(Seat::White, CommandKind::OfferTakeback).unwrap();
        let accept = CommandKind::AcceptTakeback;
        table.send(Seat::Black, accept).unwrap();
        table.start_clock().wait(1_000);
        assert_eq!(table.clock_ms(Seat::White), shown, "{text}");
        table.play("d2d4");
        assert_eq!(table.clock_ms(Seat::White), 60_000, "{text}");
    }
}

/// Two moves in 60 s, then 30 s more; an increment of 5 s, then of 1 s.
#[test]
fn stages_add_their_time_when_the_last_move_of_the_former_is_made() {
    let mut table = at_once("2/60+5:30+1");
    table.wait(10_000).play("e2e4");
    assert_eq!(table.clock_ms(Seat::White), 55_000);
    table.play("e7e5").wait(10_000).play("a2a3");
    assert_eq!(table.clock_ms(Seat::White), 80_000);
    assert_eq!(table.clock_ms(Seat::Black), 65_000);
    table.wait(1_000).play("a7a6");
    assert_eq!(table.clock_ms(Seat::Black), 65_000 - 1_000 + 5_000 + 30_000);
    table.wait(10_000).play("b2b3");
    assert_eq!(table.clock_ms(Seat::White), 71_000);
    // The second stage is taken back with the move that began it, and begins again with the next.
    let mut table = at_once("2/60+5:30+1");
    table.play_all("e2e4 e7e5 a2a3");
    assert_eq!(table.clock_ms(Seat::White), 100_000);
    table.send(Seat::White, CommandKind::OfferTakeback).unwrap();
    table
        .send(Seat::Black, CommandKind::AcceptTakeback)
        .unwrap();
    assert_eq!(table.clock_ms(Seat::White), 65_000);
    table.resume().start_clock().wait(1_000).play("b2b3");
    assert_eq!(table.clock_ms(Seat::White), 99_000);
}

/// 40 moves in 90 min, then 30 min, 30 s a move from move 1; first moves are untimed, but count.
#[test]
fn stages_of_40_in_90_minutes() {
    let mut table = Table::new(setup().timed("40/5400+30:1800+30").build());
    let mut moves = quiet_moves();
    for uci in moves.by_ref().take(2 * 39) {
        table.play(&uci);
    }
    let before = 5_400_000 + 30_000 * 38;
    assert_eq!(table.clock_ms(Seat::White), before);
    table.wait(30_000).play(&moves.next().unwrap());
    assert_eq!(table.clock_ms(Seat::White), before + 1_800_000);
    assert_eq!(table.clock_ms(Seat::Black), before);
    table.play(&moves.next().unwrap());
    assert_eq!(table.clock_ms(Seat::Black), before + 30_000 + 1_800_000);
    // From then on it is the increment alone.
    table.play(&moves.next().unwrap());
    assert_eq!(table.clock_ms(Seat::White), before + 1_800_000 + 30_000);
}

/// Each seat may have a control of its own.
#[test]
fn unequal_controls_are_each_seats_own() {
    let setup = setup().controls(control("180+2"), control("60+0+1b"));
    let mut table = Table::new(setup.build());
    assert_eq!(table.clock_ms(Seat::White), 180_000);
    assert_eq!(table.clock_ms(Seat::Black), 60_000);
    assert_eq!(table.game.setup().speed(), Speed::Blitz, "of the slower");
    // The wait for a first move is by each side's own speed.
    table.start_clock();
    assert_eq!(until_deadline_ms(&table), 25_000);
    table.play("e2e4");
    assert_eq!(until_deadline_ms(&table), 20_000);
    table.play("e7e5").wait(5_000).play("a2a3");
    table.wait(5_000).play("a7a6");
    assert_eq!(table.clock_ms(Seat::White), 177_000);
    assert_eq!(table.clock_ms(Seat::Black), 56_000);
    let restored = Match::restore(table.game.snapshot(), &[]).unwrap();
    assert_eq!(restored.clocks(table.now), table.game.clocks(table.now));
}

/// Lag is compensated by each side's own control: 390 ms at 1+0, 1 s at 30+0.
#[test]
fn unequal_controls_have_quotas_of_their_own() {
    let setup = setup()
        .controls(control("60+0"), control("1800+0"))
        .people();
    let mut table = Table::new(setup.build());
    assert_eq!(quota_ms(&table, Seat::White), 1_170);
    assert_eq!(quota_ms(&table, Seat::Black), 3_000);
    table.play_all("e2e4 e7e5");
    play_late(&mut table, 5_000, "a2a3", 5_000);
    play_late(&mut table, 5_000, "a7a6", 5_000);
    assert_eq!(table.clock_ms(Seat::White), 55_390);
    assert_eq!(table.clock_ms(Seat::Black), 1_796_000);
}

/// Without initial time each side starts with the largest of its increment, a Bronstein delay and 3 s.
#[test]
fn bounds_without_initial_time() {
    for (text, start) in [
        ("0+1", 3_000),
        ("0+10", 10_000),
        ("0+0+7b", 7_000),
        ("0+7d", 3_000),
    ] {
        let table = at_once(text);
        assert_eq!(table.clock_ms(Seat::White), start, "{text}");
    }
}
