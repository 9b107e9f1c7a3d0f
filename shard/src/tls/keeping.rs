//! The certificate of the QUIC endpoint, kept current: reloaded when its files change, or made again before
//! it expires.

use std::path::PathBuf;
use std::time::Duration;

use program::{CertificateMetrics, Kept, Reload, Validity};
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::identity::{CertificatePins, CertificateSource, Identity, ShownIdentity};
use crate::inspection::{Ask, Inspector};

/// A certificate made here is replaced when it has less than this left: long enough that a machine that was
/// suspended over a weekend still presents a valid one.
const MADE_LEFT_MIN_S: i64 = 3 * 24 * 60 * 60;
/// For how long its successor is announced before it is presented: a page that has just been told where its shard is
/// accepts no other certificates than those that it was told of.
const ANNOUNCED_FOR_S: i64 = 60;
/// Interval between two attempts to pass a new certificate to a busy shard.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// Keeps the certificate of an endpoint current until `shutdown`. The shard at the other end of `inspector`
/// puts its hash into the registry; a client that has just received the old one asks the matchmaker again, as
/// after any failed connection.
pub async fn keep(
    shown: ShownIdentity,
    source: CertificateSource,
    inspector: Inspector,
    reload: Reload,
    shutdown: CancellationToken,
) {
    let (pins, changed) = watch::channel(pins_of(&shown));
    let metrics = inspector.metrics.certificate(&source);
    let kept = KeptCertificate {
        name: "players' endpoint",
        shown,
        source,
        next: None,
        pins,
    };
    tokio::join!(
        program::keep(kept, metrics, reload, shutdown),
        tell_shard(inspector, changed)
    );
}

/// The same for an HTTPS server, whose certificate is in no registry.
pub async fn keep_https(
    shown: ShownIdentity,
    source: CertificateSource,
    metrics: CertificateMetrics,
    reload: Reload,
    shutdown: CancellationToken,
) {
    let kept = KeptCertificate {
        name: "HTTPS server",
        pins: watch::channel(pins_of(&shown)).0,
        shown,
        source,
        next: None,
    };
    program::keep(kept, metrics, reload, shutdown).await;
}

/// Ends with the sender.
async fn tell_shard(inspector: Inspector, mut pins: watch::Receiver<CertificatePins>) {
    while pins.changed().await.is_ok() {
        loop {
            let told = pins.borrow_and_update().clone();
            let ask = |reply: oneshot::Sender<()>| Ask::Certificate(told, reply);
            match inspector.ask(ask).await {
                Ok(()) => break,
                Err(crate::AskError::Stopped) => return,
                Err(_) => sleep(TELL_EVERY).await,
            }
        }
    }
}

struct KeptCertificate {
    /// For the log.
    name: &'static str,
    shown: ShownIdentity,
    source: CertificateSource,
    /// The one that will be presented next, and since when it is announced, in seconds since 1970.
    next: Option<(Identity, i64)>,
    pins: watch::Sender<CertificatePins>,
}

fn pins_of(shown: &ShownIdentity) -> CertificatePins {
    CertificatePins {
        shown: shown.pin(),
        next: None,
    }
}

impl Kept for KeptCertificate {
    fn name(&self) -> &'static str {
        self.name
    }

    fn files(&self) -> Vec<PathBuf> {
        match &self.source {
            CertificateSource::Files { chain, key } => vec![chain.clone(), key.clone()],
            CertificateSource::Made => Vec::new(),
        }
    }

    fn validity(&self) -> Validity {
        self.shown.validity()
    }

    fn prepare(&mut self, now_unix_s: i64) {
        let is_made = self.source == CertificateSource::Made;
        if !is_made || self.next.is_some() || is_fresh(self.shown.validity(), now_unix_s) {
            return;
        }
        match self.source.read(now_unix_s) {
            Ok(next) => {
                let pin = next.pin();
                self.next = Some((next, now_unix_s));
                self.pins.send_modify(|pins| pins.next = Some(pin));
            }
            Err(error) => tracing::error!(%error, "there is no next certificate yet"),
        }
    }

    fn is_due(&self, now_unix_s: i64) -> bool {
        let is_announced = |(_, since): &(Identity, i64)| {
            // The clock may have been set back meanwhile.
            !(0..ANNOUNCED_FOR_S).contains(&(now_unix_s - since))
        };
        self.source == CertificateSource::Made
            && (!self.shown.validity().holds(now_unix_s)
                || self.next.as_ref().is_some_and(is_announced))
    }

    fn renew(&mut self, now_unix_s: i64) -> Result<(), String> {
        let next = self.next.take().map(|(next, _)| next);
        let identity = match next.filter(|next| next.validity().holds(now_unix_s)) {
            Some(next) => Ok(next),
            None => self.source.read(now_unix_s),
        };
        let identity = identity.map_err(|error| error.to_string())?;
        if !identity.validity().holds(now_unix_s) {
            return Err("the certificate has expired or is not valid yet".to_owned());
        }
        let replaced = self.shown.replace(identity);
        replaced.map_err(|error| error.to_string())?;
        self.pins.send_replace(pins_of(&self.shown));
        Ok(())
    }
}

/// Whether a certificate made here need not be replaced soon.
fn is_fresh(validity: Validity, now_unix_s: i64) -> bool {
    validity.holds(now_unix_s) && validity.holds(now_unix_s + MADE_LEFT_MIN_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_S: i64 = 24 * 60 * 60;
    const NOW_S: i64 = 1_800_000_000;

    fn kept(source: CertificateSource) -> KeptCertificate {
        let identity = Identity::self_signed(NOW_S).unwrap();
        let shown = ShownIdentity::new(identity).unwrap();
        KeptCertificate {
            name: "players' endpoint",
            pins: watch::channel(pins_of(&shown)).0,
            shown,
            source,
            next: None,
        }
    }

    #[test]
    fn a_made_certificate_is_replaced_days_before_it_ends_and_its_hash_is_told_before() {
        let mut kept = kept(CertificateSource::Made);
        let told = kept.pins.subscribe();
        let old = kept.shown.pin();
        for early_s in [NOW_S, NOW_S + 9 * DAY_S] {
            kept.prepare(early_s);
            assert!(!kept.is_due(early_s));
            assert_eq!(told.borrow().all(), [old]);
        }
        let later_s = NOW_S + 11 * DAY_S;
        kept.prepare(later_s);
        let both = told.borrow().all();
        assert_eq!((both[0], both.len()), (old, 2));
        assert_eq!(kept.shown.pin(), old, "it is presented still");
        kept.prepare(later_s + 10);
        assert_eq!(told.borrow().all(), both, "there is one successor");
        assert!(!kept.is_due(later_s + ANNOUNCED_FOR_S - 1));
        let then_s = later_s + ANNOUNCED_FOR_S;
        assert!(kept.is_due(then_s));
        kept.renew(then_s).unwrap();
        kept.prepare(then_s);
        assert!(!kept.is_due(then_s));
        assert_eq!(kept.shown.pin(), both[1]);
        assert_eq!(told.borrow().all(), [both[1]]);
        assert!(kept.validity().holds(later_s + 12 * DAY_S));
    }

    #[test]
    fn a_made_certificate_that_is_not_valid_now_is_replaced_at_once() {
        // The machine was suspended, or its clock was set back.
        for now_s in [NOW_S + 30 * DAY_S, NOW_S - DAY_S] {
            let mut kept = kept(CertificateSource::Made);
            kept.prepare(now_s);
            assert!(kept.is_due(now_s));
            kept.renew(now_s).unwrap();
            assert!(kept.validity().holds(now_s) && !kept.is_due(now_s));
        }
    }

    /// That is, if it is valid for two weeks at most; its key is ECDSA.
    #[test]
    fn a_made_certificate_is_one_that_browsers_accept_by_its_hash() {
        let validity = Identity::self_signed(NOW_S).unwrap().validity();
        let length_s = validity.until_unix_s - validity.from_unix_s;
        assert!(length_s <= 14 * DAY_S, "{length_s}");
    }

    #[test]
    fn files_that_do_not_serve_leave_the_old_certificate() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let write = |name: &str, names: Vec<String>, until: i32| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(names).unwrap();
            params.not_after = rcgen::date_time_ymd(until, 1, 1);
            let pem = params.self_signed(&key).unwrap().pem();
            std::fs::write(path(&format!("{name}.pem")), pem).unwrap();
            std::fs::write(path(&format!("{name}.key")), key.serialize_pem()).unwrap();
        };
        write("good", vec!["localhost".to_owned()], 2100);
        write("other", vec!["localhost".to_owned()], 2100);
        write("old", vec!["localhost".to_owned()], 2001);
        std::fs::write(path("empty"), "").unwrap();
        for (chain, key) in [
            ("good.pem", "other.key"),
            ("old.pem", "old.key"),
            ("empty", "good.key"),
            ("good.pem", "nowhere"),
        ] {
            let (chain, key) = (path(chain), path(key));
            let mut kept = kept(CertificateSource::Files { chain, key });
            let old = kept.shown.pin();
            assert!(kept.renew(NOW_S).is_err());
            assert_eq!(kept.shown.pin(), old);
        }
        let (chain, key) = (path("good.pem"), path("good.key"));
        let mut kept = kept(CertificateSource::Files { chain, key });
        let old = kept.shown.pin();
        kept.renew(NOW_S).unwrap();
        assert_ne!(kept.shown.pin(), old);
        assert!(
            !kept.is_due(NOW_S + 10_000 * DAY_S),
            "that is for its owner"
        );
    }
}
