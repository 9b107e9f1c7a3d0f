//! A matchmaker as a process: logs, listeners, the store that may come late, signals.

use std::error::Error;
use std::sync::Arc;

use admin::Setting;
use program::{Hangup, Reload};
use settings::Parsed;
use store::{RedisConfig, RedisStore, Store, StoreError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::archive_args::open_archive;
use crate::config::{Args, Settings};
use crate::late::LateStore;
use crate::operators::operate;
use crate::serve::{SharedState, run};

/// Why the process ended, in words for the operator.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Runs a matchmaker as a process of its own, until a signal ends it.
///
/// # Errors
///
/// [`Failure`] names the option, its value and what is allowed, or what cannot be reached.
pub async fn start(parsed: Parsed<Args>) -> Result<(), Failure> {
    let Parsed {
        args,
        effective,
        unread,
    } = parsed;
    args.log.start("info")?;
    for variable in &unread {
        warn!("{variable}");
    }
    let settings = args.into_settings()?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("--listen (ROOKERY_LISTEN): {}: {error}", settings.listen))?;
    let shutdown = CancellationToken::new();
    let reload = program::watch_signals(shutdown.clone(), Hangup::Reloads)?;
    let result = serve(
        settings,
        Setting::of(&effective),
        listener,
        reload,
        &shutdown,
    )
    .await;
    if result.is_ok() {
        info!("ended");
    }
    result
}

/// Serves until `shutdown`, and connects to the store meanwhile.
async fn serve(
    settings: Settings,
    shown: Vec<Setting>,
    listener: TcpListener,
    reload: Reload,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    let redis = settings.store;
    let store = Arc::new(LateStore::default());
    let mut shared = SharedState::new(store.clone());
    if let Some(config) = &settings.archive {
        shared = shared.archiving_in(open_archive(config)?);
    }
    let operating = match settings.admin {
        None => {
            // Nothing to reload: the log may say that SIGHUP is ignored.
            drop(reload);
            None
        }
        Some((address, access)) => {
            let listener = admin::bind(address).await?;
            info!(address = %listener.local_addr()?, "the admin endpoint serves");
            Some(operate(
                listener,
                access,
                shown,
                shared.clone(),
                reload,
                shutdown.clone(),
            ))
        }
    };
    let operating = async {
        if let Some(operating) = operating {
            operating.await;
        }
    };
    let running = run(
        settings.config,
        listener,
        settings.key,
        shared,
        shutdown.clone(),
    );
    let open = || async {
        let store = RedisStore::connect(redis.clone()).await?;
        Ok(Arc::new(store) as Arc<dyn Store>)
    };
    let connecting = async {
        let connected = tokio::select! {
            connected = store.connect_within(settings.store_wait, open) => connected,
            () = shutdown.cancelled() => Ok(()),
        };
        // A store that cannot keep the contract, or does not answer in time, needs the operator; nothing is
        // served.
        if connected.is_err() {
            shutdown.cancel();
        }
        connected
    };
    let (ran, connected, ()) = tokio::join!(running, connecting, operating);
    connected.map_err(|error: StoreError| format!("--store (ROOKERY_STORE): {error}"))?;
    Ok(ran?)
}

impl Args {
    /// Whether a matchmaker could be started with these arguments: reads the files that they name, and binds
    /// nothing. Returns the store, without connecting.
    ///
    /// # Errors
    ///
    /// [`Failure`] names the option, its value and what is allowed.
    pub fn check(self) -> Result<RedisConfig, Failure> {
        Ok(self.into_settings()?.store)
    }
}
