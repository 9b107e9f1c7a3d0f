//! Players as operators see and make them.

use game_core::PlayerId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which players a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PlayerQuery {
    /// Upper bound on players in the page.
    #[param(minimum = 1, maximum = 500, default = 100)]
    #[serde(default)]
    pub limit: Option<usize>,
    /// The `next` of the page before.
    #[param(max_length = 1024)]
    pub after: Option<String>,
    /// Only accounts whose names begin like this, whatever the case.
    #[param(min_length = 1, max_length = 32)]
    pub name: Option<String>,
    /// Only players who are shut out, guests and players of an issuer included.
    #[serde(default)]
    pub revoked: bool,
}

impl PlayerQuery {
    const LIMIT_DEFAULT: usize = 100;

    /// How many players are wanted.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(Self::LIMIT_DEFAULT)
    }
}

/// A player in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedPlayer {
    /// The player's id.
    #[schema(value_type = String)]
    pub player: PlayerId,
    /// The account; `null` for guests and for players of an issuer.
    pub account: Option<AccountView>,
    /// Since when the player is shut out, in milliseconds since 1970; `null` if the player is not.
    pub revoked_at: Option<u64>,
}

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountView {
    /// The name.
    pub name: String,
    /// Whether a program plays.
    pub bot: bool,
    /// When the account was made, in milliseconds since 1970.
    pub made_at: u64,
    /// Whether it has a password.
    pub has_password: bool,
}

/// A page of players: accounts by their names, or players who are shut out, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlayerList {
    /// The players.
    pub players: Vec<ListedPlayer>,
    /// Where the next page begins; `null` on the last one.
    pub next: Option<String>,
}

/// Accounts to make, each with a login code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPlayers {
    /// The names, such as those of a class.
    #[schema(min_items = 1, max_items = 100)]
    pub names: Vec<String>,
    /// Whether programs play.
    #[serde(default)]
    pub bot: bool,
    /// How long the login codes are good, in hours.
    #[serde(default = "week_hours")]
    #[schema(minimum = 1, maximum = 744, default = 168)]
    pub hours: u32,
}

/// The usual life of a code, in hours.
pub(crate) const fn week_hours() -> u32 {
    7 * 24
}

/// How long a login code is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeLife {
    /// In hours.
    #[serde(default = "week_hours")]
    #[schema(minimum = 1, maximum = 744, default = 168)]
    pub hours: u32,
}

/// What became of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlayerMade {
    /// The name that was requested.
    pub name: String,
    /// The id of the new player; `null` if there is none.
    #[schema(value_type = Option<String>)]
    pub player: Option<PlayerId>,
    /// The login code, which nothing shows again; `null` if there is none.
    pub code: Option<String>,
    /// Why there is no account: `invalid_name` or `name_taken`.
    pub problem: Option<String>,
}

/// What became of each name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlayersMade {
    /// In the order of the names.
    pub players: Vec<PlayerMade>,
    /// When the login codes expire, in milliseconds since 1970.
    pub expires_at: u64,
}

/// A new login code, which nothing shows again. The former one of the account is void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CodeMade {
    /// The player whom it logs in.
    #[schema(value_type = String)]
    pub player: PlayerId,
    /// The code.
    pub code: String,
    /// When it expires, in milliseconds since 1970.
    pub expires_at: u64,
}

/// A player who is admitted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Restored {
    /// The player's id.
    #[schema(value_type = String)]
    pub player: PlayerId,
    /// Whether the player was shut out.
    pub was_revoked: bool,
}

/// An account that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Removed {
    /// The player's id.
    #[schema(value_type = String)]
    pub player: PlayerId,
}

/// An invitation to make.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// What it is for, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub label: String,
    /// How many accounts it is good for.
    #[schema(minimum = 1, maximum = 10_000)]
    pub uses: u32,
    /// How long it is good, in hours.
    #[serde(default = "week_hours")]
    #[schema(minimum = 1, maximum = 8_784, default = 168)]
    pub hours: u32,
}

/// An invitation, without its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvitationView {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// How many more accounts it is good for.
    pub uses_left: u32,
    /// When it was made, in milliseconds since 1970.
    pub made_at: u64,
    /// When it expires, in milliseconds since 1970.
    pub expires_at: u64,
}

/// A new invitation, whose code nothing shows again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvitationMade {
    /// What stays readable.
    #[serde(flatten)]
    pub invitation: InvitationView,
    /// The code.
    pub code: String,
}

/// The invitations that are good or were used up, by when they expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvitationList {
    /// The invitations.
    pub invitations: Vec<InvitationView>,
}
