//! Whether a Redis server's settings keep the contract.

use game_core::MatchId;
use redis::{InfoDict, Pipeline, Value};

use super::behind::Holder;
use super::keys::Keys;
use super::reply;
use crate::chat::ChatRoom;
use crate::durability::Durability;
use crate::error::StoreError;
use crate::ticket::TicketList;

/// The oldest server that has what the scripts use: scripts replicated by effect without being
/// asked to, and `ZRANGE … REV`.
const VERSION_MIN: (u32, u32) = (6, 2);

/// The server's information; `None` where it gives none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Facts {
    version: Option<String>,
    mode: Option<String>,
    role: Option<String>,
    loading: Option<bool>,
    append_only: Option<bool>,
    /// The same by `INFO`. A service that does not tell its settings may say no there and keep a log of another kind.
    aof_enabled: Option<bool>,
    fsync: Option<String>,
    no_fsync_on_rewrite: Option<bool>,
    eviction: Option<String>,
    /// Whether it executes all of its append-only file when it starts: see [`replays_all`].
    replays_all: Option<bool>,
}

/// What is known beside the server's answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// The server is to be a node of a Cluster.
    pub(super) is_node: bool,
    /// What the operator states, which counts where the server does not tell its settings.
    pub(super) stated: Option<Durability>,
}

/// The requested settings, in the order of the answers.
const SETTINGS: [&str; 4] = [
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "maxmemory-policy",
];

/// The requests; [`judge`] evaluates the answers.
pub(super) fn ask(pipeline: &mut Pipeline) {
    for setting in SETTINGS {
        pipeline.cmd("CONFIG").arg("GET").arg(setting);
    }
    pipeline.cmd("ACL").arg("GETUSER").arg("default");
    pipeline.cmd("ROLE");
    pipeline.cmd("INFO");
}

/// How many answers [`ask`] leads to.
pub(super) const ANSWERS: usize = SETTINGS.len() + 3;

/// How many answers [`try_rights`] leads to.
pub(super) const TRIALS: usize = 5;

/// Uses a key of every family as the scripts do, to no effect: so a missing right is reported now, and not at
/// the first match. The last answer is the mark of the keys' layout.
pub(super) fn try_rights(pipeline: &mut Pipeline, keys: &Keys) {
    // No match, shard or ticket has these names: an id is longer.
    let nobody = "nobody";
    let id = MatchId::from_random(0);
    let of_nobody = |key: String| key.replace(id.as_str(), nobody);
    let head = of_nobody(keys.head(id));
    pipeline.cmd("HGET").arg(&head).arg(nobody);
    let [room, other_room] = ChatRoom::BOTH.map(|room| of_nobody(keys.chat(id, room)));
    let family = [
        head,
        of_nobody(keys.log(id)),
        room,
        other_room,
        keys.shard(nobody),
        keys.owned(nobody),
        keys.left(nobody),
        keys.list(&TicketList::Pool(nobody.into())),
    ];
    pipeline.cmd("DEL").arg(&family);
    pipeline.cmd("SREM").arg(keys.shards()).arg(nobody);
    pipeline.cmd("ZREM").arg(keys.revoked()).arg(nobody);
    pipeline.cmd("GET").arg(keys.layout());
}

/// The durability that follows from the server's answers, and a warning if it is not full.
///
/// # Errors
///
/// [`StoreError::Unfit`] when the server cannot keep the contract in any mode;
/// [`StoreError::Unavailable`] when it cannot now.
pub(super) fn judge(
    answers: &[Value],
    beside: Beside,
) -> Result<(Durability, &'static str), StoreError> {
    read(answers).and_then(|facts| facts.judge(beside))
}

/// The data that the server holds; `None` where it does not tell.
pub(super) fn holder(answers: &[Value]) -> Option<Holder> {
    let info = InfoDict::new(reply::text(answers.last()?).ok()?);
    Some(Holder {
        run_id: info.get("run_id")?,
        replication_id: info.get("master_replid")?,
        offset: info.get("master_repl_offset")?,
    })
}

fn read(answers: &[Value]) -> Result<Facts, StoreError> {
    let [
        append_only,
        fsync,
        no_fsync_on_rewrite,
        eviction,
        default_user,
        role,
        info,
    ] = answers
    else {
        return Err(reply::strange("a description of itself"));
    };
    let info = match info {
        // An ACL may forbid INFO; then nothing is known.
        Value::ServerError(_) => InfoDict::new(""),
        value => InfoDict::new(reply::text(value)?),
    };
    let role = match role {
        Value::Array(role) => role.first().and_then(|role| reply::text(role).ok()),
        _ => None,
    };
    let said = |key: &str| info.get::<String>(key);
    let flag = |key: &str| said(key).map(|value| value == "1");
    let set = |value: &Value, on: &str| setting(value).map(|value| value == on);
    Ok(Facts {
        version: said("redis_version"),
        mode: said("redis_mode").or_else(|| said("server_mode")),
        role: said("role").or_else(|| role.map(str::to_owned)),
        loading: flag("loading"),
        append_only: set(append_only, "yes"),
        // Where an ACL forbids CONFIG, INFO has two of the four.
        aof_enabled: flag("aof_enabled"),
        fsync: setting(fsync),
        no_fsync_on_rewrite: set(no_fsync_on_rewrite, "yes"),
        eviction: setting(eviction).or_else(|| said("maxmemory_policy")),
        replays_all: match said("valkey_version") {
            Some(_) => Some(true),
            None => replays_all(default_user),
        },
    })
}

/// Whether the default user may do everything, by the answer to `ACL GETUSER default`; `None` where it is not told.
///
/// Redis executes its append-only file as the default user, and drops each transaction in it that this user has no
/// right to; what a script wrote stands there as a transaction. (Seen on 7.0.15 with `user default off`: all of
/// it was gone after a restart. Valkey executes the file with every right.) That the user is switched off, so
/// that nobody can be it, changes nothing.
fn replays_all(default_user: &Value) -> Option<bool> {
    let fields = match default_user {
        Value::Array(fields) => fields.clone(),
        Value::Map(pairs) => pairs
            .iter()
            .flat_map(|(name, value)| [name.clone(), value.clone()])
            .collect(),
        _ => return None,
    };
    let field = |name: &str| {
        let mut pairs = fields.chunks_exact(2);
        pairs.find_map(|pair| (reply::text(&pair[0]).ok()? == name).then_some(&pair[1]))
    };
    // A text, or before Redis 7 a list.
    let says = |name: &str, all: &str| match field(name)? {
        Value::Array(words) => Some(words.iter().any(|word| reply::text(word).ok() == Some("*"))),
        text => Some(reply::text(text).ok()? == all),
    };
    Some(says("commands", "+@all")? && says("keys", "~*")?)
}

/// The value in an answer to `CONFIG GET`: a list of name and value, or a map.
fn setting(answer: &Value) -> Option<String> {
    match answer {
        Value::Array(pair) => pair.get(1),
        Value::Map(pairs) => pairs.first().map(|(_, value)| value),
        _ => None,
    }
    .and_then(|value| reply::text(value).ok())
    .map(str::to_owned)
}

impl Facts {
    fn judge(&self, beside: Beside) -> Result<(Durability, &'static str), StoreError> {
        let unfit = |text: String| Err(StoreError::Unfit(text));
        if self.mode.as_deref() == Some("sentinel") {
            let text = "a Sentinel answers there, which stores nothing; let it find the primary that it watches: \
                        redis+sentinel://host:port/NAME";
            return unfit(text.to_owned());
        }
        if let Some(version) = self.version.as_deref()
            && parse_version(version).is_some_and(|version| version < VERSION_MIN)
        {
            let (major, minor) = VERSION_MIN;
            return unfit(format!(
                "Redis is {version}; install {major}.{minor} or later"
            ));
        }
        match self.mode.as_deref() {
            Some("cluster") if !beside.is_node => {
                let text = "Redis runs as a Cluster: its URL begins with redis+cluster://";
                return unfit(text.to_owned());
            }
            Some("standalone") if beside.is_node => {
                let text = "Redis does not run as a Cluster: its URL begins with redis://";
                return unfit(text.to_owned());
            }
            _ => {}
        }
        if let Some(policy) = self
            .eviction
            .as_deref()
            .filter(|policy| *policy != "noeviction")
        {
            return unfit(format!(
                "Redis may evict what it stores: set maxmemory-policy {policy} to noeviction"
            ));
        }
        if self.loading == Some(true) {
            return Err(StoreError::Unavailable(
                "Redis is loading its data".to_owned(),
            ));
        }
        if self.role.as_deref() == Some("slave") {
            let text = "Redis is a replica here; give the URL of the primary";
            return Err(StoreError::Unavailable(text.to_owned()));
        }
        Ok(self.durability(beside.stated))
    }

    fn durability(&self, stated: Option<Durability>) -> (Durability, &'static str) {
        let is_told = self.append_only.is_some() && self.fsync.is_some();
        if let Some(stated) = stated.map(Durability::stated).filter(|_| !is_told) {
            let advice = "--store-durability states it, as the server does not tell its settings";
            return (stated, if stated.is_full() { "" } else { advice });
        }
        if self.append_only != Some(false) && self.replays_all == Some(false) {
            return (
                Durability::Unlogged,
                "give the default user of Redis every right, or it drops what scripts wrote when it starts again; \
                 switched off, nobody can be it: `ACL SETUSER default off resetpass ~* &* +@all`",
            );
        }
        match (
            self.append_only.or(self.aof_enabled),
            self.fsync.as_deref(),
            self.no_fsync_on_rewrite,
        ) {
            (Some(false), ..) => (Durability::Unlogged, "set appendonly to yes"),
            (Some(true), Some("always"), Some(false)) => (Durability::Always, ""),
            (Some(true), Some("always"), Some(true)) => {
                (Durability::Relaxed, "set no-appendfsync-on-rewrite to no")
            }
            (Some(true), Some(fsync), _) if fsync != "always" => {
                (Durability::Relaxed, "set appendfsync to always")
            }
            _ => (
                Durability::Unknown,
                "it does not tell its settings: give this user the right to read them (`ACL SETUSER … \
                 +config|get`), or state by --store-durability (ROOKERY_STORE_DURABILITY) what the service \
                 promises",
            ),
        }
    }
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Facts {
        Facts {
            version: Some("7.0.15".into()),
            mode: Some("standalone".into()),
            role: Some("master".into()),
            loading: Some(false),
            append_only: Some(true),
            aof_enabled: Some(true),
            fsync: Some("always".into()),
            no_fsync_on_rewrite: Some(false),
            eviction: Some("noeviction".into()),
            replays_all: Some(true),
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Facts), expected: Result<Durability, &str>) {
        check_beside(change, Beside::default(), expected);
    }

    #[track_caller]
    fn check_beside(
        change: impl FnOnce(&mut Facts),
        beside: Beside,
        expected: Result<Durability, &str>,
    ) {
        let mut facts = good();
        change(&mut facts);
        match (facts.judge(beside), expected) {
            (Ok((durability, advice)), expected) => {
                assert_eq!(Ok(durability), expected);
                assert_eq!(advice.is_empty(), durability.is_full());
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (Err(error), Ok(expected)) => panic!("{expected} expected: {error}"),
        }
    }

    #[test]
    fn a_server_is_judged_by_what_it_says() {
        check(|_| {}, Ok(Durability::Always));
        check(|f| f.append_only = Some(false), Ok(Durability::Unlogged));
        check(
            |f| f.fsync = Some("everysec".into()),
            Ok(Durability::Relaxed),
        );
        check(|f| f.fsync = Some("no".into()), Ok(Durability::Relaxed));
        check(
            |f| f.no_fsync_on_rewrite = Some(true),
            Ok(Durability::Relaxed),
        );
        check(|f| f.replays_all = Some(false), Ok(Durability::Unlogged));
        check(|f| f.replays_all = None, Ok(Durability::Always));
        check(|f| f.fsync = None, Ok(Durability::Unknown));
        check(|f| *f = Facts::default(), Ok(Durability::Unknown));
        check(|f| f.version = Some("6.0.16".into()), Err("6.2"));
        check(
            |f| f.version = Some("10.0.0".into()),
            Ok(Durability::Always),
        );
        check(|f| f.mode = Some("cluster".into()), Err("redis+cluster://"));
        check(|f| f.mode = Some("sentinel".into()), Err("a Sentinel"));
        check(
            |f| f.eviction = Some("allkeys-lru".into()),
            Err("noeviction"),
        );
        check(|f| f.role = Some("slave".into()), Err("primary"));
        check(|f| f.loading = Some(true), Err("loading"));
    }

    #[test]
    fn a_node_of_a_cluster_is_one_of_a_cluster() {
        let node = Beside {
            is_node: true,
            ..Beside::default()
        };
        let cluster = |f: &mut Facts| f.mode = Some("cluster".into());
        check_beside(cluster, node, Ok(Durability::Always));
        check_beside(|_| {}, node, Err("redis://"));
        check_beside(|f| f.mode = None, node, Ok(Durability::Always));
    }

    #[test]
    fn a_statement_counts_where_the_server_does_not_tell_its_settings() {
        let stated = |text: &str| Beside {
            stated: text.parse().ok(),
            ..Beside::default()
        };
        // CONFIG is refused; INFO may be allowed, and says nothing of a log of another kind.
        let silent = |f: &mut Facts| {
            (f.append_only, f.aof_enabled) = (None, Some(false));
            (f.fsync, f.no_fsync_on_rewrite) = (None, None);
        };
        check(silent, Ok(Durability::Unlogged));
        check_beside(silent, stated("always"), Ok(Durability::StatedAlways));
        check_beside(silent, stated("everysec"), Ok(Durability::Relaxed));
        check_beside(silent, stated("none"), Ok(Durability::Unlogged));
        let nothing = |f: &mut Facts| *f = Facts::default();
        check_beside(nothing, stated("always"), Ok(Durability::StatedAlways));
        // What the server tells counts for more than what is stated of it.
        let late = |f: &mut Facts| f.fsync = Some("everysec".into());
        check_beside(late, stated("always"), Ok(Durability::Relaxed));
        check_beside(|_| {}, stated("everysec"), Ok(Durability::Always));
    }
}
