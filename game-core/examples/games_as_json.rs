//! Plays every game of a PGN file through a match and prints each as a line of JSON, for a second
//! opinion by another implementation of the rules (`tests/python_chess_check.py`).
//!
//! `cargo run -p game-core --example games_as_json -- FILE.pgn`

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write};

#[path = "../tests/rules/games.rs"]
mod games;
#[path = "shared/line.rs"]
mod line;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os()
        .nth(1)
        .ok_or("usage: games_as_json FILE.pgn")?;
    let mut out = BufWriter::new(io::stdout().lock());
    for (number, recorded) in games::read(File::open(path)?)?.iter().enumerate() {
        let replay = games::play(recorded, number as u128);
        let site = recorded.tag("Site");
        let line = line::line(&replay.game, site, Some(&replay.legal));
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}
