//! Seated players who ask and ask, and read no answer.

use std::sync::Arc;
use std::time::Duration;

use game_core::{CommandId, CommandKind, MatchId};
use protocol::ClientFrame;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::pace::Pace;
use crate::hostile::addresses::attacker;
use crate::hostile::field::{Field, match_of_two};
use crate::wire::RawClient;

/// Matches, with two such players each.
const MATCHES: usize = 4;
/// Commands a second, over all players.
const PER_SECOND: u32 = 4_000;
/// Seats taken again a second, over all players.
const JOINS_PER_SECOND: u32 = 20;
/// Timeout of a write; the seat is then given up.
const WRITE_MAX: Duration = Duration::from_secs(5);

/// Runs the attack.
pub(in crate::hostile) async fn run(field: &Field) -> Result<(), String> {
    let commands = Arc::new(Pace::new(PER_SECOND, &field.end));
    let joins = Arc::new(Pace::new(JOINS_PER_SECOND, &field.end));
    let matchmaker = field.matchmaker(attacker(0))?;
    let mut tasks = JoinSet::new();
    for _ in 0..MATCHES {
        let (match_id, tokens) = match_of_two(&matchmaker).await?;
        for token in tokens {
            let (commands, joins) = (Arc::clone(&commands), Arc::clone(&joins));
            let (field, matchmaker) = (field.clone(), matchmaker.clone());
            tasks.spawn(async move {
                while joins.turn().await {
                    let Ok(seat) = matchmaker.seat(&token, match_id).await else {
                        field.tally.count("seats refused");
                        continue;
                    };
                    let Ok(client) = RawClient::connect_from(attacker(0).into(), &seat.shard).await
                    else {
                        field.tally.count("connections refused");
                        continue;
                    };
                    ask(&field, client, match_id, seat.token, &commands).await;
                }
            });
        }
    }
    tasks.join_all().await;
    Ok(())
}

/// Asks until the shard has had enough, or the attack is over.
async fn ask(field: &Field, mut client: RawClient, id: MatchId, token: String, commands: &Pace) {
    client.try_ask(id, &token).await;
    field.tally.count("seats taken");
    let mut number = 0;
    while commands.turn().await {
        number += 1;
        // There is no offer: each is refused.
        let frame = protocol::codec::encode_client(&ClientFrame::Command {
            id: CommandId(number),
            kind: CommandKind::AcceptDraw,
        });
        let written = timeout(WRITE_MAX, client.send.write_all(&frame)).await;
        if !matches!(written, Ok(Ok(()))) {
            field.tally.count("seats lost");
            return;
        }
        field.tally.count("commands sent");
    }
}
