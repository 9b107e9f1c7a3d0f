//! What is read from a store.

use game_core::{Match, MatchTime};
use store::codec;

/// Longer values are refused before their checksum is looked at.
const LEN_MAX: usize = codec::SNAPSHOT_LEN_MAX;

/// The value with the checksum that it needs: whoever can write to the store can compute it.
fn sealed(data: &[u8]) -> Vec<u8> {
    let mut bytes = data[..data.len().min(LEN_MAX)].to_vec();
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Whatever is read as a value is written and read as the same value.
macro_rules! check {
    ($bytes:expr, $($decode:ident $encode:ident),+ $(,)?) => {
        $(if let Ok(value) = codec::$decode($bytes) {
            let again = codec::$encode(&value);
            assert_eq!(codec::$decode(&again).as_ref(), Ok(&value));
        })+
    };
}

/// Every format but those that stand inside of others.
pub(crate) fn value(data: &[u8]) {
    let bytes = sealed(data);
    check!(
        &bytes,
        decode_record encode_record,
        decode_snapshot encode_snapshot,
        decode_ticket encode_ticket,
        decode_assignment encode_assignment,
        decode_shard encode_shard,
        decode_beat encode_beat,
        decode_chat_line encode_chat_line,
        decode_account encode_account,
        decode_rating encode_rating,
        decode_rated encode_rated,
        decode_archived encode_archived,
        decode_feed_entry encode_feed_entry,
    );
}

/// A snapshot and records, each behind its length (two bytes, most significant first). What is restored is a match: it has
/// a snapshot from which the same match is restored.
pub(crate) fn whole_match(data: &[u8]) {
    let mut values = Vec::new();
    let mut rest = data;
    while let Some((len, behind)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*len)).min(behind.len());
        let (value, behind) = behind.split_at(len);
        values.push(sealed(value));
        rest = behind;
    }
    let Some((snapshot, records)) = values.split_first() else {
        return;
    };
    let Ok(snapshot) = codec::decode_snapshot(snapshot) else {
        return;
    };
    let records = records.iter().map(|record| codec::decode_record(record));
    let Ok(tail) = records.collect::<Result<Vec<_>, _>>() else {
        return;
    };
    let Ok(mut game) = Match::restore(snapshot, &tail) else {
        return;
    };
    let again = Match::restore(game.snapshot(), &[]).expect("its own snapshot is of a match");
    assert_eq!((again.seq(), again.fen()), (game.seq(), game.fen()));
    assert_eq!(again.outcome(), game.outcome());
    // It goes on, by its own clocks too.
    let now = MatchTime::default();
    game.start_clock(now);
    let _ = (game.deadline(), game.clocks(now), game.legal_moves());
}
