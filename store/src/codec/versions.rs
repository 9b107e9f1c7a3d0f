//! What programs of different versions make of each other's bytes.

use std::fmt::Debug;

use game_core::RoundTrip;
use serde::{Deserialize, Serialize};

use super::bounds::CHECKSUM_LEN;
use super::layout::{Format, Layout};
use super::samples::*;
use super::*;
use crate::ticket::TicketState;

/// Declares a made-up next version of a format, which tells one thing more, as a program of the next version
/// would.
macro_rules! next_version {
    ($next:ident of $present:ident) => {
        #[derive(Debug, Serialize, Deserialize)]
        struct $next {
            present: $present,
            more: Option<String>,
        }

        impl Layout for $next {
            const FORMAT: Format = $present::FORMAT;
            const VERSION: u8 = $present::VERSION + 1;
            type Former = $present;

            fn from_former(former: $present) -> Self {
                Self {
                    present: former,
                    more: None,
                }
            }
        }
    };
}

next_version!(NextRecord of RecordV3);
next_version!(NextSnapshot of SnapshotV3);
next_version!(NextTicket of TicketV3);
next_version!(NextAssignment of AssignmentV3);
next_version!(NextShard of ShardV4);
next_version!(NextHead of HeadV2);
next_version!(NextChatLine of ChatLineV2);
next_version!(NextBeat of BeatV1);
next_version!(NextAccount of AccountV1);
next_version!(NextCredential of CredentialV2);
next_version!(NextTransfer of TransferV1);
next_version!(NextRating of RatingV1);
next_version!(NextRatedMatch of RatedMatchV1);
next_version!(NextArchived of ArchivedV2);
next_version!(NextFeedEntry of FeedEntryV1);
// And the one after, which reads the former one by way of it.
next_version!(SecondRecord of NextRecord);

/// A program of the next version reads what this one wrote; this one refuses what that one writes, by an error
/// that names both versions.
#[track_caller]
fn check_next<N: Layout + Debug, T: PartialEq + Debug>(
    bytes: &Bytes,
    present: impl FnOnce(N) -> (N::Former, Option<String>),
    value: T,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    next: impl FnOnce(N::Former) -> N,
) where
    N::Former: TryInto<T, Error = String>,
{
    let (read, more) = present(open::<N>(bytes).unwrap());
    assert_eq!(more, None);
    assert_eq!(read.try_into(), Ok(value));
    let written = seal(&next(open::<N::Former>(bytes).unwrap()));
    let (_, more) = {
        assert_eq!(written[0], N::FORMAT.tag(N::VERSION));
        ((), open::<N>(&written).is_ok())
    };
    assert!(more, "it reads its own");
    let expected = DecodeError::Version {
        format: N::FORMAT.name(),
        found: N::VERSION,
        newest: N::VERSION - 1,
    };
    assert_eq!(decode(&written).as_ref(), Err(&expected));
    let said = expected.to_string();
    for version in [N::VERSION, N::VERSION - 1] {
        assert!(said.contains(&format!("version {version}")), "{said}");
    }
    assert!(said.contains("newer program"), "{said}");
}

/// Calls [`check_next`] for one format.
macro_rules! check_next {
    ($next:ident, $value:expr, $encode:ident, $decode:ident) => {
        check_next(
            &$encode(&$value),
            |$next { present, more }| (present, more),
            $value,
            $decode,
            |present| $next {
                present,
                more: Some("more".to_owned()),
            },
        )
    };
}

#[test]
fn a_next_version_reads_ours_and_ours_refuses_it_by_name() {
    check_next!(NextRecord, moved(), encode_record, decode_record);
    check_next!(
        NextSnapshot,
        full_snapshot(),
        encode_snapshot,
        decode_snapshot
    );
    let given = ticket(usual_terms(), TicketState::Assigned(assignment()));
    check_next!(NextTicket, given.clone(), encode_ticket, decode_ticket);
    check_next!(
        NextAssignment,
        assignment(),
        encode_assignment,
        decode_assignment
    );
    check_next!(NextShard, shard(), encode_shard, decode_shard);
    check_next!(NextHead, head(), encode_head, decode_head);
    check_next!(NextChatLine, line(), encode_chat_line, decode_chat_line);
    check_next!(NextBeat, beat(), encode_beat, decode_beat);
    check_next!(NextAccount, account(), encode_account, decode_account);
    let [token, ..] = credentials();
    check_next!(
        NextCredential,
        token.clone(),
        encode_credential,
        decode_credential
    );
    check_next!(NextTransfer, transfer(), encode_transfer, decode_transfer);
    let rating = rated().rating(game_core::Seat::White);
    check_next!(NextRating, rating.clone(), encode_rating, decode_rating);
    check_next!(NextRatedMatch, rated(), encode_rated, decode_rated);
    check_next!(NextArchived, archived(), encode_archived, decode_archived);
    check_next!(
        NextFeedEntry,
        feed_entry(),
        encode_feed_entry,
        decode_feed_entry
    );
}

#[test]
fn versions_are_converted_one_after_another() {
    let ours = encode_record(&moved());
    let second: SecondRecord = open(&ours).unwrap();
    assert_eq!((second.more, second.present.more), (None, None));
    assert_eq!(second.present.present.try_into(), Ok(moved()));
}

#[test]
fn a_version_that_is_read_no_more_is_refused_by_name() {
    let body = encode_record(&moved());
    let body = &body[1..body.len() - CHECKSUM_LEN];
    for version in [0, 1] {
        let refused = decode_record(&sealed(Format::Record.tag(version), body)).unwrap_err();
        let expected = DecodeError::Version {
            format: "record",
            found: version,
            newest: 3,
        };
        assert_eq!(refused, expected);
        assert!(!refused.to_string().contains("newer program"), "{refused}");
    }
    // A record of a log, and a ticket, as version 1 wrote them.
    let record = unhex("114e00fc0035ad0afc0095ba0a04010810ec8153");
    let ticket = unhex(
        "317469636b65747469636b657403616461036164610103332b320103626f62fc20bf0200fbd0070101011f346b332f382f382f382f382f382f3450332f344b332077202d202d20302031fd00505c18a3010000fdf4515c18a30100000094d5439c",
    );
    for (refused, format) in [
        (decode_record(&record).unwrap_err(), "record"),
        (decode_ticket(&ticket).unwrap_err(), "ticket"),
    ] {
        let expected = format!("a {format} of version 1, and this program reads version 3");
        assert_eq!(refused.to_string(), expected);
    }
}

/// What version 2 of records and snapshots wrote is read, and version 1 of archived matches: no round trip is known of
/// it.
#[test]
fn matches_without_round_trips_are_read() {
    let moved = Event {
        round_trip: None,
        ..moved()
    };
    let record = "124d01fdf0debc9a785634120180eab45580aaea559209aa1580c8ceb40d00345fe4fae8d6";
    assert_eq!(decode_record(&unhex(record)), Ok(moved));
    let record = "124e000180eab45580aaea559209aa1580c8ceb40d08010c82a0a4e4";
    assert_eq!(decode_record(&unhex(record)), Ok(ended()));
    let full = Snapshot {
        round_trips: vec![None; 3],
        ..full_snapshot()
    };
    for (stored, bytes) in [
        (
            snapshot(),
            "223031323334353637383941420361646103616461000103626f6203626f6200010000000100a0fe0ad00f0000000100010000fd00505c18a3010000020064000c07a0fe0a0165003409a0fe0a0000000080aaea5580aaea55d0a84bcfa1bcb7",
        ),
        (
            full,
            "22416233343536373839414243036164610361646101fb220b0003626f6203626f62016401010141726e326b3172312f70707031707031702f33703270312f35626e312f50372f324e3242322f315050505050322f32424e4b315252207720476b71202d2034203131010100e0d4030000030128c0cbc902b0ea01000114c0cbc902b0ea0101b81700c0cbc902b0ea0102c4130101fdc0776518a3010000013c0082010108436c7562206375700103332e310001054bc3b66c6efd00505c18a30100000900fa01005525000001015525a0fe0a010001015525ffffffff0f0201fd0102010103010104010105010106020101073c0101010902070301fffdffffffffffffff010801010901010a014162303030303030303043440280eab45580aaea559209aa15c1843d0281c0ddeec102d192b47c",
        ),
    ] {
        assert_eq!(decode_snapshot(&unhex(bytes)), Ok(stored));
    }
    let bytes = "d13031323334353637383941420361646103616461000103626f6203626f6200010000000100a0fe0ad00f0000000100010000fd00505c18a3010000020064000c07a0fe0a0165003409a0fe0a01010007010a00000090aa905280aaea5500fd603a5d18a3010000f02b94d9";
    let read = decode_archived(&unhex(bytes)).unwrap();
    assert_eq!(read, archived());
    assert_eq!(read.restore().unwrap().round_trips(), [None, None]);
}

/// A record or snapshot whose round trips no program wrote.
#[test]
fn a_round_trip_has_one_form() {
    let resealed = |bytes: &Bytes, tail: &[u8], len: usize| {
        let body = &bytes[1..bytes.len() - CHECKSUM_LEN - len];
        sealed(bytes[0], &[body, tail].concat())
    };
    let record = encode_record(&moved());
    assert_eq!(resealed(&record, &[39], 1), record);
    // The longest, and one that is longer.
    let read = decode_record(&resealed(&record, &[0xff, 0xff, 3], 1)).unwrap();
    assert_eq!(
        read.round_trip.map(RoundTrip::as_millis),
        Some(RoundTrip::MAX_MS)
    );
    let longer = decode_record(&resealed(&record, &[0x80, 0x80, 4], 1));
    assert!(matches!(longer, Err(DecodeError::Malformed(_))));
    // Two moves.
    let snapshot = encode_snapshot(&snapshot());
    assert_eq!(resealed(&snapshot, &[0], 1), snapshot);
    let read = decode_snapshot(&resealed(&snapshot, &[1, 39], 1)).unwrap();
    assert_eq!(read.round_trips, [Some(RoundTrip::from_millis(38)), None]);
    for hostile in [
        &[2, 39, 0][..],
        &[1, 0],
        &[3, 1, 1, 1],
        &[0xfc, 0xff, 0xff, 0xff, 0xff],
    ] {
        let refused = decode_snapshot(&resealed(&snapshot, hostile, 1));
        assert!(
            matches!(refused, Err(DecodeError::Malformed(_))),
            "{hostile:?}"
        );
    }
}
