//! Values of every format, for the tests of this module.

use std::time::Duration;

use game_core::testing::{SetupBuilder, player};
use game_core::{
    BySeat, ClockState, ColorChoice, Command, CommandId, CommandKind, Deed, Delay, End, Entry,
    Epoch, EventKind, Match, MatchSetup, MatchTags, MatchTime, Outcome, Player, RoundTrip, Rule,
    Seat, Stage, Termination, TimeControl, Uci, UnixMillis, Variant, WithMove,
};

use super::layout::Format;
use super::*;
use crate::Status;
use crate::account::{ApiToken, Invitation, LoginCode, PasswordHash, Scope, SecretDigest};
use crate::beat::{Beat, StoreConnection};
use crate::rating::{RatingChange, Strength};
use crate::shard::{WebDoors, WebTransportDoor};
use crate::ticket::{RatingRange, Terms, TicketState};

pub(super) fn uci(text: &str) -> Uci {
    text.parse().unwrap()
}

/// The clocks after a move of people: nothing is spent of the next one.
pub(super) fn clocks() -> ClockState {
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

pub(super) fn event(seq: u32, seat: Option<Seat>, command: Option<u64>, kind: EventKind) -> Event {
    Event {
        seq,
        seat,
        command_id: command.map(CommandId),
        clocks: clocks(),
        at: MatchTime::from_micros(3_600_000_000),
        round_trip: None,
        kind,
    }
}

pub(super) fn moved() -> Event {
    let kind = EventKind::Moved {
        uci: uci("e7e8q"),
        with: WithMove::Nothing,
    };
    Event {
        round_trip: Some(RoundTrip::from_millis(38)),
        ..event(77, Some(Seat::White), Some(0x1234_5678_9abc_def0), kind)
    }
}

pub(super) fn ended() -> Event {
    let kind = EventKind::Ended {
        outcome: Outcome::BlackWins,
        termination: Termination::TimeForfeit,
    };
    event(78, None, None, kind)
}

pub(super) fn setup(start: &str) -> MatchSetup {
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
pub(super) fn special_setup() -> MatchSetup {
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

pub(super) fn game_of(texts: &[&str]) -> Match {
    let mut game = Match::new(setup(""));
    for (number, text) in (0..).zip(texts) {
        play(&mut game, uci(text), CommandId(100 + number));
    }
    game
}

pub(super) fn play(game: &mut Match, uci: Uci, id: CommandId) {
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

pub(super) fn snapshot() -> Snapshot {
    game_of(&["e2e4", "e7e5"]).snapshot()
}

/// Everything that a snapshot can hold, whether or not a match can have come to it.
pub(super) fn full_snapshot() -> Snapshot {
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
        round_trips: vec![
            Some(RoundTrip::from_millis(0)),
            None,
            Some(RoundTrip::from_millis(RoundTrip::MAX_MS)),
        ],
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

pub(super) fn assignment() -> Assignment {
    let players = BySeat {
        white: player("ada"),
        black: player("bob"),
    };
    Assignment {
        match_id: "0123456789AB".parse().unwrap(),
        players,
        at: UnixMillis(1_800_000_000_700),
    }
}

pub(super) fn ticket(terms: Terms, state: TicketState) -> Ticket {
    Ticket {
        id: "ticketticket".parse().unwrap(),
        player: player("ada"),
        pool: Some("3+2".into()),
        opponent: Some("bob".parse().unwrap()),
        color: ColorChoice::Black,
        terms,
        rating_range: Some(RatingRange {
            min: 1_400,
            max: 1_900,
        }),
        last_opponent: Some("eve".parse().unwrap()),
        is_open: true,
        is_exempt: false,
        expires_at: Some(UnixMillis(1_800_003_600_000)),
        created_at: UnixMillis(1_800_000_000_000),
        seen_at: UnixMillis(1_800_000_000_500),
        state,
    }
}

pub(super) fn usual_terms() -> Terms {
    Terms::new("180+2".parse().unwrap())
}

pub(super) fn line() -> ChatLine {
    ChatLine::new(
        Some(Seat::Black),
        "Böb",
        "gl hf ♞",
        UnixMillis(1_800_000_000_000),
    )
    .unwrap()
}

pub(super) fn shard() -> ShardRecord {
    ShardRecord {
        id: "shardshard01".parse().unwrap(),
        heartbeat: 300,
        address: "192.0.2.1:4433".parse().unwrap(),
        certificate_sha256: Some([7; 32]),
        capacity: 20_000,
        live: 5,
        load: 730,
        cpu_share: 1_000,
        draining: false,
        admin: Some("192.0.2.1:9100".parse().unwrap()),
        clock: MatchTime::from_micros(86_400_000_001),
        liveness: Some("192.0.2.1:9101".parse().unwrap()),
        connections: vec![StoreConnection {
            run_id: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            client: 1_000,
        }],
        web: WebDoors {
            web_transport: Some(WebTransportDoor {
                url: "https://192.0.2.1:4433/".to_owned(),
                certificate_hashes: vec![[7; 32], [8; 32]],
            }),
            web_socket: Some("ws://192.0.2.1:4434/".to_owned()),
        },
    }
}

pub(super) fn beat() -> Beat {
    Beat {
        shard: "shardshard01".parse().unwrap(),
        count: 300,
        clock: MatchTime::from_micros(86_400_000_001),
    }
}

/// The numbers are exact in binary, so that the golden bytes can be checked by hand.
pub(super) fn rated() -> RatedMatch {
    let strength = |rating, deviation| Strength {
        rating,
        deviation,
        volatility: 0.0625,
    };
    RatedMatch {
        match_id: "0123456789AB".parse().unwrap(),
        category: "crazyhouse-bullet".parse().unwrap(),
        at: UnixMillis(1_800_000_000_000),
        players: BySeat {
            white: "ada".parse().unwrap(),
            black: "bob".parse().unwrap(),
        },
        changes: BySeat {
            white: RatingChange {
                before: strength(1_500.0, 500.0),
                after: strength(1_662.5, 290.25),
                games: 1,
            },
            black: RatingChange {
                before: strength(1_700.0, 45.0),
                after: strength(1_697.75, 45.5),
                games: 300,
            },
        },
    }
}

pub(super) fn head() -> Head {
    Head {
        epoch: Epoch(3),
        owner: "shardshard01".parse().unwrap(),
        status: Status::Finished,
        snapshot_seq: 64,
        move_time: Some(MoveTime {
            seq: 70,
            micros: 1_000,
        }),
        tenure: Some(crate::Tenure {
            seq: 66,
            clock: game_core::MatchTime::from_micros(5_000_000),
        }),
    }
}

pub(super) fn account() -> Account {
    Account {
        id: "accountofada".parse().unwrap(),
        name: "Ada Ä".to_owned(),
        name_key: "ada ä".to_owned(),
        is_bot: true,
        password: Some(PasswordHash(
            "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA".to_owned(),
        )),
        made_at: UnixMillis(1_800_000_000_000),
    }
}

/// A credential of each kind.
pub(super) fn credentials() -> [Credential; 3] {
    let made_at = UnixMillis(1_800_000_000_000);
    let expires_at = UnixMillis(1_800_000_600_000);
    [
        Credential::ApiToken(ApiToken {
            digest: SecretDigest([1; 32]),
            owner: "accountofada".parse().unwrap(),
            label: "laptop".to_owned(),
            scopes: Scope::ALL.to_vec(),
            made_at,
            used_at: Some(expires_at),
        }),
        Credential::Invitation(Invitation {
            digest: SecretDigest([2; 32]),
            label: "5b".to_owned(),
            made_at,
            expires_at,
            uses_left: 300,
        }),
        Credential::LoginCode(LoginCode {
            digest: SecretDigest([3; 32]),
            player: "accountofada".parse().unwrap(),
            made_at,
            expires_at,
            used_by: Some(7),
        }),
    ]
}

pub(super) fn transfer() -> Transfer {
    Transfer {
        digest: SecretDigest([4; 32]),
        player: "guestwhoisad".parse().unwrap(),
        name: "Guest-Adaé".to_owned(),
        is_bot: false,
        made_at: UnixMillis(1_800_000_000_000),
        expires_at: UnixMillis(1_800_000_300_000),
        used_by: Some(7),
    }
}

/// A match that White resigned.
pub(super) fn archived() -> ArchivedMatch {
    let mut game = game_of(&["e2e4", "e7e5"]);
    let (id, kind) = (CommandId(7), CommandKind::Resign);
    let at = MatchTime::from_micros(9_000_000);
    game.apply(Seat::White, &Command { id, kind }, at, &mut Vec::new())
        .unwrap();
    ArchivedMatch::of(&game, UnixMillis(1_800_000_060_000)).unwrap()
}

pub(super) fn feed_entry() -> FeedEntry {
    FeedEntry {
        match_id: "0123456789AB".parse().unwrap(),
        seq: 3,
        public_at: UnixMillis(1_800_000_060_000),
        body: r#"{"match":"0123456789AB"}"#.into(),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

/// A body with the tag and checksum that let it through to the decoder.
pub(super) fn sealed(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend_from_slice(body);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

pub(super) fn decode_as(format: Format, bytes: &[u8]) -> bool {
    match format {
        Format::Chunk => decode_chunk(bytes).is_ok(),
        Format::Record => decode_record(bytes).is_ok(),
        Format::Snapshot => decode_snapshot(bytes).is_ok(),
        Format::Ticket => decode_ticket(bytes).is_ok(),
        Format::Assignment => decode_assignment(bytes).is_ok(),
        Format::Shard => decode_shard(bytes).is_ok(),
        Format::Head => decode_head(bytes).is_ok(),
        Format::ChatLine => decode_chat_line(bytes).is_ok(),
        Format::Beat => decode_beat(bytes).is_ok(),
        Format::Account => decode_account(bytes).is_ok(),
        Format::Credential => decode_credential(bytes).is_ok(),
        Format::Transfer => decode_transfer(bytes).is_ok(),
        Format::Rating => decode_rating(bytes).is_ok(),
        Format::RatedMatch => decode_rated(bytes).is_ok(),
        Format::Archived => decode_archived(bytes).is_ok(),
        Format::FeedEntry => decode_feed_entry(bytes).is_ok(),
    }
}

/// A value of each format.
pub(super) fn one_of_each() -> [(Format, Bytes); 16] {
    let given = ticket(
        Terms::of(&special_setup()),
        TicketState::Assigned(assignment()),
    );
    let mut records = Vec::new();
    push_record(&mut records, &encode_record(&moved()));
    [
        (Format::Chunk, encode_chunk(1, &records).into()),
        (Format::Record, encode_record(&moved())),
        (Format::Snapshot, encode_snapshot(&full_snapshot())),
        (Format::Ticket, encode_ticket(&given)),
        (Format::Assignment, encode_assignment(&assignment())),
        (Format::Shard, encode_shard(&shard())),
        (Format::Head, encode_head(&head())),
        (Format::ChatLine, encode_chat_line(&line())),
        (Format::Beat, encode_beat(&beat())),
        (Format::Account, encode_account(&account())),
        (Format::Credential, encode_credential(&credentials()[0])),
        (Format::Transfer, encode_transfer(&transfer())),
        (Format::Rating, encode_rating(&rated().rating(Seat::Black))),
        (Format::RatedMatch, encode_rated(&rated())),
        (Format::Archived, encode_archived(&archived())),
        (Format::FeedEntry, encode_feed_entry(&feed_entry())),
    ]
}

/// One event of every kind.
pub(super) fn every_kind() -> Vec<EventKind> {
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
        EventKind::Stopped,
        EventKind::Resumed,
        EventKind::ClockSet { seat: Seat::Black },
        EventKind::RematchAgreed {
            match_id: "Ab00000000CD".parse().unwrap(),
        },
    ]
}
