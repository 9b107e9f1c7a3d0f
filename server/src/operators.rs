//! A shard as operators meet it: the answers of its state machine, put into the words of the endpoint.

use std::sync::Arc;
use std::time::Duration;

use admin::{
    HandedOff, Kind, MatchDetails, MatchList, MatchStatus, MatchSummary, Part, Problem, Revoked,
    Setting, ShardList, ShardView, Source, WatchedMatch,
};
use async_trait::async_trait;
use game_core::{Match, MatchId, Order, Outcome, PlayerId, ShardId};
use store::{Status, Store};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use shard::{Ask, AskError, Inspector};
use shard_core::{MatchQuery, NotDone, PublicMatch};

/// How long to wait for the confirmation of a decision; after it, the outcome is reported as unknown.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(10);
/// How long before that a match that is to be ended must be in memory.
const LOADED_BEFORE: Duration = Duration::from_secs(5);
/// Interval between two checks whether it is confirmed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The [`Source`] of one shard.
pub(crate) struct ShardSource {
    id: ShardId,
    inspector: Inspector,
    settings: Vec<Setting>,
    /// Where a revocation is written down.
    store: Arc<dyn Store>,
    /// Stops the shard as SIGTERM does; `None` if it cannot stop by itself.
    drain: Option<CancellationToken>,
}

impl ShardSource {
    /// The answers of the shard at the other end of `inspector`, on `store`. `drain` stops it as SIGTERM does; a
    /// shard that shares its process with others has none.
    #[must_use]
    pub(crate) fn new(
        id: ShardId,
        inspector: Inspector,
        settings: Vec<Setting>,
        store: Arc<dyn Store>,
        drain: Option<CancellationToken>,
    ) -> Self {
        Self {
            id,
            inspector,
            settings,
            store,
            drain,
        }
    }

    async fn look(&self, id: MatchId) -> Result<(MatchDetails, Match), Problem> {
        let inspection = self.inspector.ask(|reply| Ask::Inspect(id, reply));
        let inspection = inspection.await.map_err(unanswered)?;
        let inspection = inspection.ok_or_else(|| not_here(id))?;
        MatchDetails::new(*inspection, self.id).map_err(|error| {
            tracing::error!(match_id = %id, %error, "a live match does not replay");
            Problem::new(
                Kind::Internal,
                "This match cannot be shown; the log says why.",
            )
        })
    }
}

impl ShardSource {
    /// Decides about a match, which is loaded first if it has to be; returns once the store has confirmed the event.
    async fn decide(
        &self,
        id: MatchId,
        ask: impl Fn(oneshot::Sender<Result<u32, NotDone>>) -> Ask,
        is_as_decided: impl Fn(&MatchDetails) -> bool,
    ) -> Result<MatchDetails, Problem> {
        let deadline = Instant::now() + CONFIRMED_WITHIN;
        let seq = loop {
            match self.inspector.ask(&ask).await.map_err(unanswered)? {
                Ok(seq) => break seq,
                Err(NotDone::NotHere) => self.attend(id, deadline - LOADED_BEFORE).await?,
                Err(why) => return Err(not_done(id, why)),
            }
        };
        while Instant::now() < deadline {
            let details = self.inspect(id).await?;
            if details.summary.seq >= seq && is_as_decided(&details) {
                return Ok(details);
            }
            sleep(LOOK_EVERY).await;
        }
        let why =
            "The decision waits for the store: it will be confirmed or not. Look at the match.";
        Err(Problem::new(Kind::Unconfirmed, why))
    }

    /// Has a live match loaded that this shard owns, or whose owner is dead, so that it can be ended.
    async fn attend(&self, id: MatchId, deadline: Instant) -> Result<(), Problem> {
        let ownership = self.store.ownership(id).await?;
        let ownership = ownership.ok_or_else(|| not_here(id))?;
        if ownership.status == Status::Finished {
            return Err(not_done(id, NotDone::Over));
        }
        let status = self.inspector.ask(Ask::Status).await;
        let (status, registry) = status.map_err(unanswered)?;
        let owner = registry
            .iter()
            .find(|(record, _)| record.id == ownership.owner);
        let is_anothers = ownership.owner != self.id && owner.is_some_and(|(_, is_dead)| !is_dead);
        if is_anothers {
            return Err(not_here(id));
        }
        if status.draining || Instant::now() >= deadline {
            let why = format!("Match {id} could not be loaded to be ended; the log may say why.");
            return Err(Problem::new(Kind::ShardUnavailable, why));
        }
        self.inspector.wish(Ask::Load(id)).map_err(unanswered)?;
        sleep(LOOK_EVERY).await;
        Ok(())
    }
}

#[async_trait]
impl Source for ShardSource {
    fn part(&self) -> Part {
        Part::Shard
    }

    fn shard(&self) -> Option<ShardId> {
        Some(self.id)
    }

    fn settings(&self) -> Vec<Setting> {
        self.settings.clone()
    }

    fn metrics(&self) -> String {
        self.inspector.metrics.render()
    }

    async fn alive(&self) -> Result<(), Problem> {
        match self.inspector.ask(Ask::Status).await {
            // It is stopping in good order, or has much to do: no reason to kill it.
            Ok(_) | Err(AskError::Busy | AskError::Waiting | AskError::Stopped) => Ok(()),
            Err(AskError::Late) => Err(unanswered(AskError::Late)),
        }
    }

    async fn ready(&self) -> Result<(), Problem> {
        let status = self.inspector.ask(Ask::Status).await;
        let (status, registry) = status.map_err(unanswered)?;
        if status.draining {
            let why = "This shard gives its matches away and takes no new ones.";
            Err(Problem::new(Kind::ShardUnavailable, why))
        } else if let Some(other) = status.address_taken_by {
            let why = format!(
                "Shard {other} announces the same address to players: give each its own --public-address."
            );
            Err(Problem::new(Kind::ShardUnavailable, why))
        } else if let Some(why) = status.pause_reason {
            let why = format!("Play is paused: {why}.");
            Err(Problem::new(Kind::StoreUnavailable, why))
        } else if !registry.iter().any(|(record, _)| record.id == self.id) {
            let why = "The store has not answered this shard yet.";
            Err(Problem::new(Kind::StoreUnavailable, why))
        } else {
            Ok(())
        }
    }

    async fn list(
        &self,
        query: &MatchQuery,
        shard: Option<ShardId>,
        _asked: &str,
    ) -> Result<MatchList, Problem> {
        if shard.is_some_and(|shard| shard != self.id) {
            return Ok(MatchList {
                matches: Vec::new(),
                next: None,
                total: 0,
                stale: false,
                counts: vec![0; query.counted.len()],
            });
        }
        let page = self.inspector.ask(|reply| Ask::List(query.clone(), reply));
        let page = page.await.map_err(unanswered)?;
        let last = page.entries.last().map(|(position, _)| *position);
        let rows = page.entries.into_iter().map(|(_, row)| row);
        Ok(MatchList {
            matches: rows.map(|row| MatchSummary::new(row, self.id)).collect(),
            next: last.filter(|_| page.has_more).map(MatchSummary::cursor),
            total: page.total,
            stale: false,
            counts: page.counts,
        })
    }

    async fn held(&self) -> Result<Vec<MatchId>, Problem> {
        self.inspector.ask(Ask::Held).await.map_err(unanswered)
    }

    async fn watched(
        &self,
        wanted: Vec<(MatchId, Option<u32>)>,
    ) -> Result<Vec<WatchedMatch>, Problem> {
        let watched = self.inspector.ask(|reply| Ask::Watch(wanted, reply));
        let watched = watched.await.map_err(unanswered)?;
        let told = |(id, public): &(MatchId, PublicMatch)| WatchedMatch::new(*id, public);
        Ok(watched.iter().map(told).collect())
    }

    async fn inspect(&self, id: MatchId) -> Result<MatchDetails, Problem> {
        self.look(id).await.map(|(details, _)| details)
    }

    async fn follow(
        &self,
        id: MatchId,
        revision: &str,
        within: Duration,
    ) -> Result<MatchDetails, Problem> {
        let until = Instant::now() + within;
        loop {
            // Asked before the look, so that no change is missed between the two.
            let changed = self.inspector.follow(id).map_err(unanswered)?;
            let details = self.inspect(id).await?;
            if details.revision != revision || Instant::now() >= until {
                return Ok(details);
            }
            // Also when the match has left this shard, which the next look finds.
            let _ = timeout_at(until, changed).await;
        }
    }

    async fn game(&self, id: MatchId) -> Result<Match, Problem> {
        self.look(id).await.map(|(_, game)| game)
    }

    async fn shards(&self) -> Result<ShardList, Problem> {
        let status = self.inspector.ask(Ask::Status).await;
        let (status, registry) = status.map_err(unanswered)?;
        let mut shards: Vec<ShardView> = registry
            .into_iter()
            .map(|(record, is_dead)| ShardView::registered(&record, is_dead))
            .collect();
        shards.sort_unstable_by_key(|shard| shard.id);
        if let Some(own) = shards.iter_mut().find(|shard| shard.id == self.id) {
            own.live_matches = status.live;
            own.paused = Some(status.paused);
            own.pause_reason = status.pause_reason;
            own.figures = Some(self.inspector.metrics.figures());
        }
        Ok(ShardList {
            shards,
            stale: false,
        })
    }

    async fn adjudicate(&self, id: MatchId, outcome: Outcome) -> Result<MatchDetails, Problem> {
        let ask = |reply| Ask::Adjudicate(id, outcome, reply);
        let has_ended = |details: &MatchDetails| details.summary.status == MatchStatus::Finished;
        self.decide(id, ask, has_ended).await
    }

    async fn arbitrate(
        &self,
        id: MatchId,
        order: Order,
        expected: Option<u32>,
    ) -> Result<MatchDetails, Problem> {
        let ask = |reply| Ask::Arbitrate(id, order, expected, reply);
        self.decide(id, ask, |_| true).await
    }

    async fn hand_off(&self, id: MatchId, to: Option<ShardId>) -> Result<HandedOff, Problem> {
        let heir = self.inspector.ask(|reply| Ask::HandOver(id, to, reply));
        let heir = heir.await.map_err(unanswered)?;
        heir.map(|to| HandedOff { match_id: id, to })
            .map_err(|why| not_done(id, why))
    }

    async fn drain(&self, shard: Option<ShardId>) -> Result<ShardId, Problem> {
        if let Some(other) = shard.filter(|&shard| shard != self.id) {
            let why = format!("This is shard {}, not {other}.", self.id);
            return Err(Problem::new(Kind::ShardNotFound, why));
        }
        let Some(drain) = &self.drain else {
            let why = "This shard shares its process with others: stop the process instead.";
            return Err(Problem::new(Kind::NotPossible, why));
        };
        drain.cancel();
        Ok(self.id)
    }

    async fn revoke(&self, player: &PlayerId) -> Result<Revoked, Problem> {
        let now = shard::system_calendar();
        self.store.revoke(player, now).await?;
        let closed = self
            .inspector
            .ask(|reply| Ask::Expel(player.clone(), reply));
        Ok(Revoked {
            player: player.clone(),
            closed: closed.await.map_err(unanswered)?,
        })
    }
}

fn unanswered(why: AskError) -> Problem {
    let kind = match why {
        AskError::Busy => Kind::Overloaded,
        AskError::Waiting => Kind::StoreUnavailable,
        AskError::Late | AskError::Stopped => Kind::ShardUnavailable,
    };
    Problem::new(kind, format!("No answer: {why}."))
}

fn not_here(id: MatchId) -> Problem {
    let why = format!(
        "Match {id} is not in this shard's memory; a matchmaker's endpoint finds it wherever it is."
    );
    Problem::new(Kind::MatchNotFound, why)
}

fn not_done(id: MatchId, why: NotDone) -> Problem {
    let kind = match why {
        NotDone::NotHere => return not_here(id),
        NotDone::Over => Kind::MatchOver,
        NotDone::Paused => Kind::StoreUnavailable,
        NotDone::Changed(_) | NotDone::Refused(_) => Kind::NotPossible,
        NotDone::NoHeir => Kind::NoHeir,
        NotDone::Leaving => Kind::MatchLeaving,
    };
    Problem::new(kind, format!("Nothing was done: {why}."))
}
