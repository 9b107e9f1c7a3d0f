//! Probes: whether the process answers, and whether its matchmaker does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{Answered, well};
use crate::hold::held;
use crate::state::Gateway;

pub(crate) async fn live() -> Json<serde_json::Value> {
    well()
}

pub(crate) async fn ready(State(gateway): State<Arc<Gateway>>) -> Answered {
    held(gateway.matchmaker.ready()).await?;
    Ok(well())
}
