//! What programs of different versions make of each other's bytes.

use std::fmt::Debug;

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

next_version!(NextRecord of RecordV2);
next_version!(NextSnapshot of SnapshotV2);
next_version!(NextTicket of TicketV2);
next_version!(NextAssignment of AssignmentV2);
next_version!(NextShard of ShardV3);
next_version!(NextHead of HeadV2);
next_version!(NextChatLine of ChatLineV2);
next_version!(NextBeat of BeatV1);
next_version!(NextAccount of AccountV1);
next_version!(NextCredential of CredentialV1);
next_version!(NextRating of RatingV1);
next_version!(NextRatedMatch of RatedMatchV1);
next_version!(NextArchived of ArchivedV1);
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
            newest: 2,
        };
        assert_eq!(refused, expected);
        assert!(!refused.to_string().contains("newer program"), "{refused}");
    }
    // A record of a log, and a ticket, as version 1 wrote them.
    let record = from_hex("114e00fc0035ad0afc0095ba0a04010810ec8153");
    let ticket = from_hex(
        "317469636b65747469636b657403616461036164610103332b320103626f62fc20bf0200fbd0070101011f346b332f382f382f382f382f382f3450332f344b332077202d202d20302031fd00505c18a3010000fdf4515c18a30100000094d5439c",
    );
    for (refused, format) in [
        (decode_record(&record).unwrap_err(), "record"),
        (decode_ticket(&ticket).unwrap_err(), "ticket"),
    ] {
        let expected = format!("a {format} of version 1, and this program reads version 2");
        assert_eq!(refused.to_string(), expected);
    }
}

fn from_hex(digits: &str) -> Vec<u8> {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}
