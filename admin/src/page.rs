//! The page: static files inside the program, without a build step or files from elsewhere.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::svg::PIECES;

const INDEX: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/style.css");
const ICON: &str = include_str!("page/icon.svg");

/// Scripts, by name.
const SCRIPTS: [(&str, &str); 10] = [
    ("/assets/main.js", include_str!("page/main.js")),
    ("/assets/api.js", include_str!("page/api.js")),
    ("/assets/overview.js", include_str!("page/overview.js")),
    ("/assets/matches.js", include_str!("page/matches.js")),
    ("/assets/club.js", include_str!("page/club.js")),
    ("/assets/match.js", include_str!("page/match.js")),
    ("/assets/players.js", include_str!("page/players.js")),
    ("/assets/actions.js", include_str!("page/actions.js")),
    ("/assets/health.js", include_str!("page/health.js")),
    ("/assets/words.js", include_str!("page/words.js")),
];

/// Content security policy: the page loads its own files only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The page's files. They hold no data, so they are served without a token.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let mut router = Router::new()
        .route("/", get(index))
        .route("/assets/style.css", get(|| text("text/css", STYLE)))
        .route("/assets/icon.svg", get(|| text("image/svg+xml", ICON)));
    for (path, script) in SCRIPTS {
        router = router.route(path, get(move || text("text/javascript", script)));
    }
    router
}

async fn index() -> Html<String> {
    Html(INDEX.replace("<!-- pieces -->", PIECES))
}

async fn text(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Middleware that adds the headers of every answer.
pub(crate) async fn guard(
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    web::guard_page(headers);
    response
}
