//! The door of pages: how they are told to reach a shard.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use shard::tls::{CertificateSource, ShownIdentity};
use shard::{Origins, WebListener};
use store::{WebDoors, WebTransportDoor};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::Failure;

/// The options for pages.
#[derive(Debug, Clone, Args)]
pub(super) struct WebArgs {
    /// The origin of pages that may connect to the shards, for example https://chess.example.org; * for every page.
    /// Repeat it, or separate several by commas. By default pages of the address or name that players are given, and
    /// of this machine. Programs, which have no origin, may always connect.
    #[arg(long = "origin", env = "ROOKERY_ORIGINS", value_name = "ORIGIN")]
    origins: Vec<Origins>,
    /// The URL by which pages reach the first shard over WebSocket, if a proxy stands before it, for example
    /// wss://chess.example.org:7443/; the ports of the other shards follow. By default made of the address or name that
    /// players are given and the TCP port that the shard listens on.
    #[arg(long, env = "ROOKERY_WEB_SOCKET_URL", value_name = "URL")]
    web_socket_url: Option<WebUrl>,
}

impl WebArgs {
    /// What pages are told of the first shard, which has this name in its certificate, if there is one.
    pub(super) fn names(&self, name: Option<&str>) -> WebNames {
        WebNames {
            name: name.map(str::to_owned),
            socket: self.web_socket_url.clone(),
        }
    }

    /// The pages that may connect, if any are given.
    pub(super) fn origins(&self) -> Option<Origins> {
        let mut given = Origins::default();
        given.extend(self.origins.iter().cloned());
        (!given.is_empty()).then_some(given)
    }
}

/// How pages are told to reach a shard.
#[derive(Debug, Clone, Default)]
pub(super) struct WebNames {
    /// The name in its certificate; `None` for the IP address that players are given.
    name: Option<String>,
    /// Where a proxy stands before its WebSocket.
    socket: Option<WebUrl>,
}

impl WebNames {
    /// The same for the shard of an index: it is added to the ports.
    pub(super) fn nth(&self, index: u16) -> Result<Self, Failure> {
        let socket = self.socket.as_ref().map(|url| url.nth(index));
        Ok(Self {
            name: self.name.clone(),
            socket: socket.transpose()?,
        })
    }
}

/// A URL at which pages reach a shard by WebSocket, where that is not the shard itself but a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WebUrl(Url);

impl FromStr for WebUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a URL of a WebSocket is like wss://chess.example.org:7443/, without a path";
        let url = Url::parse(text).map_err(|_| wrong)?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let has_user = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "ws" | "wss") || !is_bare || has_user || url.port() == Some(0) {
            return Err(wrong);
        }
        Ok(Self(url))
    }
}

impl WebUrl {
    /// The same, `index` ports further.
    fn nth(&self, index: u16) -> Result<Self, Failure> {
        let mut url = self.0.clone();
        let port = url
            .port_or_known_default()
            .and_then(|port| port.checked_add(index));
        let port = port.ok_or("--web-socket-url (ROOKERY_WEB_SOCKET_URL): its ports pass 65535")?;
        // It has a host, so it may have a port.
        let _ = url.set_port(Some(port));
        Ok(Self(url))
    }
}

/// The TCP sockets of pages that a shard may have open, where `shards` of them share a process that needs `others` open
/// files for other things.
pub(super) fn web_sockets_max(others: usize, shards: usize) -> usize {
    let files = usize::try_from(settings::open_files()).unwrap_or(usize::MAX);
    // A semaphore takes no more.
    (files.saturating_sub(others) / shards.max(1)).min(Semaphore::MAX_PERMITS)
}

/// A shard's door of pages.
pub(super) struct WebDoor {
    pub(super) listener: WebListener,
    /// What the registry says of it.
    pub(super) announced: WebDoors,
}

impl WebDoor {
    /// Opens the door at a bound TCP port, with the certificate of the shard where there is one of files. `public` is the
    /// UDP address that players are given.
    pub(super) fn open(
        listener: TcpListener,
        public: SocketAddr,
        names: &WebNames,
        identity: &ShownIdentity,
        certificate: &CertificateSource,
    ) -> Result<Self, Failure> {
        let port = listener.local_addr()?.port();
        let authority = |port| match &names.name {
            None => SocketAddr::new(public.ip(), port).to_string(),
            Some(name) => format!("{name}:{port}"),
        };
        let is_made = *certificate == CertificateSource::Made;
        let (scheme, tls, certificate_hashes) = if is_made {
            ("ws", None, vec![identity.pin()])
        } else {
            let tls = identity.server_config(b"http/1.1")?;
            ("wss", Some(TlsAcceptor::from(Arc::new(tls))), Vec::new())
        };
        let web_socket = match &names.socket {
            Some(WebUrl(url)) => url.to_string(),
            None => format!("{scheme}://{}/", authority(port)),
        };
        Ok(Self {
            listener: WebListener::new(listener, tls),
            announced: WebDoors {
                web_transport: Some(WebTransportDoor {
                    url: format!("https://{}/", authority(public.port())),
                    certificate_hashes,
                }),
                web_socket: Some(web_socket),
            },
        })
    }

    /// Where pages reach it by WebSocket.
    pub(super) fn web_socket(&self) -> &str {
        self.announced.web_socket.as_deref().unwrap_or_default()
    }
}
