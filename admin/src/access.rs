//! Authentication: bearer tokens (RFC 6750), compared in constant time, and certificates.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;
use web::PeerCertificate;

use crate::certificate::holder;
use crate::problem::{Kind, Problem};
use crate::state::Admin;
use crate::tls::Tls;
use crate::visitor::Visitor;

/// Who has access to an endpoint: its tokens, each with the name of its holder for the audit log, and its TLS, whose
/// authority signs operators' certificates.
#[derive(Clone, Default)]
pub struct Access {
    tokens: Arc<[(Box<str>, Box<str>)]>,
    tls: Option<Tls>,
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

/// The operator who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Operator(pub(crate) Box<str>);

impl Access {
    const LEN_MIN: usize = 16;
    const LEN_MAX: usize = 512;
    const TOKENS_MAX: usize = 64;
    /// Shortest token in production, in characters.
    pub(crate) const STRONG_LEN_MIN: usize = 32;

    /// A new random token of 256 bits, whose holder is `admin`.
    #[must_use]
    pub fn generate() -> Self {
        let bytes: [u8; 32] = rand::random();
        let token = protocol::http::hex(&bytes);
        Self {
            tokens: [("admin".into(), token.into())].into(),
            tls: None,
        }
    }

    /// The tokens of a file: one a line, alone or after the name of its holder and a space.
    ///
    /// # Errors
    ///
    /// [`InvalidTokens`] names the line without quoting it.
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
                tls: None,
            }),
            many => Err(format!("{many} tokens are more than {}", Self::TOKENS_MAX)),
        }
    }

    /// The same over TLS, where certificates of operators are accepted too.
    #[must_use]
    pub fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// The TLS of the endpoint; `None` if it speaks plain HTTP.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// The scheme of the endpoint's URL: `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.tls.as_ref().map_or("http", |_| "https")
    }

    /// The first token: processes of an installation show it to each other where there is no TLS, and dev mode prints
    /// it. `None` if only certificates are accepted.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.tokens.first().map(|(_, token)| &**token)
    }

    /// Whether no token can be guessed.
    pub(crate) fn is_strong(&self) -> bool {
        let mut tokens = self.tokens.iter().map(|(_, token)| token.as_bytes());
        tokens.all(|token| !settings::is_guessable(token, Self::STRONG_LEN_MIN))
    }

    /// The operator who sent a request, by its token.
    fn bearer(&self, headers: &HeaderMap) -> Result<Operator, Problem> {
        let unknown = || {
            Problem::new(
                Kind::TokenInvalid,
                "The token is not one of this endpoint's.",
            )
        };
        self.holder(web::bearer::<Admin>(headers)?)
            .ok_or_else(unknown)
    }

    /// The holder of a token. Every token is compared, each in constant time.
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

/// Omits the tokens.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.tokens.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

/// Middleware that requires a certificate or a token, and adds the [`Operator`] to the request.
pub(crate) async fn require_operator(
    State(access): State<Access>,
    mut request: Request,
    next: Next,
) -> Response {
    match certified(&request).map_or_else(|| access.bearer(request.headers()), Ok) {
        Ok(operator) => {
            let visitor = request.extensions().get::<Visitor>();
            if visitor.is_some_and(|visitor| !visitor.is_operator()) {
                let why = "As many operators as may be are connected. Try again.";
                return Problem::new(Kind::Overloaded, why).into_response();
            }
            request.extensions_mut().insert(operator);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// The holder of the connection's certificate. A browser shows its certificate for requests of any site, so those of
/// other sites count as without one.
fn certified(request: &Request) -> Option<Operator> {
    let PeerCertificate(certificate) = request.extensions().get()?;
    is_own(request.headers()).then(|| Operator(holder(certificate)))
}

/// Whether a request comes from the endpoint's own page or from no page. Browsers name the site (W3C Fetch Metadata);
/// old ones name the origin (RFC 6454) of requests that may change something.
fn is_own(headers: &HeaderMap) -> bool {
    let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    if let Some(site) = header("sec-fetch-site") {
        return site == b"same-origin" || site == b"none";
    }
    header("origin").is_none_or(|origin| {
        let site = origin.strip_prefix(b"https://");
        site.is_some() && site == header("host")
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
        assert_eq!(access.token(), Some("0123456789abcdef"));
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
        let token = one.token().unwrap();
        assert_eq!(token.len(), 64);
        assert!(!format!("{one:?}").contains(token));
    }

    #[test]
    fn a_certificate_counts_unless_another_site_borrows_it() {
        let (site, origin, own) = ("sec-fetch-site", "origin", "https://rookery-admin:7300");
        for (headers, counts) in [
            (&[] as &[(&str, &str)], true),
            (&[(site, "same-origin"), (origin, own)], true),
            (&[(site, "none")], true),
            (&[(site, "same-site"), (origin, own)], false),
            (&[(site, "cross-site")], false),
            (&[(site, "")], false),
            (&[(origin, own)], true),
            (&[(origin, "https://rookery-admin")], false),
            (&[(origin, "http://rookery-admin:7300")], false),
            (&[(origin, "null")], false),
        ] {
            let mut request = Request::new(axum::body::Body::empty());
            assert!(certified(&request).is_none());
            let shown = PeerCertificate(vec![0].into());
            request.extensions_mut().insert(shown);
            let host = [("host", "rookery-admin:7300")];
            for &(name, value) in headers.iter().chain(&host) {
                let value = HeaderValue::from_str(value).unwrap();
                request.headers_mut().insert(name, value);
            }
            assert_eq!(certified(&request).is_some(), counts, "{headers:?}");
            request.headers_mut().remove("host");
            let needs_host = headers.iter().all(|(name, _)| *name == origin) && !headers.is_empty();
            assert!(!needs_host || certified(&request).is_none(), "{headers:?}");
        }
    }

    #[test]
    fn without_tokens_none_is_taken() {
        let access = Access::default();
        assert_eq!(access.token(), None);
        assert!(access.holder("").is_none());
    }
}
