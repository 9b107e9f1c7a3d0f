//! Whether the time of a token has come, and is not over.

use game_core::UnixMillis;

/// By how much the clocks of issuer and verifier may differ, in seconds: no token is refused for it, neither for its
/// begin nor for its end (RFC 7519 section 4.1.4 and 4.1.5).
pub const LEEWAY_S: u64 = 60;

/// A token that gives no right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token of this cluster: wrong form, key, algorithm, audience or claims.
    #[error("the token is not valid here: {0}")]
    Invalid(String),
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    Early,
}

pub(crate) fn check_begin(nbf_s: Option<f64>, now: UnixMillis) -> Result<(), TokenError> {
    // Exact enough: milliseconds of this millennium are far below 2⁵³.
    let now_s = now.0 as f64 / 1_000.0;
    match nbf_s {
        Some(nbf_s) if nbf_s > now_s + LEEWAY_S as f64 => Err(TokenError::Early),
        _ => Ok(()),
    }
}

pub(crate) fn check_expiry(exp_s: u64, now: UnixMillis) -> Result<(), TokenError> {
    if now.0 / 1000 < exp_s.saturating_add(LEEWAY_S) {
        Ok(())
    } else {
        Err(TokenError::Expired)
    }
}
