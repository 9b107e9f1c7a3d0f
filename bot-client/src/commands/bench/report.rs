//! The figures, as a table and as JSON.

use std::fmt;

use serde::Serialize;

use super::{BenchStore, Seen};

/// What one server did in one measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Moves that were answered.
    pub moves: u64,
    /// Moves a second.
    pub moves_per_s: f64,
    /// CPU time of the server for a move, in microseconds.
    pub server_us_per_move: f64,
    /// CPU time of the store's own process for a move, in microseconds; absent if it has none.
    pub store_us_per_move: Option<f64>,
    /// Resident memory of the server at the end, in MiB.
    pub server_rss_mib: f64,
    /// From sending a move to its answer, in microseconds: half of the moves took no longer.
    pub ack_p50_us: u64,
    /// The same, 99 of 100.
    pub ack_p99_us: u64,
}

/// What was used between two samples.
pub(super) struct Used {
    pub(super) server_s: f64,
    pub(super) store_s: Option<f64>,
    pub(super) server_rss: u64,
}

impl Figures {
    pub(super) fn new(seen: &Seen, used: &Used) -> Self {
        let moves = seen.moves.max(1) as f64;
        let per_move = |seconds: f64| seconds * 1e6 / moves;
        Self {
            moves: seen.moves,
            moves_per_s: seen.moves as f64 / seen.elapsed.as_secs_f64(),
            server_us_per_move: per_move(used.server_s),
            store_us_per_move: used.store_s.map(per_move),
            server_rss_mib: used.server_rss as f64 / f64::from(1 << 20),
            ack_p50_us: seen.ack.value_at_quantile(0.5),
            ack_p99_us: seen.ack.value_at_quantile(0.99),
        }
    }
}

/// The relay and the server, measured one after the other.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Matches at the same time.
    pub matches: u32,
    /// The bare relay.
    pub relay: Figures,
    /// The server.
    pub rookery: Figures,
}

impl Row {
    /// The server's CPU time for a move, in that of the relay.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.rookery.server_us_per_move / self.relay.server_us_per_move
    }
}

/// All that was measured.
#[derive(Debug, Clone)]
pub struct Report {
    /// The store beneath the server.
    pub store: BenchStore,
    /// One row for each number of matches.
    pub rows: Vec<Row>,
}

impl Report {
    /// The report as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let rows = self.rows.iter().map(|row| {
            serde_json::json!({
                "matches": row.matches,
                "relay": row.relay,
                "rookery": row.rookery,
                "ratio": row.ratio(),
            })
        });
        let store = match self.store {
            BenchStore::Embedded => "embedded",
            BenchStore::Redis => "redis",
        };
        serde_json::json!({ "store": store, "rows": rows.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>7}  {:<13}{:>13}{:>12}{:>9}{:>11}{:>12}{:>12}{:>10}",
            "matches",
            "server",
            "CPU µs/move",
            "store µs",
            "ratio",
            "moves/s",
            "ack p50 µs",
            "ack p99 µs",
            "RSS MiB"
        )?;
        for row in &self.rows {
            line(f, row.matches, "bare relay", &row.relay, None)?;
            let name = match self.store {
                BenchStore::Embedded => "embedded",
                BenchStore::Redis => "Redis always",
            };
            line(f, row.matches, name, &row.rookery, Some(row.ratio()))?;
        }
        Ok(())
    }
}

fn line(
    f: &mut fmt::Formatter<'_>,
    matches: u32,
    name: &str,
    figures: &Figures,
    ratio: Option<f64>,
) -> fmt::Result {
    let store = figures
        .store_us_per_move
        .map_or_else(String::new, |us| format!("{us:.1}"));
    let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    writeln!(
        f,
        "{matches:>7}  {name:<13}{:>13.1}{store:>12}{ratio:>9}{:>11.0}{:>12}{:>12}{:>10.1}",
        figures.server_us_per_move,
        figures.moves_per_s,
        figures.ack_p50_us,
        figures.ack_p99_us,
        figures.server_rss_mib
    )
}
