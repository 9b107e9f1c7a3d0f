//! Tickets at a steady rate beside live matches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use client::Matchmaker;
use game_core::TimeControl;
use protocol::http::{NewTicket, Terms, TicketReply, TicketStatus};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::BenchError;
use super::args::BenchConfig;
use super::moving::Crowd;
use super::seating::some_at_once;
use crate::cluster::{LocalCluster, LocalPlan};
use crate::soak::figures::{Percentiles, Times};

/// The usual controls, between which tickets take turns: each is a pool.
const CONTROLS: [&str; 11] = [
    "60+0", "120+1", "180+0", "180+2", "300+0", "300+3", "600+0", "600+5", "900+10", "1800+0",
    "1800+20",
];
/// Time to think in the live matches, on average.
const THINK: Duration = Duration::from_secs(2);
/// For how long their answers are watched before tickets are made.
const CALM: Duration = Duration::from_secs(10);
/// Upper bound on matches of the shard: those of the tickets stay there, unplayed.
const CAPACITY: &str = "1000000";
/// An answer about a ticket waits for this long, as those of players do.
const WAIT: Duration = Duration::from_secs(15);
/// A ticket without a match after this counts as left over.
const MATCHED_MAX: Duration = Duration::from_secs(60);
/// How long any answer of the matchmaker may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// What became of tickets that were made at a steady rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tickets {
    /// Live matches beside them.
    pub live: u32,
    /// Tickets that were due each second.
    pub per_s: u32,
    /// Tickets that were made.
    pub tickets: u32,
    /// Tickets that had no match a minute after they were made, or were refused.
    pub left_over: u32,
    /// Tickets that came to a match in each second of the second half of the run: the same as those made, if the
    /// matchmaker keeps up.
    pub matched_per_s: f64,
    /// How many waited at the end of each second.
    pub waiting: Vec<u32>,
    /// From the moment at which a ticket was due until the answer that it is made, in milliseconds.
    pub made_ms: Percentiles,
    /// From there until its player knew the match, in milliseconds.
    pub matched_ms: Percentiles,
    /// CPU time for a ticket, its share of the match included, in microseconds.
    pub matchmaker_us: f64,
    /// The same of Redis, which has the moves of the live matches to store too.
    pub redis_us: f64,
    /// Answers to moves in the live matches before, in milliseconds.
    pub ack_ms_calm: Percentiles,
    /// The same while tickets were made.
    pub ack_ms_meanwhile: Percentiles,
}

/// Has so many matches played, makes so many tickets a second beside them, and waits for their matches.
pub(super) async fn measure(config: &BenchConfig, per_s: u32) -> Result<Tickets, BenchError> {
    let plan = LocalPlan {
        shard_arguments: vec!["--capacity".into(), CAPACITY.into()],
        ..LocalPlan::of(config.server.clone(), 1)
    };
    let cluster = Arc::new(LocalCluster::start(plan).await?);
    let matchmaker = Matchmaker::new(cluster.matchmaker_url(), ANSWER_MAX)?;
    let tickets = per_s * config.duration.as_secs() as u32;
    let players = some_at_once(0..tickets, |_| {
        let matchmaker = matchmaker.clone();
        async move { Ok(matchmaker.new_player(None).await?.token) }
    })
    .await?;
    let mut crowd = Crowd::new(Arc::clone(&cluster), THINK, config.seed)?;
    crowd.begin(config.beside).await?;
    crowd.seen.take_acks();
    sleep(CALM).await;
    let ack_ms_calm = crowd.seen.take_acks().all;
    let before = cpu_times(&cluster);
    let flow = Flow::of(matchmaker, players, per_s).await?;
    let ack_ms_meanwhile = crowd.seen.take_acks().all;
    crowd.check()?;
    let waiting = flow.waiting.clone();
    let ended = flow.end().await?;
    let used = cpu_times(&cluster);
    let us_per_ticket = |before: Duration, after: Duration| {
        after.saturating_sub(before).as_secs_f64() * 1e6 / f64::from(tickets)
    };
    Ok(Tickets {
        live: config.beside,
        per_s,
        tickets,
        left_over: ended.left_over,
        matched_per_s: ended.matched_per_s,
        waiting,
        made_ms: ended.made.percentiles(),
        matched_ms: ended.matched.percentiles(),
        matchmaker_us: us_per_ticket(before.0, used.0),
        redis_us: us_per_ticket(before.1, used.1),
        ack_ms_calm,
        ack_ms_meanwhile,
    })
}

/// CPU time of the matchmaker and of Redis.
fn cpu_times(cluster: &LocalCluster) -> (Duration, Duration) {
    let matchmakers = cluster.matchmakers().iter();
    (
        matchmakers
            .map(|matchmaker| matchmaker.place().cpu_time())
            .sum(),
        cluster.redis().place().cpu_time(),
    )
}

/// Tickets under way.
struct Flow {
    began: Instant,
    lasts: Duration,
    /// How many waited at the end of each second.
    waiting: Vec<u32>,
    under_way: JoinSet<Result<Ended, BenchError>>,
}

/// When a ticket was made and when it had its match.
struct Ended {
    due: Instant,
    made: Instant,
    matched: Option<Instant>,
}

/// What became of all.
struct AllEnded {
    made: Times,
    matched: Times,
    matched_per_s: f64,
    left_over: u32,
}

impl Flow {
    /// Makes a ticket for each player, so many each second, whether or not those before are answered.
    async fn of(
        matchmaker: Matchmaker,
        players: Vec<String>,
        per_s: u32,
    ) -> Result<Self, BenchError> {
        let controls: Vec<TimeControl> = CONTROLS
            .iter()
            .map(|control| control.parse())
            .collect::<Result<_, _>>()?;
        let ended = Arc::new(AtomicU32::new(0));
        let began = Instant::now();
        let mut flow = Self {
            began,
            lasts: Duration::from_secs(1) * players.len() as u32 / per_s,
            waiting: Vec::new(),
            under_way: JoinSet::new(),
        };
        for (number, token) in (0..).zip(players) {
            let due = began + Duration::from_secs(1) * number / per_s;
            sleep_until(due).await;
            if number > 0 && number % per_s == 0 {
                flow.waiting.push(number - ended.load(Ordering::Relaxed));
            }
            let (matchmaker, ended) = (matchmaker.clone(), Arc::clone(&ended));
            let control = controls[number as usize % controls.len()];
            flow.under_way.spawn(async move {
                let done = play_out(&matchmaker, &token, control, due).await;
                ended.fetch_add(1, Ordering::Relaxed);
                done
            });
        }
        Ok(flow)
    }

    /// Waits for all of them.
    async fn end(mut self) -> Result<AllEnded, BenchError> {
        let mut all = AllEnded {
            made: Times::default(),
            matched: Times::default(),
            matched_per_s: 0.0,
            left_over: 0,
        };
        let (half, end) = (self.began + self.lasts / 2, self.began + self.lasts);
        let mut in_second_half = 0_u32;
        while let Some(ended) = self.under_way.join_next().await {
            let Ended { due, made, matched } = ended??;
            all.made.record(made - due);
            match matched {
                Some(at) => {
                    all.matched.record(at - due);
                    in_second_half += u32::from((half..end).contains(&at));
                }
                None => all.left_over += 1,
            }
        }
        all.matched_per_s = f64::from(in_second_half) / (self.lasts / 2).as_secs_f64();
        Ok(all)
    }
}

/// Makes a ticket and waits for its match, as a player does.
async fn play_out(
    matchmaker: &Matchmaker,
    token: &str,
    control: TimeControl,
    due: Instant,
) -> Result<Ended, BenchError> {
    let mut ticket = matchmaker
        .create_ticket(token, &NewTicket::new(Terms::usual(control)))
        .await?;
    let made = Instant::now();
    let is_over = |ticket: &TicketReply| ticket.status != TicketStatus::Waiting;
    while !is_over(&ticket) && made.elapsed() < MATCHED_MAX {
        ticket = matchmaker.ticket(token, &ticket.id, WAIT).await?;
    }
    let matched = ticket.match_id.map(|_| Instant::now());
    Ok(Ended { due, made, matched })
}
