//! Passwords: which are accepted, and how they are hashed.
//!
//! A hash takes tens of milliseconds of a core and 19 MiB by intention. It is computed on a thread for blocking work; as
//! many run at once as half of the cores, and a bounded number waits.

use std::ops::RangeInclusive;
use std::sync::Arc;

use argon2::password_hash::rand_core::{OsRng, RngCore};
use argon2::password_hash::{PasswordHash as Phc, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use store::PasswordHash;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::problem::{Kind, Problem};

/// Characters of a password (NIST SP 800-63B, section 3.1.1.2).
const PASSWORD_LEN: RangeInclusive<usize> = 8..=128;

/// Upper bound on hashes that wait for a thread; with two at a time they take about a second.
const QUEUE_LEN: usize = 64;

/// Bytes of a salt (RFC 9106, section 3.1).
const SALT_LEN: usize = 16;

/// Computes and compares hashes of passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            running: Arc::new(Semaphore::new(cores.div_ceil(2))),
            waiting: Semaphore::new(QUEUE_LEN),
        }
    }

    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: &str) -> Result<PasswordHash, Problem> {
        let password = normal(password);
        if !PASSWORD_LEN.contains(&password.chars().count()) {
            let why = format!(
                "A password has {} to {} characters.",
                PASSWORD_LEN.start(),
                PASSWORD_LEN.end()
            );
            return Err(Problem::new(Kind::InvalidPassword, why));
        }
        self.run(move || {
            let mut salt = [0; SALT_LEN];
            OsRng.fill_bytes(&mut salt);
            let salt = SaltString::encode_b64(&salt).ok()?;
            let hash = argon2().hash_password(password.as_bytes(), &salt).ok()?;
            Some(PasswordHash(hash.to_string()))
        })
        .await?
        .ok_or_else(|| Problem::new(Kind::Internal, "The password cannot be hashed."))
    }

    /// Whether a password has this hash.
    pub(crate) async fn matches(
        &self,
        password: &str,
        hash: &PasswordHash,
    ) -> Result<bool, Problem> {
        let (password, PasswordHash(hash)) = (normal(password), hash.clone());
        if !PASSWORD_LEN.contains(&password.chars().count()) {
            return Ok(false);
        }
        self.run(move || {
            // The parameters are those of the hash.
            Phc::new(&hash)
                .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let busy = || {
            let why = "Too many players log in at this moment. Try again.";
            Problem::new(Kind::Overloaded, why)
        };
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let permit = running.map_err(|_| busy())?;
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work is done, also if the request is gone.
            let _permit = permit;
            work()
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "a password could not be processed");
            Problem::new(Kind::Internal, "The password cannot be processed.")
        })
    }
}

/// Argon2id as OWASP recommends it for servers: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1_024, 2, 1, None).expect("within the bounds of RFC 9106");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// What different keyboards send for one text becomes the same bytes (NIST SP 800-63B, section 3.1.1.2).
fn normal(password: &str) -> String {
    password.nfkc().take(PASSWORD_LEN.end() + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_no_other() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse Ä").await.unwrap();
        let PasswordHash(text) = &hash;
        assert!(
            text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        let again = passwords.hash("correct horse Ä").await.unwrap();
        assert_ne!(hash, again, "salted");
        for (password, expected) in [
            ("correct horse Ä", true),
            ("correct horse A\u{308}", true),
            ("correct horse A", false),
            ("", false),
            (&"x".repeat(100_000), false),
        ] {
            let matches = passwords.matches(password, &hash).await.unwrap();
            assert_eq!(matches, expected, "{}", password.len());
        }
        let broken = PasswordHash("no hash".to_owned());
        assert!(!passwords.matches("correct horse", &broken).await.unwrap());
    }

    #[tokio::test]
    async fn passwords_that_are_too_short_or_too_long_are_refused() {
        let passwords = Passwords::new();
        for (len, is_fit) in [(0, false), (7, false), (8, true), (128, true), (129, false)] {
            let hashed = passwords.hash(&"ä".repeat(len)).await;
            let refused = hashed.map_err(|problem| problem.kind);
            assert_eq!(refused.is_ok(), is_fit, "{len}: {refused:?}");
        }
    }

    /// A flood of log-ins costs neither unbounded memory nor the players who wait.
    #[tokio::test]
    async fn no_more_passwords_wait_than_the_bound() {
        let passwords = Arc::new(Passwords::new());
        let hash = passwords.hash("correct horse").await.unwrap();
        let busy = passwords.running.clone();
        let all = busy.acquire_many(busy.available_permits() as u32).await;
        let tries: Vec<_> = (0..QUEUE_LEN + 1)
            .map(|_| {
                let (passwords, hash) = (passwords.clone(), hash.clone());
                tokio::spawn(async move { passwords.matches("wrong horse", &hash).await })
            })
            .collect();
        while passwords.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = passwords.matches("correct horse", &hash).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Overloaded);
        for tried in tries.into_iter().take(1) {
            tried.abort();
        }
        drop(all);
    }
}
