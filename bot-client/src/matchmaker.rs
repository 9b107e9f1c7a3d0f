//! The matchmaker over HTTP.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use game_core::MatchId;
use protocol::http::{
    MatchReply, NewChallenge, NewPlayer, NewTicket, PlayerReply, Problem, SeatReply, TicketReply,
};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::retry::Backoff;

/// Why the matchmaker did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum MatchmakerError {
    /// It says why.
    #[error("{} ({})", .0.detail, .0.code)]
    Problem(Problem),
    /// It did not answer, or said that it is not ready, for as long as the patience lasted.
    #[error("the matchmaker at {base} cannot be reached (tried for {waited:.1?}): {last}")]
    Unreachable {
        /// Its address.
        base: String,
        /// How long it was tried.
        waited: Duration,
        /// How the last attempt failed.
        last: String,
    },
    /// It limits what this client may ask for, and still did when the patience was at its end.
    #[error(
        "{} ({}; tried for {waited:.1?}); a load generator is let through by the matchmaker's option \
         --limit-exempt CIDR (ROOKERY_LIMIT_EXEMPT) with the address that it comes from",
        .problem.detail, .problem.code
    )]
    Limited {
        /// The limit.
        problem: Problem,
        /// How long it was tried.
        waited: Duration,
    },
    /// The answer is not of this protocol.
    #[error("the answer of {url} makes no sense: {why}")]
    Nonsense {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// The address is none.
    #[error("{0:?} is not the address of a matchmaker; expected for example http://127.0.0.1:7000")]
    Address(String),
}

impl MatchmakerError {
    /// Whether asking again later can help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Limited { .. })
    }

    /// The stable code of a [`Problem`].
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) | Self::Limited { problem, .. } => Some(&problem.code),
            _ => None,
        }
    }
}

/// How one attempt failed.
enum Failure {
    /// Another may succeed.
    Passing(Passing),
    /// Another would fail alike.
    Final(MatchmakerError),
}

/// Why another attempt may succeed, and when.
struct Passing {
    why: String,
    /// The matchmaker asks to be left alone for so long (RFC 9110 section 10.2.3).
    retry_after: Option<Duration>,
    /// The limit that was reached.
    limit: Option<Problem>,
}

impl Passing {
    /// Whether the limit is one for the address, which all requests of this process share.
    fn is_shared_limit(&self) -> bool {
        let limit = self.limit.as_ref();
        limit.is_some_and(|problem| problem.code == RATE_LIMITED)
    }

    fn at_the_end(self, base: &str, waited: Duration) -> MatchmakerError {
        match self.limit {
            Some(problem) => MatchmakerError::Limited { problem, waited },
            None => MatchmakerError::Unreachable {
                base: base.to_owned(),
                waited,
                last: self.why,
            },
        }
    }
}

/// The code of the limit for an address.
const RATE_LIMITED: &str = "rate_limited";

/// A client of the matchmaker; clones share their connections.
///
/// A request that finds nobody, or a matchmaker that is not ready, is repeated until the patience is
/// at its end, and no sooner than the matchmaker asks for. Where this address has used its allowance up,
/// requests that use it wait in line, and the first of them asks: so many clients in one process go at the
/// pace that the matchmaker allows. The patience then is the first one's. A repeated request may find its first sending done: creating a challenge or a guest
/// twice leaves one that nobody uses.
#[derive(Debug, Clone)]
pub struct Matchmaker {
    http: reqwest::Client,
    base: String,
    patience: Duration,
    /// Held by the request that waits for the allowance of this address.
    allowance: Arc<Mutex<()>>,
}

impl Matchmaker {
    /// An answer takes no longer than this.
    const ANSWER_MAX: Duration = Duration::from_secs(10);
    /// Longer answers are not read, in bytes. A match's PGN of 600 moves a side is about 40 KB.
    const ANSWER_LEN_MAX: usize = 1_024 * 1_024;
    /// Between attempts.
    const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

    /// A client of the matchmaker at `base`, for example `http://127.0.0.1:7000`.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError::Address`] when that is no `http` address.
    pub fn new(base: &str, patience: Duration) -> Result<Self, MatchmakerError> {
        Self::from_address(None, base, patience)
    }

    /// The same with connections that begin at `local`, an address of this machine; at one of the
    /// system's choice if that is `None`.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError::Address`] when `base` is no `http` address.
    pub fn from_address(
        local: Option<IpAddr>,
        base: &str,
        patience: Duration,
    ) -> Result<Self, MatchmakerError> {
        let wrong = || MatchmakerError::Address(base.to_owned());
        let url = reqwest::Url::parse(base).map_err(|_| wrong())?;
        if url.scheme() != "http" || url.host_str().is_none() || url.query().is_some() {
            return Err(wrong());
        }
        let http = reqwest::Client::builder()
            .timeout(Self::ANSWER_MAX)
            .local_address(local)
            .no_proxy()
            .build()
            .map_err(|_| wrong())?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            patience,
            allowance: Arc::default(),
        })
    }

    /// The address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Makes a guest; the matchmaker finds a name where none is asked for.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`], as all that follow.
    pub async fn new_player(&self, name: Option<&str>) -> Result<PlayerReply, MatchmakerError> {
        let name = name.map(str::to_owned);
        let body = NewPlayer { name };
        self.post("/v1/players", None, Some(&body)).await
    }

    /// Asks for a match that another player accepts.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn create_challenge(
        &self,
        token: &str,
        challenge: &NewChallenge,
    ) -> Result<TicketReply, MatchmakerError> {
        self.post("/v1/challenges", Some(token), Some(challenge))
            .await
    }

    /// How far a challenge has come; the answer may wait up to `wait` for an opponent.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn challenge(
        &self,
        token: &str,
        id: &str,
        wait: Duration,
    ) -> Result<TicketReply, MatchmakerError> {
        let path = format!("/v1/challenges/{id}?wait_ms={}", wait_ms(wait));
        self.get(&path, Some(token)).await
    }

    /// Accepts a challenge: the reply names the match.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn accept_challenge(
        &self,
        token: &str,
        id: &str,
    ) -> Result<TicketReply, MatchmakerError> {
        let path = format!("/v1/challenges/{id}/accept");
        self.post(&path, Some(token), None::<&()>).await
    }

    /// Withdraws a challenge.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn cancel_challenge(&self, token: &str, id: &str) -> Result<(), MatchmakerError> {
        self.delete(&format!("/v1/challenges/{id}"), token).await
    }

    /// Asks for a match in a pool.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn create_ticket(
        &self,
        token: &str,
        ticket: &NewTicket,
    ) -> Result<TicketReply, MatchmakerError> {
        self.post("/v1/tickets", Some(token), Some(ticket)).await
    }

    /// How far a ticket has come; the answer may wait up to `wait` for an opponent.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn ticket(
        &self,
        token: &str,
        id: &str,
        wait: Duration,
    ) -> Result<TicketReply, MatchmakerError> {
        let path = format!("/v1/tickets/{id}?wait_ms={}", wait_ms(wait));
        self.get(&path, Some(token)).await
    }

    /// Withdraws a ticket.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn cancel_ticket(&self, token: &str, id: &str) -> Result<(), MatchmakerError> {
        self.delete(&format!("/v1/tickets/{id}"), token).await
    }

    /// Where the player's seat in a match is, with the token that opens it.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn seat(&self, token: &str, id: MatchId) -> Result<SeatReply, MatchmakerError> {
        let path = format!("/v1/matches/{id}/seat");
        self.post(&path, Some(token), None::<&()>).await
    }

    /// Where a match can be watched, with the token for it.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn watch(&self, token: &str, id: MatchId) -> Result<SeatReply, MatchmakerError> {
        let path = format!("/v1/matches/{id}/watch");
        self.post(&path, Some(token), None::<&()>).await
    }

    /// A match as the store has it.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn match_reply(&self, id: MatchId) -> Result<MatchReply, MatchmakerError> {
        self.get(&format!("/v1/matches/{id}"), None).await
    }

    /// A match as PGN.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn pgn(&self, id: MatchId) -> Result<String, MatchmakerError> {
        let path = format!("/v1/matches/{id}/pgn");
        let body = self.ask(Method::GET, &path, None, None::<&()>).await?;
        String::from_utf8(body).map_err(|error| self.nonsense(&path, error))
    }

    /// Waits until the matchmaker and its store answer.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError::Unreachable`] when they do not within the patience.
    pub async fn ready(&self) -> Result<(), MatchmakerError> {
        let asked = self.ask(Method::GET, "/readyz", None, None::<&()>);
        asked.await.map(drop)
    }

    // ---- parts -----------------------------------------------------------------------------------

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<T, MatchmakerError> {
        let body = self.ask(Method::GET, path, token, None::<&()>).await?;
        serde_json::from_slice(&body).map_err(|error| self.nonsense(path, error))
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&str>,
        json: Option<&impl Serialize>,
    ) -> Result<T, MatchmakerError> {
        let body = self.ask(Method::POST, path, token, json).await?;
        serde_json::from_slice(&body).map_err(|error| self.nonsense(path, error))
    }

    async fn delete(&self, path: &str, token: &str) -> Result<(), MatchmakerError> {
        self.ask(Method::DELETE, path, Some(token), None::<&()>)
            .await
            .map(drop)
    }

    /// The body of a successful answer, within the patience.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        json: Option<&impl Serialize>,
    ) -> Result<Vec<u8>, MatchmakerError> {
        let mut first_in_line = match self.allowance.try_lock() {
            Err(_) if uses_allowance(&method, path) => Some(self.allowance.lock().await),
            _ => None,
        };
        let mut began = Instant::now();
        let mut backoff = Backoff::new(Self::RETRY.0, Self::RETRY.1);
        loop {
            let url = format!("{}{path}", self.base);
            let mut request = self.http.request(method.clone(), url);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            if let Some(json) = json {
                request = request.json(json);
            }
            let failed = match self.attempt(path, request).await {
                Ok(body) => return Ok(body),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(failed)) => failed,
            };
            let mut wait = backoff.wait_for(failed.retry_after);
            if failed.is_shared_limit() && first_in_line.is_none() {
                let asked = Instant::now();
                first_in_line = Some(self.allowance.lock().await);
                // The time in line counts as the wait, and for no patience.
                began = Instant::now();
                wait = wait.saturating_sub(asked.elapsed());
            }
            let waited = began.elapsed();
            if waited + wait > self.patience {
                return Err(failed.at_the_end(&self.base, waited));
            }
            tracing::debug!(path, failed.why, ?wait, "the matchmaker is asked again");
            sleep(wait).await;
        }
    }

    async fn attempt(&self, path: &str, request: RequestBuilder) -> Result<Vec<u8>, Failure> {
        let passing = |error: reqwest::Error| {
            Failure::Passing(Passing {
                why: causes(&error),
                retry_after: None,
                limit: None,
            })
        };
        let response = request.send().await.map_err(passing)?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let body = match read_bounded(response, Self::ANSWER_LEN_MAX).await {
            Ok(Some(body)) => body,
            Ok(None) => return Err(Failure::Final(self.nonsense(path, "it is too long"))),
            Err(error) => return Err(passing(error)),
        };
        if status.is_success() {
            return Ok(body);
        }
        let problem: Option<Problem> = serde_json::from_slice(&body).ok();
        Err(match (status, problem) {
            (
                StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::BAD_GATEWAY
                | StatusCode::GATEWAY_TIMEOUT
                | StatusCode::TOO_MANY_REQUESTS,
                problem,
            ) => Failure::Passing(Passing {
                why: problem
                    .as_ref()
                    .map_or_else(|| status.to_string(), |problem| problem.detail.clone()),
                retry_after,
                limit: problem.filter(|_| status == StatusCode::TOO_MANY_REQUESTS),
            }),
            (_, Some(problem)) => Failure::Final(MatchmakerError::Problem(problem)),
            (_, None) => Failure::Final(self.nonsense(path, format!("status {status}"))),
        })
    }

    fn nonsense(&self, path: &str, why: impl ToString) -> MatchmakerError {
        MatchmakerError::Nonsense {
            url: format!("{}{path}", self.base),
            why: why.to_string(),
        }
    }
}

/// Whether a request uses up what the matchmaker allows an address.
fn uses_allowance(method: &Method, path: &str) -> bool {
    let makes = ["/v1/players", "/v1/challenges", "/v1/tickets"].contains(&path);
    *method == Method::POST && (makes || path.ends_with("/accept"))
}

/// The wait that an answer asks for, in seconds; a date, which this matchmaker never names, is none.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// No answer is waited for longer than half of what an answer may take.
fn wait_ms(wait: Duration) -> u128 {
    wait.min(Matchmaker::ANSWER_MAX / 2).as_millis()
}

/// The whole body, or `None` if it is longer than `max`.
async fn read_bounded(
    mut response: Response,
    max: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// An error with its causes: the outermost of reqwest's says only that sending failed.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
