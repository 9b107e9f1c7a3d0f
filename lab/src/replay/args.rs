//! The command line of `bot-client replay`.

use std::path::PathBuf;

use clap::Args;
use game_core::TimeControl;

use super::{ReplayConfig, Selection};
use crate::command::ServerArgs;

/// Plays every game of a PGN file as a match, and compares what comes of it with the file.
///
/// Two guests take the seats over connections of their own; each makes its moves as it sees the
/// other's. Mates and other ends by the rules must come from the server. A game that was resigned,
/// left or lost on time is resigned, and a draw is offered and accepted. At the end the result, the
/// position, both clients' moves and the server's PGN must be those of the file.
///
/// Moves are read generously: long algebraic notation, figurines, the piece letters of other languages,
/// missing signs of check. Where tag and movetext have different results, that of the movetext counts.
/// A game that cannot be played as it stands is skipped and named with its line and the reason; the
/// replay then fails, unless matches are not like that at all (unknown variants, time controls with stages,
/// games that are not finished).
///
/// The server may be killed and restarted on the same ports meanwhile: the clients come back, and
/// everything that was acknowledged must still be there.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The PGN file.
    #[arg(long, value_name = "FILE")]
    pgn: PathBuf,
    /// Games to play at once.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    concurrency: u16,
    /// Think as long as the file's [%clk] comments say, and let flags fall instead of resigning.
    #[arg(long)]
    real_time: bool,
    /// Play only these games: their places in the file from 1, and ranges, as in 3,10-20.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = numbers)]
    only: Vec<Numbers>,
    /// Play only games of which a tag contains this text, for example "Time forfeit".
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Play at most so many games.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// The time control of games that name none, as minutes + seconds: 5+3, or 300s+3 for seconds.
    #[arg(long, value_name = "CONTROL", default_value = "10+0",
          value_parser = TimeControl::from_spoken)]
    default_time_control: TimeControl,
    /// Print the report as one JSON object on stdout, and no progress.
    #[arg(long)]
    pub json: bool,
    /// Append a JSON line to this file for every acknowledged command, as soon as it is known. Made
    /// to check, after a crash, that nothing acknowledged is missing from the server's record.
    #[arg(long, value_name = "FILE")]
    acked_log: Option<PathBuf>,
}

/// A place in the file, or a range of them.
type Numbers = std::ops::RangeInclusive<usize>;

fn numbers(text: &str) -> Result<Numbers, String> {
    let number = |text: &str| match text.trim().parse() {
        Ok(number) if (1..=1_000_000).contains(&number) => Ok(number),
        _ => Err(format!("{text:?} is no place in a file; they count from 1")),
    };
    match text.split_once('-') {
        None => number(text).map(|only| only..=only),
        Some((first, last)) => Ok(number(first)?..=number(last)?),
    }
}

impl ReplayArgs {
    /// The replay that is asked for.
    #[must_use]
    pub fn config(&self, server: &ServerArgs) -> ReplayConfig {
        ReplayConfig {
            matchmaker: server.matchmaker.clone(),
            ca: server.ca.clone(),
            pgn: self.pgn.clone(),
            concurrency: usize::from(self.concurrency),
            real_time: self.real_time,
            default_control: self.default_time_control,
            selection: Selection {
                numbers: self.only.iter().cloned().flatten().collect(),
                text: self.filter.clone(),
                limit: self.limit,
            },
            acked_log: self.acked_log.clone(),
            patience: server.patience(),
            progress: !self.json,
        }
    }
}
