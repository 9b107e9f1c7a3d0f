//! QUIC connections of who has no token, kept by streams that come to nothing.

use std::sync::Arc;
use std::time::Duration;

use client::Connector;
use client::connection::ConnectionTimes;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::pace::Pace;
use crate::hostile::addresses::attacker;
use crate::hostile::field::Field;

const ADDRESSES: u8 = 4;
const CONNECTIONS_PER_ADDRESS: usize = 50;
/// Connections begun a second.
const PER_SECOND: u32 = 100;
/// Between two streams of a connection.
const STREAM_EVERY: Duration = Duration::from_secs(1);
/// A connection without a seat has lost its place by then: three times what it has for its join.
const PLACE_MAX: Duration = Duration::from_secs(15);

/// Runs the attack.
pub(in crate::hostile) async fn run(field: &Field) -> Result<(), String> {
    let pace = Arc::new(Pace::new(PER_SECOND, &field.end));
    let mut tasks = JoinSet::new();
    for number in 0..ADDRESSES {
        let connector = Connector::bind_to(attacker(number), 1, ConnectionTimes::default());
        let connector = Arc::new(connector.map_err(|error| error.to_string())?);
        for _ in 0..CONNECTIONS_PER_ADDRESS {
            let (field, pace, connector) =
                (field.clone(), Arc::clone(&pace), Arc::clone(&connector));
            tasks.spawn(async move {
                while pace.turn().await {
                    connect_and_stay(&field, &connector).await;
                }
            });
        }
    }
    tasks.join_all().await;
    Ok(())
}

async fn connect_and_stay(field: &Field, connector: &Connector) {
    let Ok(connection) = connector.connect(&field.shard).await else {
        field.tally.count("connections refused");
        return;
    };
    field.tally.count("connections made");
    let began = Instant::now();
    let streams = async {
        loop {
            let Ok((mut send, _)) = connection.open_bi().await else {
                return;
            };
            // A stream that ends before its first frame.
            let _ = send.finish();
            field.tally.count("streams opened");
            sleep(STREAM_EVERY).await;
        }
    };
    tokio::select! {
        () = streams => {}
        _ = connection.closed() => {}
        () = field.end.cancelled() => {}
    }
    if began.elapsed() > PLACE_MAX {
        let limit = PLACE_MAX.as_secs();
        field.tally.breach(format!(
            "a connection without a token kept its place for over {limit} s"
        ));
    }
}
