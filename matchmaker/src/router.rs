//! The routes.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use web::{limit, no_route, wrong_method};

use crate::access_log::{AccessLine, log};
use crate::limits::refuse_beyond_probes;
use crate::service::Service;
use crate::{
    archive, challenges, feed, matches, players, probes, ratings, seats, tickets,
};

/// The route in the log of requests that match none.
const UNMATCHED: &str = "unmatched";

/// All routes, each logged and counted under its template.
pub(crate) fn router(service: &Arc<Service>) -> Router {
    let challenge = get(challenges::read).delete(challenges::cancel);
    let ticket = get(tickets::read).delete(tickets::cancel);
    let limited = [
        ("/v1/players", post(players::create)),
        ("/v1/challenges", post(challenges::create)),
        ("/v1/challenges/{ticket}", challenge),
        ("/v1/challenges/{ticket}/accept", post(challenges::accept)),
        ("/v1/tickets", post(tickets::create)),
        ("/v1/tickets/{ticket}", ticket),
        ("/v1/archive", get(archive::export)),
        ("/v1/players/{player}/games", get(archive::games)),
        ("/v1/feed", get(feed::read)),
        ("/v1/matches/{match}", get(matches::read)),
        ("/v1/matches/{match}/seat", post(seats::take)),
        ("/v1/matches/{match}/watch", post(seats::watch)),
        ("/v1/matches/{match}/pgn", get(matches::pgn)),
        ("/v1/players/{player}/ratings", get(ratings::read)),
        (
            "/v1/players/{player}/ratings/{category}",
            get(ratings::history),
        ),
    ];
    // Probes are exempt from the bounds on requests.
    let probes = [
        ("/livez", get(probes::live)),
        ("/readyz", get(probes::ready)),
    ];

    let line = |route, is_probe| AccessLine {
        route,
        is_probe,
        metrics: service.metrics.clone(),
    };
    let mut router = Router::new();
    for (route, methods) in limited {
        let methods = methods
            .layer(from_fn_with_state(service.clone(), limit::<Service>))
            .layer(from_fn(refuse_beyond_probes));
        router = router.route(
            route,
            methods.layer(from_fn_with_state(line(route, false), log)),
        );
    }
    for (route, methods) in probes {
        router = router.route(
            route,
            methods.layer(from_fn_with_state(line(route, true), log)),
        );
    }
    router
        .fallback(no_route::<Service>.layer(from_fn_with_state(line(UNMATCHED, false), log)))
        .method_not_allowed_fallback(wrong_method::<Service>)
        .with_state(service.clone())
}
