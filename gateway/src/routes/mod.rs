//! What is asked, group by group.

pub(crate) mod accounts;
pub(crate) mod bulk;
pub(crate) mod challenges;
pub(crate) mod games;
pub(crate) mod probes;
pub(crate) mod seeks;
pub(crate) mod terms;
pub(crate) mod tv;
pub(crate) mod watching;

use axum::Json;
use serde_json::{Value, json};

use crate::refusal::Refusal;

/// What a request is answered.
pub(crate) type Answered = Result<Json<Value>, Refusal>;

/// What clients expect of a request that worked.
pub(crate) fn well() -> Json<Value> {
    Json(json!({"ok": true}))
}
