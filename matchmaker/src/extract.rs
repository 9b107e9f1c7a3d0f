//! Extractors of the matchmaker: the caller, and how long to wait.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts, Query};
use axum::http::request::Parts;
use game_core::{Player, PlayerId, UnixMillis};
use protocol::name;
use serde::Deserialize;
use store::{Account, Scope};
use tokens::TokenError;
use utoipa::IntoParams;
use web::{client_address, sentence};

use crate::allowances::Client;
use crate::clock::now;
use crate::identity::{API_TOKEN_PREFIX, digest_of};
use crate::limits::WAIT_MAX;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// How far an API token's last use may be behind in the store: each update costs a write.
const USED_TO: Duration = Duration::from_secs(10 * 60);

/// The player whose token came with the request.
pub(crate) struct Caller(pub(crate) Player);

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let identified = Identified::by(parts, service).await?;
        let allowing: &[Scope] = if parts.method.is_safe() {
            &[Scope::Read, Scope::Play]
        } else {
            &[Scope::Play]
        };
        identified.check_scope(allowing)?;
        Ok(Self(identified.player))
    }
}

/// The account whose token came with the request, to be managed.
pub(crate) struct Holder(pub(crate) Account);

impl FromRequestParts<Arc<Service>> for Holder {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let identified = Identified::by(parts, service).await?;
        identified.check_scope(&[Scope::Account])?;
        let account = match identified.account {
            Some(account) => Some(account),
            None => service.store.account(&identified.player.id).await?,
        };
        account.map(Self).ok_or_else(|| {
            let why = "This player has no account here: make one with POST /v1/accounts.";
            Problem::new(Kind::NoAccount, why)
        })
    }
}

/// The player whose own token of this installation came with the request, and who may therefore have another one.
pub(crate) struct Bearer(pub(crate) Player);

impl FromRequestParts<Arc<Service>> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let identified = Identified::by(parts, service).await?;
        if identified.scopes.is_none() && !identified.is_foreign {
            return Ok(Self(identified.player));
        }
        let why = "Only a guest, or somebody who has logged in here, can go on at another device by a code: log in there \
                   instead.";
        Err(Problem::new(Kind::NotTransferable, why))
    }
}

/// A player, and by what the player was recognised.
struct Identified {
    player: Player,
    /// Whether it is a player of the issuer.
    is_foreign: bool,
    /// The account, if it was read.
    account: Option<Account>,
    /// The scopes of an API token; `None` for a token that allows everything.
    scopes: Option<Vec<Scope>>,
}

impl Identified {
    async fn by(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Problem> {
        let client = Client::from_request_parts(parts, service).await?;
        let token = web::bearer::<Service>(&parts.headers)?;
        if token.starts_with(API_TOKEN_PREFIX) {
            let identified = Self::by_api_token(token, service).await?;
            service
                .allowances
                .player_request(client, &identified.player.id)?;
            return Ok(identified);
        }
        let (player, made_at, is_foreign) = match &service.issuer {
            Some(issuer) if issuer.is_named_by(token) => {
                let foreign = issuer.player(token).await?;
                let player = named(foreign.player, &foreign.name, false);
                (player, foreign.made_at, true)
            }
            _ => {
                let claims = service.verifying_key.player(token, now());
                let claims = claims.map_err(refused)?;
                let player = named(claims.player, &claims.name, claims.bot);
                (player, claims.made_at, false)
            }
        };
        service.allowances.player_request(client, &player.id)?;
        let validity = service.admitted(&player.id).await?;
        // A token that does not say when it was signed may have been signed at any time.
        let is_void = |void_up_to| made_at.is_none_or(|made_at| made_at <= void_up_to);
        if validity.void_up_to.is_some_and(is_void) {
            let why = "The token was ended by its player: log in again.";
            return Err(Problem::new(Kind::TokenRevoked, why));
        }
        Ok(Self {
            player,
            is_foreign,
            account: None,
            scopes: None,
        })
    }

    async fn by_api_token(token: &str, service: &Service) -> Result<Self, Problem> {
        let found = service.store.api_token(&digest_of(token)).await?;
        let Some((token, account)) = found else {
            let why = "No account has this API token: it is wrong or was removed.";
            return Err(Problem::new(Kind::TokenInvalid, why));
        };
        service.admitted(&account.id).await?;
        let now = now();
        let used_to_ms = USED_TO.as_millis() as u64;
        let is_recent = |at: UnixMillis| now.0.saturating_sub(at.0) < used_to_ms;
        if !token.used_at.is_some_and(is_recent) {
            service.store.touch_api_token(&token, now).await?;
        }
        Ok(Self {
            player: named(account.id.clone(), &account.name, account.is_bot),
            is_foreign: false,
            account: Some(account),
            scopes: Some(token.scopes),
        })
    }

    /// Refuses if the token has none of these scopes.
    fn check_scope(&self, allowing: &[Scope]) -> Result<(), Problem> {
        let has = |scopes: &Vec<Scope>| scopes.iter().any(|scope| allowing.contains(scope));
        if self.scopes.as_ref().is_none_or(has) {
            return Ok(());
        }
        let why = "The API token does not have the scope that this request needs.";
        Err(Problem::new(Kind::ScopeMissing, why))
    }
}

fn refused(error: TokenError) -> Problem {
    match error {
        TokenError::Invalid(_) | TokenError::Early => Problem::new(
            Kind::TokenInvalid,
            format!("{}.", sentence(&error.to_string())),
        ),
        TokenError::Expired => Problem::new(
            Kind::TokenExpired,
            "The player token has expired: get a new one with POST /v1/players or POST /v1/login.",
        ),
    }
}

/// A player under a name that is fit for the records.
fn named(id: PlayerId, name: &str, is_bot: bool) -> Player {
    let name =
        name::clean(name).unwrap_or_else(|| id.as_str().chars().take(name::LEN_MAX).collect());
    Player {
        id,
        name: name.into(),
        rating: None,
        is_bot,
    }
}

/// The player who reads what anyone may read, if a valid token came with the request.
pub(crate) struct Reader(pub(crate) Option<Player>);

impl FromRequestParts<Arc<Service>> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Infallible> {
        let caller = Caller::from_request_parts(parts, service).await;
        Ok(Self(caller.ok().map(|Caller(player)| player)))
    }
}

impl FromRequestParts<Arc<Service>> for Client {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let ConnectInfo(peer) = peer.ok_or_else(|| {
            tracing::error!("a request came without the address of its connection");
            Problem::new(Kind::Internal, "The connection has no address.")
        })?;
        let limits = &service.config.limits;
        let address = client_address(peer.ip(), &parts.headers, &limits.trusted_proxy);
        Ok(Self::at(address, limits))
    }
}

/// Upper bound on the reply's wait for an opponent: `?wait_ms=`.
pub(crate) struct Wait(pub(crate) Duration);

/// How long the reply may wait.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitQuery {
    /// Milliseconds by which the reply may be delayed, up to 20000.
    #[serde(default)]
    wait_ms: u64,
}

impl<S: Send + Sync> FromRequestParts<S> for Wait {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(query) = Query::<WaitQuery>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| {
                let why = rejection.body_text();
                Problem::new(
                    Kind::InvalidRequest,
                    format!(
                        "{}; wait_ms is a number of milliseconds, 0 to 20000.",
                        sentence(&why)
                    ),
                )
            })?;
        Ok(Self(Duration::from_millis(query.wait_ms).min(WAIT_MAX)))
    }
}
