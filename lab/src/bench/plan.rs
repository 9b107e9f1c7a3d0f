//! Which servers are measured under which loads, how often, and how far that is.

use std::time::Duration;

use tokio::time::Instant;

use super::args::BenchConfig;
use super::report::Case;
use super::rounds::Load;
use super::server::Server;
use super::{BenchError, Figures, budgets, drain};

/// Servers that are measured under one load: one after the other, and then all again.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) matches: u32,
    pub(super) think: Duration,
    pub(super) duration: Duration,
    pub(super) repetitions: u32,
    pub(super) servers: Vec<Server>,
    /// Operators look at Rookery meanwhile.
    pub(super) operators: bool,
    /// One more repetition, in which system calls are counted and nothing else.
    pub(super) system_calls: bool,
}

impl Planned {
    /// How long it may take.
    pub(super) fn estimate(&self) -> Duration {
        let rounds = self.repetitions + u32::from(self.system_calls);
        let servers = self.servers.len() as u32;
        self.estimate_of_one() * rounds * servers
    }

    /// How long one server may take, once: its start, its seats, and the measurement.
    fn estimate_of_one(&self) -> Duration {
        START + SEATING_A_MATCH * self.matches + self.duration
    }
}

impl BenchConfig {
    /// The same with all that has a budget, and nothing else.
    pub(super) fn for_budgets(self, repetitions: u32) -> Self {
        use Server::{Embedded, PlainAlways, PlainEverysec, Redis, Relay, StoredRelay};
        let case = |matches, servers: &[Server]| Planned {
            matches,
            think: Duration::ZERO,
            duration: self.duration,
            repetitions,
            servers: servers.into(),
            operators: false,
            system_calls: false,
        };
        let mut cases = vec![case(1, &[Relay, StoredRelay, Redis])];
        let all = [
            Relay,
            StoredRelay,
            PlainEverysec,
            PlainAlways,
            Embedded,
            Redis,
        ];
        cases.extend(budgets::MATCHES.map(|matches| case(matches, &all)));
        cases.push(case(budgets::BUSY_MATCHES, &[Relay, Redis]));
        cases.push(Planned {
            repetitions: 1,
            ..case(
                budgets::CROWD_MATCHES,
                &[Relay, StoredRelay, Embedded, Redis],
            )
        });
        cases.push(Planned {
            think: Duration::from_secs(2),
            duration: WATCHED_FOR,
            repetitions: 1,
            operators: true,
            ..case(budgets::WATCHED_MATCHES, &[Relay, Redis])
        });
        let (taken_over, _) = budgets::TAKEN_OVER;
        let (killed, ..) = budgets::NEXT_ACK;
        Self {
            cases,
            takeover: vec![(taken_over, 0), (killed, KILLS)],
            drain: vec![drain::MATCHES],
            ..self
        }
    }

    /// How long all of it may take, as far as that can be told.
    pub(super) fn estimate(&self) -> Duration {
        let cases = self.cases.iter().map(Planned::estimate);
        let takeovers = self
            .takeover
            .iter()
            .map(|&(matches, kills)| takeover(matches, kills));
        let drains = self.drain.iter().map(|&matches| drained(matches));
        cases.chain(takeovers).chain(drains).sum()
    }
}

/// Roughly, for a takeover and the kills of players' shards.
pub(super) fn takeover(matches: u32, kills: u32) -> Duration {
    START + 4 * SEATING_A_MATCH * matches + (START + 5 * SEATING_A_MATCH * matches) * kills
}

/// Roughly, for a drain.
pub(super) fn drained(matches: u32) -> Duration {
    Duration::from_secs(60) + SEATING_A_MATCH * matches
}

/// Shards whose players' wait is measured.
const KILLS: u32 = 10;
/// Slices with operators and without, several of each.
const WATCHED_FOR: Duration = Duration::from_secs(60);
/// Roughly, from the start of a server until it answers.
const START: Duration = Duration::from_secs(2);
/// Roughly, on two cores.
const SEATING_A_MATCH: Duration = Duration::from_millis(5);

/// How far the whole run is, on stderr.
#[derive(Debug)]
pub(super) struct Progress {
    began: Instant,
    planned: Duration,
    /// What of it is behind, as it was estimated.
    done: Duration,
}

impl Progress {
    pub(super) fn new(planned: Duration) -> Self {
        Self {
            began: Instant::now(),
            planned,
            done: Duration::ZERO,
        }
    }

    /// Says what is done next, which may take so long.
    pub(super) fn next(&mut self, what: &str, estimate: Duration) {
        let left = self.left().as_secs();
        match left {
            0..60 => program::complain!("bench: {what} … (about {left} s left)"),
            _ => program::complain!("bench: {what} … (about {} min left)", left.div_ceil(60)),
        }
        self.done += estimate;
    }

    /// As fast as it went so far, once that says something.
    fn left(&self) -> Duration {
        let left = self.planned.saturating_sub(self.done);
        let elapsed = self.began.elapsed();
        if self.done < Duration::from_secs(30) {
            return left;
        }
        left.mul_f64(elapsed.as_secs_f64() / self.done.as_secs_f64())
    }
}

/// Measures every server in turn, as often as planned.
pub(super) async fn measure(
    config: &BenchConfig,
    planned: &Planned,
    progress: &mut Progress,
) -> Result<Case, BenchError> {
    let config = BenchConfig {
        operators: planned.operators,
        ..config.clone()
    };
    let load = Load {
        matches: planned.matches,
        think: planned.think,
        duration: planned.duration,
        seed: config.seed,
        counts_calls: false,
    };
    let mut measured: Vec<(Server, Vec<Figures>)> = Vec::new();
    for repetition in 1..=planned.repetitions {
        for (number, &server) in planned.servers.iter().enumerate() {
            let which = match planned.repetitions {
                1 => String::new(),
                all => format!("{repetition} of {all}, "),
            };
            progress.next(
                &format!("{load}: {which}{server}"),
                planned.estimate_of_one(),
            );
            let figures = server.measure(&config, load).await?;
            match measured.get_mut(number) {
                Some((_, runs)) => runs.push(figures),
                None => measured.push((server, vec![figures])),
            }
        }
    }
    let mut case = Case::new(planned.matches, planned.think, measured);
    if planned.system_calls {
        let load = Load {
            counts_calls: true,
            ..load
        };
        for measured in &mut case.servers {
            let what = format!("{load}: system calls of {}", measured.server);
            progress.next(&what, planned.estimate_of_one());
            let counted = measured.server.measure(&config, load).await?;
            measured.figures.counts.system_calls = counted.counts.system_calls;
        }
    }
    Ok(case)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_takes_as_long_as_its_repetitions_of_every_server() {
        let mut planned = Planned {
            matches: 100,
            think: Duration::ZERO,
            duration: Duration::from_secs(5),
            repetitions: 1,
            servers: vec![Server::Relay, Server::Redis],
            operators: false,
            system_calls: false,
        };
        let once = planned.estimate();
        assert!(once > 2 * planned.duration, "{once:?}");
        planned.repetitions = 5;
        assert_eq!(planned.estimate(), 5 * once);
        planned.system_calls = true;
        assert_eq!(planned.estimate(), 6 * once);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_follows_how_fast_it_went() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let mut progress = Progress::new(minutes(10));
        assert_eq!(progress.left(), minutes(10));
        progress.next("half of it", minutes(5));
        tokio::time::advance(minutes(10)).await;
        assert_eq!(progress.left(), minutes(10));
    }
}
