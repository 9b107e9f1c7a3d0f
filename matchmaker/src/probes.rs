//! `GET /livez` and `GET /readyz`, for whoever starts and stops this process.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use tokio::time::timeout;

use crate::problem::{Kind, Problem};
use crate::service::Service;

/// The store must answer a probe within this: probes themselves wait a second or so.
const STORE_WITHIN: Duration = Duration::from_millis(900);

/// The process answers. It never asks the store, so that an outage of the store restarts nobody.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// The store answers, so requests can be served.
pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Result<&'static str, Problem> {
    if service.shutdown.is_cancelled() {
        return Err(Problem::new(
            Kind::Overloaded,
            "This matchmaker is going away.",
        ));
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
