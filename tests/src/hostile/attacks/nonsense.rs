//! Bytes that mean nothing: below QUIC, and in the streams of seated players.

use std::net::SocketAddr;
use std::time::Duration;

use game_core::Seat;
use protocol::codec::CLIENT_FRAME_LEN_MAX;
use protocol::{ClientFrame, Join};
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::net::UdpSocket;

use super::pace::Pace;
use crate::hostile::addresses::attacker;
use crate::hostile::field::{Field, match_of_two};
use crate::wire::RawClient;

/// Addresses that send datagrams.
const ADDRESSES: u8 = 8;
/// As long as a client's first datagram must be (RFC 9000 section 14.1).
const DATAGRAM_LEN: usize = 1_200;
/// What may come back for each byte that was sent (RFC 9000 section 8.1).
const AMPLIFICATION_MAX: u64 = 3;
/// The shard closes the connection within this, or finds nothing to object to.
const CLOSED_WITHIN: Duration = Duration::from_millis(500);

/// Datagrams of chance, of versions that do not exist, and of connections that do not exist.
pub(in crate::hostile) async fn datagrams(field: &Field) -> Result<(), String> {
    let mut sockets = Vec::new();
    for number in 0..ADDRESSES {
        let socket = UdpSocket::bind((attacker(number), 0)).await;
        sockets.push(socket.map_err(|error| error.to_string())?);
    }
    let (pace, mut dice) = (Pace::new(1_000, &field.end), field.dice(0));
    let (mut sent, mut received) = (0, 0);
    let mut answer = [0; 2_048];
    for turn in 0.. {
        if !pace.turn().await {
            break;
        }
        let socket = &sockets[turn % sockets.len()];
        let datagram = nonsense(&mut dice);
        sent += datagram.len() as u64;
        let _ = socket.try_send_to(&datagram, field.shard.address);
        field.tally.count("datagrams sent");
        received += read_waiting(socket, field.shard.address, &mut answer);
    }
    field.tally.add("bytes sent", sent);
    field.tally.add("bytes received", received);
    if received > AMPLIFICATION_MAX * sent {
        field
            .tally
            .breach(format!("{received} bytes came back for {sent}"));
    }
    Ok(())
}

/// How many bytes wait in a socket from `source`, all of which this reads.
fn read_waiting(socket: &UdpSocket, source: SocketAddr, buffer: &mut [u8]) -> u64 {
    let mut bytes = 0;
    while let Ok((len, from)) = socket.try_recv_from(buffer) {
        if from == source {
            bytes += len as u64;
        }
    }
    bytes
}

fn nonsense(dice: &mut StdRng) -> Vec<u8> {
    let mut datagram = vec![0; DATAGRAM_LEN];
    dice.fill(&mut datagram[..]);
    match dice.random_range(0..3) {
        // A long header of an unknown version: the answer names the versions that are known.
        0 => datagram[0] |= 0xc0,
        // A short header of an unknown connection: the answer is a stateless reset.
        1 => datagram[0] = datagram[0] & 0x3f | 0x40,
        _ => {
            let len = dice.random_range(0..DATAGRAM_LEN);
            datagram.truncate(len);
        }
    }
    datagram
}

/// A seated player sends bytes that are no frame, is closed, and comes again.
pub(in crate::hostile) async fn frames(field: &Field) -> Result<(), String> {
    let matchmaker = field.matchmaker(attacker(0))?;
    let (match_id, [token, _]) = match_of_two(&matchmaker).await?;
    let (pace, mut dice) = (Pace::new(20, &field.end), field.dice(0));
    while pace.turn().await {
        let Ok(seat) = matchmaker.seat(&token, match_id).await else {
            field.tally.count("seats refused");
            continue;
        };
        let Ok(mut client) = RawClient::connect_from(attacker(0).into(), &seat.shard).await else {
            field.tally.count("connections refused");
            continue;
        };
        let join = ClientFrame::Join(Join {
            version: protocol::VERSION,
            flags: protocol::JoinFlags::NONE,
            match_id,
            token: seat.token,
            seen: None,
        });
        let mut bytes = protocol::codec::encode_client(&join).to_vec();
        let from = bytes.len();
        bytes.resize(from + dice.random_range(8..2_000), 0);
        dice.fill(&mut bytes[from..]);
        if dice.random() {
            // A plausible length lets what follows reach the decoder.
            let len = dice.random_range(1..=CLIENT_FRAME_LEN_MAX) as u32;
            bytes[from..from + 4].copy_from_slice(&len.to_be_bytes());
        }
        let _ = client.send.write_all(&bytes).await;
        let _ = client.send.finish();
        field.tally.count("joins with nonsense");
        let closed = tokio::time::timeout(CLOSED_WITHIN, client.connection.closed());
        // Nonsense that ends in the middle of a frame only ends the stream.
        if field
            .end
            .run_until_cancelled(closed)
            .await
            .is_some_and(|closed| closed.is_ok())
        {
            field.tally.count("connections closed");
        }
    }
    let untouched = matchmaker
        .match_reply(match_id)
        .await
        .map_err(|error| error.to_string())?;
    if !untouched.moves.is_empty() {
        field
            .tally
            .breach(format!("nonsense moved for {}", Seat::White));
    }
    Ok(())
}
