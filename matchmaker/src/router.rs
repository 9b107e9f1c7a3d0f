//! The routes, and the OpenAPI document made from them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::handler::Handler;
use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{limit, no_route, wrong_method};

use crate::access_log::{AccessLine, log};
use crate::described::Document;
use crate::limits::refuse_beyond_probes;
use crate::service::Service;
use crate::{
    accounts, archive, challenges, feed, matches, players, probes, ratings, seats, tickets,
    watching,
};

/// All routes, each logged and counted under its template.
pub(crate) fn router(service: &Arc<Service>) -> Router {
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
    router
        .route("/openapi.json", openapi)
        .fallback(no_route::<Service>.layer(from_fn_with_state(line(false), log)))
        .method_not_allowed_fallback(wrong_method::<Service>)
        .with_state(service.clone())
}

/// The routes within the bounds on requests.
fn limited(service: &Arc<Service>) -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(players::create, accounts::find))
        .routes(routes!(accounts::show))
        .routes(routes!(accounts::create))
        .routes(routes!(accounts::log_in))
        .routes(routes!(accounts::read))
        .routes(routes!(accounts::set_password))
        .routes(routes!(accounts::log_out))
        .routes(routes!(accounts::list_tokens, accounts::create_token))
        .routes(routes!(accounts::remove_token))
        .routes(routes!(challenges::create))
        .routes(routes!(challenges::read, challenges::cancel))
        .routes(routes!(challenges::accept))
        .routes(routes!(tickets::create))
        .routes(routes!(tickets::read, tickets::cancel))
        .routes(routes!(watching::list::list))
        .routes(routes!(matches::read))
        .routes(routes!(matches::pgn))
        .routes(routes!(watching::stream::events))
        .routes(routes!(seats::take))
        .routes(routes!(seats::watch))
        .routes(routes!(archive::export))
        .routes(routes!(archive::games))
        .routes(routes!(feed::read))
        .routes(routes!(ratings::read))
        .routes(routes!(ratings::history))
        .route_layer(from_fn_with_state(service.clone(), limit::<Service>))
        .route_layer(from_fn(refuse_beyond_probes))
}

/// Probes are exempt from the bounds on requests.
fn probes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(probes::live))
        .routes(routes!(probes::ready))
}
