//! The matches that are played all the time, by players of one hall.

use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::PlayerSeat;
use client::{Connector, Matchmaker, SeatSession, SessionConfig};
use game_core::{ClockStart, ColorChoice, MatchId, Seat};
use protocol::http::{NewChallenge, Terms};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::acks::Acks;
use super::addresses::HALL;
use super::player::{Broken, Style, play};

/// What everyone has on the clock: more than a run takes.
const TIME_CONTROL: &str = "3600+5";
/// Shortest and longest time for a move: 50 matches give some 80 acknowledgements a second.
const THINKS: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(900));
/// All must sit within this, on a busy machine too.
const SEATED_WITHIN: Duration = Duration::from_secs(60);
/// Longer than any session may be without a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// Before a table that broke off begins anew.
const PAUSE: Duration = Duration::from_millis(500);
/// Sockets of the hall, for all of its connections.
const SOCKETS: usize = 4;

/// Matches under way; they are left when this is dropped.
pub(super) struct Crowd {
    /// What its players measure.
    pub(super) acks: Arc<Acks>,
    _tables: JoinSet<()>,
}

struct CrowdMatch {
    number: u16,
    seed: u64,
    matchmaker: Matchmaker,
    connector: Arc<Connector>,
    acks: Arc<Acks>,
    /// Told once, when both players sit.
    seated: Option<mpsc::Sender<()>>,
}

impl Crowd {
    /// Begins `matches` matches, and returns once everyone sits.
    pub(super) async fn seat(matchmaker: &str, matches: u16, seed: u64) -> Result<Self, String> {
        let matchmaker = Matchmaker::from_address(Some(HALL.into()), matchmaker, PATIENCE);
        let matchmaker = matchmaker.map_err(|error| error.to_string())?;
        let connector = Connector::bind_to(HALL, SOCKETS, ConnectionTimes::default());
        let connector = Arc::new(connector.map_err(|error| error.to_string())?);
        let acks = Arc::new(Acks::default());
        let (seated, mut all) = mpsc::channel(usize::from(matches).max(1));
        let mut tables = JoinSet::new();
        for number in 0..matches {
            let table = CrowdMatch {
                number,
                seed: seed.wrapping_add(number.into()),
                matchmaker: matchmaker.clone(),
                connector: Arc::clone(&connector),
                acks: Arc::clone(&acks),
                seated: Some(seated.clone()),
            };
            tables.spawn(table.run());
        }
        drop(seated);
        let everyone = async {
            for _ in 0..matches {
                all.recv().await;
            }
        };
        let in_time = timeout(SEATED_WITHIN, everyone).await;
        in_time.map_err(|_| {
            let why = acks.take(std::time::Instant::now()).failures;
            format!("the honest players do not sit within {SEATED_WITHIN:?}: {why:?}")
        })?;
        Ok(Self {
            acks,
            _tables: tables,
        })
    }
}

impl CrowdMatch {
    /// Plays one match after the other until it is aborted.
    async fn run(mut self) {
        let mut dice = StdRng::seed_from_u64(self.seed);
        loop {
            if let Err(why) = self.play(&mut dice).await {
                self.acks.failed(self.number, why);
                sleep(PAUSE).await;
            }
        }
    }

    async fn play(&mut self, dice: &mut StdRng) -> Result<(), String> {
        let said = |error: client::MatchmakerError| error.to_string();
        let white = self.matchmaker.new_player(None).await.map_err(said)?.token;
        let black = self.matchmaker.new_player(None).await.map_err(said)?.token;
        loop {
            let id = new_match(&self.matchmaker, TIME_CONTROL, &white, &black).await?;
            let (white, black) = tokio::try_join!(self.sit(&white, id), self.sit(&black, id))
                .map_err(|error| error.to_string())?;
            if let Some(seated) = self.seated.take() {
                // Nobody waits any more once the start has failed.
                let _ = seated.send(()).await;
            }
            let style = |seat, seed| Style {
                seed,
                thinks: THINKS,
                resigns_at: u16::MAX,
                acks: Some((&*self.acks, (self.number, seat))),
            };
            let styles = [
                style(Seat::White, dice.random()),
                style(Seat::Black, dice.random()),
            ];
            tokio::try_join!(play(white, &styles[0]), play(black, &styles[1]))
                .map_err(|error: Broken| error.to_string())?;
        }
    }

    async fn sit(&self, token: &str, id: MatchId) -> Result<SeatSession, client::SeatError> {
        let source = Arc::new(PlayerSeat {
            matchmaker: self.matchmaker.clone(),
            token: token.to_owned(),
        });
        let config = SessionConfig {
            patience: PATIENCE,
            ..SessionConfig::default()
        };
        SeatSession::join(Arc::clone(&self.connector), source, id, config).await
    }
}

/// A match of two players, whose clocks count from the start.
pub(super) async fn new_match(
    matchmaker: &Matchmaker,
    time_control: &str,
    white: &str,
    black: &str,
) -> Result<MatchId, String> {
    let challenge = NewChallenge {
        terms: Terms {
            clock_start: ClockStart::AtOnce,
            ..Terms::usual(time_control.parse().map_err(|_| "no time control")?)
        },
        color: ColorChoice::White,
        opponent: None,
        opponent_name: None,
        open: false,
        expires_in_s: None,
    };
    let said = |error: client::MatchmakerError| error.to_string();
    let made = matchmaker.create_challenge(white, &challenge).await;
    let ticket = made.map_err(said)?.id;
    let accepted = matchmaker.accept_challenge(black, &ticket).await;
    let id = accepted.map_err(said)?.match_id;
    id.ok_or_else(|| "the matchmaker names no match".to_owned())
}
