//! `rookery shard`: one shard of a real deployment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use admin::{Access, AdminArgs, Setting};
use clap::Args;
use clap::builder::BoolishValueParser;
use game_core::ShardId;
use matchmaker::LateStore;
use program::Hangup;
use serde_json::{Value, json};
use settings::{ConfigArgs, Effective, Networks};
use store::{RedisConfig, Store, StoreArgs};
use tokens::VerifyingKey;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::backend::Backend;
use super::endpoint::AdminListener;
use super::ready_file::write_ready_file;
use super::retention::RetentionArgs;
use super::serve::PublicName;
use super::traces::TraceArgs;
use super::web_door::{WebArgs, WebDoor, web_sockets_max};
use crate::operators::ShardSource;
use shard::tls::{self, CertificateSource, ResetSecret, ShownIdentity, TlsError};
use shard::{NetLimits, Origins, ShardConfig, Surroundings};
#[cfg(feature = "sabotage")]
use shard_core::Sabotage;
use shard_core::ShardLimits;

/// One shard of a deployment, on Redis. It is sized to one core: run one for each, on as many
/// machines as you like.
#[derive(Debug, Args)]
pub(super) struct ShardArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The UDP address to listen on.
    #[arg(
        long,
        env = "ROOKERY_LISTEN",
        value_name = "IP:PORT",
        default_value = "0.0.0.0:7100"
    )]
    listen: SocketAddr,
    /// The address that players are given; by default the one that is listened on.
    #[arg(long, env = "ROOKERY_PUBLIC_ADDRESS", value_name = "IP:PORT")]
    public_address: Option<SocketAddr>,
    /// The matchmaker's public key, in PEM: seat tokens are checked with it.
    #[arg(long, env = "ROOKERY_MATCHMAKER_KEY", value_name = "FILE")]
    matchmaker_key: PathBuf,
    /// The certificate chain to present, in PEM; reloaded when the file changes. Without one, a certificate
    /// is made for this run, and the matchmaker sends its hash to clients; in production, that must be
    /// enabled by --pinned-certificate.
    #[arg(
        long,
        env = "ROOKERY_CERTIFICATE",
        value_name = "FILE",
        requires = "certificate_key"
    )]
    certificate: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(
        long,
        env = "ROOKERY_CERTIFICATE_KEY",
        value_name = "FILE",
        requires = "certificate"
    )]
    certificate_key: Option<PathBuf>,
    /// Make a certificate for this run, which clients know by its hash: no authority is needed, and what
    /// is trusted is the TLS before the matchmaker. It is valid for 13 days, and replaced by itself
    /// before they are over.
    #[arg(
        long,
        env = "ROOKERY_PINNED_CERTIFICATE",
        value_parser = BoolishValueParser::new(),
        conflicts_with = "certificate"
    )]
    pinned_certificate: bool,
    /// A file with a secret of at least 32 bytes that all shards share: with it, a shard that is restarted at
    /// the same address resets the connections of its predecessor's players at once. Make it with `openssl
    /// rand -out FILE 32`.
    #[arg(long, env = "ROOKERY_RESET_SECRET", value_name = "FILE")]
    reset_secret: Option<PathBuf>,
    /// Live matches that this shard is willing to hold. It has memory for twice as many: for those that
    /// have just ended, and for those of shards that have died, if no other has room.
    #[arg(long, env = "ROOKERY_CAPACITY", value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    capacity: u32,
    /// CPU time a second that this process may use, in cores, for example 0.5. Its load is what it uses of
    /// that: matches move from shards with more load to those with less. By default all cores that it can
    /// use.
    #[arg(long, env = "ROOKERY_CPU_SHARE", value_name = "CORES", value_parser = cores)]
    cpu_share: Option<f64>,
    /// Seconds over which a shard that is stopped hands its matches over. A few matches take less. It ends at
    /// most 12 seconds later.
    #[arg(long, env = "ROOKERY_DRAIN_WITHIN", value_name = "SECONDS", default_value_t = 20,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    drain_within: u64,
    /// Connections that this shard accepts.
    #[arg(
        long,
        env = "ROOKERY_CONNECTIONS_MAX",
        value_name = "N",
        default_value_t = 25_000
    )]
    connections_max: usize,
    /// Connections that this shard accepts from one IP address (IPv6: from one /64).
    #[arg(
        long,
        env = "ROOKERY_CONNECTIONS_PER_ADDRESS_MAX",
        value_name = "N",
        default_value_t = 1_000
    )]
    connections_per_address_max: usize,
    /// Networks whose addresses are exempt from limits per address, separated by commas, for example
    /// 10.0.0.0/8: addresses with many players, such as a load generator or a gateway.
    #[arg(
        long,
        env = "ROOKERY_LIMIT_EXEMPT",
        value_name = "CIDR",
        default_value = ""
    )]
    limit_exempt: Networks,
    /// The TCP address on which pages reach this shard by WebSocket, over TLS if it has a certificate of files. By
    /// default at the IP address of --listen, 1000 ports above it.
    #[arg(long, env = "ROOKERY_WEB_LISTEN", value_name = "IP:PORT")]
    web_listen: Option<SocketAddr>,
    /// The DNS name by which pages reach this shard. It must be in the certificate; without one, pages reach the shard
    /// by --public-address, and know its certificate by its hash.
    #[arg(
        long,
        env = "ROOKERY_PUBLIC_NAME",
        value_name = "NAME",
        requires = "certificate"
    )]
    public_name: Option<PublicName>,
    #[command(flatten)]
    web: WebArgs,
    #[command(flatten)]
    admin: AdminArgs,
    /// The address at which matchmakers reach the admin endpoint; by default the one listened on, at the
    /// IP address of --public-address if that is none.
    #[arg(long, env = "ROOKERY_ADMIN_ADDRESS", value_name = "IP:PORT")]
    admin_address: Option<SocketAddr>,
    /// The TCP address of the liveness port, on which this shard says its id and closes: other shards and
    /// matchmakers know at once that it has ended when the connection is refused. Nothing else is served there.
    /// By default the port that players use over UDP, on TCP, or a free one if that is in use.
    #[arg(long, env = "ROOKERY_LIVENESS_LISTEN", value_name = "IP:PORT")]
    liveness_listen: Option<SocketAddr>,
    /// The address at which other shards and matchmakers reach the liveness port; by default the one listened on,
    /// at the IP address of --public-address if that is none.
    #[arg(long, env = "ROOKERY_LIVENESS_ADDRESS", value_name = "IP:PORT")]
    liveness_address: Option<SocketAddr>,
    /// Once the shard is in the registry, write a JSON object to this file: its `id` and `address` and,
    /// if it has an admin endpoint, that one's URL as `admin` and, if it takes any, `admin_token`.
    #[arg(long, env = "ROOKERY_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    traces: TraceArgs,
    #[command(flatten)]
    configuration: ConfigArgs,
    /// The safeguard to take out, so that a test sees whether its checks notice: gate or store-time.
    #[cfg(feature = "sabotage")]
    #[arg(long, env = "ROOKERY_SABOTAGE", value_name = "SAFEGUARD", value_parser = sabotage, hide = true)]
    sabotage: Option<Sabotage>,
}

/// Cores, or a part of one.
fn cores(text: &str) -> Result<f64, String> {
    const MIN: f64 = 0.01;
    const MAX: f64 = 1_024.0;
    let cores = text
        .parse()
        .ok()
        .filter(|cores| (MIN..=MAX).contains(cores));
    cores.ok_or_else(|| format!("a number of cores is from {MIN} to {MAX}, for example 0.5"))
}

/// The cores that this process can use.
pub(super) fn all_cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

#[cfg(feature = "sabotage")]
fn sabotage(text: &str) -> Result<Sabotage, &'static str> {
    match text {
        "gate" => Ok(Sabotage::Gate),
        "store-time" => Ok(Sabotage::StoreTime),
        _ => Err("there are: gate, store-time"),
    }
}

pub(super) fn run(args: &ShardArgs, effective: &Effective) -> Result<(), Failure> {
    let given = args.validate()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(args, given, Setting::of(effective)))
}

/// What the arguments name, read.
pub(super) struct Given {
    key: VerifyingKey,
    certificate: CertificateSource,
    identity: ShownIdentity,
    secret: Option<ResetSecret>,
    /// The address of the admin endpoint, and the access to it.
    admin: Option<(SocketAddr, Access)>,
}

impl ShardArgs {
    /// Reads what the arguments name, and binds nothing.
    pub(super) fn validate(&self) -> Result<Given, Failure> {
        let public = self.public_address.unwrap_or(self.listen);
        if public.ip().is_unspecified() {
            let text = format!(
                "players cannot reach {public}: set --public-address (ROOKERY_PUBLIC_ADDRESS) to the \
                 address and port at which they reach this shard"
            );
            return Err(text.into());
        }
        // The port that is listened on may be a free one, which is known once it is bound.
        for (option, address) in [
            (
                "--public-address (ROOKERY_PUBLIC_ADDRESS)",
                self.public_address,
            ),
            (
                "--admin-address (ROOKERY_ADMIN_ADDRESS)",
                self.admin_address,
            ),
            (
                "--liveness-address (ROOKERY_LIVENESS_ADDRESS)",
                self.liveness_address,
            ),
        ] {
            if let Some(address) = address.filter(|address| address.port() == 0) {
                let text = format!(
                    "{option}: nobody reaches port 0 of {}; give the port at which this shard is reached",
                    address.ip()
                );
                return Err(text.into());
            }
        }
        let usable = self.redis().check();
        usable.map_err(|error| format!("--store (ROOKERY_STORE): {error}"))?;
        let production = self.configuration.production;
        let secret = match &self.reset_secret {
            Some(path) => Some(reset_secret(path, production)?),
            None => None,
        };
        let (certificate, identity) = self.identity()?;
        Ok(Given {
            key: matchmaker_key(&self.matchmaker_key)?,
            certificate,
            identity,
            secret,
            admin: self.admin.validate(production)?,
        })
    }

    /// The Redis that it would run on.
    pub(super) fn redis(&self) -> RedisConfig {
        RedisConfig {
            finished_keep: self.retention.finished_keep(),
            ..self.store.redis(self.configuration.production)
        }
    }

    /// The certificate that was given, or one for this run. In production a made one must be meant: who
    /// forgot the certificate would otherwise learn of it from players.
    fn identity(&self) -> Result<(CertificateSource, ShownIdentity), Failure> {
        let made_is_meant = self.pinned_certificate || !self.configuration.production;
        let source = match (&self.certificate, &self.certificate_key) {
            (Some(chain), Some(key)) => CertificateSource::Files {
                chain: chain.clone(),
                key: key.clone(),
            },
            _ if made_is_meant => CertificateSource::Made,
            _ => {
                let text = "--production: give --certificate and --certificate-key \
                            (ROOKERY_CERTIFICATE, ROOKERY_CERTIFICATE_KEY), or say by \
                            --pinned-certificate (ROOKERY_PINNED_CERTIFICATE) that clients are to \
                            know a certificate made for this run by its hash";
                return Err(text.into());
            }
        };
        let now_s = i64::try_from(shard::system_calendar().0 / 1000)?;
        let shown = source.read(now_s).and_then(ShownIdentity::new);
        let blame = |error: TlsError| {
            format!("--certificate, --certificate-key (ROOKERY_CERTIFICATE…): {error}")
        };
        let shown = shown.map_err(blame)?;
        Ok((source, shown))
    }

    /// The pages that may connect to this shard, which is reached at this address.
    fn allowed_origins(&self, public: SocketAddr) -> Origins {
        let by_default = || {
            let local = Origins::local(public.ip());
            match &self.public_name {
                Some(name) => local.and_host(name.as_str()),
                None => local,
            }
        };
        self.web.origins().unwrap_or_else(by_default)
    }
}

async fn serve(args: &ShardArgs, given: Given, shown: Vec<Setting>) -> Result<(), Failure> {
    let Given {
        key,
        certificate,
        identity,
        secret,
        admin,
    } = given;
    let admin = admin
        .map(|(listen, access)| open_admin(args, listen, access))
        .transpose()?;
    let shutdown = CancellationToken::new();
    let reload = program::watch_signals(shutdown.clone(), Hangup::Reloads)?;
    let net = NetLimits {
        connections_max: args.connections_max,
        web_sockets_max: web_sockets_max(OTHER_FILES, 1).min(args.connections_max),
        connections_per_address_max: args.connections_per_address_max,
        exempt: args.limit_exempt.clone(),
        ..NetLimits::default()
    };
    let certificate_sha256 = Some(identity.pin());
    let endpoint = identity.bind(args.listen, secret.as_ref(), &net)?;
    let port = endpoint.local_addr()?.port();
    let bound = SocketAddr::new(args.listen.ip(), port);
    let address = args.public_address.unwrap_or(bound);
    let web = open_web(args, port, address, &identity, &certificate)?;
    let (liveness, reached_at) = open_liveness(args, port, address)?;
    let config = ShardConfig {
        id: ShardId::from_random(rand::random()),
        address,
        admin: admin.as_ref().map(|admin| admin.reached_at),
        liveness: Some(reached_at),
        certificate_sha256,
        capacity: args.capacity,
        cpu_share: args.cpu_share.unwrap_or_else(all_cores),
        hand_over_within: Some(Duration::from_secs(args.drain_within)),
        traces: args.traces.config(),
        web: web.announced,
        origins: args.allowed_origins(address),
        limits: ShardLimits {
            #[cfg(feature = "sabotage")]
            sabotage: args.sabotage,
            ..ShardLimits::for_capacity(args.capacity)
        },
        net,
    };
    let ready = args.ready_file.clone();
    let ready = ready.map(|path| (path, ready_file(&config, admin.as_ref())));
    let (inspector, inspected) = shard::inspection();
    // It may outlive the shard by one interval.
    let keeping = CancellationToken::new();
    let _keeping = keeping.clone().drop_guard();
    tokio::spawn(tls::keep(
        identity,
        certificate,
        inspector.clone(),
        reload.clone(),
        keeping,
    ));
    let late_store = Arc::new(LateStore::default());
    let source = ShardSource::new(
        config.id,
        inspector,
        shown,
        Arc::clone(&late_store) as _,
        Some(shutdown.clone()),
    );
    // It answers probes while the store is waited for.
    let _serving = admin
        .map(|admin| admin.endpoint.serve(source, reload))
        .transpose()?;
    let backend = Backend::redis(args.redis(), args.store.options.wait());
    let store = tokio::select! {
        store = backend.open() => store?,
        () = shutdown.cancelled() => {
            tracing::info!("stopped while waiting for the store: this shard has owned nothing");
            return Ok(());
        }
    };
    late_store.connect(async || Ok(Arc::clone(&store))).await?;
    if let Some((path, ready)) = ready {
        tokio::spawn(say_when_ready(path, ready, config.id, Arc::clone(&store)));
    }
    let surroundings = Surroundings {
        endpoint,
        web: Some(web.listener),
        liveness: Some(liveness),
        store,
        key,
        calendar: shard::system_calendar,
        inspected,
    };
    shard::run(config, surroundings, shutdown).await;
    Ok(())
}

fn matchmaker_key(path: &Path) -> Result<VerifyingKey, Failure> {
    let pem = std::fs::read_to_string(path).map_err(|error| {
        format!(
            "--matchmaker-key (ROOKERY_MATCHMAKER_KEY): cannot read {}: {error}",
            path.display()
        )
    })?;
    VerifyingKey::from_pem(&pem).map_err(|error| {
        format!(
            "--matchmaker-key (ROOKERY_MATCHMAKER_KEY): {}: {error}",
            path.display()
        )
        .into()
    })
}

/// Binds the liveness port; returns it and where others reach it. Without an option it is the TCP port of the
/// number that players use over UDP or, if that is in use, a free one.
fn open_liveness(
    args: &ShardArgs,
    port: u16,
    public: SocketAddr,
) -> Result<(tokio::net::TcpListener, SocketAddr), Failure> {
    let option = "--liveness-listen (ROOKERY_LIVENESS_LISTEN)";
    let listener = match args.liveness_listen {
        Some(listen) => std::net::TcpListener::bind(listen)
            .map_err(|error| format!("{option}: cannot listen on {listen}: {error}"))?,
        None => {
            let ip = args.listen.ip();
            let bind = |port| std::net::TcpListener::bind((ip, port));
            let listener = bind(port).or_else(|_| bind(0));
            listener.map_err(|error| format!("no TCP port for {option}: {error}"))?
        }
    };
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let reached_at = args.liveness_address.unwrap_or_else(|| {
        let ip = if bound.ip().is_unspecified() {
            public.ip()
        } else {
            bound.ip()
        };
        SocketAddr::new(ip, bound.port())
    });
    tracing::info!(address = %bound, announced = %reached_at, "the liveness port listens");
    Ok((tokio::net::TcpListener::from_std(listener)?, reached_at))
}

/// Open files that a shard needs beside the sockets of pages: its store, its log, its admin endpoint.
const OTHER_FILES: usize = 512;
/// Ports between that of players over UDP and that of pages over TCP.
const WEB_PORT_ABOVE: u16 = 1_000;

/// Opens the door of pages.
fn open_web(
    args: &ShardArgs,
    port: u16,
    public: SocketAddr,
    identity: &ShownIdentity,
    certificate: &CertificateSource,
) -> Result<WebDoor, Failure> {
    let by_default = || match args.listen.port() {
        0 => SocketAddr::new(args.listen.ip(), 0),
        _ => SocketAddr::new(args.listen.ip(), port.saturating_add(WEB_PORT_ABOVE)),
    };
    let listen = args.web_listen.unwrap_or_else(by_default);
    let bound = shard::bind_web(listen).map_err(|error| {
        format!("--web-listen (ROOKERY_WEB_LISTEN): cannot listen on {listen}: {error}")
    })?;
    let names = args
        .web
        .names(args.public_name.as_ref().map(PublicName::as_str));
    let web = WebDoor::open(bound, public, &names, identity, certificate)?;
    tracing::info!(announced = web.web_socket(), "the port for pages listens");
    Ok(web)
}

/// The configured admin endpoint.
struct OpenAdmin {
    endpoint: AdminListener,
    /// The address for the registry.
    reached_at: SocketAddr,
    /// `http` or `https`.
    scheme: &'static str,
    /// The first of its tokens, if it takes any.
    token: Option<String>,
}

fn open_admin(args: &ShardArgs, listen: SocketAddr, access: Access) -> Result<OpenAdmin, Failure> {
    let (scheme, token) = (access.scheme(), access.token().map(str::to_owned));
    let endpoint = AdminListener::bind(listen, access)?;
    let bound = endpoint.address;
    tracing::info!(address = %bound, "the admin endpoint serves");
    let public = args.public_address.unwrap_or(args.listen).ip();
    let reached_at = args
        .admin_address
        .unwrap_or(if bound.ip().is_unspecified() {
            SocketAddr::new(public, bound.port())
        } else {
            bound
        });
    Ok(OpenAdmin {
        endpoint,
        reached_at,
        scheme,
        token,
    })
}

/// The content of the ready file.
fn ready_file(config: &ShardConfig, admin: Option<&OpenAdmin>) -> Value {
    let mut ready = json!({ "id": config.id, "address": config.address });
    if let Some(admin) = admin {
        ready["admin"] = json!(format!("{}://{}", admin.scheme, admin.reached_at));
        if let Some(token) = &admin.token {
            ready["admin_token"] = json!(token);
        }
    }
    ready
}

/// Waits until the registry has the shard, then reports it.
async fn say_when_ready(path: PathBuf, ready: Value, id: ShardId, store: Arc<dyn Store>) {
    while !store.shards().await.is_ok_and(|shards| {
        let mut records = shards.iter().filter_map(store::Registered::record);
        records.any(|record| record.id == id)
    }) {
        sleep(Duration::from_millis(20)).await;
    }
    if let Err(failure) = write_ready_file(&path, &ready) {
        tracing::error!(%failure, "nobody is told that the shard is ready");
    }
}

fn reset_secret(path: &Path, production: bool) -> Result<ResetSecret, Failure> {
    let refused = |why: String| {
        format!(
            "--reset-secret (ROOKERY_RESET_SECRET): {}: {why}; `openssl rand -out FILE 32` makes one",
            path.display()
        )
    };
    let bytes = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    if production && settings::is_guessable(&bytes, ResetSecret::LEN_MIN) {
        let why = format!(
            "--production takes a random secret of {} bytes or more",
            ResetSecret::LEN_MIN
        );
        return Err(refused(why).into());
    }
    ResetSecret::from_bytes(&bytes).ok_or_else(|| {
        let why = format!(
            "it holds {} bytes; it must be at least {}",
            bytes.len(),
            ResetSecret::LEN_MIN
        );
        refused(why).into()
    })
}
