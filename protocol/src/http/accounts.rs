//! Accounts: making one, logging in, and what gives programs access.

use game_core::{PlayerId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Requests an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The name: 1 to 32 visible characters ([`crate::name`]) that no other account's name is taken for.
    pub name: String,
    /// The password: 8 to 128 characters.
    pub password: String,
    /// Whether a program plays, of which opponents are told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    /// The code of an invitation, where accounts are made by invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
}

/// Requests a player token for an account: by name and password, or by a login code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The name of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// A login code instead, which is used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Requests another password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The present password, if the account has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The new one: 8 to 128 characters.
    pub new: String,
}

/// What everybody may know of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicPlayer {
    /// The id of the player.
    #[schema(value_type = String)]
    pub player: PlayerId,
    /// The name.
    pub name: String,
    /// Whether a program plays.
    pub bot: bool,
    /// When the account was made, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub made_at: UnixMillis,
    /// Whether the player is online: has `GET /v1/account/events` open, or had until some seconds ago.
    #[serde(default)]
    pub online: bool,
}

/// An account, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountReply {
    /// What everybody may know; its keys stand beside the others.
    #[serde(flatten)]
    pub player: PublicPlayer,
    /// Whether it has a password.
    pub has_password: bool,
}

/// What an API token allows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ApiScope {
    /// To read what its owner may read.
    Read,
    /// To request matches and to play them; includes all others but `account` and `challenge:bulk`.
    Play,
    /// To manage the account: its password and its API tokens.
    Account,
    /// To play as a program by the bot API of a gateway; includes `read`.
    #[serde(rename = "bot:play")]
    BotPlay,
    /// To play by the board API of a gateway; includes `read`.
    #[serde(rename = "board:play")]
    BoardPlay,
    /// To read challenges.
    #[serde(rename = "challenge:read")]
    ChallengeRead,
    /// To make, accept, decline and withdraw challenges.
    #[serde(rename = "challenge:write")]
    ChallengeWrite,
    /// To make many matches of other players at once.
    #[serde(rename = "challenge:bulk")]
    ChallengeBulk,
}

/// Requests an API token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiToken {
    /// What its owner calls it: 1 to 32 visible characters.
    pub label: String,
    /// What it allows: at least one scope.
    pub scopes: Vec<ApiScope>,
}

/// An API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiTokenView {
    /// Its id: 64 hexadecimal digits.
    pub id: String,
    /// What its owner calls it.
    pub label: String,
    /// What it allows.
    pub scopes: Vec<ApiScope>,
    /// When it was made, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub made_at: UnixMillis,
    /// When it was last used, to ten minutes; `null` if it never was.
    #[schema(value_type = Option<u64>)]
    pub used_at: Option<UnixMillis>,
}

/// A new API token. This reply alone has its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiTokenReply {
    /// What stays readable; its keys stand beside the others.
    #[serde(flatten)]
    pub view: ApiTokenView,
    /// The token, to be sent as `Authorization: Bearer`.
    pub token: String,
}

/// The API tokens of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiTokenList {
    /// The tokens, the newest first.
    pub tokens: Vec<ApiTokenView>,
}
