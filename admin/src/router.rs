//! The routes, and the OpenAPI document made from them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::Semaphore;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{Api, Bounds, limit, no_route, wrong_method};

use crate::access::{Access, require_operator};
use crate::log::ActionLog;
use crate::problem::{Problem, ProblemBody};
use crate::source::Source;
use crate::tls::Tls;
use crate::{actions, events, installation, log, matches, page};

/// Longest body of a request, in bytes.
const BODY_LEN_MAX: usize = 1_024;
/// A body must be complete within this after its head.
const BODY_WITHIN: Duration = Duration::from_secs(5);
/// Upper bound on requests under way; streams of events, which are few and long, have their own.
const REQUESTS_MAX: usize = 64;
/// Upper bound on open streams of events.
const STREAMS_MAX: usize = 32;
/// A request must be answered within this; the slowest ends a match, and waits for the store.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// State that all requests share.
pub(crate) struct Admin {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) streams: Arc<Semaphore>,
    /// Its certificate, which has metrics of its own.
    pub(crate) tls: Option<Tls>,
    /// The latest changes by operators.
    pub(crate) actions: ActionLog,
    bounds: Bounds,
}

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
    let admin = Arc::new(Admin {
        source,
        streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        tls: access.tls().cloned(),
        actions: ActionLog::default(),
        bounds: Bounds {
            body_len_max: BODY_LEN_MAX,
            body_within: BODY_WITHIN,
            answer_within: ANSWER_WITHIN,
            requests: Semaphore::new(REQUESTS_MAX),
        },
    });
    let guarded = OpenApiRouter::new()
        .routes(routes!(matches::list))
        .routes(routes!(matches::held))
        .routes(routes!(matches::read))
        .routes(routes!(matches::pgn))
        .routes(routes!(matches::board))
        .routes(routes!(events::watch))
        .routes(routes!(actions::abort))
        .routes(routes!(actions::adjudicate))
        .routes(routes!(actions::hand_off))
        .routes(routes!(actions::drain))
        .routes(routes!(actions::revoke))
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

impl Api for Admin {
    type Problem = Problem;

    const TOKEN_NEEDED: &'static str = "Send \"Authorization: Bearer TOKEN\" with a token of this endpoint's \
        token file, or show a certificate of its authority if it speaks TLS; in dev mode, the token is printed \
        at the start and stands in the ready file.";

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}
