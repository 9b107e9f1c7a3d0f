//! The measurement itself: pairs play, rounds of them until the time is over, and what they and the
//! servers used is counted.

use std::fmt;
use std::iter::Sum;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::calls::Calls;
use super::figures::{Figures, Memory, Tally, Times};
use super::operators::{Operators, WatchedTally};
use super::seating::Seated;
use super::{BenchError, seating};
use supervisor::{Place, Redis, Switches, cpu_time};

/// After the end of a round, every pair must have its last answer within this.
const DRAIN_MAX: Duration = Duration::from_secs(60);
/// A round is counted after this at the latest, whether or not it is warm.
const WARM_UP_MAX: Duration = Duration::from_secs(60);
/// A server that has used at most [`IDLE_CPU`] for this long has nothing left to do for matches that are over.
const IDLE_FOR: Duration = Duration::from_millis(100);
/// What a server without matches uses in that time, at most.
const IDLE_CPU: Duration = Duration::from_millis(25);
/// A round begins after this at the latest, whether or not the server is idle.
const IDLE_MAX: Duration = Duration::from_secs(3);
/// Between two looks at whether a round is over.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a server is measured under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Matches at the same time.
    pub(super) matches: u32,
    /// How long each pair waits before a move, on average.
    pub(super) think: Duration,
    pub(super) duration: Duration,
    pub(super) seed: u64,
    /// System calls are counted, which adds to the CPU time of each.
    pub(super) counts_calls: bool,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.matches == 1 { "" } else { "es" };
        write!(f, "{} match{plural}", self.matches)?;
        if !self.think.is_zero() {
            write!(f, ", {:?} to think", self.think)?;
        }
        Ok(())
    }
}

/// A server under measurement.
pub(super) trait Subject {
    /// Two seats that play on it.
    type Pair: Pair;

    /// Its process.
    fn server(&self) -> &Place;

    /// The Redis beneath it, if there is one.
    fn redis(&self) -> Option<&Redis>;

    /// Who looks at it meanwhile, if anybody does. There are matches to look at.
    async fn operators(&self) -> Result<Option<Operators>, BenchError> {
        Ok(None)
    }

    /// Seats so many new pairs.
    async fn seat(&self, matches: u32) -> Result<Seated<Self::Pair>, BenchError>;
}

/// Two seats that play against each other.
pub(super) trait Pair: Send + 'static {
    /// Makes the `n`-th move and waits until the mover has its answer and the opponent the move.
    /// `None` when there is nothing left to play.
    fn play(&mut self, n: usize) -> impl Future<Output = Result<Option<Took>, BenchError>> + Send;

    /// Datagrams of both connections so far; `None` where it is TCP that carries them.
    fn datagrams(&self) -> Option<Datagrams> {
        None
    }

    /// Ends the match, so that the server need not keep it.
    fn finish(self) -> impl Future<Output = Result<(), BenchError>> + Send;
}

/// Of two seats, White's first: the one that makes the `n`-th move, and the other.
pub(super) fn mover_first<S>([white, black]: &mut [S; 2], n: usize) -> (&mut S, &mut S) {
    if n.is_multiple_of(2) {
        (white, black)
    } else {
        (black, white)
    }
}

/// How long a move took, from when it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    /// Until the mover had the answer.
    pub(super) ack: Duration,
    /// Until the opponent had the move.
    pub(super) relay: Duration,
}

/// Datagrams between a server and clients, as the clients count them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Datagrams {
    /// Those that came to the server.
    pub(super) received: u64,
    /// Those that the server sent.
    pub(super) sent: u64,
}

impl Datagrams {
    /// Of a connection of a client.
    pub(super) fn of(client: &quinn::ConnectionStats) -> Self {
        Self {
            received: client.udp_tx.datagrams,
            sent: client.udp_rx.datagrams,
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            received: self.received.saturating_sub(before.received),
            sent: self.sent.saturating_sub(before.sent),
        }
    }
}

impl Sum for Datagrams {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            received: sum.received + one.received,
            sent: sum.sent + one.sent,
        })
    }
}

/// Measures a server for as long as the load says: new rounds are begun where matches are played out,
/// and what lies between rounds does not count.
pub(super) async fn measure<S: Subject>(subject: &S, load: Load) -> Result<Figures, BenchError> {
    let started_rss = subject.server().resident_bytes();
    let seated = subject.seat(load.matches).await?;
    let memory = Memory {
        started: started_rss,
        alone: seated.alone_bytes,
        seated: subject.server().resident_bytes(),
    };
    let pairs = seated.pairs;
    let mut tally = Tally::new(load.matches, seated.handshakes, memory)?;
    let mut pairs = Some(pairs);
    while tally.elapsed < load.duration {
        let pairs = match pairs.take() {
            Some(pairs) => pairs,
            None => {
                let seated = subject.seat(load.matches).await?;
                wait_idle(subject).await;
                seated.pairs
            }
        };
        let round = Load {
            duration: load.duration - tally.elapsed,
            // Other waits in each round.
            seed: load.seed.wrapping_add(tally.moves),
            ..load
        };
        // They look at the matches of this round: those of the last one are gone.
        let operators = subject.operators().await?;
        if let (Some(operators), None) = (&operators, &tally.watched) {
            tally.watched = Some(WatchedTally::new(operators.pages())?);
        }
        let ended = play((subject, operators.as_ref()), pairs, round, &mut tally).await?;
        if tally.elapsed < load.duration {
            seating::some_at_once(ended, Pair::finish).await?;
        }
    }
    if subject.server().has_died() {
        return Err("the server ended while it was measured".into());
    }
    Ok(tally.figures())
}

/// Waits until the server has done what seats and the ends of matches left it to do, as a move is to be measured: it
/// archives a finished match from its log.
async fn wait_idle(subject: &impl Subject) {
    let used = || {
        let redis = subject.redis().map(|redis| redis.place().cpu_time());
        subject.server().cpu_time() + redis.unwrap_or_default()
    };
    let end = Instant::now() + IDLE_MAX;
    while Instant::now() < end {
        let before = used();
        sleep(IDLE_FOR).await;
        if used().saturating_sub(before) <= IDLE_CPU {
            break;
        }
    }
}

/// What was used up to some moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    server: Duration,
    client: Duration,
    redis: Duration,
    log_bytes: u64,
    switches: Switches,
}

impl Sample {
    fn take(subject: &impl Subject) -> Self {
        let redis = subject.redis();
        Self {
            at: Instant::now(),
            server: subject.server().cpu_time(),
            client: cpu_time("self"),
            redis: redis.map_or(Duration::ZERO, |redis| redis.place().cpu_time()),
            log_bytes: redis.map_or(0, Redis::log_bytes),
            switches: subject.server().switches(),
        }
    }
}

/// Lets all pairs play at once until the round's time is over, or until the first has played out.
async fn play<S: Subject>(
    (subject, operators): (&S, Option<&Operators>),
    pairs: Vec<S::Pair>,
    load: Load,
    tally: &mut Tally,
) -> Result<Vec<S::Pair>, BenchError> {
    let round = Arc::new(Round {
        begin: Barrier::new(pairs.len() + 1),
        end: CancellationToken::new(),
        counts: AtomicBool::new(false),
        moves: AtomicU64::new(0),
        first_moves: AtomicU64::new(0),
        are_asking: AtomicBool::new(false),
        think: load.think,
    });
    let mut playing = JoinSet::new();
    for (index, pair) in pairs.into_iter().enumerate() {
        let dice = StdRng::seed_from_u64(load.seed.wrapping_add(index as u64));
        playing.spawn(play_pair(pair, Arc::clone(&round), dice));
    }
    let calls = match subject.server().pid().filter(|_| load.counts_calls) {
        Some(pid) => Calls::attach(pid).await,
        None => None,
    };
    round.begin.wait().await;
    round.warm_up(u64::from(load.matches)).await;
    round.counts.store(true, Ordering::Relaxed);
    let before = Sample::take(subject);
    round.run(load.duration, operators).await?;
    let moves = round.moves.load(Ordering::Relaxed);
    let after = Sample::take(subject);
    round.end.cancel();
    tally.moves += moves;
    tally.played_bytes = subject.server().resident_bytes();
    tally.elapsed += after.at - before.at;
    tally.server += after.server.saturating_sub(before.server);
    tally.client += after.client.saturating_sub(before.client);
    tally.switches += after.switches.since(before.switches);
    if subject.redis().is_some() {
        *tally.redis.get_or_insert_default() += after.redis.saturating_sub(before.redis);
        *tally.log_bytes.get_or_insert_default() +=
            after.log_bytes.saturating_sub(before.log_bytes);
    }
    // The connections are closed when the figures are taken.
    let drained = timeout(DRAIN_MAX, async {
        let mut ended = Vec::new();
        while let Some(done) = playing.join_next().await {
            let Played {
                pair,
                times,
                moves,
                datagrams,
            } = done??;
            tally.add_times(&times);
            tally.moves_of_all += moves;
            if let Some(more) = datagrams {
                let sum = tally.datagrams.get_or_insert_default();
                *sum = [*sum, more].into_iter().sum();
            }
            ended.push(pair);
        }
        Ok::<_, BenchError>(ended)
    });
    let ended = drained
        .await
        .map_err(|_| "a move was not answered in time")??;
    if let Some(calls) = calls
        && let Some(count) = calls.count().await
    {
        *tally.system_calls.get_or_insert_default() += count;
    }
    Ok(ended)
}

/// What the pairs of a round share.
struct Round {
    begin: Barrier,
    end: CancellationToken,
    /// Whether what is played now is measured.
    counts: AtomicBool,
    /// Moves that were measured.
    moves: AtomicU64,
    /// Moves of the warm-up.
    first_moves: AtomicU64,
    /// Operators are asking for pages.
    are_asking: AtomicBool,
    think: Duration,
}

impl Round {
    /// Waits until as many moves are made as there are matches: all begin at once, and as long as that
    /// lasts, the server works on more moves than are answered. Pairs that think are spread anyway.
    async fn warm_up(&self, matches: u64) {
        let end = Instant::now() + WARM_UP_MAX;
        while self.think.is_zero()
            && self.first_moves.load(Ordering::Relaxed) < matches
            && !self.end.is_cancelled()
            && Instant::now() < end
        {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Lets pairs play, and operators ask, for `duration` or until the first has played out.
    async fn run(
        &self,
        duration: Duration,
        operators: Option<&Operators>,
    ) -> Result<(), BenchError> {
        let asking = async {
            match operators {
                Some(operators) => {
                    let are_asking = &self.are_asking;
                    operators.ask_now_and_then(duration, are_asking).await
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep(duration) => {}
            () = self.end.cancelled() => {}
            failed = asking => return failed.map(|never| match never {}),
        }
        self.are_asking.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Notes a move; says whether it is measured.
    fn has_moved(&self) -> bool {
        let counts = self.counts.load(Ordering::Relaxed);
        let moves = if counts {
            &self.moves
        } else {
            &self.first_moves
        };
        moves.fetch_add(1, Ordering::Relaxed);
        counts
    }

    /// Waits as long as pairs do before a move; says whether the round still goes on.
    async fn think(&self, pause: Duration) -> bool {
        if !self.think.is_zero() {
            tokio::select! {
                () = sleep(pause) => {}
                () = self.end.cancelled() => {}
            }
        }
        !self.end.is_cancelled()
    }
}

/// What a pair did in a round.
struct Played<P> {
    pair: P,
    times: Vec<Times>,
    /// All of its moves, those of the warm-up too.
    moves: u64,
    /// What these took.
    datagrams: Option<Datagrams>,
}

async fn play_pair<P: Pair>(
    mut pair: P,
    round: Arc<Round>,
    mut dice: StdRng,
) -> Result<Played<P>, BenchError> {
    let mut times = Vec::new();
    let before = pair.datagrams();
    round.begin.wait().await;
    // Spread from the start, as they are later.
    let mut pause = round.think.mul_f64(dice.random::<f64>());
    let mut n = 0;
    while round.think(pause).await {
        let while_asked = round.are_asking.load(Ordering::Relaxed);
        // What fails fails the whole, at once.
        let played = pair.play(n).await.inspect_err(|_| round.end.cancel());
        let Some(took) = played? else {
            round.end.cancel();
            break;
        };
        if round.has_moved() {
            times.push(Times::new(took, while_asked));
        }
        n += 1;
        pause = round.think.mul_f64(0.5 + dice.random::<f64>());
    }
    let datagrams = pair.datagrams().zip(before);
    let datagrams = datagrams.map(|(after, before)| after.since(before));
    let moves = n as u64;
    Ok(Played {
        pair,
        times,
        moves,
        datagrams,
    })
}
