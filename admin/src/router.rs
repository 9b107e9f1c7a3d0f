//! Which request goes where, and the OpenAPI document made from it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Access, require_operator};
use crate::extract::BODY_LEN_MAX;
use crate::problem::{Kind, Problem, ProblemBody};
use crate::source::Source;
use crate::{actions, events, installation, matches, page};

/// Requests under way; streams of events, which are few and long, are counted apart.
const REQUESTS_MAX: usize = 64;
/// Streams of events that are open at once.
const STREAMS_MAX: usize = 32;
/// A request must be answered within this; the longest is an end of a match that waits for the store.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// What every request works with.
pub(crate) struct Admin {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) streams: Arc<Semaphore>,
    requests: Semaphore,
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Rookery admin", description = "What operators of Rookery see and do."),
    modifiers(&Credentials),
    components(schemas(ProblemBody)),
    security(("bearer" = []), ("certificate" = []))
)]
struct Document;

/// Either of them will do.
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

/// All that is served.
pub(crate) fn router(source: Arc<dyn Source>, access: Access) -> Router {
    let admin = Arc::new(Admin {
        source,
        streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        requests: Semaphore::new(REQUESTS_MAX),
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
        .routes(routes!(installation::shards))
        .routes(routes!(installation::config))
        .routes(routes!(installation::version))
        .routes(routes!(installation::metrics))
        .route_layer(from_fn_with_state(Arc::clone(&admin), limit))
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
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(from_fn(page::guard))
        .with_state(admin)
}

/// Answers with a problem where the limits on requests are reached.
async fn limit(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let Ok(_place) = admin.requests.try_acquire() else {
        let why = "As many requests as may be are under way. Try again.";
        return Problem::new(Kind::Overloaded, why).into_response();
    };
    match timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let why = "The request took too long; it was carried out or not. Look, and try again.";
            Problem::new(Kind::Unconfirmed, why).into_response()
        }
    }
}

async fn no_route(request: Request) -> Problem {
    let path = request.uri().path();
    Problem::new(Kind::RouteNotFound, format!("Nothing is served at {path}."))
}

async fn wrong_method(request: Request) -> Problem {
    let (method, path) = (request.method(), request.uri().path());
    let why = format!("{path} does not take {method}; the Allow header says what it takes.");
    Problem::new(Kind::MethodNotAllowed, why)
}
