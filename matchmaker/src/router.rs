//! The routes, and the OpenAPI document made from them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{guard, limit, no_route, wrong_method};

use crate::access_log::{AccessLine, log};
use crate::allowances::Client;
use crate::described::Document;
use crate::idempotency::once;
use crate::places::ConnectionPlace;
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::{
    accounts, archive, challenges, feed, lobby, matches, page_routes, players, pools, probes,
    ratings, seats, tickets, tournaments, transfers, watching,
};

/// All routes, each logged and counted under its template.
pub(crate) fn router(service: &Arc<Service>, more: Router) -> Router {
    let line = |is_probe| AccessLine {
        is_probe,
        metrics: service.metrics.clone(),
    };
    let probes = probes().route_layer(from_fn_with_state(line(true), log));
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(limited(service).route_layer(from_fn_with_state(line(false), log)))
        .merge(probes)
        .split_for_parts();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let document = serde_json::to_vec(&document).expect("an OpenAPI document is JSON");
    let document = Bytes::from(document);
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let described = move || std::future::ready((kind, document.clone()));
    let openapi = get(described)
        .layer(from_fn(refuse_beyond_probes))
        .layer(from_fn_with_state(line(false), log));
    let pages = page_routes::routes(service, more);
    let router = if pages.has_routes() {
        router
            .merge(within_bounds(service, pages).route_layer(from_fn_with_state(line(false), log)))
    } else {
        router
    };
    router
        .route("/openapi.json", openapi)
        .fallback(no_route::<Service>.layer(from_fn_with_state(line(false), log)))
        .method_not_allowed_fallback(wrong_method::<Service>)
        .layer(map_response(guarded))
        .with_state(service.clone())
}

/// The routes within the bounds on requests.
fn limited(service: &Arc<Service>) -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(players::create, accounts::find))
        .routes(routes!(lobby::online::list))
        .routes(routes!(lobby::online::look_up))
        .routes(routes!(lobby::token_test::test))
        .routes(routes!(accounts::show))
        .routes(routes!(accounts::create))
        .routes(routes!(accounts::log_in))
        .routes(routes!(accounts::read))
        .routes(routes!(accounts::set_password))
        .routes(routes!(accounts::log_out))
        .routes(routes!(lobby::events::events))
        .routes(routes!(lobby::matches::list))
        .routes(routes!(accounts::list_tokens, accounts::create_token))
        .routes(routes!(accounts::remove_token))
        .routes(routes!(challenges::list, challenges::create))
        .routes(routes!(challenges::list_open))
        .routes(routes!(challenges::read, challenges::cancel))
        .routes(routes!(challenges::accept))
        .routes(routes!(challenges::decline))
        .routes(routes!(challenges::events))
        .routes(routes!(pools::list))
        .routes(routes!(transfers::create))
        .routes(routes!(transfers::redeem))
        .routes(routes!(tickets::create))
        .routes(routes!(tickets::read, tickets::cancel))
        .routes(routes!(tickets::events))
        .routes(routes!(watching::list::list))
        .routes(routes!(matches::read))
        .routes(routes!(matches::pgn))
        .routes(routes!(watching::stream::events))
        .routes(routes!(seats::take))
        .routes(routes!(seats::watch))
        .routes(routes!(archive::export))
        .routes(routes!(archive::games))
        .routes(routes!(feed::read))
        .routes(routes!(tournaments::list_tournaments))
        .routes(routes!(tournaments::read_tournament))
        .routes(routes!(tournaments::tournament_trf))
        .routes(routes!(tournaments::round_pgn))
        .routes(routes!(ratings::read))
        .routes(routes!(ratings::history))
        .route_layer(from_fn_with_state(service.clone(), once))
        .route_layer(from_fn_with_state(service.clone(), limit::<Service>))
        .route_layer(from_fn_with_state(service.clone(), count_request))
        .route_layer(from_fn(refuse_beyond_probes))
}

/// The same bounds for routes that change nothing.
fn within_bounds(service: &Arc<Service>, routes: Router<Arc<Service>>) -> Router<Arc<Service>> {
    routes
        .route_layer(from_fn_with_state(service.clone(), limit::<Service>))
        .route_layer(from_fn_with_state(service.clone(), count_request))
        .route_layer(from_fn(refuse_beyond_probes))
}

/// Middleware for what a browser must not take for something else, or keep: what players write and their tokens are in
/// many answers, and the page has the same origin. The page has headers of its own.
async fn guarded(mut response: Response) -> Response {
    guard(response.headers_mut());
    response
}

/// The same routes for players who come by HTTPS: their browsers do not come by plain HTTP again, for a year (RFC 6797).
pub(crate) fn by_https_alone(router: Router) -> Router {
    router.layer(map_response(async |mut response: Response| {
        let for_a_year = HeaderValue::from_static("max-age=31536000");
        response
            .headers_mut()
            .insert(header::STRICT_TRANSPORT_SECURITY, for_a_year);
        response
    }))
}

/// Probes are exempt from the bounds on requests.
fn probes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(probes::live))
        .routes(routes!(probes::ready))
}

/// Middleware that counts a request against its address.
async fn count_request(
    State(service): State<Arc<Service>>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    match service.allowances.request(client) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Middleware that refuses requests on a connection for probes alone.
async fn refuse_beyond_probes(request: Request, next: Next) -> Response {
    let place = request.extensions().get::<Arc<ConnectionPlace>>();
    if place.is_some_and(|place| place.is_reserved()) {
        let detail = "As many connections as may be are open. Try again.";
        return Problem::new(Kind::Overloaded, detail).into_response();
    }
    next.run(request).await
}
