//! The clock of the side to move when its shard is killed: charged up to the last sign of life, and not for the outage.

use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::PlayerSeat;
use client::{Connector, Matchmaker, SeatSession, SessionConfig, Update};
use game_core::{ClockStart, ColorChoice, CommandKind, MatchId, ShardId, TimeControl};
use lab::cluster::{LocalCluster, LocalPlan};
use protocol::JoinFlags;
use protocol::http::{NewChallenge, Terms};
use store::testing::ReadLog;
use store::{Liveness, Matches, Registered, Registry};
use tests::process::binary;
use tokio::time::{Instant, sleep, timeout};

const INITIAL: Duration = Duration::from_secs(120);
/// How long a shard that loads a match waits for its players; what it counts until then is not known to others.
const REJOIN_WAIT: Duration = Duration::from_secs(15);
/// What the dead shard must have announced of the move.
const THOUGHT: Duration = Duration::from_secs(3);
/// From the return of a player to the receipt of a move that waits to be sent, on a busy machine.
const RETURN_MAX: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);

async fn sit_down(matchmaker: &Matchmaker, token: &str, id: MatchId) -> SeatSession {
    let connector = Arc::new(Connector::bind(1, ConnectionTimes::default()).unwrap());
    let seat = PlayerSeat {
        matchmaker: matchmaker.clone(),
        token: token.to_owned(),
    };
    // What is given back for the way of a move would hide what was charged.
    let config = SessionConfig {
        flags: JoinFlags::NO_LAG_COMPENSATION,
        ..SessionConfig::default()
    };
    let joined = SeatSession::join(connector, Arc::new(seat), id, config).await;
    joined.unwrap()
}

async fn play(session: &mut SeatSession, ply: u16, uci: &str) {
    let kind = CommandKind::plain_move(ply.into(), uci.parse().unwrap());
    session.command(kind).unwrap();
    loop {
        match session.next().await.unwrap() {
            Update::Acked { .. } => return,
            Update::Refused { reason, .. } => panic!("{uci}: {reason}"),
            _ => {}
        }
    }
}

/// What a shard announces of its clock.
async fn clock_of(cluster: &LocalCluster, shard: ShardId) -> game_core::MatchTime {
    let registry = cluster.store().shards().await.unwrap();
    let record = registry.iter().find(|seen| seen.id() == shard);
    record.and_then(Registered::record).unwrap().clock
}

#[tokio::test(flavor = "multi_thread")]
async fn the_side_to_move_is_charged_for_what_its_dead_shard_was_heard_to_count() {
    let plan = LocalPlan::of(binary("rookery"), 2);
    let cluster = LocalCluster::start(plan).await.unwrap();
    let matchmaker = Matchmaker::new(cluster.matchmaker_url(), PATIENCE).unwrap();
    let white = matchmaker.new_player(None).await.unwrap().token;
    let black = matchmaker.new_player(None).await.unwrap().token;
    let challenge = NewChallenge {
        terms: Terms {
            clock_start: ClockStart::AtOnce,
            ..Terms::usual(TimeControl::from_millis(INITIAL.as_millis() as u64, 0).unwrap())
        },
        color: ColorChoice::White,
        opponent: None,
        opponent_name: None,
        open: false,
        expires_in_s: None,
    };
    let asked = matchmaker
        .create_challenge(&white, &challenge)
        .await
        .unwrap();
    let accepted = matchmaker.accept_challenge(&black, &asked.id);
    let id = accepted.await.unwrap().match_id.unwrap();
    let mut white = sit_down(&matchmaker, &white, id).await;
    let mut black = sit_down(&matchmaker, &black, id).await;
    // White thinks until the owner's wait for players is over.
    sleep(REJOIN_WAIT + Duration::from_secs(1)).await;
    let sent = Instant::now();
    play(&mut white, 0, "e2e4").await;
    // Black is not charged for the time in which the store takes White's move.
    let stored_in = sent.elapsed();
    let thinks_since = Instant::now();
    let owner = cluster.store().ownership(id).await.unwrap().unwrap().owner;
    let moved_at = cluster.store().log(id).await.unwrap()[0].at;
    let announced = timeout(PATIENCE, async {
        loop {
            let announced = clock_of(&cluster, owner).await.since(moved_at);
            if announced >= THOUGHT {
                return announced;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    let announced = announced.await.expect("the shard announces its clock");
    let shards = cluster.shards();
    let of_owner = shards.iter().find(|shard| shard.id() == Some(owner));
    of_owner.unwrap().place().kill();
    let thought = thinks_since.elapsed();
    timeout(PATIENCE, play(&mut black, 1, "e7e5"))
        .await
        .unwrap();
    let outage = thinks_since.elapsed() - thought;
    let log = cluster.store().log(id).await.unwrap();
    let charged = INITIAL - log[1].clocks.remaining.black;
    // What the others hear may be a beat behind what is stored.
    assert!(
        charged + stored_in + Liveness::BEAT_EVERY >= announced,
        "{charged:?} and {stored_in:?} of {announced:?} announced, {thought:?} thought"
    );
    assert!(
        charged <= thought + RETURN_MAX,
        "{charged:?} of {thought:?}, and {outage:?} of outage"
    );
}
