//! A server that connections are made to, and how: its address, TLS, user and password.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{
    AsyncConnectionConfig, ErrorKind, IntoConnectionInfo, RedisConnectionInfo, RedisError,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::tls::{CA, RedisTls, SERVER_NAME};
use super::url::Address;
use crate::error::StoreError;

/// A user's name and password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisLogin {
    /// The user of Redis' access control lists; by default, the one that is called `default`.
    pub user: Option<String>,
    /// The password; without one, nothing is said at all.
    pub password: Option<RedisPassword>,
}

/// A password, or where it is.
#[derive(Clone, PartialEq, Eq)]
pub enum RedisPassword {
    /// The password.
    Text(String),
    /// A file with the password, which is read at every connection; white space at its end does not count.
    File(PathBuf),
}

/// Leaves the password out.
impl fmt::Debug for RedisPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl RedisLogin {
    /// The password as of now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when its file cannot be read, or is empty.
    pub(super) fn read_password(&self) -> Result<Option<String>, StoreError> {
        let path = match &self.password {
            None => return Ok(None),
            Some(RedisPassword::Text(text)) => return Ok(Some(text.clone())),
            Some(RedisPassword::File(path)) => path,
        };
        let unfit = |why: &dyn fmt::Display| {
            let text = format!(
                "the file of the store's password, {}: {why}",
                path.display()
            );
            StoreError::Unfit(text)
        };
        let text = std::fs::read_to_string(path).map_err(|error| unfit(&error))?;
        match text.trim_end() {
            "" => Err(unfit(&"it is empty")),
            password => Ok(Some(password.to_owned())),
        }
    }
}

/// How the servers of one kind are spoken to, whichever of them it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    /// `None` for a connection in the clear.
    pub(super) tls: Option<RedisTls>,
    pub(super) login: RedisLogin,
    pub(super) database: u32,
    /// How long a connection may take to be made, from resolving its name to the answer to the login.
    pub(super) connect_timeout: Duration,
    /// How long an answer may take.
    pub(super) response_timeout: Duration,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) address: Address,
    pub(super) access: Arc<Access>,
}

/// A connection, which ends with the last of its clones, whatever is under way on it.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) to: MultiplexedConnection,
    /// Drives the connection.
    _driver: Arc<JoinSet<()>>,
}

/// A stream of bytes to a server.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Endpoint {
    /// Connects and logs in.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when the login, the database or a file of the configuration is refused;
    /// [`StoreError::Unavailable`] otherwise.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        let settings =
            AsyncConnectionConfig::new().set_response_timeout(Some(self.access.response_timeout));
        let info = self.info()?;
        let (to, driver) = self
            .within(async {
                let stream = self.stream().await?;
                let made = MultiplexedConnection::new_with_config(&info, stream, settings).await;
                made.map_err(|error| self.refused(&error))
            })
            .await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(driver);
        Ok(Connection {
            to,
            _driver: Arc::new(tasks),
        })
    }

    /// Connects and logs in, to subscribe to channels.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub(super) async fn subscriber(&self) -> Result<PubSub, StoreError> {
        let info = self.info()?;
        self.within(async {
            let stream = self.stream().await?;
            let made = PubSub::new(&info, stream).await;
            made.map_err(|error| self.refused(&error))
        })
        .await
    }

    async fn within<T>(
        &self,
        connecting: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let within = timeout(self.access.connect_timeout, connecting).await;
        within.unwrap_or_else(|_| Err(self.unavailable(&"it does not answer")))
    }

    fn info(&self) -> Result<RedisConnectionInfo, StoreError> {
        let unfit = |error: RedisError| StoreError::Unfit(error.to_string());
        // The address is not used: a connection is made from a stream.
        let info = ("localhost", 0).into_connection_info().map_err(unfit)?;
        let mut info = info
            .redis_settings()
            .clone()
            .set_db(self.access.database.into());
        if let Some(password) = self.access.login.read_password()? {
            info = info.set_password(password);
            if let Some(user) = &self.access.login.user {
                info = info.set_username(user);
            }
        }
        Ok(info)
    }

    async fn stream(&self) -> Result<Box<dyn Stream>, StoreError> {
        let (host, port) = match &self.address {
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                let stream = stream.map_err(|error| self.unavailable(&error))?;
                return Ok(Box::new(stream));
            }
            Address::Tcp { host, port } => (host, *port),
        };
        let tls = match &self.access.tls {
            None => None,
            Some(tls) => Some((TlsConnector::from(tls.client_config()?), tls.name_of(host)?)),
        };
        let stream = tcp(host, port).await;
        let stream = stream.map_err(|error| self.unavailable(&error))?;
        let Some((connector, name)) = tls else {
            return Ok(Box::new(stream));
        };
        let stream = connector.connect(name, stream).await;
        Ok(Box::new(stream.map_err(|error| self.untrusted(&error))?))
    }

    /// Why there is no TLS with the server: a certificate that is not accepted needs the operator.
    fn untrusted(&self, error: &io::Error) -> StoreError {
        let cause = error.get_ref();
        match cause.and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(_)) => StoreError::Unfit(format!(
                "Redis at {}: {error}; {CA} names the authority that has signed it, and {SERVER_NAME} the name \
                 that it holds",
                self.address
            )),
            _ => self.unavailable(&format!("TLS: {error}")),
        }
    }

    fn refused(&self, error: &RedisError) -> StoreError {
        match error.kind() {
            ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
                StoreError::Unfit(format!("Redis at {}: {error}", self.address))
            }
            // It answers, and will not have more databases by itself.
            _ if error.detail().is_some_and(|why| why.contains("DB index")) => {
                let address = &self.address;
                StoreError::Unfit(format!(
                    "Redis at {address} has no database of the number that the URL ends with"
                ))
            }
            _ => self.unavailable(error),
        }
    }

    pub(super) fn unavailable(&self, why: &dyn fmt::Display) -> StoreError {
        StoreError::Unavailable(format!("Redis at {}: {why}", self.address))
    }
}

/// Resolves a name anew and connects to whichever of its addresses answers first: one that is not reached must
/// not use up the time of the others.
///
/// Without Nagle's algorithm: a batch is one write, and delaying it gains nothing.
async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut attempts = JoinSet::new();
    for address in lookup_host((host, port)).await? {
        attempts.spawn(TcpStream::connect(address));
    }
    let mut failed = io::Error::other("the name has no address");
    while let Some(attempt) = attempts.join_next().await {
        match attempt.map_err(io::Error::other)? {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}
