//! The routes of the page.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::get;

use crate::bundle::{BUNDLE, File, INDEX};
use crate::policy::{Source, policy};

/// The paths of the page, as templates: each is answered with its `index.html`, and shown by what runs in the browser.
pub const PATHS: [&str; 9] = [
    "/",
    "/about",
    "/account",
    "/challenge/{id}",
    "/games/{id}",
    "/match/{id}",
    "/player/{id}",
    "/transfer",
    "/tv",
];

/// Of files whose name changes with their content.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
/// Of all others: kept, and asked for again by their `ETag`.
const ASK_AGAIN: &str = "no-cache";

/// The routes of the page. `shards` tells the URLs by which browsers reach the shards at the moment (`https://HOST:PORT/`
/// for WebTransport, `wss://HOST:PORT/` or `ws://HOST:PORT/`); `more` is whom the page may connect to besides.
pub fn router<S>(
    shards: impl Fn() -> Vec<String> + Send + Sync + 'static,
    more: Vec<Source>,
) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let mut router = Router::new();
    if let Some(index) = BUNDLE.get(INDEX) {
        let allowed = Arc::new(move || policy(&shards(), &more));
        for path in PATHS {
            let allowed = Arc::clone(&allowed);
            let show = move |headers: HeaderMap| async move { answer(index, &headers, &allowed()) };
            router = router.route(path, get(show));
        }
    }
    for (name, file) in BUNDLE.iter().filter(|(name, _)| *name != INDEX) {
        let send =
            move |headers: HeaderMap| async move { answer(file, &headers, &policy(&[], &[])) };
        router = router.route(&format!("/{name}"), get(send));
    }
    router
}

/// A file as the answer to a request with these headers. What is kept of it goes stale with the policy.
fn answer(file: &File, asked: &HeaderMap, policy: &str) -> Response<Body> {
    let gzip = file.gzip.as_ref().filter(|_| accepts_gzip(asked));
    let tag = tag(file, policy, gzip.is_some());
    let (status, body) = if is_known(asked, &tag) {
        (StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        (
            StatusCode::OK,
            Body::from(gzip.unwrap_or(&file.bytes).clone()),
        )
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let keep = if file.is_immutable {
        FOR_GOOD
    } else {
        ASK_AGAIN
    };
    for (name, value) in [
        (header::CACHE_CONTROL, keep),
        (header::VARY, "accept-encoding"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    web::guard_page(headers);
    let mut set = |name, value: &str| {
        // All of them are visible ASCII.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::ETAG, &tag);
    if status == StatusCode::OK {
        set(header::CONTENT_TYPE, file.kind);
        if gzip.is_some() {
            set(header::CONTENT_ENCODING, "gzip");
        }
    }
    response
}

/// The strong validator of one form of a file under a policy (RFC 9110 section 8.8.3).
fn tag(file: &File, policy: &str, is_gzip: bool) -> String {
    // With its fixed keys, all processes of one version agree.
    let mut hasher = DefaultHasher::new();
    policy.hash(&mut hasher);
    let form = if is_gzip { "-gzip" } else { "" };
    format!("\"{}-{:016x}{form}\"", file.tag, hasher.finish())
}

/// Whether the asker has what this validator names (RFC 9110 section 13.1.2).
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let lists = asked.get_all(header::IF_NONE_MATCH).into_iter();
    let mut tags = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim);
    tags.any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// Whether the asker takes gzip (RFC 9110 section 12.5.3).
fn accepts_gzip(asked: &HeaderMap) -> bool {
    let lists = asked.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut codings = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let is_none = weight.is_some_and(|weight| weight.parse() == Ok(0.0_f32));
        is_gzip && !is_none
    })
}

#[cfg(test)]
mod tests;
