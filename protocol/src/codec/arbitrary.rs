//! Arbitrary messages, for property tests.

use game_core::{
    BySeat, ClockStart, CommandId, CommandKind, Epoch, EventKind, MatchId, Outcome, PlayerId,
    Refusal, Seat, Termination, TimeControl, Uci, UnixMillis,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use crate::{
    CatchUp, ClientFrame, ClockView, CloseCode, Join, Joined, MatchState, Role, SeatView,
    ServerBody, ServerFrame, WireEvent, WireRefusal,
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

fn command() -> impl Strategy<Value = CommandKind> {
    prop_oneof![
        (any::<u16>(), uci(), any::<bool>()).prop_map(|(ply, uci, offers_draw)| {
            CommandKind::Move {
                ply,
                uci,
                offers_draw,
            }
        }),
        select(vec![
            CommandKind::Resign,
            CommandKind::Abort,
            CommandKind::OfferDraw,
            CommandKind::AcceptDraw,
            CommandKind::DeclineDraw,
        ]),
    ]
}

pub(super) fn client_frame() -> impl Strategy<Value = ClientFrame> {
    let join =
        (match_id(), ".{0,300}", option::of(any::<u32>())).prop_map(|(match_id, token, seen)| {
            ClientFrame::Join(Join {
                match_id,
                token,
                seen,
            })
        });
    let command = (any::<u64>(), command()).prop_map(|(id, kind)| ClientFrame::Command {
        id: CommandId(id),
        kind,
    });
    prop_oneof![join, command, Just(ClientFrame::Leave)]
}

fn result() -> impl Strategy<Value = (Outcome, Termination)> {
    select(vec![
        (Outcome::WhiteWins, Termination::Checkmate),
        (Outcome::BlackWins, Termination::TimeForfeit),
        (Outcome::Draw, Termination::MaxLength),
        (Outcome::Aborted, Termination::BlackNoStart),
        (Outcome::Aborted, Termination::Adjudicated),
    ])
}

fn clock() -> impl Strategy<Value = ClockView> {
    (any::<u32>(), any::<u32>(), option::of(seat())).prop_map(|(white_ms, black_ms, running)| {
        ClockView {
            white_ms,
            black_ms,
            running,
        }
    })
}

fn seat_view() -> impl Strategy<Value = SeatView> {
    ("[0-9A-Za-z_.:@|-]{1,64}", ".{1,32}").prop_map(|(id, name)| SeatView {
        id: id.parse::<PlayerId>().unwrap(),
        name,
    })
}

fn time_control() -> impl Strategy<Value = TimeControl> {
    (0..=10_800_000_u64, 1..=180_000_u64)
        .prop_map(|(initial, increment)| TimeControl::from_millis(initial, increment).unwrap())
}

fn state() -> impl Strategy<Value = MatchState> {
    let terms = (
        seat_view(),
        seat_view(),
        time_control(),
        select(vec![ClockStart::AfterFirstMoves, ClockStart::AtOnce]),
        any::<bool>(),
    );
    let play = (
        option::of(".{0,90}"),
        ".{0,90}",
        vec(uci(), 0..300),
        option::of(seat()),
        option::of(result()),
    );
    (terms, play).prop_map(|(terms, play)| {
        let (white, black, time_control, clock_start, rated) = terms;
        let (start_fen, fen, moves, draw_offer, result) = play;
        MatchState {
            players: BySeat { white, black },
            time_control,
            clock_start,
            rated,
            start_fen,
            fen,
            moves,
            draw_offer,
            result,
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
        any::<u64>(),
    )
        .prop_map(
            |(role, catch_up, clock, (white, black), paused, server_time)| {
                ServerBody::Joined(Box::new(Joined {
                    role,
                    catch_up,
                    clock,
                    connected: BySeat { white, black },
                    paused,
                    server_time: UnixMillis(server_time),
                }))
            },
        )
}

fn event() -> impl Strategy<Value = WireEvent> {
    let kind = prop_oneof![
        (uci(), any::<bool>()).prop_map(|(uci, offers_draw)| EventKind::Moved { uci, offers_draw }),
        Just(EventKind::DrawOffered),
        Just(EventKind::DrawDeclined),
        result().prop_map(|(outcome, termination)| EventKind::Ended {
            outcome,
            termination
        }),
    ];
    (option::of(seat()), kind, clock()).prop_map(|(seat, kind, clock)| WireEvent {
        seat,
        kind,
        clock,
    })
}

pub(super) fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let refusals = vec![
        WireRefusal::Match(Refusal::MatchOver),
        WireRefusal::Match(Refusal::NoOffer),
        WireRefusal::Match(Refusal::CommandIdReused),
        WireRefusal::NotAPlayer,
        WireRefusal::RateLimited,
        WireRefusal::Paused,
    ];
    let body = prop_oneof![
        joined(),
        event().prop_map(ServerBody::Event),
        (any::<u64>(), any::<u32>()).prop_map(|(id, event)| ServerBody::Ack {
            command_id: CommandId(id),
            event,
        }),
        (any::<u64>(), select(refusals)).prop_map(|(id, reason)| ServerBody::Refused {
            command_id: CommandId(id),
            reason,
        }),
        (seat(), any::<bool>())
            .prop_map(|(seat, connected)| ServerBody::Presence { seat, connected }),
        Just(ServerBody::Paused),
        clock().prop_map(ServerBody::Clock),
        (0..15_u64).prop_map(|n| ServerBody::Closed(CloseCode::from_number(n).unwrap())),
    ];
    (any::<u64>(), any::<u32>(), body).prop_map(|(epoch, seq, body)| ServerFrame {
        epoch: Epoch(epoch),
        seq,
        body,
    })
}
