//! `rookery dev`: everything in one process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use ::gateway::LimitArgs as GatewayLimits;
use admin::{Access, AdminArgs};
use clap::Args;
use matchmaker::{ArchiveArgs, Identity, IdentityArgs, LimitArgs, PageArgs, WebhookConfig};
use program::{Hangup, say};
use settings::{ConfigArgs, Networks};
use store::{Archive, RedisConfig, StoreOptions};
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::backend::{Backend, DevStore};
use super::cluster::{Addresses, InProcessCluster, InProcessPlan};
use super::data_dir::{admin_token_file, make_data_dir, signing_key};
use super::dev_bots::bot_tokens;
use super::gateway::{GatewayPlan, MountArgs};
use super::ready_file::write_ready_file;
use super::retention::RetentionArgs;
use super::traces::TraceArgs;
use super::web_door::WebArgs;

/// A matchmaker and shards in one process: to try Rookery, to develop against it, to run a small
/// club.
///
/// It needs no Redis and no configuration: matches are kept in an embedded store in the data directory, and
/// continue where they stopped when it is started again on the same directory. Ctrl-C stops it.
#[derive(Debug, Args)]
#[command(
    mut_arg("store_wait", |arg| arg.default_value("10")),
    // Whoever tries it makes an account without an operator.
    mut_arg("sign_up", |arg| arg.default_value("open"))
)]
pub(super) struct DevArgs {
    /// Where matches and keys are kept; made if it is missing.
    #[arg(
        long,
        env = "ROOKERY_DATA_DIR",
        value_name = "DIR",
        default_value = "rookery-data"
    )]
    data_dir: PathBuf,
    /// Keep matches in Redis instead, for example redis://127.0.0.1:6379; keys stay in the data
    /// directory. `none` (or `memory:`) keeps them in memory, where the end of the process is the end of
    /// every match: for measuring only.
    #[arg(
        long,
        env = "ROOKERY_STORE",
        value_name = "URL",
        hide_env_values = true
    )]
    store: Option<DevStore>,
    #[command(flatten)]
    store_options: StoreOptions,
    /// Number of shards, each with a thread and a UDP port of its own.
    #[arg(long, env = "ROOKERY_SHARDS", value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: u16,
    /// The address to listen on, which is also the one that players are given.
    #[arg(long, env = "ROOKERY_HOST", value_name = "IP", default_value_t = Ipv4Addr::LOCALHOST.into())]
    host: IpAddr,
    /// The matchmaker's TCP port; 0 picks a free one.
    #[arg(
        long,
        env = "ROOKERY_MATCHMAKER_PORT",
        value_name = "PORT",
        default_value_t = 7000
    )]
    matchmaker_port: u16,
    /// The first shard's UDP port, and its TCP port for pages; the others follow. 0 picks free ones.
    #[arg(
        long,
        env = "ROOKERY_SHARD_PORT",
        value_name = "PORT",
        default_value_t = 7100
    )]
    shard_port: u16,
    /// Where the admin endpoint listens, with a page to look at: its URL and its token are printed at the
    /// start. Port 0 picks a free one, and takes it again at the next start.
    #[arg(
        long,
        env = "ROOKERY_ADMIN_LISTEN",
        value_name = "IP:PORT",
        default_value = "127.0.0.1:0"
    )]
    admin_listen: SocketAddr,
    /// A file with the tokens of operators, one a line; by default a token is made at the first start
    /// and kept in the data directory.
    #[arg(long, env = "ROOKERY_ADMIN_TOKEN_FILE", value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// Number of bot accounts to make, for programs that speak the Lichess Bot API; their tokens are kept in the data
    /// directory and written to the ready file. With bots there is a gateway, at port 7200 unless another one is given.
    #[arg(long, value_name = "N", default_value_t = 0,
          value_parser = clap::value_parser!(u16).range(0..=1_000))]
    bots: u16,
    #[command(flatten)]
    gateway: MountArgs,
    /// Once everything answers, write a JSON object to this file: `matchmaker` (URL), `admin` (URL),
    /// `admin_token`, `gateway` (URL), `bot_tokens` and `shards` (`id`, `address` and `admin` of each).
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    traces: TraceArgs,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    web: WebArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    configuration: ConfigArgs,
}

/// What the arguments amount to.
pub(super) struct Validated {
    admin: Option<(SocketAddr, Access)>,
    identity: Identity,
    webhooks: WebhookConfig,
    page: PageArgs,
    /// Where finished matches are kept; `None` for the store itself.
    archive: Option<Arc<dyn Archive>>,
}

impl DevArgs {
    /// The Redis that it would run on, if any.
    pub(super) fn redis(&self) -> Option<RedisConfig> {
        match &self.store {
            Some(DevStore::Redis(url)) => Some(RedisConfig {
                finished_keep: self.retention.finished_keep(),
                ..self.store_options.redis(url, false)
            }),
            _ => None,
        }
    }

    /// Limits of players. Connections from this machine have none, unless a proxy runs on it: then other
    /// players have this machine's address too.
    fn limits(&self) -> LimitArgs {
        let mut limits = self.limits.clone();
        if limits.limit_exempt.is_empty() && limits.trusted_proxy.is_empty() {
            limits.limit_exempt = vec![Networks::loopback()];
        }
        limits
    }

    /// The gateway, if there is to be one. This machine's programs have no limits there either.
    fn gateway(&self) -> Option<GatewayPlan> {
        let usual = SocketAddr::new(self.host, GATEWAY_PORT);
        let listen = self.gateway.gateway_listen;
        let listen = listen.or((self.bots > 0).then_some(usual))?;
        let limits = GatewayLimits {
            trusted_proxy: self.limits.trusted_proxy.clone(),
            limit_exempt: self.limits().limit_exempt,
            ..GatewayLimits::default()
        };
        Some(GatewayPlan::new(listen, None, limits))
    }

    /// Reads what the arguments name, and binds nothing.
    pub(super) fn validate(&self) -> Result<Validated, Failure> {
        if self.configuration.production {
            let text = "--production (ROOKERY_PRODUCTION): dev makes its own keys, which production \
                        refuses; run `rookery shard` and `rookery matchmaker` instead, as deploy/ does";
            return Err(text.into());
        }
        if self.host.is_unspecified() {
            let text = format!(
                "--host (ROOKERY_HOST): {} is none that players can reach; give this machine's \
                 address in your network",
                self.host
            );
            return Err(text.into());
        }
        if let Some(redis) = self.redis() {
            let usable = redis.check();
            usable.map_err(|error| format!("--store (ROOKERY_STORE): {error}"))?;
        }
        if self.shard_port > 0 && self.shard_port.checked_add(self.shards - 1).is_none() {
            let text = format!(
                "--shard-port (ROOKERY_SHARD_PORT): {} shards from port {} on pass 65535",
                self.shards, self.shard_port
            );
            return Err(text.into());
        }
        let admin = AdminArgs {
            admin_listen: Some(self.admin_listen),
            admin_token_file: self.admin_token_file.clone(),
            // Its endpoints are for this machine; a deployment has certificates.
            ..AdminArgs::default()
        };
        Ok(Validated {
            admin: admin.validate(false)?,
            identity: Identity::try_from(&self.identity)?,
            webhooks: self.archive.webhooks()?,
            page: self.page.validate()?,
            archive: self.archive.open()?,
        })
    }

    /// The port and token of the last start, unless others are given: bookmarks and scripts continue to work.
    fn kept_admin(
        &self,
        mut listen: SocketAddr,
        access: Access,
    ) -> Result<(SocketAddr, Access), Failure> {
        if listen.port() == 0 {
            let kept = std::fs::read_to_string(self.data_dir.join(ADMIN_PORT)).unwrap_or_default();
            let kept = SocketAddr::new(listen.ip(), kept.trim().parse().unwrap_or(0));
            if std::net::TcpListener::bind(kept).is_ok() {
                listen = kept;
            }
        }
        if self.admin_token_file.is_some() {
            return Ok((listen, access));
        }
        let path = admin_token_file(&self.data_dir)?;
        Ok((listen, Access::read(&path)?))
    }

    /// Keeps the admin endpoint's port for the next start.
    fn keep_port(&self, addresses: &Addresses) {
        let port = addresses
            .admin
            .as_deref()
            .and_then(|url| url.rsplit(':').next());
        let Some(port) = port.filter(|_| self.admin_listen.port() == 0) else {
            return;
        };
        let path = self.data_dir.join(ADMIN_PORT);
        if let Err(error) = program::write_private(&path, port.as_bytes()) {
            tracing::warn!(%error, path = %path.display(), "the admin port is not kept");
        }
    }
}

/// The port of the gateway, unless another one is given.
const GATEWAY_PORT: u16 = 7200;

/// The file of the data directory that keeps the admin endpoint's port.
const ADMIN_PORT: &str = "admin-port";

pub(super) fn run(args: &DevArgs) -> Result<(), Failure> {
    let given = args.validate()?;
    make_data_dir(&args.data_dir)?;
    let key = signing_key(&args.data_dir)?;
    let finished_keep = args.retention.finished_keep();
    let backend = match (args.redis(), &args.store) {
        (Some(redis), _) => Backend::redis(redis, args.store_options.wait()),
        (None, Some(_)) => {
            tracing::warn!("no store: nothing outlives this process, so no match does either");
            Backend::memory(finished_keep)
        }
        (None, None) => Backend::embedded(&args.data_dir, finished_keep)?,
    };
    let admin = given
        .admin
        .map(|(listen, access)| args.kept_admin(listen, access))
        .transpose()?;
    let ports = (args.matchmaker_port, args.shard_port);
    let mut plan = InProcessPlan {
        admin,
        archive: given.archive,
        traces: args.traces.config(),
        names: args.web.names(None),
        origins: args.web.origins(),
        gateway: args.gateway(),
        ..InProcessPlan::local(args.host, ports, args.shards, key, args.limits())
    };
    plan.config.identity = given.identity;
    plan.config.webhooks = given.webhooks;
    plan.config.page = given.page;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(serve(args, plan, backend))
}

async fn serve(args: &DevArgs, plan: InProcessPlan, backend: Backend) -> Result<(), Failure> {
    let asked = CancellationToken::new();
    program::watch_signals(asked.clone(), Hangup::Stops)?;
    // A shard that fails cancels this one alone.
    let shutdown = asked.child_token();
    let started = tokio::select! {
        biased;
        started = InProcessCluster::start(plan, &backend, shutdown) => started,
        () = asked.cancelled() => return Ok(()),
    };
    let mut cluster = match started {
        Ok(cluster) => cluster,
        // A part that waits for the store stops with an error of its own.
        Err(_) if asked.is_cancelled() => return Ok(()),
        Err(failure) => return Err(failure),
    };
    args.keep_port(&cluster.addresses);
    if args.bots > 0 {
        let (directory, matchmaker) = (&args.data_dir, &cluster.addresses.matchmaker);
        let tokens = bot_tokens(directory, matchmaker, args.bots.into()).await?;
        cluster.addresses.bot_tokens = tokens;
    }
    say_what_is_where(args, &cluster.addresses);
    if let Some(path) = &args.ready_file {
        write_ready_file(path, &serde_json::to_value(&cluster.addresses)?)?;
    }
    cluster.wait().await
}

fn say_what_is_where(args: &DevArgs, addresses: &Addresses) {
    let store = match args.store {
        Some(DevStore::Redis(_)) => "Redis".to_owned(),
        Some(DevStore::Memory) => {
            "none: matches are in memory, and end with this process".to_owned()
        }
        None => format!("embedded, in {}", args.data_dir.display()),
    };
    say!("Rookery {} is ready.", env!("CARGO_PKG_VERSION"));
    say!();
    say!("  matchmaker  {}", addresses.matchmaker);
    if args.page.page {
        say!("  page        {}/", addresses.matchmaker);
    }
    for shard in &addresses.shards {
        say!("  shard       {} (QUIC), id {}", shard.address, shard.id);
        say!("              {} (pages)", shard.web_socket);
    }
    if let (Some(admin), Some(token)) = (&addresses.admin, &addresses.admin_token) {
        say!("  admin       {admin}");
        say!("  its token   {token}");
    }
    if let Some(gateway) = &addresses.gateway {
        say!("  gateway     {gateway} (Lichess Bot and Board API)");
    }
    for token in &addresses.bot_tokens {
        say!("  bot token   {token}");
    }
    say!("  store       {store}");
    let exempt = args.limits().limit_exempt;
    if !exempt.is_empty() {
        let exempt: Vec<String> = exempt.iter().map(Networks::to_string).collect();
        say!("  no limits   for clients at {}", exempt.join(", "));
    }
    say!();
    if args.page.page {
        say!("Play in the browser: open {}/", addresses.matchmaker);
        say!("Or play a match from a second terminal, against a bot of your own:");
    } else {
        say!("Play a match from a second terminal, against a bot of your own:");
    }
    say!();
    say!(
        "  cargo run --release -p bot-client -- play --matchmaker {} --against-bot random",
        addresses.matchmaker
    );
    say!();
    if args.store == Some(DevStore::Memory) {
        say!("Ctrl-C stops the server, and with it every match.");
    } else {
        say!("Ctrl-C stops the server; started again, it goes on with every match.");
    }
}
