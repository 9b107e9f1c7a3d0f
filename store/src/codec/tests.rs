//! Golden bytes and bounds of every stored format.

use std::fmt::Debug;
use std::time::Duration;

use game_core::{
    BySeat, ClockState, CommandId, Deed, Entry, EventKind, Match, MatchSetup, MatchTime, PLIES_MAX,
    RoundTrip, SIDE_EVENTS_MAX, Seat, StartPosition, UnixMillis, Variant,
};

use super::bounds::CHECKSUM_LEN;
use super::layout::Format;
use super::samples::*;
use super::*;
use crate::account::Scope;
use crate::shard::WebDoors;
use crate::ticket::{Assignment, Terms, Ticket, TicketState};

/// The bytes are the ones that were always written, and mean what they always meant.
#[track_caller]
fn check_golden<T: PartialEq + Debug>(
    value: &T,
    encode: impl Fn(&T) -> Bytes,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    golden: &str,
) {
    let bytes = encode(value);
    assert_eq!(hex(&bytes), golden);
    assert_eq!(decode(&bytes).as_ref(), Ok(value));
}

#[test]
fn stored_records_stay_what_they_are() {
    let check = |event: &Event, golden| check_golden(event, encode_record, decode_record, golden);
    check(
        &moved(),
        "134d01fdf0debc9a785634120180eab45580aaea559209aa1580c8ceb40d00345f274bc53bf4",
    );
    check(
        &ended(),
        "134e000180eab45580aaea559209aa1580c8ceb40d08010c002f39db74",
    );
    let amid_a_move = Event {
        clocks: ClockState {
            spent: Duration::from_micros(1_500_000),
            overrun: Duration::from_micros(250),
            ..clocks()
        },
        ..event(3, Some(Seat::Black), Some(7), EventKind::DrawOffered)
    };
    check(
        &amid_a_move,
        "130302070280eab45580aaea559209aa15e0c65bfa0180c8ceb40d0200b3b14c26",
    );
    let of_bots = Event {
        clocks: ClockState {
            quota: BySeat::default(),
            ..clocks()
        },
        ..moved()
    };
    check(
        &of_bots,
        "134d01fdf0debc9a785634120080eab45580aaea5580c8ceb40d00345f27a28f9291",
    );
    let bodies: Vec<String> = every_kind()
        .into_iter()
        .map(|kind| {
            let kind = event(1, Some(Seat::White), Some(1), kind);
            let bytes = encode_record(&kind);
            assert_eq!(decode_record(&bytes), Ok(kind));
            // The kind is the last part of a body, but for the round trip.
            hex(&bytes[22..bytes.len() - CHECKSUM_LEN - 1])
        })
        .collect();
    assert_eq!(
        bodies,
        [
            "000c07",
            "01c40101",
            "01306e02",
            "02",
            "03",
            "04",
            "05",
            "0602",
            "070f",
            "08010c",
            "09",
            "0a",
            "0c",
            "0d",
            "0e01",
            "0b416230303030303030304344"
        ]
    );
    for (seat, command, golden) in [
        (
            None,
            Some(3),
            "130104030180eab45580aaea559209aa1580c8ceb40d02001ee82d8f",
        ),
        (
            Some(Seat::Black),
            None,
            "130103010180eab45580aaea559209aa1580c8ceb40d020023d7300e",
        ),
    ] {
        check(&event(1, seat, command, EventKind::DrawOffered), golden);
    }
}

#[test]
fn stored_snapshots_stay_what_they_are() {
    for (snapshot, golden) in [
        (
            snapshot(),
            "233031323334353637383941420361646103616461000103626f6203626f6200010000000100a0fe0ad00f0000000100010000fd00505c18a3010000020064000c07a0fe0a0165003409a0fe0a0000000080aaea5580aaea55d0a84b001496a088",
        ),
        (
            full_snapshot(),
            "23416233343536373839414243036164610361646101fb220b0003626f6203626f62016401010141726e326b3172312f70707031707031702f33703270312f35626e312f50372f324e3242322f315050505050322f32424e4b315252207720476b71202d2034203131010100e0d4030000030128c0cbc902b0ea01000114c0cbc902b0ea0101b81700c0cbc902b0ea0102c4130101fdc0776518a3010000013c0082010108436c7562206375700103332e310001054bc3b66c6efd00505c18a30100000900fa01005525000001015525a0fe0a010001015525ffffffff0f0201fd0102010103010104010105010106020101073c0101010902070301fffdffffffffffffff010801010901010a014162303030303030303043440280eab45580aaea559209aa15c1843d0281c0ddeec102030100ffff03ec194cab",
        ),
    ] {
        check_golden(&snapshot, encode_snapshot, decode_snapshot, golden);
    }
}

#[test]
fn what_an_arbiter_did_is_stored_without_a_command() {
    let deeds = [
        Deed::Stopped,
        Deed::WhiteClockSet(60_000),
        Deed::BlackClockSet(u32::MAX),
        Deed::Undone(200),
        Deed::Resumed,
    ];
    let entry = |deed| Entry {
        command: CommandId(0),
        deed,
    };
    let offer = |command| Entry {
        command: CommandId(command),
        deed: Deed::DrawOffered(Seat::White),
    };
    let mut history = vec![offer(7)];
    history.extend(deeds.map(entry));
    // The commands of seats are counted on from those before.
    history.push(offer(9));
    let snapshot = Snapshot {
        history,
        round_trips: Vec::new(),
        ..snapshot()
    };
    assert_eq!(decode_snapshot(&encode_snapshot(&snapshot)), Ok(snapshot));
}

#[test]
fn stored_tickets_stay_what_they_are() {
    let waiting = ticket(usual_terms(), TicketState::Waiting);
    check_golden(
        &waiting,
        encode_ticket,
        decode_ticket,
        "337469636b65747469636b6574036164610361646100010103332b320103626f62010000000100a0fe0ad00f000000000001000001fb7805fb6c070103657665010001fd803e9318a3010000fd00505c18a3010000fdf4515c18a301000000104a34bf",
    );
    let cancelled = ticket(Terms::of(&special_setup()), TicketState::Cancelled);
    check_golden(
        &cancelled,
        encode_ticket,
        decode_ticket,
        "337469636b65747469636b6574036164610361646100010103332b320103626f6201010141726e326b3172312f70707031707031702f33703270312f35626e312f50372f324e3242322f315050505050322f32424e4b315252207720476b71202d2034203131010100e0d4030000030128c0cbc902b0ea01000114c0cbc902b0ea0101b81700c0cbc902b0ea0102c4130101fdc0776518a3010000013c0082010108436c7562206375700103332e310001054bc3b66c6e01fb7805fb6c070103657665010001fd803e9318a3010000fd00505c18a3010000fdf4515c18a30100000281bba80c",
    );
    let given = ticket(usual_terms(), TicketState::Assigned(assignment()));
    check_golden(
        &given,
        encode_ticket,
        decode_ticket,
        "337469636b65747469636b6574036164610361646100010103332b320103626f62010000000100a0fe0ad00f000000000001000001fb7805fb6c070103657665010001fd803e9318a3010000fd00505c18a3010000fdf4515c18a3010000013031323334353637383941420361646103616461000103626f6203626f620001fdbc525c18a30100009630fb49",
    );
    check_golden(
        &assignment(),
        encode_assignment,
        decode_assignment,
        "433031323334353637383941420361646103616461000103626f6203626f620001fdbc525c18a30100008cef176a",
    );
}

/// What version 2 wrote is read: without what version 3 adds, and with assignments that count as old.
#[test]
fn tickets_of_version_2_are_read() {
    let plain = |state| Ticket {
        rating_range: None,
        last_opponent: None,
        is_open: false,
        expires_at: None,
        ..ticket(usual_terms(), state)
    };
    let old = Assignment {
        at: UnixMillis(0),
        ..assignment()
    };
    for (state, bytes) in [
        (
            TicketState::Waiting,
            "327469636b65747469636b6574036164610361646100010103332b320103626f62010000000100a0fe0ad00f0000000000010000fd00505c18a3010000fdf4515c18a30100000067862d8d",
        ),
        (
            TicketState::Assigned(old.clone()),
            "327469636b65747469636b6574036164610361646100010103332b320103626f62010000000100a0fe0ad00f0000000000010000fd00505c18a3010000fdf4515c18a3010000013031323334353637383941420361646103616461000103626f6203626f620001fc76d54b",
        ),
    ] {
        assert_eq!(decode_ticket(&unhex(bytes)), Ok(plain(state)));
    }
    let bytes = "423031323334353637383941420361646103616461000103626f6203626f620001d6d7c20e";
    assert_eq!(decode_assignment(&unhex(bytes)), Ok(old));
}

#[test]
fn a_shard_of_the_version_before_is_read() {
    let old = ShardRecord {
        web: WebDoors::default(),
        ..shard()
    };
    let bytes = "53736861726473686172643031fb2c0100c0000201fb5111010707070707070707070707070707070707070707070707070707070707070707fb204e05fbda02fbe803000100c0000201fb8c2381c0ddeec1020100c0000201fb8d23012830313233343536373839616263646566303132333435363738396162636465663031323334353637fbd0076dee7e5c";
    assert_eq!(decode_shard(&unhex(bytes)), Ok(old));
}

#[test]
fn what_else_is_stored_stays_what_it_is() {
    check_golden(
        &shard(),
        encode_shard,
        decode_shard,
        "54736861726473686172643031fb2c0100c0000201fb5111010707070707070707070707070707070707070707070707070707070707070707fb204e05fbda02fbe803000100c0000201fb8c2381c0ddeec1020100c0000201fb8d23012830313233343536373839616263646566303132333435363738396162636465663031323334353637fbd007011768747470733a2f2f3139322e302e322e313a343433332f0207070707070707070707070707070707070707070707070707070707070707070808080808080808080808080808080808080808080808080808080808080808011477733a2f2f3139322e302e322e313a343433342f37abd917",
    );
    check_golden(
        &head(),
        encode_head,
        decode_head,
        "620373686172647368617264303101400146fbe8030142fc404b4c00568f8d56",
    );
    check_golden(
        &beat(),
        encode_beat,
        decode_beat,
        "81736861726473686172643031ac0281c0ddeec10210f266a4",
    );
    check_golden(
        &rated().rating(Seat::Black),
        encode_rating,
        decode_rating,
        "b10000000000879a400000000000c04640000000000000b03fac02fd00505c18a3010000303132333435363738394142036164615e849dde",
    );
    check_golden(
        &rated(),
        encode_rated,
        decode_rated,
        "c13031323334353637383941420201fd00505c18a30100000361646103626f6200000000007097400000000000407f40000000000000b03f0000000000fa99400000000000247240000000000000b03f010000000000909a400000000000804640000000000000b03f0000000000879a400000000000c04640000000000000b03fac02444ddb53",
    );
    check_golden(
        &line(),
        encode_chat_line,
        decode_chat_line,
        "7201010442c3b66209676c20686620e2999efd00505c18a30100001c44ab8e",
    );
    check_golden(
        &archived(),
        encode_archived,
        decode_archived,
        "d23031323334353637383941420361646103616461000103626f6203626f6200010000000100a0fe0ad00f0000000100010000fd00505c18a3010000020064000c07a0fe0a0165003409a0fe0a01010007010a00000090aa905280aaea550000fd603a5d18a3010000b2c9735d",
    );
    check_golden(
        &feed_entry(),
        encode_feed_entry,
        decode_feed_entry,
        "a130313233343536373839414203fd603a5d18a3010000187b226d61746368223a22303132333435363738394142227d1f5d3b46",
    );
}

#[test]
fn accounts_and_what_gives_access_to_them_stay_what_they_are() {
    check_golden(
        &account(),
        encode_account,
        decode_account,
        "e10c6163636f756e746f666164610641646120c3840661646120c3a4010128246172676f6e32696424763d3139246d3d382c743d312c703d3124633246736441246147467a6141fd00505c18a3010000a2a83b84",
    );
    let [token, invitation, code] = credentials();
    check_golden(
        &token,
        encode_credential,
        decode_credential,
        "920001010101010101010101010101010101010101010101010101010101010101010c6163636f756e746f66616461066c6170746f70080001020304050607fd00505c18a301000001fdc0776518a30100006f640682",
    );
    check_golden(
        &invitation,
        encode_credential,
        decode_credential,
        "92010202020202020202020202020202020202020202020202020202020202020202023562fd00505c18a3010000fdc0776518a3010000fb2c015c042d15",
    );
    check_golden(
        &code,
        encode_credential,
        decode_credential,
        "920203030303030303030303030303030303030303030303030303030303030303030c6163636f756e746f66616461fd00505c18a3010000fdc0776518a301000001070d00fcaf",
    );
    check_golden(
        &transfer(),
        encode_transfer,
        decode_transfer,
        "f104040404040404040404040404040404040404040404040404040404040404040c677565737477686f697361640b47756573742d416461c3a900fd00505c18a3010000fde0e36018a30100000107e9aaa7b8",
    );
    let without = Account {
        password: None,
        is_bot: false,
        ..account()
    };
    assert_eq!(decode_account(&encode_account(&without)), Ok(without));
}

/// What programs wrote that knew three scopes.
#[test]
fn credentials_of_version_1_are_read() {
    let [token, invitation, code] = credentials();
    let Credential::ApiToken(mut token) = token else {
        panic!("the first one is a token");
    };
    token.scopes = vec![Scope::Read, Scope::Play, Scope::Account];
    let stored = [
        "910001010101010101010101010101010101010101010101010101010101010101010c6163636f756e746f66616461066c6170746f7003000102fd00505c18a301000001fdc0776518a3010000287e5cbd",
        "91010202020202020202020202020202020202020202020202020202020202020202023562fd00505c18a3010000fdc0776518a3010000fb2c01e91464ca",
        "910203030303030303030303030303030303030303030303030303030303030303030c6163636f756e746f66616461fd00505c18a3010000fdc0776518a30100000107a42a4fe3",
    ];
    let expected = [Credential::ApiToken(token), invitation, code];
    for (stored, expected) in stored.into_iter().zip(expected) {
        assert_eq!(decode_credential(&unhex(stored)), Ok(expected));
    }
}

#[test]
fn every_variant_and_start_comes_back_as_it_was() {
    let starts = Variant::ALL.map(StartPosition::initial);
    let numbered = [0, 518, 959].map(|number| StartPosition::chess960(number).unwrap());
    let pockets = "r1b1k2r/ppp2ppp/2n2n2/8/8/2N5/PPP2PPP/R1BQKB1R[QPbn] w KQkq - 0 9";
    let checks = "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 1+3 0 2";
    let given = [
        StartPosition::parse(Variant::Standard, "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1").unwrap(),
        StartPosition::parse(Variant::Crazyhouse, pockets).unwrap(),
        StartPosition::parse(Variant::ThreeCheck, checks).unwrap(),
    ];
    for start in starts.into_iter().chain(numbered).chain(given) {
        let variant = start.variant();
        let snapshot = Match::new(MatchSetup { start, ..setup("") }).snapshot();
        let decoded = decode_snapshot(&encode_snapshot(&snapshot));
        assert_eq!(decoded.as_ref(), Ok(&snapshot), "{variant:?}");
    }
}

/// What a shard writes for every move: with a client's random numbering, after an hour, ten hours and a month
/// of the shard's clock, and with a small one.
#[test]
fn a_move_takes_few_bytes() {
    let len = |command: u64, at_s: u64, of_bots: bool| {
        let mut event = Event {
            command_id: Some(CommandId(command)),
            at: MatchTime::from_micros(at_s * 1_000_000),
            ..moved()
        };
        if of_bots {
            event.clocks.quota = BySeat::default();
        }
        encode_record(&event).len()
    };
    assert_eq!(len(u64::MAX, 3_600, false), 38);
    assert_eq!(len(u64::MAX, 36_000, false), 39);
    assert_eq!(len(u64::MAX, 30 * 86_400, false), 39);
    assert_eq!(len(80, 3_600, false), 30);
    assert_eq!(len(80, 3_600, true), 26);
    // Over the longest connection on which people play.
    let slow = Event {
        round_trip: Some(RoundTrip::from_millis(16_000)),
        ..moved()
    };
    assert_eq!(
        encode_record(&slow).len(),
        encode_record(&moved()).len() + 1
    );
}

/// The longest record: numbers that no match has.
#[test]
fn the_longest_record_fits() {
    let longest = Duration::from_micros(u64::MAX);
    let in_millis = Duration::from_millis(u64::MAX);
    let event = Event {
        seq: u32::MAX,
        at: MatchTime::from_micros(u64::MAX),
        round_trip: Some(RoundTrip::from_millis(RoundTrip::MAX_MS)),
        clocks: ClockState {
            remaining: BySeat {
                white: longest,
                black: longest,
            },
            quota: BySeat {
                white: in_millis,
                black: in_millis,
            },
            spent: longest,
            overrun: longest,
        },
        ..event(
            1,
            Some(Seat::White),
            Some(u64::MAX),
            *every_kind().last().unwrap(),
        )
    };
    let bytes = encode_record(&event);
    assert!(bytes.len() <= RECORD_LEN_MAX, "{} bytes", bytes.len());
    assert_eq!(decode_record(&bytes), Ok(event));
}

#[test]
fn the_longest_match_fits() {
    // Any moves will do, under the longest command ids there are.
    let mut game = Match::new(setup(""));
    for ply in 0..60_u16 {
        let moves = game.legal_moves();
        let uci = moves[usize::from(ply) * 7 % moves.len()];
        play(&mut game, uci, CommandId(u64::MAX - u64::from(ply)));
    }
    let mut snapshot = game.snapshot();
    let slowest = RoundTrip::from_millis(RoundTrip::MAX_MS);
    snapshot.round_trips.fill(Some(slowest));
    let event_len = encode_snapshot(&snapshot).len().div_ceil(60);
    // 600 moves a side, as many other events as there may be, and the longest terms.
    let longest = (usize::from(PLIES_MAX) + SIDE_EVENTS_MAX as usize) * event_len + OTHER_LEN_MAX;
    assert!(longest < SNAPSHOT_LEN_MAX, "{longest} bytes");
}

/// As long as anybody can make a line: the bounds of [`ChatLine`].
#[test]
fn the_longest_line_of_a_chat_fits() {
    let (name, text) = (
        "x".repeat(ChatLine::NAME_LEN_MAX),
        "\u{10ffff}".repeat(ChatLine::TEXT_MAX),
    );
    let line = ChatLine::new(Some(Seat::White), &name, &text, UnixMillis(u64::MAX)).unwrap();
    assert_eq!(decode_chat_line(&encode_chat_line(&line)), Ok(line));
    // What is longer was not written here.
    let stored = |text: &str| {
        let body = (Option::<bool>::None, "eve", text, 0_u64);
        let body = bincode::serde::encode_to_vec(body, bincode::config::standard()).unwrap();
        decode_chat_line(&sealed(Format::ChatLine.tag(2), &body))
    };
    assert!(stored("hello").is_ok());
    for hostile in [&"x".repeat(141)[..], ""] {
        assert!(matches!(stored(hostile), Err(DecodeError::Malformed(_))));
    }
}

#[test]
fn bytes_that_were_changed_are_refused() {
    let bytes = encode_record(&moved());
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1 << bit;
            assert!(decode_record(&changed).is_err(), "bit {bit} of byte {at}");
        }
        assert!(decode_record(&bytes[..at]).is_err(), "the first {at} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(decode_record(&longer).is_err());
}

#[test]
fn each_refusal_says_why() {
    let record = encode_record(&moved());
    let expected = DecodeError::Format {
        found: "record",
        expected: "snapshot",
    };
    assert_eq!(decode_snapshot(&record), Err(expected));
    let unknown = sealed(0x00, &record[1..record.len() - CHECKSUM_LEN]);
    let expected = DecodeError::Format {
        found: "unknown data",
        expected: "record",
    };
    assert_eq!(decode_record(&unknown), Err(expected));
    assert_eq!(
        decode_record(&[]),
        Err(DecodeError::Length {
            len: 0,
            max: RECORD_LEN_MAX
        })
    );
    assert_eq!(
        decode_record(&[0; 4]),
        Err(DecodeError::Length {
            len: 4,
            max: RECORD_LEN_MAX
        })
    );
    let long = vec![0; SNAPSHOT_LEN_MAX + 1];
    let expected = DecodeError::Length {
        len: long.len(),
        max: SNAPSHOT_LEN_MAX,
    };
    assert_eq!(decode_snapshot(&long), Err(expected));
    let trailing = sealed(
        Format::Record.tag(3),
        &[&record[1..record.len() - CHECKSUM_LEN], &[0]].concat(),
    );
    assert!(matches!(
        decode_record(&trailing),
        Err(DecodeError::Malformed(_))
    ));
    let mut changed = record.to_vec();
    changed[3] ^= 1;
    assert_eq!(decode_record(&changed), Err(DecodeError::Checksum));
}

/// Ids of commands are stored by their differences, which may be anything.
#[test]
fn commands_that_do_not_count_up_come_back_as_they_were() {
    let deed = |n: usize| Deed::DrawOffered(Seat::BOTH[n % 2]);
    let ids = [5, u64::MAX, 5, 0, u64::MAX, 1, 1 << 63, 7];
    let entries = |ids: &[u64]| {
        let numbered = ids.iter().enumerate();
        let entry = |(n, id): (usize, &u64)| Entry {
            command: CommandId(*id),
            deed: deed(n),
        };
        numbered.map(entry).collect()
    };
    let snapshot = Snapshot {
        history: entries(&ids),
        round_trips: Vec::new(),
        aftermath: entries(&ids[3..]),
        ..full_snapshot()
    };
    assert_eq!(decode_snapshot(&encode_snapshot(&snapshot)), Ok(snapshot));
}

#[test]
fn a_snapshot_of_80_plies_stays_small() {
    let mut game = Match::new(setup(""));
    let tour = ["g1f3", "g8f6", "f3g1", "f6g8"];
    for round in 0..10_usize {
        // Pawns keep the position from coming back too often.
        let file = ["a", "b", "c", "d", "e"][round / 2];
        let (rank, other) = (2 + round % 2, 7 - round % 2);
        let white = format!("{file}{rank}{file}{}", rank + 1);
        let black = format!("{file}{other}{file}{}", other - 1);
        for text in tour.into_iter().chain([&*white, &*black]).chain(tour) {
            let id = CommandId(u64::from(game.ply()) + 1);
            play(&mut game, uci(text), id);
        }
    }
    assert!(game.ply() >= 80);
    let mut snapshot = game.snapshot();
    snapshot.round_trips.fill(Some(RoundTrip::from_millis(38)));
    let per_ply = encode_snapshot(&snapshot).len() / usize::from(game.ply());
    assert!(per_ply <= 10, "{per_ply} bytes a ply");
}

#[test]
fn every_format_has_its_own_tag() {
    for (format, bytes) in one_of_each() {
        assert!(decode_as(format, &bytes));
        for other in Format::ALL {
            assert_eq!(decode_as(other, &bytes), other == format, "{other:?}");
        }
    }
}
