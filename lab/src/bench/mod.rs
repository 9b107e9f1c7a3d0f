//! `bench`: what a durable move costs the server, beside what a bare QUIC relay costs.
//!
//! All servers are measured in one run, one after the other, by the same clients in the same way:
//! pairs of connections that answer each other's moves. The machine may be shared and noisy; ratios are
//! what counts, and CPU time rather than elapsed time.
//!
//! `args` is the command line; `relay` and `rookery` start what is measured and take the seats;
//! `rounds` has the pairs of either play and counts what that used; `figures`, `budgets`,
//! `report` and `page` say what came of it; `operators` are those who look on;
//! `takeover` and `next_ack` measure what happens when a shard is killed, `drain` when it is stopped, and `even`
//! when others join; `tickets` measures pairing beside live matches. In the last three, the players are those of `moving`. `doors` measures
//! what players cost who come by each transport.

mod args;
mod budgets;
mod doors;
mod drain;
mod even;
mod figures;
mod games;
mod moving;
mod next_ack;
mod operators;
mod page;
mod relay;
mod report;
mod rookery;
mod rounds;
mod seating;
mod table;
mod takeover;
mod tickets;

use std::time::Duration;

use client::connection::{ConnectionTimes, explain};

pub use args::{BenchArgs, BenchStore};
pub use budgets::{Bound, Budget};
pub use doors::{DoorFigures, Doors};
pub use drain::Drained;
pub use even::Evened;
pub use figures::{Figures, Percentiles};
pub use next_ack::NextAcks;
pub use operators::Watched;
pub use relay::{RelayArgs, serve as serve_relay};
pub use report::{Case, Measured, Report};
pub use takeover::Takeover;
pub use tickets::Tickets;

use args::BenchConfig;
use rounds::Load;

/// What a benchmark failed of, in words.
pub type BenchError = Box<dyn std::error::Error + Send + Sync>;

/// Clients' UDP sockets.
const SOCKETS: usize = 2;
/// All seats must be taken within this: 20,000 connections by an unoptimised build on a busy machine.
const SETUP_MAX: Duration = Duration::from_secs(600);

/// Handshakes wait for each other while thousands of seats are taken, and pings would be the load of
/// pairs that think for long.
const TIMES: ConnectionTimes = ConnectionTimes {
    handshake_max: Duration::from_secs(10),
    keep_alive: Duration::from_secs(15),
    idle_max: Duration::from_secs(45),
};

/// What became of a connection whose stream failed with `error`.
fn why_lost(connection: &quinn::Connection, error: impl Into<BenchError>) -> BenchError {
    match connection.close_reason() {
        Some(reason) => format!("a seat was lost: {}", explain(&reason)).into(),
        None => error.into(),
    }
}

/// Runs the benchmark.
///
/// # Errors
///
/// In words: what could not be started, or did not go as it must.
pub async fn run(args: &BenchArgs) -> Result<Report, BenchError> {
    let config = args.config()?;
    let mut cases = Vec::new();
    for &think in &config.think {
        for &matches in &config.matches {
            cases.push(measure(&config, matches, think).await?);
        }
    }
    let mut takeovers = Vec::new();
    for &matches in &config.takeover {
        program::complain!("bench: the takeover of {matches} matches …");
        let mut takeover = takeover::measure(&config, matches).await?;
        if config.rounds > 0 {
            program::complain!("bench: the next answers of {matches} matches …");
            let next = next_ack::measure(&config, matches, config.rounds).await?;
            takeover.next_acks = Some(next);
        }
        takeovers.push(takeover);
    }
    let mut drains = Vec::new();
    for &matches in &config.drain {
        program::complain!("bench: the drain of {matches} matches …");
        drains.push(drain::measure(&config, matches).await?);
    }
    let mut evened = Vec::new();
    for &cpu_share in &config.even_load {
        program::complain!("bench: shards of {cpu_share} cores take their share …");
        evened.push(even::measure(&config, cpu_share).await?);
    }
    let mut tickets = Vec::new();
    for &per_s in &config.tickets {
        program::complain!(
            "bench: {per_s} tickets a second beside {} matches …",
            config.beside
        );
        tickets.push(tickets::measure(&config, per_s).await?);
    }
    let mut doors = Vec::new();
    for &players in &config.doors {
        program::complain!("bench: {players} players by each door …");
        doors.push(doors::measure(&config, players).await?);
    }
    let mut report = Report::new(cases, takeovers).with_moves(drains, evened);
    report.tickets = tickets;
    report.doors = doors;
    if let Some(path) = &config.html {
        let written = std::fs::write(path, page::page(&report));
        written.map_err(|error| format!("--html {}: {error}", path.display()))?;
    }
    Ok(report)
}

/// Measures the relay and every server that is wanted, under one load.
async fn measure(config: &BenchConfig, matches: u32, think: Duration) -> Result<Case, BenchError> {
    let load = Load {
        matches,
        think,
        duration: config.duration,
        seed: config.seed,
    };
    program::complain!("bench: {load}: the bare relay …");
    let relay = rounds::measure(&relay::Relay::start().await?, load).await?;
    let mut stores = Vec::new();
    for &store in &config.stores {
        program::complain!("bench: {load}: Rookery, {store} …");
        let rookery = rookery::Rookery::start(config, store).await?;
        let figures = rounds::measure(&rookery, load).await?;
        stores.push(Measured::new(store, figures, &relay));
    }
    Ok(Case {
        matches,
        think_ms: think.as_millis() as u64,
        relay,
        stores,
    })
}
