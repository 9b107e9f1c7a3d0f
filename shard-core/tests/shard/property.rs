//! Whatever peers and store do, in whatever order: nothing unconfirmed is shown, and what is shown is
//! a prefix of the log.

use game_core::{ClockStart, CommandKind, Match, MatchId, WithMove};
use proptest::prelude::*;
use protocol::{CatchUp, Role, ServerBody, ServerFrame};
use store::StoreError;

use crate::room::Room;

#[derive(Debug, Clone)]
enum Step {
    /// The seat makes its n-th legal move, for the position that was last confirmed or beyond it.
    Move {
        white: bool,
        choice: usize,
        ahead: bool,
    },
    Offer {
        white: bool,
    },
    Accept {
        white: bool,
    },
    Join {
        role: u8,
        seen: Option<u32>,
    },
    Leave {
        white: bool,
    },
    StoreAll,
    LoseTheAnswer,
    Refuse,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), 0..100_usize, any::<bool>())
            .prop_map(|(white, choice, ahead)| Step::Move { white, choice, ahead }),
        1 => any::<bool>().prop_map(|white| Step::Offer { white }),
        1 => any::<bool>().prop_map(|white| Step::Accept { white }),
        2 => (0..3_u8, proptest::option::of(0..20_u32))
            .prop_map(|(role, seen)| Step::Join { role, seen }),
        1 => any::<bool>().prop_map(|white| Step::Leave { white }),
        6 => Just(Step::StoreAll),
        1 => Just(Step::LoseTheAnswer),
        1 => Just(Step::Refuse),
        2 => (1..2_000_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn what_is_shown_is_confirmed(steps in proptest::collection::vec(step(), 1..120)) {
        let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
        let mut seats = [white, black];
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Move { white, choice, ahead } => {
                    let game = game(&room, id, ahead);
                    let legal = game.legal_moves();
                    if !legal.is_empty() {
                        let kind = CommandKind::Move {
                            position_seq: game.position_seq(),
                            uci: legal[choice % legal.len()],
                            with: if choice % 7 == 0 {
                                WithMove::DrawOffer
                            } else {
                                WithMove::Nothing
                            },
                        };
                        room.command(seats[usize::from(!white)], n as u64, kind);
                    }
                }
                Step::Offer { white } => {
                    room.command(seats[usize::from(!white)], n as u64, CommandKind::OfferDraw);
                }
                Step::Accept { white } => {
                    room.command(seats[usize::from(!white)], n as u64, CommandKind::AcceptDraw);
                }
                Step::Join { role, seen } => {
                    let role = [Role::White, Role::Black, Role::Spectator][usize::from(role)];
                    let peer = room.join(id, role, seen);
                    if let Some(seat) = role.seat() {
                        seats[seat as usize] = peer;
                    }
                }
                Step::Leave { white } => {
                    room.shard.leave(seats[usize::from(!white)]);
                    room.advance();
                }
                Step::StoreAll if room.in_flight.is_some() => room.store_all(),
                Step::LoseTheAnswer if room.in_flight.is_some() => {
                    room.store_and_lose_the_answer();
                }
                Step::Refuse if room.in_flight.is_some() => {
                    room.answer(Err(StoreError::Unavailable("down".to_owned())));
                }
                Step::Pass(ms) => room.pass(ms),
                Step::StoreAll | Step::LoseTheAnswer | Step::Refuse => {}
            }
            let stored = room.store[&id].log().len() as u32;
            for received in room.received.values() {
                for frame in &received.frames {
                    check(frame, stored);
                }
            }
        }
    }
}

/// No frame speaks of more than the log holds.
fn check(frame: &ServerFrame, stored: u32) {
    assert!(
        frame.seq <= stored,
        "{frame:?} with {stored} events in the log"
    );
    match &frame.body {
        ServerBody::Ack { event, .. } => assert!(*event <= stored),
        ServerBody::Joined(joined) => match &joined.catch_up {
            CatchUp::State(state) => assert!(state.moves.len() as u32 <= stored),
            CatchUp::Events(events) => assert!(events.iter().all(|&(seq, _)| seq <= stored)),
        },
        _ => {}
    }
}

/// The match as the log has it, or, looking `ahead`, as the batch in flight will have it.
fn game(room: &Room, id: MatchId, ahead: bool) -> Match {
    let stored = &room.store[&id];
    let mut events = stored.log();
    if let (true, Some(batch)) = (ahead, &room.in_flight) {
        let len = events.len();
        for append in batch.iter().filter(|append| append.after as usize == len) {
            let records = append.records.iter();
            events.extend(records.map(|bytes| store::codec::decode_record(bytes).unwrap()));
        }
    }
    Match::restore(stored.first_snapshot(), &events).unwrap()
}
