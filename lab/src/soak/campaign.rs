//! A campaign of faults: a soak that ends after so many faults of every kind, and then reads what is on the disk.

use std::path::PathBuf;
use std::time::Duration;

use game_core::{ClockStart, TimeControl};
use supervisor::RedisKind;
use tokio_util::sync::CancellationToken;

use super::Soak;
use super::args::{EndsAt, SoakConfig, SoakTransport, Trouble, Venue};
use super::oracle::Promise;
use super::report::Report;
use super::think::Think;
use crate::cluster::LocalPlan;
use crate::engine::EngineKind;
use crate::faults::{FaultKind, Sabotage};

/// How a campaign runs.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The program `rookery`.
    pub server: PathBuf,
    /// What runs in each place once it is started anew, if not the same: another version.
    pub upgrade_to: Option<PathBuf>,
    /// Faults that are brought about.
    pub faults: u32,
    /// Matches in play at any time.
    pub matches: usize,
    /// Decides everything that is left to chance, but the machine's timing.
    pub seed: u64,
    /// How its Redis is run.
    pub store: RedisKind,
    /// Replicas that must have a write before it counts as stored.
    pub store_replicas: u32,
    /// The kinds of faults, each as often as any other.
    pub kinds: Vec<FaultKind>,
    /// Between the beginnings of two faults, on average.
    pub every: Duration,
    /// A player thinks at least and at most so long for a move.
    pub thinks: (Duration, Duration),
    /// A safeguard that is taken out, and the binary that runs shards without one.
    pub sabotage: Option<(Sabotage, PathBuf)>,
    /// Where the logs of the processes stay; by default they go with the campaign.
    pub logs: Option<PathBuf>,
    /// Where every client's operations are written, as `docs/histories.md` says.
    pub history: Option<PathBuf>,
}

impl Campaign {
    /// A short one against this program `rookery` on a Redis of this kind, where a replica confirms every write if one
    /// may take over.
    #[must_use]
    pub fn on(store: RedisKind, server: PathBuf) -> Self {
        Self {
            store,
            store_replicas: store.fails_over().into(),
            kinds: FaultKind::ordinary_on(store),
            ..Self::of(server)
        }
    }

    /// A short one against this program `rookery`.
    #[must_use]
    pub fn of(server: PathBuf) -> Self {
        Self {
            server,
            upgrade_to: None,
            faults: 10,
            matches: 20,
            seed: 1,
            store: RedisKind::Single,
            store_replicas: 0,
            kinds: FaultKind::ORDINARY.to_vec(),
            every: Duration::from_millis(1_200),
            thinks: (Duration::from_millis(20), Duration::from_millis(180)),
            sabotage: None,
            logs: None,
            history: None,
        }
    }
}

/// What players have beyond what they think: far less than the faults take.
const SPARE: Duration = Duration::from_secs(180);
/// A match lasts between so many plies, if the rules do not end it.
const PLIES: (u16, u16) = (40, 80);
/// A match that takes longer than the players think by this is stuck.
const MATCH_MAX: Duration = Duration::from_secs(240);
/// The same where a safeguard was taken out: what that breaks leaves matches without an end, for which nobody has
/// to wait.
const SABOTAGED_MATCH_MAX: Duration = Duration::from_secs(60);
/// Upper bound on each wait of such a campaign for what may have no end.
const SABOTAGED_WAITS_MAX: Duration = Duration::from_secs(15);
/// Upper bound on what a clock may be charged beyond thinking: packets are lost and late for seconds.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(10);
/// Clients who wait for their opponent notice the end of a shard as fast as those who move.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// Longer than any fault of the network, so that it does not end connections.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// Players ask two matchmakers for this long, each of which is never down for more than a moment.
const PATIENCE: Duration = Duration::from_secs(60);
/// One match in so many has a spectator.
const SPECTATED: u32 = 3;
/// Matches that begin a second at the most: nobody waits for the next one.
const ARRIVALS: f64 = 1_000.0;

/// Runs a campaign to its end.
///
/// # Errors
///
/// When the cluster does not start, or the history cannot be written: then nothing is known.
pub async fn run(campaign: &Campaign) -> Result<Report, String> {
    let soak = Soak::prepare(config(campaign)?, CancellationToken::new()).await;
    let (report, written) = soak.map_err(|failure| failure.to_string())?.run().await;
    written.map(|()| report)
}

fn config(campaign: &Campaign) -> Result<SoakConfig, String> {
    let (least, most) = campaign.thinks;
    let thought_max = most * u32::from(PLIES.1) / 2;
    let time = (SPARE + thought_max).as_millis() as u64;
    let (match_max, last_waits_max) = match &campaign.sabotage {
        Some(_) => (SABOTAGED_MATCH_MAX, SABOTAGED_WAITS_MAX),
        None => (MATCH_MAX + 2 * thought_max, Duration::MAX),
    };
    let matches = u32::try_from(campaign.matches).map_err(|error| error.to_string())?;
    Ok(SoakConfig {
        venue: Venue::Local(plan(campaign)),
        trouble: Trouble::Chaos(campaign.kinds.clone(), campaign.every),
        faults: Some(campaign.faults),
        matches,
        duration: campaign.every * campaign.faults,
        think: Think::Uniform(least, most),
        players: EngineKind::Random,
        arrivals: ARRIVALS,
        spectators: matches / SPECTATED,
        reconnects: 0.0,
        latency: Duration::ZERO,
        loss: 0.0,
        time_control: TimeControl::from_millis(time, 0).map_err(|error| error.to_string())?,
        clock_start: ClockStart::AtOnce,
        plays_all: true,
        time_is_plenty: true,
        plies_min: PLIES.0,
        plies: PLIES.1,
        match_max: Some(match_max),
        clock_tolerance: CLOCK_TOLERANCE,
        keep_alive: KEEP_ALIVE,
        transport: SoakTransport::Quic,
        idle_max: IDLE_MAX,
        patience: PATIENCE.min(last_waits_max),
        last_waits_max,
        seed: campaign.seed,
        ends_at: match &campaign.sabotage {
            Some((sabotage, _)) => EndsAt::Broken(broken_without(*sabotage)),
            None => EndsAt::Nothing,
        },
        history: campaign.history.clone(),
        json: None,
        html: None,
    })
}

/// The promise that a safeguard is there for: a campaign without it ends at the first time that this is broken.
const fn broken_without(safeguard: Sabotage) -> Promise {
    match safeguard {
        Sabotage::Gate | Sabotage::RelaxedStore => Promise::Lost,
        Sabotage::Position => Promise::Duplicated,
    }
}

fn plan(campaign: &Campaign) -> LocalPlan {
    let mut plan = LocalPlan {
        logs: campaign.logs.clone(),
        upgrade_to: campaign.upgrade_to.clone(),
        store_kind: campaign.store,
        store_replicas: campaign.store_replicas,
        ..LocalPlan::for_faults(campaign.server.clone(), campaign.seed)
    };
    match &campaign.sabotage {
        Some((Sabotage::Gate, binary)) => {
            plan.shard_program = Some(binary.clone());
            plan.shard_arguments = vec!["--sabotage".to_owned(), "gate".to_owned()];
        }
        #[cfg(feature = "sabotage")]
        Some((Sabotage::Position, _)) => {
            if let Some(failing) = &mut plan.failing {
                failing.rewrite = Some(crate::faults::sabotage::rewrite_position_check());
            }
        }
        Some((Sabotage::RelaxedStore, _)) => {
            plan.redis_arguments = vec!["--appendfsync".to_owned(), "everysec".to_owned()];
        }
        _ => {}
    }
    plan
}
