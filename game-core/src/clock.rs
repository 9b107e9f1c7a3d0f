//! The two clocks of a match.

use std::time::Duration;

use crate::{BySeat, MatchTime, Seat, TimeControl};

/// What a record says of the clocks: all that another owner needs to continue them exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ClockState {
    /// What each side has left, which is what its clock shows.
    pub remaining: BySeat<Duration>,
    /// The lag compensation that each side may still be given, in whole milliseconds. Zero, and only
    /// then, for a side whose lag is never compensated.
    pub quota: BySeat<Duration>,
    /// The time that has counted for the move under way: a delay ends, and is given back, by it.
    pub spent: Duration,
    /// The time that the move under way has used beyond what its side had left, in the grace in which its
    /// clock stands at zero and its flag has not fallen. The compensation of its move must exceed it.
    pub overrun: Duration,
}

impl ClockState {
    /// Upper bound on a quota: that of the slowest control.
    const QUOTA_MAX: Duration = Duration::from_secs(7);

    /// Whether a clock can have this state: no time is above 49 days, quotas are whole milliseconds,
    /// other times whole microseconds, and the grace is in proportion to the quotas.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let in_micros =
            |time: Duration| time <= Clock::MAX && time.subsec_nanos().is_multiple_of(1_000);
        let in_millis = |quota: Duration| {
            quota <= Self::QUOTA_MAX && quota.subsec_nanos().is_multiple_of(1_000_000)
        };
        let BySeat { white, black } = self.quota;
        in_micros(self.remaining.white)
            && in_micros(self.remaining.black)
            && in_millis(white)
            && in_millis(black)
            && in_micros(self.spent)
            && in_micros(self.overrun)
            && self.overrun <= grace(white.max(black))
    }
}

/// How long after zero a flag falls: within this time a move may arrive that was made before zero.
fn grace(quota: Duration) -> Duration {
    quota.min(Clock::GRACE_MAX)
}

/// Both sides' remaining time, to the microsecond, and which side's is counting down.
///
/// At most one side's clock counts (FIDE 6.2). Stopping it charges nothing: the time that has passed is
/// charged by [`charge_until`](Self::charge_until), so every event can record both clocks. Charging a
/// move in pieces costs the same as charging it at once, also where a [state](Self::state) was passed to
/// another owner in between.
///
/// Controls and the moves that each side has made are arguments, as the match has them already.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// As of when time was last charged.
    state: ClockState,
    /// The simple delay of each side's next move: until it has passed, the clock stands.
    standing: BySeat<Duration>,
    /// The seat whose clock counts, and since when its time is not charged yet.
    running: Option<(Seat, MatchTime)>,
}

impl Clock {
    /// Upper bound on what a clock shows: the most that 32 bits of milliseconds hold, about 49 days.
    pub(crate) const MAX: Duration = Duration::from_millis(u32::MAX as u64);
    /// Upper bound on the grace after zero.
    const GRACE_MAX: Duration = Duration::from_secs(2);

    /// The stopped clocks at the start of a match. `compensated` are the seats whose lag is compensated.
    pub(crate) fn new(controls: &BySeat<TimeControl>, compensated: BySeat<bool>) -> Self {
        let quota = |seat| match compensated[seat] {
            true => controls[seat].lag_quota_start(),
            false => Duration::ZERO,
        };
        Self {
            state: ClockState {
                remaining: controls.map(TimeControl::start),
                quota: BySeat::new_with(quota),
                spent: Duration::ZERO,
                overrun: Duration::ZERO,
            },
            standing: controls.map(|control| control.delay().standing()),
            running: None,
        }
    }

    /// What both clocks show at `now`. During a simple delay a clock stands, and after zero it shows
    /// zero.
    pub(crate) fn shown(&self, now: MatchTime) -> BySeat<Duration> {
        let mut later = self.clone();
        later.charge_until(now);
        later.state.remaining
    }

    /// What both sides had left when time was last charged.
    pub(crate) const fn remaining(&self) -> BySeat<Duration> {
        self.state.remaining
    }

    /// The time that has counted for the move under way by `now`, under former owners too.
    pub(crate) fn spent(&self, now: MatchTime) -> Duration {
        let uncharged = self.running.map(|(_, since)| now.since(since));
        let spent = self.state.spent;
        spent.saturating_add(uncharged.unwrap_or_default())
    }

    /// For how long the clock of `seat` still stands at `now`, as its simple delay has not passed.
    pub(crate) fn delay_left(&self, seat: Seat, now: MatchTime) -> Duration {
        self.standing[seat].saturating_sub(self.spent(now))
    }

    /// The time that has counted for the move under way since time was last charged.
    pub(crate) fn uncharged(&self, now: MatchTime) -> Duration {
        let uncharged = self.running.map(|(_, since)| now.since(since));
        uncharged.unwrap_or_default()
    }

    /// What a record of an event says, if all time up to it was charged.
    pub(crate) const fn state(&self) -> ClockState {
        self.state
    }

    /// The seat whose clock counts.
    pub(crate) fn running(&self) -> Option<Seat> {
        self.running.map(|(seat, _)| seat)
    }

    /// When the flag of the running clock falls (FIDE 6.8): at zero, which a simple delay puts off, and
    /// after the grace that the quota for lag compensation allows.
    pub(crate) fn flag_at(&self) -> Option<MatchTime> {
        self.running.map(|(seat, since)| {
            let delay_left = self.standing[seat].saturating_sub(self.state.spent);
            let grace = grace(self.state.quota[seat]);
            let grace_left = grace.saturating_sub(self.state.overrun);
            since + delay_left + self.state.remaining[seat] + grace_left
        })
    }

    /// Whether the flag of `seat` has fallen before a move of it that was received at `now`, as the time
    /// it used, less its lag compensation, is all that was left. To be asked before the move is made,
    /// after [`flag_at`](Self::flag_at); then the match ends by time in place of the move.
    ///
    /// The grace only delays the server's decision until a move may have arrived. It adds no time: a move
    /// in the grace counts only if its own lag explains its lateness.
    pub(crate) fn is_too_late(
        &self,
        seat: Seat,
        now: MatchTime,
        lag: Duration,
        control: &TimeControl,
    ) -> bool {
        if self.uncharged(now) < self.state.remaining[seat] {
            return false;
        }
        let mut later = self.clone();
        later.charge_until(now);
        let left =
            later.state.remaining[seat].saturating_add(later.compensation(seat, lag, control));
        left <= later.state.overrun
    }

    /// Starts the clock of `seat` at `now`.
    pub(crate) const fn start(&mut self, seat: Seat, now: MatchTime) {
        self.running = Some((seat, now));
    }

    /// Stops the running clock. Time that was not charged before is charged to nobody.
    pub(crate) const fn stop(&mut self) {
        self.running = None;
    }

    /// Charges the time that has passed up to `now`, without compensation, for events in mid-move; a
    /// running clock keeps running.
    pub(crate) fn charge_until(&mut self, now: MatchTime) {
        if let Some((seat, since)) = self.running {
            self.charge(seat, now.since(since));
            // `now` may lie before the time already charged, if the owner finds that its clock stood
            // still. That time must not be charged again.
            self.running = Some((seat, now.max(since)));
        }
    }

    /// Charges `seat` time that counted for its move under way, such as under a former owner.
    pub(crate) fn charge(&mut self, seat: Seat, counted: Duration) {
        let state = &mut self.state;
        let delay_left = self.standing[seat].saturating_sub(state.spent);
        // As much as a record can say, which is far beyond every delay.
        state.spent = state.spent.saturating_add(counted).min(Self::MAX);
        let cost = counted.saturating_sub(delay_left);
        let beyond = cost.saturating_sub(state.remaining[seat]);
        state.remaining[seat] = state.remaining[seat].saturating_sub(cost);
        // Where the flag has fallen it does not matter by how much.
        let grace = grace(state.quota[seat]);
        state.overrun = state.overrun.saturating_add(beyond).min(grace);
    }

    /// Charges a move of `seat` that was received at `now`, and stops the clock. The move is the first
    /// after `moves_before` of this side.
    ///
    /// `lag` is how late the move probably arrived; as much of it as the rule allows is compensated.
    /// Unless the move ends the match or is untimed (`earns_increment` is false), then the increment is
    /// added, a Bronstein delay is given back, and the time of the next stage is added if this was the
    /// last move of its stage. The increment and delay are those of the stage of the move. The quota
    /// grows with each move that earns its increment.
    pub(crate) fn move_made(
        &mut self,
        seat: Seat,
        now: MatchTime,
        lag: Duration,
        control: &TimeControl,
        moves_before: u16,
        earns_increment: bool,
    ) {
        self.charge_until(now);
        self.stop();
        let compensation = self.compensation(seat, lag, control);
        let state = &mut self.state;
        let used = state.spent.saturating_sub(compensation);
        let mut remaining = state.remaining[seat]
            .saturating_add(compensation)
            .saturating_sub(state.overrun);
        state.spent = Duration::ZERO;
        state.overrun = Duration::ZERO;
        let moves = moves_before.saturating_add(1);
        if earns_increment {
            let stage = control.stage_at(moves_before);
            let next = control.stage_ended_by(moves);
            remaining = remaining
                .saturating_add(stage.increment)
                .saturating_add(stage.delay.given_back(used))
                .saturating_add(next.map_or(Duration::ZERO, |stage| stage.time));
            state.quota[seat] = next_quota(state.quota[seat], compensation, control);
        }
        state.remaining[seat] = remaining.min(Self::MAX);
        self.standing[seat] = control.stage_at(moves).delay.standing();
    }

    /// What the move under way may be given for its lag, in whole milliseconds: at most what it has
    /// cost.
    fn compensation(&self, seat: Seat, lag: Duration, control: &TimeControl) -> Duration {
        if self.state.quota[seat].is_zero() {
            return Duration::ZERO;
        }
        let cost = self.state.spent.saturating_sub(self.standing[seat]);
        let compensation = lag
            .min(control.lag_gain_max())
            .min(self.state.quota[seat])
            .min(cost);
        // At most a second.
        Duration::from_millis(compensation.as_millis() as u64)
    }

    /// Adds time that the opponent of `seat` gives, as far as a clock can show it.
    pub(crate) fn give(&mut self, seat: Seat, time: Duration) {
        let state = &mut self.state;
        let mut time = time;
        if state.remaining[seat].is_zero() {
            // In the grace it first pays for what was used beyond zero.
            let paid = time.min(state.overrun);
            state.overrun -= paid;
            time -= paid;
        }
        let remaining = state.remaining[seat].saturating_add(time);
        state.remaining[seat] = remaining.min(Self::MAX);
    }

    /// Sets the clock of a seat, which goes on as it did. Of the side to move, what it used beyond zero is forgiven.
    pub(crate) fn set_remaining(&mut self, seat: Seat, remaining: Duration, is_to_move: bool) {
        self.state.remaining[seat] = remaining.min(Self::MAX);
        if is_to_move {
            self.state.overrun = Duration::ZERO;
        }
    }

    /// Sets both clocks from a record, and stops them. `moves` is what each side has made by then.
    pub(crate) fn set(
        &mut self,
        state: ClockState,
        controls: &BySeat<TimeControl>,
        moves: BySeat<u16>,
    ) {
        self.state = state;
        self.standing =
            BySeat::new_with(|seat| controls[seat].stage_at(moves[seat]).delay.standing());
        self.running = None;
    }

    /// Sets both clocks back by a takeback, to `remaining` when each side had made `moves`, and stops
    /// them. Quotas stay as they are, as lag is of the connection and not of the moves.
    pub(crate) fn rewind(
        &mut self,
        remaining: BySeat<Duration>,
        controls: &BySeat<TimeControl>,
        moves: BySeat<u16>,
    ) {
        let state = ClockState {
            remaining,
            quota: self.state.quota,
            ..ClockState::default()
        };
        self.set(state, controls, moves);
    }
}

/// The quota after a move: each move earns the most for one, and pays what it was given. A seat without
/// compensation has 0 and stays there; one with compensation never falls to 0, as no move is given more
/// than each earns.
fn next_quota(quota: Duration, compensation: Duration, control: &TimeControl) -> Duration {
    if quota.is_zero() {
        return quota;
    }
    quota
        .saturating_add(control.lag_gain_max())
        .saturating_sub(compensation)
        .min(control.lag_quota_max())
}

#[cfg(test)]
mod tests;
