//! Players who think and who stay in their matches while those change their owner, and what that costs them.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::{Loss, PlayerSeat, SessionConfig, Update};
use client::{Connector, Matchmaker, SeatSession};
use game_core::{Match, MatchId, Seat, Uci};
use protocol::CloseCode;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::Matches;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::BenchError;
use super::games::random_game;
use super::rookery::new_match;
use super::seating::some_at_once;
use crate::cluster::LocalCluster;
use crate::soak::figures::{Percentiles, Times};

/// Games that are played in turns.
const GAMES: u64 = 16;
/// Clients' UDP sockets.
const SOCKETS: usize = 2;
/// A match whose side to move stays away for longer than this may have its clock running again.
const CLOCK_WAITS: Duration = Duration::from_secs(14);
/// How long any answer of the matchmaker may take while seats are taken.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// What the players of all matches have seen.
#[derive(Default)]
pub(super) struct Seen(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// From a move to its acknowledgement, reconnections included.
    acks: Times,
    /// The same of matches that were handed over, and of the others.
    acks_of_moved: Times,
    acks_of_stayed: Times,
    /// While the side to move could not play.
    pauses: Times,
    moves_of_owner: u32,
    clocks_compared: u32,
    clocks_differ: Vec<String>,
}

impl Seen {
    fn with<T>(&self, see: impl FnOnce(&mut Inner) -> T) -> T {
        see(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answer times since the last call.
    pub(super) fn take_acks(&self) -> Acks {
        self.with(|seen| Acks {
            all: seen.acks.take(),
            of_moved: seen.acks_of_moved.take(),
            of_stayed: seen.acks_of_stayed.take(),
        })
    }

    /// How long the side to move could not play, for each hand-over.
    pub(super) fn pauses(&self) -> Percentiles {
        self.with(|seen| seen.pauses.percentiles())
    }

    /// Hand-overs that a side to move has come through.
    pub(super) fn hand_overs(&self) -> u32 {
        self.with(|seen| seen.moves_of_owner)
    }

    /// How many clocks were compared, and in words those that differ.
    pub(super) fn clocks(&self) -> (u32, Vec<String>) {
        self.with(|seen| (seen.clocks_compared, seen.clocks_differ.clone()))
    }
}

/// Answer times of all matches, of those that were handed over before the answer, and of the others.
pub(super) struct Acks {
    pub(super) all: Percentiles,
    pub(super) of_moved: Percentiles,
    pub(super) of_stayed: Percentiles,
}

/// Everyone who plays on a cluster.
pub(super) struct Crowd {
    cluster: Arc<LocalCluster>,
    matchmaker: Matchmaker,
    connector: Arc<Connector>,
    games: Vec<Arc<[Uci]>>,
    think: Duration,
    seed: u64,
    pub(super) seen: Arc<Seen>,
    seats: JoinSet<Result<(), BenchError>>,
    matches: u32,
}

impl Crowd {
    pub(super) fn new(
        cluster: Arc<LocalCluster>,
        think: Duration,
        seed: u64,
    ) -> Result<Self, BenchError> {
        let times = ConnectionTimes {
            handshake_max: Duration::from_secs(10),
            ..ConnectionTimes::default()
        };
        let games = (0..GAMES).map(|n| random_game(seed.wrapping_add(n)).into());
        Ok(Self {
            matchmaker: Matchmaker::new(cluster.matchmaker_url(), ANSWER_MAX)?,
            cluster,
            connector: Arc::new(Connector::bind(SOCKETS, times)?),
            games: games.collect(),
            think,
            seed,
            seen: Arc::default(),
            seats: JoinSet::new(),
            matches: 0,
        })
    }

    /// Matches that were begun.
    pub(super) const fn matches(&self) -> u32 {
        self.matches
    }

    /// Begins more matches, and returns when all seats are taken.
    pub(super) async fn begin(&mut self, matches: u32) -> Result<(), BenchError> {
        let first = self.matches;
        let sessions = some_at_once(first..first + matches, |_| {
            let (matchmaker, connector) = (self.matchmaker.clone(), Arc::clone(&self.connector));
            async move {
                let ann = matchmaker.new_bot(None).await?.token;
                let bob = matchmaker.new_bot(None).await?.token;
                let tokens = [ann, bob];
                let id = new_match(&matchmaker, &tokens).await?;
                let mut seats = Vec::new();
                for token in tokens {
                    let source = Arc::new(PlayerSeat {
                        matchmaker: matchmaker.clone(),
                        token,
                    });
                    let config = SessionConfig::default();
                    let connector = Arc::clone(&connector);
                    seats.push(SeatSession::join(connector, source, id, config).await?);
                }
                Ok(seats)
            }
        })
        .await?;
        for session in sessions.into_iter().flatten() {
            let number = self.seats.len() as u64;
            let seed = self.seed.wrapping_add(number);
            let player = Player {
                session,
                moves: Arc::clone(&self.games[number as usize / 2 % self.games.len()]),
                think: self.think,
                rng: StdRng::seed_from_u64(seed),
                seen: Arc::clone(&self.seen),
                cluster: Arc::downgrade(&self.cluster),
                move_at: None,
                asked: None,
                lost: None,
                was_moved: false,
            };
            self.seats.spawn(player.play());
        }
        self.matches += matches;
        Ok(())
    }

    /// Whether every seat is still held.
    ///
    /// # Errors
    ///
    /// Why the first that was given up was.
    pub(super) fn check(&mut self) -> Result<(), BenchError> {
        match self.seats.try_join_next() {
            None => Ok(()),
            Some(Ok(Ok(()))) => Err("a game came to its end".into()),
            Some(Ok(Err(error))) => Err(error),
            Some(Err(error)) => Err(error.into()),
        }
    }
}

/// One seat.
struct Player {
    session: SeatSession,
    moves: Arc<[Uci]>,
    think: Duration,
    rng: StdRng,
    seen: Arc<Seen>,
    /// Not held: its processes end with the measurement, and not when the last task has.
    cluster: Weak<LocalCluster>,
    /// When the move in the present position is made.
    move_at: Option<Instant>,
    /// The position in which a move was made, and when.
    asked: Option<(u32, Instant)>,
    /// The owner has given the match away while this side was to move.
    lost: Option<Lost>,
    was_moved: bool,
}

/// What a side to move saw when the owner gave the match away.
struct Lost {
    at: std::time::Instant,
    /// Its clock by the view of then.
    shown: Duration,
    asked_at: Option<Instant>,
    /// The next owner may have let its clock run already: a first attempt to come back was not answered in time.
    again: bool,
}

impl Player {
    /// Plays until its game is played out.
    async fn play(mut self) -> Result<(), BenchError> {
        while let Some(&uci) = self.moves.get(usize::from(self.session.view().ply())) {
            let view = self.session.view();
            let position = view.position_seq();
            let must_move =
                view.is_my_turn() && self.asked.is_none_or(|(asked, _)| asked != position);
            if !must_move {
                self.move_at = None;
                let update = self.session.next().await?;
                self.learn(update).await?;
                continue;
            }
            let thinks = self.think.mul_f64(self.rng.random_range(0.5..1.5));
            let move_at = *self.move_at.get_or_insert_with(|| Instant::now() + thinks);
            tokio::select! {
                update = self.session.next() => {
                    let update = update?;
                    self.learn(update).await?;
                }
                () = sleep_until(move_at) => {
                    self.asked = Some((position, Instant::now()));
                    self.session.play(uci)?;
                }
            }
        }
        Ok(())
    }

    async fn learn(&mut self, update: Update) -> Result<(), BenchError> {
        let now = std::time::Instant::now();
        match update {
            Update::Acked { after, .. } => self.seen.with(|seen| {
                seen.acks.record(after);
                match self.was_moved {
                    true => seen.acks_of_moved.record(after),
                    false => seen.acks_of_stayed.record(after),
                }
            }),
            Update::Reconnecting(Loss::Closed(CloseCode::ShuttingDown)) => {
                let view = self.session.view();
                if let (true, Some(me)) = (view.is_my_turn(), view.seat()) {
                    let position = view.position_seq();
                    let asked = self.asked.filter(|(asked, _)| *asked == position);
                    self.lost = Some(Lost {
                        at: now,
                        shown: view.remaining(me, now),
                        asked_at: asked.map(|(_, at)| at),
                        again: false,
                    });
                }
                self.was_moved = true;
            }
            Update::Joined { again: true } => self.came_back(now).await?,
            Update::Refused { reason, .. } => {
                return Err(format!("a move was refused: {reason}").into());
            }
            Update::Closed(code) => return Err(format!("a seat was closed: {code}").into()),
            Update::Reconnecting(loss) => {
                tracing::debug!(%loss, "a seat was lost");
                if let Some(lost) = &mut self.lost {
                    lost.again = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The next owner has answered.
    async fn came_back(&mut self, now: std::time::Instant) -> Result<(), BenchError> {
        let Some(lost) = self.lost.take() else {
            return Ok(());
        };
        let view = self.session.view();
        let Some(me) = view.seat() else { return Ok(()) };
        let left = view.clock().of(me);
        // The match was frozen at the value that its next owner begins with: that was before its players were
        // sent away, by as much as this is above what they had in view.
        let frozen_for = left.saturating_sub(lost.shown);
        let frozen_at = lost.at.checked_sub(frozen_for).unwrap_or(lost.at);
        let from = lost
            .asked_at
            .map_or(frozen_at, |asked| asked.into_std().min(frozen_at));
        let was_long = now.saturating_duration_since(from) > CLOCK_WAITS;
        let is_asked = lost.asked_at.is_some() || lost.again || was_long;
        let (id, seq) = (view.id(), view.seq());
        self.seen.with(|seen| {
            seen.pauses.record(now.saturating_duration_since(from));
            seen.moves_of_owner += 1;
        });
        if is_asked {
            // Its move ends what the store has of the hand-over, or its clock has run here before.
            return Ok(());
        }
        let Some(cluster) = self.cluster.upgrade() else {
            return Ok(());
        };
        let stored = stored_clock(&cluster, id, me).await?;
        if let Some((stored_seq, stored)) = stored.filter(|(stored_seq, _)| *stored_seq == seq) {
            self.seen.with(|seen| {
                seen.clocks_compared += 1;
                if stored.as_millis() != left.as_millis() {
                    let text = format!(
                        "match {id} at event {stored_seq}: handed over with {stored:?}, continued with {left:?}"
                    );
                    seen.clocks_differ.push(text);
                }
            });
        }
        Ok(())
    }
}

/// The length of a match's log, and what `seat` had left when the match was handed over.
async fn stored_clock(
    cluster: &LocalCluster,
    id: MatchId,
    seat: Seat,
) -> Result<Option<(u32, Duration)>, BenchError> {
    let Some(checkpoint) = cluster.store().load(id).await? else {
        return Ok(None);
    };
    let game = Match::restore(checkpoint.snapshot, &checkpoint.tail)?;
    let (clocks, _) = game.last_event();
    let left = clocks.remaining[seat].saturating_sub(checkpoint.move_time);
    Ok(Some((game.seq(), left)))
}
