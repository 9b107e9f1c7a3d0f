//! `rookery dev`: everything in one process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use admin::{Access, AdminArgs};
use clap::Args;
use matchmaker::LimitArgs;
use settings::{Configuration, Networks};
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::backend::{Backend, DevStore};
use super::cluster::{Addresses, Cluster, ClusterPlan, signing_key};
use super::retention::RetentionArgs;
use super::traces::TraceArgs;

/// A matchmaker and shards in one process: to try Rookery, to develop against it, to run a small
/// club.
///
/// It needs no Redis and no configuration: matches are kept in an embedded store in the data
/// directory, and go on where they stopped when it is started again on the same directory. Ctrl-C
/// stops it.
#[derive(Debug, Args)]
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
    /// How long to wait for Redis at the start, in seconds.
    #[arg(
        long,
        env = "ROOKERY_STORE_WAIT",
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(0..=3600)
    )]
    store_wait: u64,
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
    /// The first shard's UDP port, the others follow; 0 picks free ones.
    #[arg(
        long,
        env = "ROOKERY_SHARD_PORT",
        value_name = "PORT",
        default_value_t = 7100
    )]
    shard_port: u16,
    /// Where the admin endpoint listens, with a page to look at: its URL and its token are printed at the
    /// start. Port 0 picks a free one.
    #[arg(
        long,
        env = "ROOKERY_ADMIN_LISTEN",
        value_name = "IP:PORT",
        default_value = "127.0.0.1:0"
    )]
    admin_listen: SocketAddr,
    /// A file with the tokens of operators, one a line; by default a token is made at each start.
    #[arg(long, env = "ROOKERY_ADMIN_TOKEN_FILE", value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// Once everything answers, write a JSON object to this file: `matchmaker` (URL), `admin` (URL),
    /// `admin_token` and `shards` (`id`, `address` and `admin` of each).
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    traces: TraceArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    configuration: Configuration,
}

impl DevArgs {
    /// What players may use up. Whoever tries things out does so from this machine, without limits, unless
    /// a proxy stands there: then others come from this machine's address too.
    fn limits(&self) -> LimitArgs {
        let mut limits = self.limits.clone();
        if limits.limit_exempt.is_empty() && limits.trusted_proxy.is_empty() {
            limits.limit_exempt = vec![Networks::loopback()];
        }
        limits
    }

    /// Where the admin endpoint listens and whom it lets in, if all arguments can be used.
    pub(super) fn validate(&self) -> Result<Option<(SocketAddr, Access)>, Failure> {
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
        Ok(admin.validate(false)?)
    }
}

pub(super) fn run(args: &DevArgs) -> Result<(), Failure> {
    let admin = args.validate()?;
    std::fs::create_dir_all(&args.data_dir).map_err(|error| {
        format!(
            "cannot make the data directory {}: {error}",
            args.data_dir.display()
        )
    })?;
    let key = signing_key(&args.data_dir)?;
    let finished_keep = args.retention.finished_keep();
    let backend = match &args.store {
        Some(DevStore::Redis(url)) => Backend::redis(
            url,
            Duration::from_secs(args.store_wait),
            false,
            finished_keep,
        ),
        Some(DevStore::Memory) => {
            tracing::warn!("no store: nothing outlives this process, so no match does either");
            Backend::memory(finished_keep)
        }
        None => Backend::embedded(&args.data_dir, finished_keep)?,
    };
    let plan = ClusterPlan {
        host: args.host,
        matchmaker_port: args.matchmaker_port,
        shard_port: args.shard_port,
        shards: args.shards,
        key,
        admin,
        traces: args.traces.config(),
        limits: args.limits(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(serve(args, plan, backend))
}

async fn serve(args: &DevArgs, plan: ClusterPlan, backend: Backend) -> Result<(), Failure> {
    let shutdown = CancellationToken::new();
    super::watch_signals(shutdown.clone())?;
    let cluster = Cluster::start(plan, &backend, shutdown).await?;
    say_what_is_where(args, &cluster.addresses);
    if let Some(path) = &args.ready_file {
        super::write_ready_file(path, &serde_json::to_value(&cluster.addresses)?)?;
    }
    cluster.wait().await
}

#[allow(
    clippy::print_stdout,
    reason = "this is what the command is asked to say"
)]
fn say_what_is_where(args: &DevArgs, addresses: &Addresses) {
    let store = match args.store {
        Some(DevStore::Redis(_)) => "Redis".to_owned(),
        Some(DevStore::Memory) => {
            "none: matches are in memory, and end with this process".to_owned()
        }
        None => format!("embedded, in {}", args.data_dir.display()),
    };
    println!("Rookery {} is ready.", env!("CARGO_PKG_VERSION"));
    println!();
    println!("  matchmaker  {}", addresses.matchmaker);
    for shard in &addresses.shards {
        println!("  shard       {} (QUIC), id {}", shard.address, shard.id);
    }
    if let (Some(admin), Some(token)) = (&addresses.admin, &addresses.admin_token) {
        println!("  admin       {admin}");
        println!("  its token   {token}");
    }
    println!("  store       {store}");
    let exempt = args.limits().limit_exempt;
    if !exempt.is_empty() {
        let exempt: Vec<String> = exempt.iter().map(Networks::to_string).collect();
        println!("  no limits   for clients at {}", exempt.join(", "));
    }
    println!();
    println!("Play a match from a second terminal, against a bot of your own:");
    println!();
    println!(
        "  cargo run --release -p bot-client -- play --matchmaker {} --against-bot random",
        addresses.matchmaker
    );
    println!();
    if args.store == Some(DevStore::Memory) {
        println!("Ctrl-C stops the server, and with it every match.");
    } else {
        println!("Ctrl-C stops the server; started again, it goes on with every match.");
    }
}
