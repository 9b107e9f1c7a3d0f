//! Whether the clocks in a log are what MATCH.md makes of them: each record beside the one before it.
//!
//! Exact to the microsecond where the log decides it: the clock of the side that is not to move, gifts, takebacks,
//! quotas, what no clock may exceed. How long a player thought, the log bounds by the owner's own clock, as long as
//! one owner wrote all of it; it began to count when the event before was confirmed. That clock steps back where a
//! silent store is noticed, to when it was last heard: an event stamped in between is stamped later than it counts.

use std::time::Duration;

use game_core::{
    BySeat, ClockStart, ClockState, Delay, Event, EventKind, MatchSetup, Seat, Termination,
    TimeControl,
};

use super::{Breach, Promise, Stored};

/// Everything that is wrong with the clocks of a log.
pub(super) fn check_clocks(stored: &Stored) -> Vec<Breach> {
    let mut line = ClockLine::new(stored);
    for (index, event) in stored.log.iter().enumerate() {
        line.add(event, stored.log.get(index + 1));
    }
    line.breaches
}

/// The clocks along the moves that stand.
struct ClockLine<'a> {
    stored: &'a Stored,
    /// After the event before.
    state: ClockState,
    /// The owner's clock at the event before; `None` before the first.
    at: Option<game_core::MatchTime>,
    /// What a takeback would set both clocks to, after each half-move that stands and beginning with ply 0: whole
    /// milliseconds, as the game keeps them.
    after: Vec<BySeat<Duration>>,
    /// The same now, with the gifts since the last move.
    shown: BySeat<Duration>,
    is_over: bool,
    breaches: Vec<Breach>,
}

/// What a clock may show.
struct Range {
    least: Duration,
    most: Duration,
}

impl<'a> ClockLine<'a> {
    fn new(stored: &'a Stored) -> Self {
        let setup = &stored.setup;
        let remaining = setup.controls.map(TimeControl::start);
        let quota = |seat: Seat| match setup.compensates(seat) {
            true => setup.controls[seat].lag_quota_start(),
            false => Duration::ZERO,
        };
        Self {
            stored,
            state: ClockState {
                remaining,
                quota: BySeat::new_with(quota),
                ..ClockState::default()
            },
            at: None,
            after: vec![remaining],
            shown: remaining,
            is_over: false,
            breaches: Vec::new(),
        }
    }

    fn setup(&self) -> &'a MatchSetup {
        &self.stored.setup
    }

    fn ply(&self) -> u16 {
        u16::try_from(self.after.len() - 1).unwrap_or(u16::MAX)
    }

    fn mover(&self) -> Seat {
        let first = self.setup().start.position().turn();
        if self.ply().is_multiple_of(2) {
            first
        } else {
            first.opponent()
        }
    }

    /// Whether the next move is timed, and a clock may run.
    fn is_timed(&self) -> bool {
        self.setup().clock_start == ClockStart::AtOnce || self.ply() >= 2
    }

    /// The most that can have been charged since the event before.
    fn elapsed_max(&self, event: &Event) -> Duration {
        match self.at {
            _ if self.is_over || !self.is_timed() => Duration::ZERO,
            _ if !self.stored.has_one_owner => Duration::MAX,
            Some(at) => event.at.since(at).saturating_add(self.stored.step_back_max),
            None => event.at.since(game_core::MatchTime::default()),
        }
    }

    fn breach(&mut self, promise: Promise, event: &Event, text: &str) {
        let text = format!(
            "match {}: {text} at event {}: {:?} after {:?}",
            self.setup().id,
            event.seq,
            event.clocks,
            self.state
        );
        self.breaches.push(Breach::stored(promise, text));
    }

    fn add(&mut self, event: &Event, next: Option<&Event>) {
        let mover = self.mover();
        match event.kind {
            EventKind::Moved { .. } => self.add_move(mover, event, next),
            EventKind::TakenBack { plies } => self.add_takeback(event, plies),
            EventKind::TimeGiven { seconds } => {
                let given = Duration::from_secs(seconds.into());
                let gift = event.seat.map(|by| (by.opponent(), given));
                self.add_in_mid_move(mover, event, gift);
                if let Some((to, given)) = gift {
                    self.shown[to] += given;
                }
            }
            _ => self.add_in_mid_move(mover, event, None),
        }
        if let EventKind::Ended { termination, .. } = event.kind {
            let is_flag = termination == Termination::TimeForfeit;
            if is_flag && !event.clocks.remaining[mover].is_zero() {
                self.breach(Promise::ClockCharged, event, "a flag fell with time left");
            }
            self.is_over = true;
        }
        self.state = event.clocks;
        self.at = Some(event.at);
    }

    /// The clock of a side that is not to move does not count.
    fn stands(&mut self, seat: Seat, gift: Duration, event: &Event) {
        if event.clocks.remaining[seat] != self.state.remaining[seat] + gift {
            self.breach(Promise::ClockCharged, event, "a clock that stands changed");
        }
    }

    fn within(&mut self, seat: Seat, range: &Range, event: &Event) {
        let now = event.clocks.remaining[seat];
        if now > range.most {
            let text = format!("{seat}'s clock above {:?}", range.most);
            self.breach(Promise::ClockRose, event, &text);
        } else if now < range.least {
            let text = format!("{seat}'s clock below {:?}", range.least);
            self.breach(Promise::ClockCharged, event, &text);
        }
    }

    fn add_in_mid_move(&mut self, mover: Seat, event: &Event, gift: Option<(Seat, Duration)>) {
        let elapsed = self.elapsed_max(event);
        let cost = elapsed.saturating_sub(self.delay_left(mover));
        let given = |seat| {
            let gift = gift.filter(|(to, _)| *to == seat);
            gift.map_or(Duration::ZERO, |(_, time)| time)
        };
        let before = self.state.remaining[mover];
        let overrun = self
            .state
            .overrun
            .saturating_add(cost.saturating_sub(before));
        let gained = given(mover);
        let range = Range {
            least: before.saturating_sub(cost) + gained.saturating_sub(overrun),
            most: before + gained,
        };
        self.within(mover, &range, event);
        self.stands(mover.opponent(), given(mover.opponent()), event);
        if event.clocks.quota != self.state.quota {
            self.breach(Promise::ClockRose, event, "a quota changed without a move");
        }
        let spent = event.clocks.spent;
        let spent_max = self.state.spent.saturating_add(elapsed);
        if spent < self.state.spent || spent > spent_max {
            self.breach(
                Promise::ClockCharged,
                event,
                "the time spent does not add up",
            );
        }
    }

    fn add_takeback(&mut self, event: &Event, plies: u8) {
        let stay = self.after.len().saturating_sub(plies.into()).max(1);
        self.after.truncate(stay);
        self.shown = self.after[stay - 1];
        let (remaining, quota) = (self.shown, self.state.quota);
        let expected = ClockState {
            remaining,
            quota,
            ..ClockState::default()
        };
        if event.clocks != expected {
            let text = format!("clocks that are not back at {remaining:?}");
            self.breach(Promise::ClockRewound, event, &text);
        }
    }

    fn add_move(&mut self, mover: Seat, event: &Event, next: Option<&Event>) {
        self.stands(mover.opponent(), Duration::ZERO, event);
        if event.clocks.quota[mover.opponent()] != self.state.quota[mover.opponent()] {
            self.breach(
                Promise::ClockRose,
                event,
                "the quota of the other side changed",
            );
        }
        if !event.clocks.spent.is_zero() || !event.clocks.overrun.is_zero() {
            self.breach(Promise::ClockCharged, event, "a move leaves time spent");
        }
        let earns = self.is_timed() && !next.is_some_and(ends_by_the_move);
        // A log that stops here may end with this move.
        let is_known = next.is_some() || !self.is_timed();
        let lag = self.compensation(mover, event, earns, is_known);
        let range = self.after_a_move(mover, event, earns, lag);
        let range = match is_known {
            true => range,
            false => Range {
                least: self.after_a_move(mover, event, false, lag).least,
                ..range
            },
        };
        self.within(mover, &range, event);
        let shown = event.clocks.remaining[mover].as_millis();
        self.shown[mover] = Duration::from_millis(u64::try_from(shown).unwrap_or(u64::MAX));
        self.after.push(self.shown);
    }

    /// The least and the most that a move was given for its lag, as the quota says.
    fn compensation(
        &mut self,
        mover: Seat,
        event: &Event,
        earns: bool,
        is_known: bool,
    ) -> (Duration, Duration) {
        let control = self.setup().controls[mover];
        let (before, after) = (self.state.quota[mover], event.clocks.quota[mover]);
        let most = control.lag_gain_max().min(before);
        if before.is_zero() || !earns || !is_known {
            let may_grow = !is_known && !before.is_zero();
            if after != before && !may_grow {
                self.breach(
                    Promise::ClockRose,
                    event,
                    "a quota that cannot change changed",
                );
            }
            return (Duration::ZERO, most);
        }
        let cap = control.lag_quota_max();
        let full = before + control.lag_gain_max();
        let given = full.saturating_sub(after);
        if after > cap || after > full || (after < cap && given > most) {
            self.breach(Promise::ClockRose, event, "a quota that no lag explains");
        }
        let least = if after < cap {
            given.min(most)
        } else {
            Duration::ZERO
        };
        (least, given.min(most))
    }

    /// What the clock of `mover` may show after its move, which is given at least and at most so much for its lag.
    fn after_a_move(
        &self,
        mover: Seat,
        event: &Event,
        earns: bool,
        (lag_least, lag_most): (Duration, Duration),
    ) -> Range {
        let control = self.setup().controls[mover];
        let made = self.ply() / 2;
        let stage = control.stage_at(made);
        let next = control.stage_ended_by(made + 1);
        let (mut earned, mut bronstein) = (Duration::ZERO, Duration::ZERO);
        if earns {
            earned = stage.increment + next.map_or(Duration::ZERO, |next| next.time);
            if let Delay::Bronstein(delay) = stage.delay {
                bronstein = delay;
            }
        }
        let (before, spent) = (self.state.remaining[mover], self.state.spent);
        let elapsed = self.elapsed_max(event);
        let cost = elapsed
            .saturating_sub(self.delay_left(mover))
            .saturating_add(self.state.overrun);
        let used = spent.saturating_add(elapsed).saturating_sub(lag_least);
        let left = before.saturating_add(lag_least).saturating_sub(cost);
        Range {
            least: left + earned + bronstein.min(used),
            // No more can be returned than was charged.
            most: before + earned + (lag_most + bronstein).min(spent),
        }
    }

    /// How long the clock of `mover` still stands, as the event before left it.
    fn delay_left(&self, mover: Seat) -> Duration {
        let stage = self.setup().controls[mover].stage_at(self.ply() / 2);
        match stage.delay {
            Delay::Simple(delay) => delay.saturating_sub(self.state.spent),
            Delay::None | Delay::Bronstein(_) => Duration::ZERO,
        }
    }
}

/// Whether this is the end of a match by the move before it.
fn ends_by_the_move(event: &Event) -> bool {
    let EventKind::Ended { termination, .. } = event.kind else {
        return false;
    };
    let with_claim = matches!(
        termination,
        Termination::ThreefoldRepetition | Termination::FiftyMoves
    );
    event.seat.is_none() && (with_claim || crate::soak::oracle::ends_with_a_move(termination))
}

#[cfg(test)]
mod tests {
    use game_core::testing::SetupBuilder;
    use game_core::{Command, CommandId, CommandKind, Match, MatchTime, Receipt};

    use super::super::Published;
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A match of people in which each of these happens, a second after the other, with 100 ms of lag. Time counts
    /// 200 ms after each event, as if it took so long to confirm it.
    fn stored(timed: &str, kinds: &[(Seat, &str)]) -> Stored {
        let control = TimeControl::from_spoken(timed).unwrap();
        let setup = SetupBuilder::new().people().time_control(control).build();
        let mut game = Match::new(setup.clone());
        game.attend();
        let mut log = Vec::new();
        for (number, &(seat, what)) in (1_u64..).zip(kinds) {
            let at = MatchTime::default() + ms(1_000 * number);
            let kind = match what {
                "gift" => CommandKind::GiveTime { seconds: 15 },
                "offer" => CommandKind::OfferTakeback,
                "accept" => CommandKind::AcceptTakeback,
                "resign" => CommandKind::Resign,
                uci => CommandKind::plain_move(game.position_seq(), uci.parse().unwrap()),
            };
            let receipt = Receipt {
                at,
                lag: ms(100),
                ..Receipt::default()
            };
            let id = CommandId(number);
            game.apply(seat, &Command { id, kind }, receipt, &mut log)
                .unwrap();
            game.start_clock(at + ms(200));
        }
        Stored {
            setup,
            log,
            published: Published::of(&game),
            time_is_plenty: false,
            has_one_owner: true,
            step_back_max: Duration::ZERO,
        }
    }

    const COURSE: [(Seat, &str); 12] = [
        (Seat::White, "e2e4"),
        (Seat::Black, "e7e5"),
        (Seat::White, "g1f3"),
        (Seat::Black, "b8c6"),
        (Seat::White, "gift"),
        (Seat::White, "f1c4"),
        (Seat::White, "offer"),
        (Seat::Black, "accept"),
        (Seat::White, "f1b5"),
        (Seat::Black, "gift"),
        (Seat::Black, "a7a6"),
        (Seat::Black, "resign"),
    ];

    /// Changes the clocks of record `seq`, and those that stand after it; returns what is found.
    fn found(timed: &str, seq: u32, change: impl Fn(&mut ClockState)) -> Vec<Promise> {
        let mut stored = stored(timed, &COURSE);
        let event = stored.log.iter_mut().find(|event| event.seq == seq);
        change(&mut event.unwrap().clocks);
        let breaches = check_clocks(&stored);
        breaches.into_iter().map(|breach| breach.promise).collect()
    }

    #[test]
    fn the_clocks_of_a_right_log_break_nothing() {
        for timed in ["1+0", "3+2", "3+0d2", "3+0b2", "2/1+1,5+2", "90+30"] {
            assert_eq!(check_clocks(&stored(timed, &COURSE)), [], "{timed}");
            let mut other = stored(timed, &COURSE);
            other.has_one_owner = false;
            assert_eq!(check_clocks(&other), [], "{timed}, owners");
        }
    }

    #[test]
    fn a_move_that_is_charged_more_than_passed_or_less_than_nothing() {
        for timed in ["3+2", "3+0d2", "3+0b2"] {
            let charged = found(timed, 3, |clocks| clocks.remaining.white -= ms(1_500));
            assert!(charged.contains(&Promise::ClockCharged), "{timed}");
            let rose = found(timed, 3, |clocks| clocks.remaining.white += ms(1_500));
            assert!(rose.contains(&Promise::ClockRose), "{timed}");
        }
    }

    #[test]
    fn an_event_stamped_before_the_silence_of_the_store_was_noticed() {
        let mut stored = stored("3+2", &COURSE);
        for event in &mut stored.log[..2] {
            event.at = game_core::MatchTime::from_micros(event.at.as_micros() + 700_000);
        }
        let charged = check_clocks(&stored);
        assert!(
            charged
                .iter()
                .any(|breach| breach.promise == Promise::ClockCharged)
        );
        stored.step_back_max = Duration::from_secs(1);
        assert_eq!(check_clocks(&stored), []);
    }

    #[test]
    fn a_clock_that_stands_and_changes() {
        let changed = found("3+2", 3, |clocks| clocks.remaining.black -= ms(1));
        assert!(changed.contains(&Promise::ClockCharged));
    }

    #[test]
    fn a_gift_of_another_size() {
        let lost = found("3+2", 5, |clocks| clocks.remaining.black -= ms(15_000));
        assert!(lost.contains(&Promise::ClockCharged));
        let more = found("3+2", 10, |clocks| clocks.remaining.white += ms(1));
        assert!(more.contains(&Promise::ClockCharged));
    }

    #[test]
    fn a_takeback_that_leaves_the_clocks_elsewhere() {
        for change in [
            (|clocks: &mut ClockState| clocks.remaining.white -= ms(1)) as fn(&mut ClockState),
            |clocks| clocks.remaining.black -= ms(15_000),
            |clocks| clocks.quota.white += ms(1),
            |clocks| clocks.spent = ms(1),
        ] {
            assert!(found("3+2", 8, change).contains(&Promise::ClockRewound));
        }
    }

    #[test]
    fn a_quota_that_no_lag_explains() {
        // Of 3+2 a move earns 1 s at most (MATCH.md, "lag compensation"), and gives back 100 ms here.
        for change in [ms(3_901), ms(4_001), ms(1)] {
            let rose = found("3+2", 3, |clocks| clocks.quota.white = change);
            assert!(rose.contains(&Promise::ClockRose), "{change:?}");
        }
        let rose = found("3+2", 5, |clocks| clocks.quota.white += ms(1));
        assert!(rose.contains(&Promise::ClockRose), "without a move");
    }

    #[test]
    fn a_stage_whose_time_is_lost() {
        let lost = found("2/1+1,5+2", 4, |clocks| {
            clocks.remaining.black -= ms(300_000)
        });
        assert!(lost.contains(&Promise::ClockCharged));
    }

    #[test]
    fn a_flag_that_falls_with_time_left() {
        let mut stored = stored("3+2", &COURSE);
        let end = stored.log.last_mut().unwrap();
        let EventKind::Ended { termination, .. } = &mut end.kind else {
            panic!("{end:?}");
        };
        *termination = Termination::TimeForfeit;
        let found = check_clocks(&stored);
        assert!(
            found
                .iter()
                .any(|breach| breach.promise == Promise::ClockCharged)
        );
    }
}
