//! A matchmaker and shards in one process: what `serve`, `dev` and `demo` run.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use admin::{Access, Setting};
use axum::Router;
use game_core::ShardId;
use matchmaker::{Https, LimitArgs, SharedState};
use program::Reload;
use serde::Serialize;
use settings::Networks;
use store::{Archive, Store};
use tokens::SigningKey;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::backend::Backend;
use super::cluster_shard::{ReadyShard, ShardSeed, ShardThread, cannot_listen, start_shard};
use super::gateway::GatewayPlan;
use super::web_door::{WebNames, web_sockets_max};
use shard::tls::CertificateSource;
use shard::{Origins, TraceConfig};

/// Everything must answer within this, or the start has failed.
const START_DEADLINE: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(20);

/// What a cluster in one process is made of.
pub(super) struct InProcessPlan {
    /// Where the matchmaker listens (TCP); port 0 picks a free one.
    pub(super) matchmaker: SocketAddr,
    /// URL by which players reach the matchmaker; `None` for the address listened on.
    pub(super) url: Option<String>,
    /// What that address speaks: `http` or `https`.
    pub(super) scheme: &'static str,
    /// Where the first shard listens (UDP), the others on the ports that follow; port 0 picks free ones.
    pub(super) first_shard: SocketAddr,
    /// The address of the first shard that players are given, those of the others follow; `None` for those listened on.
    pub(super) public: Option<SocketAddr>,
    /// How pages are told to reach the first shard.
    pub(super) names: WebNames,
    /// The pages that may connect to the shards; `None` for those of this machine and of the address that players are given.
    pub(super) origins: Option<Origins>,
    /// The options that name these addresses.
    pub(super) options: AddressOptions,
    pub(super) shards: u16,
    pub(super) key: SigningKey,
    /// What the shards show to players.
    pub(super) certificate: CertificateSource,
    /// What the matchmaker speaks; `None` for plain HTTP.
    pub(super) https: Option<Https>,
    /// Where the admin endpoint of the cluster listens, and the access to it and to those of the shards.
    pub(super) admin: Option<(SocketAddr, Access)>,
    /// What operators see of the configuration, beside addresses and store.
    pub(super) settings: Vec<Setting>,
    /// Where the shards export the paths of moves to.
    pub(super) traces: Option<TraceConfig>,
    /// Where finished matches are kept; `None` for the store itself.
    pub(super) archive: Option<Arc<dyn Archive>>,
    /// How the matchmaker treats players.
    pub(super) config: matchmaker::Config,
    /// Addresses to which the shards' limits do not apply.
    pub(super) exempt: Networks,
    /// Hears when certificates are to be read again.
    pub(super) reload: Reload,
    /// What the matchmaker serves besides.
    pub(super) routes: Router,
    /// The gateway for programs of another API, if there is one.
    pub(super) gateway: Option<GatewayPlan>,
}

/// The names of the options for addresses, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct AddressOptions {
    pub(super) ip: &'static str,
    pub(super) matchmaker_port: &'static str,
    pub(super) shard_port: &'static str,
}

impl InProcessPlan {
    /// A cluster that players reach where it listens, without TLS and without an admin endpoint. Everything that a
    /// developer tries comes from this machine, and has no limits at the shards.
    pub(super) fn local(
        host: IpAddr,
        ports: (u16, u16),
        shards: u16,
        key: SigningKey,
        limits: LimitArgs,
    ) -> Self {
        let (matchmaker, first_shard) = ports;
        Self {
            matchmaker: SocketAddr::new(host, matchmaker),
            url: None,
            scheme: "http",
            first_shard: SocketAddr::new(host, first_shard),
            public: None,
            names: WebNames::default(),
            origins: None,
            options: AddressOptions {
                ip: "--host (ROOKERY_HOST)",
                matchmaker_port: "--matchmaker-port (ROOKERY_MATCHMAKER_PORT)",
                shard_port: "--shard-port (ROOKERY_SHARD_PORT)",
            },
            shards,
            key,
            certificate: CertificateSource::Made,
            https: None,
            admin: None,
            settings: Vec::new(),
            traces: None,
            archive: None,
            config: matchmaker::Config {
                limits,
                ..matchmaker::Config::default()
            },
            exempt: Networks::loopback(),
            reload: Reload::never(),
            routes: Router::new(),
            gateway: None,
        }
    }

    /// What the shard of an index begins with.
    fn seed(&self, index: u16, backend: &Backend) -> Result<ShardSeed, Failure> {
        let options = self.options;
        let nth = |first: SocketAddr| match first.port() {
            0 => Ok(first),
            port => port
                .checked_add(index)
                .map(|port| SocketAddr::new(first.ip(), port))
                .ok_or_else(|| {
                    let option = options.shard_port;
                    format!(
                        "{option}: {} shards from port {port} on pass 65535",
                        self.shards
                    )
                }),
        };
        Ok(ShardSeed {
            listen: nth(self.first_shard)?,
            public: self.public.map(nth).transpose()?,
            names: self.names.nth(index)?,
            origins: self.origins.clone(),
            options: [options.ip, options.shard_port],
            backend: backend.clone(),
            key: self.key.clone(),
            certificate: self.certificate.clone(),
            web_sockets_max: web_sockets_max(half_of_open_files(), self.shards.into()),
            exempt: self.exempt.clone(),
            access: self.admin.as_ref().map(|(_, access)| access.clone()),
            traces: self.traces.clone(),
            reload: self.reload.clone(),
        })
    }
}

/// Where a running cluster answers.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Addresses {
    /// URL of the matchmaker.
    pub(super) matchmaker: String,
    /// URL of the admin endpoint of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) admin: Option<String>,
    /// The token that all admin endpoints take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) admin_token: Option<String>,
    /// URL of the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gateway: Option<String>,
    /// API tokens of bot accounts that were made for a developer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) bot_tokens: Vec<String>,
    pub(super) shards: Vec<ReadyShard>,
}

/// A cluster that answers.
pub(super) struct InProcessCluster {
    pub(super) addresses: Addresses,
    shutdown: CancellationToken,
    shards: Vec<ShardThread>,
    /// What each of them began with.
    seeds: Vec<ShardSeed>,
    matchmaker: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl InProcessCluster {
    /// Starts everything and returns once everything answers.
    pub(super) async fn start(
        plan: InProcessPlan,
        backend: &Backend,
        shutdown: CancellationToken,
    ) -> Result<Self, Failure> {
        let (mut shards, mut addresses, mut seeds) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..plan.shards {
            let seed = plan.seed(index, backend)?;
            let (thread, address) = start_shard(seed.clone(), shutdown.clone()).await?;
            shards.push(thread);
            seeds.push(seed);
            addresses.push(address);
        }
        let listen = plan.matchmaker;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            let AddressOptions {
                ip,
                matchmaker_port,
                ..
            } = plan.options;
            cannot_listen("the matchmaker", listen, ip, matchmaker_port, &error)
        })?;
        let matchmaker_address = listener.local_addr()?;
        let store = backend.open().await?;
        let mut shared = SharedState::new(Arc::clone(&store))
            .with_https(plan.https)
            .with_routes(plan.routes);
        if let Some(archive) = plan.archive {
            shared = shared.archiving_in(archive);
        }
        let mut config = plan.config;
        config.connections_max = config.connections_max.min(half_of_open_files());
        let matchmaker =
            start_matchmaker(config, listener, plan.key, shared.clone(), shutdown.clone());
        let admin_token = plan
            .admin
            .as_ref()
            .and_then(|(_, access)| access.token().map(str::to_owned));
        let admin = match plan.admin {
            Some((listen, access)) => {
                let mut settings = plan.settings;
                settings.push(Setting::new("store", backend.shown()));
                let scheme = access.scheme();
                let until = shutdown.clone();
                let shared = shared.clone();
                let started = start_admin(listen, access, settings, shared, plan.reload, until);
                Some(format!("{scheme}://{}", started.await?))
            }
            None => None,
        };
        let gateway = match plan.gateway {
            Some(gateway) => {
                let gateway = gateway.of(matchmaker_address, plan.scheme, plan.url.as_deref());
                Some(gateway.start(shutdown.clone()).await?)
            }
            None => None,
        };
        let cluster = Self {
            addresses: Addresses {
                matchmaker: plan
                    .url
                    .unwrap_or_else(|| format!("{}://{matchmaker_address}", plan.scheme)),
                admin,
                admin_token,
                gateway,
                bot_tokens: Vec::new(),
                shards: addresses,
            },
            shutdown,
            shards,
            seeds,
            matchmaker,
        };
        cluster.wait_until_ready(&*store, &shared).await?;
        Ok(cluster)
    }

    /// Waits until the cluster has to stop, or a part of it has ended by itself.
    pub(super) async fn wait(self) -> Result<(), Failure> {
        self.shutdown.cancelled().await;
        let matchmaker = self.matchmaker.await?;
        // Joined on a thread where waiting is allowed.
        let shards = tokio::task::spawn_blocking(move || {
            let ended = self.shards.into_iter().map(|shard| shard.thread.join());
            ended.filter(Result::is_err).count()
        });
        match (matchmaker, shards.await?) {
            (Err(error), _) => Err(format!("the matchmaker has failed: {error}").into()),
            (_, failed) if failed > 0 => Err("a shard has failed; the log says why".into()),
            _ => Ok(()),
        }
    }

    /// Aborts one shard: nothing is written, and no player is informed.
    pub(super) fn abort(&mut self, id: ShardId) -> Result<(), Failure> {
        let shard = self.shards.iter().find(|shard| shard.id == id);
        shard
            .ok_or("this cluster has no such shard")?
            .abort
            .cancel();
        Ok(())
    }

    /// Starts a shard in the place of one that was aborted; returns its id.
    pub(super) async fn replace(&mut self, id: ShardId) -> Result<ShardId, Failure> {
        let shards = self.shards.iter().zip(&self.addresses.shards);
        let place = shards.into_iter().position(|(shard, _)| shard.id == id);
        let place = place.ok_or("this cluster has no such shard")?;
        let seed = self.seeds[place].clone();
        let (thread, address) = start_shard(seed, self.shutdown.clone()).await?;
        self.shards[place] = thread;
        self.addresses.shards[place] = address;
        Ok(self.shards[place].id)
    }

    /// Stops the cluster and waits for its end.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.shutdown.cancel();
        self.wait().await
    }

    async fn wait_until_ready(
        &self,
        store: &dyn Store,
        shared: &SharedState,
    ) -> Result<(), Failure> {
        let all_answer = async {
            loop {
                let registered = store.shards().await.unwrap_or_default();
                let known = |shard: &ReadyShard| {
                    registered
                        .iter()
                        .any(|r| r.record().is_some_and(|record| record.id == shard.id))
                };
                if self.addresses.shards.iter().all(known) && shared.has_room() {
                    break;
                }
                sleep(POLL_EVERY).await;
            }
        };
        timeout(START_DEADLINE, all_answer).await.map_err(|_| {
            format!(
                "not everything answered within {} s; the log says why",
                START_DEADLINE.as_secs()
            )
            .into()
        })
    }
}

/// Half of the open files that this process may have: for the matchmaker and what else is open. The other half is for
/// the pages at its shards.
fn half_of_open_files() -> usize {
    usize::try_from(settings::open_files() / 2).unwrap_or(usize::MAX)
}

/// Starts the admin endpoint of the whole; returns where it listens.
async fn start_admin(
    listen: SocketAddr,
    access: Access,
    mut settings: Vec<Setting>,
    shared: SharedState,
    reload: Reload,
    shutdown: CancellationToken,
) -> Result<SocketAddr, Failure> {
    let listener = admin::bind(listen).await?;
    let address = listener.local_addr()?;
    if settings.iter().all(|setting| setting.name != "listen") {
        settings.push(Setting::new("listen", address));
    }
    tokio::spawn(matchmaker::operate(
        listener, access, settings, shared, reload, shutdown,
    ));
    Ok(address)
}

fn start_matchmaker(
    config: matchmaker::Config,
    listener: TcpListener,
    key: SigningKey,
    shared: SharedState,
    shutdown: CancellationToken,
) -> tokio::task::JoinHandle<std::io::Result<()>> {
    tokio::spawn(async move {
        // However it ends, nothing is left of this cluster.
        let _stop_all = shutdown.clone().drop_guard();
        matchmaker::run(config, listener, key, shared, shutdown).await
    })
}

impl fmt::Debug for InProcessCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
