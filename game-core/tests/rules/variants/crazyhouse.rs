//! Crazyhouse: pockets and drops.

use game_core::{Outcome, Refusal, Role, Seat, Termination, Variant};

use super::{moves, position, table, uci};

#[test]
fn crazyhouse_what_is_captured_changes_sides_and_is_dropped() {
    let mut table = table(Variant::Crazyhouse, "4k3/8/8/3n4/8/2N5/8/4K3[] w - - 0 1");
    table.play("c3d5");
    assert_eq!(table.game.position().pocket(Seat::White), [0, 1, 0, 0, 0]);
    assert_eq!(table.game.position().pocket(Seat::Black), [0; 5]);
    table.play_all("e8f8 N@f3");
    assert_eq!(table.game.fen(), "5k2/8/8/3N4/8/5N2/8/4K3[] b - - 2 2");
    let made = table.game.moves().last().unwrap().0;
    assert_eq!((made.origin(), made.role()), (None, Some(Role::Knight)));
}

#[test]
fn crazyhouse_a_promoted_piece_is_captured_as_a_pawn() {
    let mut table = table(Variant::Crazyhouse, "r3k3/1P6/8/8/8/8/8/4K3[] w - - 0 1");
    table.play("b7b8q");
    assert!(table.game.fen().starts_with("rQ~2k3/"));
    table.play("a8b8");
    assert_eq!(table.game.position().pocket(Seat::Black), [1, 0, 0, 0, 0]);
}

#[test]
fn crazyhouse_drops_are_made_where_they_may() {
    let mut names = moves(&position(
        Variant::Crazyhouse,
        "4k3/8/8/8/8/8/8/r3K3[PN] w - - 0 1",
    ));
    names.retain(|name| name.contains('@'));
    names.sort();
    // In check, only between; and no pawn on the first or the last rank.
    assert_eq!(names, ["N@b1", "N@c1", "N@d1"]);
    let free = position(Variant::Crazyhouse, "4k3/8/8/8/8/8/8/4K3[PN] w - - 0 1");
    for (name, is_legal) in [
        ("P@e2", true),
        ("P@e7", true),
        ("P@a1", false),
        ("P@a8", false),
        ("N@a1", true),
        ("N@e8", false),
        ("Q@a1", false),
    ] {
        assert_eq!(free.resolve(uci(name)).is_some(), is_legal, "{name}");
    }
    for (san, name) in [("N@f3", "N@f3"), ("@e4", "P@e4"), ("P@e4", "P@e4")] {
        let found = free.find(san.parse().unwrap()).expect(san);
        assert_eq!(found.uci(), uci(name));
        assert_eq!(found.origin(), None);
    }
    let standard = position(Variant::Standard, "4k3/8/8/8/8/8/8/R3K3 w - - 0 1");
    assert!(standard.resolve(uci("N@f3")).is_none());
    assert_eq!(standard.pocket(Seat::White), [0; 5]);
}

#[test]
fn crazyhouse_a_drop_that_the_pocket_lacks_is_refused() {
    let mut table = table(Variant::Crazyhouse, "4k3/8/8/8/8/8/P7/4K3[] w - - 0 1");
    let command = table.move_of("N@f3");
    assert_eq!(table.send(Seat::White, command), Err(Refusal::IllegalMove));
}

#[test]
fn crazyhouse_a_drop_may_parry_what_would_be_mate() {
    let mut table = table(Variant::Crazyhouse, "6k1/5ppp/8/8/8/8/8/4K3[Rn] w - - 0 1");
    table.play("R@a8");
    assert_eq!(table.game.outcome(), None);
    table.play("N@f8");
}

/// Each round both knights are captured and dropped again; the king that fills the move comes back in
/// the next round.
#[test]
fn crazyhouse_captures_are_not_irreversible() {
    let mut table = table(Variant::Crazyhouse, "3rk3/8/8/3n4/8/2N5/8/4K3[] w - - 0 1");
    for round in 0..8 {
        assert_eq!(table.game.outcome(), None, "over before round {round}");
        table.play_all("c3d5 d8d5 N@c3 d5d8");
        table.play(["e1f1", "f1e1"][round % 2]);
        table.play("N@d5");
    }
    table.expect_end(Outcome::Draw, Termination::FivefoldRepetition);
}

/// As on Lichess: a dropped pawn counts as a pawn move, another piece does not.
#[test]
fn crazyhouse_the_drop_of_a_pawn_resets_the_75_moves() {
    let fen = "4k3/8/8/8/8/8/8/4K3[PN] w - - 148 90";
    let mut table = table(Variant::Crazyhouse, fen);
    table.play("P@a4");
    assert_eq!(table.game.position().quiet_plies(), 0);
    let mut table = super::table(Variant::Crazyhouse, fen);
    table.play_all("N@a4 e8e7");
    table.expect_end(Outcome::Draw, Termination::SeventyFiveMoves);
}

#[test]
fn crazyhouse_fen_keeps_pockets_and_promoted_pieces() {
    for (given, kept) in [
        ("4k3/1Q~6/8/8/4b3/8/Kpp5/8[QNn] b - - 0 1", None),
        (
            "4k3/1Q~6/8/8/4b3/8/Kpp5/8/nNQ b - - 0 1",
            Some("4k3/1Q~6/8/8/4b3/8/Kpp5/8[QNn] b - - 0 1"),
        ),
        (
            "4k3/8/8/8/8/8/8/R3K3 w - - 0 1",
            Some("4k3/8/8/8/8/8/8/R3K3[] w - - 0 1"),
        ),
    ] {
        let read = position(Variant::Crazyhouse, given);
        let kept = position(Variant::Crazyhouse, kept.unwrap_or(given));
        assert_eq!(read, kept);
        assert_eq!(position(Variant::Crazyhouse, &read.fen()), read);
    }
    // Two positions are the same only if the pockets are.
    let keys = ["[N]", "[Nn]", "[]"].map(|pocket| {
        let fen = format!("4k3/8/8/8/8/8/8/R3K3{pocket} w - - 0 1");
        position(Variant::Crazyhouse, &fen).repetition_key()
    });
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
}
