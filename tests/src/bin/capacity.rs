//! Simulates large clusters whose shards die; docs/capacity.md explains the figures.

use std::io::Write;
use std::time::Duration;

use clap::Parser;
use tests::capacity::{Costs, Plan, simulate};

/// Simulate the takeover of a shard, a rack and half of a cluster.
#[derive(Debug, Parser)]
struct Args {
    /// Shards.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(2..=4_000))]
    shards: u16,
    /// Matches of each.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    matches: u32,
    /// Nodes of the store for matches; one more has the registry.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    nodes: u16,
    /// How many shards are killed; by default one, a rack of 40, and half of them.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    killed: Vec<usize>,
    /// CPU time that a node of the store needs for one record of the registry, in nanoseconds.
    #[arg(long, value_name = "NS")]
    record_ns: Option<u64>,
}

fn main() {
    let args = Args::parse();
    let shards = usize::from(args.shards);
    let killed = match args.killed.as_slice() {
        [] => vec![1, 40.min(shards / 2), shards / 2],
        named => named
            .iter()
            .map(|killed| *killed.min(&(shards - 1)))
            .collect(),
    };
    let usual = Costs::default();
    let costs = Costs {
        record: args.record_ns.map_or(usual.record, Duration::from_nanos),
        ..usual
    };
    for killed in killed {
        let outcome = simulate(Plan {
            shards,
            matches: args.matches as usize,
            killed,
            nodes: args.nodes.into(),
            costs,
        });
        // Whoever reads it has gone away.
        if writeln!(std::io::stdout(), "{outcome}\n").is_err() {
            return;
        }
    }
}
