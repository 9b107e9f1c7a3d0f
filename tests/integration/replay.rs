//! All 200 games of the data set, played as matches by two clients each.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use store::testing::RedisServer;
use tests::process::{self, Server};

const LIMIT: Duration = Duration::from_secs(240);

/// The replay ended well: every game, no mismatch, no error.
pub(crate) fn check(output: &Output) -> Value {
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let report: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}\n{complained}"));
    assert_eq!(report["games"], 200, "{said}\n{complained}");
    assert_eq!(report["mismatches"], 0, "{said}\n{complained}");
    assert_eq!(report["errors"], 0, "{said}\n{complained}");
    assert!(output.status.success(), "{said}\n{complained}");
    report
}

fn replay_twice(server: &Server) {
    let games = tests::games_file();
    let games = games.to_str().unwrap();
    let url = &server.ready.matchmaker;
    for _ in 0..2 {
        let args = ["replay", "--matchmaker", url, "--pgn", games, "--json"];
        let report = check(&process::run("bot-client", &args, LIMIT));
        assert!(report["plies"].as_u64() > Some(10_000), "{report}");
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn two_hundred_games_twice_on_the_embedded_store() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    replay_twice(&Server::embedded());
}

#[test]
fn two_hundred_games_twice_on_redis() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let redis = RedisServer::start();
    replay_twice(&Server::on_redis(&redis.url()));
}

/// Plays a file of the test data; the exit code and the report.
fn replay_file(server: &Server, file: &str) -> (Option<i32>, Value) {
    let path = tests::data_dir().join("pgn").join(file);
    replay_path(server, path.to_str().unwrap())
}

fn replay_path(server: &Server, path: &str) -> (Option<i32>, Value) {
    let url = &server.ready.matchmaker;
    let args = ["replay", "--matchmaker", url, "--pgn", path, "--json"];
    let output = process::run("bot-client", &args, LIMIT);
    let said = String::from_utf8_lossy(&output.stdout);
    let report = serde_json::from_str(&said).unwrap_or_else(|error| {
        panic!(
            "{path}: {error}: {said}\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (output.status.code(), report)
}

/// Every small file is played as it stands, or its game is named with its line and the reason.
#[test]
fn odd_files_are_played_as_they_stand_or_their_games_are_named() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let server = Server::embedded();
    for (file, plies) in [
        ("cut-movetext/blank-between-moves.pgn", 4),
        ("cut-movetext/quotes-in-tag.pgn", 4),
        ("drops-moves/check-ch.pgn", 5),
        ("drops-moves/figurine.pgn", 4),
        ("drops-moves/german-letters.pgn", 6),
        ("drops-moves/long-algebraic.pgn", 4),
        ("drops-moves/promotion-without-equals.pgn", 1),
        ("forfeit-side/x.pgn", 3),
        ("invisible-name/rtl.pgn", 4),
        ("invisible-name/soft-hyphen.pgn", 4),
        ("length-limit/drawn.pgn", 1_200),
        ("san-spelling/full-square.pgn", 2),
        ("san-spelling/no-check-sign.pgn", 4),
        ("san-spelling/plus-for-mate.pgn", 4),
        ("time-control/600.pgn", 4),
        ("time-control/own-export.pgn", 3),
    ] {
        let (code, report) = replay_file(&server, file);
        assert_eq!(code, Some(0), "{file}: {report}");
        assert_eq!(report["games"], 1, "{file}: {report}");
        assert_eq!(report["plies"], plies, "{file}: {report}");
        assert_eq!(report["skipped"], 0, "{file}: {report}");
    }
    // A damaged record is named by game and line, and the others are played.
    for (file, line) in [("cut-off.pgn", 8), ("open-comment.pgn", 13)] {
        let (code, report) = replay_file(&server, &format!("one-bad-record/{file}"));
        assert_eq!(code, Some(1), "{report}");
        assert_eq!(
            (&report["games"], &report["skipped"]),
            (&1.into(), &1.into())
        );
        assert_eq!(report["skips"][0]["game"], 2, "{report}");
        assert_eq!(report["skips"][0]["line"], line, "{report}");
        assert_eq!(report["skips"][0]["kind"], "damaged", "{report}");
    }
    // The movetext decides, and the contradiction is named.
    for file in ["differs.pgn", "star.pgn"] {
        let (code, report) = replay_file(&server, &format!("result/{file}"));
        assert_eq!(code, Some(1), "{report}");
        assert_eq!(
            (&report["games"], &report["mismatches"]),
            (&1.into(), &0.into())
        );
        assert_eq!(report["contradictions"], 1, "{report}");
        assert_eq!(report["remarks"][0]["line"], 4, "{report}");
    }
    let (code, report) = replay_file(&server, "time-control/stages.pgn");
    assert_eq!(code, Some(2), "nothing was played: {report}");
    assert_eq!(report["skipped"], 1);
    let reason = report["skips"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("40/5400+30:1800+30"), "{reason}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// The report for people names the same.
#[test]
fn a_damaged_record_is_named_in_words() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let server = Server::embedded();
    let path = tests::data_dir().join("pgn/one-bad-record/open-comment.pgn");
    let url = &server.ready.matchmaker;
    let args = [
        "replay",
        "--matchmaker",
        url,
        "--pgn",
        path.to_str().unwrap(),
    ];
    let output = process::run("bot-client", &args, LIMIT);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("game 2, line 13: damaged, skipped: the comment"),
        "{said}"
    );
    assert!(said.contains("1 game, 4 plies"), "{said}");
    assert!(said.contains("0 mismatches, 0 errors"), "{said}");
}

/// A game that comes out otherwise than its file says is named with its line.
#[test]
fn a_game_that_ends_otherwise_is_named_with_its_line_and_in_words() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let server = Server::embedded();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mate.pgn");
    // Black mates, and the file says that White won.
    std::fs::write(&path, "[Result \"1-0\"]\n\n1. f3 e5\n2. g4 Qh4# 1-0\n").unwrap();
    let (url, path) = (&server.ready.matchmaker, path.to_str().unwrap());
    let args = ["replay", "--matchmaker", url, "--pgn", path];
    let output = process::run("bot-client", &args, LIMIT);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("game 1, line 4: mismatch in match "),
        "{said}"
    );
    let why = "white saw 0-1 by checkmate, the file has 1-0 by its last move";
    assert!(said.contains(why), "{said}");
    let (code, report) = replay_path(&server, path);
    assert_eq!(code, Some(1));
    assert_eq!(report["failures"][0]["line"], 4, "{report}");
    assert_eq!(report["failures"][0]["kind"], "mismatch", "{report}");
}

/// Games of variants are matches of theirs.
#[test]
fn games_of_all_variants_are_replayed() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let server = Server::embedded();
    let file = server.data_dir().join("variants.pgn");
    std::fs::write(&file, crate::pgn_import::VARIANTS).unwrap();
    let (code, report) = replay_path(&server, &file.display().to_string());
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(
        (&report["games"], &report["skipped"]),
        (&9.into(), &0.into())
    );
    assert_eq!(report["mismatches"], 0, "{report}");
}
