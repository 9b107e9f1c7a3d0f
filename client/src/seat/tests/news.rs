//! What a shard says beside moves: its version, chat, who is gone, takebacks, rematches.

use game_core::{EventKind, MatchId, Outcome, Seat, Termination, UnixMillis};
use protocol::{
    CHAT_LEN_MAX, CatchUp, ChatLine, ChatRefusal, ClientFrame, CloseCode, JoinFlags, ServerBody,
    UnixMicros, VERSION, WireEvent,
};

use crate::Violation;
use crate::seat::{CommandError, Loss, SeatTimes, Update};
use crate::testing::script::{
    ack, clock, ended, event, frame, joined, moved, said, seconds, state, whole,
};
use crate::testing::seated::Seated;

fn of(seq: u32, seat: Seat, kind: EventKind) -> protocol::ServerFrame {
    event(1, (seq, said(Some(seat), kind, clock(None))))
}

#[test]
fn a_join_names_the_version_and_the_wishes() {
    let mut seat = Seated::apart(SeatTimes::default());
    seat.machine = seat.machine.with_flags(JoinFlags::HEARTBEATS);
    seat.machine.connected("token".into(), seat.now);
    let Some(ClientFrame::Join(join)) = seat.machine.poll_output() else {
        panic!("no Join");
    };
    assert_eq!((join.version, join.flags), (VERSION, JoinFlags::HEARTBEATS));
}

#[test]
fn a_shard_of_other_versions_ends_the_session_and_names_them() {
    let mut seat = Seated::apart(SeatTimes::default());
    seat.connect();
    let other = ServerBody::Unsupported { min: 7, max: 9 };
    assert!(seat.hear(frame(0, 0, other)).is_empty());
    assert_eq!(seat.machine.unsupported(), Some((7, 9)));
    assert_eq!(seat.machine.over(), Some(CloseCode::Unsupported));
    seat.machine.lost(Loss::Silent, seat.now);
    assert!(!seat.machine.wants_connection(), "it is over");
}

/// What a later version may add changes nothing, and says that the shard is there.
#[test]
fn kinds_that_are_unknown_are_skipped() {
    let times = SeatTimes {
        silence_max: Some(seconds(10)),
        ..SeatTimes::default()
    };
    let mut seat = Seated::apart(times);
    seat.connect();
    seat.hear(whole(1, "e2e4"));
    for _ in 0..5 {
        assert!(seat.pass(seconds(9)).is_empty());
        assert!(seat.hear(frame(1, 1, ServerBody::Unknown)).is_empty());
        assert!(seat.pass(seconds(9)).is_empty());
        assert!(seat.hear(frame(1, 1, ServerBody::Heartbeat)).is_empty());
    }
    let unknown = WireEvent {
        seat: Some(Seat::Black),
        clock: clock(Some(Seat::White)),
        kind: None,
    };
    assert_eq!(seat.hear(event(1, (2, unknown))).len(), 1);
    let view = seat.machine.view().unwrap();
    assert_eq!((view.seq(), view.position_seq(), view.ply()), (2, 1, 1));
    let (_, reply) = moved(2, "e7e5");
    assert_eq!(seat.hear(event(1, (3, reply))).len(), 1);
}

/// The clock in a frame counts from when it left, not from when it came.
#[test]
fn a_clock_that_was_held_up_is_shown_as_it_is_at_the_shard() {
    let mut seat = Seated::apart(SeatTimes::default());
    seat.now += seconds(60);
    seat.connect();
    let left = |seat: &Seated| {
        let view = seat.machine.view().unwrap();
        view.remaining(Seat::White, seat.now).as_millis()
    };
    let at = |s: u64| UnixMicros((1_000 + s) * 1_000_000);
    seat.hear_at(at(0), whole(1, "e2e4 e7e5"));
    seat.now += seconds(10);
    let running = ServerBody::Clock(clock(Some(Seat::White)));
    seat.hear_at(at(7), frame(1, 2, running));
    assert!((56_990..=57_010).contains(&left(&seat)), "{}", left(&seat));
}

#[test]
fn an_opponent_who_is_gone_is_counted_down_until_it_is_back() {
    let mut seat = Seated::after("e2e4 e7e5 g1f3");
    let gone = |claim_in_ms| {
        let seat = Seat::Black;
        frame(1, 3, ServerBody::Gone { seat, claim_in_ms })
    };
    let claim_in = Some(seconds(40));
    let news = Update::Gone {
        seat: Seat::Black,
        claim_in,
    };
    assert_eq!(seat.hear(gone(Some(40_000))), [news]);
    let count = |seat: &Seated| seat.machine.view().unwrap().gone();
    assert_eq!(count(&seat), Some((Seat::Black, seat.now + seconds(40))));
    seat.hear(gone(None));
    assert_eq!(count(&seat), None);
    for back in [
        frame(
            1,
            3,
            ServerBody::Presence {
                seat: Seat::Black,
                connected: true,
            },
        ),
        event(1, moved(4, "b8c6")),
    ] {
        seat.hear(gone(Some(10_000)));
        assert!(count(&seat).is_some());
        seat.hear(back);
        assert_eq!(count(&seat), None);
    }
    seat.machine.lost(Loss::Silent, seat.now);
    assert_eq!(count(&seat), None, "who is away cannot know");
}

fn line(text: &str, at: u64) -> ChatLine {
    ChatLine {
        seat: Some(Seat::Black),
        name: "Bob\x1b[2J".into(),
        text: text.into(),
        at: UnixMillis(at),
    }
}

#[test]
fn chat_is_shown_once_however_often_it_is_sent() {
    let mut seat = Seated::after("e2e4");
    let texts = |updates: &[Update]| match updates {
        [] => Vec::new(),
        [Update::Chat(lines)] => lines.iter().map(|line| line.text.clone()).collect(),
        other => panic!("{other:?}"),
    };
    let chat = |lines| frame(1, 1, ServerBody::Chat(lines));
    let heard = seat.hear(chat(vec![line("hi", 1), line("hi", 2_000)]));
    assert_eq!(texts(&heard), ["hi", "hi"]);
    seat.machine.lost(Loss::Silent, seat.now);
    seat.updates();
    seat.connect();
    seat.hear(joined(1, 1, CatchUp::State(state("e2e4"))));
    let kept = vec![line("hi", 1), line("hi", 2_000), line("\u{202e}re", 9_000)];
    let heard = seat.hear(chat(kept));
    assert_eq!(
        texts(&heard),
        ["\\u{202e}re"],
        "nothing that a terminal acts on"
    );
    let view = seat.machine.view().unwrap();
    assert_eq!(view.chat().len(), 3);
    assert_eq!(view.chat()[0].name, "Bob\\u{1b}[2J");
    let many = (0..200).map(|n| line("more", 10_000 + n)).collect();
    seat.hear(chat(many));
    assert_eq!(seat.machine.view().unwrap().chat().len(), 50);
}

#[test]
fn a_line_is_sent_once_and_answered_once() {
    let mut seat = Seated::apart(SeatTimes::default());
    assert_eq!(seat.machine.say("hello"), Err(CommandError::Away));
    seat.connect();
    seat.hear(whole(1, ""));
    let too_long = "x".repeat(CHAT_LEN_MAX + 1);
    assert_eq!(seat.machine.say(&too_long), Err(CommandError::LineTooLong));
    let first = seat.machine.say("hello").unwrap();
    let second = seat.machine.say("again").unwrap();
    assert_ne!(first, second);
    let texts: Vec<String> = seat
        .sends()
        .into_iter()
        .map(|frame| match frame {
            ClientFrame::Say { text, .. } => text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts, ["hello", "again"]);
    let answer = |body| frame(1, 0, body);
    let said = seat.hear(answer(ServerBody::Said { id: first }));
    assert_eq!(said, [Update::Said { id: first }]);
    let reason = ChatRefusal::RateLimited;
    let id = second;
    assert_eq!(
        seat.hear(answer(ServerBody::NotSaid { id, reason })),
        [Update::NotSaid { id, reason }]
    );
}

/// MATCH.md, "takeback": one or two plies go back, and the next move is named by it.
#[test]
fn a_takeback_names_the_position_and_moves_can_be_made_anew() {
    let mut seat = Seated::after("e2e4 e7e5 g1f3");
    seat.hear(of(4, Seat::White, EventKind::TakebackOffered));
    assert_eq!(
        seat.refuses(of(5, Seat::White, EventKind::TakenBack { plies: 1 })),
        Violation::NoOffer { seq: 5 },
        "one's own request is not one's own to grant"
    );
    let mut seat = Seated::after("e2e4 e7e5 g1f3");
    seat.hear(of(4, Seat::White, EventKind::TakebackOffered));
    assert_eq!(
        seat.refuses(of(5, Seat::Black, EventKind::TakenBack { plies: 2 })),
        Violation::WrongTakeback { seq: 5, plies: 2 }
    );
    let mut seat = Seated::after("e2e4 e7e5");
    let id = seat.play(2, "g1f3");
    seat.sends();
    seat.hear(event(1, moved(3, "g1f3")));
    seat.hear(ack(1, 3, id, 3));
    seat.hear(of(4, Seat::White, EventKind::TakebackOffered));
    seat.hear(of(5, Seat::Black, EventKind::TakenBack { plies: 1 }));
    assert_eq!(seat.moves(), ["e2e4", "e7e5"]);
    let view = seat.machine.view().unwrap();
    assert_eq!((view.position_seq(), view.takeback_offer()), (5, None));
    // A full state that comes later has another move there, which is no broken promise.
    seat.machine.lost(Loss::Silent, seat.now);
    seat.connect();
    let mut later = state("e2e4 e7e5 b1c3");
    later.position_seq = 6;
    seat.hear(joined(2, 6, CatchUp::State(later)));
    assert_eq!(seat.moves(), ["e2e4", "e7e5", "b1c3"]);
}

#[test]
fn a_takeback_needs_its_events_and_terms_that_allow_it() {
    for (seq, rated, is_wrong) in [(5, false, true), (6, false, false), (6, true, true)] {
        let of = |moves: &str| {
            let mut state = state(moves);
            state.rated = rated;
            state
        };
        let mut seat = Seated::apart(SeatTimes::default());
        seat.connect();
        seat.hear(joined(1, 3, CatchUp::State(of("e2e4 e7e5 g1f3"))));
        seat.machine.lost(Loss::Silent, seat.now);
        seat.connect();
        let mut later = of("e2e4 e7e5 b1c3");
        later.position_seq = seq;
        let back = seat.try_hear(joined(1, seq, CatchUp::State(later)));
        assert_eq!(back.is_err(), is_wrong, "{seq} {rated}: {back:?}");
    }
}

#[test]
fn a_rematch_is_agreed_on_after_the_end_only() {
    let offered = |seq, seat| of(seq, seat, EventKind::RematchOffered);
    let mut seat = Seated::after("e2e4 e7e5");
    assert_eq!(
        seat.refuses(offered(3, Seat::White)),
        Violation::BeforeTheEnd { seq: 3 }
    );
    let over = || {
        let mut seat = Seated::after("e2e4 e7e5");
        let resigned = ended(3, Outcome::BlackWins, Termination::Resignation);
        seat.hear(event(1, resigned));
        seat
    };
    let match_id = MatchId::from_random(3);
    let agreed = EventKind::RematchAgreed { match_id };
    assert_eq!(
        over().refuses(of(4, Seat::White, agreed)),
        Violation::NoOffer { seq: 4 }
    );
    let mut seat = over();
    seat.hear(offered(4, Seat::Black));
    let view = |seat: &Seated| {
        let view = seat.machine.view().unwrap();
        (view.rematch_offer(), view.rematch())
    };
    assert_eq!(view(&seat), (Some(Seat::Black), None));
    seat.hear(of(5, Seat::White, EventKind::RematchDeclined));
    assert_eq!(view(&seat), (None, None));
    seat.hear(offered(6, Seat::White));
    seat.hear(of(7, Seat::Black, agreed));
    assert_eq!(view(&seat), (None, Some(match_id)));
}

/// Whoever may still agree on a rematch returns to a match that is over.
#[test]
fn a_connection_that_is_lost_after_the_end_is_restored_where_that_is_wished() {
    for (times, is_restored) in [
        (SeatTimes::default(), false),
        (SeatTimes::interactive(), true),
    ] {
        let mut seat = Seated::apart(times);
        seat.connect();
        seat.hear(whole(1, "e2e4 e7e5"));
        let resigned = ended(3, Outcome::BlackWins, Termination::Resignation);
        seat.hear(event(1, resigned));
        seat.machine.lost(Loss::Silent, seat.now);
        assert_eq!(seat.machine.wants_connection(), is_restored);
    }
}
