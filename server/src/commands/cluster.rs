//! A matchmaker and shards in one process: what `dev` and `demo` run.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use admin::{Access, Setting};
use game_core::ShardId;
use matchmaker::{LimitArgs, SharedState};
use program::Reload;
use serde::Serialize;
use settings::Networks;
use store::Store;
use tokens::SigningKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::backend::Backend;
use super::endpoint::{AdminListener, Serving};
use super::shard::all_cores;
use crate::operators::ShardSource;
use shard::tls::{self, CertificateSource, ResetSecret, ShownIdentity, TlsError};
use shard::{NetLimits, ShardConfig, Surroundings, TraceConfig};

/// Everything must answer within this, or the start has failed.
const START_DEADLINE: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(20);
const SHARD_CAPACITY: u32 = 10_000;

/// What a cluster in one process is made of.
pub(super) struct InProcessPlan {
    /// Where all of it listens, and is reached.
    pub(super) host: IpAddr,
    /// TCP; 0 picks a free one.
    pub(super) matchmaker_port: u16,
    /// UDP of the first shard, the others follow; 0 picks free ones.
    pub(super) shard_port: u16,
    pub(super) shards: u16,
    pub(super) key: SigningKey,
    /// Where the admin endpoint of the cluster listens, and the access to it and to those of the shards.
    pub(super) admin: Option<(SocketAddr, Access)>,
    /// Where the shards export the paths of moves to.
    pub(super) traces: Option<TraceConfig>,
    /// What players may use up at the matchmaker.
    pub(super) limits: LimitArgs,
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
    pub(super) shards: Vec<ReadyShard>,
}

/// Where a shard answers, over QUIC.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ReadyShard {
    pub(super) id: ShardId,
    pub(super) address: SocketAddr,
    /// URL of its admin endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) admin: Option<String>,
}

/// A cluster that answers.
pub(super) struct InProcessCluster {
    pub(super) addresses: Addresses,
    shutdown: CancellationToken,
    shards: Vec<ShardThread>,
    matchmaker: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// A shard on a thread and a runtime of its own.
struct ShardThread {
    id: ShardId,
    thread: JoinHandle<()>,
    /// Aborts it.
    abort: CancellationToken,
}

impl InProcessCluster {
    /// Starts everything and returns once everything answers.
    pub(super) async fn start(
        plan: InProcessPlan,
        backend: &Backend,
        shutdown: CancellationToken,
    ) -> Result<Self, Failure> {
        let (mut shards, mut addresses) = (Vec::new(), Vec::new());
        for index in 0..plan.shards {
            let port = match plan.shard_port {
                0 => 0,
                first => first.checked_add(index).ok_or_else(|| {
                    format!("{} shards from port {first} on pass 65535", plan.shards)
                })?,
            };
            let listen = SocketAddr::new(plan.host, port);
            let seed = ShardSeed {
                listen,
                backend: backend.clone(),
                key: plan.key.clone(),
                access: plan.admin.as_ref().map(|(_, access)| access.clone()),
                traces: plan.traces.clone(),
            };
            let (thread, address) = start_shard(seed, shutdown.clone()).await?;
            shards.push(thread);
            addresses.push(address);
        }
        let listen = SocketAddr::new(plan.host, plan.matchmaker_port);
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            let option = "--matchmaker-port (ROOKERY_MATCHMAKER_PORT)";
            cannot_listen("the matchmaker", listen, option, &error)
        })?;
        let matchmaker_address = listener.local_addr()?;
        let store = backend.open().await?;
        let config = matchmaker::Config {
            limits: plan.limits,
            ..matchmaker::Config::default()
        };
        let shared = SharedState::new(Arc::clone(&store));
        let matchmaker =
            start_matchmaker(config, listener, plan.key, shared.clone(), shutdown.clone());
        let admin_token = plan
            .admin
            .as_ref()
            .and_then(|(_, access)| access.token().map(str::to_owned));
        let admin = match plan.admin {
            Some((listen, access)) => {
                let kept_in = Setting::new("store", backend.shown());
                let until = shutdown.clone();
                Some(start_admin(listen, access, kept_in, shared, until).await?)
            }
            None => None,
        };
        let cluster = Self {
            addresses: Addresses {
                matchmaker: format!("http://{matchmaker_address}"),
                admin: admin.map(|address| format!("http://{address}")),
                admin_token,
                shards: addresses,
            },
            shutdown,
            shards,
            matchmaker,
        };
        cluster
            .wait_until_ready(&*store, matchmaker_address)
            .await?;
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

    /// Stops the cluster and waits for its end.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.shutdown.cancel();
        self.wait().await
    }

    async fn wait_until_ready(
        &self,
        store: &dyn Store,
        matchmaker: SocketAddr,
    ) -> Result<(), Failure> {
        let all_answer = async {
            loop {
                let registered = store.shards().await.unwrap_or_default();
                let known = |shard: &ReadyShard| {
                    registered
                        .iter()
                        .any(|r| r.record().is_some_and(|record| record.id == shard.id))
                };
                if self.addresses.shards.iter().all(known) && is_ready(matchmaker).await {
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

/// Why a part of the cluster cannot listen, and which option to change.
fn cannot_listen(
    who: &str,
    address: SocketAddr,
    port_option: &str,
    error: &std::io::Error,
) -> String {
    let ip = address.ip();
    match error.kind() {
        ErrorKind::AddrNotAvailable => {
            format!("--host (ROOKERY_HOST): {ip} is no address of this machine")
        }
        ErrorKind::AddrInUse => format!(
            "{port_option}: {who} cannot listen on {address}, which is taken; give another port, or \
             0 for a free one"
        ),
        _ => format!("{who} cannot listen on {address}: {error}; see --host and {port_option}"),
    }
}

/// Whether the matchmaker reports that a match can be made.
async fn is_ready(matchmaker: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(matchmaker).await?;
        let request = format!(
            "GET /readyz?for=match HTTP/1.1\r\nHost: {matchmaker}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await?;
        std::io::Result::Ok(status == *b"HTTP/1.1 200")
    };
    ask.await.unwrap_or(false)
}

/// What a shard of the cluster begins with.
struct ShardSeed {
    listen: SocketAddr,
    backend: Backend,
    key: SigningKey,
    /// The access to its admin endpoint; `None` for no endpoint.
    access: Option<Access>,
    traces: Option<TraceConfig>,
}

/// A shard that is ready to run.
struct Prepared {
    config: ShardConfig,
    surroundings: Surroundings,
    serving: Option<Serving>,
}

/// Starts a shard on a thread and a runtime of its own: a shard is sized to one core.
async fn start_shard(
    seed: ShardSeed,
    shutdown: CancellationToken,
) -> Result<(ShardThread, ReadyShard), Failure> {
    let id = ShardId::from_random(rand::random());
    let (ready, bound) = oneshot::channel();
    let stop_all = shutdown.clone();
    let abort = CancellationToken::new();
    let aborted = abort.clone();
    let body = move || {
        // A shard that ends by itself ends the process: it is not half a cluster.
        let stop_all = stop_all.drop_guard();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let prepared = runtime
            .enable_all()
            .build()
            .map_err(Failure::from)
            .and_then(|runtime| {
                // What the connections to the store do is done on the runtime that makes them: here it
                // wakes no other thread.
                let store = runtime.block_on(async {
                    tokio::select! {
                        store = seed.backend.open() => Ok(store?),
                        () = shutdown.cancelled() => Err(Failure::from("stopped at its start")),
                    }
                })?;
                let _inside = runtime.enter();
                let prepared = prepare_shard(id, seed, store)?;
                Ok((runtime, prepared))
            });
        let (runtime, prepared) = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => {
                let _ = ready.send(Err(failure));
                return;
            }
        };
        let Prepared {
            config,
            surroundings,
            serving: _serving,
        } = prepared;
        let _ = ready.send(Ok(ReadyShard {
            id,
            address: config.address,
            admin: config.admin.map(|address| format!("http://{address}")),
        }));
        runtime.block_on(async {
            tokio::select! {
                () = shard::run(config, surroundings, shutdown) => {}
                () = aborted.cancelled() => drop(stop_all.disarm()),
            }
        })
    };
    let thread = std::thread::Builder::new()
        .name(format!("shard-{id}"))
        .spawn(body)?;
    let address = bound
        .await
        .map_err(|_| Failure::from("a shard failed to start"))??;
    Ok((ShardThread { id, thread, abort }, address))
}

fn prepare_shard(id: ShardId, seed: ShardSeed, store: Arc<dyn Store>) -> Result<Prepared, Failure> {
    let calendar = shard::system_calendar;
    // Everything that a developer tries comes from this machine; what comes from others is limited.
    let net = NetLimits {
        exempt: Networks::loopback(),
        ..NetLimits::default()
    };
    let certificate = CertificateSource::Made;
    let identity = certificate.read(i64::try_from(calendar().0 / 1000)?)?;
    let identity = ShownIdentity::new(identity)?;
    let certificate_sha256 = Some(identity.pin());
    let secret = ResetSecret::from_bytes(&seed.key.derive_secret("stateless reset"));
    let endpoint = identity.bind(seed.listen, secret.as_ref(), &net);
    let endpoint = endpoint.map_err(|error| match error {
        TlsError::Bind { address, why } => {
            let option = "--shard-port (ROOKERY_SHARD_PORT)";
            Failure::from(cannot_listen("a shard", address, option, &why))
        }
        other => other.into(),
    })?;
    let address = endpoint.local_addr()?;
    let (inspector, inspected) = shard::inspection();
    // It ends with the shard's runtime.
    let until = CancellationToken::new();
    tokio::spawn(tls::keep(
        identity,
        certificate,
        inspector.clone(),
        Reload::never(),
        until,
    ));
    let (mut admin, mut serving) = (None, None);
    if let Some(access) = seed.access {
        let endpoint = AdminListener::bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), access)?;
        admin = Some(endpoint.address);
        let settings = vec![
            Setting::new("listen", address),
            Setting::new("capacity", SHARD_CAPACITY),
        ];
        let store = Arc::clone(&store);
        let source = ShardSource::new(id, inspector, settings, store, None);
        serving = Some(endpoint.serve(source, Reload::never())?);
    }
    let config = ShardConfig {
        id,
        address,
        admin,
        certificate_sha256,
        capacity: SHARD_CAPACITY,
        cpu_share: all_cores(),
        hand_over_within: None,
        traces: seed.traces,
        limits: Default::default(),
        net,
    };
    let surroundings = Surroundings {
        endpoint,
        store,
        key: seed.key.verifying_key(),
        calendar,
        inspected,
    };
    Ok(Prepared {
        config,
        surroundings,
        serving,
    })
}

/// Starts the admin endpoint of the whole; returns where it listens.
async fn start_admin(
    listen: SocketAddr,
    access: Access,
    kept_in: Setting,
    shared: SharedState,
    shutdown: CancellationToken,
) -> Result<SocketAddr, Failure> {
    let listener = admin::bind(listen).await?;
    let address = listener.local_addr()?;
    let settings = vec![Setting::new("listen", address), kept_in];
    tokio::spawn(matchmaker::operate(
        listener,
        access,
        settings,
        shared,
        Reload::never(),
        shutdown,
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

/// The key of a data directory: read, or made and kept, so that tokens outlive a restart.
pub(super) fn signing_key(directory: &Path) -> Result<SigningKey, Failure> {
    let path = directory.join("signing-key.pem");
    match std::fs::read_to_string(&path) {
        Ok(pem) => {
            tighten(&path);
            SigningKey::from_pem(&pem).map_err(|error| {
                let text = format!(
                    "{}: {error}; put the right file there, or remove it to have a new one made (the \
                     tokens of players are then void)",
                    path.display()
                );
                text.into()
            })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (key, pem) = SigningKey::generate()?;
            program::write_private(&path, pem.as_bytes())
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            Ok(key)
        }
        Err(error) => Err(format!("cannot read {}: {error}", path.display()).into()),
    }
}

/// Removes other users' access to a secret.
fn tighten(path: &Path) {
    match program::make_private(path) {
        Ok(true) => tracing::warn!(
            "{} could be read by others until now; who has read it can sign tokens: remove it to have a \
             new one made",
            path.display()
        ),
        Ok(false) => {}
        Err(error) => tracing::warn!("{} may be read by others: {error}", path.display()),
    }
}

impl fmt::Debug for InProcessCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
