//! `GET /livez` and `GET /readyz`, for whoever starts and stops this process.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use tokio::time::timeout;
use web::QueryOf;

use crate::problem::{Kind, Problem};
use crate::service::Service;

/// The store must answer a probe within this: probes themselves wait a second or so.
const STORE_WITHIN: Duration = Duration::from_millis(900);

/// The process answers. It never asks the store, so that an outage of the store restarts nobody.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// What a probe asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct ReadyQuery {
    /// `match`: also that a match can be made now.
    r#for: Option<String>,
}

/// The store answers, so requests can be served. With `?for=match` a shard with room must be known too:
/// whether there is one says nothing of this matchmaker, so that other probes do not ask for it.
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
        service.shard_for_new()?;
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
