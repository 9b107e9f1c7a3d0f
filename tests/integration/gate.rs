//! The output gate, over real QUIC, on a store that delays, refuses and loses answers.

use std::time::Duration;

use game_core::MatchId;
use protocol::{Role, ServerBody, ServerFrame};
use store::testing::AppendFault;
use tests::shard::LocalShard;
use tests::wire::RawClient;

/// A Ruy Lopez, deep enough for every fault to come by several times.
const MOVES: [&str; 20] = [
    "e2e4", "e7e5", "g1f3", "b8c6", "f1b5", "a7a6", "b5a4", "g8f6", "e1g1", "f8e7", "f1e1", "b7b5",
    "a4b3", "d7d6", "c2c3", "e8g8", "h2h3", "c6b8", "d2d4", "b8d7",
];

/// While the store is held, this long a silence is taken for silence.
const SILENCE: Duration = Duration::from_millis(150);

#[tokio::test]
async fn no_frame_leaves_before_its_confirmation() {
    let shard = LocalShard::start().await;
    let outcome = play_under_faults(&shard).await;
    assert_eq!(outcome, Ok(MOVES.len()));
    shard.stop().await;
}

#[cfg(feature = "sabotage")]
#[tokio::test]
async fn the_check_of_the_gate_notices_its_absence() {
    let shard = LocalShard::with(|config| {
        config.limits.sabotage = Some(shard_core::Sabotage::Gate);
    })
    .await;
    let outcome = play_under_faults(&shard).await;
    assert!(
        outcome.is_err(),
        "the gate was taken out and nothing noticed: {outcome:?}"
    );
}

/// Plays a game while the store fails in every way; returns the number of moves that both players
/// saw, or what was seen too early.
async fn play_under_faults(shard: &LocalShard) -> Result<usize, String> {
    let id = shard.create_match().await;
    let (mut white, _) =
        RawClient::join(&shard.address, id, shard.token(id, Role::White), None).await;
    let (mut black, _) =
        RawClient::join(&shard.address, id, shard.token(id, Role::Black), None).await;
    let faults = &shard.faults;
    let mut seen = 0;
    for (ply, uci) in (0..).zip(MOVES) {
        let (mover, other) = if ply % 2 == 0 {
            (&mut white, &mut black)
        } else {
            (&mut black, &mut white)
        };
        match ply % 5 {
            0 => {}
            1 => faults.set_appends(AppendFault::Delay(Duration::from_millis(80))),
            2 => faults.set_appends(AppendFault::Hold),
            3 => faults.set_appends(AppendFault::Refuse),
            _ => faults.set_appends(AppendFault::LoseAnswers),
        }
        mover.play(ply, uci).await;
        match ply % 5 {
            2 => {
                faults.until_held().await;
                silent(shard, id, mover).await?;
                silent(shard, id, other).await?;
            }
            // Nothing else is answered either, until the shard was told at least once that nothing is known.
            3 | 4 => {
                faults.set_down(true);
                checked(shard, id, mover, |body| *body == ServerBody::Paused).await?;
                faults.set_down(false);
            }
            _ => {}
        }
        if ply % 5 != 1 {
            faults.set_appends(AppendFault::None);
        }
        checked(shard, id, mover, |body| {
            matches!(body, ServerBody::Ack { .. })
        })
        .await?;
        checked(shard, id, other, is_event).await?;
        faults.set_appends(AppendFault::None);
        seen += 1;
    }
    let log = shard
        .store
        .log(id)
        .await
        .map_err(|error| error.to_string())?;
    if log.len() == MOVES.len() {
        Ok(seen)
    } else {
        Err(format!("{} records", log.len()))
    }
}

fn is_event(body: &ServerBody) -> bool {
    matches!(body, ServerBody::Event(_))
}

/// Reads until a frame is as wanted; every frame on the way must speak of confirmed events alone.
async fn checked(
    shard: &LocalShard,
    id: MatchId,
    client: &mut RawClient,
    wanted: impl Fn(&ServerBody) -> bool,
) -> Result<(), String> {
    loop {
        let frame = client.next().await.ok_or("the stream ended")?;
        check(shard, id, &frame)?;
        if wanted(&frame.body) {
            return Ok(());
        }
    }
}

async fn silent(shard: &LocalShard, id: MatchId, client: &mut RawClient) -> Result<(), String> {
    while let Some(frame) = client.next_within(SILENCE).await {
        check(shard, id, &frame)?;
        if matches!(frame.body, ServerBody::Event(_) | ServerBody::Ack { .. }) {
            return Err(format!("{frame:?} while the store holds every write"));
        }
    }
    Ok(())
}

fn check(shard: &LocalShard, id: MatchId, frame: &ServerFrame) -> Result<(), String> {
    let confirmed = shard.faults.confirmed_seqs().get(&id).copied().unwrap_or(0);
    if frame.seq <= confirmed {
        Ok(())
    } else {
        Err(format!("{frame:?} while {confirmed} events are confirmed"))
    }
}
