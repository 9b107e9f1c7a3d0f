//! Event streams: a player's challenges and games, as they come and go.
//!
//! Behind each is one stream of the matchmaker, which is opened again when it ends. What it tells then is compared with
//! what the client was told: a client hears of each change once, also of those that happened in between.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use client::MatchmakerError;
use client::matchmaker::{ServerEvent, ServerEvents};
use client::retry::Backoff;
use game_core::{MatchId, UnixMillis};
use lru::LruCache;
use protocol::http::{
    AccountEvent, AccountMatch, ChallengeEnd, ChallengeEnded, MatchReply, TicketReply, TicketStatus,
};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::clock::now;
use crate::identity::Caller;
use crate::lines::{BLANK, LineSender, Lines, line, lines};
use crate::shapes::challenge::{Shown, ended};
use crate::shapes::game::Seen;
use crate::state::Gateway;
use crate::streams::{Games, Slot};

/// Upper bound on the ended matches that a stream remembers.
const FINISHED_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");
/// Waits between attempts to open the matchmaker's stream: a client waits for its games meanwhile.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// How often it is looked whether a game has lost its stream.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A client that lost the stream of a game in play opens it again by itself within this, or waits to be told of the game
/// anew.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(4);
/// A client that was told of a game and does not open its stream within this is told once more: it may still have been busy
/// with the answer to a move of the same game, from a gateway that is gone, and have taken no notice.
const REMINDED_AFTER: Duration = Duration::from_secs(10);

/// Opens the caller's event stream, and ends the one that was open before.
pub(crate) fn open(gateway: &Arc<Gateway>, caller: Caller) -> Lines {
    let (sender, lines) = lines(None);
    // The head of the answer waits for the first byte.
    let _ = sender.try_send(BLANK);
    let slot = Slot {
        replaced: gateway.shutdown.child_token(),
        games: Arc::default(),
    };
    let (replaced, games) = (slot.replaced.clone(), Arc::clone(&slot.games));
    if let Some(before) = gateway.streams.all().insert(caller.player.clone(), slot) {
        before.replaced.cancel();
    }
    let gateway = Arc::clone(gateway);
    gateway.clone().tasks.spawn(async move {
        let player = caller.player.clone();
        let mut follower = Follower::new(Arc::clone(&gateway), caller, sender, games);
        tokio::select! {
            () = follower.run() => {}
            () = replaced.cancelled() => {}
        }
        if !replaced.is_cancelled() {
            replaced.cancel();
            let mut all = gateway.streams.all();
            if all
                .get(&player)
                .is_some_and(|slot| slot.replaced.is_cancelled())
            {
                all.remove(&player);
            }
        }
    });
    lines
}

/// What follows one player.
struct Follower {
    gateway: Arc<Gateway>,
    caller: Caller,
    lines: LineSender,
    games: Games,
    challenges: HashMap<String, TicketReply>,
    matches: HashMap<MatchId, Told>,
    /// Matches that have ended lately.
    finished: LruCache<MatchId, ()>,
    /// While the matchmaker tells the present state: what it has told of.
    present: Option<Present>,
}

#[derive(Default)]
struct Present {
    challenges: HashSet<String>,
    matches: HashSet<MatchId>,
}

/// A game that the client was told of.
struct Told {
    game: AccountMatch,
    /// When play begins, if the client is told of it then.
    begins_at: Option<UnixMillis>,
    /// Whether the client has had a stream of it since.
    had_stream: bool,
    /// Since when it has none any more; if it never had one, since it was told.
    without_since: Option<Instant>,
    /// Whether it was told once more, of a game that it never came to.
    is_reminded: bool,
}

/// The client has gone, or the matchmaker does not know its token any more.
struct Over;

impl Follower {
    fn new(gateway: Arc<Gateway>, caller: Caller, lines: LineSender, games: Games) -> Self {
        Self {
            gateway,
            caller,
            lines,
            games,
            challenges: HashMap::new(),
            matches: HashMap::new(),
            finished: LruCache::new(FINISHED_MAX),
            present: None,
        }
    }

    async fn run(&mut self) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        let lines = self.lines.clone();
        loop {
            let opened = self.gateway.matchmaker.account_events(&self.caller.token);
            let opened = tokio::select! {
                opened = opened => opened,
                () = lines.closed() => return,
            };
            match opened {
                Ok(events) => {
                    let opened_at = Instant::now();
                    self.present = Some(Present::default());
                    if self.follow(events).await.is_err() {
                        return;
                    }
                    if opened_at.elapsed() > RETRY.1 {
                        backoff.reset();
                    }
                }
                Err(MatchmakerError::Problem(problem)) if matches!(problem.status, 401 | 403) => {
                    let (code, player) = (problem.code, &self.caller.player);
                    tracing::info!(code, %player, "an event stream ends");
                    return;
                }
                Err(error) => {
                    tracing::debug!(%error, "the events of an account are asked for again");
                }
            }
            tokio::select! {
                () = sleep(backoff.wait()) => {}
                () = lines.closed() => return,
            }
        }
    }

    /// Follows one stream of the matchmaker to its end.
    async fn follow(&mut self, mut events: ServerEvents) -> Result<(), Over> {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lines = self.lines.clone();
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Ok(Some(event)) => self.heard(&event).await?,
                    Ok(None) => return Ok(()),
                    Err(error) => {
                        tracing::debug!(%error, "the events of an account have ended");
                        return Ok(());
                    }
                },
                _ = look.tick() => self.look_after_games().await?,
                () = lines.closed() => return Err(Over),
            }
        }
    }

    async fn heard(&mut self, event: &ServerEvent) -> Result<(), Over> {
        match AccountEvent::from_name(&event.name) {
            Some(AccountEvent::Challenge) => match read::<TicketReply>(event) {
                Some(challenge) => self.challenged(challenge).await,
                None => Ok(()),
            },
            Some(AccountEvent::ChallengeEnded) => match read::<ChallengeEnded>(event) {
                Some(ended) => self.challenge_ended(ended.why, ended.challenge).await,
                None => Ok(()),
            },
            Some(AccountEvent::MatchStarted) => match read::<AccountMatch>(event) {
                Some(game) => self.started(game),
                None => Ok(()),
            },
            Some(AccountEvent::MatchEnded) => match read::<AccountMatch>(event) {
                Some(game) => self.finished(&game),
                None => Ok(()),
            },
            Some(AccountEvent::Complete) => self.compare().await,
            // One of a newer server.
            None => Ok(()),
        }
    }

    // ---- challenges --------------------------------------------------------------------------------

    async fn challenged(&mut self, challenge: TicketReply) -> Result<(), Over> {
        if let Some(present) = &mut self.present {
            present.challenges.insert(challenge.id.clone());
        }
        // A match has the id of its challenge: one whose match was told of does not wait any more, whoever says so.
        let is_over = challenge
            .id
            .parse()
            .is_ok_and(|id| self.matches.contains_key(&id) || self.finished.contains(&id));
        if is_over || self.challenges.contains_key(&challenge.id) {
            return Ok(());
        }
        let said = json!({"type": "challenge", "challenge": self.shown(&challenge).await});
        self.challenges.insert(challenge.id.clone(), challenge);
        self.tell(line(&said))
    }

    async fn challenge_ended(
        &mut self,
        why: ChallengeEnd,
        challenge: TicketReply,
    ) -> Result<(), Over> {
        if self.challenges.remove(&challenge.id).is_none() {
            return Ok(());
        }
        let kind = match why {
            // The game is told of.
            ChallengeEnd::Accepted => return Ok(()),
            ChallengeEnd::Declined => "challengeDeclined",
            ChallengeEnd::Cancelled | ChallengeEnd::Expired => "challengeCanceled",
        };
        let said = json!({"type": kind, "challenge": self.shown(&challenge).await});
        self.tell(line(&said))
    }

    async fn shown(&self, challenge: &TicketReply) -> serde_json::Value {
        let opponent = match &challenge.opponent {
            Some(opponent) => self.gateway.people.account(opponent).await.ok().flatten(),
            None => None,
        };
        let site = &self.gateway.config.site;
        ended(&Shown::of_reply(challenge, opponent, site), challenge)
    }

    // ---- games -------------------------------------------------------------------------------------

    fn started(&mut self, game: AccountMatch) -> Result<(), Over> {
        let id = game.game.match_id;
        if let Some(present) = &mut self.present {
            present.matches.insert(id);
        }
        if let Some(told) = self.matches.get_mut(&id) {
            told.game = game;
            return Ok(());
        }
        // A client that is at the game already would begin a second time.
        let has_stream = self.gateway.seats.has_stream(&self.caller.player, id);
        let said = Seen::from(&game).event("gameStart");
        self.games().insert(id, game.created_at);
        // Clients move as soon as they hear of a game: of one that begins later, they hear then.
        let begins_at = game.game.terms.start_at.filter(|at| *at > now());
        let told = Told {
            game,
            begins_at,
            had_stream: has_stream,
            without_since: None,
            is_reminded: false,
        };
        self.matches.insert(id, told);
        if has_stream || begins_at.is_some() {
            Ok(())
        } else {
            self.tell(said)
        }
    }

    fn finished(&mut self, game: &AccountMatch) -> Result<(), Over> {
        let id = game.game.match_id;
        self.games().remove(&id);
        self.finished.put(id, ());
        if self.matches.remove(&id).is_none() {
            return Ok(());
        }
        self.tell(Seen::from(game).event("gameFinish"))
    }

    fn games(&self) -> MutexGuard<'_, HashMap<MatchId, UnixMillis>> {
        self.games.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of games again whose streams were lost: clients leave such a game until they hear of it.
    async fn look_after_games(&mut self) -> Result<(), Over> {
        let mut again = Vec::new();
        for (id, told) in &mut self.matches {
            if let Some(begins_at) = told.begins_at {
                if begins_at <= now() {
                    told.begins_at = None;
                    again.push(*id);
                }
                continue;
            }
            if self.gateway.seats.has_stream(&self.caller.player, *id) {
                told.had_stream = true;
                told.without_since = None;
                told.is_reminded = false;
                continue;
            }
            let patience = match (told.had_stream, told.is_reminded) {
                (true, _) => COMES_BACK_WITHIN,
                (false, false) => REMINDED_AFTER,
                (false, true) => continue,
            };
            let since = *told.without_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= patience {
                told.is_reminded = !told.had_stream;
                told.had_stream = false;
                told.without_since = None;
                again.push(*id);
            }
        }
        for id in again {
            self.tell_again(id).await?;
        }
        Ok(())
    }

    /// Tells of a game as it is now, if that can be known; of its end the matchmaker tells.
    async fn tell_again(&mut self, id: MatchId) -> Result<(), Over> {
        let game = self.gateway.matchmaker.match_of(&self.caller.token, id);
        let game = game.await;
        let Some(told) = self.matches.get_mut(&id) else {
            return Ok(());
        };
        if let Ok(game) = game {
            if game.outcome.is_some() {
                return Ok(());
            }
            told.game.game = game;
        }
        let said = Seen::from(&told.game).event("gameStart");
        self.tell(said)
    }

    // ---- after a gap -------------------------------------------------------------------------------

    /// The present state is known: what the client was told of and is not in it has ended meanwhile.
    async fn compare(&mut self) -> Result<(), Over> {
        let Some(present) = self.present.take() else {
            return Ok(());
        };
        let is_gone = |id: &&String| !present.challenges.contains(*id);
        let challenges: Vec<_> = self.challenges.keys().filter(is_gone).cloned().collect();
        for id in challenges {
            self.ended_unheard(&id).await?;
        }
        let is_gone = |id: &&MatchId| !present.matches.contains(*id);
        let matches: Vec<_> = self.matches.keys().filter(is_gone).copied().collect();
        for id in matches {
            self.finished_unheard(id).await?;
        }
        Ok(())
    }

    async fn ended_unheard(&mut self, id: &str) -> Result<(), Over> {
        let Some(known) = self.challenges.get(id).cloned() else {
            return Ok(());
        };
        let matchmaker = &self.gateway.matchmaker;
        let now = matchmaker.challenge(&self.caller.token, id, Duration::ZERO);
        let (why, challenge) = match now.await {
            Ok(reply) => match reply.status {
                TicketStatus::Waiting => return Ok(()),
                TicketStatus::Matched => (ChallengeEnd::Accepted, reply),
                TicketStatus::Declined => (ChallengeEnd::Declined, reply),
                TicketStatus::Cancelled => (ChallengeEnd::Cancelled, reply),
            },
            Err(error) if error.is_retryable() => return Ok(()),
            Err(_) => (ChallengeEnd::Expired, known),
        };
        self.challenge_ended(why, challenge).await
    }

    async fn finished_unheard(&mut self, id: MatchId) -> Result<(), Over> {
        let Some(told) = self.matches.get(&id) else {
            return Ok(());
        };
        let game = self.gateway.matchmaker.match_of(&self.caller.token, id);
        let game: MatchReply = match game.await {
            Ok(game) if game.outcome.is_none() => return Ok(()),
            Ok(game) => game,
            // Not known now: it is compared again when the matchmaker's stream is opened again.
            Err(error) if error.is_retryable() => return Ok(()),
            Err(_) => told.game.game.clone(),
        };
        let (seat, created_at) = (told.game.seat, told.game.created_at);
        self.finished(&AccountMatch {
            seat,
            created_at,
            game,
        })
    }

    /// A line for the client. One that does not read is cut off.
    fn tell(&self, said: Bytes) -> Result<(), Over> {
        self.lines.try_send(said).map_err(|_| Over)
    }
}

fn read<T: DeserializeOwned>(event: &ServerEvent) -> Option<T> {
    serde_json::from_str(&event.data)
        .inspect_err(|error| tracing::error!(%error, event.name, "an event makes no sense"))
        .ok()
}
