//! Games that are read, and games that are not.

use super::*;

fn read_text(pgn: &str) -> Vec<Result<Game, Unplayable>> {
    let control = TimeControl::from_millis(60_000, 0).unwrap();
    read_games(pgn.as_bytes(), control).unwrap()
}

fn one(tags: &str, movetext: &str) -> Result<Game, Unplayable> {
    let pgn = format!("[Event \"x\"]\n{tags}\n\n{movetext}\n");
    read_text(&pgn).remove(0)
}

#[test]
fn endings_are_told_apart() {
    let result = |result: &str, termination: &str| {
        format!("[Result \"{result}\"]\n[Termination \"{termination}\"]")
    };
    let (white, black) = (Seat::White, Seat::Black);
    for (tags, movetext, expected) in [
        (
            result("0-1", "Normal"),
            "1. f3 e5 2. g4 Qh4# 0-1",
            Ending::ByTheRules,
        ),
        (
            result("0-1", "Normal"),
            "1. f3 e5 0-1",
            Ending::Resignation(white),
        ),
        (
            result("1-0", "Abandoned"),
            "1-0",
            Ending::Resignation(black),
        ),
        (
            result("1-0", "Time forfeit"),
            "1. f3 1-0",
            Ending::TimeForfeit(black),
        ),
        // The loser of the result, whoever is to move.
        (
            result("0-1", "Time forfeit"),
            "1. e4 e5 2. Nf3 0-1",
            Ending::Resignation(white),
        ),
        (
            result("1-0", "time forfeit"),
            "1. e4 e5 1-0",
            Ending::Resignation(black),
        ),
        (
            result("1/2-1/2", "Time forfeit"),
            "1. f3 1/2-1/2",
            Ending::TimeForfeit(black),
        ),
        (
            result("1/2-1/2", "Normal"),
            "1. f3 e5 1/2-1/2",
            Ending::Agreement,
        ),
    ] {
        assert_eq!(
            one(&tags, movetext).unwrap().ending,
            expected,
            "{tags} {movetext}"
        );
    }
}

/// FIDE 5.1.2 and 6.9: a match would end in a draw where the winner cannot mate.
#[test]
fn a_win_of_a_side_that_cannot_mate_is_skipped() {
    let tags = |result: &str, termination: &str| {
        format!(
            "[Result \"{result}\"]\n[Termination \"{termination}\"]\n[SetUp \"1\"]\n\
             [FEN \"4k3/8/8/8/8/8/8/3QK3 w - - 0 1\"]"
        )
    };
    for termination in ["Normal", "Time forfeit"] {
        let skip = one(&tags("0-1", termination), "1. Qd2 Ke7 0-1").unwrap_err();
        assert_eq!((skip.kind, skip.line), (SkipKind::Unsupported, 7));
        assert!(skip.why.contains("cannot mate"), "{}", skip.why);
        one(&tags("1-0", termination), "1. Qd2 Ke7 1-0").unwrap();
        one(&tags("1/2-1/2", termination), "1. Qd2 Ke7 1/2-1/2").unwrap();
    }
}

#[test]
fn a_game_is_read_with_its_clocks_and_its_castling() {
    let tags = "[Result \"1-0\"]\n[TimeControl \"300+3\"]\n[White \"A\"]\n[Black \"?\"]";
    let movetext = "1. e4 { [%clk 0:05:00] } e5 2. Nf3 { good [%clk 1:00:01.5] } (2. f4) Nc6 \
                    3. Bc4 Bc5 4. O-O 1-0";
    let game = one(tags, movetext).unwrap();
    assert_eq!(game.moves.last().unwrap().to_string(), "e1g1");
    assert_eq!(game.sans, ["e4", "e5", "Nf3", "Nc6", "Bc4", "Bc5", "O-O"]);
    let clocks: Vec<_> = game
        .clocks
        .iter()
        .flatten()
        .map(Duration::as_millis)
        .collect();
    assert_eq!(clocks, [300_000, 3_601_500]);
    assert_eq!(game.time_control.to_string(), "300+3");
    assert_eq!(game.player_name(Seat::White).as_deref(), Some("A"));
    assert_eq!(game.player_name(Seat::Black), None);
}

#[test]
fn a_fifth_repetition_ends_a_game() {
    let tags = "[Result \"1/2-1/2\"]";
    let shuffle = "Nf3 Nf6 Ng1 Ng8 ";
    let four = one(tags, &format!("{} 1/2-1/2", shuffle.repeat(3))).unwrap();
    assert_eq!(four.ending, Ending::Agreement);
    let five = one(tags, &format!("{} 1/2-1/2", shuffle.repeat(4))).unwrap();
    assert_eq!(five.ending, Ending::ByTheRules);
}

#[test]
fn what_cannot_be_played_says_why() {
    for (tags, movetext, why) in [
        ("[Result \"*\"]", "1. e4 *", "result"),
        ("[Result \"1-0\"]", "1. e5 1-0", "not legal"),
        ("[Result \"1-0\"]\n[Variant \"Shatranj\"]", "1-0", "variant"),
        (
            "[Result \"1-0\"]\n[Variant \"Chess960\"]",
            "1. e4 1-0",
            "no FEN tag",
        ),
        (
            "[Result \"1-0\"]\n[TimeControl \"fast\"]",
            "1-0",
            "time control",
        ),
        ("[Result \"1-0\"]\n[FEN \"nonsense\"]", "1-0", "nonsense"),
    ] {
        let unplayable = one(tags, movetext).unwrap_err();
        assert!(unplayable.why.contains(why), "{unplayable:?}");
    }
}

/// `moves` as UCI.
fn uci(game: &Game) -> String {
    let moves: Vec<_> = game.moves.iter().map(ToString::to_string).collect();
    moves.join(" ")
}

/// Each spelling of a game is the game.
#[test]
fn moves_are_read_however_they_are_spelt() {
    let italian = "e2e4 e7e5 g1f3 b8c6 f1c4 f8c5 e1g1";
    for movetext in [
        "1. e4 e5 2. Nf3 Nc6 3. Bc4 Bc5 4. O-O",
        "1. e2-e4 e7-e5 2. Ng1-f3 Nb8-c6 3. Bf1-c4 Bf8-c5 4. 0-0",
        "1. e2e4 e7e5 2. Ng1f3 Nb8c6 3. Bf1c4 Bf8c5 4. o-o",
        "1. e2–e4 e7–e5 2. Ng1–f3 Nb8–c6 3. Bf1–c4 Bf8–c5 4. O–O",
        "e2e4 e7e5 g1f3 b8c6 f1c4 f8c5 e1g1",
        "1. e4 e5 2. ♘f3 ♞c6 3. ♗c4 ♝c5 4. OO",
        "1. ♙e4 ♟e5 2. ♘\u{fe0e}f3 ♞\u{fe0f}c6 3. ♗c4 ♝c5 4. Kg1",
        "1. Pe4 Pe5 2. Nf3 Nc6 3. Bc4 Bc5 4. O-O",
        "1. e4 e5 2. nf3 nc6 3. Bc4 Bc5 4. Ke1-g1",
        "1. e4! e5?! 2. Nf3± Nc6 3. Bc4+ Bc5# 4. O-O!?",
        // German, Dutch, French, Spanish, Portuguese, Polish, Czech, Hungarian, Finnish, Russian.
        "1. e4 e5 2. Sf3 Sc6 3. Lc4 Lc5 4. O-O",
        "1. e4 e5 2. Pf3 Pc6 3. Lc4 Lc5 4. O-O",
        "1. e4 e5 2. Cf3 Cc6 3. Fc4 Fc5 4. O-O",
        "1. e4 e5 2. Cf3 Cc6 3. Ac4 Ac5 4. O-O",
        "1. e4 e5 2. Cf3 Cc6 3. Bc4 Bc5 4. O-O",
        "1. e4 e5 2. Sf3 Sc6 3. Gc4 Gc5 4. O-O",
        "1. e4 e5 2. Jf3 Jc6 3. Sc4 Sc5 4. O-O",
        "1. e4 e5 2. Hf3 Hc6 3. Fc4 Fc5 4. O-O",
        "1. e4 e5 2. Rf3 Rc6 3. Lc4 Lc5 4. O-O",
        "1. e4 e5 2. Кf3 Кc6 3. Сc4 Сc5 4. О-О",
    ] {
        let game = one("[Result \"1-0\"]", &format!("{movetext} 1-0"));
        let game = game.unwrap_or_else(|why| panic!("{movetext}: {why:?}"));
        assert_eq!(uci(&game), italian, "{movetext}");
        assert_eq!(game.sans[2], "Nf3");
    }
}

#[test]
fn captures_checks_promotions_and_en_passant_are_read_however_they_are_spelt() {
    let cases: [(&str, &str, &[&str]); 7] = [
        (
            "7k/P7/8/8/8/8/8/K7 w - - 0 1",
            "a7a8q",
            &[
                "a8=Q+", "a8Q+", "a8=Q", "a8(Q)", "a8/Q", "a7-a8Q", "a7a8q", "a8=♕", "a8=D",
                "a8Q++", "a8=q", "a8-Q ch",
            ],
        ),
        (
            "1n5k/P7/8/8/8/8/8/K7 w - - 0 1",
            "a7b8b",
            &[
                "axb8=B", "axb8B", "a7xb8b", "axb=B", "ab8B", "a:b8B", "a7b8b", "axb8(B)",
            ],
        ),
        (
            "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2",
            "e5d6",
            &[
                "exd6",
                "exd6 e.p.",
                "exd6e.p.",
                "exd6ep",
                "e5xd6",
                "exd",
                "ed",
                "ed6",
                "ed6:",
                "e5d6",
                "e:d6",
                "exd6 ep",
            ],
        ),
        (
            "r3k3/8/8/8/8/8/8/4K3 b q - 0 1",
            "e8c8",
            &[
                "O-O-O", "0-0-0", "o-o-o", "OOO", "000", "Kc8", "Ke8-c8", "e8c8", "e8a8", "O-O-O+",
            ],
        ),
        (
            "4k3/8/8/3p4/8/2N3N1/8/4K3 w - - 0 1",
            "c3d5",
            &[
                "Nxd5", "Nd5", "N:d5", "N×d5", "Nc3xd5", "Nc3d5", "Ncxd5", "N3xd5", "Nd5:", "Nd5+",
            ],
        ),
        (
            "4k3/8/8/8/R6R/8/8/4K3 w - - 0 1",
            "a4d4",
            &["Rad4", "Ra4d4", "Ra4-d4", "a4d4"],
        ),
        (
            "6k1/5ppp/8/8/8/8/8/R3K3 w - - 0 1",
            "a1a8",
            &[
                "Ra8#", "Ra8", "Ra8+", "Ra8++", "Ra8mate", "Ra8 mate", "Ra8†", "Ra8 #", "Ra8ch",
                "Ra8 ch.", "Ra8#!!",
            ],
        ),
    ];
    for (fen, expected, spellings) in cases {
        for spelling in spellings {
            let tags = format!("[Result \"1/2-1/2\"]\n[FEN \"{fen}\"]");
            let game = one(&tags, &format!("1. {spelling} 1/2-1/2"));
            let game = game.unwrap_or_else(|why| panic!("{spelling}: {why:?}"));
            assert_eq!(uci(&game), expected, "{spelling}");
        }
    }
}

#[test]
fn a_token_that_names_no_move_is_named_with_its_line() {
    let start = "4k3/P7/8/8/R6R/8/8/4K3 w - - 0 1";
    for (movetext, why) in [
        ("a8", "does not say what the pawn becomes"),
        ("a8=K", "cannot be read"),
        ("Rd4", "may be more than one move"),
        ("Nf3", "is not legal"),
        ("Rxa6", "is not legal"),
        ("a7b8=Q", "is not legal"),
        ("O-O", "is not legal"),
        ("--", "cannot be read"),
        ("Z0", "cannot be read"),
        ("R@a5", "cannot be read"),
        ("P-K4", "cannot be read"),
        ("Rad4,", "cannot be read"),
        ("Rad4 e.p.", "does not capture en passant"),
        ("Ra5xyz", "cannot be read"),
        ("é4", "cannot be read"),
        ("a8=Q=Q", "cannot be read"),
    ] {
        let tags = format!("[Result \"1-0\"]\n[FEN \"{start}\"]");
        let unplayable = one(&tags, &format!("1. {movetext} 1-0")).unwrap_err();
        assert!(unplayable.why.contains(why), "{movetext}: {unplayable:?}");
        let token = movetext.split(' ').next().unwrap();
        assert!(unplayable.why.contains(token), "{movetext}: {unplayable:?}");
        assert_eq!((unplayable.line, unplayable.kind), (5, SkipKind::Damaged));
    }
}

/// The letter of a pawn is the knight of the Dutch: where both make a game, which is meant is not known.
#[test]
fn piece_letters_that_make_two_games_are_refused() {
    let unplayable = one("[Result \"1-0\"]", "1. Pc3 Pf6 1-0").unwrap_err();
    assert!(
        unplayable.why.contains("English or Dutch"),
        "{unplayable:?}"
    );
    let german = one("[Result \"1-0\"]", "1. Sc3 Sf6 1-0").unwrap();
    assert_eq!(german.remarks.len(), 1, "{german:?}");
}

#[test]
fn the_mark_of_the_movetext_decides() {
    for (tag, movetext, outcome) in [
        ("1-0", "1. e4 e5 2. Nf3 0-1", Outcome::BlackWins),
        ("*", "1. f3 e5 2. g4 Qh4# 0-1", Outcome::BlackWins),
        ("?", "1. e4 1/2-1/2", Outcome::Draw),
    ] {
        let game = one(&format!("[Result \"{tag}\"]"), movetext).unwrap();
        assert_eq!(game.outcome, outcome);
        let remark = game.contradiction.unwrap();
        assert_eq!(remark.line, 2);
        assert!(remark.what.contains(tag), "{remark:?}");
    }
    for (tag, movetext) in [("1/2", "1. e4 ½-½"), ("1/2-1/2", "1. e4 1/2")] {
        let game = one(&format!("[Result \"{tag}\"]"), movetext).unwrap();
        assert_eq!((game.outcome, game.contradiction), (Outcome::Draw, None));
    }
    // Without the tag there is nothing to contradict.
    assert_eq!(
        one("[Round \"1\"]", "1. e4 1-0").unwrap().contradiction,
        None
    );
    let decided = one("[Result \"1-0\"]", "1. e4 *").unwrap_err();
    assert_eq!((decided.line, decided.kind), (2, SkipKind::Damaged));
    let unfinished = one("[Result \"*\"]", "1. e4 *").unwrap_err();
    assert_eq!(unfinished.kind, SkipKind::Unsupported);
}

#[test]
fn a_draw_at_the_length_limit_is_by_the_rules() {
    let file = include_str!("../../../../tests/data/pgn/length-limit/drawn.pgn");
    let game = read_text(file).remove(0).unwrap();
    assert_eq!(game.moves.len(), 1_200);
    assert_eq!(game.ending, Ending::ByTheRules);
    let text = |plies: usize| format!("{} 1/2-1/2", game.sans[..plies].join(" "));
    let shorter = one("[Result \"1/2-1/2\"]", &text(1_199)).unwrap();
    assert_eq!(shorter.ending, Ending::Agreement);
    let longer = format!("{} Nh3 Nh6 1/2-1/2", game.sans.join(" "));
    let longer = one("[Result \"1/2-1/2\"]", &longer).unwrap_err();
    assert!(longer.why.contains("1200 plies"), "{longer:?}");
    assert_eq!(longer.kind, SkipKind::Unsupported);
}

#[test]
fn a_game_that_goes_on_behind_its_end_is_named() {
    let shuffle = "Nf3 Nf6 Ng1 Ng8 ";
    for (movetext, why) in [
        (
            format!("{}e4 1/2-1/2", shuffle.repeat(4)),
            "fifth repetition",
        ),
        ("1. f3 e5 2. g4 Qh4# 3. a3 0-1".into(), "is not legal"),
    ] {
        let unplayable = one("[Round \"1\"]", &movetext).unwrap_err();
        assert!(unplayable.why.contains(why), "{unplayable:?}");
    }
    let dead = "[FEN \"4k3/8/8/8/8/8/4p3/4K3 w - - 0 1\"]";
    let unplayable = one(dead, "1. Kxe2 Ke7 1/2-1/2").unwrap_err();
    assert!(unplayable.why.contains("dead position"), "{unplayable:?}");
    assert_eq!(unplayable.kind, SkipKind::Unsupported);
}

#[test]
fn set_up_and_fen_belong_together() {
    let fen = "[FEN \"4k3/8/8/8/8/8/4P3/4K3 w - - 0 31\"]";
    assert!(one(fen, "31. e4 1-0").is_ok());
    assert!(one(fen, "1. e4 1-0").is_ok());
    for (tags, movetext, line) in [
        (format!("[SetUp \"0\"]\n{fen}"), "31. e4 1-0", 3),
        ("[SetUp \"1\"]".into(), "1. e4 1-0", 2),
        (fen.into(), "30. e4 1-0", 4),
        (String::new(), "12. Nf3 1-0", 4),
        (fen.replace("w -", "w - 3+3"), "31. e4 1-0", 2),
    ] {
        let unplayable = one(&tags, movetext).unwrap_err();
        assert_eq!(unplayable.line, line, "{tags}: {unplayable:?}");
        assert_eq!(unplayable.kind, SkipKind::Damaged);
    }
}

#[test]
fn names_are_made_fit_for_the_matchmaker() {
    for (tag, expected) in [
        ("\u{202e}A", Some("A")),
        ("Mei\u{ad}ster", Some("Meister")),
        ("  Ann  B. ", Some("Ann B.")),
        ("علی\u{200c}رضا", Some("علی\u{200c}رضا")),
        ("\u{3164}", None),
        ("\u{200b}?", None),
        ("", None),
    ] {
        let game = one(&format!("[White \"{tag}\"]"), "1. e4 1-0").unwrap();
        let name = game.player_name(Seat::White);
        assert_eq!(name.as_deref(), expected, "{tag:?}");
        assert!(name.is_none_or(|name| name::check(&name).is_ok()));
    }
}

/// The small files that were played short, refused or passed unplayed.
#[test]
fn the_files_of_the_test_data_are_played_as_they_stand_or_named() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/pgn");
    let italian = "e2e4 e7e5 g1f3 b8c6";
    let mate = "f2f3 e7e5 g2g4 d8h4";
    for (file, expected) in [
        ("cut-movetext/blank-between-moves", Ok(italian)),
        ("cut-movetext/quotes-in-tag", Ok(italian)),
        ("drops-moves/check-ch", Ok("e2e4 e7e5 f1c4 b8c6 c4f7")),
        ("drops-moves/figurine", Ok(italian)),
        (
            "drops-moves/german-letters",
            Ok("e2e4 e7e5 g1f3 b8c6 f1b5 g8f6"),
        ),
        ("drops-moves/long-algebraic", Ok(italian)),
        ("drops-moves/promotion-without-equals", Ok("a7a8q")),
        ("forfeit-side/x", Ok("e2e4 e7e5 g1f3")),
        ("invisible-name/rtl", Ok(mate)),
        ("invisible-name/soft-hyphen", Ok(mate)),
        ("one-bad-record/cut-off", Ok(mate)),
        ("one-bad-record/open-comment", Ok(mate)),
        ("result/differs", Ok("e2e4 e7e5 g1f3")),
        ("result/star", Ok(mate)),
        ("san-spelling/full-square", Ok("g1f3 d7d5")),
        ("san-spelling/no-check-sign", Ok(mate)),
        ("san-spelling/plus-for-mate", Ok(mate)),
        ("time-control/600", Ok(mate)),
        ("time-control/own-export", Ok("e2e4 e7e5 g1f3")),
        ("time-control/stages", Err("40/5400+30:1800+30")),
    ] {
        let control = TimeControl::from_millis(60_000, 0).unwrap();
        let games = read(&folder.join(file).with_extension("pgn"), control).unwrap();
        match (&games[0], expected) {
            (Ok(game), Ok(moves)) => assert_eq!(uci(game), moves, "{file}"),
            (Err(game), Err(why)) => assert!(game.why.contains(why), "{file}: {game:?}"),
            (got, _) => panic!("{file}: {got:?}"),
        }
        let rest: Vec<_> = games[1..]
            .iter()
            .map(|game| game.as_ref().unwrap_err().line)
            .collect();
        match file {
            "one-bad-record/cut-off" => assert_eq!(rest, [8]),
            "one-bad-record/open-comment" => assert_eq!(rest, [13]),
            _ => assert!(rest.is_empty(), "{file}"),
        }
        let game = games[0].as_ref().ok();
        if file.starts_with("result/") {
            assert_eq!(game.unwrap().contradiction.as_ref().unwrap().line, 4);
        }
        match (
            file,
            game.map(|game| (game.time_control.to_string(), game.ending)),
        ) {
            ("time-control/600", Some((control, _))) => assert_eq!(control, "600+0"),
            ("time-control/own-export", Some((control, _))) => assert_eq!(control, "10+0.1"),
            ("forfeit-side/x", Some((_, ending))) => {
                assert_eq!(ending, Ending::Resignation(Seat::White));
            }
            _ => {}
        }
    }
}

#[test]
fn the_server_s_pgn_is_read_as_it_must_be_and_not_generously() {
    let fit = "[Result \"1-0\"]\n\n1. e4 { [%clk 0:00:10] } 1... e5 { [%clk 0:00:10] } 1-0\n";
    let sans = ["e4", "e5"].map(str::to_owned).to_vec();
    assert_eq!(movetext(fit), Ok((sans, "1-0".to_owned())));
    for (pgn, why) in [
        ("", "no game"),
        ("[Result \"1-0\"]\n\n1. e4\n", "result mark"),
        ("[Result \"1-0\"]\n\n1. e4 0-1\n", "differs"),
        ("1. e4 0-1\n", "differs"),
        ("[Result \"1-0\"]\n\n1. e4 } 1-0\n", "cannot be read"),
        (
            "stray\n[Result \"1-0\"]\n\n1. e4 1-0\n",
            "no part of a game",
        ),
        (
            "[Result \"1-0\"]\n\n1. e4 1-0\n\n1. e4 1-0\n",
            "more than one",
        ),
    ] {
        let said = movetext(pgn).unwrap_err();
        assert!(said.contains(why), "{pgn}: {said}");
    }
}

/// PGN standard 8.2.2: the numbers are ornament. One that does not fit may still be a move that the file
/// has lost, and is named.
#[test]
fn a_number_that_does_not_fit_its_move_is_named() {
    for (tags, movetext, odd) in [
        ("", "1. e4 e5 2. Nf3 Nc6 1-0", None),
        ("", "1. e4 1... e5 2. Nf3 2... Nc6 1-0", None),
        (
            "",
            "1. e4 e5 3. Nf3 Nc6 1-0",
            Some("number 3 stands before move 2"),
        ),
        ("", "1. e4 2. e5 1-0", Some("number 2 stands before move 1")),
        (
            "",
            "1. e4 e5 12345 Nf3 1-0",
            Some("number 12345 stands before move 2"),
        ),
        (
            "[FEN \"4k3/8/8/8/8/8/8/R3K3 b - - 0 9\"]",
            "9... Ke7 10. Ra7+ 1-0",
            None,
        ),
        (
            "[FEN \"4k3/8/8/8/8/8/8/R3K3 b - - 0 9\"]",
            "1... Ke7 2. Ra7+ 1-0",
            None,
        ),
        (
            "[FEN \"4k3/8/8/8/8/8/8/R3K3 w - - 0 9\"]",
            "9. Ra7 Kf8 11. Ke2 1-0",
            Some("number 11 stands before move 10"),
        ),
    ] {
        let game = one(&format!("[Result \"1-0\"]\n{tags}"), movetext).unwrap();
        match (odd, game.remarks.as_slice()) {
            (None, remarks) => assert!(remarks.is_empty(), "{movetext}: {remarks:?}"),
            (Some(what), [remark]) => assert!(remark.what.contains(what), "{movetext}: {remark:?}"),
            (Some(_), remarks) => panic!("{movetext}: {remarks:?}"),
        }
    }
}

/// Moves that only variants have, and games that end by a variant's own rule, as Lichess names and spells them.
#[test]
fn games_of_all_variants_are_read() {
    const START_960: &str = "nbbrkrqn/pppppppp/8/8/8/8/PPPPPPPP/NBBRKRQN w KQkq - 0 1";
    const KING_TO_BE: &str = "8/P6k/8/8/8/8/8/8 w - - 0 1";
    for (name, fen, movetext, variant, ending) in [
        (
            "Chess960",
            START_960,
            "1. f4 f5 2. Qf2 Qf7 3. O-O 1-0",
            Variant::Chess960,
            Ending::Resignation(Seat::Black),
        ),
        (
            "Crazyhouse",
            "",
            "1. e4 d5 2. exd5 Qxd5 3. @e4 P@d4 4. Nf3 1-0",
            Variant::Crazyhouse,
            Ending::Resignation(Seat::Black),
        ),
        (
            "Antichess",
            KING_TO_BE,
            "1. a8=K Kg6 1-0",
            Variant::Antichess,
            Ending::Resignation(Seat::Black),
        ),
        (
            "Atomic",
            "",
            "1. Nf3 a6 2. Ne5 a5 3. Nxf7# 1-0",
            Variant::Atomic,
            Ending::ByTheRules,
        ),
        (
            "King of the Hill",
            "",
            "1. e3 e6 2. Ke2 Ke7 3. Kd3 Kd6 4. Kd4# 1-0",
            Variant::KingOfTheHill,
            Ending::ByTheRules,
        ),
        (
            "Racing Kings",
            "",
            "1. Kh3 Ka3 2. Kh4 1-0",
            Variant::RacingKings,
            Ending::Resignation(Seat::Black),
        ),
        (
            "Three-check",
            "",
            "1. e4 e5 2. Bc4 Bc5 3. Bxf7+ Kxf7 4. Qh5+ g6 5. Qxg6+ 1-0",
            Variant::ThreeCheck,
            Ending::ByTheRules,
        ),
        (
            "Horde",
            "",
            "1. b6 axb6 0-1",
            Variant::Horde,
            Ending::Resignation(Seat::White),
        ),
        (
            "From Position",
            "4k3/8/8/8/8/8/8/R3K3 w Q - 0 1",
            "1. O-O-O 1-0",
            Variant::Standard,
            Ending::Resignation(Seat::Black),
        ),
    ] {
        let result = movetext.rsplit(' ').next().unwrap();
        let mut tags = format!("[Result \"{result}\"]\n[Variant \"{name}\"]");
        if !fen.is_empty() {
            tags.push_str(&format!("\n[FEN \"{fen}\"]"));
        }
        let game = one(&tags, movetext).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!((game.variant, game.ending), (variant, ending), "{name}");
        assert_eq!(game.start_fen.as_deref().unwrap_or_default(), fen, "{name}");
    }
}
