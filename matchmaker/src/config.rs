//! Configuration of the matchmaker: parsed arguments, then validated values.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use admin::{Access, AdminArgs, InvalidAdmin};
use clap::Parser;
use clap::builder::Resettable;
use program::LogArgs;
use settings::ConfigArgs;
use store::{FINISHED_KEEP, FINISHED_KEEP_MIN, PostgresConfig, RedisConfig, StoreArgs};
use tokens::SigningKey;

use crate::archive_args::{ArchiveArgs, InvalidWebhooks};
use crate::identity::{Guests, IdentityArgs, IssuerConfig, SignUp};
use crate::limit_args::LimitArgs;
use crate::page_args::PageArgs;
use crate::pool_terms::PoolTerms;
use crate::webhook_config::WebhookConfig;

/// Assigns matches to shards and players to matches.
///
/// Speaks HTTP/JSON with players and keeps no state of its own: start as many as you like on one
/// store, behind any load balancer, and stop them at will. It does not speak TLS: put it behind a
/// proxy that does.
#[derive(Debug, Parser)]
#[command(
    name = "matchmaker",
    version,
    mut_arg("store_wait", |arg| arg.default_value(Resettable::Reset).help(STORE_WAIT)),
    after_help = "\
Make the signing key once, and give its public half to every shard:
  openssl genpkey -algorithm ed25519 -out signing-key.pem
  openssl pkey -in signing-key.pem -pubout -out public-key.pem

Then:
  rookery matchmaker --store redis://127.0.0.1:6379 --signing-key signing-key.pem

A store over TLS, with a user; a group with Sentinels; a managed Redis:
  --store rediss://redis.example:6380 --store-tls-ca ca.pem --store-user rookery --store-password-file password
  --store redis+sentinel://h1:26379,h2:26379,h3:26379/primary --store-replicas 1
  --store rediss://managed.example:6379 --store-durability always

Every option may come from the environment or a file (--config) instead; an option given here overrides
the environment, which overrides the file. `rookery check matchmaker` prints the values in effect.
GET /livez tells whether the process answers, GET /readyz whether its store does too.
SIGTERM or SIGINT ends it once the requests under way are answered; a second one ends it at once.
SIGHUP reloads the certificate of the admin endpoint."
)]
pub struct Args {
    /// Where to listen for HTTP.
    #[arg(
        long,
        env = "ROOKERY_LISTEN",
        value_name = "IP:PORT",
        default_value = "127.0.0.1:7000",
        value_parser = parse_listen
    )]
    pub listen: SocketAddr,

    /// The store, which may come up later than the matchmaker.
    #[command(flatten)]
    pub store: StoreArgs,

    /// The Ed25519 private key that signs tokens, in PEM (PKCS#8). All matchmakers of an
    /// installation share it.
    #[arg(long, env = "ROOKERY_SIGNING_KEY", value_name = "FILE")]
    pub signing_key: PathBuf,

    /// The public address of this installation, for the Site tag of PGN; by default "?".
    #[arg(long, env = "ROOKERY_SITE", value_name = "URL")]
    pub site: Option<String>,

    /// How many days a player token is valid, of a guest or of somebody who has logged in.
    #[arg(
        long,
        env = "ROOKERY_PLAYER_TOKEN_DAYS",
        value_name = "DAYS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=365)
    )]
    pub player_token_days: u64,

    /// How many seconds a seat token is valid: the time in which the seat must be taken.
    #[arg(
        long,
        env = "ROOKERY_SEAT_TOKEN_SECONDS",
        value_name = "SECONDS",
        default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(30..=3600)
    )]
    pub seat_token_seconds: u64,

    /// Upper bound on open connections; beyond it, probes are answered and other connections closed. If the
    /// limit of open files is too low for it, it is lowered, with a warning.
    #[arg(
        long,
        env = "ROOKERY_CONNECTIONS_MAX",
        value_name = "COUNT",
        default_value_t = 20_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub connections_max: u32,

    /// Upper bound on requests under way, those that wait for an opponent included; more are
    /// answered with 503. Above half of it, no request waits for an opponent.
    #[arg(
        long,
        env = "ROOKERY_REQUESTS_MAX",
        value_name = "COUNT",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(2..=1_000_000)
    )]
    pub requests_max: u32,

    /// Upper bound on the interval of a pool's waves, in seconds. Lower than the usual intervals, which are 12 to 60, it
    /// pairs players sooner and with greater differences of their ratings. Up to eight who wait are paired at once
    /// in any case.
    #[arg(
        long,
        env = "ROOKERY_WAVE_SECONDS_MAX",
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(0..=60)
    )]
    pub wave_seconds_max: u64,

    /// How many seconds requests under way have to end after SIGTERM.
    #[arg(
        long,
        env = "ROOKERY_GRACE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(0..=300)
    )]
    pub grace_seconds: u64,

    /// Who may play.
    #[command(flatten)]
    pub identity: IdentityArgs,

    /// How many days finished matches are kept in the store: in its archive, unless there is another one, and in its
    /// feed. Shards have the same option; give them the same value.
    #[arg(
        long,
        env = "ROOKERY_FINISHED_KEEP",
        value_name = "DAYS",
        default_value_t = FINISHED_KEEP.as_secs() / DAY_S,
        value_parser = clap::value_parser!(u64).range(FINISHED_KEEP_DAYS_MIN..=366)
    )]
    pub finished_keep: u64,

    /// Where finished matches are kept, and who is told of them.
    #[command(flatten)]
    pub archive: ArchiveArgs,

    /// The browser page, and the pools that it offers.
    #[command(flatten)]
    pub page: PageArgs,

    /// Limits on players and addresses.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// Its configuration file, and whether it runs in production.
    #[command(flatten)]
    pub configuration: ConfigArgs,

    /// The admin endpoint.
    #[command(flatten)]
    pub admin: AdminArgs,

    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// How the matchmaker treats players and requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The `Site` tag of PGN.
    pub site: String,
    /// Who may play.
    pub identity: Identity,
    /// How long a player token is valid, in whole seconds.
    pub player_token_ttl: Duration,
    /// How long a seat token is valid, in whole seconds: from the reply to the `Join`.
    pub seat_token_ttl: Duration,
    /// Upper bound on open connections; beyond it, probes are answered and other connections closed.
    pub connections_max: usize,
    /// Limits on players and addresses.
    pub limits: LimitArgs,
    /// Upper bound on requests under way; more are answered with 503 at once, as waiting would only make the
    /// queue longer.
    pub requests_max: usize,
    /// Upper bound on the interval of a pool's waves.
    pub wave_interval_max: Duration,
    /// How long requests under way have to end at a shutdown.
    pub grace: Duration,
    /// Who is told of finished matches.
    pub webhooks: WebhookConfig,
    /// The browser page, and the pools that it offers.
    pub page: PageArgs,
}

/// Who may play: guests, accounts, and players of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Who may make an account.
    pub sign_up: SignUp,
    /// Whether one may play without an account.
    pub guests: Guests,
    /// The issuer whose tokens are accepted beside those of this installation.
    pub issuer: Option<IssuerConfig>,
}

impl TryFrom<&IdentityArgs> for Identity {
    type Error = ConfigError;

    fn try_from(args: &IdentityArgs) -> Result<Self, ConfigError> {
        let issuer = args.issuer().map_err(|error| ConfigError {
            name: "--oidc-issuer (ROOKERY_OIDC_ISSUER)",
            why: error.to_string(),
            value: error.issuer,
        })?;
        Ok(Self {
            sign_up: args.sign_up,
            guests: args.guests,
            issuer,
        })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            site: "?".to_owned(),
            identity: Identity::default(),
            player_token_ttl: Duration::from_secs(30 * 24 * 60 * 60),
            seat_token_ttl: Duration::from_secs(5 * 60),
            connections_max: 20_000,
            limits: LimitArgs::default(),
            requests_max: 10_000,
            wave_interval_max: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            webhooks: WebhookConfig::default(),
            page: PageArgs::default(),
        }
    }
}

/// Everything that the binary needs, validated.
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The store.
    pub store: RedisConfig,
    /// The database of the archive; `None` if the store is the archive.
    pub archive: Option<PostgresConfig>,
    /// How long the store is waited for at the start; `None` for as long as it takes.
    pub store_wait: Option<Duration>,
    /// Signs tokens.
    pub key: SigningKey,
    /// How requests are treated.
    pub config: Config,
    /// Where the admin endpoint listens, and who has access; `None` for no endpoint.
    pub admin: Option<(SocketAddr, Access)>,
}

/// A setting that cannot be used, with its value and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {value:?} cannot be used: {why}")]
pub struct ConfigError {
    /// The option and the variable of the environment.
    name: &'static str,
    /// The value that was given.
    value: String,
    /// The fault, and what is allowed.
    why: String,
}

const DAY_S: u64 = 24 * 60 * 60;
/// The shortest `--finished-keep`: a match goes no sooner than the ticket that made it.
const FINISHED_KEEP_DAYS_MIN: u64 = FINISHED_KEEP_MIN.as_secs().div_ceil(DAY_S);

/// A matchmaker serves while it waits, so it need not give up.
const STORE_WAIT: &str =
    "How long to wait for Redis at the start, in seconds; by default, for as long as it takes";

/// Longest `--site`, in bytes: a line of PGN has at most 255 characters, the name of the tag included.
const SITE_LEN_MAX: usize = 200;

impl Args {
    /// Validates the arguments and reads the key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first setting that cannot be used.
    pub fn into_settings(self) -> Result<Settings, ConfigError> {
        let production = self.configuration.production;
        let admin = self.admin.validate(production).map_err(refused_admin)?;
        let site = self.site.as_deref().map(check_site).transpose()?;
        let site = site.unwrap_or(Config::default().site);
        let identity = Identity::try_from(&self.identity)?;
        let page = self.page.validate().map_err(|error| ConfigError {
            name: "--pool (ROOKERY_POOLS)",
            value: text_of(&self.page.pool),
            why: error.why,
        })?;
        let key = read_key(&self.signing_key)?;
        let store = RedisConfig {
            finished_keep: Duration::from_secs(self.finished_keep * DAY_S),
            ..self.store.redis(production)
        };
        let webhooks = self.archive.webhooks().map_err(|error| ConfigError {
            name: InvalidWebhooks::NAME,
            value: error.value,
            why: error.why,
        })?;
        store.check().map_err(|error| ConfigError {
            name: "--store, --store-… (ROOKERY_STORE, ROOKERY_STORE_…)",
            value: settings::without_password(self.store.store.as_str()),
            why: error.to_string(),
        })?;
        Ok(Settings {
            listen: self.listen,
            store,
            archive: self.archive.archive,
            store_wait: self.store.options.wait(),
            key,
            config: Config {
                site,
                identity,
                player_token_ttl: Duration::from_secs(self.player_token_days * 24 * 60 * 60),
                seat_token_ttl: Duration::from_secs(self.seat_token_seconds),
                connections_max: self.connections_max as usize,
                limits: self.limits,
                requests_max: self.requests_max as usize,
                wave_interval_max: Duration::from_secs(self.wave_seconds_max),
                grace: Duration::from_secs(self.grace_seconds),
                webhooks,
                page,
            },
            admin,
        })
    }
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "an address is IP:PORT, for example 0.0.0.0:7000 or [::]:7000".to_owned())
}

fn refused_admin(error: InvalidAdmin) -> ConfigError {
    let (name, value) = match &error {
        InvalidAdmin::Open(address) | InvalidAdmin::Generated(address) => {
            ("--admin-listen (ROOKERY_ADMIN_LISTEN)", address.to_string())
        }
        InvalidAdmin::Tokens(_) | InvalidAdmin::Guessable(_) => (
            "--admin-token-file (ROOKERY_ADMIN_TOKEN_FILE)",
            "the file".to_owned(),
        ),
        InvalidAdmin::HalfTls { .. } | InvalidAdmin::Tls(_) => (
            "--admin-tls-cert, --admin-tls-key, --admin-tls-ca (ROOKERY_ADMIN_TLS_…)",
            "the files".to_owned(),
        ),
    };
    let why = error.to_string();
    ConfigError { name, value, why }
}

/// The public address of an installation, as the `Site` tag of PGN has it.
///
/// # Errors
///
/// [`ConfigError`] if it is no URL, or too long.
pub fn check_site(site: &str) -> Result<String, ConfigError> {
    let is_url = site.starts_with("https://") || site.starts_with("http://");
    let is_plain = !site.chars().any(|c| c.is_control() || c.is_whitespace());
    if is_url && is_plain && site.len() <= SITE_LEN_MAX {
        Ok(site.to_owned())
    } else {
        Err(ConfigError {
            name: "--site (ROOKERY_SITE)",
            value: site.to_owned(),
            why: format!(
                "it must be an http:// or https:// URL of at most {SITE_LEN_MAX} bytes, without \
                 spaces"
            ),
        })
    }
}

fn text_of(pools: &[PoolTerms]) -> String {
    let pools: Vec<String> = pools.iter().map(ToString::to_string).collect();
    pools.join(",")
}

fn read_key(file: &std::path::Path) -> Result<SigningKey, ConfigError> {
    let invalid = |why: String| ConfigError {
        name: "--signing-key (ROOKERY_SIGNING_KEY)",
        value: file.display().to_string(),
        why: format!("{why}; it must be a file that \"openssl genpkey -algorithm ed25519\" wrote"),
    };
    let text = std::fs::read_to_string(file).map_err(|error| invalid(error.to_string()))?;
    SigningKey::from_pem(&text).map_err(|error| invalid(error.to_string()))
}

/// Omits the key.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("store", &self.store)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(more: &[&str]) -> Result<Args, clap::Error> {
        let base = [
            "matchmaker",
            "--store",
            "redis://h",
            "--signing-key",
            "/nowhere/key",
        ];
        Args::try_parse_from(base.iter().chain(more))
    }

    fn key_file() -> tempfile::NamedTempFile {
        let (_, pem) = SigningKey::generate().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        file
    }

    #[test]
    fn the_defaults_of_the_flags_are_the_defaults_of_the_library() {
        let key = key_file();
        let mut args = args(&[]).unwrap();
        args.signing_key = key.path().to_owned();
        let settings = args.into_settings().unwrap();
        assert_eq!(settings.config, Config::default());
        assert_eq!(settings.listen, "127.0.0.1:7000".parse().unwrap());
        assert_eq!(settings.store, RedisConfig::new("redis://h"));
    }

    #[test]
    fn what_clap_refuses_is_refused_with_flag_value_and_what_is_allowed() {
        let cases = [
            (
                ["--listen", "localhost:1"],
                "IP:PORT, for example 0.0.0.0:7000",
            ),
            (["--player-token-days", "0"], "0 is not in 1..=365"),
            (["--seat-token-seconds", "3601"], "3601 is not in 30..=3600"),
            (["--requests-max", "x"], "invalid digit"),
            (
                ["--sign-up", "all"],
                "[possible values: open, closed, invitation]",
            ),
            (["--guests", "some"], "[possible values: allow, refuse]"),
            (["--finished-keep", "0"], "0 is not in 1..=366"),
            (["--log-format", "xml"], "[possible values: text, json]"),
        ];
        for (flags, expected) in cases {
            let error = args(&flags).unwrap_err().to_string();
            for part in [flags[0], flags[1], expected] {
                assert!(error.contains(part), "{flags:?}: {error}");
            }
        }
    }

    #[test]
    fn what_validation_refuses_is_refused_with_flag_value_and_what_is_allowed() {
        let key = key_file();
        let long_site = format!("https://{}", "x".repeat(SITE_LEN_MAX));
        let issuer = [
            "--oidc-issuer",
            "http://id.example",
            "--oidc-audience",
            "club",
        ];
        let cases: [(&[&str], &str); 6] = [
            (
                &issuer,
                "--oidc-issuer (ROOKERY_OIDC_ISSUER): \"http://id.example\" cannot be used: it must be an https:// URL",
            ),
            (
                &["--site", "rookery.example"],
                "--site (ROOKERY_SITE): \"rookery.example\"",
            ),
            (&["--site", "https://a b"], "without spaces"),
            (
                &["--pool", "3+2,3+2"],
                "--pool (ROOKERY_POOLS): \"3+2,3+2\" cannot be used: the pool \"3+2\" is named twice",
            ),
            (&["--site", &long_site], "at most 200 bytes"),
            (&[], "--signing-key (ROOKERY_SIGNING_KEY): \"/nowhere/key\""),
        ];
        for (flags, expected) in cases {
            let mut args = args(flags).unwrap();
            if !flags.is_empty() {
                args.signing_key = key.path().to_owned();
            }
            let error = args.into_settings().unwrap_err().to_string();
            assert!(error.contains(expected), "{flags:?}: {error}");
        }
    }

    #[test]
    fn a_store_of_another_kind_is_refused_without_its_password() {
        let refused = |url: &str| {
            let words = ["matchmaker", "--signing-key", "k", "--store", url];
            let words = words.map(std::ffi::OsString::from);
            settings::parse::<Args>(words, None)
                .map(|_| ())
                .unwrap_err()
                .to_string()
        };
        let error = refused("postgres://me:secret@host/db");
        assert!(
            error.contains("'postgres://…@host/db' for '--store <URL>'"),
            "{error}"
        );
        assert!(!error.contains("secret"), "{error}");
        let error = refused("rediss://me:secret@host:x");
        assert!(
            error.contains("'rediss://…@host:x'") && error.contains("host[:port]"),
            "{error}"
        );
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_with_the_way_to_make_one() {
        let mut args = args(&[]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        args.signing_key = file.path().to_owned();
        let error = args.into_settings().unwrap_err().to_string();
        assert!(
            error.contains("openssl genpkey -algorithm ed25519"),
            "{error}"
        );
    }
}
