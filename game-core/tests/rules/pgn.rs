//! PGN export: tags, numbering, clocks. That whole games read back is shown by the recorded games.

use game_core::{CommandKind, Player, Seat};

use crate::games;
use crate::table::{Table, setup};

const SITE: &str = "https://play.example/0123456789ab";

#[test]
fn a_match_as_a_whole() {
    let mut table = Table::initial();
    table
        .play_all("f2f3 e7e5")
        .wait(61_001)
        .play("g2g4")
        .play("d8h4");
    assert_eq!(
        table.game.pgn(SITE),
        r#"[Event "Casual blitz match"]
[Site "https://play.example/0123456789ab"]
[Date "2025.05.01"]
[Round "-"]
[White "anna"]
[Black "bert"]
[Result "0-1"]
[UTCDate "2025.05.01"]
[UTCTime "00:00:06"]
[WhiteElo "-"]
[WhiteTitle "BOT"]
[BlackElo "-"]
[BlackTitle "BOT"]
[TimeControl "180+2"]
[Termination "Normal"]

1. f3 { [%clk 0:03:00] } 1... e5 { [%clk 0:03:00] } 2. g4 { [%clk 0:02:00] }
2... Qh4# { [%clk 0:03:00] } 0-1
"#
    );
}

#[test]
fn a_match_that_black_begins_in_a_position_of_its_own() {
    let fen = "4k3/8/8/8/8/8/4P3/4K3 b - - 5 39";
    let mut table = Table::from_fen(fen);
    table.play_all("e8e7 e2e4");
    let pgn = table.game.pgn(SITE);
    let (tags, movetext) = pgn.split_once("\n\n").unwrap();
    assert!(
        tags.ends_with(&format!("[SetUp \"1\"]\n[FEN \"{fen}\"]")),
        "{tags}"
    );
    assert_eq!(
        movetext,
        "39... Ke7 { [%clk 0:03:00] } 40. e4 { [%clk 0:03:00] } *\n"
    );
}

#[test]
fn result_and_termination_say_how_it_stands() {
    let playing = || {
        let mut table = Table::initial();
        table.play_all("e2e4 e7e5");
        table
    };
    let mut resigned = playing();
    resigned.send(Seat::White, CommandKind::Resign).unwrap();
    let mut agreed = playing();
    agreed.send(Seat::White, CommandKind::OfferDraw).unwrap();
    agreed.send(Seat::Black, CommandKind::AcceptDraw).unwrap();
    let mut flagged = playing();
    flagged.wait(180_000).tick();
    let mut aborted = Table::initial();
    aborted.send(Seat::Black, CommandKind::Abort).unwrap();
    let mut unstarted = Table::initial();
    unstarted.start_clock().wait(25_000).tick();
    for (table, result, termination) in [
        (playing(), "*", "Unterminated"),
        (resigned, "0-1", "Normal"),
        (agreed, "1/2-1/2", "Normal"),
        (flagged, "0-1", "Time forfeit"),
        (aborted, "*", "Abandoned"),
        (unstarted, "*", "Abandoned"),
    ] {
        let pgn = table.game.pgn(SITE);
        let read = &games::read(pgn.as_bytes()).unwrap()[0];
        assert_eq!(read.tag("Result"), result);
        assert_eq!(read.tag("Termination"), termination);
        assert_eq!(read.result, result);
    }
}

#[test]
fn a_tag_value_may_hold_anything() {
    let long = "x".repeat(1000);
    for (name, written) in [
        (r#"a "quoted" name"#, r#"a "quoted" name"#),
        (r"back\slash", r"back\slash"),
        (r#"\"]"#, r#"\"]"#),
        (r"\\\", r"\\\"),
        ("two\r\nlines\tand a\0nul", "two  lines and a nul"),
        ("\u{2028}[Result \"1-0\"]", " [Result \"1-0\"]"),
        ("Zoë Ödegård 象棋", "Zoë Ödegård 象棋"),
        ("", "?"),
        (&long, &long[..219]),
    ] {
        let player = |id: &str| Player {
            id: id.parse().unwrap(),
            name: name.into(),
            rating: None,
            is_bot: false,
        };
        let setup = setup().players(player("a"), player("b"));
        let mut table = Table::new(setup.build());
        table.play_all("e2e4 e7e5");
        let pgn = table.game.pgn(name);
        let read = games::read(pgn.as_bytes()).unwrap();
        assert_eq!(read.len(), 1, "{pgn}");
        assert_eq!(read[0].sans, ["e4", "e5"]);
        assert_eq!(read[0].tag("Result"), "*");
        for tag in ["Site", "White", "Black"] {
            assert_eq!(read[0].tag(tag), written);
        }
    }
}

#[test]
fn long_clocks_and_far_dates_have_a_form() {
    let setup = setup().timed("10800+180").at_once();
    let mut table = Table::new(setup.created_at(u64::MAX).build());
    table.play("e2e4");
    let pgn = table.game.pgn(SITE);
    assert!(pgn.contains("1. e4 { [%clk 3:03:00] } *"), "{pgn}");
    assert!(pgn.contains("[Date \"????.??.??\"]"), "{pgn}");
}

#[test]
fn moves_are_named_as_in_the_record() {
    let mut table = Table::initial();
    table.play_all("f2f3 e7e5 g2g4 d8h4");
    assert_eq!(table.game.moves_in_san(), ["f3", "e5", "g4", "Qh4#"]);
}
