//! A client whose address changes keeps its connection, and with it its seat.

use std::net::UdpSocket;

use protocol::{Role, ServerBody};
use store::testing::ReadLog;
use tests::shard::LocalShard;
use tests::wire::RawClient;

#[tokio::test]
async fn a_rebound_socket_costs_no_reconnect() {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let token = |role| shard.token(id, role);
    let (mut white, _) = RawClient::join(&shard.address, id, token(Role::White), None).await;
    let (mut black, _) = RawClient::join(&shard.address, id, token(Role::Black), None).await;
    let before = white.endpoint.local_addr().unwrap();
    let moves = ["e2e4", "e7e5", "g1f3", "b8c6", "f1b5", "a7a6"];
    for (ply, uci) in (0..).zip(moves) {
        let (mover, other) = if ply % 2 == 0 {
            (&mut white, &mut black)
        } else {
            (&mut black, &mut white)
        };
        // As when a telephone leaves the house: another port, in the middle of the match.
        mover
            .endpoint
            .rebind(UdpSocket::bind("127.0.0.1:0").unwrap())
            .unwrap();
        mover.play(ply, uci).await;
        mover
            .until(|body| matches!(body, ServerBody::Ack { .. }))
            .await;
        other
            .until(|body| matches!(body, ServerBody::Event(_)))
            .await;
    }
    assert_ne!(white.endpoint.local_addr().unwrap(), before);
    assert_eq!(white.connection.close_reason(), None);
    assert_eq!(shard.store.log(id).await.unwrap().len(), moves.len());
    shard.stop().await;
}
