//! The options for how long the store keeps finished matches.

use std::time::Duration;

use clap::Args;

const DAY_S: u64 = 24 * 60 * 60;
/// The shortest time, in days: a match goes no sooner than the ticket that made it.
const DAYS_MIN: u64 = store::FINISHED_KEEP_MIN.as_secs().div_ceil(DAY_S);
const DAYS_DEFAULT: u64 = store::FINISHED_KEEP.as_secs() / DAY_S;

/// How long the store keeps what is over.
#[derive(Debug, Args)]
pub(super) struct RetentionArgs {
    /// How many days a finished match stays in the store, where its players and PGN find it; then it is
    /// removed. It must be longer than a ticket lives, which is hours.
    #[arg(
        long,
        env = "ROOKERY_FINISHED_KEEP",
        value_name = "DAYS",
        default_value_t = DAYS_DEFAULT,
        value_parser = clap::value_parser!(u64).range(DAYS_MIN..=366)
    )]
    finished_keep: u64,
}

impl RetentionArgs {
    pub(super) fn finished_keep(&self) -> Duration {
        Duration::from_secs(self.finished_keep * DAY_S)
    }
}
