//! What variants do otherwise than standard chess. Names begin with the row of the table of variants.

use game_core::{
    InvalidSetup, MatchSetup, Outcome, Position, Seat, StartPosition, Termination, Uci, Variant,
};

use crate::table::{Table, setup};

mod chess960;
mod crazyhouse;
mod hostile;
mod material;

fn position(variant: Variant, fen: &str) -> Position {
    Position::from_fen(variant, fen).unwrap_or_else(|error| panic!("{variant} {fen}: {error}"))
}

fn start(variant: Variant, fen: &str) -> StartPosition {
    StartPosition::parse(variant, fen).unwrap_or_else(|error| panic!("{variant} {fen}: {error}"))
}

fn table(variant: Variant, fen: &str) -> Table {
    Table::new(MatchSetup {
        start: start(variant, fen),
        ..setup().build()
    })
}

fn uci(text: &str) -> Uci {
    text.parse().expect(text)
}

/// Every legal move, by its name.
fn moves(position: &Position) -> Vec<String> {
    let moves = position.legal_moves();
    moves.iter().map(|legal| legal.uci().to_string()).collect()
}

#[test]
fn every_variant_starts_from_its_own_position() {
    let usual = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR";
    for (variant, fen) in [
        (Variant::Standard, format!("{usual} w KQkq - 0 1")),
        (Variant::Crazyhouse, format!("{usual}[] w KQkq - 0 1")),
        (Variant::Antichess, format!("{usual} w - - 0 1")),
        (Variant::Atomic, format!("{usual} w KQkq - 0 1")),
        (Variant::KingOfTheHill, format!("{usual} w KQkq - 0 1")),
        (
            Variant::RacingKings,
            "8/8/8/8/8/8/krbnNBRK/qrbnNBRQ w - - 0 1".into(),
        ),
        (Variant::ThreeCheck, format!("{usual} w KQkq - 3+3 0 1")),
        (
            Variant::Horde,
            "rnbqkbnr/pppppppp/8/1PP2PP1/PPPPPPPP/PPPPPPPP/PPPPPPPP/PPPPPPPP w kq - 0 1".into(),
        ),
    ] {
        let initial = StartPosition::initial(variant);
        assert_eq!(initial.fen(), fen);
        assert_eq!(initial.variant(), variant);
        assert_eq!(initial.position().variant(), variant);
        assert!(initial.is_initial());
        assert_eq!(start(variant, &fen), initial);
    }
    assert_eq!(
        StartPosition::default(),
        StartPosition::initial(Variant::Standard)
    );
}

/// The same board is another position where other rules hold.
#[test]
fn positions_of_two_variants_are_never_equal() {
    let fen = "4k3/8/8/8/8/8/8/R3K3 w - - 0 1";
    for one in Variant::ALL {
        for other in Variant::ALL {
            let positions = [one, other].map(|variant| Position::from_fen(variant, fen).ok());
            if let [Some(a), Some(b)] = positions {
                assert_eq!(a == b, one == other, "{one} {other}");
            }
        }
    }
}

/// Variant, start, moves, and the end that the last of them brings about.
const ENDINGS: &[(Variant, &str, &str, Outcome, Termination)] = &[
    // No pieces, and no move: a win for the side to move.
    (
        Variant::Antichess,
        "8/8/8/8/8/p7/1P6/8 w - - 0 1",
        "b2a3",
        Outcome::BlackWins,
        Termination::VariantEnd,
    ),
    (
        Variant::Antichess,
        "8/8/8/p7/8/8/P7/8 w - - 0 1",
        "a2a4",
        Outcome::BlackWins,
        Termination::VariantEnd,
    ),
    // The king explodes, also with a capture that it does not stand beside alone.
    (
        Variant::Atomic,
        "3qk3/4p3/8/8/8/8/8/4R1K1 w - - 0 1",
        "e1e7",
        Outcome::WhiteWins,
        Termination::VariantEnd,
    ),
    // A mate is one in atomic chess as well.
    (
        Variant::Atomic,
        "6k1/5ppp/8/8/8/8/8/R3K3 w - - 0 1",
        "a1a8",
        Outcome::WhiteWins,
        Termination::Checkmate,
    ),
    // Each square of the hill.
    (
        Variant::KingOfTheHill,
        "8/8/8/8/8/3K4/8/k7 w - - 0 1",
        "d3d4",
        Outcome::WhiteWins,
        Termination::VariantEnd,
    ),
    (
        Variant::KingOfTheHill,
        "8/8/8/8/8/3K4/8/k7 w - - 0 1",
        "d3e4",
        Outcome::WhiteWins,
        Termination::VariantEnd,
    ),
    (
        Variant::KingOfTheHill,
        "8/8/3k4/8/8/8/8/K7 b - - 0 1",
        "d6d5",
        Outcome::BlackWins,
        Termination::VariantEnd,
    ),
    (
        Variant::KingOfTheHill,
        "8/8/3k4/8/8/8/8/K7 b - - 0 1",
        "d6e5",
        Outcome::BlackWins,
        Termination::VariantEnd,
    ),
    // Black cannot catch up; could and does not; catches up; is there first.
    (
        Variant::RacingKings,
        "8/7K/8/k7/8/8/8/8 w - - 0 1",
        "h7h8",
        Outcome::WhiteWins,
        Termination::VariantEnd,
    ),
    (
        Variant::RacingKings,
        "8/k6K/8/8/8/8/8/8 w - - 0 1",
        "h7h8 a7a6",
        Outcome::WhiteWins,
        Termination::VariantEnd,
    ),
    (
        Variant::RacingKings,
        "8/k6K/8/8/8/8/8/8 w - - 0 1",
        "h7h8 a7a8",
        Outcome::Draw,
        Termination::VariantEnd,
    ),
    (
        Variant::RacingKings,
        "8/k6K/8/8/8/8/8/8 b - - 0 1",
        "a7a8",
        Outcome::BlackWins,
        Termination::VariantEnd,
    ),
    // The third check, which prevails over the mate that it is; and a mate before it.
    (
        Variant::ThreeCheck,
        "4k3/8/8/8/8/8/8/R3K2R w - - 3+3 0 1",
        "a1a8 e8e7 a8a7 e7e8 h1h8",
        Outcome::WhiteWins,
        Termination::VariantEnd,
    ),
    (
        Variant::ThreeCheck,
        "6k1/5ppp/8/8/8/8/8/R3K3 w - - 1+3 0 1",
        "a1a8",
        Outcome::WhiteWins,
        Termination::VariantEnd,
    ),
    (
        Variant::ThreeCheck,
        "6k1/5ppp/8/8/8/8/8/R3K3 w - - 2+3 0 1",
        "a1a8",
        Outcome::WhiteWins,
        Termination::Checkmate,
    ),
    // Black captures all; White mates; who cannot move is stalemated.
    (
        Variant::Horde,
        "4k3/8/8/8/8/8/8/r2P4 b - - 0 1",
        "a1d1",
        Outcome::BlackWins,
        Termination::VariantEnd,
    ),
    (
        Variant::Horde,
        "k7/6Q1/1P6/8/8/8/8/8 w - - 0 1",
        "g7a7",
        Outcome::WhiteWins,
        Termination::Checkmate,
    ),
    (
        Variant::Horde,
        "4k3/8/8/8/8/p7/P7/8 b - - 0 1",
        "e8e7",
        Outcome::Draw,
        Termination::Stalemate,
    ),
    // What is usual stays so elsewhere: a dropped piece mates, and stalemate draws.
    (
        Variant::Crazyhouse,
        "6k1/5ppp/8/8/8/8/8/4K3[R] w - - 0 1",
        "R@a8",
        Outcome::WhiteWins,
        Termination::Checkmate,
    ),
    (
        Variant::KingOfTheHill,
        "7k/5K2/8/8/8/8/8/6Q1 w - - 0 1",
        "g1g6",
        Outcome::Draw,
        Termination::Stalemate,
    ),
    (
        Variant::Chess960,
        "2rkr3/2p1p3/2P1P3/8/8/8/8/1R2K3 w Q - 0 1",
        "e1b1",
        Outcome::WhiteWins,
        Termination::Checkmate,
    ),
    // A bare king cannot give check, so two of them are a dead position.
    (
        Variant::ThreeCheck,
        "8/8/8/4k3/8/8/3q4/4K3 w - - 3+3 0 1",
        "e1d2",
        Outcome::Draw,
        Termination::DeadPosition,
    ),
    // Bishops that never meet can neither be lost.
    (
        Variant::Antichess,
        "8/8/8/8/8/1p6/B7/b7 w - - 0 1",
        "a2b3",
        Outcome::Draw,
        Termination::DeadPosition,
    ),
    // Nothing is left that could explode beside a king.
    (
        Variant::Atomic,
        "4k3/8/8/3r4/8/8/7N/3R3K w - - 0 1",
        "d1d5",
        Outcome::Draw,
        Termination::DeadPosition,
    ),
];

#[test]
fn every_variant_ends_by_its_own_rules_before_the_usual_ones() {
    for (variant, fen, moves, outcome, termination) in ENDINGS {
        let mut table = table(*variant, fen);
        for uci in moves.split_whitespace() {
            let end = table.game.outcome();
            assert_eq!(end, None, "{variant} {fen}: over before {uci}");
            table.play(uci);
        }
        let end = table.game.outcome();
        assert_eq!(end, Some((*outcome, *termination)), "{variant} {fen}");
        table.expect_end(*outcome, *termination);
        let position = table.game.position();
        assert!(position.is_over(), "{variant} {fen}");
        let by_variant = *termination == Termination::VariantEnd;
        let winner = by_variant.then(|| outcome.winner());
        assert_eq!(position.variant_end(), winner, "{variant} {fen}");
        if by_variant {
            assert!(!position.is_checkmate() && !position.is_stalemate());
        }
    }
}

/// Where only kings are left, the one that comes to the hill or to the eighth rank first wins.
#[test]
fn king_of_the_hill_and_racing_kings_have_no_dead_position() {
    for (variant, fen, capture) in [
        (
            Variant::KingOfTheHill,
            "8/4k3/8/8/8/8/3q4/4K3 w - - 0 1",
            "e1d2",
        ),
        (
            Variant::RacingKings,
            "8/8/8/5k2/8/8/3n4/4K3 w - - 0 1",
            "e1d2",
        ),
    ] {
        let mut table = table(variant, fen);
        table.play(capture);
        assert_eq!(table.game.outcome(), None, "{variant}");
    }
}

#[test]
fn antichess_captures_are_compulsory() {
    let position = position(Variant::Antichess, "8/8/8/1p6/P7/8/8/R3K3 w - - 0 1");
    assert_eq!(moves(&position), ["a4b5"]);
}

#[test]
fn antichess_pawns_promote_to_king_and_kings_are_captured() {
    let mut table = table(Variant::Antichess, "8/P7/8/8/8/8/6n1/4k3 w - - 0 1");
    table.play("a7a8k");
    assert!(table.game.fen().starts_with("K7/"));
    let king = position(Variant::Antichess, "4k3/8/8/8/8/8/8/K3R3 w - - 0 1");
    assert!(
        king.resolve(uci("e1e8"))
            .is_some_and(|made| made.is_capture())
    );
    assert!(!king.is_check() && king.king_in_check().is_none());
}

#[test]
fn antichess_and_racing_kings_have_no_castling() {
    for variant in [Variant::Antichess, Variant::RacingKings] {
        let fen = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1";
        let refused = StartPosition::parse(variant, fen);
        assert!(
            matches!(&refused, Err(InvalidSetup::Position(why)) if why.contains("castling")),
            "{variant} {refused:?}"
        );
    }
    let antichess = position(Variant::Antichess, "8/8/8/8/8/8/8/4K2R w - - 0 1");
    assert!(antichess.resolve(uci("e1g1")).is_none());
}

#[test]
fn atomic_captures_explode_all_but_pawns_around_them() {
    let mut table = table(
        Variant::Atomic,
        "4k3/8/2npn3/2pqp3/2bpb3/8/5B2/4K3 w - - 0 1",
    );
    // The bishop on f2 takes the pawn on d4: itself, the pawn, queen and bishops beside it are gone.
    table.play("f2d4");
    assert_eq!(table.game.fen(), "4k3/8/2npn3/2p1p3/8/8/8/4K3 b - - 0 1");
}

#[test]
fn atomic_kings_do_not_capture_and_are_safe_beside_each_other() {
    let beside = position(Variant::Atomic, "8/8/8/8/8/3kp3/3KR3/8 w - - 0 1");
    assert!(!beside.is_check());
    assert!(beside.resolve(uci("d2e3")).is_none());
}

#[test]
fn racing_kings_do_not_give_check() {
    let position = position(Variant::RacingKings, "8/8/8/8/8/8/k7/6RK w - - 0 1");
    assert!(position.resolve(uci("g1g2")).is_none());
    assert!(position.resolve(uci("g1g3")).is_some());
}

#[test]
fn three_check_counts_what_is_left_of_both_sides() {
    let mut table = table(Variant::ThreeCheck, "4k3/8/8/8/8/8/8/R3K2r w - - 3+2 0 1");
    let left = |table: &Table| {
        [Seat::White, Seat::Black].map(|seat| table.game.position().checks_left(seat))
    };
    assert_eq!(left(&table), [Some(3), Some(2)]);
    table.play_all("e1e2 h1h2 e2e3 e8e7 a1a7");
    assert_eq!(left(&table), [Some(2), Some(1)]);
    assert_eq!(table.game.fen().split(' ').nth(4), Some("2+1"));
    assert_eq!(Position::default().checks_left(Seat::White), None);
}

#[test]
fn three_check_reads_both_notations_of_the_counts() {
    let fen = "4k3/8/8/8/8/8/8/R3K3 w Q - 2+3 4 5";
    let read = position(Variant::ThreeCheck, fen);
    assert_eq!(read.fen(), fen);
    for same in [
        "4k3/8/8/8/8/8/8/R3K3 w Q - 4 5 +1+0",
        "4k3/8/8/8/8/8/8/R3K3_w_Q_-_4_5_2+3",
    ] {
        assert_eq!(position(Variant::ThreeCheck, same), read);
    }
    let none = position(Variant::ThreeCheck, "4k3/8/8/8/8/8/8/R3K3 w Q - 4 5");
    assert_eq!(none.checks_left(Seat::White), Some(3));
}

#[test]
fn horde_pawns_step_twice_from_the_first_two_ranks() {
    let horde = position(Variant::Horde, "4k3/8/8/8/8/8/P7/2P5 w - - 0 1");
    let mut names = moves(&horde);
    names.sort();
    assert_eq!(names, ["a2a3", "a2a4", "c1c2", "c1c3"]);
    assert!(!horde.is_check());
}

/// Any legal FEN is a start in every variant, but not one that is decided.
#[test]
fn a_decided_position_is_no_start_in_any_variant() {
    for (variant, fen) in [
        (Variant::Chess960, "7k/5K2/6Q1/8/8/8/8/8 b - - 0 1"),
        (Variant::Crazyhouse, "R5k1/5ppp/8/8/8/8/8/4K3[] b - - 0 1"),
        (Variant::Antichess, "8/8/8/8/8/8/8/K7 w - - 0 1"),
        (Variant::Antichess, "8/8/8/8/8/8/8/K7 b - - 0 1"),
        (Variant::Antichess, "8/8/8/8/p7/P7/8/8 w - - 0 1"),
        (Variant::Antichess, "8/8/8/8/8/8/8/Bb6 w - - 0 1"),
        (Variant::Atomic, "8/8/8/8/8/8/8/R3K3 b - - 0 1"),
        (Variant::KingOfTheHill, "4k3/8/8/8/4K3/8/8/8 b - - 0 1"),
        (Variant::KingOfTheHill, "8/8/8/4k3/8/8/8/4K3 b - - 0 1"),
        (Variant::RacingKings, "7K/8/8/k7/8/8/8/8 b - - 0 1"),
        (Variant::RacingKings, "k7/8/8/7K/8/8/8/8 w - - 0 1"),
        (Variant::RacingKings, "k6K/8/8/8/8/8/8/8 w - - 0 1"),
        (Variant::ThreeCheck, "4k3/8/8/8/8/8/8/R3K3 w - - 0+3 0 1"),
        (Variant::ThreeCheck, "4k3/8/8/8/8/8/8/4K3 w - - 3+3 0 1"),
        (Variant::Horde, "4k3/8/8/8/8/8/8/8 w - - 0 1"),
        (Variant::Horde, "4k3/8/8/8/8/p7/P7/8 w - - 0 1"),
        (Variant::KingOfTheHill, "k7/8/8/8/8/8/8/K7 w - - 150 90"),
    ] {
        let refused = StartPosition::parse(variant, fen);
        assert_eq!(refused, Err(InvalidSetup::Over), "{variant} {fen}");
    }
    // White is on the eighth rank, and Black has one move to follow.
    start(Variant::RacingKings, "7K/k7/8/8/8/8/8/8 b - - 0 1");
}

/// What the FEN says is kept by the variant whole, or refused with the reason.
#[test]
fn fen_that_says_more_than_the_variant_keeps_is_refused() {
    let board = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR";
    let without = |gone: char| board.replacen(gone, "1", 1);
    for variant in Variant::ALL {
        let mut cases = vec![
            (format!("{board} w KQkqK - 0 1"), "twice"),
            (format!("{board} w KH - 0 1"), "twice"),
            (format!("{board} w - - 0 0"), "move number is 0"),
            (format!("{board} w - - 0 1 x"), ""),
            (format!("{board} w - - 3+3 0 1 x"), ""),
            (format!("{board} w - - 3+3 0 1 +0+0"), ""),
            (format!("{board} w - - {:0>160} 1", 1), "longer"),
        ];
        if variant == Variant::Crazyhouse {
            cases.extend([
                (board.replacen('P', "P~", 1) + "[] w - - 0 1", "promoted"),
                (board.replacen('K', "K~", 1) + "[] w - - 0 1", "promoted"),
            ]);
        } else {
            cases.extend([
                (format!("{}[N] w - - 0 1", without('N')), "pocket"),
                (format!("{board}[] w - - 0 1"), "pocket"),
                (format!("{board}/ w - - 0 1"), "pocket"),
                (board.replacen('Q', "Q~", 1) + " w - - 0 1", "promoted"),
            ]);
        }
        if variant == Variant::ThreeCheck {
            cases.extend([
                (format!("{board} w - - 4+3 0 1"), "checks"),
                (format!("{board} w - - 0 1 +0++0"), "checks"),
                (format!("{board} w - - 0 1 33"), "checks"),
            ]);
        } else {
            cases.push((format!("{board} w - - 3+3 0 1"), "must be a number"));
        }
        for (fen, why) in cases {
            let Err(InvalidSetup::Fen(said)) = StartPosition::parse(variant, &fen) else {
                panic!("{variant} {fen} was taken");
            };
            assert!(said.contains(why), "{variant} {fen}: {said}");
        }
    }
}
