//! The matchmaker over HTTP.

mod accounts;
mod checked;
mod error;
mod lobby;
mod once;
mod server_events;
mod transport;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use game_core::MatchId;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use protocol::http::{
    MatchReply, NewChallenge, NewPlayer, NewTicket, PlayerReply, Problem, SeatReply, TicketReply,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use url::Url;

use self::checked::{address, cut, is_token, known, shown};
use self::transport::{ANSWER_MAX, HttpAnswer, NoAnswer, Transport};
use crate::printable;
use crate::retry::Backoff;

pub use self::error::MatchmakerError;
pub use self::server_events::{ServerEvent, ServerEvents};

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
    /// How long the matchmaker asks the client to wait (RFC 9110 section 10.2.3).
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

impl Failure {
    /// The error of a request that is not tried again.
    fn at_once(self, base: &str) -> MatchmakerError {
        match self {
            Self::Passing(passing) => passing.at_the_end(base, Duration::ZERO),
            Self::Final(error) => error,
        }
    }
}

/// The code of the limit for an address.
const RATE_LIMITED: &str = "rate_limited";

/// A client of the matchmaker; clones share their connections.
///
/// A request that reaches no matchmaker, or one that is not ready, is retried until the patience ends, and no
/// sooner than the matchmaker requires. When this address has used up its allowance, requests wait in a queue
/// and only the first is sent, so that many clients in one process keep to the rate that the matchmaker
/// allows; the patience is then that of the first. A retried request may have succeeded the first time: a
/// challenge or guest that is created twice leaves one unused; an account is made once.
#[derive(Debug, Clone)]
pub struct Matchmaker {
    transport: Transport,
    base: String,
    /// The file of the authorities that are trusted instead of the system's.
    ca: Option<PathBuf>,
    patience: Duration,
    /// Held by the request that waits for the allowance of this address.
    allowance: Arc<Mutex<()>>,
}

impl Matchmaker {
    /// Between attempts.
    const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

    /// A client of the matchmaker at `base`, for example `http://127.0.0.1:7000`. One at an address that
    /// begins with `https` must have a certificate of an authority that this machine trusts.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError::Address`] when that is no address, and [`MatchmakerError::Authority`] when it
    /// takes authorities and there are none.
    pub fn new(base: &str, patience: Duration) -> Result<Self, MatchmakerError> {
        Self::build(None, base, None, patience)
    }

    /// The same with connections that begin at `local`, an address of this machine; at one of the
    /// system's choice if that is `None`.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn from_address(
        local: Option<IpAddr>,
        base: &str,
        patience: Duration,
    ) -> Result<Self, MatchmakerError> {
        Self::build(local, base, None, patience)
    }

    /// The same with certificates of the authorities in the file `ca`, in PEM, and of no others. Without a
    /// file it is [`Self::new`].
    ///
    /// # Errors
    ///
    /// As [`Self::new`], and [`MatchmakerError::NoTls`] when the address does not begin with `https`.
    pub fn trusting(
        base: &str,
        ca: Option<&Path>,
        patience: Duration,
    ) -> Result<Self, MatchmakerError> {
        Self::build(None, base, ca, patience)
    }

    fn build(
        local: Option<IpAddr>,
        base: &str,
        ca: Option<&Path>,
        patience: Duration,
    ) -> Result<Self, MatchmakerError> {
        let url = address(base).ok_or_else(|| MatchmakerError::Address(base.to_owned()))?;
        let is_tls = url.scheme() == "https";
        let base = url.as_str().trim_end_matches('/').to_owned();
        if ca.is_some() && !is_tls {
            return Err(MatchmakerError::NoTls(base));
        }
        Ok(Self {
            transport: Transport::new(local, is_tls, ca)?,
            base,
            ca: ca.map(Path::to_owned),
            patience,
            allowance: Arc::default(),
        })
    }

    /// The address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The options of a command line that name this matchmaker, quoted as for a shell.
    #[must_use]
    pub fn options(&self) -> String {
        let mut words = vec!["--matchmaker".into(), self.base.clone()];
        if let Some(ca) = &self.ca {
            words.extend(["--ca".into(), ca.display().to_string()]);
        }
        // Only a NUL cannot be quoted, and no path or address has one.
        shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()
    }

    /// Creates a guest; the matchmaker chooses a name if none is given.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`], as all that follow.
    pub async fn new_player(&self, name: Option<&str>) -> Result<PlayerReply, MatchmakerError> {
        self.new_guest(name, false).await
    }

    /// Creates a guest of whom opponents are told that a program plays.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn new_bot(&self, name: Option<&str>) -> Result<PlayerReply, MatchmakerError> {
        self.new_guest(name, true).await
    }

    async fn new_guest(
        &self,
        name: Option<&str>,
        bot: bool,
    ) -> Result<PlayerReply, MatchmakerError> {
        let name = name.map(str::to_owned);
        let path = "/v1/players";
        let body = NewPlayer { name, bot };
        self.of_player(path, self.post(path, None, Some(&body)).await?)
    }

    /// Requests a match that another player accepts.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn create_challenge(
        &self,
        token: &str,
        challenge: &NewChallenge,
    ) -> Result<TicketReply, MatchmakerError> {
        let path = "/v1/challenges";
        self.named(path, self.post(path, Some(token), Some(challenge)).await?)
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
        let path = format!("/v1/challenges/{}?wait_ms={}", known(id)?, wait_ms(wait));
        self.named(&path, self.get(&path, Some(token)).await?)
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
        let path = format!("/v1/challenges/{}/accept", known(id)?);
        self.named(&path, self.post(&path, Some(token), None::<&()>).await?)
    }

    /// Withdraws a challenge.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn cancel_challenge(&self, token: &str, id: &str) -> Result<(), MatchmakerError> {
        let path = format!("/v1/challenges/{}", known(id)?);
        self.delete(&path, token).await
    }

    /// Requests a match in a pool.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn create_ticket(
        &self,
        token: &str,
        ticket: &NewTicket,
    ) -> Result<TicketReply, MatchmakerError> {
        let path = "/v1/tickets";
        self.named(path, self.post(path, Some(token), Some(ticket)).await?)
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
        let path = format!("/v1/tickets/{}?wait_ms={}", known(id)?, wait_ms(wait));
        self.named(&path, self.get(&path, Some(token)).await?)
    }

    /// Withdraws a ticket.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn cancel_ticket(&self, token: &str, id: &str) -> Result<(), MatchmakerError> {
        let path = format!("/v1/tickets/{}", known(id)?);
        self.delete(&path, token).await
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
        let path = format!("/v1/matches/{id}");
        let mut reply: MatchReply = self.get(&path, None).await?;
        for player in [&mut reply.players.white, &mut reply.players.black] {
            player.name = printable(&player.name).into_owned();
        }
        Ok(reply)
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
        // The same for each attempt.
        let key = accounts::idempotency_key(&method, path);
        self.ask_with(key, method, path, token, json).await
    }

    /// The same with an idempotency key, or without one.
    async fn ask_with(
        &self,
        key: Option<HeaderValue>,
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
            let mut request = self.request(&method, path, token, json)?;
            if let Some(key) = &key {
                request.headers_mut().insert(accounts::KEY, key.clone());
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

    fn request(
        &self,
        method: &Method,
        path: &str,
        token: Option<&str>,
        json: Option<&impl Serialize>,
    ) -> Result<Request<Full<Bytes>>, MatchmakerError> {
        let url = format!("{}{path}", self.base);
        let mut request = Request::builder().method(method).uri(&url);
        if let Some(token) = token {
            if !is_token(token) {
                return Err(MatchmakerError::Token);
            }
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match json {
            None => Bytes::new(),
            Some(json) => {
                request = request.header(CONTENT_TYPE, "application/json");
                let json = serde_json::to_vec(json);
                json.map_err(|error| self.nonsense(path, error))?.into()
            }
        };
        let request = request.body(Full::new(body));
        request.map_err(|_| MatchmakerError::Address(url))
    }

    async fn attempt(&self, path: &str, request: Request<Full<Bytes>>) -> Result<Vec<u8>, Failure> {
        let answer = self.transport.exchange(request).await;
        let answer = answer.map_err(|none| self.no_answer(path, none))?;
        let status = answer.status;
        if status.is_success() {
            return Ok(answer.body);
        }
        if status.is_redirection() {
            return Err(Failure::Final(self.moved(path, &answer)));
        }
        let problem: Option<Problem> = serde_json::from_slice(&answer.body).ok().map(shown);
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
                retry_after: answer.retry_after,
                limit: problem.filter(|_| status == StatusCode::TOO_MANY_REQUESTS),
            }),
            // An attempt whose answer was lost, or one of an earlier process, is being carried out.
            (StatusCode::CONFLICT, Some(problem)) if problem.code == once::IN_PROGRESS => {
                Failure::Passing(Passing {
                    why: problem.detail,
                    retry_after: answer.retry_after,
                    limit: None,
                })
            }
            (_, Some(problem)) => Failure::Final(MatchmakerError::Problem(problem)),
            (_, None) => Failure::Final(self.nonsense(path, format!("status {status}"))),
        })
    }

    fn no_answer(&self, path: &str, none: NoAnswer) -> Failure {
        match none {
            NoAnswer::Passing(why) => Failure::Passing(Passing {
                why: printable(&why).into_owned(),
                retry_after: None,
                limit: None,
            }),
            NoAnswer::Tls(why) => Failure::Final(MatchmakerError::Tls {
                base: self.base.clone(),
                why: printable(&why).into_owned(),
            }),
            NoAnswer::Nonsense(why) => Failure::Final(self.nonsense(path, why)),
        }
    }

    /// What a redirect names, as an address of a matchmaker if it is one.
    fn moved(&self, path: &str, answer: &HttpAnswer) -> MatchmakerError {
        let asked = format!("{}{path}", self.base);
        let to = answer.location.as_deref().and_then(|to| {
            let to = Url::parse(&asked).ok()?.join(to).ok()?;
            let to = to.as_str();
            Some(to.strip_suffix(path).unwrap_or(to).to_owned())
        });
        match to {
            None => self.nonsense(path, format!("status {}", answer.status)),
            Some(to) => MatchmakerError::Moved {
                base: self.base.clone(),
                to: cut(&to),
            },
        }
    }

    /// A reply whose id can be part of another request.
    fn named(&self, path: &str, reply: TicketReply) -> Result<TicketReply, MatchmakerError> {
        match known(&reply.id) {
            Ok(_) => Ok(reply),
            Err(error) => Err(self.nonsense(path, error)),
        }
    }

    fn nonsense(&self, path: &str, why: impl ToString) -> MatchmakerError {
        MatchmakerError::Nonsense {
            url: format!("{}{path}", self.base),
            why: cut(&why.to_string()),
        }
    }
}

/// Whether a request uses up what the matchmaker allows an address.
fn uses_allowance(method: &Method, path: &str) -> bool {
    let makes = ["/v1/players", "/v1/challenges", "/v1/tickets"].contains(&path);
    *method == Method::POST && (makes || path.ends_with("/accept"))
}

/// No answer is waited for longer than half of what an answer may take.
fn wait_ms(wait: Duration) -> u128 {
    wait.min(ANSWER_MAX / 2).as_millis()
}

#[cfg(test)]
mod tests;
