//! Games that were played on Lichess, played again.

use std::fs::File;
use std::path::Path;

use game_core::{Outcome, Termination};

use crate::games::{self, Game};

fn recorded() -> Vec<Game> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/lichess-2025-05.pgn");
    let games = games::read(File::open(path).unwrap()).unwrap();
    assert_eq!(games.len(), 200);
    games
}

/// A match accepts every move, and ends by mate, stalemate and time forfeit as on Lichess.
#[test]
fn recorded_games_end_as_they_did() {
    for (number, recorded) in recorded().iter().enumerate() {
        let site = recorded.tag("Site");
        let replay = games::play(recorded, number as u128);
        let (outcome, termination) = replay.game.outcome().unwrap();
        assert_eq!(outcome.as_pgn(), recorded.tag("Result"), "{site}");
        let mated = recorded.sans.last().is_some_and(|san| san.ends_with('#'));
        assert_eq!(termination == Termination::Checkmate, mated, "{site}");
        if recorded.tag("Termination") == "Time forfeit" {
            assert_eq!(termination, Termination::TimeForfeit, "{site}");
        }
        let stuck = replay.legal.last().is_some_and(Vec::is_empty);
        let stalemate = stuck && outcome == Outcome::Draw;
        assert_eq!(termination == Termination::Stalemate, stalemate, "{site}");
    }
}

/// The export has the moves and clocks of the game that was played, and reads back the same.
#[test]
fn recorded_games_are_exported_as_they_were() {
    for (number, recorded) in recorded().iter().enumerate() {
        let site = recorded.tag("Site");
        let replay = games::play(recorded, number as u128);
        let pgn = replay.game.pgn(site);
        let read_back = games::read(pgn.as_bytes()).unwrap();
        assert_eq!(read_back.len(), 1, "{pgn}");
        let exported = &read_back[0];
        assert_eq!(exported.sans, recorded.sans, "{site}");
        assert_eq!(exported.clocks_s, recorded.clocks_s, "{site}");
        assert_eq!(exported.result, recorded.result, "{site}");
        for tag in [
            "Site",
            "Date",
            "Round",
            "White",
            "Black",
            "Result",
            "TimeControl",
        ] {
            assert_eq!(exported.tag(tag), recorded.tag(tag), "{site} {tag}");
        }
        assert!(pgn.lines().all(|line| line.len() < 80), "{pgn}");
    }
}
