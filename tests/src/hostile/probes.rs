//! The probes that an orchestrator asks, and restarts what does not answer them.

use std::time::Duration;

use reqwest::Client;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::addresses::ORCHESTRATOR;
use super::field::Field;

/// Between two questions.
const EVERY: Duration = Duration::from_millis(250);
/// A probe that takes longer has failed: five times what Kubernetes waits by default, as the machine is
/// shared with attackers and players.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How one endpoint's `/livez` was answered.
#[derive(Debug, Clone, Serialize)]
pub struct Livez {
    /// Which endpoint.
    pub endpoint: &'static str,
    /// How often it was asked, each time over a new connection.
    pub asked: u32,
    /// How often it said that it lives.
    pub answered: u32,
    /// The slowest answer, in milliseconds.
    pub slowest_ms: f64,
}

/// Asks all endpoints until `end`.
pub(super) async fn probe(field: &Field, end: &CancellationToken) -> Result<Vec<Livez>, String> {
    let client = Client::builder()
        .local_address(Some(ORCHESTRATOR.into()))
        .pool_max_idle_per_host(0)
        .timeout(ANSWER_MAX)
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())?;
    let endpoints = [
        ("matchmaker", field.matchmaker.clone()),
        (
            "matchmaker's admin",
            format!("http://{}", field.matchmaker_admin),
        ),
        ("shard's admin", format!("http://{}", field.shard_admin)),
    ];
    let asking = endpoints.map(|(endpoint, url)| ask(&client, endpoint, url, end));
    let [first, second, third] = asking;
    Ok(<[Livez; 3]>::from(tokio::join!(first, second, third)).to_vec())
}

async fn ask(
    client: &Client,
    endpoint: &'static str,
    url: String,
    end: &CancellationToken,
) -> Livez {
    let mut livez = Livez {
        endpoint,
        asked: 0,
        answered: 0,
        slowest_ms: 0.0,
    };
    let mut clock = interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !end.is_cancelled() {
        clock.tick().await;
        let asked = Instant::now();
        let answer = client.get(format!("{url}/livez")).send().await;
        livez.asked += 1;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            livez.answered += 1;
            livez.slowest_ms = livez
                .slowest_ms
                .max(asked.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    livez
}
