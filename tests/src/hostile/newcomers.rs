//! Honest players who come for the first time: a new guest, a match, a few moves.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::PlayerSeat;
use client::{Connector, Matchmaker, SeatSession, SessionConfig, Transport};
use protocol::http::PlayerReply;
use reqwest::StatusCode;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::addresses::newcomer;
use super::attack::AttackKind;
use super::crowd::new_match;
use super::player::{Style, play};

/// Between two pairs of newcomers.
const EVERY: Duration = Duration::from_millis(500);
/// Where newcomers make accounts, one pair of this many does: a password costs the server a core for a moment.
const SIGNS_UP_EVERY: u32 = 4;
/// Wait of who was told to come back.
const COME_BACK_AFTER: Duration = Duration::from_millis(500);
/// From this ply on, one of the two resigns.
const PLIES: u16 = 4;
/// They hardly think.
const THINKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(50));

/// What became of the pairs that came in one phase.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Arrivals {
    /// Pairs that came.
    pub tried: u32,
    /// Pairs that were given a match, took their seats, and played it to its end.
    pub let_in: u32,
    /// How long the slowest of these waited for their seats, in milliseconds.
    pub slowest_ms: f64,
    /// Why the others have no match, by how often.
    pub reasons: Vec<(String, u32)>,
}

/// Lets pairs come for `length`, and returns when each of them is in, or has given up after `patience`.
pub(super) async fn arrive(
    matchmaker: &str,
    first: u32,
    length: Duration,
    patience: Duration,
    attack: AttackKind,
) -> Arrivals {
    let mut visits = JoinSet::new();
    let mut clock = interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (end, mut number) = (Instant::now() + length, first);
    while Instant::now() < end {
        clock.tick().await;
        let url = matchmaker.to_owned();
        visits.spawn(async move {
            let signs_up = attack.has_accounts() && number.is_multiple_of(SIGNS_UP_EVERY);
            let visit = timeout(
                patience,
                visit(&url, number, patience, (signs_up, attack.newcomers_by())),
            );
            let visit = visit.await;
            visit.unwrap_or_else(|_| Err(format!("not done within {patience:?}")))
        });
        number += 1;
    }
    let mut arrivals = Arrivals::default();
    while let Some(visit) = visits.join_next().await {
        let visit = visit.unwrap_or_else(|error| Err(error.to_string()));
        arrivals.note(visit);
    }
    arrivals
}

impl Arrivals {
    fn note(&mut self, visit: Result<Duration, String>) {
        self.tried += 1;
        match visit {
            Ok(waited) => {
                self.let_in += 1;
                self.slowest_ms = self.slowest_ms.max(waited.as_secs_f64() * 1_000.0);
            }
            Err(why) => match self.reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, n)) => *n += 1,
                None => self.reasons.push((why, 1)),
            },
        }
    }

    /// Whether everyone is in.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.let_in == self.tried
    }
}

/// One pair, from an address and sockets of its own; how long it waited for its seats.
async fn visit(
    url: &str,
    number: u32,
    patience: Duration,
    (signs_up, transports): (bool, &'static [Transport]),
) -> Result<Duration, String> {
    let came = Instant::now();
    let home = newcomer(number);
    let matchmaker = Matchmaker::from_address(Some(home.into()), url, patience);
    let matchmaker = matchmaker.map_err(|error| format!("no client: {error}"))?;
    let connector = Connector::bind_to(home, 1, ConnectionTimes::default());
    let connector = connector.map_err(|error| format!("no socket: {error}"))?;
    let connector = Arc::new(connector.by(transports));
    let guest = async |name: &str| {
        if signs_up {
            return sign_up(url, home, format!("{name} {number}")).await;
        }
        let made = matchmaker.new_player(None).await;
        let guest = made.map_err(|error| format!("no guest: {error}"))?;
        Ok::<_, String>(guest.token)
    };
    let (white, black) = (guest("ann").await?, guest("bob").await?);
    let id = new_match(&matchmaker, "300+3", &white, &black).await;
    let id = id.map_err(|error| format!("no match: {error}"))?;
    let sit = async |token: String| {
        let matchmaker = matchmaker.clone();
        let source = Arc::new(PlayerSeat { matchmaker, token });
        let config = SessionConfig {
            patience,
            ..SessionConfig::default()
        };
        SeatSession::join(Arc::clone(&connector), source, id, config)
            .await
            .map_err(|error| format!("no seat: {error}"))
    };
    let (white, black) = tokio::try_join!(sit(white), sit(black))?;
    let waited = came.elapsed();
    let style = |side| Style {
        seed: u64::from(number) * 2 + side,
        thinks: THINKS,
        resigns_at: PLIES,
        acks: None,
    };
    let styles = [style(0), style(1)];
    tokio::try_join!(play(white, &styles[0]), play(black, &styles[1]))
        .map_err(|error| format!("cannot play: {error}"))?;
    Ok(waited)
}

/// A player token for a new account, by sign-up and then by log-in.
async fn sign_up(url: &str, home: Ipv4Addr, name: String) -> Result<String, String> {
    let http = reqwest::Client::builder()
        .local_address(Some(home.into()))
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())?;
    let account = serde_json::json!({ "name": name, "password": "correct horse" });
    let mut token = String::new();
    for path in ["/v1/accounts", "/v1/login"] {
        token = loop {
            let answer = http
                .post(format!("{url}{path}"))
                .json(&account)
                .send()
                .await;
            let answer = answer.map_err(|error| format!("{path}: {error}"))?;
            match answer.status() {
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    sleep(COME_BACK_AFTER).await;
                }
                status if status.is_success() => {
                    let reply: PlayerReply = answer.json().await.map_err(|e| e.to_string())?;
                    break reply.token;
                }
                status => return Err(format!("{path}: {status}")),
            }
        };
    }
    Ok(token)
}
