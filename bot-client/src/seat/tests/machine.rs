//! The protocol of a seat, without a network.

use std::time::{Duration, Instant};

use game_core::{CommandId, CommandKind, EventKind, Outcome, Refusal, Seat, Termination};
use protocol::{CatchUp, ClientFrame, CloseCode, ServerBody, ServerFrame, WireRefusal};

use super::script::{
    ack, clock, ended, event, frame, joined, match_id, moved, seconds, state, uci, whole,
};
use crate::Violation;
use crate::seat::{CommandError, Loss, SeatMachine, SeatTimes, Update};

/// A machine and the time.
struct Seated {
    machine: SeatMachine,
    now: Instant,
}

const FIRST: CommandId = CommandId(100);

impl Seated {
    fn apart(times: SeatTimes) -> Self {
        let now = Instant::now();
        let machine = SeatMachine::new(match_id(), times, FIRST, now);
        Self { machine, now }
    }

    /// White in a match of epoch 1 in which `moves` were made.
    fn after(moves: &str) -> Self {
        let mut seated = Self::apart(SeatTimes::default());
        seated.connect();
        assert_eq!(
            seated.hear(whole(1, moves)),
            [Update::Joined { again: false }]
        );
        seated
    }

    /// Opens a stream; returns what the `Join` says was seen.
    fn connect(&mut self) -> Option<u32> {
        self.machine.connected("token".into(), self.now);
        match self.machine.poll_output() {
            Some(ClientFrame::Join(join)) => {
                assert_eq!((join.match_id, join.token.as_str()), (match_id(), "token"));
                join.seen
            }
            other => panic!("not a Join: {other:?}"),
        }
    }

    fn try_hear(&mut self, frame: ServerFrame) -> Result<Vec<Update>, Violation> {
        self.machine.frame(frame, self.now)?;
        Ok(self.updates())
    }

    fn hear(&mut self, frame: ServerFrame) -> Vec<Update> {
        self.try_hear(frame).unwrap()
    }

    fn refuses(&mut self, frame: ServerFrame) -> Violation {
        self.try_hear(frame).unwrap_err()
    }

    fn updates(&mut self) -> Vec<Update> {
        std::iter::from_fn(|| self.machine.poll_update()).collect()
    }

    fn sends(&mut self) -> Vec<ClientFrame> {
        std::iter::from_fn(|| self.machine.poll_output()).collect()
    }

    fn play(&mut self, ply: u16, text: &str) -> CommandId {
        self.machine.command(move_of(ply, text), self.now).unwrap()
    }

    fn pass(&mut self, time: Duration) -> Vec<Update> {
        self.now += time;
        self.machine.due(self.now);
        self.updates()
    }

    fn moves(&self) -> Vec<String> {
        let view = self.machine.view().unwrap();
        view.moves().iter().map(ToString::to_string).collect()
    }
}

fn move_of(ply: u16, text: &str) -> CommandKind {
    CommandKind::Move {
        ply,
        uci: uci(text),
        offers_draw: false,
    }
}

#[test]
fn a_move_is_sent_once_and_acknowledged_once() {
    let mut seat = Seated::after("");
    let id = seat.play(0, "e2e4");
    let kind = move_of(0, "e2e4");
    assert_eq!(id, FIRST);
    assert_eq!(seat.sends(), [ClientFrame::Command { id, kind }]);
    assert!(matches!(
        seat.hear(event(1, moved(1, "e2e4")))[..],
        [Update::Event { seq: 1, .. }]
    ));
    seat.now += seconds(1);
    let updates = seat.hear(ack(1, 1, id, 1));
    let [Update::Acked { acked, after }] = updates[..] else {
        panic!("{updates:?}");
    };
    assert_eq!((acked.id, acked.event, acked.kind), (id, 1, kind));
    assert_eq!(after, seconds(1));
    assert_eq!(seat.machine.acked(), [acked]);
    assert_eq!(seat.machine.unanswered(), 0);
    assert!(seat.hear(ack(1, 1, id, 1)).is_empty());
}

#[test]
fn events_seen_before_are_not_seen_again() {
    let mut seat = Seated::after("e2e4");
    assert!(seat.hear(event(1, moved(1, "e2e4"))).is_empty());
    assert_eq!(seat.hear(event(1, moved(2, "e7e5"))).len(), 1);
    assert!(seat.hear(event(1, moved(2, "e7e5"))).is_empty());
    assert_eq!(seat.moves(), ["e2e4", "e7e5"]);
}

#[test]
fn a_gap_is_a_violation() {
    let mut seat = Seated::after("e2e4");
    let gap = Violation::Gap { seen: 1, got: 3 };
    assert_eq!(seat.refuses(event(1, moved(3, "e7e5"))), gap);
}

#[test]
fn lower_epochs_are_not_listened_to() {
    let mut seat = Seated::after("e2e4");
    assert_eq!(seat.hear(event(3, moved(2, "e7e5"))).len(), 1);
    for stale in [
        event(2, moved(3, "g1f3")),
        event(2, moved(9, "g1f3")),
        frame(2, 2, ServerBody::Paused),
        ack(2, 2, CommandId(7), 2),
    ] {
        assert!(seat.hear(stale).is_empty());
    }
    assert_eq!(seat.moves(), ["e2e4", "e7e5"]);
    assert_eq!(seat.machine.view().unwrap().epoch().0, 3);
}

#[test]
fn an_owner_of_old_is_left_for_the_new_one() {
    let mut seat = Seated::after("e2e4");
    seat.hear(event(3, moved(2, "e7e5")));
    seat.machine.lost(Loss::Silent);
    seat.updates();
    assert_eq!(seat.connect(), Some(2));
    let stale = joined(2, 1, CatchUp::Events(Vec::new()));
    assert_eq!(seat.hear(stale), [Update::Reconnecting(Loss::OldOwner)]);
    assert!(seat.machine.wants_connection());
}

#[test]
fn a_seat_that_comes_back_names_what_it_saw_and_repeats_what_was_not_answered() {
    let mut seat = Seated::after("e2e4 e7e5");
    let id = seat.play(2, "g1f3");
    seat.sends();
    seat.machine.lost(Loss::Broken("gone".into()));
    assert!(seat.machine.wants_connection());
    assert_eq!(
        seat.updates(),
        [Update::Reconnecting(Loss::Broken("gone".into()))]
    );
    // A command that is given meanwhile waits for the seat.
    let offer = seat
        .machine
        .command(CommandKind::OfferDraw, seat.now)
        .unwrap();
    assert!(seat.sends().is_empty());
    assert_eq!(seat.connect(), Some(2));
    assert!(seat.sends().is_empty());
    let missed = vec![moved(3, "g1f3")];
    assert_eq!(
        seat.hear(joined(2, 3, CatchUp::Events(missed))),
        [Update::Joined { again: true }]
    );
    let kind = move_of(2, "g1f3");
    let repeated = [
        ClientFrame::Command { id, kind },
        ClientFrame::Command {
            id: offer,
            kind: CommandKind::OfferDraw,
        },
    ];
    assert_eq!(seat.sends(), repeated);
    assert_eq!(seat.hear(ack(2, 3, id, 3)).len(), 1);
    assert_eq!(seat.moves(), ["e2e4", "e7e5", "g1f3"]);
}

#[test]
fn a_full_state_at_the_return_must_continue_what_was_seen() {
    let lost = Violation::Lost { seen: 2, has: 1 };
    let after = Violation::AckBroken {
        uci: uci("g1f3"),
        ply: 2,
        has: uci("b1c3"),
    };
    for (moves, expected) in [
        ("e2e4 e7e5", Ok(())),
        ("e2e4 e7e5 g1f3", Ok(())),
        ("e2e4", Err(lost)),
        ("e2e4 c7c5 g1f3", Err(Violation::Rewritten)),
        ("e2e4 e7e5 b1c3", Err(after)),
    ] {
        let mut seat = Seated::after("e2e4 e7e5");
        let id = seat.play(2, "g1f3");
        seat.sends();
        // Acknowledged before its event was seen, which is then lost on the way.
        seat.hear(ack(1, 3, id, 3));
        seat.machine.lost(Loss::Silent);
        seat.updates();
        seat.connect();
        assert_eq!(
            seat.try_hear(whole(2, moves)).map(drop),
            expected,
            "{moves}"
        );
    }
}

#[test]
fn missed_events_must_reach_what_the_shard_has() {
    let mut seat = Seated::after("e2e4");
    seat.machine.lost(Loss::Silent);
    seat.connect();
    let short = joined(1, 3, CatchUp::Events(vec![moved(2, "e7e5")]));
    assert_eq!(seat.refuses(short), Violation::Gap { seen: 2, got: 3 });
    let mut seat = Seated::after("e2e4 e7e5");
    seat.machine.lost(Loss::Silent);
    seat.connect();
    let rolled_back = joined(2, 1, CatchUp::Events(Vec::new()));
    assert_eq!(
        seat.refuses(rolled_back),
        Violation::Lost { seen: 2, has: 1 }
    );
}

#[test]
fn what_the_rules_forbid_is_a_violation() {
    let mut seat = Seated::after("");
    assert!(matches!(
        seat.refuses(event(1, moved(1, "e2e5"))),
        Violation::IllegalMove { .. }
    ));
    let mut seat = Seated::after("");
    let (seq, mut other) = moved(1, "e2e4");
    other.seat = Some(Seat::Black);
    assert_eq!(
        seat.refuses(event(1, (seq, other))),
        Violation::WrongTurn { seq: 1 }
    );
    let mut seat = Seated::after("");
    let mate = ended(1, Outcome::WhiteWins, Termination::Checkmate);
    assert!(matches!(
        seat.refuses(event(1, mate)),
        Violation::WrongEnding { .. }
    ));
    let mut seat = Seated::after("f2f3 e7e5 g2g4 d8h4");
    let resigned = ended(5, Outcome::BlackWins, Termination::Resignation);
    assert!(matches!(
        seat.refuses(event(1, resigned)),
        Violation::WrongEnding { .. }
    ));
    let mut seat = Seated::after("f2f3 e7e5 g2g4 d8h4");
    let mate = ended(5, Outcome::BlackWins, Termination::Checkmate);
    assert_eq!(seat.hear(event(1, mate)).len(), 1);
    let after = event(1, ended(6, Outcome::Draw, Termination::DrawAgreement));
    assert_eq!(seat.refuses(after), Violation::AfterTheEnd { seq: 6 });
}

#[test]
fn a_state_that_contradicts_itself_is_a_violation() {
    let mut seat = Seated::apart(SeatTimes::default());
    seat.connect();
    let mut state = state("e2e4");
    state.fen = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1".into();
    let contradiction = joined(1, 1, CatchUp::State(state));
    assert!(matches!(
        seat.refuses(contradiction),
        Violation::OtherPosition { .. }
    ));
}

#[test]
fn answers_that_change_are_violations() {
    let mut seat = Seated::after("e2e4 e7e5");
    let first = seat.play(2, "g1f3");
    let second = seat
        .machine
        .command(CommandKind::OfferDraw, seat.now)
        .unwrap();
    assert_eq!(seat.hear(ack(1, 3, first, 3)).len(), 1);
    let changed = Violation::AnswerChanged {
        id: first,
        first: 3,
        now: 4,
    };
    assert_eq!(seat.refuses(ack(1, 4, first, 4)), changed);
    let shared = Violation::SharedEvent {
        event: 3,
        first,
        second,
    };
    assert_eq!(seat.refuses(ack(1, 4, second, 3)), shared);
    let future = Violation::FutureEvent { event: 6, has: 5 };
    assert_eq!(seat.refuses(ack(1, 5, second, 6)), future);
    let unknown = CommandId(7);
    assert_eq!(
        seat.refuses(ack(1, 5, unknown, 5)),
        Violation::UnknownCommand(unknown)
    );
}

#[test]
fn an_acknowledged_move_must_be_the_one_that_happens() {
    let mut seat = Seated::after("");
    let id = seat.play(0, "e2e4");
    seat.hear(ack(1, 1, id, 1));
    let broken = Violation::AckBroken {
        uci: uci("e2e4"),
        ply: 0,
        has: uci("d2d4"),
    };
    assert_eq!(seat.refuses(event(1, moved(1, "d2d4"))), broken);
}

#[test]
fn castling_is_named_as_the_shard_names_it() {
    let mut seat = Seated::after("e2e4 e7e5 g1f3 b8c6 f1c4 g8f6");
    seat.play(6, "e1h1");
    let id = FIRST;
    let kind = move_of(6, "e1g1");
    assert_eq!(seat.sends(), [ClientFrame::Command { id, kind }]);
}

#[test]
fn refusals_are_answers_but_for_those_that_pass() {
    let mut seat = Seated::after("");
    let id = seat.play(0, "e2e5");
    let kind = move_of(0, "e2e5");
    seat.sends();
    let refused = |reason| {
        frame(
            1,
            0,
            ServerBody::Refused {
                command_id: id,
                reason,
            },
        )
    };
    for reason in [WireRefusal::Paused, WireRefusal::RateLimited] {
        assert!(seat.hear(refused(reason)).is_empty());
        assert!(seat.pass(SeatTimes::default().retry_after / 2).is_empty());
        assert!(seat.sends().is_empty());
        assert!(seat.pass(SeatTimes::default().retry_after).is_empty());
        assert_eq!(seat.sends(), [ClientFrame::Command { id, kind }]);
    }
    let reason = WireRefusal::Match(Refusal::IllegalMove);
    assert_eq!(
        seat.hear(refused(reason)),
        [Update::Refused { id, kind, reason }]
    );
    assert_eq!(seat.machine.unanswered(), 0);
}

#[test]
fn a_shard_that_does_not_answer_is_asked_anew() {
    let mut seat = Seated::apart(SeatTimes::default());
    assert_eq!(seat.machine.deadline(), None);
    seat.connect();
    assert_eq!(
        seat.pass(seconds(5)),
        [Update::Reconnecting(Loss::NoAnswer)]
    );
    let mut seat = Seated::after("");
    assert_eq!(seat.machine.deadline(), None);
    assert!(seat.pass(seconds(1_000)).is_empty());
    seat.play(0, "e2e4");
    assert!(seat.pass(seconds(4)).is_empty());
    assert_eq!(
        seat.pass(seconds(1)),
        [Update::Reconnecting(Loss::NoAnswer)]
    );
}

#[test]
fn a_silent_shard_is_asked_anew_where_silence_is_not_expected() {
    let times = SeatTimes {
        silence_max: Some(seconds(3)),
        ..SeatTimes::default()
    };
    let mut seat = Seated::apart(times);
    seat.connect();
    seat.hear(whole(1, ""));
    seat.pass(seconds(2));
    seat.hear(event(1, moved(1, "e2e4")));
    assert!(seat.pass(seconds(2)).is_empty());
    assert_eq!(seat.pass(seconds(1)), [Update::Reconnecting(Loss::Silent)]);
}

#[test]
fn a_pause_is_no_silence_and_stops_the_clocks() {
    let mut seat = Seated::after("e2e4 e7e5");
    seat.play(2, "g1f3");
    let left = |seat: &Seated| {
        seat.machine
            .view()
            .unwrap()
            .remaining(Seat::White, seat.now)
            .as_secs()
    };
    seat.now += seconds(1);
    assert_eq!(seat.hear(frame(1, 2, ServerBody::Paused)), [Update::Paused]);
    assert!(seat.pass(seconds(100)).is_empty());
    assert_eq!(left(&seat), 59);
    let running = clock(Some(Seat::White));
    assert_eq!(
        seat.hear(frame(1, 2, ServerBody::Clock(running))),
        [Update::Clock]
    );
    seat.now += seconds(2);
    assert_eq!(left(&seat), 58);
}

#[test]
fn closing_is_final_or_begins_anew_by_its_code() {
    let close = |code| frame(0, 0, ServerBody::Closed(code));
    for code in [
        CloseCode::NotOwner,
        CloseCode::TokenExpired,
        CloseCode::ShuttingDown,
    ] {
        let mut seat = Seated::after("");
        assert_eq!(
            seat.hear(close(code)),
            [Update::Reconnecting(Loss::Closed(code))]
        );
        assert!(seat.machine.wants_connection());
    }
    for code in [
        CloseCode::Superseded,
        CloseCode::MatchNotFound,
        CloseCode::TokenInvalid,
    ] {
        let mut seat = Seated::after("");
        assert_eq!(seat.hear(close(code)), [Update::Closed(code)]);
        assert_eq!(seat.machine.over(), Some(code));
        let refused = seat.machine.command(CommandKind::Resign, seat.now);
        assert_eq!(refused, Err(CommandError::Over));
    }
}

#[test]
fn nothing_is_come_back_for_when_all_is_over_and_answered() {
    let mut seat = Seated::after("f2f3 e7e5 g2g4");
    seat.hear(event(1, moved(4, "d8h4")));
    seat.hear(event(
        1,
        ended(5, Outcome::BlackWins, Termination::Checkmate),
    ));
    seat.machine.lost(Loss::Silent);
    assert_eq!(seat.updates(), [Update::Closed(CloseCode::Done)]);
    // An acknowledgement that is still owed is asked for.
    let mut seat = Seated::after("e2e4 e7e5");
    seat.machine.command(CommandKind::Resign, seat.now).unwrap();
    seat.hear(event(
        1,
        ended(3, Outcome::BlackWins, Termination::Resignation),
    ));
    seat.machine.lost(Loss::Silent);
    assert_eq!(seat.updates(), [Update::Reconnecting(Loss::Silent)]);
    assert_eq!(seat.connect(), Some(3));
}

#[test]
fn leaving_is_said_and_answered() {
    let mut seat = Seated::after("");
    seat.machine.leave();
    assert_eq!(seat.sends(), [ClientFrame::Leave]);
    let done = frame(1, 0, ServerBody::Closed(CloseCode::Done));
    assert_eq!(seat.hear(done), [Update::Closed(CloseCode::Done)]);
}

#[test]
fn commands_that_wait_are_bounded() {
    let mut seat = Seated::after("");
    for _ in 0..16 {
        seat.machine.command(CommandKind::Abort, seat.now).unwrap();
    }
    let refused = seat.machine.command(CommandKind::Abort, seat.now);
    assert_eq!(refused, Err(CommandError::TooMany));
}

#[test]
fn an_answer_before_the_seat_is_taken_is_out_of_place_and_news_is_not() {
    let mut seat = Seated::apart(SeatTimes::default());
    seat.connect();
    let connected = true;
    let news = ServerBody::Presence {
        seat: Seat::White,
        connected,
    };
    assert!(seat.hear(frame(1, 0, news)).is_empty());
    assert!(matches!(
        seat.refuses(event(1, moved(1, "e2e4"))),
        Violation::OutOfPlace(_)
    ));
    let mut seat = Seated::after("");
    assert!(matches!(
        seat.refuses(whole(1, "")),
        Violation::OutOfPlace(_)
    ));
}

#[test]
fn offers_stand_until_they_are_answered_or_a_move_is_made() {
    let offer = |seq, seat, kind| {
        let clock = clock(None);
        let seat = Some(seat);
        event(1, (seq, protocol::WireEvent { seat, kind, clock }))
    };
    let standing = |seat: &Seated| seat.machine.view().unwrap().draw_offer();
    let mut seat = Seated::after("e2e4 e7e5");
    seat.hear(offer(3, Seat::Black, EventKind::DrawOffered));
    assert_eq!(standing(&seat), Some(Seat::Black));
    seat.hear(offer(4, Seat::White, EventKind::DrawDeclined));
    assert_eq!(standing(&seat), None);
    seat.hear(offer(5, Seat::White, EventKind::DrawOffered));
    let (_, moved) = moved(1, "g1f3");
    seat.hear(event(1, (6, moved)));
    assert_eq!(standing(&seat), None);
}
