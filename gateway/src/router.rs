//! The routes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::refusal::Refusal;
use crate::routes::{accounts, bulk, challenges, games, probes, seeks, tv, watching};
use crate::state::Gateway;

/// Longest body, in bytes: a thousand tokens.
const BODY_LEN_MAX: usize = 128 * 1_024;

/// All routes.
pub(crate) fn router(gateway: &Arc<Gateway>) -> Router {
    let counted = Router::new()
        .merge(account_routes())
        .merge(challenge_routes())
        .merge(played("bot", false))
        .merge(played("board", false))
        .merge(watch_routes())
        .route_layer(from_fn_with_state(Arc::clone(gateway), count));
    Router::new()
        .merge(counted)
        // The moves of a game are never refused for their number, but tokens are not tried without end.
        .merge(
            played("bot", true)
                .merge(played("board", true))
                .route_layer(from_fn_with_state(Arc::clone(gateway), count_strangers)),
        )
        .route("/livez", get(probes::live))
        .route("/readyz", get(probes::ready))
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(from_fn(for_browsers))
        .with_state(Arc::clone(gateway))
}

fn account_routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/api/token/test", post(accounts::test_tokens))
        .route("/api/account", get(accounts::own))
        .route("/api/account/playing", get(accounts::playing))
        .route("/api/stream/event", get(accounts::events))
        .route("/api/users/status", get(accounts::statuses))
        .route("/api/users", post(accounts::several))
        .route("/api/user/{name}", get(accounts::show))
        .route("/api/bot/online", get(accounts::online_bots))
        .route("/api/bot/account/upgrade", post(accounts::upgrade))
}

fn challenge_routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/api/challenge", get(challenges::list))
        .route("/api/challenge/open", post(challenges::open))
        .route("/api/challenge/{id}", post(challenges::create))
        .route("/api/challenge/{id}/show", get(challenges::show))
        .route("/api/challenge/{id}/accept", post(challenges::accept))
        .route("/api/challenge/{id}/decline", post(challenges::decline))
        .route("/api/challenge/{id}/cancel", post(challenges::cancel))
        .route(
            "/api/challenge/{id}/start-clocks",
            post(challenges::start_clocks),
        )
        .route("/api/board/seek", post(seeks::seek))
        .route("/api/bulk-pairing", post(bulk::pair))
        .route("/api/round/{id}/add-time/{seconds}", post(games::add_time))
}

/// The routes of a game that is played, by bots or at boards: moves, streams and chat, without which some clients do not move;
/// or all others.
fn played(by: &'static str, is_play: bool) -> Router<Arc<Gateway>> {
    let at = |rest: &str| format!("/api/{by}/game/{rest}");
    if is_play {
        return Router::new()
            .route(&at("stream/{id}"), get(games::stream))
            .route(&at("{id}/move/{uci}"), post(games::make_move))
            .route(&at("{id}/chat"), get(games::read_chat).post(games::say));
    }
    let mut routes = Router::new()
        .route(&at("{id}/abort"), post(games::abort))
        .route(&at("{id}/resign"), post(games::resign))
        .route(&at("{id}/draw/{answer}"), post(games::draw))
        .route(&at("{id}/takeback/{answer}"), post(games::takeback));
    for slash in ["", "/"] {
        routes = routes
            .route(
                &at(&format!("{{id}}/claim-victory{slash}")),
                post(games::claim_win),
            )
            .route(
                &at(&format!("{{id}}/claim-draw{slash}")),
                post(games::claim_draw),
            );
    }
    routes
}

fn watch_routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/game/export/{id}", get(watching::export))
        .route("/api/stream/game/{id}", get(watching::follow))
        .route("/api/games/user/{name}", get(watching::games_of))
        .route("/api/tv/feed", get(tv::feed))
}

/// Middleware that counts a request against its address.
async fn count(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match gateway.places.request(peer, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Middleware that counts a request only if its token is not known here.
async fn count_strangers(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let counted = if gateway.identities.knows(request.headers()) {
        Ok(())
    } else {
        gateway.places.request(peer, request.headers())
    };
    match counted {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.not_later().into_response(),
    }
}

/// Middleware for browsers. Pages of other origins may read every answer, and what they ask before is answered; nobody keeps
/// or embeds an answer.
async fn for_browsers(request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight {
        let allowed = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS, GET, POST"),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "Authorization, Content-Type, Accept",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "1728000"),
        ];
        (StatusCode::NO_CONTENT, allowed).into_response()
    } else {
        next.run(request).await
    };
    let any = HeaderValue::from_static("*");
    response
        .headers_mut()
        .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    web::guard(response.headers_mut());
    response
}

async fn nowhere() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "This gateway has no such route")
}
