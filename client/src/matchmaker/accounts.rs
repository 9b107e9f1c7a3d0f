//! Accounts: making one, and logging in.

use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use protocol::http::{LogIn, NewAccount, PlayerReply};

use super::checked::is_token;
use super::{Matchmaker, MatchmakerError};
use crate::printable;

const ACCOUNTS: &str = "/v1/accounts";
const LOGIN: &str = "/v1/login";

/// The header by which the matchmaker knows a repetition.
pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key of a request whose repetition would fail if the first attempt succeeded: the name is taken then, and the login
/// code used up.
pub(super) fn idempotency_key(method: &Method, path: &str) -> Option<HeaderValue> {
    let needs_one = *method == Method::POST && [ACCOUNTS, LOGIN].contains(&path);
    let key = needs_one.then(|| format!("{:032x}", rand::random::<u128>()))?;
    HeaderValue::try_from(key).ok()
}

impl Matchmaker {
    /// Makes an account, whose player the reply names.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`], as all that follow.
    pub async fn sign_up(&self, account: &NewAccount) -> Result<PlayerReply, MatchmakerError> {
        let reply = self.post(ACCOUNTS, None, Some(account)).await?;
        self.of_player(ACCOUNTS, reply)
    }

    /// A player token for an account.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub async fn log_in(&self, log_in: &LogIn) -> Result<PlayerReply, MatchmakerError> {
        let reply = self.post(LOGIN, None, Some(log_in)).await?;
        self.of_player(LOGIN, reply)
    }

    /// A reply that has a token, and a name that can be shown.
    pub(super) fn of_player(
        &self,
        path: &str,
        mut player: PlayerReply,
    ) -> Result<PlayerReply, MatchmakerError> {
        if !is_token(&player.token) {
            return Err(self.nonsense(path, "its player token is none"));
        }
        player.name = printable(&player.name).into_owned();
        Ok(player)
    }
}
