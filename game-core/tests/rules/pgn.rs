//! PGN export: tags, numbering, clocks. That whole games read back is shown by the recorded games.

use std::collections::BTreeMap;

use game_core::{
    CommandKind, Match, MatchSetup, MatchTags, Player, Seat, StartPosition, TimeControl,
    UnixMillis, Variant,
};

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
[GameId "100000000000"]
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

/// The tags of a match without moves, by name.
fn tags(setup: MatchSetup) -> BTreeMap<String, String> {
    let pgn = Match::new(setup).pgn(SITE);
    games::read(pgn.as_bytes()).unwrap().remove(0).tags
}

/// PGN standard 9.1: who has no rating has `-`.
#[test]
fn pgn_names_ratings_and_bots() {
    let player = |id: &str, rating, is_bot| Player {
        id: id.parse().unwrap(),
        name: id.into(),
        rating,
        is_bot,
    };
    let people = player("anna", Some(1_871), false);
    let tags = tags(setup().players(people, player("bot", None, true)).build());
    assert_eq!(tags["WhiteElo"], "1871");
    assert_eq!(tags["BlackElo"], "-");
    assert_eq!(tags.get("WhiteTitle"), None);
    assert_eq!(tags["BlackTitle"], "BOT");
}

#[test]
fn pgn_has_the_tags_that_were_agreed() {
    let mut setup = setup().rated().build();
    assert_eq!(tags(setup.clone())["Event"], "Rated blitz match");
    setup.tags = Some(Box::new(MatchTags {
        event: Some("Club \"open\"".into()),
        round: Some("3.1".into()),
        board: Some("7".into()),
        site: Some("Berlin GER".into()),
    }));
    setup.start_at = Some(UnixMillis(1_746_144_000_000));
    let tags = tags(setup);
    for (name, value) in [
        ("Event", "Club \"open\""),
        ("Site", "Berlin GER"),
        ("Round", "3.1"),
        ("Board", "7"),
        // Play began later than the match was made.
        ("Date", "2025.05.02"),
        ("UTCDate", "2025.05.02"),
        ("UTCTime", "00:00:00"),
        ("Result", "*"),
    ] {
        assert_eq!(tags[name], value, "{name}");
    }
}

/// PGN standard 9.6.1, with stages and fractions of a second.
#[test]
fn pgn_writes_time_controls_as_the_standard_has_it() {
    for control in ["180+2", "40/5400+30:1800+30", "0.5+0.1", "300+2d"] {
        let tags = tags(setup().timed(control).build());
        assert_eq!(tags["TimeControl"], control);
    }
    let control = |text: &str| text.parse::<TimeControl>().unwrap();
    let unequal = setup().controls(control("180+2"), control("60+0"));
    let tags = tags(unequal.build());
    assert_eq!(tags["TimeControl"], "?");
    assert_eq!(tags["WhiteTimeControl"], "180+2");
    assert_eq!(tags["BlackTimeControl"], "60+0");
}

/// The names of the table of variants; FEN and `SetUp` wherever the start is not the variant's own,
/// and always in Chess960.
#[test]
fn pgn_names_the_variant_and_its_start() {
    for variant in Variant::ALL {
        let initial = tags(setup().variant(variant).build());
        assert_eq!(initial.get("Variant").map(String::as_str), variant.pgn());
        let has_start = variant == Variant::Chess960;
        assert_eq!(initial.contains_key("SetUp"), has_start, "{variant}");
        assert_eq!(initial.contains_key("FEN"), has_start, "{variant}");

        let start = StartPosition::initial(variant);
        let mut position = start.position();
        let first = position.legal_moves()[0];
        position.play(first);
        let fen = position.fen();
        let other = tags(setup().variant(variant).start(&fen).build());
        let name = variant.pgn().unwrap_or("From Position");
        assert_eq!(other["Variant"], name);
        assert_eq!(other["SetUp"], "1");
        assert_eq!(other["FEN"], fen);
    }
}

/// What was taken back is no part of the record.
#[test]
fn pgn_has_the_moves_that_stand() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5").wait(3_000).play("g1f3");
    table.send(Seat::White, CommandKind::OfferTakeback).unwrap();
    table
        .send(Seat::Black, CommandKind::AcceptTakeback)
        .unwrap();
    table.start_clock().play("d2d4");
    let pgn = table.game.pgn(SITE);
    let read = &games::read(pgn.as_bytes()).unwrap()[0];
    assert_eq!(read.sans, ["e4", "e5", "d4"]);
    assert_eq!(read.clocks_s, [180, 180, 182]);
}

#[test]
fn pgn_says_how_a_match_ended_that_was_claimed() {
    let mut gone = Table::initial();
    gone.play_all("e2e4 e7e5");
    gone.game.left(Seat::White, true, gone.now);
    gone.wait(10_000);
    gone.send(Seat::Black, CommandKind::ClaimWin).unwrap();
    let mut drawn = Table::initial();
    drawn.play_all("g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8");
    drawn.send(Seat::White, CommandKind::ClaimDraw).unwrap();
    for (table, result, termination) in [(gone, "0-1", "Abandoned"), (drawn, "1/2-1/2", "Normal")] {
        let read = &games::read(table.game.pgn(SITE).as_bytes()).unwrap()[0];
        assert_eq!(read.tag("Result"), result);
        assert_eq!(read.tag("Termination"), termination);
    }
}
