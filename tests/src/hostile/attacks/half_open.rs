//! QUIC handshakes that are begun and never finished.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::pace::Pace;
use crate::half_open::{Knock, Knocker};
use crate::hostile::addresses::attacker;
use crate::hostile::field::Field;

/// Handshakes begun a second, over all addresses.
const PER_SECOND: u32 = 240;
/// What may come back for each byte sent by an address that has not proven itself (RFC 9000 section 8.1).
const AMPLIFICATION_MAX: u64 = 3;

const SENT: &str = "bytes sent";
const RECEIVED: &str = "bytes received";

/// From `addresses` addresses that answer a Retry.
pub(in crate::hostile) async fn proven(field: &Field, addresses: u8) -> Result<(), String> {
    attack(field, addresses, true).await
}

/// From `addresses` addresses that never answer.
pub(in crate::hostile) async fn unproven(field: &Field, addresses: u8) -> Result<(), String> {
    attack(field, addresses, false).await?;
    let (sent, received) = (field.tally.get(SENT), field.tally.get(RECEIVED));
    if received > AMPLIFICATION_MAX * sent {
        field
            .tally
            .breach(format!("{received} bytes came back for {sent}"));
    }
    Ok(())
}

async fn attack(field: &Field, addresses: u8, answers_retry: bool) -> Result<(), String> {
    let pace = Arc::new(Pace::new(PER_SECOND, &field.end));
    let mut tasks = JoinSet::new();
    for number in 0..addresses {
        let tally = field.tally.clone();
        let note = move |knock, n| {
            let what = match knock {
                Knock::Begun => "handshakes begun",
                Knock::Retries => "retries received",
                Knock::Sent => SENT,
                Knock::Received => RECEIVED,
            };
            tally.add(what, n);
        };
        let (from, target) = (attacker(number).into(), field.shard.address);
        let knocker = Knocker::bind(from, target, answers_retry, Arc::new(note)).await;
        let mut knocker = knocker.map_err(|error| error.to_string())?;
        let pace = Arc::clone(&pace);
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    goes_on = pace.turn() => match goes_on {
                        true => knocker.begin(),
                        false => return,
                    },
                    () = knocker.listen() => {}
                }
            }
        });
    }
    tasks.join_all().await;
    Ok(())
}
