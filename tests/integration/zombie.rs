//! A shard that was stopped for so long that another took its matches over, and then goes on.

use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::PlayerSeat;
use client::{Connector, Matchmaker, SeatSession, SessionConfig, Update};
use game_core::{
    ClockStart, ColorChoice, CommandKind, Epoch, EventKind, MatchId, TimeControl, Uci,
};
use lab::cluster::{LocalCluster, LocalPlan, ShardPlace};
use protocol::http::{NewChallenge, SeatReply, Terms};
use protocol::{CloseCode, ServerBody};
use store::testing::ReadLog;
use store::{Matches, RedisStore};
use supervisor::Signal;
use tests::process::binary;
use tests::wire::RawClient;
use tokio::time::{Instant, sleep};

/// What each side has: the clock of the side to move has run out when the stopped shard goes on, by
/// the calendar.
const TIME: Duration = Duration::from_secs(6);
/// What a move earns, so that the flags of those who play on stay up on a busy machine too.
const INCREMENT: Duration = Duration::from_secs(20);
/// Longer than it takes to be taken for dead, and than [`TIME`].
const STOPPED: Duration = Duration::from_secs(9);
/// A shard that goes on says what it has to say within this.
const AFTERWARDS: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(20);

/// Two players in a match of their own, with the tokens that they ask for their seats with.
pub(crate) struct Pair {
    matchmaker: Matchmaker,
    pub(crate) white: String,
    pub(crate) black: String,
    pub(crate) match_id: MatchId,
}

impl Pair {
    pub(crate) async fn meet(matchmaker: &str) -> Self {
        let matchmaker = Matchmaker::new(matchmaker, PATIENCE).unwrap();
        let white = matchmaker.new_player(None).await.unwrap().token;
        let black = matchmaker.new_player(None).await.unwrap().token;
        let challenge = NewChallenge {
            terms: Terms {
                clock_start: ClockStart::AtOnce,
                ..Terms::usual(
                    TimeControl::from_millis(TIME.as_millis() as u64, INCREMENT.as_millis() as u64)
                        .unwrap(),
                )
            },
            color: ColorChoice::White,
            opponent: None,
            opponent_name: None,
            open: false,
            expires_in_s: None,
        };
        let asked = matchmaker.create_challenge(&white, &challenge).await;
        let accepted = matchmaker
            .accept_challenge(&black, &asked.unwrap().id)
            .await;
        let match_id = accepted.unwrap().match_id.expect("both are there");
        Self {
            matchmaker,
            white,
            black,
            match_id,
        }
    }

    pub(crate) async fn seat(&self, token: &str) -> SeatReply {
        self.matchmaker.seat(token, self.match_id).await.unwrap()
    }

    /// A client that stays with the shard that it was sent to.
    pub(crate) async fn raw(&self, token: &str) -> RawClient {
        let seat = self.seat(token).await;
        let (client, _) = RawClient::join(&seat.shard, self.match_id, seat.token, None).await;
        client
    }

    /// A client that finds the owner, whoever it is.
    pub(crate) async fn session(&self, token: &str) -> SeatSession {
        let connector = Connector::bind(1, ConnectionTimes::default()).unwrap();
        let seat = PlayerSeat {
            matchmaker: self.matchmaker.clone(),
            token: token.to_owned(),
        };
        let config = SessionConfig::default();
        SeatSession::join(Arc::new(connector), Arc::new(seat), self.match_id, config)
            .await
            .unwrap()
    }
}

fn a_move(ply: u16, uci: &str) -> CommandKind {
    CommandKind::plain_move(ply.into(), uci.parse().unwrap())
}

/// Plays a move and waits until it is acknowledged.
pub(crate) async fn play(session: &mut SeatSession, ply: u16, uci: &str) {
    session.command(a_move(ply, uci)).unwrap();
    loop {
        match session.next().await.unwrap() {
            Update::Acked { .. } => return,
            Update::Refused { reason, .. } => panic!("{uci}: {reason}"),
            _ => {}
        }
    }
}

/// The shard whose place is at the address that players were sent to.
fn place_of(cluster: &LocalCluster, seat: &SeatReply) -> usize {
    let at = |shard: &ShardPlace| shard.address() == Some(seat.shard.address);
    cluster.shards().iter().position(at).unwrap()
}

/// Everything that a client is told until it is sent away, or for a while.
pub(crate) async fn told(client: &mut RawClient) -> Vec<(Epoch, ServerBody)> {
    let end = Instant::now() + AFTERWARDS;
    let mut told = Vec::new();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match client.next_within(left).await {
            Some(frame) => told.push((frame.epoch, frame.body)),
            None => return told,
        }
    }
}

/// What a former owner says when it goes on: nothing that is not confirmed, and at last that it is not the owner.
pub(crate) fn assert_nothing_new(told: &[(Epoch, ServerBody)], old_epoch: Epoch) {
    for (epoch, body) in told {
        assert_eq!(*epoch, old_epoch, "{body:?}");
        let says_nothing_new = matches!(
            body,
            ServerBody::Paused
                | ServerBody::Clock(_)
                | ServerBody::Presence { .. }
                | ServerBody::Closed(_)
        );
        assert!(says_nothing_new, "the old owner said {body:?}");
    }
    let last = told.last().map(|(_, body)| body);
    let sent_away = Some(&ServerBody::Closed(CloseCode::NotOwner));
    assert_eq!(last, sent_away, "{told:?}");
}

pub(crate) async fn wait_for_takeover(store: &RedisStore, id: MatchId, from: Epoch) {
    let end = Instant::now() + PATIENCE;
    loop {
        let ownership = store.ownership(id).await.unwrap().unwrap();
        if ownership.epoch > from {
            return;
        }
        assert!(Instant::now() < end, "nobody takes the match over");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_went_on_after_its_takeover_writes_and_says_nothing_new() {
    let _turn = tests::turns::turn().await;
    let plan = LocalPlan::for_faults(binary("rookery"), 0);
    let cluster = LocalCluster::start(plan).await.unwrap();
    let pair = Pair::meet(cluster.matchmaker_url()).await;
    let id = pair.match_id;
    let old_owner = place_of(&cluster, &pair.seat(&pair.white).await);
    let old_owner = cluster.shards()[old_owner].place();
    let mut raw_white = pair.raw(&pair.white).await;
    let mut raw_black = pair.raw(&pair.black).await;
    raw_white.play(0, "e2e4").await;
    let is_event = |body: &ServerBody| matches!(body, ServerBody::Event(_));
    let old_epoch = raw_black.until(is_event).await.epoch;
    raw_white.until(is_event).await;
    while raw_white
        .next_within(Duration::from_millis(300))
        .await
        .is_some()
    {}

    // It is black's turn, whose flag falls within the stop, if time were to pass.
    let stopped_at = Instant::now();
    old_owner.signal(Signal::STOP).unwrap();
    raw_black.play(1, "c7c5").await;
    raw_black.command(7, CommandKind::Resign).await;
    raw_white.command(8, CommandKind::Resign).await;
    wait_for_takeover(cluster.store(), id, old_epoch).await;
    let mut white = pair.session(&pair.white).await;
    let mut black = pair.session(&pair.black).await;
    play(&mut black, 1, "e7e5").await;
    play(&mut white, 2, "g1f3").await;
    tokio::time::sleep_until(stopped_at + STOPPED).await;
    old_owner.signal(Signal::CONT).unwrap();

    let (to_white, to_black) = tokio::join!(told(&mut raw_white), told(&mut raw_black));
    for to in [&to_white, &to_black] {
        assert_nothing_new(to, old_epoch);
    }
    play(&mut black, 3, "b8c6").await;
    let log = cluster.store().log(id).await.unwrap();
    let moves: Vec<Uci> = log
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Moved { uci, .. } => Some(uci),
            _ => None,
        })
        .collect();
    let played = ["e2e4", "e7e5", "g1f3", "b8c6"].map(|uci| uci.parse().unwrap());
    assert_eq!(moves, played, "{log:?}");
    assert_eq!(log.len(), moves.len(), "nothing else has happened: {log:?}");
    assert_eq!(cluster.alarms(), Vec::<String>::new());
}
