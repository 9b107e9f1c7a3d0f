//! The process of its own: logs, the listener, the store that may come late, signals.

use std::error::Error;
use std::sync::Arc;

use program::Hangup;
use settings::UnknownVariable;
use store::{RedisConfig, RedisStore, Store, StoreError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{Args, Settings};
use crate::late::LateStore;
use crate::operators::operate;
use crate::request_metrics::RequestMetrics;
use crate::serve::run;

/// What ended the process, in words for the operator.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Runs a matchmaker as a process of its own, until a signal ends it. Variables that are `unread` are warned
/// about.
///
/// # Errors
///
/// [`Failure`] names the option, its value and what is allowed, or what cannot be reached.
pub async fn start(args: Args, unread: &[UnknownVariable]) -> Result<(), Failure> {
    program::start_log(log_filter(&args.log)?, args.log_format);
    for variable in unread {
        warn!("{variable}");
    }
    let settings = args.into_settings()?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("--listen (ROOKERY_LISTEN): {}: {error}", settings.listen))?;
    let shutdown = CancellationToken::new();
    // A handle that is kept hears of SIGHUP; nothing here is read again yet.
    drop(program::watch_signals(shutdown.clone(), Hangup::Reloads)?);
    let result = serve(settings, listener, &shutdown).await;
    if result.is_ok() {
        info!("ended");
    }
    result
}

/// Serves until the end, connecting to the store meanwhile.
async fn serve(
    settings: Settings,
    listener: TcpListener,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    let shown = settings.shown();
    let redis = settings.store;
    let store = Arc::new(LateStore::default());
    let metrics = RequestMetrics::default();
    let operating = match settings.admin {
        None => None,
        Some((address, access)) => {
            let listener = admin::bind(address).await?;
            info!(address = %listener.local_addr()?, "the admin endpoint serves");
            Some(operate(
                listener,
                access,
                shown,
                store.clone(),
                metrics.clone(),
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
        store.clone(),
        settings.key,
        metrics,
        shutdown.clone(),
    );
    let open = || async {
        let store = RedisStore::connect(redis.clone()).await?;
        Ok(Arc::new(store) as Arc<dyn Store>)
    };
    let connecting = async {
        let connected = tokio::select! {
            connected = store.connect(open) => connected,
            () = shutdown.cancelled() => Ok(()),
        };
        // A store that cannot keep the contract is for the operator to mend; nothing is served.
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
    /// Whether a matchmaker could be started with these: reads what they name, and binds nothing. Returns
    /// the store, which is not asked.
    ///
    /// # Errors
    ///
    /// [`Failure`] names the option, its value and what is allowed.
    pub fn check(self) -> Result<RedisConfig, Failure> {
        log_filter(&self.log)?;
        Ok(self.into_settings()?.store)
    }
}

fn log_filter(filter: &str) -> Result<program::LogFilter, Failure> {
    program::log_filter(filter).map_err(|error| format!("--log (ROOKERY_LOG): {error}").into())
}
