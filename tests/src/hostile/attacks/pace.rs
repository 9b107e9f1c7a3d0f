//! The bound on how fast an attack goes.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// The least time between two ticks of the timer.
const TICK_MIN: Duration = Duration::from_millis(10);

/// A rate limit for all who share it. Unused turns are lost.
pub(super) struct Pace {
    turns: Mutex<Ticks>,
    end: CancellationToken,
}

struct Ticks {
    clock: Interval,
    /// Turns that each tick gives.
    per_tick: u32,
    left: u32,
}

impl Pace {
    /// A limit of `per_second` turns, until the end.
    pub(super) fn new(per_second: u32, end: &CancellationToken) -> Self {
        let ticks = per_second.clamp(1, (1_000 / TICK_MIN.as_millis()) as u32);
        let mut clock = interval(Duration::from_secs(1) / ticks);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let turns = Ticks {
            clock,
            per_tick: (per_second / ticks).max(1),
            left: 0,
        };
        Self {
            turns: Mutex::new(turns),
            end: end.clone(),
        }
    }

    /// Waits for a turn; false when the attack is over.
    pub(super) async fn turn(&self) -> bool {
        let turn = async {
            let mut turns = self.turns.lock().await;
            if turns.left == 0 {
                turns.clock.tick().await;
                turns.left = turns.per_tick;
            }
            turns.left -= 1;
        };
        self.end.run_until_cancelled(turn).await.is_some()
    }
}
