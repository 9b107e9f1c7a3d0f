//! A shard of a cluster in one process, on a thread of its own.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use admin::{Access, Setting};
use game_core::ShardId;
use program::Reload;
use serde::Serialize;
use settings::Networks;
use store::Store;
use tokens::SigningKey;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::backend::Backend;
use super::endpoint::{AdminListener, Serving};
use super::shard::all_cores;
use super::web_door::{WebDoor, WebNames};
use crate::operators::ShardSource;
use shard::tls::{self, CertificateSource, ResetSecret, ShownIdentity, TlsError};
use shard::{NetLimits, Origins, ShardConfig, Surroundings, TraceConfig};

const SHARD_CAPACITY: u32 = 10_000;

/// Where a shard answers, over QUIC.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ReadyShard {
    pub(super) id: ShardId,
    pub(super) address: SocketAddr,
    /// Where pages reach it by WebSocket.
    pub(super) web_socket: String,
    /// URL of its admin endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) admin: Option<String>,
}

/// A shard on a thread and a runtime of its own.
pub(super) struct ShardThread {
    pub(super) id: ShardId,
    pub(super) thread: JoinHandle<()>,
    /// Aborts it.
    pub(super) abort: CancellationToken,
}

/// What a shard of the cluster begins with.
#[derive(Clone)]
pub(super) struct ShardSeed {
    pub(super) listen: SocketAddr,
    /// The address that players are given; `None` for the one listened on.
    pub(super) public: Option<SocketAddr>,
    /// How pages are told to reach it.
    pub(super) names: WebNames,
    /// The pages that may connect; `None` for those of this machine and of the address that players are given.
    pub(super) origins: Option<Origins>,
    /// The options that name the IP address listened on, and the port.
    pub(super) options: [&'static str; 2],
    pub(super) backend: Backend,
    pub(super) key: SigningKey,
    pub(super) certificate: CertificateSource,
    /// TCP sockets of pages that may be open.
    pub(super) web_sockets_max: usize,
    /// Addresses without limits of their own.
    pub(super) exempt: Networks,
    /// The access to its admin endpoint; `None` for no endpoint.
    pub(super) access: Option<Access>,
    pub(super) traces: Option<TraceConfig>,
    /// Hears when certificates are to be read again.
    pub(super) reload: Reload,
}

/// A shard that is ready to run.
struct Prepared {
    config: ShardConfig,
    surroundings: Surroundings,
    serving: Option<Serving>,
}

/// Starts a shard on a thread and a runtime of its own: a shard is sized to one core.
pub(super) async fn start_shard(
    seed: ShardSeed,
    shutdown: CancellationToken,
) -> Result<(ShardThread, ReadyShard), Failure> {
    let id = ShardId::from_random(rand::random());
    let scheme = seed.access.as_ref().map_or("http", Access::scheme);
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
            web_socket: config.web.web_socket.clone().unwrap_or_default(),
            admin: config.admin.map(|address| format!("{scheme}://{address}")),
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
    let net = NetLimits {
        exempt: seed.exempt,
        web_sockets_max: seed.web_sockets_max,
        ..NetLimits::default()
    };
    let certificate = seed.certificate;
    let identity = certificate.read(i64::try_from(calendar().0 / 1000)?)?;
    let identity = ShownIdentity::new(identity)?;
    let certificate_sha256 = Some(identity.pin());
    let secret = ResetSecret::from_bytes(&seed.key.derive_secret("stateless reset"));
    let endpoint = identity.bind(seed.listen, secret.as_ref(), &net);
    let endpoint = endpoint.map_err(|error| match error {
        TlsError::Bind { address, why } => {
            let [ip, port] = seed.options;
            Failure::from(cannot_listen("a shard", address, ip, port, &why))
        }
        other => other.into(),
    })?;
    let bound = endpoint.local_addr()?;
    let address = seed.public.unwrap_or(bound);
    // The same port over TCP; a free one if that is taken, unless a router forwards it.
    let web = shard::bind_web(bound).or_else(|error| match seed.public {
        None => shard::bind_web(SocketAddr::new(bound.ip(), 0)),
        Some(_) => Err(error),
    });
    let web = web.map_err(|error| {
        let [ip, port] = seed.options;
        cannot_listen("a shard (over TCP)", bound, ip, port, &error)
    })?;
    let web = WebDoor::open(web, address, &seed.names, &identity, &certificate)?;
    let origins = seed.origins.unwrap_or_else(|| Origins::local(address.ip()));
    let (inspector, inspected) = shard::inspection();
    // It ends with the shard's runtime.
    let until = CancellationToken::new();
    tokio::spawn(tls::keep(
        identity,
        certificate,
        inspector.clone(),
        seed.reload.clone(),
        until,
    ));
    let (mut admin, mut serving) = (None, None);
    if let Some(access) = seed.access {
        let endpoint = AdminListener::bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), access)?;
        admin = Some(endpoint.address);
        let settings = vec![
            Setting::new("listen", bound),
            Setting::new("public_address", address),
            Setting::new("web_socket", web.web_socket()),
            Setting::new("origins", &origins),
            Setting::new("capacity", SHARD_CAPACITY),
        ];
        let store = Arc::clone(&store);
        let source = ShardSource::new(id, inspector, settings, store, None);
        serving = Some(endpoint.serve(source, seed.reload)?);
    }
    let config = ShardConfig {
        id,
        address,
        admin,
        liveness: None,
        certificate_sha256,
        capacity: SHARD_CAPACITY,
        cpu_share: all_cores(),
        hand_over_within: None,
        traces: seed.traces,
        web: web.announced,
        origins,
        limits: Default::default(),
        net,
    };
    let surroundings = Surroundings {
        endpoint,
        web: Some(web.listener),
        liveness: None,
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

/// Why a part of the cluster cannot listen, and which option to change.
pub(super) fn cannot_listen(
    who: &str,
    address: SocketAddr,
    ip_option: &str,
    port_option: &str,
    error: &std::io::Error,
) -> String {
    let ip = address.ip();
    match error.kind() {
        ErrorKind::AddrNotAvailable => {
            format!("{ip_option}: {ip} is no address of this machine")
        }
        ErrorKind::AddrInUse => format!(
            "{port_option}: {who} cannot listen on {address}, which is taken; give another port, or \
             0 for a free one"
        ),
        _ => {
            format!("{who} cannot listen on {address}: {error}; see {ip_option} and {port_option}")
        }
    }
}
