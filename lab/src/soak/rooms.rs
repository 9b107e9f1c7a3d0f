//! Joins a match after its end and listens to both rooms: what was confirmed as said is heard there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use game_core::MatchId;
use protocol::Role;
use protocol::http::PlayerReply;
use tokio::time::{Instant, timeout};

use super::matches::Party;
use super::oracle::Breach;
use super::oracle::chat::{check_chat, has_all};
use super::report::BrokenPromise;
use super::world::{BotSeat, World};
use client::{SeatError, SeatSession};

/// The last lines come right after the answer to a join; who hears none in this time joins again.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

/// Listens to the rooms of the seats and of the spectators, in which these lines were confirmed by each client.
pub(super) async fn listen(
    world: &Arc<World>,
    party: &Party,
    id: MatchId,
    lines: &[Vec<Vec<String>>; 2],
) {
    let [of_seats, of_spectators] = lines;
    let spectator = party.spectators.first();
    let seats = Some((&party.players[0], Role::White, of_seats));
    let spectators = spectator.map(|player| (player, Role::Spectator, of_spectators));
    for (player, role, confirmed) in [seats, spectators].into_iter().flatten() {
        if confirmed.iter().all(Vec::is_empty) {
            continue;
        }
        let end = Instant::now() + world.config.patience;
        let heard = loop {
            let heard = listen_as(world, (player, role), id, confirmed).await;
            // Who joins while the store is away hears only what is said from then on.
            let is_missing = matches!(&heard, Ok(Err(_)));
            if !is_missing || Instant::now() > end {
                break heard;
            }
        };
        match heard {
            Ok(Ok(())) => {}
            Ok(Err(breach)) => {
                let at = world.elapsed();
                world.broke(BrokenPromise {
                    match_id: Some(id),
                    role: Some(role),
                    ..BrokenPromise::of_the_cluster(breach, at)
                });
            }
            Err(error) => world.figures.error(&format!("nobody listens: {error}")),
        }
        world.figures.rooms.fetch_add(1, Ordering::Relaxed);
    }
}

async fn listen_as(
    world: &Arc<World>,
    (player, role): (&PlayerReply, Role),
    id: MatchId,
    confirmed: &[Vec<String>],
) -> Result<Result<(), Breach>, SeatError> {
    let source = BotSeat {
        world: Arc::clone(world),
        matchmaker: 0,
        token: player.token.clone(),
        role,
    };
    let mut config = world.session;
    config.times.returns_after_end = true;
    let connector = Arc::clone(&world.connector);
    let mut session = SeatSession::join(connector, Arc::new(source), id, config).await?;
    let hears_all = async {
        while !has_all(session.view(), confirmed) && session.machine().over().is_none() {
            session.next().await?;
        }
        Ok::<(), SeatError>(())
    };
    if let Ok(heard) = timeout(HEARD_WITHIN, hears_all).await {
        heard?;
    }
    let checked = check_chat(session.view().chat(), role.seat().is_some(), confirmed);
    session.leave().await?;
    Ok(checked)
}
