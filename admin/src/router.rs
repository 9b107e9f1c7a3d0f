//! The routes, and the OpenAPI document made from them.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{limit, no_route, wrong_method};

use crate::access::{Access, require_operator};
use crate::problem::ProblemBody;
use crate::source::Source;
use crate::state::Admin;
use crate::{
    actions, arbiter, club, events, installation, log, matches, page, players, tournaments,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Rookery admin", description = "What operators of Rookery see and do."),
    modifiers(&Credentials),
    components(schemas(ProblemBody)),
    security(("bearer" = []), ("certificate" = []))
)]
struct Document;

/// The two ways to authenticate; one of them suffices.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("bearer", scheme);
        let scheme = SecurityScheme::MutualTls {
            description: Some("Where the endpoint speaks TLS.".to_owned()),
            deprecated: None,
            extensions: None,
        };
        components.add_security_scheme("certificate", scheme);
    }
}

/// All routes.
pub(crate) fn router(source: Arc<dyn Source>, access: Access) -> Router {
    let admin = Arc::new(Admin::new(source, access.tls().cloned()));
    let guarded = OpenApiRouter::new()
        .routes(routes!(matches::list))
        .routes(routes!(matches::held))
        .routes(routes!(matches::watched))
        .routes(routes!(matches::read))
        .routes(routes!(matches::pgn))
        .routes(routes!(matches::board))
        .routes(routes!(events::watch))
        .routes(routes!(actions::abort))
        .routes(routes!(actions::adjudicate))
        .routes(routes!(arbiter::order))
        .routes(routes!(actions::hand_off))
        .routes(routes!(actions::drain))
        .routes(routes!(actions::revoke))
        .routes(routes!(players::list, players::create))
        .routes(routes!(players::code))
        .routes(routes!(players::restore))
        .routes(routes!(players::remove))
        .routes(routes!(players::invitations, players::invite))
        .routes(routes!(players::withdraw))
        .routes(routes!(tournaments::put))
        .routes(routes!(tournaments::put_round))
        .routes(routes!(tournaments::rule))
        .routes(routes!(club::pools))
        .routes(routes!(club::tickets))
        .routes(routes!(club::challenges))
        .routes(routes!(club::finished))
        .routes(routes!(club::backlog))
        .routes(routes!(log::actions))
        .routes(routes!(installation::shards))
        .routes(routes!(installation::config))
        .routes(routes!(installation::version))
        .routes(routes!(installation::metrics))
        .route_layer(from_fn_with_state(Arc::clone(&admin), limit::<Admin>))
        .route_layer(from_fn_with_state(access, require_operator));
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(installation::live))
        .routes(routes!(installation::ready))
        .merge(guarded)
        .split_for_parts();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let document = Arc::new(document);
    router
        .route(
            "/openapi.json",
            get(move || async move { axum::Json(&*document).into_response() }),
        )
        .merge(page::router())
        .fallback(no_route::<Admin>)
        .method_not_allowed_fallback(wrong_method::<Admin>)
        .layer(from_fn(page::guard))
        .with_state(admin)
}
