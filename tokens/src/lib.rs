//! Signed tokens: the player token (who a player is) and the seat token (which seat a player may take).
//!
//! A matchmaker signs with a [`SigningKey`]; shards check with the [`VerifyingKey`], its public half. Both tokens are
//! JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037), told apart by their audience. No other algorithm is
//! accepted, so a token cannot choose one. Time is an argument.
//!
//! [`IssuerKeys`] checks the tokens of an issuer of the operator's own, by the keys that it publishes.

mod crypto;
mod issuer;
mod numeric_date;
mod validity;

use game_core::{MatchId, PlayerId, UnixMillis};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use protocol::Role;
use protocol::codec::TOKEN_LEN_MAX;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::issuer::{
    ForeignPlayer, ISSUER_TOKEN_LEN_MAX, InvalidIssuerKeys, IssuerError, IssuerKeys, issuer_of,
};
pub use self::validity::{LEEWAY_S, TokenError};
use self::validity::{check_begin, check_expiry};

const PLAYER_AUDIENCE: &str = "rookery-player";
const SEAT_AUDIENCE: &str = "rookery-seat";

/// PEM's label of a private key in PKCS#8 (RFC 7468 section 10).
const PRIVATE_TAG: &str = "PRIVATE KEY";

/// PEM's label of a SubjectPublicKeyInfo (RFC 7468 section 13).
const PUBLIC_TAG: &str = "PUBLIC KEY";

/// The fixed head of an Ed25519 public key in SubjectPublicKeyInfo (RFC 8410 section 4).
const SPKI_HEAD: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0,
];

/// A key that cannot be read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 {expected} key in PEM: {why}")]
pub struct InvalidKey {
    expected: &'static str,
    why: String,
}

/// Who a player is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerClaims {
    /// The player.
    #[serde(rename = "sub")]
    pub player: PlayerId,
    /// What the records call the player.
    pub name: String,
    /// Whether a program plays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    /// When it was signed, so that a revocation voids earlier tokens only; `None` if the token does not say.
    #[serde(
        rename = "iat",
        default,
        skip_serializing_if = "Option::is_none",
        with = "numeric_date"
    )]
    pub made_at: Option<UnixMillis>,
    /// End of validity, in seconds since 1970.
    pub exp: u64,
}

/// The right to one seat, or to watch, in one match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatClaims {
    /// The match.
    #[serde(rename = "mid")]
    pub match_id: MatchId,
    /// The seat, or the spectators' bench.
    pub role: Role,
    /// Who holds the right.
    #[serde(rename = "sub")]
    pub player: PlayerId,
    /// End of validity, in seconds since 1970.
    pub exp: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Addressed<T> {
    aud: String,
    /// Begin of validity (RFC 7519 section 4.1.5), in seconds since 1970, which may have a fraction. Not
    /// signed here; other issuers may.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "numeric_date::seconds"
    )]
    nbf: Option<f64>,
    #[serde(flatten)]
    claims: T,
}

/// The matchmaker's key: it signs tokens.
#[derive(Clone)]
pub struct SigningKey {
    key: EncodingKey,
    public: [u8; 32],
}

impl SigningKey {
    /// Makes a new key from the system's randomness and returns it with its PEM text (PKCS#8, RFC
    /// 8410), which [`SigningKey::from_pem`] reads back.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] when the system has no randomness to give.
    pub fn generate() -> Result<(Self, String), InvalidKey> {
        let document =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| InvalidKey {
                expected: "private",
                why: "no randomness".into(),
            })?;
        let pem = pem::encode(&pem::Pem::new(PRIVATE_TAG, document.as_ref()));
        Ok((Self::from_pem(&pem)?, pem))
    }

    /// Reads a private key in PEM (PKCS#8), as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] when it is not such a key.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        let invalid = |why: String| InvalidKey {
            expected: "private",
            why,
        };
        let parsed = pem::parse(text).map_err(|error| invalid(error.to_string()))?;
        if parsed.tag() != PRIVATE_TAG {
            return Err(invalid(format!("it is labelled {}", parsed.tag())));
        }
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(parsed.contents())
            .map_err(|error| invalid(error.to_string()))?;
        let key = EncodingKey::from_ed_der(parsed.contents());
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| invalid("its public half is not 32 bytes".into()))?;
        crypto::install();
        Ok(Self { key, public })
    }

    /// The key that checks this one's signatures.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey::from_bytes(self.public)
    }

    /// A secret for another purpose than signing, that whoever has this key can make again and
    /// nobody else (HMAC-SHA-256 of the purpose under the private key).
    #[must_use]
    pub fn derive_secret(&self, purpose: &str) -> [u8; 32] {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.key.as_bytes());
        let tag = ring::hmac::sign(&key, purpose.as_bytes());
        let mut secret = [0; 32];
        secret.copy_from_slice(tag.as_ref());
        secret
    }

    /// Signs a player token.
    #[must_use]
    pub fn player_token(&self, claims: &PlayerClaims) -> String {
        self.sign(PLAYER_AUDIENCE, claims)
    }

    /// Signs a seat token.
    #[must_use]
    pub fn seat_token(&self, claims: &SeatClaims) -> String {
        self.sign(SEAT_AUDIENCE, claims)
    }

    fn sign<T: Serialize>(&self, audience: &str, claims: &T) -> String {
        let addressed = Addressed {
            aud: audience.to_owned(),
            nbf: None,
            claims,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &addressed, &self.key)
            .expect("a key that was read signs, and claims are JSON")
    }
}

/// The public half of the matchmaker's key: it checks tokens.
#[derive(Clone)]
pub struct VerifyingKey {
    key: DecodingKey,
    public: [u8; 32],
}

impl VerifyingKey {
    fn from_bytes(public: [u8; 32]) -> Self {
        crypto::install();
        Self {
            key: DecodingKey::from_ed_der(&public),
            public,
        }
    }

    /// Reads a public key in PEM (SubjectPublicKeyInfo).
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] when it is not such a key.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        let invalid = |why: String| InvalidKey {
            expected: "public",
            why,
        };
        let parsed = pem::parse(text).map_err(|error| invalid(error.to_string()))?;
        if parsed.tag() != PUBLIC_TAG {
            return Err(invalid(format!("it is labelled {}", parsed.tag())));
        }
        let public = parsed
            .contents()
            .strip_prefix(&SPKI_HEAD)
            .and_then(|key| key.try_into().ok())
            .ok_or_else(|| invalid("it is of another kind".into()))?;
        Ok(Self::from_bytes(public))
    }

    /// The key in PEM (SubjectPublicKeyInfo).
    #[must_use]
    pub fn to_pem(&self) -> String {
        let mut document = SPKI_HEAD.to_vec();
        document.extend_from_slice(&self.public);
        pem::encode(&pem::Pem::new(PUBLIC_TAG, document))
    }

    /// Checks a player token at the time `now`.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn player(&self, token: &str, now: UnixMillis) -> Result<PlayerClaims, TokenError> {
        let claims: PlayerClaims = self.verify(PLAYER_AUDIENCE, token, now)?;
        check_expiry(claims.exp, now)?;
        Ok(claims)
    }

    /// Checks a seat token at the time `now`.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn seat(&self, token: &str, now: UnixMillis) -> Result<SeatClaims, TokenError> {
        let claims: SeatClaims = self.verify(SEAT_AUDIENCE, token, now)?;
        check_expiry(claims.exp, now)?;
        Ok(claims)
    }

    fn verify<T: DeserializeOwned + Clone>(
        &self,
        audience: &str,
        token: &str,
        now: UnixMillis,
    ) -> Result<T, TokenError> {
        if token.len() > TOKEN_LEN_MAX {
            return Err(TokenError::Invalid(format!(
                "longer than {TOKEN_LEN_MAX} bytes"
            )));
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["aud", "exp", "sub"]);
        // The caller's time decides, not the system's.
        validation.validate_exp = false;
        let token = jsonwebtoken::decode::<Addressed<T>>(token, &self.key, &validation)
            .map_err(|error| TokenError::Invalid(error.to_string()))?;
        // Whoever lists an extension as critical wants it refused where it is not understood (RFC 7515
        // section 4.1.11), and none is understood here.
        if token.header.crit.is_some() {
            let why = "its header has critical extensions";
            return Err(TokenError::Invalid(why.to_owned()));
        }
        let Addressed { nbf, claims, .. } = token.claims;
        check_begin(nbf, now)?;
        Ok(claims)
    }
}

#[cfg(test)]
mod tests;
