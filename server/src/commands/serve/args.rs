//! The options of a club, and what they amount to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::gateway::LimitArgs as GatewayLimits;
use admin::{Access, AdminArgs, Setting};
use clap::Args;
use clap::builder::BoolishValueParser;
use matchmaker::{ArchiveArgs, Identity, IdentityArgs, LimitArgs, PageArgs, WebhookConfig};
use program::Reload;
use settings::{ConfigArgs, Networks};
use shard::AllowedOrigin;
use shard::tls::CertificateSource;
use store::Archive;
use tokens::SigningKey;
use tokio_util::sync::CancellationToken;

use super::https;
use super::public::{PublicAddress, PublicName};
use crate::commands::Failure;
use crate::commands::cluster::{AddressOptions, InProcessPlan};
use crate::commands::data_dir::{ADMIN_TOKEN, admin_token_file};
use crate::commands::gateway::{GatewayPlan, MountArgs};
use crate::commands::retention::RetentionArgs;
use crate::commands::traces::TraceArgs;
use crate::commands::web_door::WebArgs;

/// A whole club in one process: accounts, pairing, play and administration, on a store in its data directory. It needs
/// nothing else but a certificate.
///
/// SIGTERM stops it, and matches go on when it is started again. SIGHUP reads its certificate again, as does a change
/// of the files. `rookery backup` and `rookery restore` work while it runs.
#[derive(Debug, Args)]
#[command(
    mut_arg("admin_listen", |arg| arg.default_value("127.0.0.1:7300")),
    after_help = "\
On a machine with a public address and a certificate for its name:
  rookery serve --public-name chess.example.org --certificate fullchain.pem --certificate-key privkey.pem

Behind a router that forwards TCP 7000, UDP 7100 and TCP 7100 to this machine, the same. Behind a proxy that speaks HTTPS:
  rookery serve --public-name chess.example.org --listen 127.0.0.1:7000 --trusted-proxy 127.0.0.1 \\
    --shard-listen 0.0.0.0 --site https://chess.example.org

In a hall, on a network of your own:
  rookery serve --listen 192.168.1.2:7000 --plain-http"
)]
pub(in crate::commands) struct ServeArgs {
    /// Where everything is kept: matches, accounts, ratings, keys; made if it is missing.
    #[arg(
        long,
        env = "ROOKERY_DATA_DIR",
        value_name = "DIR",
        default_value = "rookery-data"
    )]
    pub(super) data_dir: PathBuf,
    /// Where players' HTTPS requests are answered (TCP); port 0 picks a free one. Shards listen at the same IP address.
    #[arg(
        long,
        env = "ROOKERY_LISTEN",
        value_name = "IP:PORT",
        default_value = "0.0.0.0:7000"
    )]
    listen: SocketAddr,
    /// The IP address at which shards listen, if it is another one than that of --listen.
    #[arg(long, env = "ROOKERY_SHARD_LISTEN", value_name = "IP")]
    shard_listen: Option<std::net::IpAddr>,
    /// The first shard's UDP port, and its TCP port for pages; the others follow. 0 picks free ones.
    #[arg(
        long,
        env = "ROOKERY_SHARD_PORT",
        value_name = "PORT",
        default_value_t = 7100
    )]
    shard_port: u16,
    /// Number of shards, each with a thread and a UDP port of its own. One holds 10,000 matches.
    #[arg(long, env = "ROOKERY_SHARDS", value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: u16,
    /// The DNS name by which players reach this club. It must be in the certificate.
    #[arg(long, env = "ROOKERY_PUBLIC_NAME", value_name = "NAME")]
    public_name: Option<PublicName>,
    /// The address at which players reach the first shard, with the port if a router forwards another one than
    /// --shard-port; the ports of the other shards follow. By default the address that --public-name has at the start
    /// or, without a name, the one that is listened on.
    #[arg(long, env = "ROOKERY_PUBLIC_ADDRESS", value_name = "IP[:PORT]")]
    public_address: Option<PublicAddress>,
    /// The URL by which players reach the club, for the Site tag of PGN; by default made of --public-name and the port
    /// of --listen.
    #[arg(long, env = "ROOKERY_SITE", value_name = "URL")]
    site: Option<String>,
    /// The certificate chain of the club in PEM, for HTTPS and for the shards; reloaded when the file changes.
    #[arg(
        long,
        env = "ROOKERY_CERTIFICATE",
        value_name = "FILE",
        requires = "certificate_key"
    )]
    certificate: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(
        long,
        env = "ROOKERY_CERTIFICATE_KEY",
        value_name = "FILE",
        requires = "certificate"
    )]
    certificate_key: Option<PathBuf>,
    /// Answer players' requests by plain HTTP, which anybody on the way can read and change: for a network of your own.
    #[arg(
        long,
        env = "ROOKERY_PLAIN_HTTP",
        value_parser = BoolishValueParser::new(),
        conflicts_with = "certificate"
    )]
    plain_http: bool,
    /// Once everything answers, write a JSON object to this file: `matchmaker` (URL), `admin` (URL), `admin_token`,
    /// `gateway` (URL) and `shards` (`id`, `address` and `admin` of each).
    #[arg(long, env = "ROOKERY_READY_FILE", value_name = "FILE")]
    pub(super) ready_file: Option<PathBuf>,
    #[command(flatten)]
    gateway: MountArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    traces: TraceArgs,
    #[command(flatten)]
    pub(super) page: PageArgs,
    #[command(flatten)]
    web: WebArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    configuration: ConfigArgs,
}

/// What the arguments amount to.
pub(in crate::commands) struct Validated {
    certificate: CertificateSource,
    /// URL by which players reach the club; `None` for the address listened on.
    url: Option<String>,
    /// The first shard, as players reach it; `None` where it listens.
    public: Option<SocketAddr>,
    admin: Option<(SocketAddr, Access)>,
    identity: Identity,
    webhooks: WebhookConfig,
    page: PageArgs,
    /// Where finished matches are kept; `None` for the store itself.
    archive: Option<Arc<dyn Archive>>,
}

impl ServeArgs {
    pub(super) fn finished_keep(&self) -> Duration {
        self.retention.finished_keep()
    }

    /// Reads what the arguments name, and binds nothing. The token of the admin endpoint is made in `data_dir` if there
    /// is none; without a directory nothing is made.
    pub(in crate::commands) fn validate(
        &self,
        data_dir: Option<&Path>,
    ) -> Result<Validated, Failure> {
        let certificate = self.certificate_source()?;
        if self.shard_port > 0 && self.shard_port.checked_add(self.shards - 1).is_none() {
            let text = format!(
                "{}: {} shards from port {} on pass 65535",
                OPTIONS.shard_port, self.shards, self.shard_port
            );
            return Err(text.into());
        }
        Ok(Validated {
            certificate,
            url: self.url()?,
            public: self.public()?,
            admin: self.admin(data_dir)?,
            identity: Identity::try_from(&self.identity)?,
            webhooks: self.archive.webhooks()?,
            page: self.page.validate()?,
            archive: self.archive.open()?,
        })
    }

    /// The certificate, which has to be the one of the public name.
    fn certificate_source(&self) -> Result<CertificateSource, Failure> {
        let (Some(chain), Some(key)) = (&self.certificate, &self.certificate_key) else {
            let is_private =
                self.listen.ip().is_loopback() || !self.limits.trusted_proxy.is_empty();
            if self.plain_http && self.configuration.production {
                let text = "--production: --plain-http (ROOKERY_PLAIN_HTTP) shows players' tokens to \
                            everybody on the way; give --certificate and --certificate-key";
                return Err(text.into());
            }
            if !is_private && !self.plain_http {
                let text = format!(
                    "--listen {}: players' tokens need HTTPS: give --certificate and \
                     --certificate-key (ROOKERY_CERTIFICATE, ROOKERY_CERTIFICATE_KEY), or name the \
                     proxy that speaks it by --trusted-proxy (ROOKERY_TRUSTED_PROXY), or say by \
                     --plain-http (ROOKERY_PLAIN_HTTP) that everybody on this network is trusted",
                    self.listen
                );
                return Err(text.into());
            }
            return Ok(CertificateSource::Made);
        };
        let source = CertificateSource::Files {
            chain: chain.clone(),
            key: key.clone(),
        };
        let blame = |error: shard::tls::TlsError| {
            format!("--certificate, --certificate-key (ROOKERY_CERTIFICATE…): {error}")
        };
        let identity = source.read(program::calendar::unix_s()).map_err(blame)?;
        if let Some(name) = &self.public_name {
            identity.check_name(name.as_str()).map_err(blame)?;
        }
        Ok(source)
    }

    fn url(&self) -> Result<Option<String>, Failure> {
        if let Some(site) = &self.site {
            let site = matchmaker::check_site(site).map_err(Failure::from)?;
            return Ok(Some(site.trim_end_matches('/').to_owned()));
        }
        let scheme = self.certificate.as_ref().map_or("http", |_| "https");
        let port = self.listen.port();
        if port == 0 && self.public_name.is_some() {
            let text = "--public-name (ROOKERY_PUBLIC_NAME): players must be told the port: give one by \
                        --listen, or the whole URL by --site";
            return Err(text.into());
        }
        Ok(self.public_name.as_ref().map(|name| match (scheme, port) {
            ("https", 443) | ("http", 80) => format!("{scheme}://{}", name.as_str()),
            _ => format!("{scheme}://{}:{port}", name.as_str()),
        }))
    }

    fn shard_ip(&self) -> std::net::IpAddr {
        self.shard_listen.unwrap_or(self.listen.ip())
    }

    /// Where players reach the first shard, if it is not where it listens.
    fn public(&self) -> Result<Option<SocketAddr>, Failure> {
        let ip = self.shard_ip();
        let address = match (&self.public_address, &self.public_name) {
            (Some(address), _) => {
                let port = address.port.unwrap_or(self.shard_port);
                SocketAddr::new(address.ip, port)
            }
            (None, Some(name)) if ip.is_unspecified() => {
                SocketAddr::new(name.resolve(ip)?, self.shard_port)
            }
            (None, _) if ip.is_unspecified() => {
                let text = format!(
                    "players cannot reach a shard at {ip}: give the address at which they reach this \
                     machine by --public-address or --public-name (ROOKERY_PUBLIC_ADDRESS, \
                     ROOKERY_PUBLIC_NAME), or listen at an address of your network"
                );
                return Err(text.into());
            }
            (None, _) => return Ok(None),
        };
        let last = address.port().checked_add(self.shards - 1);
        if address.port() == 0 || last.is_none() {
            let text = format!(
                "--public-address, --shard-port (ROOKERY_PUBLIC_ADDRESS, ROOKERY_SHARD_PORT): players \
                 cannot be given {} ports from {} on",
                self.shards,
                address.port()
            );
            return Err(text.into());
        }
        Ok(Some(address))
    }

    /// The admin endpoint; without certificates and tokens of the operator's own, its token is in the data directory.
    fn admin(&self, data_dir: Option<&Path>) -> Result<Option<(SocketAddr, Access)>, Failure> {
        let mut admin = self.admin.clone();
        let has_own = admin.admin_token_file.is_some() || admin.admin_tls_cert.is_some();
        if has_own || admin.admin_listen.is_none() {
            return Ok(admin.validate(self.configuration.production)?);
        }
        let kept = match data_dir {
            Some(directory) => Some(admin_token_file(directory)?),
            None => Some(self.data_dir.join(ADMIN_TOKEN)).filter(|path| path.exists()),
        };
        let Some(kept) = kept else {
            // It will be made.
            return Ok(None);
        };
        admin.admin_token_file = Some(kept);
        Ok(admin.validate(self.configuration.production)?)
    }

    fn gateway_limits(&self) -> GatewayLimits {
        GatewayLimits {
            trusted_proxy: self.limits.trusted_proxy.clone(),
            limit_exempt: self.limits.limit_exempt.clone(),
            ..GatewayLimits::default()
        }
    }

    /// The plan of the cluster.
    pub(super) fn plan(
        &self,
        given: Validated,
        key: SigningKey,
        settings: Vec<Setting>,
        reload: Reload,
        shutdown: &CancellationToken,
    ) -> Result<InProcessPlan, Failure> {
        let shards = SocketAddr::new(self.shard_ip(), self.shard_port);
        let ports = (self.listen.port(), self.shard_port);
        let mut limits = self.limits.clone();
        if self.gateway.gateway_listen.is_some() && limits.trusted_proxy.is_empty() {
            // The gateway is many players at this machine's own address, and has limits of its own.
            limits.limit_exempt.push(Networks::loopback());
        }
        let mut plan = InProcessPlan::local(self.listen.ip(), ports, self.shards, key, limits);
        plan.config.site = given.url.clone().unwrap_or(plan.config.site);
        plan.config.identity = given.identity;
        plan.config.webhooks = given.webhooks;
        plan.config.page = given.page;
        // The name is in the certificate, if there is one.
        let is_named = given.certificate != CertificateSource::Made;
        let name = self.public_name.as_ref().filter(|_| is_named);
        let name = name.map(PublicName::as_str);
        let site = given.url.as_deref().map(str::parse::<AllowedOrigin>);
        let site = site
            .and_then(Result::ok)
            .map(|site| [site].into_iter().collect());
        let origins = self.web.origins().or(site);
        let https = https::open(&given.certificate, reload.clone(), shutdown)?;
        let tls = https.as_ref().map(|https| https.acceptor.clone());
        let gateway = self.gateway.gateway_listen;
        let gateway = gateway.map(|listen| GatewayPlan::new(listen, tls, self.gateway_limits()));
        Ok(InProcessPlan {
            gateway,
            url: given.url,
            scheme: if https.is_some() { "https" } else { "http" },
            first_shard: shards,
            public: given.public,
            options: OPTIONS,
            https,
            certificate: given.certificate,
            admin: given.admin,
            archive: given.archive,
            settings,
            traces: self.traces.config(),
            names: self.web.names(name),
            origins,
            exempt: self.limits.limit_exempt.iter().cloned().collect(),
            reload,
            ..plan
        })
    }
}

const OPTIONS: AddressOptions = AddressOptions {
    ip: "--listen, --shard-listen (ROOKERY_LISTEN, ROOKERY_SHARD_LISTEN)",
    matchmaker_port: "--listen (ROOKERY_LISTEN)",
    shard_port: "--shard-port (ROOKERY_SHARD_PORT)",
};
