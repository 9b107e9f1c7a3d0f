//! The security headers of answers to programs and of pages, as the OWASP Secure Headers Project and its REST cheat sheet have
//! them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What every answer says: it is taken for nothing else, nobody is told where a link came from, and other sites do not embed it.
const EVERYWHERE: [(HeaderName, &str); 3] = [
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// What an answer to a program says besides. It is no document, so a browser that shows it as one runs and loads nothing; and it
/// may hold a token, so nobody keeps it.
const OF_PROGRAMS: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

/// Permissions policy: what a page never asks a browser for.
pub const PERMISSIONS: &str =
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// What a page and its files say besides; each page has a content security policy of its own.
const OF_PAGES: [(HeaderName, &str); 2] = [
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
];

/// Adds the security headers that an answer to a program does not have.
pub fn guard(headers: &mut HeaderMap) {
    add(headers, EVERYWHERE.into_iter().chain(OF_PROGRAMS));
}

/// Adds those that a page, or a file of one, does not have.
pub fn guard_page(headers: &mut HeaderMap) {
    add(headers, EVERYWHERE.into_iter().chain(OF_PAGES));
}

fn add(headers: &mut HeaderMap, guards: impl Iterator<Item = (HeaderName, &'static str)>) {
    for (name, value) in guards {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_guarded_and_keeps_what_it_says_itself() {
        let mut headers = HeaderMap::new();
        let own = HeaderValue::from_static("no-cache");
        headers.insert(header::CACHE_CONTROL, own);
        guard(&mut headers);
        assert_eq!(headers["cache-control"], "no-cache");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        let policy = "default-src 'none'; frame-ancestors 'none'";
        assert_eq!(headers["content-security-policy"], policy);
        assert_eq!(headers.len(), 5, "each once");
    }
}
