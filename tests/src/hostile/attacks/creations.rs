//! Guests, challenges, tickets and matches without end, over HTTP.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use game_core::{ClockStart, ColorChoice, TimeControl};
use protocol::http::{NewChallenge, NewPlayer, NewTicket, PlayerReply, Terms, TicketReply};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use super::pace::Pace;
use crate::hostile::addresses::attacker;
use crate::hostile::field::Field;
use crate::hostile::tally::Tally;

/// The guests that make matches and requests.
const GUESTS: usize = 16;
/// Requests for guests under way at once.
const ASKERS: usize = 8;
/// What is not answered within this is given up.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Guests that one address may be given in an attack: a hall of 300 who all come at once, three times over.
const GUESTS_GRANTED_MAX: u64 = 900;

/// 16 guests make matches with each other, as fast as they can.
pub(in crate::hostile) async fn matches(field: &Field) -> Result<(), String> {
    let pace = Arc::new(Pace::new(1_000, &field.end));
    let guests = Arc::new(guests_of(field).await?);
    let mut tasks = JoinSet::new();
    for number in 0..GUESTS {
        let (pace, guests, http) = (Arc::clone(&pace), Arc::clone(&guests), Http::new(field)?);
        tasks.spawn(async move {
            let (me, other) = (&guests[number], &guests[(number + 1) % GUESTS]);
            while pace.turn().await {
                let made = http.challenge(me, time_control(10_800_000)).await;
                let Some(made) = made else { continue };
                let accept = format!("/v1/challenges/{}/accept", made.id);
                let accepted: Option<TicketReply> = http.post(&accept, Some(other), &()).await;
                if accepted.is_some_and(|ticket| ticket.match_id.is_some()) {
                    http.tally.count("matches made");
                }
            }
        });
    }
    tasks.join_all().await;
    Ok(())
}

/// 16 guests post challenges, and tickets in one pool after the other, as fast as they can.
pub(in crate::hostile) async fn requests(field: &Field) -> Result<(), String> {
    let pace = Arc::new(Pace::new(1_000, &field.end));
    let mut tasks = JoinSet::new();
    for me in guests_of(field).await? {
        let (pace, http) = (Arc::clone(&pace), Http::new(field)?);
        tasks.spawn(async move {
            let mut number = 0;
            while pace.turn().await {
                number += 1;
                // Another pool each time.
                let time_control = time_control(60_000 + number * 1_000 % 3_600_000);
                let made = match number % 2 {
                    0 => http
                        .challenge(&me, time_control)
                        .await
                        .map(|_| "challenges made"),
                    _ => http.ticket(&me, time_control).await.map(|_| "tickets made"),
                };
                if let Some(made) = made {
                    http.tally.count(made);
                }
            }
        });
    }
    tasks.join_all().await;
    Ok(())
}

/// One address asks for guests, as fast as it can.
pub(in crate::hostile) async fn guests(field: &Field) -> Result<(), String> {
    const MADE: &str = "guests made";
    let pace = Arc::new(Pace::new(500, &field.end));
    let mut tasks = JoinSet::new();
    for _ in 0..ASKERS {
        let (pace, http) = (Arc::clone(&pace), Http::new(field)?);
        tasks.spawn(async move {
            while pace.turn().await {
                if http.guest().await.is_some() {
                    http.tally.count(MADE);
                }
            }
        });
    }
    tasks.join_all().await;
    let made = field.tally.get(MADE);
    if made > GUESTS_GRANTED_MAX {
        field
            .tally
            .breach(format!("one address was given {made} guests"));
    }
    Ok(())
}

/// So much time a side, in milliseconds, without an increment.
pub(super) fn time_control(initial_ms: u64) -> TimeControl {
    TimeControl::from_millis(initial_ms, 0).expect("an initial time within the bounds")
}

/// The tokens of the guests that attack.
async fn guests_of(field: &Field) -> Result<Vec<String>, String> {
    let http = Http::new(field)?;
    let mut guests = Vec::new();
    for _ in 0..GUESTS {
        let guest = http.guest().await;
        guests.push(guest.ok_or("the attackers are given no guests")?);
    }
    Ok(guests)
}

/// A client that does not obey: refusals are counted, and asked for again.
pub(super) struct Http {
    client: Client,
    base: String,
    pub(super) tally: Tally,
}

impl Http {
    /// Of the first attacker.
    pub(super) fn new(field: &Field) -> Result<Self, String> {
        Self::at(field, attacker(0))
    }

    /// Of somebody at this address.
    pub(super) fn at(field: &Field, from: Ipv4Addr) -> Result<Self, String> {
        let client = Client::builder()
            .local_address(Some(from.into()))
            .timeout(ANSWER_MAX)
            .no_proxy()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            base: field.matchmaker.clone(),
            tally: field.tally.clone(),
        })
    }

    pub(super) async fn guest(&self) -> Option<String> {
        let made: PlayerReply = self
            .post("/v1/players", None, &NewPlayer::default())
            .await?;
        Some(made.token)
    }

    pub(super) async fn challenge(
        &self,
        token: &str,
        time_control: TimeControl,
    ) -> Option<TicketReply> {
        let challenge = NewChallenge {
            terms: Terms {
                clock_start: ClockStart::AtOnce,
                ..Terms::usual(time_control)
            },
            color: ColorChoice::White,
            opponent: None,
            opponent_name: None,
            open: false,
            expires_in_s: None,
        };
        self.post("/v1/challenges", Some(token), &challenge).await
    }

    pub(super) async fn ticket(
        &self,
        token: &str,
        time_control: TimeControl,
    ) -> Option<TicketReply> {
        let ticket = NewTicket::new(Terms::usual(time_control));
        self.post("/v1/tickets", Some(token), &ticket).await
    }

    /// The answer, if the request was granted.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&str>,
        body: &impl Serialize,
    ) -> Option<T> {
        let mut request = self.client.post(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let Ok(response) = request.json(body).send().await else {
            self.tally.count("requests without answer");
            return None;
        };
        match response.status() {
            status if status.is_success() => response.json().await.ok(),
            StatusCode::TOO_MANY_REQUESTS => {
                self.tally.count("answered 429");
                if !response.headers().contains_key(RETRY_AFTER) {
                    self.tally.breach("a 429 without Retry-After");
                }
                None
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                self.tally.count("answered 503");
                None
            }
            _ => {
                self.tally.count("answered otherwise");
                None
            }
        }
    }
}
