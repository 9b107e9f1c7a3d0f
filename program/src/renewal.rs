//! Renewal of certificates: they are reloaded when their files change, and their end is warned of.

use std::path::PathBuf;
use std::time::Duration;

use crate::Reload;
use crate::calendar::unix_s;
use prometheus::{Gauge, IntCounter, IntCounterVec, Opts, Registry};
use ring::digest::{Context, SHA256};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::validity::Validity;

/// Interval between checks of a certificate's files.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A certificate that ends within this is warned of: it leaves time for a person to act.
const WARN_WITHIN_S: i64 = 14 * 24 * 60 * 60;
/// Interval between warnings of one certificate.
const WARN_EVERY_S: i64 = 6 * 60 * 60;

/// A certificate that a process can replace while it runs.
pub trait Kept: Send + 'static {
    /// Its name in the log.
    fn name(&self) -> &'static str;

    /// The files that it is read from; none for one that the process makes.
    fn files(&self) -> Vec<PathBuf>;

    /// When the current certificate is valid.
    fn validity(&self) -> Validity;

    /// Makes a successor ready, if the current one will be due for replacement.
    fn prepare(&mut self, _now_unix_s: i64) {}

    /// Whether it is due for replacement although no file has changed.
    fn is_due(&self, _now_unix_s: i64) -> bool {
        false
    }

    /// Reads or makes a new certificate and shows it from now on. On an error the old one stays.
    ///
    /// # Errors
    ///
    /// The reason, in words for the operator.
    fn renew(&mut self, now_unix_s: i64) -> Result<(), String>;
}

/// The metrics of one certificate.
#[derive(Clone)]
pub struct CertificateMetrics {
    expires: Gauge,
    loaded: IntCounter,
    refused: IntCounter,
}

impl CertificateMetrics {
    /// Registers the metrics under names that begin with `prefix`. `renewal` tells who replaces the certificate:
    /// [`Self::BY_FILES`] or [`Self::BY_ITSELF`].
    ///
    /// # Errors
    ///
    /// If a name is invalid or taken.
    pub fn register(registry: &Registry, prefix: &str, renewal: &str) -> prometheus::Result<Self> {
        let help = "Seconds until the certificate that is shown ends, as of the last look at it.";
        let expires = Opts::new(format!("{prefix}_certificate_expires_in_seconds"), help);
        let expires = Gauge::with_opts(expires.const_label("renewal", renewal))?;
        registry.register(Box::new(expires.clone()))?;
        let help = "Changes of the certificate's files, by whether they were taken.";
        let reloads = Opts::new(format!("{prefix}_certificate_reloads_total"), help);
        let reloads = IntCounterVec::new(reloads, &["result"])?;
        registry.register(Box::new(reloads.clone()))?;
        Ok(Self {
            expires,
            // Both exist from the start, as a rate needs a sample before the first change.
            loaded: reloads.with_label_values(&["loaded"]),
            refused: reloads.with_label_values(&["refused"]),
        })
    }

    /// The operator replaces the files before the certificate ends.
    pub const BY_FILES: &'static str = "files";
    /// The process makes a new one before the old one ends.
    pub const BY_ITSELF: &'static str = "self";
}

/// Keeps a certificate fresh until `shutdown`: its files are checked every 10 seconds, and at once on `reload`.
pub async fn keep(
    kept: impl Kept,
    metrics: CertificateMetrics,
    reload: Reload,
    shutdown: CancellationToken,
) {
    // Without files there is nothing to reload: dropping `reload` lets the log say that SIGHUP is ignored.
    let mut reload = Some(reload).filter(|_| !kept.files().is_empty());
    let mut keeper = Keeper::new(kept, metrics);
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_asked = tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => false,
            () = asked(&mut reload) => true,
        };
        // The disk may be slow, and this thread runs other tasks too.
        let looked = spawn_blocking(move || {
            keeper.look(is_asked, unix_s());
            keeper
        });
        keeper = match looked.await {
            Ok(keeper) => keeper,
            Err(error) => {
                tracing::error!(%error, "certificates are no longer reloaded");
                return;
            }
        };
    }
}

/// Waits for the next reload; for ever if there is none to hear of.
async fn asked(reload: &mut Option<Reload>) {
    match reload {
        Some(reload) => reload.asked().await,
        None => std::future::pending().await,
    }
}

/// A digest of the contents of a certificate's files, or of the errors of reading them.
type Contents = [u8; 32];

/// Decides when a certificate is replaced and what is logged about it.
struct Keeper<K> {
    kept: K,
    metrics: CertificateMetrics,
    /// The contents that were accepted or finally refused.
    settled: Contents,
    /// Contents that could not be used at the last check. The certificate and its key may be written one after the
    /// other, so only contents that are unusable twice are an error.
    doubted: Option<Contents>,
    warned_at: Option<i64>,
}

impl<K: Kept> Keeper<K> {
    fn new(kept: K, metrics: CertificateMetrics) -> Self {
        Self {
            settled: contents(&kept),
            kept,
            metrics,
            doubted: None,
            warned_at: None,
        }
    }

    fn look(&mut self, is_asked: bool, now_unix_s: i64) {
        let contents = contents(&self.kept);
        self.kept.prepare(now_unix_s);
        if is_asked || contents != self.settled || self.kept.is_due(now_unix_s) {
            self.renew(is_asked, contents, now_unix_s);
        }
        let ends_s = self.kept.validity().until_unix_s;
        let left_s = ends_s.saturating_sub(now_unix_s);
        self.metrics.expires.set(left_s as f64);
        self.warn(left_s, now_unix_s);
    }

    fn renew(&mut self, is_asked: bool, contents: Contents, now_unix_s: i64) {
        let certificate = self.kept.name();
        match self.kept.renew(now_unix_s) {
            Ok(()) => {
                tracing::info!(certificate, "a certificate was replaced");
                self.metrics.loaded.inc();
                self.settled = contents;
                self.doubted = None;
                self.warned_at = None;
            }
            Err(why) if is_asked || contents == self.settled || self.doubted == Some(contents) => {
                tracing::error!(
                    certificate,
                    why,
                    "a new certificate cannot be used; the old one is shown still"
                );
                self.metrics.refused.inc();
                self.settled = contents;
                self.doubted = None;
            }
            Err(why) => {
                tracing::info!(certificate, why, "a new certificate is not complete yet");
                self.doubted = Some(contents);
            }
        }
    }

    fn warn(&mut self, left_s: i64, now_unix_s: i64) {
        let renews_itself = self.kept.files().is_empty();
        let is_new = |at: i64| now_unix_s.saturating_sub(at) >= WARN_EVERY_S;
        if left_s >= WARN_WITHIN_S || renews_itself || !self.warned_at.is_none_or(is_new) {
            return;
        }
        self.warned_at = Some(now_unix_s);
        let certificate = self.kept.name();
        if left_s < 0 {
            tracing::error!(
                certificate,
                "a certificate has expired: replace its files, they are read again by themselves"
            );
        } else {
            let hours_left = left_s / 3_600;
            tracing::warn!(
                certificate,
                hours_left,
                "a certificate ends soon: replace its files, they are read again by themselves"
            );
        }
    }
}

fn contents(kept: &impl Kept) -> Contents {
    let mut context = Context::new(&SHA256);
    for path in kept.files() {
        let read = std::fs::read(path).unwrap_or_else(|error| error.to_string().into_bytes());
        context.update(&(read.len() as u64).to_be_bytes());
        context.update(&read);
    }
    let digest = context.finish();
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate whose file holds the seconds at which it ends.
    struct Numbered {
        file: Option<PathBuf>,
        ends_s: i64,
    }

    impl Kept for Numbered {
        fn name(&self) -> &'static str {
            "test"
        }

        fn files(&self) -> Vec<PathBuf> {
            self.file.iter().cloned().collect()
        }

        fn validity(&self) -> Validity {
            Validity {
                from_unix_s: 0,
                until_unix_s: self.ends_s,
            }
        }

        fn is_due(&self, now_unix_s: i64) -> bool {
            self.file.is_none() && self.ends_s - now_unix_s < 100
        }

        fn renew(&mut self, now_unix_s: i64) -> Result<(), String> {
            self.ends_s = match &self.file {
                None => now_unix_s + 1_000,
                Some(file) => std::fs::read_to_string(file)
                    .map_err(|error| error.to_string())?
                    .parse()
                    .map_err(|_| "not a number".to_owned())?,
            };
            Ok(())
        }
    }

    fn keeper(file: Option<PathBuf>, ends_s: i64) -> Keeper<Numbered> {
        let metrics = CertificateMetrics::register(&Registry::new(), "x", "files").unwrap();
        Keeper::new(Numbered { file, ends_s }, metrics)
    }

    #[test]
    fn a_certificate_is_read_again_when_its_file_changes_and_only_then() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "5000").unwrap();
        let mut keeper = keeper(Some(file.path().to_owned()), 5_000);
        keeper.look(false, 1_000);
        assert_eq!(keeper.metrics.loaded.get(), 0);
        assert_eq!(keeper.metrics.expires.get(), 4_000.0);
        std::fs::write(file.path(), "9000").unwrap();
        for now_s in [1_010, 1_020] {
            keeper.look(false, now_s);
            assert_eq!(keeper.metrics.loaded.get(), 1);
            assert_eq!(keeper.metrics.expires.get(), (9_000 - now_s) as f64);
        }
        // A signal reads it again in any case.
        keeper.look(true, 1_030);
        assert_eq!(keeper.metrics.loaded.get(), 2);
    }

    #[test]
    fn a_bad_new_file_keeps_the_old_certificate_and_is_counted_once_it_lasts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "5000").unwrap();
        let mut keeper = keeper(Some(file.path().to_owned()), 5_000);
        std::fs::write(file.path(), "half").unwrap();
        let mut counts = Vec::new();
        for now_s in [10, 20, 30] {
            keeper.look(false, now_s);
            counts.push(keeper.metrics.refused.get());
        }
        assert_eq!(counts, [0, 1, 1]);
        assert_eq!(keeper.kept.ends_s, 5_000);
        keeper.look(true, 40);
        assert_eq!(keeper.metrics.refused.get(), 2);
        std::fs::write(file.path(), "7000").unwrap();
        keeper.look(false, 50);
        assert_eq!(
            (keeper.kept.ends_s, keeper.metrics.loaded.get()),
            (7_000, 1)
        );
    }

    #[test]
    fn a_certificate_of_the_process_is_replaced_before_it_ends() {
        let mut keeper = keeper(None, 1_000);
        for now_s in (0..100_000).step_by(10) {
            keeper.look(false, now_s);
            assert!(keeper.kept.ends_s > now_s + 10, "{now_s}");
        }
        assert!(keeper.warned_at.is_none(), "nobody has to do anything");
    }

    #[test]
    fn the_end_is_warned_of_from_fourteen_days_on_and_not_at_every_look() {
        let day_s = 24 * 60 * 60;
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut keeper = keeper(Some(file.path().to_owned()), 20 * day_s);
        let mut warned = Vec::new();
        for hour in 0..21 * 24 {
            keeper.look(false, hour * 3_600);
            if keeper.warned_at == Some(hour * 3_600) {
                warned.push(hour);
            }
        }
        let expected: Vec<i64> = (6 * 24 + 1..21 * 24).step_by(6).collect();
        assert_eq!(warned, expected);
    }
}
