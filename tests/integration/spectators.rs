//! A thousand spectators beside the seats of one match: each sees every event once and in order, and the
//! players hardly notice.

use std::time::{Duration, Instant};

use game_core::{CommandId, CommandKind, EventKind, Match, MatchId, MatchTime, Seat};
use protocol::{Role, ServerBody, ServerFrame};
use tests::shard::{LocalShard, claims};
use tests::wire::RawClient;
use tokio::task::JoinSet;

const SPECTATORS: usize = 1_000;
const PLIES: u16 = 24;
/// How long each player thinks.
const THINKING: Duration = Duration::from_millis(200);
/// Spectators who connect at the same time.
const AT_ONCE: usize = 50;

/// A match with both players in it.
struct Played {
    game: Match,
    white: RawClient,
    black: RawClient,
}

impl Played {
    async fn begin(shard: &LocalShard) -> (MatchId, Self) {
        let id = shard.create_match().await;
        let join =
            async |role| RawClient::join(&shard.address, id, shard.token(id, role), None).await;
        let (white, _) = join(Role::White).await;
        let (black, _) = join(Role::Black).await;
        let setup = game_core::testing::SetupBuilder::new().at_once().build();
        let game = Match::new(setup);
        (id, Self { game, white, black })
    }

    /// Plays, and returns from the sending of each move to its ack.
    async fn play(&mut self) -> Vec<Duration> {
        let mut acks = Vec::new();
        for ply in 0..PLIES {
            tokio::time::sleep(THINKING).await;
            let legal = self.game.legal_moves();
            // A prime, so that the moves look like those of a game.
            let uci = legal[usize::from(ply) * 7 % legal.len()];
            let turn = self.game.turn();
            let id = CommandId(u64::from(ply));
            let kind = CommandKind::plain_move(self.game.position_seq(), uci);
            let command = game_core::Command { id, kind };
            let now = MatchTime::default();
            let played = self.game.apply(turn, &command, now, &mut Vec::new());
            assert!(played.is_ok(), "{uci}");
            let mover = match turn {
                Seat::White => &mut self.white,
                Seat::Black => &mut self.black,
            };
            let sent_at = Instant::now();
            mover.command(id.0, kind).await;
            let is_ack = |body: &ServerBody| matches!(body, ServerBody::Ack { command_id, .. } if *command_id == id);
            mover.until(is_ack).await;
            acks.push(sent_at.elapsed());
        }
        acks.sort_unstable();
        acks
    }
}

/// Reads until the last move, and returns the seqs of all that were seen.
async fn watch(mut spectator: RawClient) -> Vec<u32> {
    let mut seen = Vec::new();
    loop {
        let frame: ServerFrame = spectator.next().await.expect("the match goes on");
        if let ServerBody::Event(event) = frame.body {
            assert!(matches!(event.kind, Some(EventKind::Moved { .. })));
            seen.push(frame.seq);
            if frame.seq == u32::from(PLIES) {
                return seen;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_spectators_see_each_event_once_and_in_order_while_players_hardly_notice() {
    let shard = LocalShard::with(|config| {
        config.net.connections_per_address_max = 2 * SPECTATORS;
    })
    .await;
    let (_, mut alone) = Played::begin(&shard).await;
    let without = alone.play().await;

    let (id, mut watched) = Played::begin(&shard).await;
    let mut spectators = JoinSet::new();
    for first in (0..SPECTATORS).step_by(AT_ONCE) {
        let mut joining = JoinSet::new();
        for n in first..(first + AT_ONCE).min(SPECTATORS) {
            let mut claims = claims(id, Role::Spectator);
            claims.player = format!("spectator{n}").parse().unwrap();
            let (address, token) = (shard.address.clone(), shard.key.seat_token(&claims));
            joining.spawn(async move { RawClient::join(&address, id, token, None).await.0 });
        }
        while let Some(joined) = joining.join_next().await {
            spectators.spawn(watch(joined.unwrap()));
        }
    }
    let with = watched.play().await;
    let each: Vec<u32> = (1..=u32::from(PLIES)).collect();
    let mut watched_by = 0;
    while let Some(seen) = spectators.join_next().await {
        assert_eq!(seen.unwrap(), each);
        watched_by += 1;
    }
    assert_eq!(watched_by, SPECTATORS);
    let last = |acks: &[Duration]| acks.last().copied().unwrap_or_default();
    // For who looks: a time is no test.
    eprintln!(
        "slowest ack of {PLIES} moves: {:?} alone, {:?} with {SPECTATORS} spectators",
        last(&without),
        last(&with)
    );
}
