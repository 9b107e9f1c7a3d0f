//! The delayed view of spectators: what they see is the match as it was some seconds ago.

use std::collections::VecDeque;
use std::time::Duration;

use game_core::{ClockState, Event, Match, MatchTime};
use protocol::codec::Frame;

use super::LiveMatch;
use crate::gate::{Audience, Held};

/// What spectators of a match with a delay may know, and what waits until they may.
#[derive(Debug)]
pub(crate) struct DelayedView {
    delay: Duration,
    /// Number of events that spectators may know.
    pub(super) seq: u32,
    /// The clocks at the last of them, and when that happened.
    pub(super) clocks: ClockState,
    pub(super) at: MatchTime,
    /// What was confirmed since, in order, each with the time from which it may be known.
    waiting: VecDeque<(MatchTime, Hidden)>,
}

/// Something that spectators may not know yet.
#[derive(Debug)]
enum Hidden {
    /// A frame that the seats have received, with the event that it is about, if it is about one.
    Frame(Held, Option<Box<Event>>),
    /// Everything that was stored when the match was loaded. How old that was then is not known.
    Loaded,
}

impl DelayedView {
    /// The view of a match that was just loaded at `now`; `None` if its spectators are not behind.
    pub(super) fn new(game: &Match, now: MatchTime) -> Option<Self> {
        let delay = Duration::from_secs(game.setup().spectator_delay_s.into());
        if delay.is_zero() {
            return None;
        }
        let beginning = Match::new(game.setup().clone()).snapshot();
        let waiting = (game.seq() > 0).then_some((now + delay, Hidden::Loaded));
        Some(Self {
            delay,
            seq: 0,
            clocks: beginning.clocks,
            at: beginning.at,
            waiting: waiting.into_iter().collect(),
        })
    }

    /// When something that waits may be known.
    pub(super) fn next(&self) -> Option<MatchTime> {
        self.waiting.front().map(|&(due, _)| due)
    }
}

impl LiveMatch {
    /// A frame has left the gate for the seats at `now`. Returns whether spectators get it now; else it waits
    /// until they may.
    pub(crate) fn shows_spectators(&mut self, held: &Held, now: MatchTime) -> bool {
        let is_own = matches!(held.to, Audience::Peer(_));
        let Some(view) = self.delayed.as_mut().filter(|_| !is_own) else {
            return true;
        };
        let event = match held.to {
            Audience::Event(seq) => self.recent.iter().find(|event| event.seq == seq),
            _ => None,
        };
        let event = event.cloned().map(Box::new);
        let due = now + view.delay;
        view.waiting
            .push_back((due, Hidden::Frame(held.clone(), event)));
        false
    }

    /// The next frame that spectators may see by `now`, and for whom.
    pub(crate) fn reveal(&mut self, now: MatchTime) -> Option<Revealed> {
        let view = self.delayed.as_mut()?;
        let (_, hidden) = view.waiting.pop_front_if(|(due, _)| *due <= now)?;
        match hidden {
            Hidden::Frame(held, event) => {
                if let Some(event) = event {
                    view.seq = event.seq;
                    view.clocks = event.clocks;
                    view.at = event.at;
                }
                Some(Revealed::Frame(held))
            }
            Hidden::Loaded => {
                let seen = view.seq;
                let events = self.game.events_after(seen);
                let events: Vec<_> = events
                    .into_iter()
                    .take_while(|event| event.seq <= self.loaded.0)
                    .collect();
                if let Some(last) = events.last() {
                    view.seq = last.seq;
                    view.clocks = last.clocks;
                    view.at = last.at;
                }
                let frames = events
                    .iter()
                    .map(|event| (event.seq, self.event_frame(event)));
                Some(Revealed::Frames(frames.collect()))
            }
        }
    }

    /// The match as spectators may know it.
    pub(super) fn public(&self) -> Option<Match> {
        let view = self.delayed.as_ref()?;
        let snapshot = self.game.snapshot_at(view.seq, view.clocks, view.at);
        Match::restore(snapshot, &[]).ok()
    }
}

/// What spectators may see now.
#[derive(Debug)]
pub(crate) enum Revealed {
    /// One frame, as the seats received it.
    Frame(Held),
    /// The events that were stored when the match was loaded.
    Frames(Vec<(u32, Frame)>),
}
