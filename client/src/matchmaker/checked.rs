//! Checks of values that go into requests, and of texts from matchmakers.

use protocol::http::Problem;
use url::Url;

use super::MatchmakerError;
use crate::printable;

/// The address of a matchmaker, if that is one: a password in it is refused, because it would have no effect.
pub(super) fn address(base: &str) -> Option<Url> {
    let url = Url::parse(base).ok()?;
    let is_known = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    (is_known && is_bare).then_some(url)
}

/// Upper bound on the length of a matchmaker's text that is shown, in characters.
const WORDS_MAX: usize = 1_000;

/// A matchmaker's text, safe to show.
pub(super) fn cut(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(WORDS_MAX) {
        None => text.into_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

pub(super) fn shown(problem: Problem) -> Problem {
    Problem {
        code: cut(&problem.code),
        title: cut(&problem.title),
        detail: cut(&problem.detail),
        status: problem.status,
    }
}

/// Whether it is what a bearer token may be: a b64token of RFC 6750 section 2.1.
pub(super) fn is_token(token: &str) -> bool {
    let is_of_one = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    !token.is_empty() && token.chars().all(is_of_one)
}

/// The id of a ticket or challenge, if it may be part of a path: letters, digits, `-` and `_`.
pub(super) fn known(id: &str) -> Result<&str, MatchmakerError> {
    const LEN_MAX: usize = 64;
    let is_of_one = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if (1..=LEN_MAX).contains(&id.len()) && id.chars().all(is_of_one) {
        Ok(id)
    } else {
        Err(MatchmakerError::Id(id.chars().take(LEN_MAX).collect()))
    }
}
