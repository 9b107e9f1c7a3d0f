//! The process and the installation: probes, metrics, shards, configuration, version.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use game_core::ShardId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{Problem, Problems};
use crate::source::{Part, Setting};
use crate::state::Admin;
use crate::views::ShardList;

/// The configuration in effect.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Configuration {
    /// Secrets are masked.
    settings: Vec<Setting>,
}

/// What this process is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// The version of the program.
    version: &'static str,
    /// What this process is.
    part: Part,
    /// The id of this shard, if it is one.
    #[schema(value_type = Option<String>)]
    shard: Option<ShardId>,
}

/// The process works. The store is not asked, so that its outage restarts no process.
#[utoipa::path(get, path = "/livez", tag = "probes", security(()),
    responses((status = 200, description = "It does", body = String), Problems))]
pub(crate) async fn live(State(admin): State<Arc<Admin>>) -> Result<&'static str, Problem> {
    admin.source.alive().await.map(|()| "ok\n")
}

/// The process serves players: it has its store and is not draining.
#[utoipa::path(get, path = "/readyz", tag = "probes", security(()),
    responses((status = 200, description = "It does", body = String), Problems))]
pub(crate) async fn ready(State(admin): State<Arc<Admin>>) -> Result<&'static str, Problem> {
    admin.source.ready().await.map(|()| "ok\n")
}

/// Metrics as Prometheus scrapes them.
#[utoipa::path(get, path = "/metrics", tag = "installation",
    responses((status = 200, description = "Prometheus text", body = String), Problems))]
pub(crate) async fn metrics(
    State(admin): State<Arc<Admin>>,
) -> ([(HeaderName, &'static str); 1], String) {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let mut text = admin.source.metrics();
    if let Some(tls) = &admin.tls {
        text.push_str(&tls.metrics());
    }
    ([(header::CONTENT_TYPE, kind)], text)
}

/// The shards of the installation, with the counters of those that can be asked.
#[utoipa::path(get, path = "/v1/shards", tag = "installation",
    responses((status = 200, description = "The shards", body = ShardList), Problems))]
pub(crate) async fn shards(State(admin): State<Arc<Admin>>) -> Result<Json<ShardList>, Problem> {
    admin.source.shards().await.map(Json)
}

/// The configuration in effect.
#[utoipa::path(get, path = "/v1/config", tag = "installation",
    responses((status = 200, description = "Its settings", body = Configuration), Problems))]
pub(crate) async fn config(State(admin): State<Arc<Admin>>) -> Json<Configuration> {
    Json(Configuration {
        settings: admin.source.settings(),
    })
}

/// What this process is.
#[utoipa::path(get, path = "/v1/version", tag = "installation",
    responses((status = 200, description = "The version", body = Version), Problems))]
pub(crate) async fn version(State(admin): State<Arc<Admin>>) -> Json<Version> {
    Json(Version {
        version: env!("CARGO_PKG_VERSION"),
        part: admin.source.part(),
        shard: admin.source.shard(),
    })
}
