//! Time controls: stages, increments and delays, and what follows from them.

use std::num::NonZeroU16;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a time control is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimeControl {
    /// The initial time, or the time that a stage adds, is above [`TimeControl::INITIAL_MAX`].
    #[error("the initial time must be 0 to 3 hours, and so the time of each stage")]
    Initial,
    /// An increment is above [`TimeControl::INCREMENT_MAX`].
    #[error("the increment must be 0 to 180 seconds")]
    Increment,
    /// A delay is above [`TimeControl::DELAY_MAX`].
    #[error("the delay must be 0 to 180 seconds")]
    Delay,
    /// The times of a stage are all zero.
    #[error("initial time and increment cannot both be zero without a delay")]
    Zero,
    /// A time is not in whole milliseconds.
    #[error("times are in whole milliseconds")]
    Fraction,
    /// No stage, or more than [`TimeControl::STAGES_MAX`].
    #[error("a time control has one to three stages")]
    Stages,
    /// A stage that is followed by another has no number of moves, or one outside of
    /// [`TimeControl::STAGE_MOVES`].
    #[error("each stage before the last has 2 to 600 moves")]
    StageMoves,
    /// The last stage has a number of moves, which means in PGN that it repeats for ever.
    #[error("the last stage is for the rest of the match, so it has no number of moves")]
    Repeating,
    /// `delay` without `delay_ms`, or the other way round.
    #[error("delay (simple or bronstein) and delay_ms (above 0) belong together")]
    DelayKind,
    /// There are neither stages nor both of `initial_ms` and `increment_ms`.
    #[error("a time control has initial_ms and increment_ms, or stages")]
    Incomplete,
    /// The values beside `stages` are not those of the first stage.
    #[error("what stands beside stages must be as in the first stage")]
    Contradiction,
    /// The text is not as the PGN standard writes time controls.
    #[error(
        "a time control is written SECONDS+INCREMENT, for example 180+2, \
         and stages as 40/5400+30:1800+30"
    )]
    Syntax,
    /// `?` in PGN.
    #[error("the time control is not known")]
    Unknown,
    /// `-` in PGN.
    #[error("the game had no time control")]
    Untimed,
    /// `*SECONDS` in PGN.
    #[error("a match cannot be timed by a sandclock")]
    Sandclock,
    /// The text is not as players write time controls.
    #[error(
        "a time control is minutes + seconds, for example 5+3; 300s+3 gives the first in seconds, \
         5+3d2 has a delay of 2 seconds (b2: Bronstein), 40/90+30,30+30 has two stages"
    )]
    Spoken,
    /// More minutes than a match may have, probably meant as seconds.
    #[error("{0}+… is {0} minutes, and the most is 180; {0} seconds are written {0}s+…")]
    Minutes(u64),
}

/// Time at the start of each move that costs the mover nothing.
///
/// FIDE describes it as a fixed extra time for each move: the main time is used only after the fixed
/// time has passed, and is not changed by a move made within it. The two kinds cost the same, and differ
/// in what the clock shows, and in that a Bronstein delay comes out of the main time until the move is
/// made: a clock with 3 s left and a delay of 5 s falls after 8 s if the delay is simple, after 3 s if
/// it is Bronstein's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Delay {
    /// Every moment counts.
    #[default]
    None,
    /// The clock stands still for this long, then counts down (US Chess 5F2).
    Simple(Duration),
    /// The clock counts down at once; with the move, the time used is given back, at most this much.
    Bronstein(Duration),
}

impl Delay {
    /// How long it is; zero for none.
    #[must_use]
    pub const fn duration(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Simple(delay) | Self::Bronstein(delay) => delay,
        }
    }

    /// How long the clock stands still at the start of a move.
    pub(crate) const fn standing(self) -> Duration {
        match self {
            Self::Simple(delay) => delay,
            Self::None | Self::Bronstein(_) => Duration::ZERO,
        }
    }

    /// What is given back for a move that used `used`.
    pub(crate) fn given_back(self, used: Duration) -> Duration {
        match self {
            Self::Bronstein(delay) => delay.min(used),
            Self::None | Self::Simple(_) => Duration::ZERO,
        }
    }
}

/// One stage of a time control. Times are whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stage {
    /// How many moves a side makes in it; `None` for the last stage, which has no end.
    pub moves: Option<u16>,
    /// The time that it adds to the clock: at the start of the match, or when the last move of the
    /// stage before is made.
    pub time: Duration,
    /// The Fischer increment, added after each of its moves (FIDE 6.3.2).
    pub increment: Duration,
    /// The delay of each of its moves.
    pub delay: Delay,
}

/// How much time a side has: one to three stages, of which most controls have one.
///
/// Times are whole milliseconds, so that every control has an exact form in JSON, on the wire, in PGN
/// ([`Display`](std::fmt::Display), [`FromStr`](std::str::FromStr)) and as players write it
/// ([`spoken`](Self::spoken)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeControl {
    /// The stages up to the first without a number of moves; those behind it are `Packed::UNUSED`.
    stages: [Packed; Self::STAGES_MAX],
}

// Two stay with every live match.
const _: () = assert!(size_of::<TimeControl>() <= 64);

/// A [`Stage`] in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Packed {
    time_ms: u32,
    increment_ms: u32,
    delay_ms: u32,
    moves: Option<NonZeroU16>,
    is_bronstein: bool,
}

impl Packed {
    const UNUSED: Self = Self {
        time_ms: 0,
        increment_ms: 0,
        delay_ms: 0,
        moves: None,
        is_bronstein: false,
    };

    /// The stage, if its times are within the bounds. Whether `moves` fits depends on the others.
    fn new(stage: Stage) -> Result<Self, InvalidTimeControl> {
        let millis = |time: Duration, max: Duration, error: InvalidTimeControl| {
            if time > max {
                Err(error)
            } else if !time.subsec_nanos().is_multiple_of(1_000_000) {
                Err(InvalidTimeControl::Fraction)
            } else {
                // The bounds are far below 2³² ms.
                Ok(time.as_millis() as u32)
            }
        };
        let delay = stage.delay.duration();
        let packed = Self {
            time_ms: millis(
                stage.time,
                TimeControl::INITIAL_MAX,
                InvalidTimeControl::Initial,
            )?,
            increment_ms: millis(
                stage.increment,
                TimeControl::INCREMENT_MAX,
                InvalidTimeControl::Increment,
            )?,
            delay_ms: millis(delay, TimeControl::DELAY_MAX, InvalidTimeControl::Delay)?,
            moves: stage.moves.and_then(NonZeroU16::new),
            // A delay of nothing is no delay, so that equal controls compare equal.
            is_bronstein: matches!(stage.delay, Delay::Bronstein(_)) && !delay.is_zero(),
        };
        if packed.time_ms == 0 && packed.increment_ms == 0 && packed.delay_ms == 0 {
            return Err(InvalidTimeControl::Zero);
        }
        Ok(packed)
    }

    fn stage(self) -> Stage {
        let delay = Duration::from_millis(self.delay_ms.into());
        Stage {
            moves: self.moves.map(NonZeroU16::get),
            time: Duration::from_millis(self.time_ms.into()),
            increment: Duration::from_millis(self.increment_ms.into()),
            delay: match self.is_bronstein {
                _ if delay.is_zero() => Delay::None,
                true => Delay::Bronstein(delay),
                false => Delay::Simple(delay),
            },
        }
    }
}

impl TimeControl {
    /// The longest initial time, and the longest time that a stage adds.
    pub const INITIAL_MAX: Duration = Duration::from_secs(3 * 60 * 60);
    /// The longest increment.
    pub const INCREMENT_MAX: Duration = Duration::from_secs(180);
    /// The longest delay.
    pub const DELAY_MAX: Duration = Duration::from_secs(180);
    /// Upper bound on stages.
    pub const STAGES_MAX: usize = 3;
    /// How many moves a stage before the last may have. At least 2, as the first move of a match may be
    /// untimed and then has no part in the clocks; at most as many as a match has.
    pub const STAGE_MOVES: std::ops::RangeInclusive<u16> = 2..=crate::PLIES_MAX / 2;
    /// Least time at the start for a control without initial time.
    const ZERO_INITIAL_START: Duration = Duration::from_secs(3);
    /// The moves of a side that an estimate counts.
    const ESTIMATED_MOVES: u16 = 40;

    /// A control of one stage without delay, in milliseconds.
    ///
    /// # Errors
    ///
    /// [`InvalidTimeControl`] when a value is out of bounds or both are zero.
    pub fn from_millis(initial_ms: u64, increment_ms: u64) -> Result<Self, InvalidTimeControl> {
        Self::from_stages(&[Stage {
            moves: None,
            time: Duration::from_millis(initial_ms),
            increment: Duration::from_millis(increment_ms),
            delay: Delay::None,
        }])
    }

    /// A control of one to three stages.
    ///
    /// # Errors
    ///
    /// [`InvalidTimeControl`] when a value is out of bounds or not in whole milliseconds, the times of a
    /// stage are all zero, or the wrong stages have a number of moves.
    pub fn from_stages(stages: &[Stage]) -> Result<Self, InvalidTimeControl> {
        let Some((last, others)) = stages.split_last() else {
            return Err(InvalidTimeControl::Stages);
        };
        if stages.len() > Self::STAGES_MAX {
            return Err(InvalidTimeControl::Stages);
        }
        let is_moves = |moves| Self::STAGE_MOVES.contains(&moves);
        if !others.iter().all(|stage| stage.moves.is_some_and(is_moves)) {
            return Err(InvalidTimeControl::StageMoves);
        }
        if last.moves.is_some() {
            return Err(InvalidTimeControl::Repeating);
        }
        let mut control = Self {
            stages: [Packed::UNUSED; Self::STAGES_MAX],
        };
        for (packed, stage) in control.stages.iter_mut().zip(stages) {
            *packed = Packed::new(*stage)?;
        }
        Ok(control)
    }

    /// The same control with this delay in every stage.
    ///
    /// # Errors
    ///
    /// [`InvalidTimeControl`] when the delay is out of bounds or not in whole milliseconds, or if a stage
    /// has no other time and `delay` is none.
    pub fn with_delay(self, delay: Delay) -> Result<Self, InvalidTimeControl> {
        let stages: Vec<Stage> = self
            .stages()
            .map(|stage| Stage { delay, ..stage })
            .collect();
        Self::from_stages(&stages)
    }

    /// The stages in order, of which only the last has no number of moves.
    pub fn stages(self) -> impl Iterator<Item = Stage> + Clone {
        let before_last = self.stages.iter().take_while(|stage| stage.moves.is_some());
        let count = before_last.count() + 1;
        self.stages.into_iter().take(count).map(Packed::stage)
    }

    /// The only or first stage.
    #[must_use]
    pub fn first_stage(self) -> Stage {
        self.stages[0].stage()
    }

    /// Whether it has more than one stage.
    #[must_use]
    pub const fn is_staged(self) -> bool {
        self.stages[0].moves.is_some()
    }

    /// The time each side is given at the start: for the whole match, or for the first stage.
    #[must_use]
    pub fn initial(self) -> Duration {
        self.first_stage().time
    }

    /// The time added for each timed move of the first stage that does not end the match.
    #[must_use]
    pub fn increment(self) -> Duration {
        self.first_stage().increment
    }

    /// The delay of the first stage.
    #[must_use]
    pub fn delay(self) -> Delay {
        self.first_stage().delay
    }

    /// The stage of the next move of a side that has made `moves` in the match.
    #[must_use]
    pub fn stage_at(self, moves: u16) -> Stage {
        let mut left = moves;
        for packed in self.stages {
            match packed.moves {
                Some(of_stage) if left >= of_stage.get() => left -= of_stage.get(),
                _ => return packed.stage(),
            }
        }
        // Not reached: the last stage has no number of moves.
        self.first_stage()
    }

    /// The stage that begins because a side has made `moves` in the match, so that its time is added;
    /// `None` if that move does not end a stage.
    #[must_use]
    pub fn stage_ended_by(self, moves: u16) -> Option<Stage> {
        let mut left = moves;
        for (packed, next) in self.stages.iter().zip(&self.stages[1..]) {
            left = left.checked_sub(packed.moves?.get())?;
            if left == 0 {
                return Some(next.stage());
            }
        }
        None
    }

    /// What each clock shows at the start: the initial time, or without any the largest of the
    /// increment, a Bronstein delay and 3 s. A simple delay is no part of it, as that time passes before
    /// the clock counts at all; a Bronstein delay comes out of the clock first.
    #[must_use]
    pub fn start(self) -> Duration {
        let Stage {
            time,
            increment,
            delay,
            ..
        } = self.first_stage();
        if !time.is_zero() {
            return time;
        }
        let of_move = match delay {
            Delay::Bronstein(delay) => increment.max(delay),
            Delay::None | Delay::Simple(_) => increment,
        };
        of_move.max(Self::ZERO_INITIAL_START)
    }

    /// The time that a side is expected to use in a match, which is taken to have 40 moves a side:
    /// initial + 40 · increment. A delay counts as an increment. A later stage counts from its first
    /// move on: it adds nothing if it begins after move 40, as in 40 moves in 90 minutes.
    #[must_use]
    pub fn estimate(self) -> Duration {
        let mut left = Self::ESTIMATED_MOVES;
        let mut estimate = Duration::ZERO;
        for stage in self.stages() {
            if left == 0 {
                break;
            }
            let moves = stage.moves.map_or(left, |moves| moves.min(left));
            let of_move = stage.increment + stage.delay.duration();
            estimate += stage.time + u32::from(moves) * of_move;
            left -= moves;
        }
        estimate
    }

    /// The speed of the control, by its estimate.
    #[must_use]
    pub fn speed(self) -> Speed {
        match self.estimate().as_secs() {
            0..30 => Speed::UltraBullet,
            30..180 => Speed::Bullet,
            180..480 => Speed::Blitz,
            480..1500 => Speed::Rapid,
            1500.. => Speed::Classical,
        }
    }

    /// Timeout for an untimed first move, after which the match is aborted: that of the speed, in
    /// Chess960 a quarter more, as the position is new to both.
    #[must_use]
    pub fn first_move_timeout(self, is_chess960: bool) -> Duration {
        let timeout = self.speed().first_move_timeout();
        if is_chess960 {
            timeout * 5 / 4
        } else {
            timeout
        }
    }

    /// The most lag that is compensated for one move: 150 ms and 4 ms for each second of the estimate,
    /// at most 1 s. Whole milliseconds.
    #[must_use]
    pub fn lag_gain_max(self) -> Duration {
        let of_estimate = self.estimate() / 250;
        let millis = 150_u128.saturating_add(of_estimate.as_millis()).min(1_000);
        Duration::from_millis(millis as u64)
    }

    /// The lag compensation that a side may be given at the start: three times the most for one move.
    #[must_use]
    pub fn lag_quota_start(self) -> Duration {
        3 * self.lag_gain_max()
    }

    /// Upper bound on the lag compensation that a side may be given: seven times the most for one move.
    #[must_use]
    pub fn lag_quota_max(self) -> Duration {
        7 * self.lag_gain_max()
    }
}

/// Classes of time controls, by their estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speed {
    /// Below 30 s.
    UltraBullet,
    /// Below 180 s.
    Bullet,
    /// Below 480 s.
    Blitz,
    /// Below 1500 s.
    Rapid,
    /// 1500 s and more.
    Classical,
}

impl Speed {
    /// All speeds, from the fastest.
    pub const ALL: [Self; 5] = [
        Self::UltraBullet,
        Self::Bullet,
        Self::Blitz,
        Self::Rapid,
        Self::Classical,
    ];

    /// Its name in records, addresses and JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UltraBullet => "ultrabullet",
            Self::Bullet => "bullet",
            Self::Blitz => "blitz",
            Self::Rapid => "rapid",
            Self::Classical => "classical",
        }
    }

    /// Timeout for an untimed first move, after which the match is aborted.
    #[must_use]
    pub const fn first_move_timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::UltraBullet => 15,
            Self::Bullet => 20,
            Self::Blitz => 25,
            Self::Rapid => 30,
            Self::Classical => 35,
        })
    }
}

#[cfg(test)]
mod tests;
