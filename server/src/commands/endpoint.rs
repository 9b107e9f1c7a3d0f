//! The admin endpoint of a shard, on a separate thread, so that operators' requests take no time from
//! players.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use admin::{Access, Source};
use program::Reload;
use tokio_util::sync::CancellationToken;

use super::Failure;

/// An endpoint that is bound and serves nothing yet.
pub(super) struct AdminListener {
    listener: TcpListener,
    access: Access,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

/// An endpoint that serves; it ends when this is dropped.
pub(super) struct Serving {
    shutdown: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl AdminListener {
    pub(super) fn bind(listen: SocketAddr, access: Access) -> Result<Self, Failure> {
        let listener = TcpListener::bind(listen).map_err(|error| {
            format!("--admin-listen {listen}: {error}; choose another address or port")
        })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            access,
            address,
        })
    }

    /// Serves what `source` answers. Its certificate is read again on `reload`.
    pub(super) fn serve(self, source: impl Source, reload: Reload) -> Result<Serving, Failure> {
        let shutdown = CancellationToken::new();
        let until = shutdown.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new().name("admin".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(async {
                match tokio::net::TcpListener::from_std(self.listener) {
                    Ok(listener) => {
                        let source = Arc::new(source);
                        admin::serve(listener, self.access, source, reload, until).await;
                    }
                    Err(error) => tracing::error!(%error, "there is no admin endpoint"),
                }
            });
        })?;
        Ok(Serving {
            shutdown,
            thread: Some(thread),
        })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
