//! Pages that break the rules, by both of their doors.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use game_core::{CommandId, CommandKind};
use protocol::{ClientFrame, Join, JoinFlags, codec};
use rand::RngExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::pace::Pace;
use crate::hostile::addresses::attacker;
use crate::hostile::field::{Field, match_of_two};
use crate::page::{Carrier, Door, Page, connect_http3, open_web_socket};

/// Attackers of one attack at a time, for each address.
const AT_ONCE: usize = 50;
/// A peer without a seat has lost its place by then: three times what it has for its join.
const PLACE_MAX: Duration = Duration::from_secs(15);
/// A message longer than a client may send, in bytes.
const LONG_LEN: usize = 64 * 1_024;
/// Pings and datagrams of one connection.
const FLOOD: usize = 500;
/// Players who do not read.
const DEAF: u8 = 8;
/// Commands that each of them may send a second.
const COMMANDS_PER_S: u32 = 500;

/// Lets attackers at so many addresses do something again and again, at this rate.
async fn attack<F>(
    field: &Field,
    addresses: u8,
    per_second: u32,
    deed: impl Fn(Field, u8, u64) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let pace = Pace::new(per_second, &field.end);
    let mut tasks = JoinSet::new();
    let mut number = 0;
    while pace.turn().await {
        if tasks.len() >= AT_ONCE * usize::from(addresses) {
            tasks.join_next().await;
        }
        let address = u8::try_from(number % u64::from(addresses)).unwrap_or(0);
        tasks.spawn(deed(field.clone(), address, number));
        number += 1;
    }
    tasks.shutdown().await;
}

/// WebSockets of who has no token.
pub(in crate::hostile) async fn web_sockets(field: &Field) -> Result<(), String> {
    attack(field, 4, 200, async |field, address, number| {
        let from = attacker(address).into();
        let Ok(mut socket) = open_web_socket(&field.shard, from, None, None).await else {
            field.tally.count("connections refused");
            return;
        };
        field.tally.count("connections made");
        let began = Instant::now();
        let mut dice = field.dice(number);
        let mut garbage = vec![0; 200];
        dice.fill(&mut garbage[..]);
        let messages = match number % 5 {
            0 => vec![Message::text("e2e4")],
            1 => vec![Message::Binary(garbage.into())],
            2 => vec![Message::Binary(vec![0; LONG_LEN].into())],
            3 => vec![Message::Ping(Bytes::from_static(b"?")); FLOOD],
            // Half a frame, and never more.
            _ => vec![Message::Binary(Bytes::from_static(&[0, 0, 0, 9, 0]))],
        };
        let nonsense = async {
            for message in messages {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
            while let Some(Ok(_)) = socket.next().await {}
        };
        let ended = timeout(2 * PLACE_MAX, nonsense);
        field.end.run_until_cancelled(ended).await;
        kept(&field, began);
    })
    .await;
    Ok(())
}

/// QUIC connections that speak HTTP/3, and say no more.
pub(in crate::hostile) async fn half_open_sessions(field: &Field) -> Result<(), String> {
    attack(field, 8, 240, async |field, address, _| {
        let from = attacker(address).into();
        let Ok((connection, _endpoint)) = connect_http3(&field.shard, from).await else {
            field.tally.count("connections refused");
            return;
        };
        field.tally.count("connections made");
        let began = Instant::now();
        field.end.run_until_cancelled(connection.closed()).await;
        kept(&field, began);
    })
    .await;
    Ok(())
}

/// Sessions of who has no token.
pub(in crate::hostile) async fn sessions(field: &Field) -> Result<(), String> {
    attack(field, 4, 100, async |field, address, number| {
        let from = attacker(address).into();
        let page = Page::try_connect(Door::WebTransport, &field.shard, from, None).await;
        let Ok(Page {
            carrier: Carrier::WebTransport { session, .. },
            ..
        }) = page
        else {
            field.tally.count("connections refused");
            return;
        };
        field.tally.count("connections made");
        let began = Instant::now();
        let mut dice = field.dice(number);
        let nonsense = async {
            let mut held = Vec::new();
            loop {
                for _ in 0..FLOOD {
                    let _ = session.send_datagram(Bytes::from_static(b"?"));
                }
                if let Ok(mut uni) = session.open_uni().await {
                    let _ = uni.write_all(&[7; 1_000]).await;
                    held.push(uni);
                }
                let Ok((mut send, _)) = session.open_bi().await else {
                    return;
                };
                let len = dice.random_range(0..4);
                let _ = send.write_all(&[0; 4][..len]).await;
                let _ = send.finish();
                field.tally.count("streams opened");
                sleep(Duration::from_millis(500)).await;
            }
        };
        tokio::select! {
            () = nonsense => {}
            _ = session.closed() => {}
            () = field.end.cancelled() => {}
        }
        kept(&field, began);
    })
    .await;
    Ok(())
}

/// Whoever has no seat has lost its place.
fn kept(field: &Field, began: Instant) {
    if began.elapsed() > PLACE_MAX {
        let limit = PLACE_MAX.as_secs();
        let what = format!("a page without a token kept its place for over {limit} s");
        field.tally.breach(what);
    }
}

/// Players in their seats who ask over WebSocket and read no answer; they are closed, and come again.
pub(in crate::hostile) async fn never_read(field: &Field) -> Result<(), String> {
    let mut tasks = JoinSet::new();
    for number in 0..DEAF {
        let matchmaker = field.matchmaker(attacker(number))?;
        let (id, [token, _]) = match_of_two(&matchmaker).await?;
        let field = field.clone();
        let pace = Arc::new(Pace::new(COMMANDS_PER_S, &field.end));
        tasks.spawn(async move {
            let from = attacker(number).into();
            while pace.turn().await {
                let Ok(seat) = matchmaker.seat(&token, id).await else {
                    field.tally.count("seats refused");
                    continue;
                };
                let Ok(mut socket) = open_web_socket(&seat.shard, from, None, None).await else {
                    field.tally.count("connections refused");
                    continue;
                };
                field.tally.count("joins");
                let join = ClientFrame::Join(Join {
                    version: protocol::VERSION,
                    flags: JoinFlags::NONE,
                    match_id: id,
                    token: seat.token,
                    seen: None,
                });
                let mut frame = codec::encode_client(&join);
                let mut command = 0;
                while pace.turn().await {
                    let message = Message::Binary(frame.to_vec().into());
                    match timeout(PLACE_MAX, socket.send(message)).await {
                        Ok(Ok(())) => field.tally.count("commands sent"),
                        _ => break,
                    }
                    command += 1;
                    frame = codec::encode_client(&ClientFrame::Command {
                        id: CommandId(command),
                        kind: CommandKind::AcceptDraw,
                    });
                }
            }
        });
    }
    tasks.join_all().await;
    Ok(())
}
