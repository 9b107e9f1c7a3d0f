//! The browser page, and further routes of the program that runs the matchmaker.

use std::sync::Arc;

use axum::Router;

use crate::registry::RegistryView;
use crate::service::Service;

/// The routes that are no requests of players: `more`, and the page if it is served.
pub(crate) fn routes(service: &Arc<Service>, more: Router) -> Router<Arc<Service>> {
    let routes = more.with_state(());
    let args = &service.config.page;
    if !args.page {
        return routes;
    }
    let views = service.views.clone();
    let shards = move || doors(&views.borrow());
    routes.merge(page::router(shards, args.page_connect.clone()))
}

/// The URLs by which browsers reach the shards.
fn doors(view: &RegistryView) -> Vec<String> {
    let doors = view.records().flat_map(|shard| {
        // A certificate that is pinned is none that a WebSocket can be opened with.
        let socket = shard.certificate_sha256.map_or("wss", |_| "ws");
        ["https", socket].map(|scheme| format!("{scheme}://{}/", shard.address))
    });
    doors.collect()
}
