//! The process: the observer of the registry, and the connections.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use prometheus::{Registry, TextEncoder};
use settings::AddressGroup;
use store::{Archive, Store};
use tokens::SigningKey;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use web::{Admission, ConnectionLimits, HttpServer, is_in};

use crate::allowances::is_exempt;
use crate::config::Config;
use crate::finisher::{Finisher, FinisherFigures, finish_matches};
use crate::limit_args::LimitArgs;
use crate::limits::{
    ANSWER_WITHIN, CONNECTION_AGE_MAX, HEAD_WITHIN, PROBE_WITHIN, connections_that_fit,
};
use crate::lobby::hearing::{announce_online, hear_hints};
use crate::places::{ConnectionPlace, Places};
use crate::registry::{RegistryView, watch_registry};
use crate::request_metrics::RequestMetrics;
use crate::router::{by_https_alone, router};
use crate::service::{Resources, Service};
use crate::tournaments::create_rounds;
use crate::watching::ShardLink;
use crate::watching::follower::follow;
use crate::waves::run_waves;
use crate::webhooks::deliver;

/// Serving begins once the registry was read, or after this: while the store is away, requests are answered with
/// problems, not with silence.
const FIRST_VIEW_WITHIN: Duration = Duration::from_secs(1);

/// What the players' and the operators' side of one matchmaker share. Clones are of the same matchmaker.
#[derive(Clone)]
pub struct SharedState {
    pub(crate) store: Arc<dyn Store>,
    /// Where finished matches are kept.
    pub(crate) archive: Arc<dyn Archive>,
    /// Counts what follows from the end of matches.
    pub(crate) finisher: FinisherFigures,
    /// Counts requests.
    pub(crate) requests: RequestMetrics,
    /// The newest view of the registry, from the observer that [`run`] starts.
    pub(crate) views: watch::Sender<Arc<RegistryView>>,
    /// The client for the shards, which [`operate`](crate::operate) brings.
    pub(crate) shards: ShardLink,
    /// Wakes what creates the matches of new rounds of tournaments.
    pub(crate) new_round: Arc<Notify>,
    /// What players' connections speak; `None` for plain HTTP.
    https: Option<Https>,
    /// What is served besides at the players' address.
    routes: Router,
}

/// HTTPS for players.
#[derive(Clone)]
pub struct Https {
    /// Agrees on TLS, by the certificate of the time.
    pub acceptor: TlsAcceptor,
    /// What is counted of the certificate, for the matchmaker's metrics.
    pub metrics: Registry,
}

impl SharedState {
    /// For a matchmaker on this store, which is the archive too.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            archive: Arc::<dyn Store>::clone(&store),
            store,
            finisher: FinisherFigures::default(),
            requests: RequestMetrics::default(),
            views: watch::Sender::new(Arc::new(RegistryView::default())),
            https: None,
            routes: Router::new(),
            shards: ShardLink::default(),
            new_round: Arc::default(),
        }
    }

    /// The same for players who come by HTTPS.
    #[must_use]
    pub fn with_https(self, https: Option<Https>) -> Self {
        Self { https, ..self }
    }

    /// Serves these too at the players' address, within the same bounds on requests.
    #[must_use]
    pub fn with_routes(self, routes: Router) -> Self {
        Self { routes, ..self }
    }

    /// Whether a match can be made now: a shard with room is known.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.views.borrow().draw(0).is_some()
    }

    /// The metrics of requests and of the certificate, as text.
    pub(crate) fn metrics(&self) -> String {
        let certificate = self.https.as_ref().map(|https| https.metrics.gather());
        let certificate = TextEncoder::new().encode_to_string(&certificate.unwrap_or_default());
        self.requests.render() + &certificate.unwrap_or_default()
    }

    /// Keeps finished matches in another archive instead of the store's own.
    #[must_use]
    pub fn archiving_in(self, archive: Arc<dyn Archive>) -> Self {
        Self { archive, ..self }
    }
}

/// Runs a matchmaker on `listener` until `shutdown`; then answers the requests under way, for at most
/// [`Config::grace`], and returns once all its tasks have ended.
///
/// [`operate`](crate::operate) with the same `shared` serves operators beside it.
///
/// The store need not answer at the start, nor all the time: meanwhile, requests that need it are refused with a
/// problem that says so.
///
/// # Errors
///
/// Only if the listener's own address cannot be read; nothing that a peer or the store does ends a matchmaker.
pub async fn run(
    mut config: Config,
    listener: TcpListener,
    key: SigningKey,
    shared: SharedState,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let open_files = settings::open_files();
    let connections_max = connections_that_fit(config.connections_max, open_files);
    if connections_max < config.connections_max {
        warn!(
            wanted = config.connections_max,
            connections_max,
            open_files,
            "fewer connections are served than --connections-max allows: raise the limit of open files \
             (ulimit -n, LimitNOFILE=)"
        );
        config.connections_max = connections_max;
    }
    let tasks = TaskTracker::new();
    let SharedState {
        store,
        archive,
        finisher,
        requests,
        views: sender,
        https,
        routes,
        shards,
        new_round,
    } = shared;
    let mut views = sender.subscribe();
    tasks.spawn(watch_registry(store.clone(), sender, shutdown.clone()));
    for url in config.webhooks.urls.clone() {
        let (store, webhooks) = (store.clone(), config.webhooks.clone());
        let figures = requests.webhooks.clone();
        tasks.spawn(deliver(store, url, webhooks, figures, shutdown.clone()));
    }
    let _ = timeout(FIRST_VIEW_WITHIN, views.wait_for(|view| view.observed())).await;
    let finisher = Finisher::new(store.clone(), archive.clone(), finisher);
    tasks.spawn(finish_matches(finisher, shutdown.clone()));
    info!(%address, "the matchmaker serves");
    let resources = Resources {
        store,
        archive,
        views,
        metrics: requests,
        shards,
        new_round,
    };
    let service = Service::new(config, key, resources, shutdown);
    tasks.spawn(follow(Arc::clone(&service)));
    tasks.spawn(run_waves(Arc::clone(&service)));
    tasks.spawn(hear_hints(Arc::clone(&service)));
    tasks.spawn(announce_online(Arc::clone(&service)));
    tasks.spawn(create_rounds(Arc::clone(&service)));
    let mut router = router(&service, routes);
    if https.is_some() {
        router = by_https_alone(router);
    }
    accept_all(listener, &service, router, https, &tasks).await;
    tasks.close();
    info!(tasks = tasks.len(), "the matchmaker ends");
    tasks.wait().await;
    Ok(())
}

/// Serves connections, each as one of `tasks`, until the service shuts down. From then on connections are refused,
/// so that clients turn to another matchmaker.
pub(crate) async fn accept_all(
    listener: TcpListener,
    service: &Arc<Service>,
    router: Router,
    https: Option<Https>,
    tasks: &TaskTracker,
) {
    let limits = &service.config.limits;
    let per_address_max = limits.connections_per_address_max as usize;
    let places = Places::new(service.config.connections_max, per_address_max);
    let server = HttpServer {
        router,
        admission: Arc::new(Door {
            places: Arc::new(Mutex::new(places)),
            limits: limits.clone(),
            https,
        }),
        grace: service.config.grace,
    };
    web::serve(listener, server, tasks, &service.shutdown).await;
}

/// Who may have a connection.
struct Door {
    places: Arc<Mutex<Places>>,
    limits: LimitArgs,
    https: Option<Https>,
}

impl Admission for Door {
    type ConnectionPlace = Arc<ConnectionPlace>;

    fn admit(&self, peer: SocketAddr, _close: &CancellationToken) -> Option<Arc<ConnectionPlace>> {
        let (peer, limits) = (peer.ip(), &self.limits);
        let is_capped = !is_in(&limits.trusted_proxy, peer) && !is_exempt(limits, peer);
        ConnectionPlace::take(&self.places, AddressGroup::of(peer), is_capped).map(Arc::new)
    }

    fn limits(&self, place: &Arc<ConnectionPlace>) -> ConnectionLimits {
        if place.is_reserved() {
            ConnectionLimits {
                first_head_within: PROBE_WITHIN,
                head_within: PROBE_WITHIN,
                age_max: Some(PROBE_WITHIN),
                last_answer_within: PROBE_WITHIN,
                keep_alive: false,
            }
        } else {
            ConnectionLimits {
                first_head_within: HEAD_WITHIN,
                head_within: HEAD_WITHIN,
                age_max: Some(CONNECTION_AGE_MAX),
                last_answer_within: ANSWER_WITHIN,
                keep_alive: true,
            }
        }
    }

    fn tls(&self) -> Option<TlsAcceptor> {
        self.https.as_ref().map(|https| https.acceptor.clone())
    }
}
