//! A page takes the other transport where the one fails, and goes back.

use std::net::SocketAddr;

use serde_json::json;
use tests::browser::{Doors, Network, Page};

use super::stage::{Stage, content, terms};

async fn network(stage: &Stage) -> Network {
    let matchmaker = stage.url().trim_start_matches("http://");
    let both = |address: SocketAddr| Doors {
        web_transport: address,
        web_socket: address,
    };
    let shards = &stage.server().ready.shards;
    let doors: Vec<Doors> = shards.iter().map(|shard| both(shard.address)).collect();
    Network::start(matchmaker.parse().unwrap(), &doors)
        .await
        .unwrap()
}

/// The system says that the network has changed.
async fn change_network(page: &Page) {
    page.ask("Network.enable", json!({})).await;
    for offline in [true, false] {
        let conditions = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        page.ask("Network.emulateNetworkConditions", conditions)
            .await;
    }
    page.ask("Network.disable", json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_mid_game_to_the_web_socket_where_udp_is_blocked_and_back_where_it_is_not() {
    let stage = Stage::enter().await;
    let network = network(&stage).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let id = stage.match_of(terms(), &ann, &bob).await;
    let mut program = stage.program(&bob, id).await;
    let page = stage.page().await;
    page.belong_to(&ann).await;
    page.goto(&format!("{}/match/{id}", network.url())).await;
    page.is_live().await;
    page.shows("transport", "webtransport").await;
    page.play("e2e4").await;

    network.block_udp(true);
    program.play(1, "e7e5").await;
    page.shows("transport", "websocket").await;
    page.sees(2).await;
    page.play("g1f3").await;
    program.play(3, "b8c6").await;

    network.block_udp(false);
    change_network(&page).await;
    page.shows("transport", "webtransport").await;
    page.sees(4).await;
    page.play("f1c4").await;

    // And once more, while a move waits for its answer.
    program.play(5, "g8f6").await;
    page.sees(6).await;
    network.block_udp(true);
    page.play("b1c3").await;
    page.shows("transport", "websocket").await;
    assert_eq!(
        page.listed().await,
        ["e4", "e5", "Nf3", "Nc6", "Bc4", "Nf6", "Nc3"]
    );
    assert_eq!(stage.stored(id).await.moves.len(), 7);
    content(&page);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_begin_where_udp_is_blocked() {
    let stage = Stage::enter().await;
    let network = network(&stage).await;
    network.block_udp(true);
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let id = stage.match_of(terms(), &ann, &bob).await;
    let page = stage.page().await;
    page.belong_to(&ann).await;
    page.goto(&format!("{}/match/{id}", network.url())).await;
    page.is_live().await;
    page.shows("transport", "websocket").await;
    page.play("e2e4").await;
    content(&page);
}
