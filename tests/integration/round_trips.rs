//! The round trip of the mover's connection at each move: from the transport, through the death of a shard, to
//! whoever reads of the match elsewhere.

use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{
    Command, CommandId, CommandKind, EventKind, Match, MatchTime, RoundTrip, Seat, Uci,
};
use lab::udp_proxy::{UdpProxy, Weather};
use protocol::ServerBody;
use protocol::http::{FeedLine, FinishedMatch, ShardAddress};
use store::testing::ReadLog;
use store::{Matches, RedisConfig, RedisStore};
use tests::installation::{Installation, PlayedMatch, eventually};
use tests::wire::RawClient;

/// How long a packet takes between White and its shard.
const LATENCY: Duration = Duration::from_millis(30);
/// Half-moves before the shard is killed: more than there are between two snapshots.
const BEFORE: u16 = 70;
/// Half-moves of the match.
const PLIES: u16 = 80;

/// Legal moves, which do not end a match.
fn moves() -> Vec<Uci> {
    let mut game = Match::new(SetupBuilder::new().build());
    for ply in 0..PLIES {
        let legal = game.legal_moves();
        let uci = legal[usize::from(ply) * 7 % legal.len()];
        let command = Command {
            id: CommandId(ply.into()),
            kind: CommandKind::plain_move(ply.into(), uci),
        };
        game.apply(game.turn(), &command, MatchTime::default(), &mut Vec::new())
            .unwrap();
    }
    assert_eq!(game.outcome(), None);
    game.moves().map(|(uci, _)| uci).collect()
}

/// Gives White its seat again, at a distance; the way there lasts as long as what is returned.
async fn sit_far_away(game: &mut PlayedMatch) -> UdpProxy {
    let seat = game.seat(Seat::White).await.unwrap();
    let proxy = UdpProxy::start(seat.shard.address, 1).await.unwrap();
    proxy.set(Weather {
        latency: LATENCY,
        ..Weather::default()
    });
    let shard = ShardAddress {
        address: proxy.address(),
        ..seat.shard
    };
    (game.white, _) = RawClient::join(&shard, game.id, seat.token, None).await;
    proxy
}

async fn lines<T: serde::de::DeserializeOwned>(url: &str) -> Vec<T> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let text = client.get(url).send().await.unwrap().text().await.unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect(&text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_tells_the_round_trip_of_every_move_though_the_shard_was_killed() {
    let mut installation = Installation::start(2).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let _near = sit_far_away(&mut game).await;
    let moves = moves();
    for (ply, uci) in (0..BEFORE).zip(&moves) {
        game.play(ply, &uci.to_string()).await;
    }
    // One more is under way.
    let under_way = moves[usize::from(BEFORE)].to_string();
    game.white.play(BEFORE, &under_way).await;
    let path = format!("/v1/matches/{}", game.id);
    let owner = installation.admin.get(&path).await["owner"].clone();
    let owner = owner.as_str().unwrap();
    installation.kill(owner);
    eventually("another shard has taken the match over", || async {
        let details = installation.admin.get(&path).await;
        let is_other = details["owner"] != owner && details["stale"] == false;
        is_other.then_some(())
    })
    .await;
    let _far = sit_far_away(&mut game).await;
    game.sit_again(Seat::Black).await;
    for (ply, uci) in (0..PLIES).zip(&moves).skip(BEFORE.into()) {
        game.play(ply, &uci.to_string()).await;
    }
    game.white.command(7, CommandKind::Resign).await;
    let is_ack = |body: &ServerBody| matches!(body, ServerBody::Ack { .. });
    game.white.until(is_ack).await;

    let url = &installation.matchmaker;
    let feed: Vec<FeedLine> = lines(&format!("{url}/v1/feed?wait_ms=20000")).await;
    let [told] = &feed[..] else {
        panic!("{feed:?}");
    };
    let told = &told.finished;
    assert_eq!(told.moves, moves);
    assert_eq!(told.rtts_ms.len(), moves.len());
    let least_ms = 2 * LATENCY.as_millis();
    for (ply, rtt_ms) in told.rtts_ms.iter().enumerate() {
        let rtt_ms = rtt_ms.unwrap_or_else(|| panic!("none at ply {ply}: {:?}", told.rtts_ms));
        let is_whites = ply % 2 == 0;
        assert!(
            !is_whites || u128::from(rtt_ms) >= least_ms,
            "{ply}: {rtt_ms}"
        );
    }
    // The archive and the records say the same.
    let archive: Vec<FinishedMatch> = lines(&format!("{url}/v1/archive?format=ndjson")).await;
    assert_eq!(archive[0].rtts_ms, told.rtts_ms);
    let config = RedisConfig::new(installation.redis_url());
    let store = RedisStore::connect(config).await.unwrap();
    let log = store.log(game.id).await.unwrap();
    let moved = log
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Moved { .. }));
    let recorded = moved.map(|event| event.round_trip.map(RoundTrip::as_millis));
    assert_eq!(recorded.collect::<Vec<_>>(), told.rtts_ms);
    let stored = store.load(game.id).await.unwrap().unwrap();
    assert!(stored.snapshot.seq() > 0, "a snapshot was made on the way");
}
