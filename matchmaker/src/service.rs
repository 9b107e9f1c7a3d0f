//! State that all requests share.

use std::sync::Arc;
use std::time::Duration;

use game_core::{MatchId, PlayerId, UnixMillis};
use protocol::http::PlayerReply;
use store::{Archive, ShardRecord, Store};
use tokens::{PlayerClaims, SigningKey, VerifyingKey};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use web::{Api, Bounds};

use crate::allowances::Allowances;
use crate::config::Config;
use crate::endings::Endings;
use crate::identity::{Issuer, Passwords};
use crate::limits::{ANSWER_WITHIN, BODY_LEN_MAX, BODY_WITHIN, EXPORTS_MAX, FEED_READERS_MAX};
use crate::lobby::NewsBoard;
use crate::pool_board::PoolBoard;
use crate::problem::{Kind, Problem};
use crate::registry::RegistryView;
use crate::request_metrics::RequestMetrics;
use crate::wakers::Wakers;
use crate::watching::{ShardLink, Watching};

/// Suggested wait of a client that a nearly full store had no room for: room comes as matches expire, more slowly
/// than outages end.
const ROOM_AFTER: Duration = Duration::from_secs(30);

/// One matchmaker: its key, its configuration, its store and its view of the shards.
pub(crate) struct Service {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    /// Where finished matches are kept: the store itself, unless there is another archive.
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) key: SigningKey,
    /// The other half of `key`.
    pub(crate) verifying_key: VerifyingKey,
    /// The newest view of the registry.
    pub(crate) views: watch::Receiver<Arc<RegistryView>>,
    /// The rate limits of addresses.
    pub(crate) allowances: Allowances,
    /// Hashes passwords.
    pub(crate) passwords: Passwords,
    /// The issuer whose tokens are accepted beside our own.
    pub(crate) issuer: Option<Issuer>,
    /// The ended matches that are not shown to the public yet.
    pub(crate) endings: Endings,
    /// The live matches that are watched here.
    pub(crate) watching: Watching,
    /// The bounds on requests.
    pub(crate) bounds: Bounds,
    /// One permit for each export under way.
    pub(crate) exports: Arc<Semaphore>,
    /// One permit for each reader that follows the feed.
    pub(crate) feed_readers: Arc<Semaphore>,
    /// Counts requests.
    pub(crate) metrics: RequestMetrics,
    /// The pools that are offered, and what was last counted of them.
    pub(crate) pools: PoolBoard,
    /// Wakes the streams of events of players.
    pub(crate) news: Arc<NewsBoard>,
    /// Wakes requests that wait for a ticket.
    pub(crate) wakers: Arc<Wakers>,
    /// Lets the pools be looked at, as a ticket was made.
    pub(crate) new_ticket: Notify,
    /// Lets the tournaments be looked at, as a round has begun.
    pub(crate) new_round: Arc<Notify>,
    /// The places of streams of events.
    pub(crate) streams: Arc<Semaphore>,
    /// Also ends the requests that wait for an opponent.
    pub(crate) shutdown: CancellationToken,
}

impl Api for Service {
    type Problem = Problem;

    const TOKEN_NEEDED: &'static str =
        "Send \"Authorization: Bearer TOKEN\" with a player token from POST /v1/players.";

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}

/// What a matchmaker works with.
pub(crate) struct Resources {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) views: watch::Receiver<Arc<RegistryView>>,
    pub(crate) metrics: RequestMetrics,
    pub(crate) shards: ShardLink,
    pub(crate) new_round: Arc<Notify>,
}

impl Service {
    pub(crate) fn new(
        config: Config,
        key: SigningKey,
        resources: Resources,
        shutdown: CancellationToken,
    ) -> Arc<Self> {
        let Resources {
            store,
            archive,
            views,
            metrics,
            shards,
            new_round,
        } = resources;
        Arc::new(Self {
            verifying_key: key.verifying_key(),
            bounds: Bounds {
                body_len_max: BODY_LEN_MAX,
                body_within: BODY_WITHIN,
                answer_within: ANSWER_WITHIN,
                requests: Semaphore::new(config.requests_max),
            },
            allowances: Allowances::new(&config.limits),
            passwords: Passwords::new(),
            issuer: config.identity.issuer.clone().map(Issuer::new),
            endings: Endings::default(),
            news: Arc::default(),
            wakers: Arc::default(),
            new_ticket: Notify::new(),
            new_round,
            streams: Arc::new(Semaphore::new(config.requests_max / 2)),
            watching: Watching::new(shards),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            feed_readers: Arc::new(Semaphore::new(FEED_READERS_MAX)),
            pools: PoolBoard::new(&config.page.pool),
            config,
            store,
            archive,
            key,
            views,
            metrics,
            shutdown,
        })
    }

    /// A player with a token that is signed as of `made_at`.
    pub(crate) fn signed(
        &self,
        player: PlayerId,
        name: String,
        bot: bool,
        made_at: UnixMillis,
    ) -> PlayerReply {
        let (exp, expires_at) = expiry(made_at, self.config.player_token_ttl);
        let claims = PlayerClaims {
            player: player.clone(),
            name: name.clone(),
            bot,
            made_at: Some(made_at),
            exp,
        };
        PlayerReply {
            player,
            name,
            token: self.key.player_token(&claims),
            expires_at,
        }
    }

    /// The newest view of the shards.
    pub(crate) fn view(&self) -> Arc<RegistryView> {
        self.views.borrow().clone()
    }

    /// Refuses if the store is nearly full: the room that is left is for the matches in play.
    pub(crate) fn check_store_room(&self) -> Result<(), Problem> {
        if self.view().room().is_for_new() {
            return Ok(());
        }
        let detail =
            "The store is nearly full: matches in play go on, and none are begun. Try again later.";
        Err(Problem::new(Kind::StoreFull, detail).after(ROOM_AFTER))
    }

    /// Refuses if no shard takes a new match, or the store has no room for it.
    pub(crate) fn check_shards(&self) -> Result<(), Problem> {
        self.check_store_room()?;
        let view = self.view();
        view.draw(0).map(|_| ()).ok_or_else(|| no_shard(&view))
    }

    /// A new id, of a match or of a challenge whose match keeps it. Its tag is the home of a shard with room; without
    /// one it is any.
    pub(crate) fn new_match_id(&self) -> MatchId {
        new_match_id(&self.view())
    }

    /// The first owner of a new match.
    pub(crate) fn shard_for_new(&self, id: MatchId) -> Result<ShardRecord, Problem> {
        self.check_store_room()?;
        let view = self.view();
        view.for_new(id, rand::random())
            .cloned()
            .ok_or_else(|| no_shard(&view))
    }

    /// Whether few enough requests are under way for this one to wait for an opponent.
    pub(crate) fn may_wait(&self) -> bool {
        self.bounds.requests.available_permits() > self.config.requests_max / 2
    }
}

/// A new id, as [`Service::new_match_id`] draws it.
pub(crate) fn new_match_id(view: &RegistryView) -> MatchId {
    let bits = rand::random();
    match view.draw(rand::random()) {
        Some(shard) => MatchId::with_tag(shard.id.home(), bits),
        None => MatchId::from_random(bits),
    }
}

/// The problem if no shard takes matches.
pub(crate) fn no_shard(view: &RegistryView) -> Problem {
    let detail = if view.observed() {
        "No live shard takes matches now. Start one, or try again."
    } else {
        "The registry of shards has not been read yet. Try again."
    };
    Problem::new(Kind::NoShard, detail)
}

/// The end of validity of a token that is signed at `now`: in seconds for the token, in milliseconds for the reply.
pub(crate) fn expiry(now: UnixMillis, ttl: Duration) -> (u64, UnixMillis) {
    let exp_s = (now.0 / 1_000).saturating_add(ttl.as_secs());
    (exp_s, UnixMillis(exp_s.saturating_mul(1_000)))
}
