//! What operators may do to a match: end it, act as its arbiter, and give it to another shard.

use game_core::{MatchId, Order, Outcome, Refusal, ShardId};

use super::{Now, Shard};

/// Why an operator's wish changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// The match is not in this shard's memory.
    #[error("the match is not on this shard")]
    NotHere,
    /// The match has ended.
    #[error("the match has ended")]
    Over,
    /// The store does not answer, or has much of this match to answer for.
    #[error("too much of the match waits for the store")]
    Paused,
    /// The match has other events than whoever gave the order knew.
    #[error("the match has gone on: its last event is {0}")]
    Changed(u32),
    /// The order cannot be carried out on this match.
    #[error("the match does not allow it: {0}")]
    Refused(Refusal),
    /// There is no live shard to give it to, or the one that was named is none.
    #[error("no live shard can take it")]
    NoHeir,
    /// It is being handed over already.
    #[error("the match is being handed over to another shard")]
    Leaving,
}

impl Shard {
    /// Ends a match with any outcome, as an event like every other; returns its seq; the result is final once
    /// the store has confirmed that many events.
    ///
    /// # Errors
    ///
    /// [`NotDone`]; a flag that fell meanwhile has ended the match.
    pub fn adjudicate(&mut self, id: MatchId, outcome: Outcome, now: Now) -> Result<u32, NotDone> {
        let key = *self.by_id.get(&id).ok_or(NotDone::NotHere)?;
        let time = self.clock.at(now.uptime);
        let live = self.matches.get_mut(key).ok_or(NotDone::NotHere)?;
        if live.is_departing() {
            return Err(NotDone::Leaving);
        }
        let answer = live.adjudicate(outcome, time, &self.limits);
        self.after_change(key);
        answer?.map_err(|_: Refusal| NotDone::Over)
    }

    /// Carries out an arbiter's order, as an event like every other; returns the seq up to which the store has to confirm
    /// the match for the order to stand. With `expected`, only if that is the match's last event, so that an
    /// order whose answer was lost is not carried out twice.
    ///
    /// # Errors
    ///
    /// [`NotDone`]; a flag that fell meanwhile has ended the match.
    pub fn arbitrate(
        &mut self,
        id: MatchId,
        order: Order,
        expected: Option<u32>,
        now: Now,
    ) -> Result<u32, NotDone> {
        let key = *self.by_id.get(&id).ok_or(NotDone::NotHere)?;
        let time = self.clock.at(now.uptime);
        let live = self.matches.get_mut(key).ok_or(NotDone::NotHere)?;
        if live.is_departing() {
            return Err(NotDone::Leaving);
        }
        let answer = live.arbitrate(order, expected, time, &self.limits);
        self.after_change(key);
        answer
    }

    /// Gives one match to `to`, or to the shard that would inherit it; returns which. Its events are
    /// written first; its players are then told to ask where it lives. What they send meanwhile is left
    /// to be sent again to the next owner.
    ///
    /// # Errors
    ///
    /// [`NotDone`].
    pub fn hand_over(
        &mut self,
        id: MatchId,
        to: Option<ShardId>,
        now: Now,
    ) -> Result<ShardId, NotDone> {
        let key = *self.by_id.get(&id).ok_or(NotDone::NotHere)?;
        let heir = match to {
            Some(to) => self.registry.live(to).filter(|record| !record.draining),
            None => {
                let heir = self.registry.heir(id, self.id);
                heir.and_then(|heir| self.registry.live(heir))
            }
        };
        let heir = heir.map(|record| record.id).filter(|&heir| heir != self.id);
        let live = self.matches.get_mut(key).ok_or(NotDone::NotHere)?;
        if live.is_departing() {
            return Err(NotDone::Leaving);
        }
        if live.is_over() {
            return Err(NotDone::Over);
        }
        let heir = heir.ok_or(NotDone::NoHeir)?;
        live.depart(heir, self.clock.at(now.uptime));
        self.after_change(key);
        Ok(heir)
    }
}
