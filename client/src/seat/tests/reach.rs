//! Clocks in view stand still while the shard is out of reach, and the player is told.

use game_core::Seat;
use protocol::{CatchUp, CloseCode, PAUSED_REPEATED_EVERY, ServerBody};

use crate::Standstill;
use crate::seat::{Loss, SeatTimes, Update};
use crate::testing::script::{clock, event, frame, joined, moved, seconds, whole};
use crate::testing::seated::Seated;

/// White to move with 60 s left, at a client that watches for packets.
fn watched() -> Seated {
    let mut seat = Seated::apart(SeatTimes::interactive());
    seat.connect();
    seat.hear(whole(1, "e2e4 e7e5"));
    seat
}

fn white_ms(seat: &Seated) -> u128 {
    let view = seat.machine.view().unwrap();
    view.remaining(Seat::White, seat.now).as_millis()
}

fn standstill(seat: &Seated) -> Option<Standstill> {
    seat.machine.view().unwrap().standstill()
}

fn after() -> std::time::Duration {
    SeatTimes::interactive().unresponsive_after.unwrap()
}

/// Packets come for ten seconds: acknowledgements of pings, and no frames.
fn packets(seat: &mut Seated) {
    for _ in 0..10 {
        assert!(seat.pass(seconds(1)).is_empty());
        seat.machine.packet(seat.now);
        assert!(seat.updates().is_empty());
    }
}

#[test]
fn the_clock_stands_still_within_two_seconds_of_the_last_packet_and_never_runs_on() {
    let mut seat = watched();
    packets(&mut seat);
    assert_eq!(white_ms(&seat), 50_000);
    assert!(after() < seconds(2));
    // The matchmaker is asked before.
    let asks_in = seat.machine.deadline().unwrap() - seat.now;
    assert!(asks_in < after());
    assert!(seat.pass(asks_in).is_empty());
    let stops_in = seat.machine.deadline().unwrap() - seat.now;
    assert_eq!(asks_in + stops_in, after());
    assert_eq!(seat.pass(stops_in), [Update::Unresponsive]);
    assert_eq!(standstill(&seat), Some(Standstill::Unresponsive));
    // As it stood when the shard was last heard, which is what the shard can have confirmed.
    assert_eq!(white_ms(&seat), 50_000);
    assert_eq!(seat.machine.view().unwrap().running(), None);
    assert!(seat.pass(seconds(30)).is_empty(), "it is told once");
    seat.machine.lost(Loss::Broken("gone".into()), seat.now);
    assert_eq!(
        seat.updates(),
        [Update::Reconnecting(Loss::Broken("gone".into()))]
    );
    assert_eq!(standstill(&seat), Some(Standstill::Reconnecting));
    for _ in 0..60 {
        seat.pass(seconds(1));
        assert_eq!(white_ms(&seat), 50_000);
    }
    seat.connect();
    assert_eq!(white_ms(&seat), 50_000);
    seat.hear(joined(2, 2, CatchUp::Events(Vec::new())));
    assert_eq!(standstill(&seat), None);
    seat.now += seconds(1);
    assert_eq!(white_ms(&seat), 59_000, "the shard's word counts");
}

#[test]
fn a_connection_that_comes_to_life_again_is_told_of_once() {
    let mut seat = watched();
    seat.pass(after());
    seat.now += seconds(1);
    seat.machine.packet(seat.now);
    assert_eq!(seat.updates(), [Update::Responsive]);
    assert_eq!(standstill(&seat), None);
    // Only the network was away as far as anyone knows, and the clock ran at the shard.
    assert_eq!(white_ms(&seat), 60_000 - 1_000 - after().as_millis());
    seat.machine.packet(seat.now);
    assert!(seat.updates().is_empty());
    seat.pass(after());
    let said = seat.hear(event(1, moved(3, "g1f3")));
    assert!(
        matches!(said[..], [Update::Event { .. }, Update::Responsive]),
        "{said:?}"
    );
}

#[test]
fn a_pause_that_a_silence_ends_with_began_with_it() {
    let mut seat = watched();
    packets(&mut seat);
    seat.pass(after());
    seat.now += seconds(3);
    assert_eq!(seat.hear(frame(1, 2, ServerBody::Paused)), [Update::Paused]);
    assert_eq!(standstill(&seat), Some(Standstill::Paused));
    assert_eq!(white_ms(&seat), 50_000);
    assert_eq!(seat.pass(after()), [Update::Unresponsive]);
    seat.pass(PAUSED_REPEATED_EVERY);
    assert_eq!(seat.hear(frame(1, 2, ServerBody::Paused)), []);
    assert_eq!(standstill(&seat), Some(Standstill::Paused));
    let running = clock(Some(Seat::White));
    assert_eq!(
        seat.hear(frame(1, 2, ServerBody::Clock(running))),
        [Update::Clock]
    );
    assert_eq!((standstill(&seat), white_ms(&seat)), (None, 60_000));
}

#[test]
fn where_nobody_watches_for_packets_the_clock_stands_once_the_connection_is_lost() {
    let mut seat = Seated::after("e2e4 e7e5");
    assert!(!seat.machine.wants_packets());
    assert!(seat.pass(seconds(10)).is_empty());
    seat.machine.lost(Loss::Broken("gone".into()), seat.now);
    seat.now += seconds(20);
    assert_eq!(white_ms(&seat), 50_000);
    assert_eq!(standstill(&seat), Some(Standstill::Reconnecting));
}

#[test]
fn a_seat_that_was_closed_shows_no_running_clock() {
    let mut seat = watched();
    seat.now += seconds(1);
    seat.hear(frame(1, 2, ServerBody::Closed(CloseCode::Superseded)));
    seat.now += seconds(5);
    assert_eq!(standstill(&seat), Some(Standstill::Closed));
    assert_eq!(white_ms(&seat), 59_000);
}

#[test]
fn a_command_that_waits_says_whether_it_was_sent() {
    let mut seat = watched();
    let id = seat.play(2, "g1f3");
    seat.now += seconds(1);
    let waiting = |seat: &Seated| seat.machine.waiting(id, seat.now);
    assert_eq!(waiting(&seat), Some((seconds(1), true)));
    seat.machine.lost(Loss::Silent, seat.now);
    let later = seat.play(2, "b1c3");
    assert_eq!(
        seat.machine.waiting(later, seat.now),
        Some((seconds(0), false))
    );
    seat.connect();
    seat.hear(joined(2, 2, CatchUp::Events(Vec::new())));
    seat.hear(crate::testing::script::ack(2, 3, id, 3));
    assert_eq!(waiting(&seat), None);
}
