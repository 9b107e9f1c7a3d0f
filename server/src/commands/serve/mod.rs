//! `rookery serve`: a whole club in one process.

mod args;
mod control;
mod https;
mod public;

pub(super) use self::args::ServeArgs;
pub(super) use self::public::PublicName;

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use admin::Setting;
use program::{Hangup, say};
use settings::Effective;
use store::EmbeddedStore;
use tokio_util::sync::CancellationToken;

use self::args::Validated;
use self::control::Control;
use super::Failure;
use super::backend::Backend;
use super::cluster::{Addresses, InProcessCluster};
use super::data_dir::{make_data_dir, signing_key};
use super::ready_file::write_ready_file;

/// How a club ends.
enum Ended {
    /// It was told to stop.
    Stopped,
    /// It begins anew, because its data was replaced.
    Restored,
}

pub(super) fn run(args: &ServeArgs, effective: &Effective) -> Result<(), Failure> {
    // Nothing is made for arguments that cannot be used.
    args.validate(None).map(drop)?;
    make_data_dir(&args.data_dir)?;
    let given = args.validate(Some(&args.data_dir))?;
    let key = signing_key(&args.data_dir)?;
    let store = EmbeddedStore::open(&args.data_dir)?;
    let store = Arc::new(store.keeping_finished(args.finished_keep()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let ended = runtime.block_on(serve(args, given, key, store, Setting::of(effective)));
    drop(runtime);
    match ended? {
        Ended::Stopped => Ok(()),
        Ended::Restored => Err(begin_anew()),
    }
}

/// Replaces this process by a new one of the same program with the same arguments and the same id, so that nothing of
/// what was in memory is left. Returns only if that fails.
fn begin_anew() -> Failure {
    tracing::info!("beginning anew with the restored data");
    program::flush();
    // The program that runs, also if an upgrade has replaced its file.
    let mut words = std::env::args_os();
    let mut command = Command::new("/proc/self/exe");
    command.arg0(words.next().unwrap_or_else(|| "rookery".into()));
    let error = command.args(words).exec();
    format!("the data is restored, but this process cannot begin anew: {error}; start it again")
        .into()
}

async fn serve(
    args: &ServeArgs,
    given: Validated,
    key: tokens::SigningKey,
    store: Arc<EmbeddedStore>,
    settings: Vec<Setting>,
) -> Result<Ended, Failure> {
    let asked = CancellationToken::new();
    let reload = program::watch_signals(asked.clone(), Hangup::Reloads)?;
    // A shard that fails cancels this one alone.
    let shutdown = asked.child_token();
    let plan = args.plan(given, key, settings, reload, &shutdown)?;
    let backend = Backend::Embedded(Arc::clone(&store));
    let started = tokio::select! {
        biased;
        started = InProcessCluster::start(plan, &backend, shutdown.clone()) => started,
        () = asked.cancelled() => return Ok(Ended::Stopped),
    };
    let cluster = match started {
        Ok(cluster) => cluster,
        Err(_) if asked.is_cancelled() => return Ok(Ended::Stopped),
        Err(failure) => return Err(failure),
    };
    let control = Control::bind(&args.data_dir)?;
    say_what_is_where(args, &cluster.addresses);
    if let Some(path) = &args.ready_file {
        write_ready_file(path, &serde_json::to_value(&cluster.addresses)?)?;
    }
    let restore = tokio::select! {
        restore = control.serve(store) => Some(restore),
        () = shutdown.cancelled() => None,
    };
    let Some(restore) = restore else {
        cluster.wait().await?;
        return Ok(Ended::Stopped);
    };
    // From now on nobody is told that this process serves.
    drop(control);
    tracing::info!("stopping play, because a backup is to be restored");
    cluster.stop().await?;
    restore.finish(&args.data_dir).await?;
    Ok(Ended::Restored)
}

fn say_what_is_where(args: &ServeArgs, addresses: &Addresses) {
    say!("Rookery {} serves.", env!("CARGO_PKG_VERSION"));
    say!();
    say!("  players     {}", addresses.matchmaker);
    for shard in &addresses.shards {
        say!("  shard       {} (QUIC), id {}", shard.address, shard.id);
        say!("              {} (pages)", shard.web_socket);
    }
    if let Some(gateway) = &addresses.gateway {
        say!("  gateway     {gateway} (Lichess Bot and Board API)");
    }
    if let Some(admin) = &addresses.admin {
        say!("  admin       {admin}");
    }
    say!("  data        {}", args.data_dir.display());
    say!();
    let url = &addresses.matchmaker;
    if args.page.page {
        say!("Play in the browser: {url}/");
    }
    say!("Play: bot-client play --matchmaker {url} --against-bot random");
}
