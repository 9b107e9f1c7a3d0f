//! What a seat does when the shard is silent, gone or closing.

use game_core::{CommandKind, Outcome, Refusal, Seat, Termination};
use protocol::{CatchUp, ClientFrame, CloseCode, PAUSED_REPEATED_EVERY, ServerBody, WireRefusal};

use super::script::{ack, clock, ended, event, frame, joined, moved, seconds, whole};
use super::seated::{Seated, move_of};
use crate::seat::{CommandError, Loss, SeatTimes, Update};

#[test]
fn an_owner_of_old_is_left_for_the_new_one() {
    let mut seat = Seated::after("e2e4");
    seat.hear(event(3, moved(2, "e7e5")));
    seat.machine.lost(Loss::Silent, seat.now);
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
    seat.machine.lost(Loss::Broken("gone".into()), seat.now);
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
    let answer_max = SeatTimes::default().answer_max;
    assert_eq!(
        seat.pass(answer_max),
        [Update::Reconnecting(Loss::NoAnswer)]
    );
    let mut seat = Seated::after("");
    assert_eq!(seat.machine.deadline(), None);
    assert!(seat.pass(seconds(1_000)).is_empty());
    seat.play(0, "e2e4");
    assert!(seat.pass(answer_max - seconds(1)).is_empty());
    assert_eq!(
        seat.pass(seconds(1)),
        [Update::Reconnecting(Loss::NoAnswer)]
    );
}

#[test]
fn a_join_that_is_held_for_want_of_a_store_is_waited_for() {
    let mut seat = Seated::apart(SeatTimes::default());
    seat.connect();
    for _ in 0..100 {
        assert!(seat.hear(frame(0, 0, ServerBody::Paused)).is_empty());
        assert!(seat.pass(PAUSED_REPEATED_EVERY).is_empty());
    }
    assert_eq!(seat.hear(whole(1, "")), [Update::Joined { again: false }]);
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
    for _ in 0..30 {
        assert!(seat.pass(PAUSED_REPEATED_EVERY).is_empty());
        assert_eq!(
            seat.hear(frame(1, 2, ServerBody::Paused)),
            [],
            "it is known"
        );
    }
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
fn a_shard_that_stops_saying_that_play_is_paused_is_gone() {
    let mut seat = Seated::after("e2e4 e7e5");
    seat.hear(frame(1, 2, ServerBody::Paused));
    assert!(seat.pass(2 * PAUSED_REPEATED_EVERY).is_empty());
    assert_eq!(
        seat.pass(PAUSED_REPEATED_EVERY),
        [Update::Reconnecting(Loss::Silent)]
    );
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
    seat.machine.lost(Loss::Silent, seat.now);
    assert_eq!(seat.updates(), [Update::Closed(CloseCode::Done)]);
    // An acknowledgement that is still owed is asked for.
    let mut seat = Seated::after("e2e4 e7e5");
    seat.machine.command(CommandKind::Resign, seat.now).unwrap();
    seat.hear(event(
        1,
        ended(3, Outcome::BlackWins, Termination::Resignation),
    ));
    seat.machine.lost(Loss::Silent, seat.now);
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
