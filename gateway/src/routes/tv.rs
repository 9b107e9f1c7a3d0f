//! The best live game, and then the next one: what a screen shows that nobody sits at.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use game_core::{MatchId, Seat};
use protocol::http::{LiveMatch, MatchReply};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::watching::position;
use crate::hold::held;
use crate::lines::{LineSender, line, lines};
use crate::refusal::Refusal;
use crate::shapes::user::{names, seated, user_id};
use crate::state::Gateway;

/// Live games among which one is chosen.
const LOOKED_AT: usize = 100;
/// Interval at which a game is looked for while there is none.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long it takes until a game is looked at again whose stream has ended before it.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long the end of a game stays on the screen.
const LINGER: Duration = Duration::from_secs(5);
/// What a player without a rating counts as.
const UNRATED: u32 = 1_200;

/// The best live game and its positions, as they come; then the next one.
pub(crate) async fn feed(State(gateway): State<Arc<Gateway>>) -> Result<Response, Refusal> {
    let best = held(best(&gateway, None)).await?;
    let (sender, lines) = lines(None);
    gateway.tasks.clone().spawn(async move {
        let until = gateway.shutdown.clone();
        tokio::select! {
            () = show(&gateway, best, &sender) => {}
            () = sender.closed() => {}
            () = until.cancelled() => {}
        }
    });
    Ok(lines.into_response())
}

/// Shows one game after the other, as long as somebody looks.
async fn show(gateway: &Gateway, mut next: Option<MatchId>, lines: &LineSender) {
    let mut last = None;
    loop {
        if let Some(id) = next.take() {
            match show_one(gateway, id, lines).await {
                Ok(true) => {
                    last = Some(id);
                    sleep(LINGER).await;
                }
                // It goes on, perhaps with the same game.
                Ok(false) => sleep(AGAIN_AFTER).await,
                Err(Closed) => return,
            }
        } else {
            sleep(LOOK_EVERY).await;
        }
        next = match best(gateway, last).await {
            Ok(best) => best,
            Err(refusal) => {
                tracing::debug!(error = %refusal.error, "no live games are known");
                None
            }
        };
    }
}

/// Nobody looks any more.
struct Closed;

/// Shows a game until it ends, or cannot be followed; whether it has ended.
async fn show_one(gateway: &Gateway, id: MatchId, lines: &LineSender) -> Result<bool, Closed> {
    let Ok(mut events) = gateway.patient.match_events(None, id).await else {
        return Ok(false);
    };
    let mut shown = None;
    while let Ok(Some(event)) = events.next().await {
        let Ok(game) = serde_json::from_str::<MatchReply>(&event.data) else {
            continue;
        };
        if shown == Some(game.position_seq) && game.outcome.is_none() {
            continue;
        }
        let told = match shown.replace(game.position_seq) {
            None => json!({"t": "featured", "d": featured(&game)}),
            Some(_) => json!({"t": "fen", "d": position(&game)}),
        };
        lines.send(line(&told)).await.map_err(|_| Closed)?;
        if game.outcome.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn featured(game: &MatchReply) -> Value {
    let names = names(&game.players, Seat::Black);
    let at = position(game);
    let player = |seat: Seat, seconds: &str| {
        let player = seated(&game.players[seat], &names[seat]);
        json!({
            "color": seat.to_string(),
            "user": {"id": user_id(&names[seat]), "name": names[seat], "title": player["title"]},
            "rating": player["rating"],
            "seconds": at[seconds],
        })
    };
    json!({
        "id": game.match_id.as_str(),
        "orientation": Seat::White.to_string(),
        "players": [player(Seat::White, "wc"), player(Seat::Black, "bc")],
        "fen": game.fen,
    })
}

/// The live game that is best to watch, other than `not`: mostly by the weaker player's rating, for people rather than
/// programs, by who else watches, and one that has begun rather than one that may never begin.
async fn best(gateway: &Gateway, not: Option<MatchId>) -> Result<Option<MatchId>, Refusal> {
    let live = gateway.matchmaker.live(LOOKED_AT).await?;
    let others = live
        .matches
        .iter()
        .filter(|game| Some(game.match_id) != not);
    let best = others.max_by_key(|game| (interest(game), game.created_at));
    Ok(best.map(|game| game.match_id))
}

fn interest(game: &LiveMatch) -> u32 {
    let players = [&game.players.white, &game.players.black];
    let ratings = players.map(|player| player.rating.map_or(UNRATED, u32::from));
    let people = players.iter().filter(|player| !player.is_bot).count() as u32;
    let begun = u32::from(game.ply >= 2);
    ratings[0].min(ratings[1]) + 150 * people + 20 * game.spectators.min(50) + 400 * begun
}

#[cfg(test)]
mod tests {
    use game_core::{BySeat, Speed, UnixMillis};
    use protocol::{ClockView, SeatView};

    use super::*;

    fn game(ratings: [Option<u16>; 2], is_bot: bool, ply: u16, spectators: u32) -> LiveMatch {
        let player = |rating| SeatView {
            id: "0AZaz9876543".parse().unwrap(),
            name: "Ann".to_owned(),
            rating,
            is_bot,
        };
        let players = BySeat {
            white: player(ratings[0]),
            black: player(ratings[1]),
        };
        LiveMatch {
            match_id: "0AZaz9876543".parse().unwrap(),
            players,
            variant: "standard".to_owned(),
            speed: Speed::Blitz,
            time_control: "180+2".to_owned(),
            rated: true,
            spectator_delay_s: 0,
            ply,
            turn: Seat::White,
            clock: ClockView {
                white_ms: 180_000,
                black_ms: 180_000,
                running: None,
                delay_ms: 0,
            },
            created_at: UnixMillis(7),
            spectators,
        }
    }

    #[test]
    fn the_better_game_to_watch_is_the_one_people_would_choose() {
        let strong = interest(&game([Some(2_400), Some(2_300)], false, 10, 0));
        let uneven = interest(&game([Some(2_600), Some(1_500)], false, 10, 0));
        let programs = interest(&game([Some(2_400), Some(2_300)], true, 10, 0));
        let waiting = interest(&game([Some(2_400), Some(2_300)], false, 1, 0));
        let watched = interest(&game([Some(2_400), Some(2_300)], false, 10, 20));
        assert!(strong > uneven && strong > programs && strong > waiting && watched > strong);
        assert!(interest(&game([None, None], false, 10, 0)) < uneven);
    }
}
