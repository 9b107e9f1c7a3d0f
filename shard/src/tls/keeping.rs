//! The certificate of the QUIC endpoint, kept current: reloaded when its files change, or made again before
//! it expires.

use std::path::PathBuf;
use std::time::Duration;

use program::{CertificateMetrics, Kept, Reload, Validity};
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::identity::{CertificateSource, ShownIdentity};
use crate::inspection::{Ask, Inspector};

/// A certificate made here is replaced when it has less than this left: long enough that a machine that was
/// suspended over a weekend still presents a valid one.
const MADE_LEFT_MIN_S: i64 = 3 * 24 * 60 * 60;
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
    let (pins, changed) = watch::channel(shown.pin());
    let metrics = inspector.metrics.certificate(&source);
    let kept = KeptCertificate {
        name: "players' endpoint",
        shown,
        source,
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
        pins: watch::channel(shown.pin()).0,
        shown,
        source,
    };
    program::keep(kept, metrics, reload, shutdown).await;
}

/// Ends with the sender.
async fn tell_shard(inspector: Inspector, mut pins: watch::Receiver<[u8; 32]>) {
    while pins.changed().await.is_ok() {
        loop {
            let pin = *pins.borrow_and_update();
            let ask = |reply: oneshot::Sender<()>| Ask::Certificate(pin, reply);
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
    pins: watch::Sender<[u8; 32]>,
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

    fn is_due(&self, now_unix_s: i64) -> bool {
        let is_fresh = |validity: Validity| {
            validity.holds(now_unix_s) && validity.holds(now_unix_s + MADE_LEFT_MIN_S)
        };
        self.source == CertificateSource::Made && !is_fresh(self.shown.validity())
    }

    fn renew(&mut self, now_unix_s: i64) -> Result<(), String> {
        let identity = self.source.read(now_unix_s);
        let identity = identity.map_err(|error| error.to_string())?;
        if !identity.validity().holds(now_unix_s) {
            return Err("the certificate has expired or is not valid yet".to_owned());
        }
        let replaced = self.shown.replace(identity);
        replaced.map_err(|error| error.to_string())?;
        self.pins.send_replace(self.shown.pin());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Identity;

    const DAY_S: i64 = 24 * 60 * 60;
    const NOW_S: i64 = 1_800_000_000;

    fn kept(source: CertificateSource) -> KeptCertificate {
        let identity = Identity::self_signed(NOW_S).unwrap();
        let shown = ShownIdentity::new(identity).unwrap();
        KeptCertificate {
            name: "players' endpoint",
            pins: watch::channel(shown.pin()).0,
            shown,
            source,
        }
    }

    #[test]
    fn a_made_certificate_is_replaced_days_before_it_ends_and_its_hash_is_told() {
        let mut kept = kept(CertificateSource::Made);
        let told = kept.pins.subscribe();
        assert!(!kept.is_due(NOW_S) && !kept.is_due(NOW_S + 9 * DAY_S));
        let later_s = NOW_S + 11 * DAY_S;
        assert!(kept.is_due(later_s));
        let old = kept.shown.pin();
        kept.renew(later_s).unwrap();
        assert!(!kept.is_due(later_s));
        assert_ne!(kept.shown.pin(), old);
        assert_eq!(*told.borrow(), kept.shown.pin());
        assert!(kept.validity().holds(later_s + 12 * DAY_S));
        // The clock of the machine was set back before the certificate's begin.
        assert!(kept.is_due(NOW_S - DAY_S));
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
