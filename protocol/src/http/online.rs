//! Who is there: players who are online, several players in one request, and what a token is.

use game_core::{PlayerId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::{ApiScope, PublicPlayer};

/// The players who are online: those with an account whose `GET /v1/account/events` is open at some matchmaker, or was
/// until some seconds ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OnlinePlayers {
    /// In no order.
    pub players: Vec<PublicPlayer>,
}

/// Asks for several accounts: 100 at most, by id and by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlayerLookup {
    /// Ids of players.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub players: Vec<PlayerId>,
    /// Names, in any case.
    #[serde(default)]
    pub names: Vec<String>,
}

/// The accounts that were asked for, each at the place of its id or name; `null` where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlayerLookupReply {
    /// Those of the ids.
    pub players: Vec<Option<PublicPlayer>>,
    /// Those of the names.
    pub names: Vec<Option<PublicPlayer>>,
}

/// Asks what tokens are: 20 at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenTest {
    /// The tokens.
    pub tokens: Vec<String>,
}

/// What tokens are, each at the place of the token; `null` for one that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenTestReply {
    /// The tokens.
    pub tokens: Vec<Option<TokenView>>,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Whose it is.
    #[schema(value_type = String)]
    pub player: PlayerId,
    /// The name of its owner.
    pub name: String,
    /// Whether its owner is a program.
    pub bot: bool,
    /// What it allows, those scopes included that another one implies.
    pub scopes: Vec<ApiScope>,
    /// When it expires, in milliseconds since 1970; `null` for an API token that its owner keeps using.
    #[schema(value_type = Option<u64>)]
    pub expires_at: Option<UnixMillis>,
}
