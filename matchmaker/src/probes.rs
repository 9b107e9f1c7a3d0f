//! `GET /livez` and `GET /readyz`, for the orchestrator.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::IntoParams;
use web::QueryOf;

use crate::described::Problems;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// The store must answer within this, as probes time out after a second or so.
const STORE_WITHIN: Duration = Duration::from_millis(900);

/// The process answers. The store is not asked, so that its outage restarts no matchmaker.
#[utoipa::path(get, path = "/livez", tag = "probes",
    responses((status = 200, description = "It answers", body = String), Problems))]
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// The query of a probe.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadyQuery {
    /// `match`: also check that a match can be created now.
    r#for: Option<String>,
}

/// The store answers, so requests can be served. With `?for=match` a shard with room must be known too; usual probes
/// leave that out, as a missing shard is no fault of this matchmaker.
#[utoipa::path(get, path = "/readyz", tag = "probes", params(ReadyQuery),
    responses((status = 200, description = "It serves", body = String), Problems))]
pub(crate) async fn ready(
    State(service): State<Arc<Service>>,
    QueryOf(query): QueryOf<ReadyQuery>,
) -> Result<&'static str, Problem> {
    if service.shutdown.is_cancelled() {
        return Err(Problem::new(
            Kind::Overloaded,
            "This matchmaker is going away.",
        ));
    }
    if query.r#for.as_deref() == Some("match") {
        service.check_shards()?;
    }
    match timeout(STORE_WITHIN, service.store.shards()).await {
        Ok(answer) => answer.map(|_| "ok\n").map_err(Problem::from),
        Err(_) => Err(Problem::new(
            Kind::StoreUnavailable,
            format!(
                "The store did not answer within {} ms.",
                STORE_WITHIN.as_millis()
            ),
        )),
    }
}
