//! The security headers of answers to programs, as the OWASP Secure Headers Project and its REST cheat sheet have them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What an answer says unless it says something else itself. It is no document, so a browser that shows it as one runs
/// and loads nothing; it may hold a token, so nobody keeps it; and other sites do not embed it.
const GUARDS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Adds the security headers that an answer does not have.
pub fn guard(headers: &mut HeaderMap) {
    for (name, value) in GUARDS {
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
        assert_eq!(headers.len(), GUARDS.len(), "each once");
    }
}
