//! Arbitrary messages, for property tests.

use std::time::Duration;

use game_core::{
    BySeat, ClockStart, CommandId, CommandKind, Delay, Epoch, EventKind, MatchId, Outcome,
    PlayerId, Refusal, Rule, Rules, Seat, Stage, Termination, TimeControl, Uci, UnixMillis,
    Variant, WithMove,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};

use crate::{
    CatchUp, ChatLine, ChatRefusal, ClientFrame, ClockView, CloseCode, Join, JoinFlags, Joined,
    MatchState, Role, SeatView, ServerBody, ServerFrame, TagsView, VERSION, WireEvent, WireRefusal,
};

fn match_id() -> impl Strategy<Value = MatchId> {
    any::<u128>().prop_map(MatchId::from_random)
}

fn seat() -> impl Strategy<Value = Seat> {
    select(&Seat::BOTH)
}

fn uci() -> impl Strategy<Value = Uci> {
    any::<u16>().prop_filter_map("not every number is a move", |bits| {
        Uci::from_bits(bits).ok()
    })
}

fn with() -> impl Strategy<Value = WithMove> {
    select(&[WithMove::Nothing, WithMove::DrawOffer, WithMove::DrawClaim])
}

fn command() -> impl Strategy<Value = CommandKind> {
    prop_oneof![
        (any::<u32>(), uci(), with()).prop_map(|(position_seq, uci, with)| CommandKind::Move {
            position_seq,
            uci,
            with,
        }),
        any::<u8>().prop_map(|seconds| CommandKind::GiveTime { seconds }),
        select(vec![
            CommandKind::Resign,
            CommandKind::Abort,
            CommandKind::OfferDraw,
            CommandKind::AcceptDraw,
            CommandKind::DeclineDraw,
            CommandKind::ClaimDraw,
            CommandKind::OfferTakeback,
            CommandKind::AcceptTakeback,
            CommandKind::DeclineTakeback,
            CommandKind::ClaimWin,
            CommandKind::ClaimAbandonedDraw,
            CommandKind::OfferRematch,
            CommandKind::AcceptRematch,
            CommandKind::DeclineRematch,
        ]),
    ]
}

pub(super) fn client_frame() -> impl Strategy<Value = ClientFrame> {
    let join = (
        any::<u32>(),
        match_id(),
        ".{0,300}",
        option::of(any::<u32>()),
    );
    let join = join.prop_map(|(flags, match_id, token, seen)| {
        ClientFrame::Join(Join {
            version: VERSION,
            flags: JoinFlags(flags),
            match_id,
            token,
            seen,
        })
    });
    let command = (any::<u64>(), command()).prop_map(|(id, kind)| ClientFrame::Command {
        id: CommandId(id),
        kind,
    });
    let say = (any::<u64>(), ".{0,140}").prop_map(|(id, text)| ClientFrame::Say { id, text });
    prop_oneof![join, command, say, Just(ClientFrame::Leave)]
}

fn result() -> impl Strategy<Value = (Outcome, Termination)> {
    select(vec![
        (Outcome::WhiteWins, Termination::Checkmate),
        (Outcome::BlackWins, Termination::TimeForfeit),
        (Outcome::Draw, Termination::MaxLength),
        (Outcome::Draw, Termination::VariantEnd),
        (Outcome::Aborted, Termination::BlackNoStart),
        (Outcome::Aborted, Termination::Adjudicated),
    ])
}

fn clock() -> impl Strategy<Value = ClockView> {
    let running = option::of(seat());
    (any::<u32>(), any::<u32>(), running, any::<u32>()).prop_map(
        |(white_ms, black_ms, running, delay_ms)| ClockView {
            white_ms,
            black_ms,
            running,
            delay_ms,
        },
    )
}

fn seat_view() -> impl Strategy<Value = SeatView> {
    let id = "[0-9A-Za-z_.:@|-]{1,64}";
    (id, ".{1,32}", option::of(any::<u16>()), any::<bool>()).prop_map(
        |(id, name, rating, is_bot)| SeatView {
            id: id.parse::<PlayerId>().unwrap(),
            name,
            rating,
            is_bot,
        },
    )
}

fn time_control() -> impl Strategy<Value = TimeControl> {
    let times = vec(
        (
            0..=10_800_000_u64,
            1..=180_000_u64,
            0..3_u8,
            1..=180_000_u64,
        ),
        3,
    );
    (times, vec(2..=600_u16, 0..3)).prop_map(|(times, moves)| {
        let moves = moves.into_iter().map(Some).chain([None]);
        let stages = times.into_iter().zip(moves);
        let stages = stages.map(|((time, increment, kind, delay), moves)| Stage {
            moves,
            time: Duration::from_millis(time),
            increment: Duration::from_millis(increment),
            delay: match kind {
                0 => Delay::None,
                1 => Delay::Simple(Duration::from_millis(delay)),
                _ => Delay::Bronstein(Duration::from_millis(delay)),
            },
        });
        TimeControl::from_stages(&stages.collect::<Vec<_>>()).unwrap()
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    subsequence(Rule::ALL.to_vec(), 0..=Rule::ALL.len()).prop_map(Rules::from_iter)
}

fn tags() -> impl Strategy<Value = TagsView> {
    let tag = || option::of(".{0,30}");
    (tag(), tag(), tag(), tag()).prop_map(|(event, round, board, site)| TagsView {
        event,
        round,
        board,
        site,
    })
}

fn state() -> impl Strategy<Value = MatchState> {
    let players = (seat_view(), seat_view());
    let terms = (
        (
            select(Variant::ALL.to_vec()),
            time_control(),
            time_control(),
        ),
        select(vec![ClockStart::AfterFirstMoves, ClockStart::AtOnce]),
        option::of(any::<u64>()),
        (any::<bool>(), any::<u8>(), any::<bool>()),
        rules(),
        option::of(tags()),
    );
    let play = (
        option::of(".{0,90}"),
        ".{0,90}",
        vec(uci(), 0..300),
        any::<u32>(),
        vec(option::of(seat()), 3),
        option::of(match_id()),
        option::of(result()),
        vec(any::<u16>(), 0..5),
    );
    (players, terms, play).prop_map(|((white, black), terms, play)| {
        let ((variant, of_white, of_black), clock_start, start_at, flags, rules, tags) = terms;
        let (rated, spectator_delay_s, chat) = flags;
        let (start_fen, fen, moves, position_seq, offers, rematch, result, offered_plies) = play;
        MatchState {
            players: BySeat { white, black },
            variant,
            controls: BySeat {
                white: of_white,
                black: of_black,
            },
            clock_start,
            start_at: start_at.map(UnixMillis),
            rated,
            spectator_delay_s,
            chat,
            rules,
            tags,
            start_fen,
            fen,
            moves,
            position_seq,
            draw_offer: offers[0],
            takeback_offer: offers[1],
            rematch_offer: offers[2],
            rematch,
            result,
            offered_plies,
        }
    })
}

fn joined() -> impl Strategy<Value = ServerBody> {
    let catch_up = prop_oneof![
        state().prop_map(CatchUp::State),
        vec((any::<u32>(), event()), 0..50).prop_map(CatchUp::Events),
    ];
    (
        select(vec![Role::White, Role::Black, Role::Spectator]),
        catch_up,
        clock(),
        (any::<bool>(), any::<bool>()),
        any::<bool>(),
    )
        .prop_map(|(role, catch_up, clock, (white, black), paused)| {
            ServerBody::Joined(Box::new(Joined {
                role,
                catch_up,
                clock,
                connected: BySeat { white, black },
                paused,
            }))
        })
}

fn event_kind() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        (uci(), with()).prop_map(|(uci, with)| EventKind::Moved { uci, with }),
        select(vec![
            EventKind::DrawOffered,
            EventKind::DrawDeclined,
            EventKind::TakebackOffered,
            EventKind::TakebackDeclined,
            EventKind::RematchOffered,
            EventKind::RematchDeclined,
            EventKind::Stopped,
            EventKind::Resumed,
            EventKind::ClockSet { seat: Seat::Black },
        ]),
        any::<u8>().prop_map(|plies| EventKind::TakenBack { plies }),
        any::<u8>().prop_map(|seconds| EventKind::TimeGiven { seconds }),
        match_id().prop_map(|match_id| EventKind::RematchAgreed { match_id }),
        result().prop_map(|(outcome, termination)| EventKind::Ended {
            outcome,
            termination
        }),
    ]
}

fn event() -> impl Strategy<Value = WireEvent> {
    (option::of(seat()), clock(), event_kind()).prop_map(|(seat, clock, kind)| WireEvent {
        seat,
        clock,
        kind: Some(kind),
    })
}

fn chat_line() -> impl Strategy<Value = ChatLine> {
    (option::of(seat()), ".{0,32}", ".{0,140}", any::<u64>()).prop_map(|(seat, name, text, at)| {
        ChatLine {
            seat,
            name,
            text,
            at: UnixMillis(at),
        }
    })
}

fn refusal() -> impl Strategy<Value = WireRefusal> {
    prop_oneof![
        select(Refusal::ALL.to_vec()).prop_map(WireRefusal::Match),
        select(vec![
            WireRefusal::NotAPlayer,
            WireRefusal::RateLimited,
            WireRefusal::Paused,
        ]),
    ]
}

fn chat_refusal() -> impl Strategy<Value = ChatRefusal> {
    select(vec![
        ChatRefusal::TooLong,
        ChatRefusal::RateLimited,
        ChatRefusal::ChatOff,
        ChatRefusal::Unavailable,
        ChatRefusal::Empty,
    ])
}

pub(super) fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let answer = prop_oneof![
        (any::<u64>(), any::<u32>()).prop_map(|(id, event)| ServerBody::Ack {
            command_id: CommandId(id),
            event,
        }),
        (any::<u64>(), refusal()).prop_map(|(id, reason)| ServerBody::Refused {
            command_id: CommandId(id),
            reason,
        }),
        any::<u64>().prop_map(|id| ServerBody::Said { id }),
        (any::<u64>(), chat_refusal()).prop_map(|(id, reason)| ServerBody::NotSaid { id, reason }),
    ];
    let of_seat = prop_oneof![
        (seat(), any::<bool>())
            .prop_map(|(seat, connected)| ServerBody::Presence { seat, connected }),
        (seat(), option::of(any::<u32>()))
            .prop_map(|(seat, claim_in_ms)| ServerBody::Gone { seat, claim_in_ms }),
    ];
    let body = prop_oneof![
        joined(),
        event().prop_map(ServerBody::Event),
        answer,
        of_seat,
        Just(ServerBody::Paused),
        Just(ServerBody::Heartbeat),
        clock().prop_map(ServerBody::Clock),
        select(CloseCode::ALL.to_vec()).prop_map(ServerBody::Closed),
        (any::<u16>(), any::<u16>()).prop_map(|(min, max)| ServerBody::Unsupported { min, max }),
        vec(chat_line(), 0..20).prop_map(ServerBody::Chat),
    ];
    (any::<u64>(), any::<u32>(), body).prop_map(|(epoch, seq, body)| ServerFrame {
        epoch: Epoch(epoch),
        seq,
        body,
    })
}
