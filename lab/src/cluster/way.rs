//! What stands between a shard and its Redis: a proxy before every server. Sentinels and a Cluster tell clients where
//! their servers are, so the proxies replace the ports in those answers by their own.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};

use supervisor::{Redis, RedisNode};

use crate::tcp_proxy::{Rewrite, TcpFault, TcpProxy};

/// The host of every server.
const HOST: &[u8] = b"127.0.0.1";
/// The name before a port in `CLUSTER SHARDS`.
const PORT: &[u8] = b"port\r\n";
/// What stands between a host, or that name, and a port: in redirections and lists of servers, in announcements, and as
/// an integer or a string of its own.
const BETWEEN: [&[u8]; 4] = [b":", b" ", b"\r\n:", b"\r\n$5\r\n"];
/// The same after the name.
const BETWEEN_NAME: [&[u8]; 2] = [b":", b"$5\r\n"];
/// Digits of a port here: those that a system gives out have five, and so the length of an answer stays.
const DIGITS: usize = 5;

/// The port of each server and that of its proxy, once all of them are known.
type Ports = OnceLock<HashMap<[u8; DIGITS], [u8; DIGITS]>>;

/// The proxies between one shard and the servers of its Redis.
#[derive(Debug)]
pub struct StoreProxies {
    proxies: Vec<TcpProxy>,
    url: String,
}

impl StoreProxies {
    /// Starts proxies without faults; a Redis on a socket file has none. `rewrite` changes what the shard sends.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub(super) async fn start(redis: &Redis, rewrite: Option<Rewrite>) -> io::Result<Self> {
        let servers = redis.nodes().iter().chain(redis.sentinels());
        let servers = servers.filter(|node| node.port() != 0);
        let ports = Arc::new(Ports::new());
        let answers = redis.kind().fails_over().then(|| replacing(&ports));
        let (mut proxies, mut map) = (Vec::new(), HashMap::new());
        let mut url = redis.url().to_owned();
        for address in servers.map(RedisNode::address) {
            let proxy =
                TcpProxy::start_rewriting(address, rewrite.clone(), answers.clone()).await?;
            let (from, to) = (address.to_string(), proxy.address().to_string());
            url = url.replace(&from, &to);
            if let (Some(from), Some(to)) = (digits(address.port()), digits(proxy.address().port()))
            {
                map.insert(from, to);
            }
            proxies.push(proxy);
        }
        // It is set once.
        let _ = ports.set(map);
        Ok(Self { proxies, url })
    }

    /// The URL at which a shard reaches Redis through them.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets what happens to all connections of the shard.
    pub fn set(&self, fault: TcpFault) {
        self.proxies.iter().for_each(|proxy| proxy.set(fault));
    }
}

fn digits(port: u16) -> Option<[u8; DIGITS]> {
    port.to_string().into_bytes().try_into().ok()
}

fn replacing(ports: &Arc<Ports>) -> Rewrite {
    let ports = Arc::clone(ports);
    Arc::new(move |bytes| {
        if let Some(ports) = ports.get() {
            replace_ports(bytes, ports);
        }
    })
}

/// Replaces the ports after a host or after the name of a port. What two reads tear apart is missed: then the shard
/// speaks to that server directly, and a fault of its network does not reach that connection.
fn replace_ports(bytes: &mut [u8], ports: &HashMap<[u8; DIGITS], [u8; DIGITS]>) {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (head, between): (usize, &[&[u8]]) = if rest.starts_with(HOST) {
            (HOST.len(), &BETWEEN)
        } else if rest.starts_with(PORT) {
            (PORT.len(), &BETWEEN_NAME)
        } else {
            at += 1;
            continue;
        };
        at += head;
        let found = between.iter().find(|part| bytes[at..].starts_with(part));
        let start = at + found.map_or(0, |part| part.len());
        let port = bytes
            .get_mut(start..start + DIGITS)
            .filter(|_| found.is_some());
        if let Some(port) = port
            && let Some(other) = ports.get(&*port)
        {
            port.copy_from_slice(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_servers_are_replaced_wherever_an_answer_names_them() {
        let ports = HashMap::from([(*b"40001", *b"50001"), (*b"40002", *b"50002")]);
        for text in [
            "-MOVED 3999 127.0.0.1:40001\r\n",
            "07c3 127.0.0.1:40002@31002 master - 0 1426 2 connected 0-9\n",
            "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n40001\r\n",
            "*3\r\n$9\r\n127.0.0.1\r\n:40002\r\n$4\r\n07c3\r\n",
            "$4\r\nport\r\n:40001\r\n$2\r\nip\r\n",
            "$4\r\nport\r\n$5\r\n40002\r\n",
            "rookery 127.0.0.1 40001 127.0.0.1 40002",
        ] {
            let mut bytes = text.as_bytes().to_vec();
            replace_ports(&mut bytes, &ports);
            let expected = text.replace("4000", "5000");
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
        for other in [
            "40001",
            ":40001\r\n",
            "127.0.0.1:4000",
            "127.0.0.1",
            "127.0.0.1:40003",
        ] {
            let mut bytes = other.as_bytes().to_vec();
            replace_ports(&mut bytes, &ports);
            assert_eq!(bytes, other.as_bytes());
        }
    }
}
