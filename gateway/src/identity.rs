//! Who sends a request: the owner of its token.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use client::Matchmaker;
use game_core::PlayerId;
use lru::LruCache;
use protocol::http::{ApiScope, TokenTest, TokenView};
use tokio::time::Instant;

use crate::refusal::Refusal;

/// How long what is known of a token is believed: a token that is removed is refused after this at the latest.
const KNOWN_FOR: Duration = Duration::from_secs(30);
/// Upper bound on tokens that are remembered, about 300 bytes each.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");
/// Longest token: that of an issuer.
const TOKEN_LEN_MAX: usize = 8 * 1_024;

/// Scopes of which a route needs one.
pub(crate) type Needs = &'static [ApiScope];

/// To play as a bot.
pub(crate) const BOT: Needs = &[ApiScope::BotPlay, ApiScope::Play];
/// To play as a person at a board.
pub(crate) const BOARD: Needs = &[ApiScope::BoardPlay, ApiScope::Play];
/// To play at all.
pub(crate) const PLAYS: Needs = &[ApiScope::BotPlay, ApiScope::BoardPlay, ApiScope::Play];
/// To hear of challenges.
pub(crate) const READS_CHALLENGES: Needs = &[
    ApiScope::ChallengeRead,
    ApiScope::ChallengeWrite,
    ApiScope::BotPlay,
    ApiScope::BoardPlay,
    ApiScope::Play,
];
/// To answer challenges, and to make some.
pub(crate) const WRITES_CHALLENGES: Needs = &[
    ApiScope::ChallengeWrite,
    ApiScope::BotPlay,
    ApiScope::BoardPlay,
    ApiScope::Play,
];
/// To pair others.
pub(crate) const PAIRS_OTHERS: Needs = &[ApiScope::ChallengeBulk];
/// Any token will do.
pub(crate) const ANYTHING: Needs = &[];

/// The owner of the token of a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) player: PlayerId,
    pub(crate) name: Arc<str>,
    pub(crate) is_bot: bool,
    pub(crate) token: Arc<str>,
    scopes: Arc<[ApiScope]>,
}

impl Caller {
    fn new(token: Arc<str>, view: TokenView) -> Self {
        Self {
            player: view.player,
            name: view.name.into(),
            is_bot: view.bot,
            token,
            scopes: view.scopes.into(),
        }
    }

    fn may(&self, needs: Needs) -> bool {
        needs.is_empty() || needs.iter().any(|scope| self.scopes.contains(scope))
    }
}

/// What is known of tokens.
pub(crate) struct Identities {
    matchmaker: Matchmaker,
    known: Mutex<LruCache<Arc<str>, (Caller, Instant)>>,
}

impl Identities {
    pub(crate) fn new(matchmaker: Matchmaker) -> Self {
        Self {
            matchmaker,
            known: Mutex::new(LruCache::new(REMEMBERED_MAX)),
        }
    }

    /// The owner of the token of a request, who must have one of the scopes.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if there is no such token, or it has none of them.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        needs: Needs,
    ) -> Result<Caller, Refusal> {
        let caller = self
            .owner(bearer(headers).ok_or(Refusal::no_token())?)
            .await?;
        if caller.may(needs) {
            Ok(caller)
        } else {
            Err(Refusal::no_scope())
        }
    }

    /// The owner of a token. While the matchmaker does not answer, what was known of it stays true.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if there is no such token.
    pub(crate) async fn owner(&self, token: &str) -> Result<Caller, Refusal> {
        let known = self.known(token);
        if let Some((caller, at)) = &known
            && at.elapsed() < KNOWN_FOR
        {
            return Ok(caller.clone());
        }
        let token: Arc<str> = token.into();
        let test = TokenTest {
            tokens: vec![token.to_string()],
        };
        let view = match (self.matchmaker.test_tokens(&test).await, known) {
            (Ok(mut reply), _) => reply.tokens.pop().flatten(),
            (Err(error), Some((caller, _))) if error.is_retryable() => return Ok(caller),
            (Err(error), _) => return Err(error.into()),
        };
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(view) = view else {
            all.pop(&token);
            return Err(Refusal::no_token());
        };
        let caller = Caller::new(Arc::clone(&token), view);
        all.put(token, (caller.clone(), Instant::now()));
        Ok(caller)
    }

    /// Whether the token of a request is one that was accepted lately.
    pub(crate) fn knows(&self, headers: &HeaderMap) -> bool {
        bearer(headers).is_some_and(|token| self.known(token).is_some())
    }

    fn known(&self, token: &str) -> Option<(Caller, Instant)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(token).cloned()
    }
}

/// The token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let fits = !token.is_empty() && token.len() <= TOKEN_LEN_MAX;
    (scheme.eq_ignore_ascii_case("bearer") && fits).then_some(token)
}
