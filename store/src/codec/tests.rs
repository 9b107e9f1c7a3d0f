use std::fmt::Debug;
use std::time::Duration;

use game_core::testing::{SetupBuilder, player};
use game_core::{
    BySeat, ClockState, ColorChoice, Command, CommandId, CommandKind, Deed, Delay, End, Entry,
    Epoch, EventKind, Match, MatchSetup, MatchTags, MatchTime, Outcome, PLIES_MAX, Player, Rule,
    SIDE_EVENTS_MAX, Seat, Stage, StartPosition, Termination, TimeControl, Uci, UnixMillis,
    Variant, WithMove,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout};
use super::*;
use crate::Status;
use crate::ticket::{Terms, TicketState};

fn uci(text: &str) -> Uci {
    text.parse().unwrap()
}

/// The clocks after a move of people: nothing is spent of the next one.
fn clocks() -> ClockState {
    ClockState {
        remaining: BySeat {
            white: Duration::from_micros(179_123_456),
            black: Duration::from_micros(180_000_000),
        },
        quota: BySeat {
            white: Duration::from_millis(1_170),
            black: Duration::from_millis(2_730),
        },
        ..ClockState::default()
    }
}

fn event(seq: u32, seat: Option<Seat>, command: Option<u64>, kind: EventKind) -> Event {
    Event {
        seq,
        seat,
        command_id: command.map(CommandId),
        clocks: clocks(),
        at: MatchTime::from_micros(3_600_000_000),
        kind,
    }
}

fn moved() -> Event {
    let kind = EventKind::Moved {
        uci: uci("e7e8q"),
        with: WithMove::Nothing,
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

/// All terms differ from the usual ones.
fn special_setup() -> MatchSetup {
    let stage = |moves, delay| Stage {
        moves,
        time: Duration::from_secs(5_400),
        increment: Duration::from_secs(30),
        delay,
    };
    let stages = [
        stage(Some(40), Delay::None),
        stage(Some(20), Delay::Simple(Duration::from_secs(3))),
        stage(None, Delay::Bronstein(Duration::from_millis(2_500))),
    ];
    let staged = TimeControl::from_stages(&stages).unwrap();
    let fen = "rn2k1r1/ppp1pp1p/3p2p1/5bn1/P7/2N2B2/1PPPPP2/2BNK1RR w Gkq - 4 11";
    let setup = SetupBuilder::new()
        .id("Ab3456789ABC".parse().unwrap())
        .variant(Variant::Chess960)
        .start(fen)
        .controls("60+0".parse().unwrap(), staged)
        .at_once()
        .rated()
        .rule(Rule::NoTakeback)
        .rule(Rule::CompensateBots)
        .created_at(1_800_000_000_000)
        .build();
    let rated = |id: &str, rating, is_bot| Player {
        rating: Some(rating),
        is_bot,
        ..player(id)
    };
    MatchSetup {
        players: BySeat {
            white: rated("ada", 2_850, false),
            black: rated("bob", 100, true),
        },
        start_at: Some(UnixMillis(1_800_000_600_000)),
        spectator_delay_s: 60,
        chat: false,
        tags: Some(Box::new(MatchTags {
            event: Some("Club cup".into()),
            round: Some("3.1".into()),
            board: None,
            site: Some("Köln".into()),
        })),
        ..setup
    }
}

fn game_of(texts: &[&str]) -> Match {
    let mut game = Match::new(setup(""));
    for (number, text) in (0..).zip(texts) {
        play(&mut game, uci(text), CommandId(100 + number));
    }
    game
}

fn play(game: &mut Match, uci: Uci, id: CommandId) {
    let kind = CommandKind::Move {
        position_seq: game.position_seq(),
        uci,
        with: WithMove::Nothing,
    };
    let now = MatchTime::from_micros(1_234_000 * u64::from(game.seq()));
    let command = Command { id, kind };
    game.apply(game.turn(), &command, now, &mut Vec::new())
        .unwrap();
    game.start_clock(now);
}

fn snapshot() -> Snapshot {
    game_of(&["e2e4", "e7e5"]).snapshot()
}

/// Everything that a snapshot can hold, whether or not a match can have come to it.
fn full_snapshot() -> Snapshot {
    let seat = Seat::Black;
    let moved = |with, clock_ms| Deed::Moved {
        seat: Seat::White,
        uci: uci("N@f3"),
        with,
        clock_ms,
    };
    let deeds = [
        moved(WithMove::Nothing, 0),
        moved(WithMove::DrawOffer, 180_000),
        moved(WithMove::DrawClaim, u32::MAX),
        Deed::DrawOffered(seat),
        Deed::DrawDeclined(seat),
        Deed::TakebackOffered(seat),
        Deed::TakebackDeclined(seat),
        Deed::TakenBack(seat, 2),
        Deed::TimeGiven(seat, 60),
    ];
    let after = [
        Deed::RematchOffered(seat),
        Deed::RematchDeclined(seat),
        Deed::RematchAgreed(seat),
    ];
    let entry = |(command, deed)| Entry {
        command: CommandId(command),
        deed,
    };
    let clocks = ClockState {
        spent: Duration::from_micros(1_000_001),
        overrun: Duration::from_micros(2),
        ..clocks()
    };
    Snapshot {
        setup: special_setup(),
        history: (250..).zip(deeds).map(entry).collect(),
        end: Some(End {
            by: Some((seat, CommandId(9))),
            outcome: Outcome::Draw,
            termination: Termination::ThreefoldRepetition,
        }),
        aftermath: (1..).zip(after).map(entry).collect(),
        rematch: Some("Ab00000000CD".parse().unwrap()),
        clocks,
        at: MatchTime::from_micros(86_400_000_001),
    }
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

fn ticket(terms: Terms, state: TicketState) -> Ticket {
    Ticket {
        id: "ticketticket".parse().unwrap(),
        player: player("ada"),
        pool: Some("3+2".into()),
        opponent: Some("bob".parse().unwrap()),
        color: ColorChoice::Black,
        terms,
        created_at: UnixMillis(1_800_000_000_000),
        seen_at: UnixMillis(1_800_000_000_500),
        state,
    }
}

fn usual_terms() -> Terms {
    Terms::new("180+2".parse().unwrap())
}

fn line() -> ChatLine {
    ChatLine::new(
        Some(Seat::Black),
        "Böb",
        "gl hf ♞",
        UnixMillis(1_800_000_000_000),
    )
    .unwrap()
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
        clock: MatchTime::from_micros(86_400_000_001),
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

/// One event of every kind.
fn every_kind() -> Vec<EventKind> {
    let moved = |text, with| EventKind::Moved {
        uci: uci(text),
        with,
    };
    vec![
        moved("e2e4", WithMove::Nothing),
        moved("e1h1", WithMove::DrawOffer),
        moved("a7a8k", WithMove::DrawClaim),
        EventKind::DrawOffered,
        EventKind::DrawDeclined,
        EventKind::TakebackOffered,
        EventKind::TakebackDeclined,
        EventKind::TakenBack { plies: 2 },
        EventKind::TimeGiven { seconds: 15 },
        ended().kind,
        EventKind::RematchOffered,
        EventKind::RematchDeclined,
        EventKind::RematchAgreed {
            match_id: "Ab00000000CD".parse().unwrap(),
        },
    ]
}

#[test]
fn stored_records_stay_what_they_are() {
    let check = |event: &Event, golden| check_golden(event, encode_record, decode_record, golden);
    check(
        &moved(),
        "124d01fdf0debc9a785634120180eab45580aaea559209aa1580c8ceb40d00345fe4fae8d6",
    );
    check(
        &ended(),
        "124e000180eab45580aaea559209aa1580c8ceb40d08010c82a0a4e4",
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
        "120302070280eab45580aaea559209aa15e0c65bfa0180c8ceb40d020b925e9b",
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
        "124d01fdf0debc9a785634120080eab45580aaea5580c8ceb40d00345f6b9c8e9a",
    );
    let bodies: Vec<String> = every_kind()
        .into_iter()
        .map(|kind| {
            let kind = event(1, Some(Seat::White), Some(1), kind);
            let bytes = encode_record(&kind);
            assert_eq!(decode_record(&bytes), Ok(kind));
            // The kind is the last part of a body.
            hex(&bytes[22..bytes.len() - CHECKSUM_LEN])
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
            "0b416230303030303030304344"
        ]
    );
    for (seat, command, golden) in [
        (
            None,
            Some(3),
            "120104030180eab45580aaea559209aa1580c8ceb40d022e7b6fdc",
        ),
        (
            Some(Seat::Black),
            None,
            "120103010180eab45580aaea559209aa1580c8ceb40d02fa8b467f",
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
            "223031323334353637383941420361646103616461000103626f6203626f6200010000000100a0fe0ad00f0000000100010000fd00505c18a3010000020064000c07a0fe0a0165003409a0fe0a0000000080aaea5580aaea55d0a84bcfa1bcb7",
        ),
        (
            full_snapshot(),
            "22416233343536373839414243036164610361646101fb220b0003626f6203626f62016401010141726e326b3172312f70707031707031702f33703270312f35626e312f50372f324e3242322f315050505050322f32424e4b315252207720476b71202d2034203131010100e0d4030000030128c0cbc902b0ea01000114c0cbc902b0ea0101b81700c0cbc902b0ea0102c4130101fdc0776518a3010000013c0082010108436c7562206375700103332e310001054bc3b66c6efd00505c18a30100000900fa01005525000001015525a0fe0a010001015525ffffffff0f0201fd0102010103010104010105010106020101073c0101010902070301fffdffffffffffffff010801010901010a014162303030303030303043440280eab45580aaea559209aa15c1843d0281c0ddeec102d192b47c",
        ),
    ] {
        check_golden(&snapshot, encode_snapshot, decode_snapshot, golden);
    }
}

#[test]
fn stored_tickets_stay_what_they_are() {
    let waiting = ticket(usual_terms(), TicketState::Waiting);
    check_golden(
        &waiting,
        encode_ticket,
        decode_ticket,
        "327469636b65747469636b6574036164610361646100010103332b320103626f62010000000100a0fe0ad00f0000000000010000fd00505c18a3010000fdf4515c18a30100000067862d8d",
    );
    let cancelled = ticket(Terms::of(&special_setup()), TicketState::Cancelled);
    check_golden(
        &cancelled,
        encode_ticket,
        decode_ticket,
        "327469636b65747469636b6574036164610361646100010103332b320103626f6201010141726e326b3172312f70707031707031702f33703270312f35626e312f50372f324e3242322f315050505050322f32424e4b315252207720476b71202d2034203131010100e0d4030000030128c0cbc902b0ea01000114c0cbc902b0ea0101b81700c0cbc902b0ea0102c4130101fdc0776518a3010000013c0082010108436c7562206375700103332e310001054bc3b66c6efd00505c18a3010000fdf4515c18a301000002503d21e8",
    );
    let given = ticket(usual_terms(), TicketState::Assigned(assignment()));
    check_golden(
        &given,
        encode_ticket,
        decode_ticket,
        "327469636b65747469636b6574036164610361646100010103332b320103626f62010000000100a0fe0ad00f0000000000010000fd00505c18a3010000fdf4515c18a3010000013031323334353637383941420361646103616461000103626f6203626f620001fc76d54b",
    );
    check_golden(
        &assignment(),
        encode_assignment,
        decode_assignment,
        "423031323334353637383941420361646103616461000103626f6203626f620001d6d7c20e",
    );
}

#[test]
fn what_else_is_stored_stays_what_it_is() {
    check_golden(
        &shard(),
        encode_shard,
        decode_shard,
        "53736861726473686172643031fb2c0100c0000201fb5111010707070707070707070707070707070707070707070707070707070707070707fb204e05000100c0000201fb8c2381c0ddeec102fba5b7d8",
    );
    check_golden(
        &head(),
        encode_head,
        decode_head,
        "620373686172647368617264303101400146fbe803447297d2",
    );
    check_golden(
        &line(),
        encode_chat_line,
        decode_chat_line,
        "7201010442c3b66209676c20686620e2999efd00505c18a30100001c44ab8e",
    );
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
    assert_eq!(len(u64::MAX, 3_600, false), 37);
    assert_eq!(len(u64::MAX, 36_000, false), 38);
    assert_eq!(len(u64::MAX, 30 * 86_400, false), 38);
    assert_eq!(len(80, 3_600, false), 29);
    assert_eq!(len(80, 3_600, true), 25);
}

/// The longest record: numbers that no match has.
#[test]
fn the_longest_record_fits() {
    let longest = Duration::from_micros(u64::MAX);
    let in_millis = Duration::from_millis(u64::MAX);
    let event = Event {
        seq: u32::MAX,
        at: MatchTime::from_micros(u64::MAX),
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
    let event_len = encode_snapshot(&game.snapshot()).len().div_ceil(60);
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
    let unknown = sealed(0xf2, &record[1..record.len() - CHECKSUM_LEN]);
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
        Format::Record.tag(2),
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
    let per_ply = encode_snapshot(&game.snapshot()).len() / usize::from(game.ply());
    assert!(per_ply <= 9, "{per_ply} bytes a ply");
}

/// A body with the tag and checksum that let it through to the decoder.
pub(super) fn sealed(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend_from_slice(body);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn decode_as(format: Format, bytes: &[u8]) -> bool {
    match format {
        Format::Record => decode_record(bytes).is_ok(),
        Format::Snapshot => decode_snapshot(bytes).is_ok(),
        Format::Ticket => decode_ticket(bytes).is_ok(),
        Format::Assignment => decode_assignment(bytes).is_ok(),
        Format::Shard => decode_shard(bytes).is_ok(),
        Format::Head => decode_head(bytes).is_ok(),
        Format::ChatLine => decode_chat_line(bytes).is_ok(),
    }
}

/// A value of each format.
fn one_of_each() -> [(Format, Bytes); 7] {
    let given = ticket(
        Terms::of(&special_setup()),
        TicketState::Assigned(assignment()),
    );
    [
        (Format::Record, encode_record(&moved())),
        (Format::Snapshot, encode_snapshot(&full_snapshot())),
        (Format::Ticket, encode_ticket(&given)),
        (Format::Assignment, encode_assignment(&assignment())),
        (Format::Shard, encode_shard(&shard())),
        (Format::Head, encode_head(&head())),
        (Format::ChatLine, encode_chat_line(&line())),
    ]
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

// ---- Versions --------------------------------------------------------------------------------------

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

// ---- Anything --------------------------------------------------------------------------------------

fn any_event() -> impl Strategy<Value = Event> {
    let micros = || any::<u64>().prop_map(Duration::from_micros);
    let both = || {
        let millis = || any::<u32>().prop_map(|millis| Duration::from_millis(millis.into()));
        (millis(), millis()).prop_map(|(white, black)| BySeat { white, black })
    };
    let seat = || prop_oneof![Just(Seat::White), Just(Seat::Black)];
    let with = prop::sample::select(vec![
        WithMove::Nothing,
        WithMove::DrawOffer,
        WithMove::DrawClaim,
    ]);
    let kind = prop_oneof![
        (any::<u16>(), with).prop_filter_map("a move", |(bits, with)| {
            let uci = Uci::from_bits(bits).ok()?;
            Some(EventKind::Moved { uci, with })
        }),
        prop::sample::select(every_kind()),
    ];
    let clocks = (
        (micros(), micros()),
        both(),
        prop_oneof![Just(Duration::ZERO), micros()],
        prop_oneof![Just(Duration::ZERO), micros()],
    )
        .prop_map(|((white, black), quota, spent, overrun)| ClockState {
            remaining: BySeat { white, black },
            quota,
            spent,
            overrun,
        });
    let ids = prop::option::of(any::<u64>().prop_map(CommandId));
    (
        any::<u32>(),
        prop::option::of(seat()),
        ids,
        clocks,
        any::<u64>(),
        kind,
    )
        .prop_map(|(seq, seat, command_id, clocks, at, kind)| Event {
            seq,
            seat,
            command_id,
            clocks,
            at: MatchTime::from_micros(at),
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
        for format in Format::ALL {
            decode_as(format, &bytes);
            for version in 0..16 {
                decode_as(format, &sealed(format.tag(version), &bytes));
            }
        }
    }

    /// Nearly right is what gets deepest into a decoder.
    #[test]
    fn sealed_bytes_with_a_change_do_no_harm(
        which in 0..Format::ALL.len(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (format, bytes) = &one_of_each()[which];
        let mut body = bytes[1..bytes.len() - CHECKSUM_LEN].to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        decode_as(*format, &sealed(bytes[0], &body));
    }
}
