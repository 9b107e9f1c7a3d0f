//! Who a token stands for.

use std::time::Duration;

use game_core::{Player, PlayerId, UnixMillis};
use protocol::name;
use store::{Account, ApiToken, Scope};
use tokens::TokenError;
use web::sentence;

use crate::clock::now;
use crate::identity::{API_TOKEN_PREFIX, digest_of};
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// How far an API token's last use may be behind in the store: each update costs a write.
const USED_TO: Duration = Duration::from_secs(10 * 60);

/// A player, and by what the player was recognised.
pub(crate) struct Identified {
    pub(crate) player: Player,
    /// Whether it is a player of the issuer.
    pub(crate) is_foreign: bool,
    /// The account, if it was read.
    pub(crate) account: Option<Account>,
    /// The scopes of an API token; `None` for a token that allows everything.
    pub(crate) scopes: Option<Vec<Scope>>,
    /// When the token expires, in seconds since 1970, if it does and says so.
    pub(crate) expires_at_s: Option<u64>,
}

/// The same before it is known whether the player is admitted.
pub(crate) struct Claimed {
    pub(crate) player: Player,
    by: By,
}

/// What a token is.
enum By {
    /// A token that is signed: when it was, if it says so, when it expires, and whether the issuer signed it.
    Signature {
        made_at: Option<UnixMillis>,
        expires_at_s: Option<u64>,
        is_foreign: bool,
    },
    ApiToken(Box<ApiToken>, Account),
}

impl Identified {
    /// The player of a token, which is valid now.
    pub(crate) async fn of(token: &str, service: &Service) -> Result<Self, Problem> {
        let claimed = Self::claimed_by(token, service).await?;
        claimed.admitted(service).await
    }

    /// The player of a token, who may have been shut out, or have ended it.
    pub(crate) async fn claimed_by(token: &str, service: &Service) -> Result<Claimed, Problem> {
        if token.starts_with(API_TOKEN_PREFIX) {
            let found = service.store.api_token(&digest_of(token)).await?;
            let Some((token, account)) = found else {
                let why = "No account has this API token: it is wrong or was removed.";
                return Err(Problem::new(Kind::TokenInvalid, why));
            };
            return Ok(Claimed {
                player: named(account.id.clone(), &account.name, account.is_bot),
                by: By::ApiToken(Box::new(token), account),
            });
        }
        if let Some(issuer) = &service.issuer
            && issuer.is_named_by(token)
        {
            let foreign = issuer.player(token).await?;
            return Ok(Claimed {
                player: named(foreign.player, &foreign.name, false),
                by: By::Signature {
                    made_at: foreign.made_at,
                    expires_at_s: None,
                    is_foreign: true,
                },
            });
        }
        let claims = service.verifying_key.player(token, now());
        let claims = claims.map_err(refused)?;
        Ok(Claimed {
            player: named(claims.player, &claims.name, claims.bot),
            by: By::Signature {
                made_at: claims.made_at,
                expires_at_s: Some(claims.exp),
                is_foreign: false,
            },
        })
    }
}

impl Claimed {
    /// Refuses a player who is shut out, and a token that its player has ended.
    pub(crate) async fn admitted(self, service: &Service) -> Result<Identified, Problem> {
        let validity = service.admitted(&self.player.id).await?;
        match self.by {
            By::Signature {
                made_at,
                expires_at_s,
                is_foreign,
            } => {
                // A token that does not say when it was signed may have been signed at any time.
                let is_void = |void_up_to| made_at.is_none_or(|made_at| made_at <= void_up_to);
                if validity.void_up_to.is_some_and(is_void) {
                    let why = "The token was ended by its player: log in again.";
                    return Err(Problem::new(Kind::TokenRevoked, why));
                }
                Ok(Identified {
                    player: self.player,
                    is_foreign,
                    account: None,
                    scopes: None,
                    expires_at_s,
                })
            }
            By::ApiToken(token, account) => {
                let now = now();
                let used_to_ms = USED_TO.as_millis() as u64;
                let is_recent = |at: UnixMillis| now.0.saturating_sub(at.0) < used_to_ms;
                if !token.used_at.is_some_and(is_recent) {
                    service.store.touch_api_token(&token, now).await?;
                }
                Ok(Identified {
                    player: self.player,
                    is_foreign: false,
                    account: Some(account),
                    scopes: Some(token.scopes),
                    expires_at_s: None,
                })
            }
        }
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
