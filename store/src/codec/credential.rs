//! The stored secrets of accounts, by their digests: API tokens, invitations and login codes.

use game_core::UnixMillis;
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{parse, stored_enum};
use crate::account::{ApiToken, Invitation, LoginCode, Scope, SecretDigest};

/// A secret that gives access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    ApiToken(ApiToken),
    Invitation(Invitation),
    LoginCode(LoginCode),
}

/// A [`Credential`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum CredentialV1 {
    ApiToken {
        digest: [u8; 32],
        owner: String,
        label: String,
        scopes: Vec<ScopeV1>,
        made_at_ms: u64,
        used_at_ms: Option<u64>,
    },
    Invitation {
        digest: [u8; 32],
        label: String,
        made_at_ms: u64,
        expires_at_ms: u64,
        uses_left: u32,
    },
    LoginCode {
        digest: [u8; 32],
        player: String,
        made_at_ms: u64,
        expires_at_ms: u64,
        used_by: Option<u64>,
    },
}

/// A [`Scope`], as version 1 knew them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum ScopeV1 {
    Read,
    Play,
    Account,
}

/// A [`Credential`], version 2: there are scopes for gateways.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum CredentialV2 {
    ApiToken {
        digest: [u8; 32],
        owner: String,
        label: String,
        scopes: Vec<StoredScope>,
        made_at_ms: u64,
        used_at_ms: Option<u64>,
    },
    Invitation {
        digest: [u8; 32],
        label: String,
        made_at_ms: u64,
        expires_at_ms: u64,
        uses_left: u32,
    },
    LoginCode {
        digest: [u8; 32],
        player: String,
        made_at_ms: u64,
        expires_at_ms: u64,
        used_by: Option<u64>,
    },
}

stored_enum!(
    /// A [`Scope`].
    StoredScope of Scope {
        Read,
        Play,
        Account,
        BotPlay,
        BoardPlay,
        ChallengeRead,
        ChallengeWrite,
        ChallengeBulk,
    }
);

impl From<ScopeV1> for StoredScope {
    fn from(scope: ScopeV1) -> Self {
        match scope {
            ScopeV1::Read => Self::Read,
            ScopeV1::Play => Self::Play,
            ScopeV1::Account => Self::Account,
        }
    }
}

impl Layout for CredentialV1 {
    const FORMAT: Format = Format::Credential;
    const VERSION: u8 = 1;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl Layout for CredentialV2 {
    const FORMAT: Format = Format::Credential;
    const VERSION: u8 = 2;
    type Former = CredentialV1;

    fn from_former(former: CredentialV1) -> Self {
        match former {
            CredentialV1::ApiToken {
                digest,
                owner,
                label,
                scopes,
                made_at_ms,
                used_at_ms,
            } => Self::ApiToken {
                digest,
                owner,
                label,
                scopes: scopes.into_iter().map(Into::into).collect(),
                made_at_ms,
                used_at_ms,
            },
            CredentialV1::Invitation {
                digest,
                label,
                made_at_ms,
                expires_at_ms,
                uses_left,
            } => Self::Invitation {
                digest,
                label,
                made_at_ms,
                expires_at_ms,
                uses_left,
            },
            CredentialV1::LoginCode {
                digest,
                player,
                made_at_ms,
                expires_at_ms,
                used_by,
            } => Self::LoginCode {
                digest,
                player,
                made_at_ms,
                expires_at_ms,
                used_by,
            },
        }
    }
}

impl From<&Credential> for CredentialV2 {
    fn from(credential: &Credential) -> Self {
        match credential {
            Credential::ApiToken(token) => {
                let ApiToken {
                    digest,
                    owner,
                    label,
                    scopes,
                    made_at,
                    used_at,
                } = token;
                Self::ApiToken {
                    digest: digest.0,
                    owner: owner.to_string(),
                    label: label.clone(),
                    scopes: scopes.iter().copied().map(Into::into).collect(),
                    made_at_ms: made_at.0,
                    used_at_ms: used_at.map(|at| at.0),
                }
            }
            Credential::Invitation(invitation) => {
                let Invitation {
                    digest,
                    label,
                    made_at,
                    expires_at,
                    uses_left,
                } = invitation;
                Self::Invitation {
                    digest: digest.0,
                    label: label.clone(),
                    made_at_ms: made_at.0,
                    expires_at_ms: expires_at.0,
                    uses_left: *uses_left,
                }
            }
            Credential::LoginCode(code) => {
                let LoginCode {
                    digest,
                    player,
                    made_at,
                    expires_at,
                    used_by,
                } = code;
                Self::LoginCode {
                    digest: digest.0,
                    player: player.to_string(),
                    made_at_ms: made_at.0,
                    expires_at_ms: expires_at.0,
                    used_by: *used_by,
                }
            }
        }
    }
}

impl TryFrom<CredentialV2> for Credential {
    type Error = String;

    fn try_from(stored: CredentialV2) -> Result<Self, String> {
        Ok(match stored {
            CredentialV2::ApiToken {
                digest,
                owner,
                label,
                scopes,
                made_at_ms,
                used_at_ms,
            } => Self::ApiToken(ApiToken {
                digest: SecretDigest(digest),
                owner: parse(&owner)?,
                label,
                scopes: scopes.into_iter().map(Into::into).collect(),
                made_at: UnixMillis(made_at_ms),
                used_at: used_at_ms.map(UnixMillis),
            }),
            CredentialV2::Invitation {
                digest,
                label,
                made_at_ms,
                expires_at_ms,
                uses_left,
            } => Self::Invitation(Invitation {
                digest: SecretDigest(digest),
                label,
                made_at: UnixMillis(made_at_ms),
                expires_at: UnixMillis(expires_at_ms),
                uses_left,
            }),
            CredentialV2::LoginCode {
                digest,
                player,
                made_at_ms,
                expires_at_ms,
                used_by,
            } => Self::LoginCode(LoginCode {
                digest: SecretDigest(digest),
                player: parse(&player)?,
                made_at: UnixMillis(made_at_ms),
                expires_at: UnixMillis(expires_at_ms),
                used_by,
            }),
        })
    }
}
