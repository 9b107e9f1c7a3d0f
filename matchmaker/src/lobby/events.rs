//! `GET /v1/account/events`: what concerns the caller, as server-sent events.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use game_core::{MatchId, Player};
use lru::LruCache;
use protocol::http::{AccountEvent, ChallengeEnd, ChallengeEnded};
use serde::Serialize;
use store::{Status, Ticket, TicketId, TicketList, TicketState};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::listed::{Listed, account_match};
use super::news::Follower;
use crate::clock::now;
use crate::described::{CallerProblems, Problems};
use crate::extract::Caller;
use crate::limits::EVENTS_FOR;
use crate::matches::Shown;
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::waiting::reply;

/// Interval at which a stream looks without being woken: news that nobody hinted at is told this late at most.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// When a look that failed is repeated: the stream outlives a restart of the store.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Interval at which a stream without news shows that it is alive. Its clients are programs that have to notice soon that
/// they hear nothing.
const ALIVE_EVERY: Duration = Duration::from_secs(5);

/// Upper bound on the challenges that a stream knows of each list, the last ones.
const LISTED_MAX: usize = 100;

/// Upper bound on matches and challenges that a stream remembers as over. One that is forgotten is read once more.
const OVER_MAX: NonZeroUsize = NonZeroUsize::new(2_048).expect("not zero");

/// What concerns the caller, as server-sent events: at the opening a `match_started` for each live match and a `challenge`
/// for each challenge that waits, made or received; then `complete`; then each change, also as `challenge_ended` and
/// `match_ended`. The stream ends after some minutes; whoever opens it again is told the present state. While it is open,
/// the account of the caller is shown as online.
#[utoipa::path(get, path = "/v1/account/events", tag = "accounts", security(("player" = [])),
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        Problems, CallerProblems))]
pub(crate) async fn events(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Ok(place) = service.streams.clone().try_acquire_owned() else {
        let detail = "As many streams as may be are open. Read GET /v1/account/matches and GET /v1/challenges instead.";
        return Err(Problem::new(Kind::Overloaded, detail));
    };
    let account = service.store.account(&player.id).await?;
    let is_bot = account.map(|account| account.is_bot);
    // Before the first look: what changes after it wakes the stream.
    let follower = service.news.follow(&player.id, is_bot);
    if let Some(is_bot) = is_bot {
        service.put_online(&[(player.id.clone(), is_bot)]).await;
    }
    let mut told = Told {
        service,
        player,
        challenges: BTreeMap::new(),
        matches: HashSet::new(),
        over: LruCache::new(OVER_MAX),
        is_complete: false,
        next: VecDeque::new(),
    };
    told.look(&[]).await?;
    told.is_complete = true;
    told.push(AccountEvent::Complete, &serde_json::json!({}));
    let following = Following {
        told,
        follower,
        ends_at: Instant::now() + EVENTS_FOR,
        _place: place,
    };
    let events = unfold(following, |mut following| async move {
        let event = following.event().await?;
        Some((Ok(event), following))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE_EVERY)))
}

/// One stream.
struct Following {
    told: Told,
    follower: Follower,
    ends_at: Instant,
    _place: OwnedSemaphorePermit,
}

impl Following {
    /// The next event; `None` if the client should open the stream again.
    async fn event(&mut self) -> Option<Event> {
        let mut look_at = Instant::now() + LOOK_EVERY;
        let mut about = Vec::new();
        loop {
            if let Some(event) = self.told.next.pop_front() {
                return Some(event);
            }
            tokio::select! {
                () = sleep_until(look_at.min(self.ends_at)) => {}
                () = self.follower.woken() => {}
                () = self.told.service.shutdown.cancelled() => return None,
            }
            if Instant::now() >= self.ends_at || self.follower.is_superseded() {
                return None;
            }
            about.extend(self.follower.take());
            look_at = Instant::now() + LOOK_EVERY;
            match self.told.look(&about).await {
                Ok(()) => about.clear(),
                Err(problem) => {
                    debug!(detail = problem.detail, "a player's news cannot be read");
                    look_at = Instant::now() + RETRY_AFTER;
                }
            }
        }
    }
}

/// What one stream has told, to which each look is compared.
struct Told {
    service: Arc<Service>,
    player: Player,
    /// The challenges that wait.
    challenges: BTreeMap<TicketId, Ticket>,
    /// The matches that are live.
    matches: HashSet<MatchId>,
    /// What is over, challenges under the ids of their matches, each with whether it was a match.
    over: LruCache<(MatchId, IsMatch), ()>,
    /// Whether the state at the opening has been told.
    is_complete: bool,
    /// The events that are told next.
    next: VecDeque<Event>,
}

/// Whether a match is meant, or a challenge.
type IsMatch = bool;

impl Told {
    /// Reads the present state, and adds an event for each difference. After a failure, the differences that were found are
    /// told, and the next look finds the others. What `about` names is looked at even if no list has it any more.
    async fn look(&mut self, about: &[MatchId]) -> Result<(), Problem> {
        self.look_at_challenges(about).await?;
        self.look_at_matches(about).await
    }

    async fn look_at_challenges(&mut self, about: &[MatchId]) -> Result<(), Problem> {
        let waiting = self.waiting().await?;
        let is_gone = |id: &&TicketId| !waiting.contains_key(*id);
        let gone: Vec<TicketId> = self.challenges.keys().filter(is_gone).copied().collect();
        for id in gone {
            self.challenge_gone(id).await?;
        }
        for (id, ticket) in waiting {
            if !self.challenges.contains_key(&id) {
                self.challenge(ticket);
            }
        }
        for id in about {
            let id = TicketId::from(*id);
            if self.challenges.contains_key(&id) || self.is_over(id.match_id(), false) {
                continue;
            }
            // One that came and went between two looks.
            let ticket = self.service.store.ticket(id).await?;
            if let Some(ticket) = ticket.filter(|ticket| self.is_concerned_by(ticket)) {
                self.challenge(ticket);
                self.challenge_gone(id).await?;
            }
        }
        Ok(())
    }

    /// The challenges that wait, made and received.
    async fn waiting(&self) -> Result<BTreeMap<TicketId, Ticket>, Problem> {
        let me = &self.player.id;
        let mut waiting = BTreeMap::new();
        for list in [TicketList::By(me.clone()), TicketList::To(me.clone())] {
            let tickets = self.service.store.waiting(&list, LISTED_MAX).await?;
            let there = tickets
                .into_iter()
                .filter(|ticket| ticket.pool.is_none() && !ticket.is_abandoned(now()));
            waiting.extend(there.map(|ticket| (ticket.id, ticket)));
        }
        Ok(waiting)
    }

    fn is_concerned_by(&self, ticket: &Ticket) -> bool {
        let me = &self.player.id;
        ticket.pool.is_none() && (ticket.player.id == *me || ticket.opponent.as_ref() == Some(me))
    }

    /// Tells of a challenge that waits.
    fn challenge(&mut self, ticket: Ticket) {
        let as_it_waited = Ticket {
            state: TicketState::Waiting,
            ..ticket
        };
        self.push(AccountEvent::Challenge, &reply(&as_it_waited));
        self.challenges.insert(as_it_waited.id, as_it_waited);
    }

    /// Tells how a challenge ended that is in no list any more.
    async fn challenge_gone(&mut self, id: TicketId) -> Result<(), Problem> {
        let Some(known) = self.challenges.get(&id) else {
            return Ok(());
        };
        let found = self.service.store.ticket(id).await?;
        let (why, ticket) = match found {
            None => (ChallengeEnd::Expired, known.clone()),
            Some(ticket) if ticket.is_abandoned(now()) => (ChallengeEnd::Expired, ticket),
            Some(ticket) => match &ticket.state {
                // Its list has more than are read.
                TicketState::Waiting => return Ok(()),
                TicketState::Assigned(assignment) => {
                    // Whoever accepted it may have died before the match was made.
                    self.service.ensure_match(&ticket, assignment).await?;
                    (ChallengeEnd::Accepted, ticket)
                }
                TicketState::Cancelled => (ChallengeEnd::Cancelled, ticket),
                TicketState::Declined(_) => (ChallengeEnd::Declined, ticket),
            },
        };
        self.challenges.remove(&id);
        self.over.put((id.match_id(), false), ());
        let challenge = reply(&ticket);
        let ended = ChallengeEnded { why, challenge };
        self.push(AccountEvent::ChallengeEnded, &ended);
        Ok(())
    }

    async fn look_at_matches(&mut self, about: &[MatchId]) -> Result<(), Problem> {
        let live: Vec<MatchId> = self.matches.iter().copied().collect();
        for id in live {
            if !self.is_live(id).await? {
                self.match_ended(id).await?;
            }
        }
        let listed = self.service.listed(&self.player.id).await?;
        let mut ids = listed.ids();
        // The first that began first.
        ids.reverse();
        let unlisted = about.iter().filter(|id| !ids.contains(id));
        let unlisted: Vec<MatchId> = unlisted.copied().collect();
        for id in ids.into_iter().chain(unlisted) {
            if !self.matches.contains(&id) && !self.is_over(id, true) {
                self.look_at_match(id, &listed, about.contains(&id)).await?;
            }
        }
        let over: HashSet<MatchId> = listed.ids().into_iter().collect();
        let over = over
            .into_iter()
            .filter(|id| self.is_over(*id, true))
            .collect();
        self.service.unlist(&self.player.id, &listed, &over).await
    }

    async fn is_live(&self, id: MatchId) -> Result<bool, Problem> {
        let ownership = self.service.store.ownership(id).await?;
        Ok(ownership.is_some_and(|known| known.status == Status::Live))
    }

    /// Tells of a match that was not known, if it is live, or if it came and went between two looks.
    async fn look_at_match(
        &mut self,
        id: MatchId,
        listed: &Listed,
        is_news: bool,
    ) -> Result<(), Problem> {
        let mut ownership = self.service.store.ownership(id).await?;
        if ownership.is_none() {
            if self.service.complete_or_give_up(listed, id).await? {
                if listed.ids().contains(&id) {
                    self.over.put((id, true), ());
                }
                return Ok(());
            }
            ownership = self.service.store.ownership(id).await?;
        }
        let Some(ownership) = ownership else {
            return Ok(());
        };
        let is_live = ownership.status == Status::Live;
        if !is_live && !(is_news && self.is_complete) {
            self.over.put((id, true), ());
            return Ok(());
        }
        let Some(shown) = self.stored(id).await? else {
            return Ok(());
        };
        let Some(found) = account_match(&self.player.id, &shown) else {
            // A hint about the match of somebody else.
            self.over.put((id, true), ());
            return Ok(());
        };
        self.push(AccountEvent::MatchStarted, &found);
        self.matches.insert(id);
        if shown.game.outcome().is_some() {
            self.match_ended(id).await?;
        }
        Ok(())
    }

    /// Tells how a match ended.
    async fn match_ended(&mut self, id: MatchId) -> Result<(), Problem> {
        let shown = self.stored(id).await?;
        self.matches.remove(&id);
        self.over.put((id, true), ());
        let found = shown.and_then(|shown| account_match(&self.player.id, &shown));
        if let Some(found) = found {
            self.push(AccountEvent::MatchEnded, &found);
        }
        Ok(())
    }

    /// A match as it is stored; `None` if it is gone.
    async fn stored(&self, id: MatchId) -> Result<Option<Shown>, Problem> {
        match self.service.restore(id).await {
            Ok(game) => Ok(Some(Shown::whole(game))),
            Err(problem) if problem.kind == Kind::MatchNotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    fn is_over(&self, id: MatchId, is_match: IsMatch) -> bool {
        self.over.contains(&(id, is_match))
    }

    fn push(&mut self, kind: AccountEvent, data: &impl Serialize) {
        let event = Event::default().event(kind.name()).json_data(data);
        self.next.push_back(event.expect("what is told is JSON"));
    }
}
