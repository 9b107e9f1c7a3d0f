//! Every message with its bytes: a change of the wire format fails here. One that an older peer would
//! misunderstand needs a new [`VERSION`](crate::VERSION).
//!
//! The examples in `docs/protocol.md` are among these bytes.

use std::fmt::Write as _;

use bytes::BytesMut;
use game_core::{CommandId, Epoch, Seat};

use super::{decode_client, decode_server, encode_client, encode_server};
use crate::{ClientFrame, ClockView, ServerBody, ServerFrame, UnixMicros};

mod arbiter;
mod client;
mod documentation;
mod events;
mod joins;
mod shard;

/// The bytes of frames, in hexadecimal with blanks anywhere, and the frames.
type Table<T> = Vec<(&'static str, T)>;

/// When all frames of a shard left: at the beginning of 2026.
const TIME: UnixMicros = UnixMicros(1_767_225_600_000_000);

fn client_tables() -> Table<ClientFrame> {
    [client::joins(), client::commands()].concat()
}

fn server_tables() -> Table<ServerFrame> {
    [
        joins::table(),
        events::table(),
        events::endings(),
        arbiter::table(),
        shard::answers(),
        shard::refusals(),
        shard::others(),
    ]
    .concat()
}

/// Compares the bytes of each frame with the table.
fn check<T: std::fmt::Debug>(table: &Table<T>, encode: impl Fn(&T) -> Vec<u8>) {
    let mut differences = String::new();
    for (expected, frame) in table {
        let actual = hex(&encode(frame));
        if actual != without_blanks(expected) {
            let _ = writeln!(differences, "{frame:?}\n was {expected}\n now {actual}");
        }
    }
    assert!(
        differences.is_empty(),
        "the wire has changed:\n{differences}"
    );
}

#[test]
fn frames_of_clients_have_these_bytes() {
    let table = client_tables();
    check(&table, |frame| encode_client(frame).to_vec());
    for (bytes, frame) in table {
        assert_eq!(decode_client(&mut unhex(bytes)), Ok(Some(frame)));
    }
}

#[test]
fn frames_of_shards_have_these_bytes() {
    let table = server_tables();
    check(&table, |frame| encode_server(frame).stamp(TIME).to_vec());
    for (bytes, frame) in table {
        let received = decode_server(&mut unhex(bytes)).unwrap().unwrap();
        assert_eq!((received.time, received.frame), (TIME, frame));
    }
}

#[test]
fn every_frame_has_other_bytes() {
    let mut all: Vec<String> = client_tables()
        .iter()
        .map(|(bytes, _)| without_blanks(bytes))
        .chain(
            server_tables()
                .iter()
                .map(|(bytes, _)| without_blanks(bytes)),
        )
        .collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> BytesMut {
    let digits = without_blanks(text);
    let digits = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

fn server(body: ServerBody) -> ServerFrame {
    ServerFrame {
        epoch: Epoch(3),
        seq: 260,
        body,
    }
}

fn clock(running: Option<Seat>) -> ClockView {
    ClockView {
        white_ms: 180_000,
        black_ms: 250,
        running,
        delay_ms: 0,
    }
}

const fn id(number: u64) -> CommandId {
    CommandId(number)
}

#[test]
fn the_handshake_names_no_version() {
    assert_eq!(crate::ALPN, b"rookery");
    assert_eq!((crate::VERSION_MIN, crate::VERSION), (2, 2));
}
