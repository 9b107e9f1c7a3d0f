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
        let transport = shard.web.web_transport.as_ref();
        [
            transport.map(|door| door.url.clone()),
            shard.web.web_socket.clone(),
        ]
    });
    doors.flatten().collect()
}
