//! A match as a line of JSON, for `tests/python_chess_check.py`.

use game_core::{Match, Uci};
use serde_json::{Value, json};

/// `pgn` (the export), `fen` (the last position), `moves` (UCI), `clocks` (of the mover after each move,
/// in milliseconds), `result`, `termination`, and `legal`: the legal moves in every position from ply 0 to
/// the last, sorted, or null if they are not to be checked.
pub(crate) fn line(game: &Match, site: &str, legal: Option<&[Vec<Uci>]>) -> Value {
    let (moves, clocks): (Vec<String>, Vec<u64>) = game
        .moves()
        .map(|(uci, clock)| (uci.to_string(), clock.as_millis() as u64))
        .unzip();
    let ended = game.outcome();
    json!({
        "pgn": game.pgn(site),
        "fen": game.fen(),
        "moves": moves,
        "clocks": clocks,
        "result": ended.map_or("*", |(outcome, _)| outcome.as_pgn()),
        "termination": ended.map(|(_, termination)| termination.code()),
        "legal": legal.map(|legal| legal.iter().map(|moves| sorted(moves)).collect::<Vec<_>>()),
    })
}

fn sorted(moves: &[Uci]) -> Vec<String> {
    let mut moves: Vec<String> = moves.iter().map(Uci::to_string).collect();
    moves.sort_unstable();
    moves
}
