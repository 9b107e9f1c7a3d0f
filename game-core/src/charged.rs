//! How much time each move took, as far as the clocks show it.

use std::time::Duration;

use crate::{BySeat, ClockStart, Match, Seat, TimeControl};

impl Match {
    /// The time that the mover's clock was charged for each move that stands; `None` for an untimed first move.
    ///
    /// It is what the clock lost, the increment and the time of a new stage left out: lag that was compensated, the part
    /// of a delay that was not used up, and time that the opponent gave meanwhile are not in it.
    #[must_use]
    pub fn charged_times(&self) -> Vec<Option<Duration>> {
        let setup = self.setup();
        let mut before = setup.controls.map(TimeControl::start);
        let mut made = BySeat::<u16>::default();
        let mut mover = setup.start.position().turn();
        let untimed = match setup.clock_start {
            ClockStart::AfterFirstMoves => usize::from(Self::FIRST_PLIES),
            ClockStart::AtOnce => 0,
        };
        let times = self.moves().enumerate().map(|(ply, (_, after))| {
            let seat = mover;
            mover = mover.opponent();
            made[seat] += 1;
            let is_timed = ply >= untimed;
            // Neither an untimed move nor one that ends the match earns anything.
            let ends = ply + 1 == usize::from(self.ply()) && self.verdict().is_some();
            let added = if is_timed && !ends {
                self.added_by_move(seat, made[seat])
            } else {
                Duration::ZERO
            };
            let left = after.saturating_sub(added);
            let charged = std::mem::replace(&mut before[seat], after).saturating_sub(left);
            is_timed.then_some(charged)
        });
        times.collect()
    }

    /// What a clock gains when its side has made `moves`: the increment of the move, and the time of a stage that begins.
    fn added_by_move(&self, seat: Seat, moves: u16) -> Duration {
        let control = self.setup().controls[seat];
        let increment = control.stage_at(moves - 1).increment;
        let stage = control.stage_ended_by(moves);
        increment + stage.map_or(Duration::ZERO, |stage| stage.time)
    }
}
