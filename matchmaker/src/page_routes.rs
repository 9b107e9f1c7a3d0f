//! The browser page, and further routes of the program that runs the matchmaker.

use std::sync::Arc;

use axum::Router;
use page::Reach;

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
    let shards = move || reaches(&views.borrow());
    routes.merge(page::router(shards, args.page_connect.clone()))
}

/// Where browsers reach the shards.
fn reaches(view: &RegistryView) -> Vec<Reach> {
    let mut reaches: Vec<Reach> = view
        .records()
        .map(|shard| Reach {
            host: shard.address.ip().to_string(),
            // A certificate that is pinned is none that a WebSocket can be opened with.
            is_secure: shard.certificate_sha256.is_none(),
        })
        .collect();
    reaches.sort_unstable();
    reaches.dedup();
    reaches
}
