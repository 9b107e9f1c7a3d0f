//! Seat tokens of a player who has been revoked.

use std::time::Duration;

use protocol::{ServerBody, ServerFrame};
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::timeout;

use super::pace::Pace;
use crate::hostile::addresses::attacker;
use crate::hostile::field::{Field, match_of_two};
use crate::wire::RawClient;

/// A shard knows of a revocation within this, and says something within it.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Runs the attack.
pub(in crate::hostile) async fn run(field: &Field) -> Result<(), String> {
    let matchmaker = field.matchmaker(attacker(0))?;
    let (match_id, [token, _]) = match_of_two(&matchmaker).await?;
    let seat = matchmaker
        .seat(&token, match_id)
        .await
        .map_err(|error| error.to_string())?;
    let seated = RawClient::connect_from(attacker(0).into(), &seat.shard).await;
    let mut seated = seated.map_err(|error| error.to_string())?;
    seated.try_ask(match_id, &seat.token).await;
    let first = timeout(ANSWER_MAX, seated.next()).await;
    if !matches!(
        first,
        Ok(Some(ServerFrame {
            body: ServerBody::Joined(_),
            ..
        }))
    ) {
        return Err(format!(
            "the player who is to be revoked has no seat: {first:?}"
        ));
    }
    let match_reply = matchmaker
        .match_reply(match_id)
        .await
        .map_err(|error| error.to_string())?;
    let player = match_reply.players.white.id.to_string();
    let path = format!("/v1/players/{player}/revoke");
    let (status, answer) = field.operator.post(&path, &json!({})).await;
    if status != StatusCode::OK && status != StatusCode::NO_CONTENT {
        return Err(format!("the player is not revoked: {status} {answer}"));
    }
    // The shard knows once it has ended the seat that it had given.
    if timeout(ANSWER_MAX, seated.closed()).await.is_err() {
        field.tally.breach("a revoked player keeps the seat");
    }
    let pace = Pace::new(20, &field.end);
    while pace.turn().await {
        let Ok(mut client) = RawClient::connect_from(attacker(0).into(), &seat.shard).await else {
            field.tally.count("connections refused");
            continue;
        };
        client.try_ask(match_id, &seat.token).await;
        match client.next_within(ANSWER_MAX).await {
            None
            | Some(ServerFrame {
                body: ServerBody::Closed(_),
                ..
            }) => {
                field.tally.count("joins refused");
            }
            Some(_) => field.tally.breach("a revoked player was told of the match"),
        }
    }
    Ok(())
}
