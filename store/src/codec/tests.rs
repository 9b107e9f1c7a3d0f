use std::fmt::Debug;
use std::time::Duration;

use game_core::testing::{SetupBuilder, player};
use game_core::{
    BySeat, ClockStart, ColorChoice, Command, CommandId, CommandKind, Epoch, EventKind, Match,
    MatchSetup, MatchTime, Outcome, Seat, Termination, Uci, UnixMillis,
};
use proptest::prelude::*;

use super::*;
use crate::Status;
use crate::ticket::TicketState;

fn uci(text: &str) -> Uci {
    text.parse().unwrap()
}

fn event(seq: u32, seat: Option<Seat>, command: Option<u64>, kind: EventKind) -> Event {
    let clocks = BySeat {
        white: Duration::from_micros(179_123_456),
        black: Duration::from_micros(180_000_000),
    };
    Event {
        seq,
        seat,
        command_id: command.map(CommandId),
        clocks,
        kind,
    }
}

fn moved() -> Event {
    let kind = EventKind::Moved {
        uci: uci("e7e8q"),
        offers_draw: true,
    };
    event(77, Some(Seat::White), Some(0x1234_5678_9abc_def0), kind)
}

fn ended() -> Event {
    let kind = EventKind::Ended {
        outcome: Outcome::BlackWins,
        termination: Termination::TimeForfeit,
    };
    event(78, None, None, kind)
}

fn setup(start: &str) -> MatchSetup {
    let setup = SetupBuilder::new()
        .id("0123456789AB".parse().unwrap())
        .named("ada", "bob")
        .timed("180+2")
        .rated()
        .created_at(1_800_000_000_000);
    if start.is_empty() {
        setup.build()
    } else {
        setup.start(start).build()
    }
}

fn snapshot() -> Snapshot {
    let mut game = Match::new(setup(""));
    for (ply, text) in (0..).zip(["e2e4", "e7e5"]) {
        let kind = CommandKind::Move {
            ply,
            uci: uci(text),
            offers_draw: false,
        };
        let command = Command {
            id: CommandId(100 + u64::from(ply)),
            kind,
        };
        game.apply(game.turn(), &command, MatchTime::default(), &mut Vec::new())
            .unwrap();
    }
    game.snapshot()
}

fn assignment() -> Assignment {
    let players = BySeat {
        white: player("ada"),
        black: player("bob"),
    };
    Assignment {
        match_id: "0123456789AB".parse().unwrap(),
        players,
    }
}

fn ticket(state: TicketState) -> Ticket {
    let setup = setup("4k3/8/8/8/8/8/4P3/4K3 w - - 0 1");
    Ticket {
        id: "ticketticket".parse().unwrap(),
        player: player("ada"),
        pool: Some("3+2".into()),
        opponent: Some("bob".parse().unwrap()),
        time_control: setup.time_control,
        clock_start: ClockStart::AtOnce,
        color: ColorChoice::Black,
        start: setup.start,
        created_at: UnixMillis(1_800_000_000_000),
        seen_at: UnixMillis(1_800_000_000_500),
        state,
    }
}

fn shard() -> ShardRecord {
    ShardRecord {
        id: "shardshard01".parse().unwrap(),
        heartbeat: 300,
        address: "192.0.2.1:4433".parse().unwrap(),
        certificate_sha256: Some([7; 32]),
        capacity: 20_000,
        live: 5,
        draining: false,
        admin: Some("192.0.2.1:9100".parse().unwrap()),
    }
}

fn head() -> Head {
    Head {
        epoch: Epoch(3),
        owner: "shardshard01".parse().unwrap(),
        status: Status::Finished,
        snapshot_seq: 64,
        move_time: Some(MoveTime {
            seq: 70,
            micros: 1_000,
        }),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

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
fn stored_bytes_stay_what_they_are() {
    check_golden(
        &moved(),
        encode_record,
        decode_record,
        "114d01fdf0debc9a78563412fc0035ad0afc0095ba0a01fb345fe1efbf15",
    );
    check_golden(
        &ended(),
        encode_record,
        decode_record,
        "114e00fc0035ad0afc0095ba0a04010810ec8153",
    );
    let offered = event(3, Some(Seat::Black), Some(7), EventKind::DrawOffered);
    check_golden(
        &offered,
        encode_record,
        decode_record,
        "11030207fc0035ad0afc0095ba0a02eed94e04",
    );
    check_golden(
        &snapshot(),
        encode_snapshot,
        decode_snapshot,
        "21303132333435363738394142036164610361646103626f6203626f62fc20bf0200fbd007000001fd00505c18a301000002640000fb0c07fc20bf020000650001fb3409fc20bf020000b400b40000c3f67cb3",
    );
    check_golden(
        &ticket(TicketState::Waiting),
        encode_ticket,
        decode_ticket,
        "317469636b65747469636b657403616461036164610103332b320103626f62fc20bf0200fbd0070101011f346b332f382f382f382f382f382f3450332f344b332077202d202d20302031fd00505c18a3010000fdf4515c18a30100000094d5439c",
    );
    let given = ticket(TicketState::Assigned(assignment()));
    check_golden(
        &given,
        encode_ticket,
        decode_ticket,
        "317469636b65747469636b657403616461036164610103332b320103626f62fc20bf0200fbd0070101011f346b332f382f382f382f382f382f3450332f344b332077202d202d20302031fd00505c18a3010000fdf4515c18a301000001303132333435363738394142036164610361646103626f6203626f62c92f53a6",
    );
    check_golden(
        &assignment(),
        encode_assignment,
        decode_assignment,
        "41303132333435363738394142036164610361646103626f6203626f62906d9ae5",
    );
    check_golden(
        &shard(),
        encode_shard,
        decode_shard,
        "52736861726473686172643031fb2c0100c0000201fb5111010707070707070707070707070707070707070707070707070707070707070707fb204e05000100c0000201fb8c2312eacd44",
    );
    check_golden(
        &head(),
        encode_head,
        decode_head,
        "620373686172647368617264303101400146fbe803447297d2",
    );
}

fn from_hex(digits: &str) -> Vec<u8> {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn a_head_without_the_time_of_the_move_under_way_is_read_still() {
    let old = from_hex("6103736861726473686172643031014017b45812");
    let expected = Head {
        move_time: None,
        ..head()
    };
    assert_eq!(decode_head(&old), Ok(expected));
}

#[test]
fn a_shard_record_without_an_admin_address_is_read_still() {
    let old = "51736861726473686172643031fb2c0100c0000201fb5111010707070707070707070707070707070707070707070707070707070707070707fb204e050031480dbe";
    let bytes = from_hex(old);
    let expected = ShardRecord {
        admin: None,
        ..shard()
    };
    assert_eq!(decode_shard(&bytes), Ok(expected));
}

#[test]
fn a_move_takes_at_most_thirty_bytes() {
    // With a client's random numbering, and with a small one.
    assert_eq!(encode_record(&moved()).len(), 30);
    let small = Event {
        command_id: Some(CommandId(80)),
        ..moved()
    };
    assert_eq!(encode_record(&small).len(), 22);
}

#[test]
fn the_longest_match_fits() {
    // Any moves will do, under the longest command ids there are.
    let mut game = Match::new(setup(""));
    for ply in 0..60 {
        let moves = game.legal_moves();
        let uci = moves[usize::from(ply) * 7 % moves.len()];
        let kind = CommandKind::Move {
            ply,
            uci,
            offers_draw: false,
        };
        let command = Command {
            id: CommandId(u64::MAX - u64::from(ply)),
            kind,
        };
        game.apply(game.turn(), &command, MatchTime::default(), &mut Vec::new())
            .unwrap();
    }
    let event_len = encode_snapshot(&game.snapshot()).len().div_ceil(60);
    // 600 moves a side, and the draw offers that are allowed among them.
    let longest = 1320 * event_len;
    assert!(longest < SNAPSHOT_LEN_MAX, "{longest} bytes");
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
    let expected = DecodeError::Tag {
        found: RECORD,
        expected: SNAPSHOT,
    };
    assert_eq!(decode_snapshot(&record), Err(expected));
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
        RECORD,
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
            let ply = game.ply();
            let kind = CommandKind::Move {
                ply,
                uci: uci(text),
                offers_draw: false,
            };
            let id = CommandId(u64::from(ply) + 1);
            let now = MatchTime::from_micros(1_234_000 * u64::from(ply));
            let command = Command { id, kind };
            game.apply(game.turn(), &command, now, &mut Vec::new())
                .unwrap();
            game.start_clock(now);
        }
    }
    assert!(game.ply() >= 80);
    let per_ply = encode_snapshot(&game.snapshot()).len() / usize::from(game.ply());
    assert!(per_ply <= 16, "{per_ply} bytes a ply");
}

/// A body with the tag and checksum that let it through to the decoder.
pub(super) fn sealed(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend_from_slice(body);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn decode_as(tag: u8, bytes: &[u8]) -> bool {
    match tag {
        RECORD => decode_record(bytes).is_ok(),
        SNAPSHOT => decode_snapshot(bytes).is_ok(),
        TICKET => decode_ticket(bytes).is_ok(),
        ASSIGNMENT => decode_assignment(bytes).is_ok(),
        SHARD => decode_shard(bytes).is_ok(),
        _ => decode_head(bytes).is_ok(),
    }
}

const TAGS: [u8; 6] = [RECORD, SNAPSHOT, TICKET, ASSIGNMENT, SHARD, HEAD];

fn any_event() -> impl Strategy<Value = Event> {
    let micros = || any::<u64>().prop_map(Duration::from_micros);
    let seat = || prop_oneof![Just(Seat::White), Just(Seat::Black)];
    let kind = prop_oneof![
        (any::<u16>(), any::<bool>()).prop_filter_map("a move", |(bits, offers_draw)| {
            Uci::from_bits(bits)
                .ok()
                .map(|uci| EventKind::Moved { uci, offers_draw })
        }),
        Just(EventKind::DrawOffered),
        Just(EventKind::DrawDeclined),
        Just(ended().kind),
    ];
    let ids = prop::option::of(any::<u64>().prop_map(CommandId));
    (
        any::<u32>(),
        prop::option::of(seat()),
        ids,
        micros(),
        micros(),
        kind,
    )
        .prop_map(|(seq, seat, command_id, white, black, kind)| Event {
            seq,
            seat,
            command_id,
            clocks: BySeat { white, black },
            kind,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_event_comes_back_as_it_was(event in any_event()) {
        let bytes = encode_record(&event);
        prop_assert!(bytes.len() <= RECORD_LEN_MAX);
        prop_assert_eq!(decode_record(&bytes), Ok(event));
    }

    #[test]
    fn hostile_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for tag in TAGS {
            decode_as(tag, &bytes);
            decode_as(tag, &sealed(tag, &bytes));
        }
    }

    /// Nearly right is what gets deepest into a decoder.
    #[test]
    fn sealed_bytes_with_a_change_do_no_harm(
        which in 0..TAGS.len(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let bytes = [
            encode_record(&moved()),
            encode_snapshot(&snapshot()),
            encode_ticket(&ticket(TicketState::Assigned(assignment()))),
            encode_assignment(&assignment()),
            encode_shard(&shard()),
            encode_head(&head()),
        ];
        let bytes = &bytes[which];
        let mut body = bytes[1..bytes.len() - CHECKSUM_LEN].to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        decode_as(TAGS[which], &sealed(TAGS[which], &body));
    }
}
