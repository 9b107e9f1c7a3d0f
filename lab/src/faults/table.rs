//! A table: two players who play one match after the other until the campaign is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use client::{Matchmaker, MatchmakerError};
use game_core::{ClockStart, ColorChoice, MatchId, Seat, TimeControl};
use protocol::http::NewChallenge;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::history::History;
use super::player::{SeatPlayer, Style, World};

/// What players have beyond what they think: far less than the faults take.
const SPARE: Duration = Duration::from_secs(180);
/// A match lasts so many plies, if the rules do not end it.
const PLIES: std::ops::RangeInclusive<u16> = 40..=80;
/// A match that takes longer than the players think by this is stuck.
const MATCH_MAX: Duration = Duration::from_secs(240);
/// Before a match is arranged once more.
const PAUSE: Duration = Duration::from_millis(200);

/// What came of one match.
#[derive(Debug)]
pub struct Played {
    /// Which.
    pub id: MatchId,
    /// What both players were told.
    pub histories: [History; 2],
}

/// The part of a campaign that a table needs.
pub struct Table {
    /// What all tables share.
    pub world: Arc<World>,
    /// Decides all that is left to chance.
    pub seed: u64,
    /// A player thinks at least and at most so long for a move.
    pub thinks: (Duration, Duration),
    /// No new match is begun.
    pub last_round: CancellationToken,
    /// Matches under way are left.
    pub abandon: CancellationToken,
    /// Matches that ended, over all tables.
    pub matches_done: Arc<AtomicU64>,
}

impl Table {
    /// Plays until the last round is over.
    ///
    /// # Errors
    ///
    /// When the matchmaker makes no players.
    pub async fn run(self) -> Result<Vec<Played>, MatchmakerError> {
        let mut dice = StdRng::seed_from_u64(self.seed);
        let white_asks = self.matchmaker(0);
        let black_asks = self.matchmaker(1);
        let white = white_asks.new_player(None).await?.token;
        let black = black_asks.new_player(None).await?.token;
        let mut played = Vec::new();
        while !self.last_round.is_cancelled() {
            let Some(id) = self
                .arrange((white_asks, &white), (black_asks, &black))
                .await
            else {
                continue;
            };
            let style = Style {
                seed: dice.random(),
                resigns_at: dice.random_range(PLIES),
                thinks: self.thinks,
            };
            let other = Style {
                seed: dice.random(),
                ..style
            };
            let mut players = [
                SeatPlayer::new(&self.world, white_asks, &white, (id, Seat::White), style),
                SeatPlayer::new(&self.world, black_asks, &black, (id, Seat::Black), other),
            ];
            self.play(&mut players).await;
            self.world.pulses.ended(id);
            self.matches_done.fetch_add(1, Ordering::Relaxed);
            let histories = players.map(SeatPlayer::into_history);
            played.push(Played { id, histories });
        }
        Ok(played)
    }

    /// Both players, until both have seen the end, or one has seen what must not be.
    async fn play(&self, [white, black]: &mut [SeatPlayer; 2]) {
        let broken = CancellationToken::new();
        let to_the_end = async |player: &mut SeatPlayer| {
            if !player.play().await {
                broken.cancel();
            }
        };
        let both = async { tokio::join!(to_the_end(white), to_the_end(black)) };
        // A match that is left has no end in the log, which the checker finds.
        tokio::select! {
            _ = timeout(MATCH_MAX + 2 * self.thought_max(), both) => {}
            () = broken.cancelled() => {}
            () = self.abandon.cancelled() => {}
        }
    }

    /// A new match of the two; `None` if it did not come about this time.
    async fn arrange(
        &self,
        (white_asks, white): (&Matchmaker, &str),
        (black_asks, black): (&Matchmaker, &str),
    ) -> Option<MatchId> {
        let time = SPARE + self.thought_max();
        let challenge = NewChallenge {
            time_control: TimeControl::from_millis(time.as_millis() as u64, 0).ok()?,
            color: ColorChoice::White,
            fen: None,
            clock_start: ClockStart::AtOnce,
            opponent: None,
        };
        let meeting = async {
            let asked = white_asks.create_challenge(white, &challenge).await?;
            black_asks.accept_challenge(black, &asked.id).await
        };
        let met = tokio::select! {
            met = meeting => met,
            () = self.last_round.cancelled() => return None,
        };
        match met {
            Ok(accepted) => accepted.match_id,
            Err(error) => {
                program::complain!("a match does not come about: {error}");
                sleep(PAUSE).await;
                None
            }
        }
    }

    /// All that a player can think in a match.
    fn thought_max(&self) -> Duration {
        let (_, most) = self.thinks;
        most * u32::from(*PLIES.end()) / 2
    }

    /// The matchmaker that one of the two asks.
    fn matchmaker(&self, player: usize) -> &Matchmaker {
        let all = &self.world.matchmakers;
        &all[player % all.len()]
    }
}
