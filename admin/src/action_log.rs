//! The latest changes by operators, in memory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use game_core::UnixMillis;
use serde::Serialize;
use utoipa::ToSchema;

/// Upper bound on remembered actions. The list is for the page; the log target `audit` has all of them.
const ACTIONS_MAX: usize = 50;

/// A change that an operator requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Action {
    /// When it was answered, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The name of the operator's token or certificate.
    pub(crate) who: String,
    /// `abort`, `adjudicate`, `handoff`, `drain`, `revoke`, `restore`, `create_players`, `login_code`, `remove_player`,
    /// `invite` or `withdraw_invitation`.
    pub(crate) action: String,
    /// The id of the match, shard or player, or what else was changed.
    pub(crate) subject: String,
    /// `done`, or the code of the problem in the answer.
    pub(crate) outcome: String,
}

/// The newest actions of this process, in memory.
#[derive(Debug, Default)]
pub(crate) struct ActionLog(Mutex<VecDeque<Action>>);

impl ActionLog {
    /// Adds an action and forgets the oldest if there are too many.
    pub(crate) fn add(&self, action: Action) {
        let mut actions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        actions.truncate(ACTIONS_MAX - 1);
        actions.push_front(action);
    }

    pub(crate) fn newest_first(&self) -> Vec<Action> {
        let actions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        actions.iter().cloned().collect()
    }
}

impl Action {
    /// An action that was answered now.
    pub(crate) fn new(
        at: UnixMillis,
        who: &str,
        action: &str,
        subject: String,
        outcome: &str,
    ) -> Self {
        Self {
            at: at.0,
            who: who.to_owned(),
            action: action.to_owned(),
            subject,
            outcome: outcome.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_actions_are_kept() {
        let log = ActionLog::default();
        for at in 0..120 {
            log.add(Action::new(
                UnixMillis(at),
                "ann",
                "abort",
                at.to_string(),
                "done",
            ));
        }
        let kept = log.newest_first();
        let (newest, oldest) = (kept.first().unwrap(), kept.last().unwrap());
        assert_eq!((kept.len(), newest.at, oldest.at), (50, 119, 70));
    }
}
