//! `bench`: what a durable move costs the server, beside what yardsticks cost: a bare QUIC relay, one that stores, and
//! the plain WebSocket server that one would write instead.
//!
//! All servers are measured in one run, one after the other, by the same clients in the same way:
//! pairs of connections that answer each other's moves. The machine may be shared and noisy; ratios are
//! what counts, and CPU time rather than elapsed time.
//!
//! `args` is the command line, `plan` which servers are measured and how often; `server` names them; `relay` with
//! `stored`, `plain` and `rookery` start what is measured and take the seats;
//! `rounds` has the pairs of either play and counts what that used (`calls` its system calls); `figures`, `spread`,
//! `budgets`, `report` and `page` say what came of it; `physics` what the machine itself takes; `operators` are those who
//! look on;
//! `takeover` and `next_ack` measure what happens when a shard is killed, `drain` when it is stopped, and `even`
//! when others join; `tickets` measures pairing beside live matches. In the last three, the players are those of `moving`. `doors` measures
//! what players cost who come by each transport, `watching` what spectators cost, `by_gateway` bots who play by a gateway.

mod args;
mod budgets;
mod by_gateway;
mod calls;
mod doors;
mod drain;
mod even;
mod figures;
mod games;
mod moving;
mod next_ack;
mod operators;
mod page;
mod physics;
mod plain;
mod plan;
mod relay;
mod report;
mod rookery;
mod rounds;
mod seating;
mod server;
mod spread;
mod stored;
mod table;
mod takeover;
mod tickets;
mod watching;

use std::time::Duration;

use client::connection::{ConnectionTimes, explain};

pub use args::{BenchArgs, BenchStore};
pub use budgets::{Bound, Budget};
pub use by_gateway::ByGateway;
pub use doors::{DoorFigures, Doors};
pub use drain::Drained;
pub use even::Evened;
pub use figures::{Counts, Figures, Percentiles};
pub use next_ack::NextAcks;
pub use operators::Watched;
pub use physics::{Part, Physics, physics};
pub use plain::{PlainArgs, serve as serve_plain};
pub use relay::{RelayArgs, serve as serve_relay};
pub use report::{Case, Measured, Ratio, Report};
pub use server::{Server, Yardstick};
pub use spread::Spread;
pub use takeover::Takeover;
pub use tickets::Tickets;
pub use watching::Audience;

use plan::Progress;

/// What a benchmark failed of, in words.
pub type BenchError = Box<dyn std::error::Error + Send + Sync>;

/// Redis' log is measured by how it grows, so it must not be rewritten meanwhile.
const NO_REWRITE: [&str; 2] = ["--auto-aof-rewrite-percentage", "0"];
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
    let mut progress = Progress::new(config.estimate());
    let mut cases = Vec::new();
    for planned in &config.cases {
        cases.push(plan::measure(&config, planned, &mut progress).await?);
    }
    let mut takeovers = Vec::new();
    for &(matches, kills) in &config.takeover {
        let what = format!("the takeover of {matches} matches");
        progress.next(&what, plan::takeover(matches, 0));
        let mut takeover = takeover::measure(&config, matches).await?;
        if kills > 0 {
            let what = format!("the next answers of {matches} matches");
            let estimate = plan::takeover(matches, kills) - plan::takeover(matches, 0);
            progress.next(&what, estimate);
            let next = next_ack::measure(&config, matches, kills).await?;
            takeover.next_acks = Some(next);
        }
        takeovers.push(takeover);
    }
    let mut drains = Vec::new();
    for &matches in &config.drain {
        progress.next(
            &format!("the drain of {matches} matches"),
            plan::drained(matches),
        );
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
    let mut audiences = Vec::new();
    for &spectators in &config.spectators {
        program::complain!("bench: {spectators} spectators of one match …");
        audiences.push(watching::measure(&config, spectators).await?);
    }
    let mut by_gateway = Vec::new();
    for &bots in &config.gateway {
        program::complain!("bench: {bots} bots by a gateway …");
        by_gateway.push(by_gateway::measure(&config, bots).await?);
    }
    let mut report = Report::new(cases, takeovers).with_moves(drains, evened);
    report.tickets = tickets;
    report.doors = doors;
    report.audiences = audiences;
    report = report.with_gateways(by_gateway);
    if let Some(path) = &config.html {
        let written = std::fs::write(path, page::page(&report));
        written.map_err(|error| format!("--html {}: {error}", path.display()))?;
    }
    Ok(report)
}
