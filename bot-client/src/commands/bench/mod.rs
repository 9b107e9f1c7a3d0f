//! `bench`: what a durable move costs the server, beside what a bare QUIC relay costs.
//!
//! Both are measured in one run, one after the other, by the same clients in the same way: pairs of
//! connections that answer each other's moves without thinking. The machine may be shared and noisy;
//! the ratio of the two is what counts, and CPU time rather than elapsed time.

mod games;
mod processes;
mod relay;
mod report;
mod rookery;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

pub use relay::{RelayArgs, serve as serve_relay};
pub use report::{Figures, Report, Row};

/// What a benchmark failed of.
pub type BenchError = Box<dyn std::error::Error + Send + Sync>;

/// Setting up must be done within this.
const SETUP_MAX: Duration = Duration::from_secs(120);
/// After the end of the measurement, every pair must have its last answer within this.
const DRAIN_MAX: Duration = Duration::from_secs(30);

/// Measure the server's CPU time for a durable move beside a bare QUIC relay's.
///
/// Starts both itself, on free ports of the loopback, and stops them. CPU time is that of their
/// processes as Linux accounts for it; `ratio` is the one divided by the other.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Matches at the same time; several numbers make several rows.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "100,500",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub matches: Vec<u32>,
    /// Where the server keeps its matches.
    #[arg(long, value_enum, default_value_t)]
    pub store: BenchStore,
    /// How long to measure each, in seconds; a row ends earlier when the first match is played out.
    #[arg(long, value_name = "SECONDS", default_value_t = 5,
          value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// The server's binary; by default `rookery` beside this program.
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,
    /// Seed of the games that are played.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// The store beneath a server that is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum BenchStore {
    /// The embedded store, in a temporary directory.
    #[default]
    Embedded,
    /// A redis-server of its own that flushes every write, in a temporary directory.
    Redis,
}

/// Runs the benchmark.
///
/// # Errors
///
/// In words: what could not be started, or did not go as it must.
pub async fn run(args: &BenchArgs) -> Result<Report, BenchError> {
    let mut rows = Vec::new();
    for &matches in &args.matches {
        eprintln!("bench: {matches} matches, bare relay …");
        let relay = relay::measure(matches, Duration::from_secs(args.seconds)).await?;
        eprintln!("bench: {matches} matches, rookery …");
        let rookery = rookery::measure(args, matches).await?;
        rows.push(Row {
            matches,
            relay,
            rookery,
        });
    }
    Ok(Report {
        store: args.store,
        rows,
    })
}

/// Two seats that play against each other.
pub(crate) trait Pair: Send + 'static {
    /// Makes the `n`-th move and waits until the mover has its answer and the other the move.
    /// Returns how long the answer took; `None` when there is nothing left to play.
    fn play(
        &mut self,
        n: usize,
    ) -> impl Future<Output = Result<Option<Duration>, BenchError>> + Send;
}

/// What the clients saw of a measurement.
struct Seen {
    moves: u64,
    elapsed: Duration,
    ack: Histogram<u64>,
}

/// Lets all pairs play at once, as fast as they are answered, for `duration` or until the first has
/// played out. `sample` is called at the start and at the end of what is counted.
async fn play_all<P: Pair>(
    pairs: Vec<P>,
    duration: Duration,
    mut sample: impl FnMut(),
) -> Result<Seen, BenchError> {
    let stop = Arc::new(AtomicBool::new(false));
    let moves = Arc::new(AtomicU64::new(0));
    let ack = Arc::new(Mutex::new(histogram()?));
    let start = Arc::new(Barrier::new(pairs.len() + 1));
    let mut playing = JoinSet::new();
    for mut pair in pairs {
        let (stop, moves) = (Arc::clone(&stop), Arc::clone(&moves));
        let (ack, start) = (Arc::clone(&ack), Arc::clone(&start));
        playing.spawn(async move {
            start.wait().await;
            let mut own = histogram()?;
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                let Some(took) = pair.play(n).await? else {
                    break;
                };
                own.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
                moves.fetch_add(1, Ordering::Relaxed);
                n += 1;
            }
            stop.store(true, Ordering::Relaxed);
            ack.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(own)?;
            // The connections are closed when the figures are taken.
            Ok::<P, BenchError>(pair)
        });
    }
    sample();
    let began = Instant::now();
    start.wait().await;
    while !stop.load(Ordering::Relaxed) && began.elapsed() < duration {
        sleep(Duration::from_millis(5)).await;
    }
    let elapsed = began.elapsed();
    let moves = moves.load(Ordering::Relaxed);
    sample();
    stop.store(true, Ordering::Relaxed);
    let drained = timeout(DRAIN_MAX, async {
        let mut ended = Vec::new();
        while let Some(pair) = playing.join_next().await {
            ended.push(pair??);
        }
        Ok::<_, BenchError>(ended)
    });
    drained
        .await
        .map_err(|_| "a move was not answered in time")??;
    let ack = ack.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Seen {
        moves,
        elapsed,
        ack,
    })
}

/// Answers in microseconds, up to a minute, three digits kept.
fn histogram() -> Result<Histogram<u64>, hdrhistogram::CreationError> {
    Histogram::new_with_bounds(1, 60_000_000, 3)
}
