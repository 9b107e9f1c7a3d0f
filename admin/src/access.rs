//! Who may ask: bearer tokens (RFC 6750), compared in constant time.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::problem::{Kind, Problem};

/// The tokens of an endpoint, each with the name of its holder for the audit log.
#[derive(Clone)]
pub struct Access {
    tokens: Arc<[(Box<str>, Box<str>)]>,
}

/// A token file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{path}: {why}; it must hold one token a line, each of 16 to 512 printable characters \
         without spaces, with a name and a space before it if there are several. \
         `openssl rand -hex 32` makes one"
)]
pub struct InvalidTokens {
    path: String,
    why: String,
}

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Operator(pub(crate) Box<str>);

impl Access {
    const LEN_MIN: usize = 16;
    const LEN_MAX: usize = 512;
    const TOKENS_MAX: usize = 64;
    /// What a token must have to be fit for production, in characters.
    pub(crate) const STRONG_LEN_MIN: usize = 32;

    /// A fresh random token of 256 bits, whose holder is `admin`.
    #[must_use]
    pub fn generate() -> Self {
        let bytes: [u8; 32] = rand::random();
        let token = bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self {
            tokens: [("admin".into(), token.into())].into(),
        }
    }

    /// The tokens of a file: one a line, alone or after the name of its holder and a space.
    ///
    /// # Errors
    ///
    /// [`InvalidTokens`] says which line is wrong, and not what stands there.
    pub fn read(path: &Path) -> Result<Self, InvalidTokens> {
        let invalid = |why: String| InvalidTokens {
            path: path.display().to_string(),
            why,
        };
        let text = std::fs::read_to_string(path).map_err(|error| invalid(error.to_string()))?;
        Self::parse(&text).map_err(invalid)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().zip(1..).map(|(line, n)| (line.trim(), n));
        let mut tokens = Vec::new();
        for (line, number) in lines.filter(|(line, _)| !line.is_empty()) {
            let (name, token) = line.split_once(' ').unwrap_or(("admin", line));
            let token = token.trim();
            let fits = (Self::LEN_MIN..=Self::LEN_MAX).contains(&token.len());
            if !fits || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!("line {number} holds no usable token"));
            }
            tokens.push((name.into(), token.into()));
        }
        match tokens.len() {
            0 => Err("it is empty".to_owned()),
            1..=Self::TOKENS_MAX => Ok(Self {
                tokens: tokens.into(),
            }),
            many => Err(format!("{many} tokens are more than {}", Self::TOKENS_MAX)),
        }
    }

    /// The first token: what one part of the installation shows to another, and dev mode prints.
    #[must_use]
    pub fn token(&self) -> &str {
        self.tokens.first().map_or("", |(_, token)| token)
    }

    /// Whether none of the tokens can be guessed.
    pub(crate) fn is_strong(&self) -> bool {
        let mut tokens = self.tokens.iter().map(|(_, token)| token.as_bytes());
        tokens.all(|token| !settings::is_guessable(token, Self::STRONG_LEN_MIN))
    }

    /// The holder of a token. Every token is compared, each in time that does not depend on where it
    /// differs.
    fn holder(&self, token: &str) -> Option<Operator> {
        let mut found = None;
        for (name, known) in &*self.tokens {
            if bool::from(known.as_bytes().ct_eq(token.as_bytes())) {
                found = Some(Operator(name.clone()));
            }
        }
        found
    }
}

/// Leaves the tokens out.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.tokens.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

/// Lets a request pass that has a token, and notes whose it is.
pub(crate) async fn require_token(
    State(access): State<Access>,
    mut request: Request,
    next: Next,
) -> Response {
    match bearer(request.headers()).and_then(|token| {
        access.holder(token).ok_or_else(|| {
            Problem::new(Kind::TokenInvalid, "The token is none of this endpoint's.")
        })
    }) {
        Ok(operator) => {
            request.extensions_mut().insert(operator);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(Problem::new(
            Kind::TokenMissing,
            "Send \"Authorization: Bearer TOKEN\" with a token of this endpoint's token file; in dev \
             mode, the token is printed at the start and stands in the ready file.",
        ));
    };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.ok_or_else(|| {
        Problem::new(
            Kind::TokenInvalid,
            "The header must be \"Authorization: Bearer TOKEN\".",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_tokens_are_held() {
        let access = Access::parse("ann 0123456789abcdef\nbob fedcba9876543210\n").unwrap();
        let name = |token| access.holder(token).map(|Operator(name)| name.to_string());
        assert_eq!(name("0123456789abcdef").as_deref(), Some("ann"));
        assert_eq!(name("fedcba9876543210").as_deref(), Some("bob"));
        for wrong in [
            "",
            "0123456789abcde",
            "0123456789abcdef0",
            "0123456789abcdeg",
            "ann",
        ] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
        assert_eq!(access.token(), "0123456789abcdef");
    }

    #[test]
    fn a_file_without_usable_tokens_is_refused_and_not_quoted() {
        for text in [
            "",
            "\n\n",
            "short",
            "ann secret",
            "ann a token with spaces in it",
        ] {
            let error = Access::parse(text).map(|_| ()).unwrap_err();
            assert!(
                text.trim().is_empty() || !error.contains(text.trim()),
                "{error}"
            );
        }
        let many = "0123456789abcdef\n".repeat(65);
        assert!(Access::parse(&many).is_err());
        assert!(Access::read(Path::new("/nowhere")).is_err());
    }

    #[test]
    fn made_tokens_differ_and_are_not_shown() {
        let (one, two) = (Access::generate(), Access::generate());
        assert_ne!(one.token(), two.token());
        assert_eq!(one.token().len(), 64);
        assert!(!format!("{one:?}").contains(one.token()));
    }
}
