//! The server's end of the control socket.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use game_core::UnixMillis;
use program::calendar::unix_ms;
use store::{Backup, EmbeddedStore};
use tokio::fs::{self, File};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::commands::Failure;
use crate::commands::control::{
    ControlAnswer, ControlRequest, LINE_LEN_MAX, SILENCE_MAX, SOCKET, line,
};
use crate::commands::data_dir::{enclosed, restore_enclosed};

/// A peer sends its request within this.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// Pause in accepting when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes that are copied at a time.
const CHUNK_LEN: usize = 64 * 1_024;
/// The file in the data directory in which a backup waits to be sent, or to be restored.
const IN_TRANSIT: &str = "backup-in-transit";
/// Longest path of a socket, in bytes, without the zero at its end (unix(7)).
const SOCKET_PATH_LEN_MAX: usize = 107;

/// The socket, open to the owner of the process and to root.
pub(super) struct Control {
    listener: UnixListener,
    directory: PathBuf,
    /// The user of this process.
    owner: u32,
}

/// A backup that is to be restored, and who waits for that.
pub(super) struct Restore {
    backup: Backup,
    /// The file of the backup.
    file: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Control {
    /// Opens the socket of a data directory whose store this process has open, so that an older socket is a dead
    /// process's.
    pub(super) fn bind(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join(SOCKET);
        let failed = |error: io::Error| format!("cannot listen on {}: {error}", path.display());
        let len = path.as_os_str().len();
        if len > SOCKET_PATH_LEN_MAX {
            let text = format!(
                "--data-dir (ROOKERY_DATA_DIR): the path of its control socket has {len} bytes, and a \
                 socket's has {SOCKET_PATH_LEN_MAX} at most; give a shorter path, or a relative one"
            );
            return Err(text.into());
        }
        for left_behind in [&path, &directory.join(IN_TRANSIT)] {
            match std::fs::remove_file(left_behind) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(failed(error).into());
                }
                _ => {}
            }
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).map_err(failed)?;
        let owner = std::fs::metadata(&path).map_err(failed)?.uid();
        Ok(Self {
            listener,
            directory: directory.to_owned(),
            owner,
        })
    }

    /// Answers requests one after the other, until one asks for a restore.
    pub(super) async fn serve(&self, store: Arc<EmbeddedStore>) -> Restore {
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection to the control socket could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let mut stream = BufReader::new(stream);
            match self.answer(&mut stream, &store).await {
                Ok(None) => {}
                Ok(Some(backup)) => {
                    let file = self.directory.join(IN_TRANSIT);
                    return Restore {
                        backup,
                        file,
                        stream,
                    };
                }
                Err(failure) => {
                    let why = failure.to_string();
                    tracing::warn!(why, "a request at the control socket failed");
                    let refused = ControlAnswer::Refused { why };
                    let _ = write_answer(&mut stream, &refused).await;
                }
            }
            let _ = fs::remove_file(self.directory.join(IN_TRANSIT)).await;
        }
    }

    /// Answers one request. One to restore is answered later, unless it is refused.
    async fn answer(
        &self,
        stream: &mut BufReader<UnixStream>,
        store: &EmbeddedStore,
    ) -> Result<Option<Backup>, Failure> {
        let peer = stream.get_ref().peer_cred()?;
        if peer.uid() != self.owner && peer.uid() != 0 {
            return Err("the control socket answers its owner and root only".into());
        }
        let mut text = Vec::new();
        let mut limited = (&mut *stream).take(LINE_LEN_MAX);
        timeout(REQUEST_WITHIN, limited.read_until(b'\n', &mut text)).await??;
        if text.is_empty() {
            // Somebody looked whether this process serves.
            return Ok(None);
        }
        match serde_json::from_slice(&text)? {
            ControlRequest::Backup => {
                self.send_backup(stream, store).await?;
                Ok(None)
            }
            ControlRequest::Restore { bytes } => self.receive(stream, bytes).await.map(Some),
        }
    }

    async fn send_backup(
        &self,
        stream: &mut BufReader<UnixStream>,
        store: &EmbeddedStore,
    ) -> Result<(), Failure> {
        let path = self.directory.join(IN_TRANSIT);
        let files = enclosed(&self.directory)?;
        store
            .back_up(path.clone(), files, UnixMillis(unix_ms()))
            .await?;
        let mut file = File::open(&path).await?;
        let bytes = file.metadata().await?.len();
        write_answer(stream, &ControlAnswer::Backup { bytes }).await?;
        let sent = copy(&mut file, stream, bytes).await;
        sent.map_err(|error| format!("the backup could not be sent: {error}"))?;
        tracing::info!(target: "audit", bytes, "a backup was made");
        Ok(())
    }

    /// Receives a backup, and checks it.
    async fn receive(
        &self,
        stream: &mut BufReader<UnixStream>,
        bytes: u64,
    ) -> Result<Backup, Failure> {
        let path = self.directory.join(IN_TRANSIT);
        let mut options = std::fs::OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(options.write(true).create_new(true), 0o600);
        let mut file = File::from_std(options.open(&path)?);
        let received = copy(stream, &mut file, bytes).await;
        received.map_err(|error| format!("the backup could not be received: {error}"))?;
        file.sync_all().await?;
        Ok(spawn_blocking(move || Backup::open(&path)).await??)
    }
}

impl Restore {
    /// Replaces the data, whose store nobody uses any more, and answers. If it cannot be replaced, it is unchanged.
    pub(super) async fn finish(self, directory: &Path) -> Result<(), Failure> {
        let Self {
            backup,
            file,
            mut stream,
        } = self;
        let data = directory.to_owned();
        let restored = spawn_blocking(move || {
            restore_enclosed(&data, &backup)?;
            backup.restore(&data)?;
            Ok::<_, Failure>(backup.made_at())
        });
        let answer = match restored.await? {
            Ok(made_at) => {
                tracing::info!(target: "audit", made_at_ms = made_at.0, "a backup was restored");
                ControlAnswer::Restored
            }
            Err(failure) => {
                let why = failure.to_string();
                tracing::error!(why, "the backup cannot be restored; the data is as it was");
                ControlAnswer::Refused { why }
            }
        };
        let _ = fs::remove_file(file).await;
        // Who asked may have gone away; the data is what it is.
        let _ = write_answer(&mut stream, &answer).await;
        Ok(())
    }
}

async fn write_answer(
    stream: &mut BufReader<UnixStream>,
    answer: &ControlAnswer,
) -> io::Result<()> {
    let line = line(answer)?;
    timeout(SILENCE_MAX, stream.write_all(&line)).await?
}

/// Copies exactly `len` bytes. Neither side may be silent for long.
async fn copy(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    len: u64,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_LEN];
    let mut left = len;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(CHUNK_LEN).min(CHUNK_LEN);
        let read = timeout(SILENCE_MAX, from.read(&mut chunk[..wanted])).await??;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        timeout(SILENCE_MAX, to.write_all(&chunk[..read])).await??;
        left -= read as u64;
    }
    timeout(SILENCE_MAX, to.flush()).await?
}
