//! A group of servers that Sentinels watch: which of them is the primary now.
//!
//! Every attempt to connect asks all Sentinels; the answer with the highest configuration epoch counts, so that one
//! that was cut off does not lead back to a former primary. Beside that, each Sentinel is subscribed to: its
//! announcement of another primary ends what is under way with the old one, which may be hanging.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::PubSub;
use redis::{Pipeline, RedisError, Value};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::endpoint::{Access, Endpoint};
use super::reply;
use super::url::Address;
use crate::error::StoreError;

/// How long the other Sentinels are waited for once most have answered: one that was cut off must not delay a
/// failover, and one that is a little slower may know better.
const REST_MAX: Duration = Duration::from_millis(100);
/// Interval between two checks that a subscription still works.
const PING_EVERY: Duration = Duration::from_secs(1);
/// Backoff after a subscription that failed.
const SUBSCRIBE_PAUSE: Duration = Duration::from_millis(500);
/// The channel on which Sentinels announce another primary.
const SWITCH: &str = "+switch-master";

/// The Sentinels of one group, which are subscribed to as long as this value lives.
pub(super) struct Sentinels {
    group: Arc<Group>,
    announced: watch::Receiver<Option<Address>>,
    /// Ends with this value.
    _watching: JoinSet<()>,
}

/// What does not change.
struct Group {
    sentinels: Vec<Endpoint>,
    /// The name by which they know the primary.
    name: String,
    /// How the servers are spoken to.
    servers: Arc<Access>,
}

impl Sentinels {
    /// Starts to listen to them. Must be called in a runtime.
    pub(super) fn new(sentinels: Vec<Endpoint>, name: String, servers: Arc<Access>) -> Self {
        let group = Arc::new(Group {
            sentinels,
            name,
            servers,
        });
        let (announce, announced) = watch::channel(None);
        let mut watching = JoinSet::new();
        for sentinel in group.sentinels.clone() {
            let (group, announce) = (Arc::clone(&group), announce.clone());
            watching.spawn(async move {
                loop {
                    let ended = group.listen(&sentinel, &announce).await;
                    tracing::debug!(error = %ended, "a Sentinel is not listened to");
                    sleep(SUBSCRIBE_PAUSE).await;
                }
            });
        }
        Self {
            group,
            announced,
            _watching: watching,
        }
    }

    /// Where the primary is. What answers there has to be asked for its role: Sentinels may be late.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when Sentinels answer and none watches a primary of that name;
    /// [`StoreError::Unavailable`] when none answers.
    pub(super) async fn primary(&self) -> Result<Endpoint, StoreError> {
        let mut asking = JoinSet::new();
        for sentinel in self.group.sentinels.clone() {
            let group = Arc::clone(&self.group);
            asking.spawn(async move { group.ask(&sentinel).await });
        }
        let most = self.group.sentinels.len() / 2 + 1;
        let (mut known, mut failed) = (Vec::new(), Vec::new());
        let mut rest_until = None;
        loop {
            let next = match rest_until {
                None => asking.join_next().await,
                Some(until) => timeout_at(until, asking.join_next()).await.unwrap_or(None),
            };
            match next {
                None => break,
                Some(Ok(Ok(said))) => known.push(said),
                Some(Ok(Err(error))) => failed.push(error),
                Some(Err(_)) => {}
            }
            if known.len() >= most {
                rest_until.get_or_insert_with(|| Instant::now() + REST_MAX);
            }
        }
        match newest(known) {
            Some(address) => Ok(Endpoint {
                address,
                access: Arc::clone(&self.group.servers),
            }),
            None => Err(worst(failed)),
        }
    }

    /// What was announced, from now on.
    pub(super) fn announcements(&self) -> watch::Receiver<Option<Address>> {
        let mut announced = self.announced.clone();
        announced.mark_unchanged();
        announced
    }
}

/// What a Sentinel says of the primary.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    /// The configuration's epoch, which each failover raises.
    epoch: u64,
    address: Address,
}

fn newest(known: Vec<Said>) -> Option<Address> {
    let newest = known.into_iter().max_by_key(|said| said.epoch)?;
    Some(newest.address)
}

/// A wrong name or password is what the operator has to hear of; only if no Sentinel could be asked, why not.
fn worst(failed: Vec<StoreError>) -> StoreError {
    let is_unfit = |error: &&StoreError| matches!(error, StoreError::Unfit(_));
    let worst = failed.iter().find(is_unfit).or(failed.first());
    let none = || StoreError::Unavailable("no Sentinel answers".to_owned());
    worst.cloned().unwrap_or_else(none)
}

impl Group {
    async fn ask(&self, sentinel: &Endpoint) -> Result<Said, StoreError> {
        let mut connection = sentinel.connect().await.map_err(of_a_sentinel)?;
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.cmd("SENTINEL").arg("MASTER").arg(&self.name);
        let address = pipeline.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME");
        address.arg(&self.name);
        let asked = connection.to.send_packed_commands(&pipeline, 0, 2).await;
        let answers = asked.map_err(|error| of_a_sentinel(sentinel.unavailable(&error)))?;
        said(&answers).map_err(|why| {
            let (at, name) = (&sentinel.address, &self.name);
            match why {
                Unknown::Name => StoreError::Unfit(format!(
                    "the Sentinel at {at} watches no primary of the name {name:?}, which the URL ends with"
                )),
                Unknown::Rights(text) => StoreError::Unfit(format!(
                    "the Sentinel at {at}: {text}; --store-sentinel-user and --store-sentinel-password-file \
                     (ROOKERY_STORE_SENTINEL_…) give its own user and password, which needs the rights +subscribe, \
                     +ping, +sentinel|master and the channel {SWITCH}"
                )),
                Unknown::Error(text) => {
                    StoreError::Unavailable(format!("the Sentinel at {at}: {text}"))
                }
            }
        })
    }

    /// Announces what a Sentinel does, until the connection to it fails.
    async fn listen(
        &self,
        sentinel: &Endpoint,
        announce: &watch::Sender<Option<Address>>,
    ) -> String {
        let subscriber: Result<PubSub, StoreError> = sentinel.subscriber().await;
        let mut subscriber = match subscriber {
            Ok(subscriber) => subscriber,
            Err(error) => return error.to_string(),
        };
        let wait = sentinel.access.response_timeout;
        match timeout(wait, subscriber.subscribe(SWITCH)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "it does not answer".to_owned(),
        }
        let (mut sink, mut messages) = subscriber.split();
        loop {
            match timeout(PING_EVERY, messages.next()).await {
                Ok(None) => return "it closed the connection".to_owned(),
                Ok(Some(message)) => {
                    let text = String::from_utf8_lossy(message.get_payload_bytes()).into_owned();
                    if let Some(address) = switched(&text, &self.name) {
                        tracing::info!(%address, "the Sentinels announce another primary");
                        announce.send_replace(Some(address));
                    }
                }
                Err(_) => {
                    let pinged: Result<Result<Value, RedisError>, _> =
                        timeout(wait, sink.ping()).await;
                    match pinged {
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => return error.to_string(),
                        Err(_) => return "it does not answer".to_owned(),
                    }
                }
            }
        }
    }
}

/// Errors about a connection to a Sentinel, worded as such.
fn of_a_sentinel(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(text) => StoreError::Unavailable(format!("a Sentinel: {text}")),
        StoreError::Unfit(text) => StoreError::Unfit(format!("a Sentinel: {text}")),
        other => other,
    }
}

/// Why a Sentinel's answer names no primary.
#[derive(Debug, PartialEq, Eq)]
enum Unknown {
    /// It watches none of that name.
    Name,
    /// It refuses this user.
    Rights(String),
    Error(String),
}

/// The answers to `SENTINEL MASTER` and, for users that may not give it, to `SENTINEL GET-MASTER-ADDR-BY-NAME`.
fn said(answers: &[Value]) -> Result<Said, Unknown> {
    let [described, addressed] = answers else {
        return Err(Unknown::Error("too few answers".to_owned()));
    };
    if let Value::Nil = addressed {
        return Err(Unknown::Name);
    }
    let text = |value| reply::text(value).ok().map(str::to_owned);
    let number = |value| reply::parsed::<u64>(value).ok();
    let described = match described {
        Value::Array(fields) => {
            let (pairs, _) = fields.as_chunks::<2>();
            let field = |name: &str| {
                let mut pairs = pairs.iter();
                pairs.find_map(|[key, value]| (reply::text(key).ok()? == name).then_some(value))
            };
            let host = field("ip").and_then(text);
            let port = field("port").and_then(number);
            let epoch = field("config-epoch").and_then(number).unwrap_or(0);
            host.zip(port).map(|place| (place, epoch))
        }
        _ => None,
    };
    let place = || match addressed {
        Value::Array(fields) => match fields.as_slice() {
            [host, port] => Some(((text(host)?, number(port)?), 0)),
            _ => None,
        },
        _ => None,
    };
    match described.or_else(place) {
        Some(((host, port), epoch)) => match u16::try_from(port) {
            Ok(port) => Ok(Said {
                epoch,
                address: Address::Tcp { host, port },
            }),
            Err(_) => Err(Unknown::Error(format!("{port} is not a port"))),
        },
        None => Err(match reply::refuse_errors(answers) {
            Err(error) if is_refused(addressed) => Unknown::Rights(error.to_string()),
            Err(error) => Unknown::Error(error.to_string()),
            Ok(()) => Unknown::Error("it answers in a form that is not known".to_owned()),
        }),
    }
}

fn is_refused(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if matches!(error.code(), "NOAUTH" | "NOPERM"))
}

/// The new address in an announcement, `name old-ip old-port new-ip new-port`, if it is about our group.
fn switched(text: &str, name: &str) -> Option<Address> {
    let rest = text.strip_prefix(name)?.strip_prefix(' ')?;
    let mut words = rest.split(' ').skip(2);
    let host = words.next()?.to_owned();
    let port = words.next()?.parse().ok()?;
    Some(Address::Tcp { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn list(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| bulk(word)).collect())
    }

    fn at(host: &str, port: u16) -> Address {
        let host = host.to_owned();
        Address::Tcp { host, port }
    }

    #[test]
    fn the_newest_configuration_counts() {
        let said = |epoch, host| Said {
            epoch,
            address: at(host, 1),
        };
        let known = vec![said(3, "old"), said(5, "new"), said(4, "middle")];
        assert_eq!(newest(known), Some(at("new", 1)));
        assert_eq!(newest(Vec::new()), None);
    }

    #[test]
    fn a_sentinel_is_understood_with_few_rights_too() {
        let described = list(&[
            "name",
            "m",
            "ip",
            "10.0.0.1",
            "port",
            "6379",
            "config-epoch",
            "7",
        ]);
        let addressed = list(&["10.0.0.1", "6379"]);
        let address = at("10.0.0.1", 6379);
        let full = said(&[described, addressed.clone()]);
        assert_eq!(
            full,
            Ok(Said {
                epoch: 7,
                address: address.clone()
            })
        );
        let refused = Value::Nil;
        assert_eq!(
            said(&[refused.clone(), addressed]),
            Ok(Said { epoch: 0, address })
        );
        assert_eq!(said(&[refused, Value::Nil]), Err(Unknown::Name));
    }

    #[test]
    fn an_announcement_is_of_one_group() {
        let text = "m 10.0.0.1 6379 10.0.0.2 6380";
        assert_eq!(switched(text, "m"), Some(at("10.0.0.2", 6380)));
        assert_eq!(switched(text, "mm"), None);
        assert_eq!(switched("mm 1 2 3 4", "m"), None);
        assert_eq!(switched("m 1 2", "m"), None);
    }
}
