//! `GET /v1/actions`: the latest changes by operators through this endpoint.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::action_log::Action;
use crate::problem::Problems;
use crate::state::Admin;

/// The newest actions.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ActionList {
    /// Newest first, at most 50. The list is of this process and empty after its start.
    actions: Vec<Action>,
}

/// The latest changes that operators requested at this endpoint, refused ones included.
#[utoipa::path(get, path = "/v1/actions", tag = "installation",
    responses((status = 200, description = "The newest actions", body = ActionList), Problems))]
pub(crate) async fn actions(State(admin): State<Arc<Admin>>) -> Json<ActionList> {
    Json(ActionList {
        actions: admin.actions.newest_first(),
    })
}
