//! The binary `engine_match`: a match of two configurations of Stockfish, whose runner and server are killed on the way.

use clap::Parser;
use tests::engine_match::Campaign;

/// Plays pairs of games with `bot-client match`, kills the runner and the server in turn, and holds what the runner says
/// against what is computed from its PGN.
#[derive(Debug, Parser)]
#[command(name = "engine_match")]
struct Args {
    /// Pairs of games.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pairs: u32,
    /// How often the runner and the server are killed.
    #[arg(long, value_name = "N", default_value_t = 20)]
    kills: u32,
    /// Nodes that the stronger engine searches for a move.
    #[arg(long, value_name = "N", default_value_t = 3_000)]
    nodes: u32,
}

#[expect(clippy::print_stdout, reason = "it is what the program is for")]
fn main() {
    let args = Args::parse();
    let campaign = Campaign {
        pairs: args.pairs,
        kills: args.kills,
        nodes: args.nodes,
    };
    let outcome = campaign.run();
    outcome.check(&campaign);
    println!("{}\n{}", outcome.said, outcome.computed);
}
