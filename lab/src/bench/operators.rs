//! Operators who look at everything while a server is measured.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::BenchError;
use super::figures::{Percentiles, Times, over, times_histogram};

/// Between two times that every page is asked for.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Operators leave the server alone for so long, then ask for as long, and so on.
const SLICE_MAX: Duration = Duration::from_secs(5);
/// An answer must come within this.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// A stream of events has no end.
const ENDLESS: &str = "/events";

/// What operators change for players.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watched {
    /// Pages that were asked for, each once a second, in every second five seconds.
    pub pages: usize,
    /// From sending a move until the mover had the answer, in microseconds, while nobody asked.
    pub ack_us_without: Percentiles,
    /// The same while they asked.
    pub ack_us_with: Percentiles,
    /// 99 of 100 answers: the time with operators over the time without. Absent where one of them was
    /// not measured.
    pub p99_ratio: Option<f64>,
}

/// The times of moves, apart for when operators asked and when they did not.
#[derive(Debug)]
pub(super) struct WatchedTally {
    pages: usize,
    without: Histogram<u64>,
    with: Histogram<u64>,
}

impl WatchedTally {
    pub(super) fn new(pages: usize) -> Result<Self, CreationError> {
        Ok(Self {
            pages,
            without: times_histogram()?,
            with: times_histogram()?,
        })
    }

    pub(super) fn add(&mut self, times: &Times) {
        let histogram = if times.while_asked {
            &mut self.with
        } else {
            &mut self.without
        };
        histogram.saturating_record(times.ack_us.into());
    }

    pub(super) fn figures(&self) -> Watched {
        let [without, with] = [&self.without, &self.with].map(Percentiles::of);
        Watched {
            pages: self.pages,
            ack_us_without: without,
            ack_us_with: with,
            p99_ratio: (!self.with.is_empty() && !self.without.is_empty())
                .then(|| over(with.p99 as f64, without.p99 as f64)),
        }
    }
}

/// The pages of a server's admin endpoints.
pub(super) struct Operators {
    http: reqwest::Client,
    token: String,
    urls: Vec<String>,
}

impl Operators {
    /// Finds out which pages the endpoints have by what they say of themselves, with the first live match
    /// of each where a match is to be named.
    pub(super) async fn new(endpoints: &[String], token: &str) -> Result<Self, BenchError> {
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).build()?;
        let mut operators = Self {
            http,
            token: token.to_owned(),
            urls: Vec::new(),
        };
        for endpoint in endpoints {
            let described: Value = operators.json(&format!("{endpoint}/openapi.json")).await?;
            let listed: Value = operators.json(&format!("{endpoint}/v1/matches")).await?;
            let id = listed["matches"][0]["match_id"].as_str();
            let id = id.ok_or("an admin endpoint shows no live match")?;
            let paths = described["paths"].as_object();
            let paths = paths.ok_or("an admin endpoint does not describe itself")?;
            let pages = paths.iter().filter(|(path, item)| {
                let get = item.get("get").filter(|_| !path.ends_with(ENDLESS));
                get.is_some_and(|get| !needs_query(get))
            });
            for (path, _) in pages {
                let url = format!("{endpoint}{}", path.replace("{match}", id));
                // What only a matchmaker knows, a shard does not answer.
                if operators.send(&url).await?.status() != StatusCode::CONFLICT {
                    operators.urls.push(url);
                }
            }
            operators.urls.push(format!("{endpoint}/"));
        }
        Ok(operators)
    }

    pub(super) const fn pages(&self) -> usize {
        self.urls.len()
    }

    /// Asks for every page once a second for a slice of time, after another in which it does not, and so
    /// on until dropped; `are_asking` says which of the two it is. There are two slices at least in
    /// `duration`.
    pub(super) async fn ask_now_and_then(
        &self,
        duration: Duration,
        are_asking: &AtomicBool,
    ) -> Result<Infallible, BenchError> {
        let slice = SLICE_MAX.min(duration / 2);
        loop {
            sleep(slice).await;
            are_asking.store(true, Ordering::Relaxed);
            let until = Instant::now() + slice;
            let mut turns = interval(ASK_EVERY);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                turns.tick().await;
                self.ask_all().await?;
                if Instant::now() + ASK_EVERY > until {
                    break;
                }
            }
            sleep_until(until).await;
            are_asking.store(false, Ordering::Relaxed);
        }
    }

    async fn ask_all(&self) -> Result<(), BenchError> {
        for url in &self.urls {
            self.ask(url).await?.bytes().await?;
        }
        Ok(())
    }

    async fn json(&self, url: &str) -> Result<Value, BenchError> {
        Ok(self.ask(url).await?.json().await?)
    }

    async fn send(&self, url: &str) -> Result<reqwest::Response, BenchError> {
        let request = self.http.get(url).bearer_auth(&self.token);
        Ok(request.header(ACCEPT, "*/*").send().await?)
    }

    async fn ask(&self, url: &str) -> Result<reqwest::Response, BenchError> {
        let answer = self.send(url).await?;
        let status = answer.status();
        if status.is_success() {
            Ok(answer)
        } else {
            Err(format!("{url} answers {status}").into())
        }
    }
}

/// Whether a page, by its description, cannot be had without something in the query.
fn needs_query(get: &Value) -> bool {
    let parameters = get["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    parameters
        .iter()
        .any(|parameter| parameter["in"] == "query" && parameter["required"] == true)
}
