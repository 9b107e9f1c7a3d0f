//! Requests that are carried out once, under a key of the caller's choice: sent again within 24 hours, by whichever process, they
//! change nothing more and have their first answer.

use hyper::Method;
use hyper::header::HeaderValue;
use protocol::http::{NewChallenge, NewPlayer, PlayerReply, TicketReply};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checked::known;
use super::{Matchmaker, MatchmakerError};

/// The code by which the matchmaker says that the first request is being carried out.
pub(super) const IN_PROGRESS: &str = "request_in_progress";

impl Matchmaker {
    /// Creates a guest that is a program. The key counts for the address that it is sent from.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`], as all that follow; [`MatchmakerError::Key`] for a key that cannot be sent.
    pub async fn new_bot_once(
        &self,
        key: &str,
        name: Option<&str>,
    ) -> Result<PlayerReply, MatchmakerError> {
        let path = "/v1/players";
        let name = name.map(str::to_owned);
        let body = NewPlayer { name, bot: true };
        let reply = self.post_once(key, path, None, Some(&body)).await?;
        self.of_player(path, reply)
    }

    /// Requests a match that another player accepts. The key counts for the player.
    ///
    /// # Errors
    ///
    /// As [`Self::new_bot_once`].
    pub async fn create_challenge_once(
        &self,
        key: &str,
        token: &str,
        challenge: &NewChallenge,
    ) -> Result<TicketReply, MatchmakerError> {
        let path = "/v1/challenges";
        let reply = self
            .post_once(key, path, Some(token), Some(challenge))
            .await?;
        self.named(path, reply)
    }

    /// Accepts a challenge. The key counts for the player.
    ///
    /// # Errors
    ///
    /// As [`Self::new_bot_once`].
    pub async fn accept_challenge_once(
        &self,
        key: &str,
        token: &str,
        id: &str,
    ) -> Result<TicketReply, MatchmakerError> {
        let path = format!("/v1/challenges/{}/accept", known(id)?);
        let reply = self.post_once(key, &path, Some(token), None::<&()>).await?;
        self.named(&path, reply)
    }

    async fn post_once<T: DeserializeOwned>(
        &self,
        key: &str,
        path: &str,
        token: Option<&str>,
        json: Option<&impl Serialize>,
    ) -> Result<T, MatchmakerError> {
        const LEN_MAX: usize = 255;
        let is_key =
            (1..=LEN_MAX).contains(&key.len()) && key.bytes().all(|c| c.is_ascii_graphic());
        let key = HeaderValue::from_str(key).ok().filter(|_| is_key);
        let key = key.ok_or(MatchmakerError::Key)?;
        let body = self
            .ask_with(Some(key), Method::POST, path, token, json)
            .await?;
        serde_json::from_slice(&body).map_err(|error| self.nonsense(path, error))
    }
}
