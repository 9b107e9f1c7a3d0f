//! What programs that stand in for players ask besides: who somebody is, who is there, what waits.

use std::time::Duration;

use bytes::Bytes;
use game_core::{DeclineReason, MatchId, PlayerId};
use http_body_util::{BodyExt, Limited};
use hyper::Method;
use protocol::http::{
    AccountMatches, ApiTokenReply, ChallengesReply, Decline, LiveList, MatchReply, NewApiToken,
    OnlinePlayers, PlayerLookup, PlayerLookupReply, RatingsReply, TicketReply, TokenTest,
    TokenTestReply,
};

use super::checked::{known, shown};
use super::server_events::ServerEvents;
use super::transport::ANSWER_LEN_MAX;
use super::{Matchmaker, MatchmakerError};

impl Matchmaker {
    /// The same matchmaker over the same connections, asked for as long as `patience`.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self {
            patience,
            ..self.clone()
        }
    }

    /// What tokens are; `None` for one that is not accepted. 20 at most.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`], as all that follow.
    pub async fn test_tokens(&self, tokens: &TokenTest) -> Result<TokenTestReply, MatchmakerError> {
        self.post("/v1/tokens/test", None, Some(tokens)).await
    }

    /// Several accounts by id and by name. 100 at most.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn look_up(
        &self,
        players: &PlayerLookup,
    ) -> Result<PlayerLookupReply, MatchmakerError> {
        self.post("/v1/players/lookup", None, Some(players)).await
    }

    /// The players who are online; with `bots`, programs alone.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn online(&self, bots: bool, limit: usize) -> Result<OnlinePlayers, MatchmakerError> {
        let bots = if bots { "bots=true&" } else { "" };
        let path = format!("/v1/players/online?{bots}limit={limit}");
        self.get(&path, None).await
    }

    /// A player's ratings.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn ratings(&self, player: &PlayerId) -> Result<RatingsReply, MatchmakerError> {
        // The characters of an id need no escaping in a path, except this one.
        let player = player.as_str().replace('|', "%7C");
        self.get(&format!("/v1/players/{player}/ratings"), None)
            .await
    }

    /// The caller's live matches.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn account_matches(&self, token: &str) -> Result<AccountMatches, MatchmakerError> {
        self.get("/v1/account/matches", Some(token)).await
    }

    /// A match as a player of it sees it.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn match_of(&self, token: &str, id: MatchId) -> Result<MatchReply, MatchmakerError> {
        self.get(&format!("/v1/matches/{id}"), Some(token)).await
    }

    /// The newest live matches, as the public sees them; `limit` is 1 to 100.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn live(&self, limit: usize) -> Result<LiveList, MatchmakerError> {
        self.get(&format!("/v1/matches/live?limit={limit}"), None)
            .await
    }

    /// The caller's waiting challenges.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn challenges(&self, token: &str) -> Result<ChallengesReply, MatchmakerError> {
        self.get("/v1/challenges", Some(token)).await
    }

    /// Declines a challenge.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn decline_challenge(
        &self,
        token: &str,
        id: &str,
        reason: DeclineReason,
    ) -> Result<TicketReply, MatchmakerError> {
        let path = format!("/v1/challenges/{}/decline", known(id)?);
        let decline = Decline { reason };
        self.named(&path, self.post(&path, Some(token), Some(&decline)).await?)
    }

    /// Makes an API token of the caller's account.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn new_api_token(
        &self,
        token: &str,
        wanted: &NewApiToken,
    ) -> Result<ApiTokenReply, MatchmakerError> {
        self.post("/v1/account/tokens", Some(token), Some(wanted))
            .await
    }

    /// What concerns the caller, as it happens. One attempt is made.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn account_events(&self, token: &str) -> Result<ServerEvents, MatchmakerError> {
        self.events_of("/v1/account/events", Some(token)).await
    }

    /// A match, and again after each change, until it ends. One attempt is made.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn match_events(
        &self,
        token: Option<&str>,
        id: MatchId,
    ) -> Result<ServerEvents, MatchmakerError> {
        self.events_of(&format!("/v1/matches/{id}/events"), token)
            .await
    }

    /// The body of a successful answer of any length, as it comes. One attempt is made.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn download(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<impl hyper::body::Body<Data = Bytes, Error = hyper::Error> + use<>, MatchmakerError>
    {
        self.begin(path, token).await
    }

    async fn events_of(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<ServerEvents, MatchmakerError> {
        let body = self.begin(path, token).await?;
        Ok(ServerEvents::new(self.base.clone(), body))
    }

    /// The body of a successful answer, before it is read.
    async fn begin(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<hyper::body::Incoming, MatchmakerError> {
        let request = self.request(&Method::GET, path, token, None::<&()>)?;
        let response = match self.transport.begin(request).await {
            Ok(response) => response,
            Err(none) => return Err(self.no_answer(path, none).at_once(&self.base)),
        };
        let (head, body) = response.into_parts();
        if head.status.is_success() {
            return Ok(body);
        }
        let body = Limited::new(body, ANSWER_LEN_MAX).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        Err(match serde_json::from_slice(&body) {
            Ok(problem) => MatchmakerError::Problem(shown(problem)),
            Err(_) => self.nonsense(path, format!("status {}", head.status)),
        })
    }
}
