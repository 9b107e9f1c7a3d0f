//! A machine under test, and the time.

use std::time::{Duration, Instant};

use game_core::{CommandId, CommandKind};
use protocol::{ClientFrame, Received, ServerFrame, UnixMicros};

use super::script::{match_id, uci, untimed, whole};
use crate::Violation;
use crate::seat::{SeatMachine, SeatTimes, Update};

/// A machine and the time.
pub struct Seated {
    pub machine: SeatMachine,
    pub now: Instant,
}

pub const FIRST: CommandId = CommandId(100);

impl Seated {
    pub fn apart(times: SeatTimes) -> Self {
        let now = Instant::now();
        let machine = SeatMachine::new(match_id(), times, FIRST, now);
        Self { machine, now }
    }

    /// White in a match of epoch 1 in which `moves` were made.
    pub fn after(moves: &str) -> Self {
        let mut seated = Self::apart(SeatTimes::default());
        seated.connect();
        assert_eq!(
            seated.hear(whole(1, moves)),
            [Update::Joined { again: false }]
        );
        seated
    }

    /// Hears a frame that left the shard at `time`.
    pub fn hear_at(&mut self, time: UnixMicros, frame: ServerFrame) -> Vec<Update> {
        self.machine
            .frame(Received { time, frame }, self.now)
            .unwrap();
        self.updates()
    }

    /// Opens a stream; returns what the `Join` says was seen.
    pub fn connect(&mut self) -> Option<u32> {
        self.machine.connected("token".into(), self.now);
        match self.machine.poll_output() {
            Some(ClientFrame::Join(join)) => {
                assert_eq!((join.match_id, join.token.as_str()), (match_id(), "token"));
                join.seen
            }
            other => panic!("not a Join: {other:?}"),
        }
    }

    pub fn try_hear(&mut self, frame: ServerFrame) -> Result<Vec<Update>, Violation> {
        self.machine.frame(untimed(frame), self.now)?;
        Ok(self.updates())
    }

    pub fn hear(&mut self, frame: ServerFrame) -> Vec<Update> {
        self.try_hear(frame).unwrap()
    }

    pub fn refuses(&mut self, frame: ServerFrame) -> Violation {
        self.try_hear(frame).unwrap_err()
    }

    pub fn updates(&mut self) -> Vec<Update> {
        std::iter::from_fn(|| self.machine.poll_update()).collect()
    }

    pub fn sends(&mut self) -> Vec<ClientFrame> {
        std::iter::from_fn(|| self.machine.poll_output()).collect()
    }

    /// Plays in the position that event `seq` made, of which each is a move.
    pub fn play(&mut self, seq: u32, text: &str) -> CommandId {
        self.machine.command(move_of(seq, text), self.now).unwrap()
    }

    pub fn pass(&mut self, time: Duration) -> Vec<Update> {
        self.now += time;
        self.machine.due(self.now);
        self.updates()
    }

    pub fn moves(&self) -> Vec<String> {
        let view = self.machine.view().unwrap();
        view.moves().iter().map(ToString::to_string).collect()
    }
}

pub fn move_of(seq: u32, text: &str) -> CommandKind {
    CommandKind::plain_move(seq, uci(text))
}
