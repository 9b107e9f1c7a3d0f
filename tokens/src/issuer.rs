//! Tokens of an issuer of the operator's own: OpenID Connect's, checked by the keys that the issuer publishes.

use game_core::{PlayerId, UnixMillis};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use crate::validity::{TokenError, check_begin, check_expiry};
use crate::{crypto, numeric_date};

/// Longest token of an issuer of the operator's own, in bytes: some put groups and addresses into it.
pub const ISSUER_TOKEN_LEN_MAX: usize = 8 * 1_024;

/// Upper bound on keys of an issuer that are kept. Issuers publish those of now and those of before and after a change.
const KEYS_MAX: usize = 64;

/// What ids of players begin with whose id at the issuer is legible.
const LEGIBLE: &str = "oidc:";
/// What ids of players begin with whose id at the issuer is not a possible end of one of ours: its digest follows.
const DIGESTED: &str = "oidc|";

/// A document that is no set of keys, or has none that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a usable set of keys (RFC 7517): {0}")]
pub struct InvalidIssuerKeys(String);

/// Why a token of an issuer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// No key is known that it could be signed with. The issuer may have published it since.
    #[error("the token is signed with a key that the issuer has not published")]
    UnknownKey,
    /// It gives no right.
    #[error(transparent)]
    Refused(#[from] TokenError),
}

/// A player as an issuer names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignPlayer {
    /// The player: never the id of a guest or of an account of this installation.
    pub player: PlayerId,
    /// The name, as the issuer has it; may be anything.
    pub name: String,
    /// When the token was signed, if it says so.
    pub made_at: Option<UnixMillis>,
}

/// The public keys of one issuer, for RS256, ES256 and EdDSA.
#[derive(Clone)]
pub struct IssuerKeys(Vec<IssuerKey>);

#[derive(Clone)]
struct IssuerKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Claims of an ID token (OpenID Connect Core 1.0, sections 2 and 5.1).
#[derive(Clone, Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default, deserialize_with = "numeric_date::seconds")]
    nbf: Option<f64>,
    #[serde(default, with = "numeric_date")]
    iat: Option<UnixMillis>,
    preferred_username: Option<String>,
    nickname: Option<String>,
    name: Option<String>,
}

/// The issuer that a token names, unverified: to choose the keys to verify it with.
#[must_use]
pub fn issuer_of(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    if token.len() > ISSUER_TOKEN_LEN_MAX {
        return None;
    }
    jsonwebtoken::dangerous::insecure_decode_claims::<Issued>(token)
        .ok()
        .map(|claims| claims.iss)
}

impl IssuerKeys {
    /// Reads the keys of a JSON Web Key Set (RFC 7517); those of other kinds and for other uses are left out.
    ///
    /// # Errors
    ///
    /// [`InvalidIssuerKeys`] if it is no such set, or no key is left.
    pub fn from_jwks(json: &[u8]) -> Result<Self, InvalidIssuerKeys> {
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<serde_json::Value>,
        }
        let invalid = |error: serde_json::Error| InvalidIssuerKeys(error.to_string());
        let Keys { keys } = serde_json::from_slice(json).map_err(invalid)?;
        // A key that cannot be read must not cost those that can.
        let keys = keys.into_iter().filter_map(|key| {
            let key: Jwk = serde_json::from_value(key).ok()?;
            IssuerKey::new(&key)
        });
        let keys: Vec<_> = keys.take(KEYS_MAX).collect();
        if keys.is_empty() {
            let why = "it has no key for RS256, ES256 or EdDSA";
            return Err(InvalidIssuerKeys(why.to_owned()));
        }
        crypto::install();
        Ok(Self(keys))
    }

    /// Checks a token of the issuer `issuer` for `audience` at the time `now`.
    ///
    /// # Errors
    ///
    /// [`IssuerError`].
    pub fn player(
        &self,
        token: &str,
        issuer: &str,
        audience: &str,
        now: UnixMillis,
    ) -> Result<ForeignPlayer, IssuerError> {
        let invalid = |why: String| IssuerError::Refused(TokenError::Invalid(why));
        if token.len() > ISSUER_TOKEN_LEN_MAX {
            return Err(invalid(format!("longer than {ISSUER_TOKEN_LEN_MAX} bytes")));
        }
        let header =
            jsonwebtoken::decode_header(token).map_err(|error| invalid(error.to_string()))?;
        if header.crit.is_some() {
            return Err(invalid("its header has critical extensions".to_owned()));
        }
        let known = self.0.iter().find(|key| {
            // A token without the id of a key is for an issuer with one key of the algorithm.
            let is_named = header.kid.is_none() || header.kid == key.id;
            is_named && key.algorithm == header.alg
        });
        let key = known.ok_or(IssuerError::UnknownKey)?;
        let mut validation = Validation::new(key.algorithm);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
        // The caller's time decides, not the system's.
        validation.validate_exp = false;
        let token = jsonwebtoken::decode::<Claims>(token, &key.key, &validation);
        let claims = token.map_err(|error| invalid(error.to_string()))?.claims;
        check_begin(claims.nbf, now)?;
        check_expiry(claims.exp.max(0.0) as u64, now)?;
        Ok(claims.player(issuer))
    }
}

impl IssuerKey {
    /// A key that signatures may be verified with; `None` for others.
    fn new(key: &Jwk) -> Option<Self> {
        let algorithm = match &key.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            _ => return None,
        };
        let common = &key.common;
        let is_for_signatures = common
            .public_key_use
            .as_ref()
            .is_none_or(|used| *used == PublicKeyUse::Signature);
        let is_for_algorithm = common
            .key_algorithm
            .is_none_or(|named| Algorithm::try_from(named).is_ok_and(|named| named == algorithm));
        (is_for_signatures && is_for_algorithm).then_some(())?;
        Some(Self {
            id: common.key_id.clone(),
            algorithm,
            key: DecodingKey::from_jwk(key).ok()?,
        })
    }
}

impl Claims {
    fn player(self, issuer: &str) -> ForeignPlayer {
        let names = [self.preferred_username, self.nickname, self.name];
        let name = names.into_iter().flatten().find(|name| !name.is_empty());
        ForeignPlayer {
            player: player_id(issuer, &self.sub),
            name: name.unwrap_or(self.sub),
            made_at: self.iat,
        }
    }
}

/// The id of a player whom the issuer calls `sub`: legible where an id may hold it.
fn player_id(issuer: &str, sub: &str) -> PlayerId {
    let legible = (!sub.is_empty()).then(|| format!("{LEGIBLE}{sub}").parse().ok());
    legible.flatten().unwrap_or_else(|| {
        let digest = digest(&SHA256, format!("{issuer}\0{sub}").as_bytes());
        let hex = protocol::http::hex(&digest.as_ref()[..16]);
        let id = format!("{DIGESTED}{hex}");
        id.parse()
            .expect("hexadecimal digits may stand in a player id")
    })
}

#[cfg(test)]
mod tests;
