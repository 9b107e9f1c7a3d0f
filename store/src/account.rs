//! Named accounts, and the secrets that give access to them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use game_core::{PlayerId, UnixMillis};

/// How long an API token is kept that nobody uses.
pub const API_TOKEN_UNUSED_KEPT: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// The longest life of an invitation.
pub const INVITATION_LIFE_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// Upper bound on accounts in one page.
pub const ACCOUNTS_PAGE_MAX: usize = 500;

/// A player with a name that nobody else has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The player.
    pub id: PlayerId,
    /// The name as its owner writes it.
    pub name: String,
    /// What the name is unique by: equal for names that people take for the same one. Without control characters.
    pub name_key: String,
    /// Whether a program plays.
    pub is_bot: bool,
    /// Hash of the password in the PHC string format; `None` if the account has no password.
    pub password: Option<PasswordHash>,
    /// When the account was made.
    pub made_at: UnixMillis,
}

/// The hash of a password, as text. Debug output omits it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// SHA-256 of a secret that its holder presents. The secret itself is not stored; as it is random and long, its digest
/// gives no access to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretDigest(pub [u8; 32]);

/// Not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 lower-case hexadecimal digits")]
pub struct InvalidDigest;

impl fmt::Display for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretDigest({self})")
    }
}

impl FromStr for SecretDigest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(InvalidDigest),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(InvalidDigest);
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(bytes))
    }
}

/// What an API token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// To read what its owner may read.
    Read,
    /// To request matches and to play them.
    Play,
    /// To manage the account: its password and its API tokens.
    Account,
    /// To play as a program, by a gateway's bot API.
    BotPlay,
    /// To play by a gateway's board API.
    BoardPlay,
    /// To read challenges.
    ChallengeRead,
    /// To make, accept, decline and withdraw challenges.
    ChallengeWrite,
    /// To make many matches of other players at once.
    ChallengeBulk,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Play,
        Self::Account,
        Self::BotPlay,
        Self::BoardPlay,
        Self::ChallengeRead,
        Self::ChallengeWrite,
        Self::ChallengeBulk,
    ];

    /// Whether who has this scope may do what needs `other`.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        let included: &[Self] = match self {
            Self::Play => &[
                Self::Read,
                Self::BotPlay,
                Self::BoardPlay,
                Self::ChallengeRead,
                Self::ChallengeWrite,
            ],
            Self::BotPlay | Self::BoardPlay => {
                &[Self::Read, Self::ChallengeRead, Self::ChallengeWrite]
            }
            Self::Read | Self::ChallengeWrite => &[Self::ChallengeRead],
            Self::Account | Self::ChallengeRead | Self::ChallengeBulk => &[],
        };
        self == other || included.contains(&other)
    }
}

/// A token that its owner has made for a program, and may remove at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// The digest of the token, which also names it.
    pub digest: SecretDigest,
    /// Whose account it gives access to.
    pub owner: PlayerId,
    /// What the owner calls it.
    pub label: String,
    /// What it allows, in order and without repetition.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub made_at: UnixMillis,
    /// When it was last used, if it was. May be some minutes old.
    pub used_at: Option<UnixMillis>,
}

/// The permission to make accounts where sign-up is by invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The digest of the invitation's code, which also names it.
    pub digest: SecretDigest,
    /// What the operator calls it.
    pub label: String,
    /// When it was made.
    pub made_at: UnixMillis,
    /// When it expires: at most [`INVITATION_LIFE_MAX`] after it was made.
    pub expires_at: UnixMillis,
    /// How many more accounts it is good for.
    pub uses_left: u32,
}

/// A secret with which one person logs in once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginCode {
    /// The digest of the code.
    pub digest: SecretDigest,
    /// The account that it logs in to.
    pub player: PlayerId,
    /// When it was made.
    pub made_at: UnixMillis,
    /// When it expires.
    pub expires_at: UnixMillis,
    /// The request that has used it, if one has.
    pub used_by: Option<u64>,
}

/// What became of a request to make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountCreated {
    /// It exists now, or existed with this id already.
    Made,
    /// An account of another id has a name of the same key.
    NameTaken,
    /// The invitation does not exist, has expired or was used up.
    NotInvited,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written_and_nothing_else_is() {
        let digest = SecretDigest(std::array::from_fn(|at| at as u8 * 8 + 7));
        let text = digest.to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(text.parse(), Ok(digest));
        for odd in [
            "",
            &text[..63],
            &text[..62],
            &text.to_uppercase(),
            &format!("{text}0"),
            &format!("{}é", &text[..62]),
        ] {
            assert_eq!(odd.parse::<SecretDigest>(), Err(InvalidDigest), "{odd}");
        }
    }

    #[test]
    fn to_play_includes_what_its_parts_allow_and_no_more() {
        for scope in Scope::ALL {
            assert!(scope.includes(scope));
            for included in Scope::ALL
                .into_iter()
                .filter(|other| scope.includes(*other))
            {
                let all = Scope::ALL
                    .into_iter()
                    .filter(|other| included.includes(*other));
                assert!(
                    all.into_iter().all(|other| scope.includes(other)),
                    "{scope:?}"
                );
            }
        }
        let of_play = Scope::ALL.map(|other| Scope::Play.includes(other));
        assert_eq!(of_play, [true, true, false, true, true, true, true, false]);
        assert!(!Scope::Read.includes(Scope::Play) && !Scope::BotPlay.includes(Scope::Play));
    }

    #[test]
    fn debug_output_omits_the_hash_of_a_password() {
        let hash = PasswordHash("$argon2id$secret".to_owned());
        assert!(!format!("{hash:?}").contains("secret"));
    }
}
