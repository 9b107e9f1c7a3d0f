//! Both clocks, the wait for the first moves, and the fall of a flag.

use std::time::Duration;

use game_core::{
    ClockStart, CommandKind, Match, MatchTime, Outcome, Refusal, Seat, Termination, TimeControl,
};

use crate::table::{Table, setup};

const SECOND: u64 = 1000;

fn timed(initial_ms: u64, increment_ms: u64, clock_start: ClockStart) -> Table {
    let control = TimeControl::from_millis(initial_ms, increment_ms).unwrap();
    let setup = setup().time_control(control).clock_start(clock_start);
    Table::new(setup.build())
}

/// The deadline as time from now.
fn until_deadline(table: &Table) -> Option<Duration> {
    table.game.deadline().map(|at| at.since(table.now))
}

#[test]
fn nothing_counts_before_the_clock_is_started() {
    for clock_start in [ClockStart::AfterFirstMoves, ClockStart::AtOnce] {
        let mut table = timed(60 * SECOND, 0, clock_start);
        assert_eq!(table.game.deadline(), None);
        table.wait(1_000 * SECOND).tick();
        assert!(table.events.is_empty());
        assert_eq!(table.clock_ms(Seat::White), 60_000);
    }
}

#[test]
fn first_moves_are_not_timed_and_earn_no_increment() {
    let mut table = Table::initial();
    table.start_clock().wait(10 * SECOND).play("e2e4");
    assert_eq!(table.clock_ms(Seat::White), 180_000);
    assert_eq!(table.game.running(), None);
    table.wait(10 * SECOND).play("e7e5");
    assert_eq!(table.clock_ms(Seat::Black), 180_000);
    // White's clock starts when ply 2 is on the board.
    assert_eq!(table.game.running(), Some(Seat::White));
    table.wait(5 * SECOND).play("g1f3");
    assert_eq!(table.clock_ms(Seat::White), 177_000);
    assert_eq!(table.game.running(), Some(Seat::Black));
    table.wait(2_500);
    assert_eq!(table.clock_ms(Seat::Black), 177_500);
    table.play("b8c6");
    assert_eq!(table.clock_ms(Seat::Black), 179_500);
    let shown = table.events[3].clocks.remaining;
    assert_eq!(
        (shown.white.as_millis(), shown.black.as_millis()),
        (177_000, 179_500)
    );
    let recorded: Vec<_> = table.game.moves().map(|(_, clock)| clock).collect();
    assert_eq!(
        recorded,
        [180_000, 180_000, 177_000, 179_500].map(Duration::from_millis)
    );
}

#[test]
fn an_engine_match_is_timed_from_the_start() {
    let mut table = timed(60 * SECOND, SECOND, ClockStart::AtOnce);
    table.start_clock();
    assert_eq!(table.game.running(), Some(Seat::White));
    table.wait(3 * SECOND).play("e2e4");
    assert_eq!(table.clock_ms(Seat::White), 58_000);
    table.wait(60 * SECOND).tick();
    table.expect_end(Outcome::WhiteWins, Termination::TimeForfeit);
}

#[test]
fn without_initial_time_each_side_starts_with_its_increment() {
    for (increment_s, start_ms) in [(1, 3_000), (3, 3_000), (10, 10_000)] {
        let table = timed(0, increment_s * SECOND, ClockStart::AtOnce);
        assert_eq!(table.clock_ms(Seat::Black), start_ms);
    }
}

/// Time control, seconds for a first move.
const FIRST_MOVE: &[(u64, u64, u64)] = &[
    (15, 0, 15),
    (60, 0, 20),
    (180, 2, 25),
    (600, 0, 30),
    (1800, 20, 35),
];

#[test]
fn a_first_move_too_late_aborts_the_match() {
    for &(initial, increment, seconds) in FIRST_MOVE {
        for (moves, termination) in [
            ("", Termination::WhiteNoStart),
            ("e2e4", Termination::BlackNoStart),
        ] {
            let (initial, increment) = (initial * SECOND, increment * SECOND);
            let mut table = timed(initial, increment, ClockStart::AfterFirstMoves);
            table.start_clock().play_all(moves);
            assert_eq!(until_deadline(&table), Some(Duration::from_secs(seconds)));
            assert_eq!(table.game.running(), None);
            table.wait(seconds * SECOND - 1).tick();
            assert_eq!(table.game.outcome(), None);
            table.wait(1).tick();
            table.expect_end(Outcome::Aborted, termination);
            assert_eq!(table.clock_ms(Seat::White), u128::from(initial));
        }
    }
}

/// MATCH.md, "nobody comes": aborted after the first-move time, also with clocks that count at once and
/// hold less than that.
#[test]
fn a_match_to_which_nobody_comes_is_aborted_also_where_clocks_count_at_once() {
    for &(initial, increment, seconds) in FIRST_MOVE.iter().chain(&[(3, 0, 15), (10_800, 0, 35)]) {
        let mut table = unattended(initial * SECOND, increment * SECOND);
        let snapshot = table.game.snapshot();
        table.start_clock();
        assert_eq!(until_deadline(&table), Some(Duration::from_secs(seconds)));
        table.wait(seconds * SECOND - 1).tick();
        assert_eq!(table.game.outcome(), None);
        table.wait(1).tick();
        table.expect_end(Outcome::Aborted, Termination::WhiteNoStart);

        let restored = Match::restore(snapshot, &table.events).unwrap();
        assert_eq!(
            restored.outcome(),
            table.game.outcome(),
            "the record is believed"
        );
    }
}

/// An engine match that no player has joined.
fn unattended(initial_ms: u64, increment_ms: u64) -> Table {
    let mut table = timed(initial_ms, increment_ms, ClockStart::AtOnce);
    table.game = Match::new(table.game.setup().clone());
    table
}

#[test]
fn one_player_who_came_makes_the_clocks_of_an_engine_match_count() {
    let mut table = unattended(60 * SECOND, 0);
    table.start_clock().wait(5 * SECOND);
    table.game.attend();
    table.wait(55 * SECOND - 1).tick();
    assert_eq!(table.game.outcome(), None, "long after the first-move time");
    table.wait(1).tick();
    table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
}

#[test]
fn it_is_known_whose_clock_counts_next() {
    let mut table = Table::initial();
    for (uci, next) in [
        ("f2f3", None),
        ("e7e5", Some(Seat::White)),
        ("g2g4", Some(Seat::Black)),
        ("d8h4", None),
    ] {
        let command = table.move_of(uci);
        table.send(table.game.turn(), command).unwrap();
        assert_eq!(
            (table.game.running(), table.game.timed_seat()),
            (None, next)
        );
        table.start_clock();
        assert_eq!(table.game.running(), next);
    }
    let at_once = timed(60 * SECOND, 0, ClockStart::AtOnce);
    assert_eq!(at_once.game.timed_seat(), Some(Seat::White));
}

#[test]
fn black_may_be_the_first_to_move() {
    let fen = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1";
    let mut table = Table::from_fen(fen);
    table.start_clock().wait(25 * SECOND).tick();
    table.expect_end(Outcome::Aborted, Termination::BlackNoStart);

    let mut table = Table::from_fen(fen);
    table.play_all("e7e5 g1f3");
    assert_eq!(table.game.running(), Some(Seat::Black));
    table.wait(SECOND).play("b8c6");
    assert_eq!(table.clock_ms(Seat::Black), 181_000);
    assert_eq!(table.clock_ms(Seat::White), 180_000);
}

#[test]
fn starting_a_clock_that_counts_changes_nothing() {
    let mut table = Table::initial();
    table.start_clock().wait(20 * SECOND).start_clock();
    assert_eq!(until_deadline(&table), Some(Duration::from_secs(5)));
    table.play_all("e2e4 e7e5").wait(7 * SECOND).start_clock();
    assert_eq!(table.clock_ms(Seat::White), 173_000);
}

#[test]
fn the_next_side_pays_nothing_until_its_clock_is_started() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5 g1f3");
    let reply = table.move_of("b8c6");
    table.send(Seat::Black, reply).unwrap();
    assert_eq!(table.clock_ms(Seat::Black), 182_000);
    // The store takes 9 s to confirm, and White moves before its clock was ever started.
    table.wait(9 * SECOND);
    assert_eq!(table.game.running(), None);
    assert_eq!(table.game.deadline(), None);
    table.play("f1c4");
    assert_eq!(table.clock_ms(Seat::White), 184_000);
}

#[test]
fn a_flag_falls_when_the_time_is_used_up() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5");
    assert_eq!(until_deadline(&table), Some(Duration::from_secs(180)));
    table.wait(180 * SECOND - 1).tick();
    assert_eq!(table.game.outcome(), None);
    table.wait(1).tick().tick();
    table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
    assert_eq!(table.events.len(), 3);
    assert_eq!(table.events[2].clocks.remaining.white, Duration::ZERO);
}

#[test]
fn a_command_from_after_the_flag_finds_the_match_over() {
    for late in [0, 1, 1_000_000] {
        let mut table = Table::initial();
        table.play_all("e2e4 e7e5").wait(180 * SECOND + late);
        let command = table.move_of("g1f3");
        assert_eq!(table.send(Seat::White, command), Err(Refusal::MatchOver));
        table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
    }
    // A millisecond earlier it is in time.
    let mut table = Table::initial();
    table
        .play_all("e2e4 e7e5")
        .wait(180 * SECOND - 1)
        .play("g1f3");
    assert_eq!(table.clock_ms(Seat::White), 2_001);
}

#[test]
fn a_move_that_ends_the_match_earns_no_increment() {
    let mut table = Table::initial();
    table
        .play_all("f2f3 e7e5 g2g4")
        .wait(4 * SECOND)
        .play("d8h4");
    table.expect_end(Outcome::BlackWins, Termination::Checkmate);
    assert_eq!(table.clock_ms(Seat::Black), 176_000);
    assert_eq!(table.clock_ms(Seat::White), 182_000);
}

/// Position with White to move, whose flag then falls, and who wins.
const FLAGS: &[(&str, Outcome)] = &[
    ("8/8/8/4k3/8/8/8/3QK3", Outcome::Draw),
    ("8/8/8/4k3/7p/8/8/3QK3", Outcome::BlackWins),
    ("8/8/8/4k2r/8/8/8/3QK3", Outcome::BlackWins),
    // A lone knight cannot mate a king with a queen, but one hemmed in by its rook or pawn it can.
    ("8/8/8/4k2n/8/8/8/3QK3", Outcome::Draw),
    ("8/8/8/4k2n/8/8/8/3RK3", Outcome::BlackWins),
    ("8/8/8/4k2n/8/8/P7/4K3", Outcome::BlackWins),
    ("8/8/8/4k1nn/8/8/8/3QK3", Outcome::BlackWins),
    // A lone bishop cannot mate a king with a rook, but one beside its knight or pawn it can.
    ("8/8/8/4k2b/8/8/8/3RK3", Outcome::Draw),
    ("8/8/8/4k2b/8/8/8/N3K2R", Outcome::BlackWins),
    ("8/8/8/4k2b/8/8/P7/4K3", Outcome::BlackWins),
];

#[test]
fn a_flag_loses_unless_the_opponent_cannot_mate() {
    for (board, outcome) in FLAGS {
        let mut table = Table::at_once(&format!("{board} w - - 0 1"));
        table.start_clock().wait(180 * SECOND).tick();
        table.expect_end(*outcome, Termination::TimeForfeit);
    }
}

/// FIDE 5.1.2 has the same condition for a resignation as 6.9 for a flag.
#[test]
fn resigning_loses_unless_the_opponent_cannot_mate() {
    for (board, outcome) in FLAGS.iter().chain(RESIGNED) {
        let mut table = Table::at_once(&format!("{board} w - - 0 1"));
        table.start_clock();
        table.send(Seat::White, CommandKind::Resign).unwrap();
        table.expect_end(*outcome, Termination::Resignation);
        let drawn = *outcome == Outcome::Draw;
        let pgn = table.game.pgn("?");
        assert_eq!(pgn.contains("[Result \"1/2-1/2\"]"), drawn, "{pgn}");
        assert!(pgn.contains("[Termination \"Normal\"]"), "{pgn}");
        let again = game_core::Match::restore(table.game.snapshot(), &[]).unwrap();
        assert_eq!(again.outcome(), table.game.outcome());
    }
}

/// White resigns: a king and a queen, or a pawn, against a king alone, and a queen against a knight.
const RESIGNED: &[(&str, Outcome)] = &[
    ("4k3/8/8/8/8/8/8/3QK3", Outcome::Draw),
    ("4k3/8/8/8/8/8/4P3/4K3", Outcome::Draw),
    ("4k2n/8/8/8/8/8/8/3QK3", Outcome::Draw),
    ("4k3/7p/8/8/8/8/8/3QK3", Outcome::BlackWins),
];

#[test]
fn a_draw_offered_by_the_opponent_saves_who_runs_out_of_time() {
    for (offers, outcome) in [
        (Seat::Black, Outcome::Draw),
        (Seat::White, Outcome::BlackWins),
    ] {
        let mut table = Table::initial();
        table.play_all("e2e4 e7e5");
        table.send(offers, CommandKind::OfferDraw).unwrap();
        table.wait(180 * SECOND).tick();
        table.expect_end(outcome, Termination::TimeForfeit);
        assert_eq!(table.game.draw_offer(), None);
    }
}

#[test]
fn offers_and_refusals_spend_no_time_but_what_has_passed() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5").wait(3 * SECOND);
    table.send(Seat::Black, CommandKind::OfferDraw).unwrap();
    assert_eq!(table.events[2].clocks.remaining.white.as_millis(), 177_000);
    table.wait(3 * SECOND);
    table
        .send(Seat::White, CommandKind::Abort)
        .expect_err("too late");
    table.send(Seat::White, CommandKind::DeclineDraw).unwrap();
    table.wait(3 * SECOND);
    assert_eq!(table.clock_ms(Seat::White), 171_000);
    assert_eq!(until_deadline(&table), Some(Duration::from_secs(171)));
    table.play("g1f3");
    assert_eq!(table.clock_ms(Seat::White), 173_000);
}

#[test]
fn the_end_of_time_is_no_panic() {
    let mut table = Table::initial();
    table.now = MatchTime::from_micros(u64::MAX - 1);
    table.play_all("e2e4 e7e5 g1f3");
    table.now = MatchTime::from_micros(u64::MAX);
    table.tick();
    assert!(table.game.outcome().is_some());
}

#[test]
fn the_time_of_a_move_is_carried_over_to_another_owner() {
    let mut table = timed(60 * SECOND, 0, ClockStart::AtOnce);
    table.start_clock().wait(10 * SECOND).play("e2e4");
    table.wait(7 * SECOND);
    let counted = table.game.move_time(table.now);
    assert_eq!(counted, Duration::from_secs(7));
    let mut next = game_core::Match::restore(table.game.snapshot(), &[]).unwrap();
    next.carry_over(counted);
    // On a clock of another origin.
    table.game = next;
    table.now = MatchTime::from_micros(5);
    assert_eq!(table.clock_ms(Seat::Black), 53_000);
    assert_eq!(table.game.move_time(table.now), counted);
    table.start_clock().wait(3 * SECOND);
    assert_eq!(table.game.move_time(table.now), Duration::from_secs(10));
    table.play("e7e5");
    assert_eq!(table.clock_ms(Seat::Black), 50_000);
    table.wait(SECOND);
    assert_eq!(table.game.move_time(table.now), Duration::from_secs(1));
}

#[test]
fn the_wait_for_a_first_move_is_carried_over_too() {
    let mut table = timed(180 * SECOND, 2 * SECOND, ClockStart::AfterFirstMoves);
    table.start_clock().wait(15 * SECOND);
    let counted = table.game.move_time(table.now);
    assert_eq!(counted, Duration::from_secs(15));
    let mut next = game_core::Match::restore(table.game.snapshot(), &[]).unwrap();
    next.carry_over(counted);
    table.game = next;
    assert_eq!(table.game.move_time(table.now), counted);
    table.start_clock();
    assert_eq!(until_deadline(&table), Some(Duration::from_secs(10)));
    table.wait(4 * SECOND).play("e2e4");
    assert_eq!(table.game.move_time(table.now), Duration::ZERO);
    assert_eq!(until_deadline(&table), Some(Duration::from_secs(25)));
    assert_eq!(table.clock_ms(Seat::White), 180_000);
}

/// Row "time stamp": what counts is when a command was received, not when a queue got to it.
#[test]
fn time_stamp_is_that_of_the_receipt() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5");
    let received = table.now + Duration::from_millis(180 * SECOND - 1);
    table.wait(200 * SECOND);
    let command = table.move_of("g1f3");
    assert_eq!(
        table.send_with(Seat::White, 900, command, received.into()),
        Ok(3)
    );
    assert_eq!(table.events[2].at, received);
    assert_eq!(table.clock_ms(Seat::White), 2_001);
    assert_eq!(table.game.outcome(), None);
}

/// Row "resolution": microseconds inside.
#[test]
fn resolution_is_a_microsecond() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5");
    for uci in ["g1f3", "b8c6", "f1c4"] {
        table.now = table.now + Duration::from_micros(1);
        table.play(uci);
    }
    let left = table.events.last().unwrap().clocks.remaining;
    assert_eq!(left.white, Duration::from_micros(184_000_000 - 2));
    assert_eq!(left.black, Duration::from_micros(182_000_000 - 1));
    table.resume();
    assert_eq!(table.game.clocks(table.now), left);
}

/// What each move was charged is what the clocks lost, without what they gained.
#[test]
fn the_time_of_each_move_follows_from_the_clocks() {
    let mut table = Table::initial();
    table.start_clock().wait(10 * SECOND).play("e2e4");
    table.wait(10 * SECOND).play("e7e5");
    table.wait(5 * SECOND).play("d1h5");
    table.wait(2_500).play("b8c6");
    table.wait(1_250).play("f1c4");
    table.wait(SECOND).play("g8f6");
    table.wait(3 * SECOND).play("h5f7");
    assert_eq!(
        table.game.outcome(),
        Some((Outcome::WhiteWins, Termination::Checkmate))
    );
    let timed = |ms| Some(Duration::from_millis(ms));
    let expected = [
        None,
        None,
        timed(5_000),
        timed(2_500),
        timed(1_250),
        timed(1_000),
        timed(3_000),
    ];
    assert_eq!(table.game.charged_times(), expected);
}

/// A stage's time is added when its last move is made.
#[test]
fn the_time_of_a_move_that_ends_a_stage_is_not_that_of_the_stage() {
    let control: TimeControl = "2/60:60".parse().unwrap();
    let mut table = Table::new(setup().time_control(control).at_once().build());
    table.start_clock();
    for (text, ms) in [
        ("e2e4", 4_000),
        ("e7e5", 5_000),
        ("g1f3", 6_000),
        ("b8c6", 7_000),
    ] {
        table.wait(ms).play(text);
    }
    let expected = [4_000, 5_000, 6_000, 7_000].map(|ms| Some(Duration::from_millis(ms)));
    assert_eq!(table.game.charged_times(), expected);
}
