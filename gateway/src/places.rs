//! Who may connect and how often one address may ask.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use settings::AddressGroup;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use web::{Admission, ConnectionLimits, Rates, client_address, is_in};

use crate::limits::LimitArgs;
use crate::refusal::Refusal;

/// The window of requests.
const REQUEST_WINDOW: Duration = Duration::from_secs(10);
/// A head must be complete within this after the connection.
const FIRST_HEAD_WITHIN: Duration = Duration::from_secs(10);
/// A later head must be complete within this after the last answer: clients keep connections for long.
const HEAD_WITHIN: Duration = Duration::from_secs(120);

/// The open connections, and what each address has asked.
pub(crate) struct Places {
    limits: LimitArgs,
    tls: Option<TlsAcceptor>,
    open: Arc<Mutex<HashMap<AddressGroup, u32>>>,
    requests: Mutex<Rates>,
    began: Instant,
}

/// The place of one connection, given back when the last of its clones is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPlace {
    open: Arc<Mutex<HashMap<AddressGroup, u32>>>,
    address: AddressGroup,
}

impl Places {
    pub(crate) fn new(limits: LimitArgs, tls: Option<TlsAcceptor>) -> Self {
        let requests = Rates::new(limits.requests_per_address_max, REQUEST_WINDOW);
        Self {
            limits,
            tls,
            open: Arc::default(),
            requests: Mutex::new(requests),
            began: Instant::now(),
        }
    }

    /// Counts a request of the client at `peer`.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if it has sent as many as it may.
    pub(crate) fn request(&self, peer: SocketAddr, headers: &HeaderMap) -> Result<(), Refusal> {
        let address = client_address(peer.ip(), headers, &self.limits.trusted_proxy);
        if self.is_exempt(address) {
            return Ok(());
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = requests.take(AddressGroup::of(address), self.began.elapsed());
        taken.map_err(|_| Refusal::later("Too many requests: wait a moment"))
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        let limits = &self.limits;
        is_in(&limits.limit_exempt, address) && !is_in(&limits.trusted_proxy, address)
    }
}

impl Admission for Places {
    type ConnectionPlace = Arc<ConnectionPlace>;

    fn admit(&self, peer: SocketAddr, _close: &CancellationToken) -> Option<Arc<ConnectionPlace>> {
        let address = AddressGroup::of(peer.ip());
        let has_no_share =
            is_in(&self.limits.trusted_proxy, peer.ip()) || self.is_exempt(peer.ip());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: u32 = open.values().sum();
        let own = open.get(&address).copied().unwrap_or_default();
        let has_share = has_no_share || own < self.limits.connections_per_address_max;
        if all >= self.limits.connections_max || !has_share {
            return None;
        }
        open.insert(address, own + 1);
        Some(Arc::new(ConnectionPlace {
            open: Arc::clone(&self.open),
            address,
        }))
    }

    fn limits(&self, _place: &Arc<ConnectionPlace>) -> ConnectionLimits {
        ConnectionLimits {
            first_head_within: FIRST_HEAD_WITHIN,
            head_within: HEAD_WITHIN,
            // A stream is as old as its game.
            age_max: None,
            last_answer_within: HEAD_WITHIN,
            keep_alive: true,
        }
    }

    fn tls(&self) -> Option<TlsAcceptor> {
        self.tls.clone()
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_of_connections_unless_it_is_exempt() {
        let limits = LimitArgs {
            connections_max: 4,
            connections_per_address_max: 2,
            limit_exempt: vec!["10.0.0.0/8".parse().unwrap()],
            ..LimitArgs::default()
        };
        let places = Places::new(limits, None);
        let admit = |peer: &str| places.admit(peer.parse().unwrap(), &CancellationToken::new());
        let first = admit("192.0.2.1:1");
        let _second = admit("192.0.2.1:2");
        assert!(first.is_some() && admit("192.0.2.1:3").is_none());
        let _others = [admit("10.0.0.1:1"), admit("10.0.0.1:2")];
        assert!(admit("10.0.0.1:3").is_none(), "there are four in all");
        drop(first);
        assert!(admit("10.0.0.1:3").is_some());
    }

    #[tokio::test]
    async fn an_address_has_its_share_of_requests_unless_it_is_exempt() {
        let limits = LimitArgs {
            requests_per_address_max: 2,
            limit_exempt: vec!["10.0.0.0/8".parse().unwrap()],
            ..LimitArgs::default()
        };
        let places = Places::new(limits, None);
        let ask = |peer: &str| places.request(peer.parse().unwrap(), &HeaderMap::new());
        assert!(ask("192.0.2.1:1").is_ok() && ask("192.0.2.1:2").is_ok());
        assert_eq!(ask("192.0.2.1:3").unwrap_err().status, 429);
        assert!((0..10).all(|_| ask("10.0.0.1:1").is_ok()));
    }
}
