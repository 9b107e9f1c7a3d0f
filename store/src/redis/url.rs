//! What a store URL names: one server, the Sentinels of a group, or some nodes of a Cluster.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::error::StoreError;

/// The port of a Redis server, by default.
const REDIS_PORT: u16 = 6379;
/// The port of a Sentinel, by default.
const SENTINEL_PORT: u16 = 26379;

/// All forms of a URL, for an error.
const FORMS: &str = "the URL of Redis must be redis://[user:password@]host[:port][/database], the same with \
                     rediss:// for TLS, unix:///path, redis+sentinel://host[:port][,host[:port]…]/name[/database] \
                     or redis+cluster://host[:port][,host[:port]…]";

/// Where one server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Address {
    /// A host name or an IP address without brackets, and a port. A name is resolved at each connection.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// One server, always the same.
    Single(Address),
    /// Sentinels, which know the primary.
    Sentinel {
        /// The Sentinels.
        sentinels: Vec<Address>,
        /// The name by which they know the primary.
        name: String,
    },
    /// A Redis Cluster.
    Cluster {
        /// Nodes that are asked for the others.
        seeds: Vec<Address>,
    },
}

/// A parsed URL.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RedisTarget {
    pub(super) target: Target,
    /// Whether TLS is spoken, with Sentinels as with servers.
    pub(super) is_tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u32,
}

/// Leaves the password out.
impl fmt::Debug for RedisTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTarget")
            .field("target", &self.target)
            .field("is_tls", &self.is_tls)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl RedisTarget {
    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] with what is wrong; no password is repeated.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| unfit(FORMS))?;
        match scheme {
            "redis" | "valkey" => single(rest, false),
            "rediss" | "valkeys" => single(rest, true),
            "unix" | "redis+unix" | "valkey+unix" => unix(rest),
            "redis+sentinel" | "valkey+sentinel" => sentinel(rest, false),
            "rediss+sentinel" | "valkeys+sentinel" => sentinel(rest, true),
            "redis+cluster" | "valkey+cluster" => cluster(rest, false),
            "rediss+cluster" | "valkeys+cluster" => cluster(rest, true),
            _ => Err(unfit(FORMS)),
        }
    }
}

fn single(rest: &str, is_tls: bool) -> Result<RedisTarget, StoreError> {
    let parts = Parts::of(rest, REDIS_PORT)?;
    let [server] = <[Address; 1]>::try_from(parts.servers).map_err(|_| {
        unfit(
            "the URL of Redis names several servers: a group with Sentinels is redis+sentinel://, and a \
             Cluster redis+cluster://",
        )
    })?;
    Ok(RedisTarget {
        target: Target::Single(server),
        is_tls,
        user: parts.user,
        password: parts.password,
        database: database(parts.path)?,
    })
}

fn sentinel(rest: &str, is_tls: bool) -> Result<RedisTarget, StoreError> {
    let parts = Parts::of(rest, SENTINEL_PORT)?;
    let (name, number) = parts.path.split_once('/').unwrap_or((parts.path, ""));
    if name.is_empty() {
        return Err(unfit(
            "the URL of a group with Sentinels ends with the name of the primary that they watch: \
             redis+sentinel://host:26379,host:26379/NAME",
        ));
    }
    Ok(RedisTarget {
        target: Target::Sentinel {
            sentinels: parts.servers,
            name: decoded(name)?,
        },
        is_tls,
        user: parts.user,
        password: parts.password,
        database: database(number)?,
    })
}

fn cluster(rest: &str, is_tls: bool) -> Result<RedisTarget, StoreError> {
    let parts = Parts::of(rest, REDIS_PORT)?;
    if database(parts.path)? != 0 {
        return Err(unfit("a Redis Cluster has only database 0"));
    }
    Ok(RedisTarget {
        target: Target::Cluster {
            seeds: parts.servers,
        },
        is_tls,
        user: parts.user,
        password: parts.password,
        database: 0,
    })
}

fn unix(rest: &str) -> Result<RedisTarget, StoreError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !path.starts_with('/') {
        return Err(unfit("the URL of a socket is unix:///path"));
    }
    let mut target = RedisTarget {
        target: Target::Single(Address::Unix(decoded(path)?.into())),
        is_tls: false,
        user: None,
        password: None,
        database: 0,
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "db" => target.database = database(value)?,
            "user" => target.user = Some(decoded(value)?),
            "pass" => target.password = Some(decoded(value)?),
            "protocol" => check_protocol(value)?,
            _ => return Err(unknown(key)),
        }
    }
    Ok(target)
}

/// What stands after the scheme.
struct Parts<'a> {
    user: Option<String>,
    password: Option<String>,
    servers: Vec<Address>,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str, port: u16) -> Result<Self, StoreError> {
        // A password may hold anything, as people type it.
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("protocol", protocol) => check_protocol(protocol)?,
                (key, _) => return Err(unknown(key)),
            }
        }
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, password) = match login {
            None => (None, None),
            Some(login) => {
                let (user, password) = match login.split_once(':') {
                    Some((user, password)) => (user, Some(decoded(password)?)),
                    None => (login, None),
                };
                (
                    Some(decoded(user)?).filter(|user| !user.is_empty()),
                    password,
                )
            }
        };
        let servers = hosts.split(',').map(|host| address(host, port));
        Ok(Self {
            user,
            password: password.filter(|password| !password.is_empty()),
            servers: servers.collect::<Result<_, _>>()?,
            path,
        })
    }
}

fn address(text: &str, usual_port: u16) -> Result<Address, StoreError> {
    let wrong = || {
        unfit(&format!(
            "the URL of Redis: {text:?} is not host[:port] or [IPv6][:port]"
        ))
    };
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            let port = match port {
                "" => None,
                port => Some(port.strip_prefix(':').ok_or_else(wrong)?),
            };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None => usual_port,
        Some(port) => port.parse().map_err(|_| wrong())?,
    };
    if host.is_empty() || port == 0 || host.contains(|c: char| c.is_whitespace() || c == '%') {
        return Err(wrong());
    }
    let host = host.to_owned();
    Ok(Address::Tcp { host, port })
}

fn database(text: &str) -> Result<u32, StoreError> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() {
        return Ok(0);
    }
    let wrong = |_| {
        unfit(&format!(
            "the URL of Redis: {text:?} is not the number of a database"
        ))
    };
    text.parse().map_err(wrong)
}

fn decoded(text: &str) -> Result<String, StoreError> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded =
        decoded.map_err(|_| unfit("the URL of Redis holds escapes (%…) that are not UTF-8"))?;
    Ok(decoded.into_owned())
}

/// Only one version is spoken, which other programs' URLs may name.
fn check_protocol(text: &str) -> Result<(), StoreError> {
    match text {
        "2" | "resp2" => Ok(()),
        _ => Err(unfit(
            "the URL of Redis asks for RESP3, which is not spoken here: leave protocol=… out",
        )),
    }
}

fn unknown(key: &str) -> StoreError {
    unfit(&format!(
        "the URL of Redis: {key:?} is nothing that can be asked for there; a database is \
         redis://host:port/NUMBER"
    ))
}

fn unfit(text: &str) -> StoreError {
    StoreError::Unfit(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        let host = host.to_owned();
        Address::Tcp { host, port }
    }

    fn parsed(url: &str) -> RedisTarget {
        RedisTarget::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn a_url_names_one_server_with_user_password_and_database() {
        for (url, address, is_tls, user, password, database) in [
            ("redis://h", tcp("h", 6379), false, None, None, 0),
            ("redis://h/", tcp("h", 6379), false, None, None, 0),
            ("valkey://h:7000", tcp("h", 7000), false, None, None, 0),
            ("redis://h:7000/3", tcp("h", 7000), false, None, None, 3),
            (
                "rediss://me:secret@h",
                tcp("h", 6379),
                true,
                Some("me"),
                Some("secret"),
                0,
            ),
            (
                "redis://:secret@[::1]:6380/2",
                tcp("::1", 6380),
                false,
                None,
                Some("secret"),
                2,
            ),
            (
                "redis://me@[2001:db8::1]",
                tcp("2001:db8::1", 6379),
                false,
                Some("me"),
                None,
                0,
            ),
            (
                "redis://m%40e:p%3Aa%2Fs:s@h",
                tcp("h", 6379),
                false,
                Some("m@e"),
                Some("p:a/s:s"),
                0,
            ),
            (
                "redis://me:p@s/s?#@h/1",
                tcp("h", 6379),
                false,
                Some("me"),
                Some("p@s/s?#"),
                1,
            ),
            (
                "unix:///run/redis.sock",
                Address::Unix("/run/redis.sock".into()),
                false,
                None,
                None,
                0,
            ),
            (
                "redis+unix:///r%20s?db=2&user=me&pass=a%26b",
                Address::Unix("/r s".into()),
                false,
                Some("me"),
                Some("a&b"),
                2,
            ),
        ] {
            let expected = RedisTarget {
                target: Target::Single(address),
                is_tls,
                user: user.map(str::to_owned),
                password: password.map(str::to_owned),
                database,
            };
            assert_eq!(parsed(url), expected, "{url}");
        }
    }

    #[test]
    fn a_url_names_sentinels_and_nodes() {
        let group = parsed("rediss+sentinel://me:secret@a,b:26380,[::1]:26381/primary/4");
        assert_eq!(
            group.target,
            Target::Sentinel {
                sentinels: vec![tcp("a", 26379), tcp("b", 26380), tcp("::1", 26381)],
                name: "primary".to_owned(),
            }
        );
        assert!(group.is_tls);
        assert_eq!((group.user.as_deref(), group.database), (Some("me"), 4));
        let cluster = parsed("redis+cluster://:secret@a:7001,b");
        let seeds = vec![tcp("a", 7001), tcp("b", 6379)];
        assert_eq!(cluster.target, Target::Cluster { seeds });
        assert_eq!(cluster.password.as_deref(), Some("secret"));
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_its_password() {
        for (url, expected) in [
            ("postgres://me:secret@host", "must be redis://"),
            ("me:secret@host:6379", "must be redis://"),
            ("", "must be redis://"),
            ("redis://me:secret@host:port", "host[:port]"),
            ("redis://me:secret@host:0", "host[:port]"),
            ("redis://me:secret@::1", "host[:port]"),
            ("redis://me:secret@[::1", "host[:port]"),
            ("redis://me:secret@", "host[:port]"),
            ("redis://me:secret@host/two", "number of a database"),
            ("redis://me:secret@host/-1", "number of a database"),
            ("redis://me:secret@host?db=2", "redis://host:port/NUMBER"),
            ("redis://me:secret@host/?protocol=resp3", "RESP3"),
            ("redis://me:secret@a,b", "redis+sentinel://"),
            ("redis+sentinel://me:secret@a,b", "the name of the primary"),
            ("redis+cluster://me:secret@a/1", "only database 0"),
            ("unix://me:secret@run", "unix:///path"),
            ("unix:///run?pass=secret&tls=1", "\"tls\""),
            ("redis://me:secret%FF@host", "UTF-8"),
        ] {
            match RedisTarget::parse(url) {
                Err(StoreError::Unfit(text)) => {
                    assert!(text.contains(expected), "{url}: {text}");
                    assert!(!text.contains("secret"), "{url}: {text}");
                }
                other => panic!("{url}: {other:?}"),
            }
        }
        assert!(!format!("{:?}", parsed("redis://me:secret@host")).contains("secret"));
    }

    #[test]
    fn an_address_is_shown_as_it_is_typed() {
        assert_eq!(tcp("::1", 1).to_string(), "[::1]:1");
        assert_eq!(tcp("h", 1).to_string(), "h:1");
    }
}
