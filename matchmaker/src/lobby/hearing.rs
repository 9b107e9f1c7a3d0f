//! The tasks beside the streams: what other processes hint at, and who is online here.

use std::sync::Arc;
use std::time::Duration;

use game_core::{BySeat, MatchId, Player, PlayerId, UnixMillis};
use store::{Hint, Online, Ticket};
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::clock::now;
use crate::service::Service;

/// Interval at which hints from other processes are taken from the store's ear, in memory.
const HEAR_EVERY: Duration = Duration::from_millis(50);

/// A hint is given up after this: whoever it is for looks by itself some seconds later.
const HINT_WITHIN: Duration = Duration::from_millis(250);

/// Interval at which the players with open streams are put online again.
const PUT_EVERY: Duration = Duration::from_secs(4);

/// For how long a player is online after the last time: longer than a client needs to open its stream at another matchmaker.
const ONLINE_FOR: Duration = Duration::from_secs(15);

/// Players of one request to the store.
const PUT_AT_ONCE: usize = 500;

/// Wakes the streams of players of whom other processes have news, until the service shuts down.
pub(crate) async fn hear_hints(service: Arc<Service>) {
    let mut place = 0;
    loop {
        tokio::select! {
            () = sleep(HEAR_EVERY) => {}
            () = service.shutdown.cancelled() => return,
        }
        let heard = service.store.hints_after(place);
        place = heard.next;
        if heard.missed {
            service.news.tell_all();
        }
        for hint in heard.hints {
            service.news.tell(&hint.players, hint.about);
        }
    }
}

/// Puts the players with open streams online again and again, until the service shuts down.
pub(crate) async fn announce_online(service: Arc<Service>) {
    loop {
        tokio::select! {
            () = sleep(PUT_EVERY) => {}
            () = service.shutdown.cancelled() => return,
        }
        for players in service.news.online().chunks(PUT_AT_ONCE) {
            service.put_online(players).await;
        }
    }
}

impl Service {
    /// Shows players as online for a while. A failure is repaired by the next time.
    pub(super) async fn put_online(&self, players: &[(PlayerId, bool)]) {
        let now = now();
        let for_ms = u64::try_from(ONLINE_FOR.as_millis()).unwrap_or(u64::MAX);
        let until = UnixMillis(now.0.saturating_add(for_ms));
        let online = players.iter().map(|(player, is_bot)| Online {
            player: player.clone(),
            is_bot: *is_bot,
            until,
        });
        let online: Vec<_> = online.collect();
        if let Err(error) = self.store.put_online(&online, now).await {
            debug!(%error, "players cannot be shown as online");
        }
    }

    /// Tells the streams of these players, wherever they are open, that there is news of a match, or of a challenge under
    /// the id of its match.
    pub(crate) async fn tell_news(&self, players: Vec<PlayerId>, about: MatchId) {
        self.news.tell(&players, about);
        let hint = Hint { about, players };
        match timeout(HINT_WITHIN, self.store.hint(&hint)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "other matchmakers are not told of news"),
            Err(_) => debug!("other matchmakers are not told of news in time"),
        }
    }

    /// The same for the players of a match.
    pub(crate) async fn tell_both(&self, players: &BySeat<Player>, about: MatchId) {
        let BySeat { white, black } = players;
        let players = vec![white.id.clone(), black.id.clone()];
        self.tell_news(players, about).await;
    }

    /// The same for those whom a challenge concerns.
    pub(crate) async fn tell_of_challenge(&self, ticket: &Ticket) {
        let mut players = vec![ticket.player.id.clone()];
        players.extend(ticket.opponent.clone());
        self.tell_news(players, ticket.id.match_id()).await;
    }
}
