//! When the others know that a shard is dead, and that they take nobody for dead who lives. The observer is a
//! process like a matchmaker: it uses the same store and the same state machine.

use std::sync::Arc;
use std::time::Duration;

use game_core::{MatchTime, ShardId};
use lab::tcp_proxy::{TcpFault, TcpProxy};
use store::testing::RedisServer;
use store::{Beat, Beats, Liveness, LivenessFigures, RedisConfig, RedisStore, Registry};
use supervisor::Signal;
use tests::installation::{Installation, eventually};
use tests::process::run;
use tests::turns::turn;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Whatever is waited for must come within this, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// An observer of the shards.
struct Observer {
    store: Arc<RedisStore>,
    liveness: Liveness,
    id: ShardId,
    count: u64,
    begun: Instant,
}

impl Observer {
    async fn on(url: &str) -> Self {
        let store = RedisStore::connect(RedisConfig::new(url)).await.unwrap();
        Self {
            store: Arc::new(store),
            liveness: Liveness::default(),
            id: ShardId::from_random(rand::random()),
            count: 0,
            begun: Instant::now(),
        }
    }

    /// Observes until `done`, and returns how long that took; `None` if it has not come within `limit`.
    async fn watch(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&Liveness) -> bool,
    ) -> Option<Duration> {
        let begun = Instant::now();
        let mut looks = interval(Liveness::LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut proofs = JoinSet::new();
        let mut read_at = None::<Instant>;
        while !done(&self.liveness) {
            if begun.elapsed() >= limit {
                return None;
            }
            tokio::select! {
                Some(Ok((suspicion, proof))) = proofs.join_next() => {
                    let _: bool = self.liveness.proved(&suspicion, proof);
                    continue;
                }
                _ = looks.tick() => {}
            }
            self.beat();
            let now = self.begun.elapsed();
            self.liveness.heard(&self.store.heard(), self.id, now);
            let is_due = read_at.is_none_or(|at| at.elapsed() >= Liveness::HEARTBEAT_EVERY);
            if self.liveness.wants_registry() || is_due {
                read_at = Some(Instant::now());
                self.read().await;
            }
            for suspicion in self.liveness.suspicions() {
                let store = Arc::clone(&self.store);
                proofs.spawn(async move {
                    let proof = store::prove(&*store, &suspicion).await;
                    (suspicion, proof)
                });
            }
        }
        Some(begun.elapsed())
    }

    fn beat(&mut self) {
        self.count += 1;
        let beat = Beat {
            shard: self.id,
            count: self.count,
            clock: MatchTime::default(),
        };
        let store = Arc::clone(&self.store);
        tokio::spawn(async move { store.publish(&beat).await });
    }

    async fn read(&mut self) {
        self.liveness.reading();
        match self.store.shards().await {
            Ok(registry) => self.liveness.observe(&registry, self.begun.elapsed()),
            Err(_) => self.liveness.store_was_down(),
        }
    }

    /// Returns once it hears all shards, and has seen their liveness ports.
    async fn meet(&mut self, shards: &[ShardId]) {
        let mut seen_for = 0;
        let met = self.watch(PATIENCE, |liveness| {
            let all = shards.iter().all(|id| liveness.has_moved(*id));
            seen_for += u32::from(all && liveness.hears());
            // Longer than a connection must stand before it proves anything.
            seen_for > 40
        });
        met.await.expect("all shards are heard");
    }

    async fn dies(&mut self, shard: ShardId) -> Duration {
        // Without a match, it has left the registry as soon as another shard knows.
        let dead = |liveness: &Liveness| liveness.live(shard).is_none();
        self.watch(PATIENCE, dead).await.expect("it is noticed")
    }

    /// Observes for a while, in which nobody is taken for dead.
    async fn nobody_dies(&mut self, within: Duration) {
        let anybody = |liveness: &Liveness| liveness.dead().next().is_some();
        assert_eq!(self.watch(within, anybody).await, None);
        assert_eq!(self.liveness.figures().needless_takeovers, 0);
    }

    fn figures(&self) -> LivenessFigures {
        self.liveness.figures()
    }
}

fn ids(installation: &Installation) -> Vec<ShardId> {
    let ids = installation.shards.iter();
    ids.map(|shard| shard.id.parse().unwrap()).collect()
}

/// The sum of a metric over two shards: one that knows of a death first lets an empty shard leave the registry, and
/// the other never sees it dead.
async fn of_both(installation: &Installation, shards: [usize; 2], name: &str) -> f64 {
    let [one, other] = shards.map(|shard| metric(installation, shard, name));
    one.await + other.await
}

async fn metric(installation: &Installation, shard: usize, name: &str) -> f64 {
    let admin = &installation.shards[shard].admin;
    let (_, text) = admin.text("/metrics").await;
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value
        .unwrap_or_else(|| panic!("{name}: {text}"))
        .trim()
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_is_known_to_be_dead_by_evidence() {
    let _turn = turn().await;
    let mut installation = Installation::start(4).await;
    let ids = ids(&installation);
    let mut observer = Observer::on(&installation.redis_url()).await;
    observer.meet(&ids).await;
    for id in &ids[..3] {
        installation.kill(&id.to_string());
        let after = observer.dies(*id).await;
        eprintln!("kill -9: known after {} ms", after.as_millis());
        assert!(after < Duration::from_secs(10), "{after:?}");
    }
    let survivor = 3;
    eventually("the survivor knows it too", || async {
        let name = r#"rookery_shard_deaths_total{by="evidence"}"#;
        (metric(&installation, survivor, name).await >= 3.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_is_dead_by_silence_and_its_takeover_needless_when_it_comes_back() {
    let _turn = turn().await;
    let installation = Installation::start(3).await;
    let ids = ids(&installation);
    let mut observer = Observer::on(&installation.redis_url()).await;
    observer.meet(&ids).await;
    // Stopped for less than it takes: nothing happens.
    for _ in 0..3 {
        installation.shards[0].signal(Signal::STOP);
        let stopped = observer.watch(Duration::from_millis(550), |_| false).await;
        assert_eq!(stopped, None);
        installation.shards[0].signal(Signal::CONT);
        observer.nobody_dies(Duration::from_secs(2)).await;
    }
    installation.shards[0].signal(Signal::STOP);
    let after = observer.dies(ids[0]).await;
    eprintln!("SIGSTOP: known after {} ms", after.as_millis());
    assert!(after < Duration::from_secs(10), "{after:?}");
    // The others have noticed by then or soon after.
    eventually("another shard has noticed", || async {
        let name = r#"rookery_shard_deaths_total{by="silence"}"#;
        (of_both(&installation, [1, 2], name).await >= 1.0).then_some(())
    })
    .await;
    installation.shards[0].signal(Signal::CONT);
    eventually("another shard has counted it", || async {
        let name = "rookery_needless_takeovers_total";
        let needless = of_both(&installation, [1, 2], name).await;
        (needless >= 1.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_stands_still_or_is_restarted_takes_nobody_for_dead() {
    let _turn = turn().await;
    let mut installation = Installation::start(3).await;
    let ids = ids(&installation);
    let mut observer = Observer::on(&installation.redis_url()).await;
    observer.meet(&ids).await;
    for ms in [700, 1_500, 4_000] {
        installation.redis.stop();
        sleep(Duration::from_millis(ms)).await;
        installation.redis.cont();
        observer.nobody_dies(Duration::from_secs(4)).await;
    }
    let redis = Arc::get_mut(&mut installation.redis).unwrap();
    redis.kill();
    redis.restart();
    observer.nobody_dies(Duration::from_secs(5)).await;
    let heard = |liveness: &Liveness| liveness.hears();
    observer.watch(PATIENCE, heard).await.expect("beats come");
}

/// Whose answers and beats come late, but come, is alive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_delays_everything_by_200_ms_takes_nobody_for_dead() {
    let _turn = turn().await;
    let installation = Installation::start(3).await;
    let address = installation.redis.address();
    let proxy = TcpProxy::start(address, None).await.unwrap();
    let mut observer = Observer::on(&format!("redis://{}", proxy.address())).await;
    observer.meet(&ids(&installation)).await;
    for delay in [200, 0, 100, 0] {
        proxy.set(TcpFault::Delay(Duration::from_millis(delay)));
        observer.nobody_dies(Duration::from_secs(4)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_publish_the_stored_count_is_what_counts() {
    let _turn = turn().await;
    let redis = RedisServer::start();
    let set = redis.command(&["ACL", "SETUSER", "default", "resetchannels"]);
    assert_eq!(set, "+OK");
    let installation = Installation::launch_on(redis, 3, &[]).await;
    installation.wait_for_shards(3).await;
    let ids = ids(&installation);
    let mut observer = Observer::on(&installation.redis_url()).await;
    let moved = |liveness: &Liveness| ids.iter().all(|id| liveness.has_moved(*id));
    observer.watch(PATIENCE, moved).await.expect("counts move");
    assert!(observer.store.heard().is_refused);
    assert_eq!(metric(&installation, 0, "rookery_beats_refused").await, 1.0);
    observer.nobody_dies(Duration::from_secs(5)).await;
    installation.shards[0].signal(Signal::STOP);
    let after = observer.dies(ids[0]).await;
    eprintln!(
        "SIGSTOP, without beats: known after {} ms",
        after.as_millis()
    );
    assert!(after >= Duration::from_secs(2), "{after:?}");
    installation.shards[0].signal(Signal::CONT);
    // The right is given: beats are heard without a restart.
    installation
        .redis
        .command(&["ACL", "SETUSER", "default", "allchannels"]);
    let hears = |liveness: &Liveness| liveness.hears();
    observer.watch(PATIENCE, hears).await.expect("beats come");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_is_heeded_at_once() {
    let _turn = turn().await;
    let installation = Installation::start(3).await;
    let ids = ids(&installation);
    let mut observer = Observer::on(&installation.redis_url()).await;
    observer.meet(&ids).await;
    // For this test it still runs, so that nothing else tells that it has ended.
    let (id, url) = (ids[0].to_string(), installation.redis_url());
    let said = tokio::task::spawn_blocking(move || {
        run("rookery", &["tombstone", &id, "--store", &url], PATIENCE)
    });
    let after = observer.dies(ids[0]).await;
    eprintln!(
        "tombstone: known after {} ms, with the start of the program",
        after.as_millis()
    );
    let said = said.await.unwrap();
    assert!(said.status.success(), "{said:?}");
    let figures = observer.figures();
    assert_eq!(figures.deaths_by_silence + figures.deaths_by_evidence, 0);
    let unknown =
        tokio::task::spawn_blocking(|| run("rookery", &["tombstone", "nobody"], PATIENCE));
    assert!(!unknown.await.unwrap().status.success());
}
