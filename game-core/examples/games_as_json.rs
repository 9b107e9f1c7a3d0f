//! Plays every game of a PGN file through a match and prints each as a line of JSON, for a second
//! opinion by another implementation of the rules (`tests/python_chess_check.py`).
//!
//! `cargo run -p game-core --example games_as_json -- FILE.pgn`
//!
//! A line holds `pgn` (the export), `fen` (the last position), `moves` (UCI), `clocks` (of the
//! mover after each move, in milliseconds), `result`, and `legal`: the legal moves in every
//! position from ply 0 to the last, sorted.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use game_core::Uci;
use serde_json::json;

#[path = "../tests/rules/games.rs"]
mod games;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os()
        .nth(1)
        .ok_or("usage: games_as_json FILE.pgn")?;
    let mut out = BufWriter::new(io::stdout().lock());
    for (number, recorded) in games::read(File::open(path)?)?.iter().enumerate() {
        let replay = games::play(recorded, number as u128);
        let game = &replay.game;
        let (moves, clocks): (Vec<String>, Vec<u64>) = game
            .moves()
            .map(|(uci, clock)| (uci.to_string(), clock.as_millis() as u64))
            .unzip();
        let line = json!({
            "pgn": game.pgn(recorded.tag("Site")),
            "fen": game.fen(),
            "moves": moves,
            "clocks": clocks,
            "result": game.outcome().map_or("*", |(outcome, _)| outcome.as_pgn()),
            "legal": replay.legal.iter().map(|moves| sorted(moves)).collect::<Vec<_>>(),
        });
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}

fn sorted(moves: &[Uci]) -> Vec<String> {
    let mut moves: Vec<String> = moves.iter().map(Uci::to_string).collect();
    moves.sort_unstable();
    moves
}
