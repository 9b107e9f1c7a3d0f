//! The streams of events of this process by player, and what wakes them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use game_core::{MatchId, PlayerId};
use tokio::sync::Notify;

/// Upper bound on open streams of one player: a client that comes back does not wait until its former connections are
/// noticed as gone. Beyond it the oldest one ends.
const STREAMS_PER_PLAYER_MAX: usize = 8;

/// Upper bound on what a stream is to look at by name; what is beyond it is found by its look at the lists.
const ABOUT_MAX: usize = 64;

/// Who follows which player here.
#[derive(Debug, Default)]
pub(crate) struct NewsBoard(Mutex<HashMap<PlayerId, Vec<Arc<Inbox>>>>);

/// What one stream is to look at.
#[derive(Debug, Default)]
struct Inbox {
    wake: Notify,
    state: Mutex<State>,
    /// Whether the player is a program; `None` if there is no account, whose owner alone is shown as online.
    is_bot: Option<bool>,
}

#[derive(Debug, Default)]
struct State {
    about: Vec<MatchId>,
    is_superseded: bool,
}

impl NewsBoard {
    /// Registers a stream of a player's events; `is_bot` as [`Inbox::is_bot`].
    pub(super) fn follow(self: &Arc<Self>, player: &PlayerId, is_bot: Option<bool>) -> Follower {
        let inbox = Arc::new(Inbox {
            is_bot,
            ..Inbox::default()
        });
        let mut map = self.map();
        let theirs = map.entry(player.clone()).or_default();
        if theirs.len() >= STREAMS_PER_PLAYER_MAX {
            let oldest = theirs.remove(0);
            oldest.state().is_superseded = true;
            oldest.wake.notify_one();
        }
        theirs.push(Arc::clone(&inbox));
        drop(map);
        Follower {
            board: Arc::clone(self),
            player: player.clone(),
            inbox,
        }
    }

    /// Wakes the streams of these players.
    pub(crate) fn tell(&self, players: &[PlayerId], about: MatchId) {
        let map = self.map();
        for inbox in players
            .iter()
            .filter_map(|player| map.get(player))
            .flatten()
        {
            let mut state = inbox.state();
            if state.about.len() < ABOUT_MAX && !state.about.contains(&about) {
                state.about.push(about);
            }
            drop(state);
            inbox.wake.notify_one();
        }
    }

    /// Wakes all streams.
    pub(super) fn tell_all(&self) {
        for inbox in self.map().values().flatten() {
            inbox.wake.notify_one();
        }
    }

    /// The players with an account who have a stream open, and whether each is a program.
    pub(super) fn online(&self) -> Vec<(PlayerId, bool)> {
        let map = self.map();
        let of_accounts = map.iter().filter_map(|(player, theirs)| {
            let is_bot = theirs.iter().find_map(|inbox| inbox.is_bot)?;
            Some((player.clone(), is_bot))
        });
        of_accounts.collect()
    }

    fn map(&self) -> MutexGuard<'_, HashMap<PlayerId, Vec<Arc<Inbox>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream, for as long as it is open.
#[derive(Debug)]
pub(super) struct Follower {
    board: Arc<NewsBoard>,
    player: PlayerId,
    inbox: Arc<Inbox>,
}

impl Follower {
    /// Waits for news since the last time.
    pub(super) async fn woken(&self) {
        self.inbox.wake.notified().await;
    }

    /// What was told since the last time.
    pub(super) fn take(&self) -> Vec<MatchId> {
        std::mem::take(&mut self.inbox.state().about)
    }

    /// Whether later streams of the player have taken its place.
    pub(super) fn is_superseded(&self) -> bool {
        self.inbox.state().is_superseded
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut map = self.board.map();
        if let Some(theirs) = map.get_mut(&self.player) {
            theirs.retain(|other| !Arc::ptr_eq(other, &self.inbox));
            if theirs.is_empty() {
                map.remove(&self.player);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> MatchId {
        MatchId::from_random(n)
    }

    #[tokio::test]
    async fn news_wakes_the_streams_of_its_players_and_is_not_lost_between_two_looks() {
        let board = Arc::<NewsBoard>::default();
        let [ann, bob] = ["ann", "bob"].map(|name| name.parse::<PlayerId>().unwrap());
        let of_ann = board.follow(&ann, Some(true));
        let of_bob = board.follow(&bob, None);
        board.tell(std::slice::from_ref(&ann), id(1));
        board.tell(&[ann.clone(), bob.clone()], id(2));
        of_ann.woken().await;
        of_bob.woken().await;
        assert_eq!(of_ann.take(), [id(1), id(2)]);
        assert_eq!(of_bob.take(), [id(2)]);
        assert_eq!(of_ann.take(), []);
        board.tell_all();
        of_bob.woken().await;
        assert_eq!(board.online(), [(ann, true)], "a guest is not shown");
        drop((of_ann, of_bob));
        assert!(board.map().is_empty());
    }

    #[tokio::test]
    async fn the_oldest_stream_of_a_player_ends_when_there_are_too_many() {
        let board = Arc::<NewsBoard>::default();
        let ann: PlayerId = "ann".parse().unwrap();
        let streams: Vec<_> = (0..=STREAMS_PER_PLAYER_MAX)
            .map(|_| board.follow(&ann, None))
            .collect();
        streams[0].woken().await;
        let superseded: Vec<_> = streams.iter().map(Follower::is_superseded).collect();
        assert!(superseded[0] && !superseded[1..].contains(&true));
        for n in 0..2 * ABOUT_MAX as u128 {
            board.tell(std::slice::from_ref(&ann), id(n));
        }
        assert_eq!(streams[1].take().len(), ABOUT_MAX);
    }
}
