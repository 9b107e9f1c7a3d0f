//! The admin endpoint of the whole installation: each owner is asked about its matches, and the store answers for
//! owners that cannot be reached and for matches that no owner reports.

mod census;
mod club;
mod players;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admin::{
    Access, Backlog, CodeMade, FinishedList, FinishedQuery, HandedOff, HeldList, InvitationList,
    InvitationMade, Kind, MatchDetails, MatchList, MatchSummary, NewInvitation, NewPlayers,
    OpenChallengeList, OrderBody, Part, PlayerList, PlayerQuery, PlayersMade, PoolList, Problem,
    Removed, Restored, Revoked, Setting, ShardList, ShardState, ShardView, Source, TicketList,
    WatchedMatch,
};
use async_trait::async_trait;
use axum::http::Method;
use game_core::{Match, MatchId, Order, Outcome, PlayerId, ShardId};
use program::Reload;
use protocol::http::{NewRound, NewRuling, NewTournament, TournamentReply};
use serde_json::{Value, json};
use shard_core::{MatchQuery, PageSelection};
use store::{
    Archive, Ownership, Registered, SecretDigest, ShardRecord, Status, Store, TournamentId,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::census::{Census, Stray};
use crate::clock::now;
use crate::finisher::FinisherFigures;
use crate::registry::{Fate, RegistryView};
use crate::serve::SharedState;
use crate::shard_client::ShardClient;
use crate::tournaments::Organiser;
use crate::watching::list::placed;

/// Attempts to have a match ended by its heir, which may not yet know that the owner is dead.
const TAKE_ATTEMPTS: u32 = 8;
/// Interval between two attempts.
const TAKE_EVERY: Duration = Duration::from_millis(500);

/// Before another look at a match without an owner that answers.
const OWNERLESS_LOOK_EVERY: Duration = Duration::from_millis(200);

/// Serves the admin endpoint of the whole installation until `shutdown`, beside a [`run`](crate::run) with the
/// same [`SharedState`]. Shards are shown its certificate or, without TLS, the first token of `access`; the certificate
/// is read again on `reload`.
pub async fn operate(
    listener: TcpListener,
    access: Access,
    settings: Vec<Setting>,
    shared: SharedState,
    reload: Reload,
    shutdown: CancellationToken,
) {
    let client = ShardClient::new(&access);
    // Players read live matches by the same client.
    let _ = shared.shards.set(client.clone());
    let source = ClusterSource {
        views: shared.views.subscribe(),
        store: shared.store.clone(),
        archive: Arc::clone(&shared.archive),
        client,
        finisher: shared.finisher.clone(),
        organiser: Organiser {
            store: shared.store.clone(),
            views: shared.views.subscribe(),
            new_round: Arc::clone(&shared.new_round),
        },
        shared,
        census: Census::default(),
        settings,
    };
    admin::serve(listener, access, Arc::new(source), reload, shutdown).await;
}

struct ClusterSource {
    store: Arc<dyn Store>,
    archive: Arc<dyn Archive>,
    views: watch::Receiver<Arc<RegistryView>>,
    client: ShardClient,
    shared: SharedState,
    finisher: FinisherFigures,
    organiser: Organiser,
    census: Census,
    settings: Vec<Setting>,
}

/// A shard of the registry, and whether it is dead.
struct Known {
    record: ShardRecord,
    is_dead: bool,
}

impl Known {
    /// Its admin endpoint, if it can be asked.
    fn admin(&self) -> Option<SocketAddr> {
        self.record.admin.filter(|_| !self.is_dead)
    }
}

impl ClusterSource {
    async fn registry(&self) -> Result<Vec<Known>, Problem> {
        let registry = self.store.shards().await?;
        let view = self.views.borrow().clone();
        let known = |record: &ShardRecord| Known {
            is_dead: view.fate(record.id) == Fate::Dead,
            record: record.clone(),
        };
        let records = registry.iter().filter_map(Registered::record);
        Ok(records.map(known).collect())
    }

    /// The live owner of a live match.
    async fn owner(&self, id: MatchId) -> Result<SocketAddr, Problem> {
        let ownership = self.live_ownership(id).await?;
        let view = self.views.borrow().clone();
        let admin = match view.fate(ownership.owner) {
            Fate::Lives(record) | Fate::Suspect(record) => record.admin,
            _ => None,
        };
        admin.ok_or_else(|| {
            let why = format!(
                "Its owner, shard {}, cannot be asked. Try again.",
                ownership.owner
            );
            Problem::new(Kind::ShardUnavailable, why)
        })
    }

    async fn stored(&self, id: MatchId) -> Result<(MatchDetails, Match), Problem> {
        let checkpoint = self.store.load(id).await?.ok_or_else(|| not_found(id))?;
        MatchDetails::stored(checkpoint).map_err(|error| {
            tracing::error!(match_id = %id, %error, "a stored match cannot be restored");
            let why = "What is stored of this match cannot be read; the log says why.";
            Problem::new(Kind::Internal, why)
        })
    }

    /// The live matches of the store that no shard reports: those of owners that did not answer or are gone, and
    /// those that their owners do not have in memory. Also returns whether the list is complete.
    async fn strays(
        &self,
        of: Option<ShardId>,
        told: &HashMap<ShardId, ShardRecord>,
    ) -> Result<(Vec<Arc<Stray>>, bool), Problem> {
        let (mut live, mut all_named) = self.census.live(&*self.store).await?;
        live.retain(|(_, ownership)| of.is_none_or(|shard| shard == ownership.owner));
        let mut counts: HashMap<ShardId, u32> = HashMap::new();
        for (_, ownership) in &live {
            *counts.entry(ownership.owner).or_default() += 1;
        }
        // Asked only if the numbers differ, as the answer is long.
        let mut held = HashSet::new();
        for (id, record) in told {
            if counts.get(id).is_some_and(|count| *count > record.live) {
                match self.held_by(record).await {
                    Ok(matches) => {
                        held.extend(matches);
                        continue;
                    }
                    Err(_) => all_named = false,
                }
            }
            live.retain(|(_, ownership)| ownership.owner != *id);
        }
        live.retain(|(id, _)| !held.contains(id));
        let (strays, all_read) = self.census.read(&self.store, &live).await?;
        Ok((strays, all_named && all_read))
    }

    async fn held_by(&self, shard: &ShardRecord) -> Result<Vec<MatchId>, Problem> {
        let Some(address) = shard.admin else {
            return Ok(Vec::new());
        };
        let answer = self
            .client
            .ask::<HeldList>(Method::GET, address, "/v1/held", None);
        answer.await.map(|held| held.matches)
    }

    /// Has a live match decided about by its owner or, if that is gone, by its heir.
    async fn decide(&self, id: MatchId, path: &str, body: &Value) -> Result<MatchDetails, Problem> {
        let mut attempts = 0;
        loop {
            let (address, is_owner) = self.arbiter(id).await?;
            let answer = self.client.ask(Method::POST, address, path, Some(body));
            attempts += 1;
            match answer.await {
                Err(problem)
                    if problem.kind == Kind::ShardUnavailable
                        && !is_owner
                        && attempts < TAKE_ATTEMPTS =>
                {
                    sleep(TAKE_EVERY).await;
                }
                answer => return answer,
            }
        }
    }

    /// The shard to ask to end a live match: its owner or, if that is gone, the heir. Also whether it is the owner.
    async fn arbiter(&self, id: MatchId) -> Result<(SocketAddr, bool), Problem> {
        let ownership = self.live_ownership(id).await?;
        let view = self.views.borrow().clone();
        match view.fate(ownership.owner) {
            Fate::Dead => {}
            Fate::Absent => {
                // A shard that has just started may own it already.
                let registry = self.store.shards().await?;
                let mut records = registry.iter().filter_map(Registered::record);
                if let Some(owner) = records.find(|shard| shard.id == ownership.owner)
                    && let Some(address) = owner.admin
                {
                    return Ok((address, true));
                }
            }
            _ => return self.owner(id).await.map(|address| (address, true)),
        }
        let heir = view.taker(id, ownership.owner, |record| record.admin.is_some());
        let address = heir.and_then(|record| record.admin).ok_or_else(|| {
            let why = format!(
                "Its owner, shard {}, is gone, and there is no live shard with an admin endpoint and room \
                 to take the match and end it. Start one, then try again.",
                ownership.owner
            );
            Problem::new(Kind::NoHeir, why)
        })?;
        Ok((address, false))
    }

    /// The ownership of a match that has not ended.
    async fn live_ownership(&self, id: MatchId) -> Result<Ownership, Problem> {
        let ownership = self.store.ownership(id).await?;
        let ownership = ownership.ok_or_else(|| not_found(id))?;
        if ownership.status == Status::Finished {
            return Err(Problem::new(Kind::MatchOver, "The match has ended."));
        }
        Ok(ownership)
    }
}

#[async_trait]
impl Source for ClusterSource {
    fn part(&self) -> Part {
        Part::Matchmaker
    }

    fn shard(&self) -> Option<ShardId> {
        None
    }

    fn settings(&self) -> Vec<Setting> {
        self.settings.clone()
    }

    fn metrics(&self) -> String {
        let view = self.views.borrow().clone();
        crate::metrics::render(&view, &self.finisher) + &self.shared.metrics()
    }

    async fn alive(&self) -> Result<(), Problem> {
        Ok(())
    }

    async fn ready(&self) -> Result<(), Problem> {
        self.store.shards().await.map(|_| ()).map_err(Problem::from)
    }

    async fn list(
        &self,
        query: &MatchQuery,
        shard: Option<ShardId>,
        asked: &str,
    ) -> Result<MatchList, Problem> {
        let registry = self.registry().await?;
        let wanted = registry
            .into_iter()
            .filter(|known| shard.is_none_or(|shard| shard == known.record.id));
        let mut asking = JoinSet::new();
        for known in wanted {
            if let Some(address) = known.admin() {
                let path = format!("/v1/matches?{asked}");
                let page = self
                    .client
                    .ask::<MatchList>(Method::GET, address, &path, None);
                asking.spawn(async move { (known.record, page.await) });
            }
        }
        let mut selection = PageSelection::new(query);
        let (mut told, mut listed) = (HashMap::new(), HashSet::new());
        while let Some(answer) = asking.join_next().await {
            match answer {
                Ok((record, Ok(page))) => {
                    listed.extend(page.matches.iter().map(|summary| summary.match_id));
                    selection.merge(placed(page, query));
                    told.insert(record.id, record);
                }
                Ok((record, Err(problem))) => {
                    tracing::warn!(shard = %record.id, problem = problem.code(), "a shard cannot be asked");
                }
                Err(error) => tracing::error!(%error, "a request to a shard failed"),
            }
        }
        let mut complete = true;
        if query.live != Some(false) {
            let (strays, all) = self.strays(shard, &told).await?;
            complete = all;
            for stray in strays {
                if !listed.contains(&stray.summary.match_id) {
                    selection.offer(&stray.facts(), stray.summary.clone());
                }
            }
        }
        let page = selection.into_page();
        let last = page.entries.last().map(|(position, _)| *position);
        let matches: Vec<_> = page
            .entries
            .into_iter()
            .map(|(_, summary)| summary)
            .collect();
        Ok(MatchList {
            next: last.filter(|_| page.has_more).map(MatchSummary::cursor),
            total: page.total,
            counts: page.counts,
            stale: !complete || matches.iter().any(|summary| summary.stale),
            matches,
        })
    }

    async fn watched(
        &self,
        _wanted: Vec<(MatchId, Option<u32>)>,
    ) -> Result<Vec<WatchedMatch>, Problem> {
        let why =
            "Only shards have matches to watch; everybody may read them at the matchmaker itself.";
        Err(Problem::new(Kind::NotPossible, why))
    }

    async fn inspect(&self, id: MatchId) -> Result<MatchDetails, Problem> {
        if let Ok(owner) = self.owner(id).await {
            let path = format!("/v1/matches/{id}");
            if let Ok(details) = self.client.ask(Method::GET, owner, &path, None).await {
                return Ok(details);
            }
        }
        self.stored(id).await.map(|(details, _)| details)
    }

    async fn follow(
        &self,
        id: MatchId,
        revision: &str,
        within: Duration,
    ) -> Result<MatchDetails, Problem> {
        let began_at = Instant::now();
        if let Ok(owner) = self.owner(id).await {
            let wait_ms = within.as_millis();
            let path = format!("/v1/matches/{id}?revision={revision}&wait_ms={wait_ms}");
            if let Ok(details) = self.client.ask(Method::GET, owner, &path, None).await {
                return Ok(details);
            }
        }
        // No owner waits for it: nobody changes the match until another shard has it.
        let (details, _) = self.stored(id).await?;
        let rest = within.saturating_sub(began_at.elapsed());
        if details.revision == revision && !rest.is_zero() {
            sleep(rest.min(OWNERLESS_LOOK_EVERY)).await;
            return self.stored(id).await.map(|(details, _)| details);
        }
        Ok(details)
    }

    async fn game(&self, id: MatchId) -> Result<Match, Problem> {
        self.stored(id).await.map(|(_, game)| game)
    }

    async fn shards(&self) -> Result<ShardList, Problem> {
        let registry = self.registry().await?;
        let mut asking = JoinSet::new();
        for known in &registry {
            let Some(address) = known.admin() else {
                continue;
            };
            let id = known.record.id;
            let answer = self
                .client
                .ask::<ShardList>(Method::GET, address, "/v1/shards", None);
            asking.spawn(async move {
                let shards = answer.await.ok()?.shards;
                shards.into_iter().find(|shard| shard.id == id)
            });
        }
        let mut answers = HashMap::new();
        while let Some(answer) = asking.join_next().await {
            if let Ok(Some(shard)) = answer {
                answers.insert(shard.id, shard);
            }
        }
        let shards = registry.iter().map(|Known { record, is_dead }| {
            let asked = answers.remove(&record.id);
            asked.unwrap_or_else(|| ShardView::registered(record, *is_dead))
        });
        let shards: Vec<_> = shards.collect();
        Ok(ShardList {
            stale: shards
                .iter()
                .any(|shard| shard.state != ShardState::Dead && shard.figures.is_none()),
            shards,
        })
    }

    async fn adjudicate(&self, id: MatchId, outcome: Outcome) -> Result<MatchDetails, Problem> {
        let (path, body) = match outcome {
            Outcome::Aborted => (format!("/v1/matches/{id}/abort"), json!({})),
            outcome => (
                format!("/v1/matches/{id}/adjudicate"),
                json!({ "outcome": outcome }),
            ),
        };
        self.decide(id, &path, &body).await
    }

    async fn arbitrate(
        &self,
        id: MatchId,
        order: Order,
        expected: Option<u32>,
    ) -> Result<MatchDetails, Problem> {
        let path = format!("/v1/matches/{id}/order");
        self.decide(id, &path, &json!(OrderBody::new(order, expected)))
            .await
    }

    async fn held(&self) -> Result<Vec<MatchId>, Problem> {
        let mut held = Vec::new();
        for known in self.registry().await? {
            if !known.is_dead {
                held.extend(self.held_by(&known.record).await?);
            }
        }
        Ok(held)
    }

    async fn hand_off(&self, id: MatchId, to: Option<ShardId>) -> Result<HandedOff, Problem> {
        let owner = self.owner(id).await?;
        let path = format!("/v1/matches/{id}/handoff");
        let body = json!({ "to": to });
        self.client
            .ask(Method::POST, owner, &path, Some(&body))
            .await
    }

    async fn drain(&self, shard: Option<ShardId>) -> Result<ShardId, Problem> {
        let shard = shard.ok_or_else(|| {
            let why = "Say which shard is to drain: {\"shard\": ID}.";
            Problem::new(Kind::InvalidRequest, why)
        })?;
        let registry = self.registry().await?;
        let known = registry.iter().find(|known| known.record.id == shard);
        let known = known.ok_or_else(|| {
            Problem::new(Kind::ShardNotFound, format!("No shard has the id {shard}."))
        })?;
        let address = known.admin().ok_or_else(|| {
            let why = format!("Shard {shard} is dead or has no admin endpoint.");
            Problem::new(Kind::ShardUnavailable, why)
        })?;
        let body = json!({});
        let answer =
            self.client
                .ask::<serde_json::Value>(Method::POST, address, "/v1/drain", Some(&body));
        answer.await.map(|_| shard)
    }

    async fn revoke(&self, player: &PlayerId) -> Result<Revoked, Problem> {
        // It is in force from here on: a shard that cannot be asked reads it with its next heartbeat.
        self.store.revoke(player, now()).await?;
        let mut closed = 0;
        for known in self.registry().await? {
            if let Some(address) = known.admin() {
                let path = format!("/v1/players/{player}/revoke");
                let body = json!({});
                let answer = self
                    .client
                    .ask(Method::POST, address, &path, Some(&body))
                    .await;
                closed += answer.map_or(0, |answer: Revoked| answer.closed);
            }
        }
        Ok(Revoked {
            player: player.clone(),
            closed,
        })
    }

    async fn players(&self, query: &PlayerQuery) -> Result<PlayerList, Problem> {
        players::list(&*self.store, query).await
    }

    async fn create_players(&self, request: &NewPlayers) -> Result<PlayersMade, Problem> {
        players::create(&*self.store, request).await
    }

    async fn login_code(&self, player: &PlayerId, hours: u32) -> Result<CodeMade, Problem> {
        players::login_code(&*self.store, player, hours).await
    }

    async fn restore(&self, player: &PlayerId) -> Result<Restored, Problem> {
        players::restore(&*self.store, player).await
    }

    async fn remove_player(&self, player: &PlayerId) -> Result<Removed, Problem> {
        players::remove(&*self.store, player).await
    }

    async fn invitations(&self) -> Result<InvitationList, Problem> {
        players::invitations(&*self.store).await
    }

    async fn invite(&self, request: &NewInvitation) -> Result<InvitationMade, Problem> {
        players::invite(&*self.store, request).await
    }

    async fn withdraw_invitation(&self, digest: &SecretDigest) -> Result<InvitationList, Problem> {
        players::withdraw(&*self.store, digest).await
    }

    async fn put_tournament(
        &self,
        id: &TournamentId,
        request: &NewTournament,
    ) -> Result<TournamentReply, Problem> {
        self.organiser.put_tournament(id, request).await
    }

    async fn put_round(
        &self,
        id: &TournamentId,
        round: u16,
        request: &NewRound,
    ) -> Result<TournamentReply, Problem> {
        self.organiser.put_round(id, round, request).await
    }

    async fn rule(
        &self,
        id: &TournamentId,
        ruling: &NewRuling,
    ) -> Result<TournamentReply, Problem> {
        self.organiser.rule(id, ruling).await
    }

    async fn pools(&self) -> Result<PoolList, Problem> {
        club::pools(&*self.store).await
    }

    async fn tickets(&self, pool: &str) -> Result<TicketList, Problem> {
        club::tickets(&*self.store, pool).await
    }

    async fn challenges(&self) -> Result<OpenChallengeList, Problem> {
        club::challenges(&*self.store).await
    }

    async fn finished(&self, query: FinishedQuery) -> Result<FinishedList, Problem> {
        club::finished(&*self.archive, query).await
    }

    async fn backlog(&self) -> Result<Backlog, Problem> {
        club::backlog(&*self.store).await
    }
}

fn not_found(id: MatchId) -> Problem {
    Problem::new(Kind::MatchNotFound, format!("No match has the id {id}."))
}
