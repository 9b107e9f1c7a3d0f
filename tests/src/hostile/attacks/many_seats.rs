//! One player who watches one match from ever more connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use game_core::MatchId;
use protocol::http::SeatReply;
use protocol::{ServerBody, ServerFrame};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::pace::Pace;
use crate::hostile::addresses::attacker;
use crate::hostile::field::{Field, match_of_two};
use crate::wire::RawClient;

/// Connections that the player tries to have a seat in.
const CONNECTIONS: usize = 200;
/// Connections begun a second.
const PER_SECOND: u32 = 100;
/// Places that one player may have at once: more than any player needs, on however many screens.
const SEATS_MAX: usize = 100;
/// The shard says something within this.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Runs the attack.
pub(in crate::hostile) async fn run(field: &Field) -> Result<(), String> {
    let matchmaker = field.matchmaker(attacker(0))?;
    let (match_id, [token, _]) = match_of_two(&matchmaker).await?;
    let place = matchmaker.watch(&token, match_id).await;
    let place = Arc::new(place.map_err(|error| error.to_string())?);
    let pace = Arc::new(Pace::new(PER_SECOND, &field.end));
    let (taken, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (field, pace, place) = (field.clone(), Arc::clone(&pace), Arc::clone(&place));
        let (taken, most) = (Arc::clone(&taken), Arc::clone(&most));
        tasks.spawn(async move {
            while pace.turn().await {
                let Some(mut client) = sit(&field, match_id, &place).await else {
                    continue;
                };
                let now = taken.fetch_add(1, Ordering::Relaxed) + 1;
                most.fetch_max(now, Ordering::Relaxed);
                let watching = async { while let Ok(Some(_)) = client.try_next().await {} };
                field.end.run_until_cancelled(watching).await;
                taken.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }
    tasks.join_all().await;
    let most = most.load(Ordering::Relaxed);
    field.tally.add("places at once", most as u64);
    if most > SEATS_MAX {
        let text = format!("one player had {most} places at once");
        field.tally.breach(text);
    }
    Ok(())
}

/// A place on a connection of its own, if the shard gives one.
async fn sit(field: &Field, match_id: MatchId, place: &SeatReply) -> Option<RawClient> {
    let client = RawClient::connect_from(attacker(0).into(), &place.shard).await;
    let Ok(mut client) = client else {
        field.tally.count("connections refused");
        return None;
    };
    client.try_ask(match_id, &place.token).await;
    match timeout(ANSWER_MAX, client.try_next()).await {
        Ok(Ok(Some(ServerFrame {
            body: ServerBody::Joined(_),
            ..
        }))) => {
            field.tally.count("places taken");
            Some(client)
        }
        _ => {
            field.tally.count("places refused");
            None
        }
    }
}
