//! `rookery tombstone`: tells the others that a shard has ended.

use std::time::Duration;

use clap::Args;
use game_core::ShardId;
use settings::ConfigArgs;
use store::{RedisStore, Registry, StoreArgs};
use tokio::time::timeout;

use super::Failure;

/// Whoever supervises processes does not wait for longer: the others notice by themselves.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Tell the other shards that a shard has ended, for whoever saw its process end: systemd's ExecStopPost, or a
/// supervisor. They take its matches over at once, instead of after some 200 ms or, if its machine is gone too,
/// 1.2 s. For a shard that still runs this is a mistake: it loses its matches to the others, and is not
/// registered again until it is restarted.
#[derive(Debug, Args)]
pub(super) struct TombstoneArgs {
    /// The id of the shard, from its ready file (`id`).
    #[arg(value_name = "ID")]
    id: ShardId,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    configuration: ConfigArgs,
}

pub(super) fn run(args: &TombstoneArgs) -> Result<(), Failure> {
    let config = args.store.redis(args.configuration.production);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let leaving = async {
        let store = RedisStore::connect(config).await?;
        store.leave(args.id).await
    };
    // A timeout begins in the runtime.
    let left = runtime.block_on(async { timeout(ANSWER_WITHIN, leaving).await });
    let matches =
        left.map_err(|_| format!("no answer of the store within {ANSWER_WITHIN:?}"))??;
    tracing::info!(shard = %args.id, matches, "the shard is known to have ended");
    Ok(())
}
