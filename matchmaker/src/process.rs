//! The process of its own: logs, the listener, the store that may come late, signals.

use std::error::Error;
use std::sync::Arc;

use store::{RedisStore, Store, StoreError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use crate::config::{Args, Settings};
use crate::late::LateStore;
use crate::operators::operate;
use crate::serve::run;

/// What a shell calls the end by SIGINT.
const INTERRUPTED: i32 = 130;

/// What ended the process, in words for the operator.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Runs a matchmaker as a process of its own, until a signal ends it.
///
/// # Errors
///
/// [`Failure`] names the option, its value and what is allowed, or what cannot be reached.
pub async fn start(args: Args) -> Result<(), Failure> {
    program::start_log(log_filter(&args.log)?, args.log_format);
    let settings = args.into_settings()?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("--listen (ROOKERY_LISTEN): {}: {error}", settings.listen))?;
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(end_on_signals(shutdown.clone())?);
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
    /// Whether a matchmaker could be started with these: reads what they name, and binds nothing.
    ///
    /// # Errors
    ///
    /// [`Failure`] names the option, its value and what is allowed.
    pub fn check(self) -> Result<(), Failure> {
        log_filter(&self.log)?;
        self.into_settings()?;
        Ok(())
    }
}

fn log_filter(filter: &str) -> Result<program::LogFilter, Failure> {
    program::log_filter(filter).map_err(|error| format!("--log (ROOKERY_LOG): {error}").into())
}

/// Ends the matchmaker at the first signal in its own time, and at the second at once.
fn end_on_signals(
    shutdown: CancellationToken,
) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        for is_second in [false, true] {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if is_second {
                error!(signal = name, "ended at once, by a second signal");
                program::flush();
                std::process::exit(INTERRUPTED);
            }
            info!(signal = name, "ending; a second signal ends at once");
            shutdown.cancel();
        }
    })
}
