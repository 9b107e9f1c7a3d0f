//! A shard that does not answer: the matchmaker is asked where the match is, and the connection kept meanwhile.

use std::sync::Arc;
use std::time::Duration;

use game_core::ShardId;
use protocol::http::SeatReply;
use protocol::{CatchUp, ServerBody};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::Connector;
use crate::connection::ConnectionTimes;
use crate::seat::{Loss, SeatFuture, SeatSession, SeatSource, SeatTimes, SessionConfig, Update};
use crate::testing::script::{ack, event, frame, joined, match_id, moved, whole};
use crate::testing::seated::{Seated, move_of};
use crate::testing::shard::ScriptedShard;

const MS: Duration = Duration::from_millis(1);
const ASK_AFTER: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_secs(10);

#[test]
fn the_matchmaker_is_asked_300_ms_after_a_command_without_an_answer() {
    let mut seat = Seated::after("");
    seat.play(0, "e2e4");
    seat.sends();
    assert!(seat.pass(ASK_AFTER - MS).is_empty() && !seat.machine.asks_where());
    assert_eq!(seat.machine.deadline(), Some(seat.now + MS));
    assert!(seat.pass(MS).is_empty(), "the seat is kept");
    assert!(seat.machine.asks_where() && !seat.machine.wants_connection());
}

#[test]
fn four_round_trips_are_waited_for_on_a_slow_path() {
    let mut seat = Seated::after("");
    seat.machine.measured(200 * MS);
    seat.play(0, "e2e4");
    seat.pass(799 * MS);
    assert!(!seat.machine.asks_where());
    seat.pass(MS);
    assert!(seat.machine.asks_where());
}

#[test]
fn who_hears_the_shard_asks_nobody() {
    let mut seat = Seated::after("");
    let id = seat.play(0, "e2e4");
    seat.pass(ASK_AFTER);
    assert!(seat.machine.asks_where());
    seat.hear(event(1, moved(1, "e2e4")));
    assert!(!seat.machine.asks_where(), "it answers");
    seat.hear(ack(1, 1, id, 1));
    seat.pass(60_000 * MS);
    assert!(!seat.machine.asks_where(), "it owes nothing");
}

/// A slow store delays every answer: then everybody would ask at every move.
#[test]
fn who_is_told_the_same_shard_stays_and_asks_less_and_less_often() {
    let mut seat = Seated::after("");
    let id = seat.play(0, "e2e4");
    let mut asked = Vec::new();
    let mut waited = 0;
    while seat.machine.unanswered() > 0 && waited < 1_900 {
        waited += 10;
        assert!(seat.pass(10 * MS).is_empty());
        if seat.machine.asks_where() {
            asked.push(waited);
            seat.machine.stays(seat.now);
        }
    }
    assert_eq!(asked, [300, 900], "after 300 ms, and 600 ms later");
    // The next command is as slow: once in two seconds now.
    seat.hear(event(1, moved(1, "e2e4")));
    seat.hear(ack(1, 1, id, 1));
    seat.hear(event(1, moved(2, "e7e5")));
    seat.play(2, "g1f3");
    seat.pass(1_000 * MS);
    assert!(!seat.machine.asks_where());
    seat.pass(200 * MS);
    assert!(seat.machine.asks_where());
}

#[test]
fn who_is_told_another_shard_leaves_and_repeats_its_command_there() {
    let mut seat = Seated::after("");
    let id = seat.play(0, "e2e4");
    seat.sends();
    seat.pass(ASK_AFTER);
    seat.machine.moved(seat.now);
    assert_eq!(seat.updates(), [Update::Reconnecting(Loss::Moved)]);
    assert!(seat.machine.wants_connection() && !seat.machine.asks_where());
    seat.connect();
    seat.hear(joined(2, 0, CatchUp::Events(Vec::new())));
    let kind = move_of(0, "e2e4");
    let repeated = protocol::ClientFrame::Command { id, kind };
    assert_eq!(seat.sends(), [repeated]);
}

#[test]
fn who_watches_the_clocks_asks_when_a_ping_is_not_answered() {
    let mut seat = Seated::apart(SeatTimes::interactive());
    seat.connect();
    seat.hear(whole(1, "e2e4"));
    seat.pass(1_049 * MS);
    assert!(!seat.machine.asks_where());
    seat.pass(MS);
    assert!(seat.machine.asks_where());
    seat.machine.packet(seat.now);
    seat.machine.stays(seat.now);
    seat.pass(MS);
    assert!(!seat.machine.asks_where());
}

#[test]
fn a_pause_of_the_store_is_no_reason_to_ask() {
    let mut seat = Seated::after("");
    seat.play(0, "e2e4");
    seat.hear(frame(1, 0, ServerBody::Paused));
    seat.pass(2_000 * MS);
    assert!(!seat.machine.asks_where());
}

/// Names the shard that the test puts there.
struct Named(watch::Receiver<SeatReply>);

impl SeatSource for Named {
    fn seat(&self, _: game_core::MatchId) -> SeatFuture<'_> {
        let reply = self.0.borrow().clone();
        Box::pin(async { Ok(reply) })
    }
}

#[tokio::test]
async fn a_session_moves_to_the_heir_of_a_shard_that_died_silently() {
    let (dead, heir) = (ScriptedShard::default(), ScriptedShard::default());
    let mut moved_to = heir.reply();
    moved_to.shard.id = ShardId::from_random(2);
    let (place, places) = watch::channel(dead.reply());
    let serving = async {
        let (mut stream, _) = dead.accept().await;
        stream.say(whole(1, "")).await;
        let first = stream.read().await;
        // It says nothing more, and its connection stays open; then its death is known.
        place.send_replace(moved_to);
        let (mut stream, seen) = heir.accept().await;
        assert_eq!(seen, Some(0));
        stream.say(joined(2, 0, CatchUp::Events(Vec::new()))).await;
        assert_eq!(stream.read().await, first);
        stream.say(event(2, moved(1, "e2e4"))).await;
        let protocol::ClientFrame::Command { id, .. } = first else {
            panic!("{first:?}");
        };
        stream.say(ack(2, 1, id, 1)).await;
        stream.connection.closed().await;
    };
    let playing = async {
        let connector = Arc::new(Connector::bind(1, ConnectionTimes::default()).unwrap());
        let config = SessionConfig {
            times: SeatTimes {
                // What it would otherwise take.
                answer_max: Duration::from_secs(600),
                ..SeatTimes::default()
            },
            ..SessionConfig::default()
        };
        let source = Arc::new(Named(places));
        let mut seat = SeatSession::join(connector, source, match_id(), config)
            .await
            .unwrap();
        seat.command(move_of(0, "e2e4")).unwrap();
        let mut losses = Vec::new();
        while seat.machine().acked().is_empty() {
            if let Update::Reconnecting(loss) = seat.next().await.unwrap() {
                losses.push(loss);
            }
        }
        assert_eq!(losses, [Loss::Moved]);
    };
    timeout(SOON, async { tokio::join!(serving, playing) })
        .await
        .unwrap();
}

/// A matchmaker that names a corpse, until its death is known.
#[tokio::test]
async fn a_session_does_not_wait_for_a_shard_that_never_answers_the_handshake() {
    let heir = ScriptedShard::default();
    // Bound, and never read.
    let corpse = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut gone = heir.reply();
    gone.shard.address = corpse.local_addr().unwrap();
    let mut here = heir.reply();
    here.shard.id = ShardId::from_random(2);
    let (place, places) = watch::channel(gone);
    let connector = Arc::new(Connector::bind(1, ConnectionTimes::default()).unwrap());
    let source = Arc::new(Named(places));
    let config = SessionConfig::default();
    let joining = SeatSession::join(connector, source, match_id(), config);
    let serving = async {
        place.send_replace(here);
        let (mut stream, _) = heir.accept().await;
        stream.say(whole(1, "")).await;
        stream
    };
    let both = async { tokio::join!(joining, serving) };
    let (seat, _stream) = timeout(SOON, both).await.unwrap();
    assert!(seat.is_ok());
}
