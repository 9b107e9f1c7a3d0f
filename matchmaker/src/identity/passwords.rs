//! Passwords: which are accepted, and how they are hashed.
//!
//! A hash takes tens of milliseconds of a core and 19 MiB by intention. It is computed on a thread for blocking work; as
//! many run at once as half of the cores, and a bounded number waits, of one address at most half of them. Those of one
//! address wait in a line of their own, so that others pass them.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::password_hash::rand_core::{OsRng, RngCore};
use argon2::password_hash::{PasswordHash as Phc, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use settings::AddressGroup;
use store::PasswordHash;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::allowances::Client;
use crate::problem::{Kind, Problem};

/// Characters of a password (NIST SP 800-63B, section 3.1.1.2).
const PASSWORD_LEN: RangeInclusive<usize> = 8..=128;

/// Upper bound on hashes that run or wait; with two at a time they take about two seconds.
const QUEUE_LEN: usize = 128;

/// Upper bound on those of one address, which a class room may ask for in a moment: half of all, so that nobody fills the queue
/// alone.
const QUEUE_LEN_PER_ADDRESS: usize = QUEUE_LEN / 2;

/// Bytes of a salt (RFC 9106, section 3.1).
const SALT_LEN: usize = 16;

/// Computes and compares hashes of passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    queue: Mutex<Queue>,
}

/// Who has how many places.
#[derive(Debug, Default)]
struct Queue {
    taken: usize,
    by_address: HashMap<AddressGroup, Line>,
}

/// Those of one address.
#[derive(Debug)]
struct Line {
    taken: usize,
    /// Lets as many of them to the threads at once as run at once.
    next: Arc<Semaphore>,
}

/// A place in the queue, given back when dropped.
struct Turn<'a> {
    queue: &'a Mutex<Queue>,
    /// Where it waits first; nothing for who has no limits.
    line: Option<(AddressGroup, Arc<Semaphore>)>,
}

impl<'a> Turn<'a> {
    /// `None` if there is no place, or the client's address has its share.
    fn take(queue: &'a Mutex<Queue>, client: Client) -> Option<Self> {
        let mut held = lock(queue);
        if held.taken >= QUEUE_LEN {
            return None;
        }
        let mut line = None;
        if let Some(address) = client.limited() {
            let own = held.by_address.entry(address).or_insert_with(|| Line {
                taken: 0,
                next: Arc::new(Semaphore::new(running_max())),
            });
            if own.taken >= QUEUE_LEN_PER_ADDRESS {
                return None;
            }
            own.taken += 1;
            line = Some((address, Arc::clone(&own.next)));
        }
        held.taken += 1;
        Some(Self { queue, line })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut held = lock(self.queue);
        held.taken -= 1;
        let Some((address, _)) = &self.line else {
            return;
        };
        if let Some(own) = held.by_address.get_mut(address) {
            own.taken -= 1;
            if own.taken == 0 {
                held.by_address.remove(address);
            }
        }
    }
}

/// Locked for one operation, and never across a wait.
fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(running_max())),
            queue: Mutex::default(),
        }
    }

    /// The hash of a new password.
    pub(crate) async fn hash(
        &self,
        client: Client,
        password: &str,
    ) -> Result<PasswordHash, Problem> {
        let password = normal(password);
        if !PASSWORD_LEN.contains(&password.chars().count()) {
            let why = format!(
                "A password has {} to {} characters.",
                PASSWORD_LEN.start(),
                PASSWORD_LEN.end()
            );
            return Err(Problem::new(Kind::InvalidPassword, why));
        }
        self.run(client, move || {
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
        client: Client,
        password: &str,
        hash: &PasswordHash,
    ) -> Result<bool, Problem> {
        let (password, PasswordHash(hash)) = (normal(password), hash.clone());
        if !PASSWORD_LEN.contains(&password.chars().count()) {
            return Ok(false);
        }
        self.run(client, move || {
            // The parameters are those of the hash.
            Phc::new(&hash)
                .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        client: Client,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let busy = || {
            let why = "Too many players log in at this moment. Try again.";
            Problem::new(Kind::Overloaded, why)
        };
        let turn = Turn::take(&self.queue, client).ok_or_else(busy)?;
        let _next = match &turn.line {
            Some((_, next)) => Some(next.acquire().await.map_err(|_| busy())?),
            None => None,
        };
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

/// Upper bound on hashes that are computed at once.
fn running_max() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.div_ceil(2)
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
    use crate::limit_args::LimitArgs;

    fn client(address: &str) -> Client {
        Client::at(address.parse().unwrap(), &LimitArgs::default())
    }

    /// Of a class room.
    fn pupil() -> Client {
        client("192.0.2.1")
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_no_other() {
        let passwords = Passwords::new();
        let hash = passwords.hash(pupil(), "correct horse Ä").await.unwrap();
        let PasswordHash(text) = &hash;
        assert!(
            text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        let again = passwords.hash(pupil(), "correct horse Ä").await.unwrap();
        assert_ne!(hash, again, "salted");
        for (password, expected) in [
            ("correct horse Ä", true),
            ("correct horse A\u{308}", true),
            ("correct horse A", false),
            ("", false),
            (&"x".repeat(100_000), false),
        ] {
            let matches = passwords.matches(pupil(), password, &hash).await;
            let matches = matches.unwrap();
            assert_eq!(matches, expected, "{}", password.len());
        }
        let broken = PasswordHash("no hash".to_owned());
        let matches = passwords.matches(pupil(), "correct horse", &broken).await;
        assert!(!matches.unwrap());
    }

    #[tokio::test]
    async fn passwords_that_are_too_short_or_too_long_are_refused() {
        let passwords = Passwords::new();
        for (len, is_fit) in [(0, false), (7, false), (8, true), (128, true), (129, false)] {
            let hashed = passwords.hash(pupil(), &"ä".repeat(len)).await;
            let refused = hashed.map_err(|problem| problem.kind);
            assert_eq!(refused.is_ok(), is_fit, "{len}: {refused:?}");
        }
    }

    /// A flood of log-ins costs neither unbounded memory nor, if it is of one address, the log-ins of others.
    #[tokio::test]
    async fn no_more_passwords_wait_than_the_bounds_and_one_address_does_not_fill_the_queue() {
        let passwords = Arc::new(Passwords::new());
        let hash = passwords.hash(pupil(), "correct horse").await.unwrap();
        let busy = passwords.running.clone();
        let all = busy.acquire_many(busy.available_permits() as u32).await;
        let (attacker, other) = (client("198.51.100.1"), client("203.0.113.1"));
        let mut taken = 0;
        let mut tries = Vec::new();
        for from in [attacker, other] {
            for _ in 0..QUEUE_LEN_PER_ADDRESS {
                let (passwords, hash) = (passwords.clone(), hash.clone());
                tries.push(tokio::spawn(async move {
                    passwords.matches(from, "wrong horse", &hash).await
                }));
            }
            taken += QUEUE_LEN_PER_ADDRESS;
            while lock(&passwords.queue).taken < taken {
                tokio::task::yield_now().await;
            }
            // The next one of this address.
            let refused = passwords.matches(from, "correct horse", &hash).await;
            assert_eq!(refused.unwrap_err().kind, Kind::Overloaded);
        }
        let refused = passwords.matches(pupil(), "correct horse", &hash).await;
        assert_eq!(refused.unwrap_err().kind, Kind::Overloaded, "all are taken");
        for tried in &tries {
            tried.abort();
        }
        drop(all);
        for tried in tries {
            let _ = tried.await;
        }
        assert_eq!(lock(&passwords.queue).taken, 0);
        assert!(lock(&passwords.queue).by_address.is_empty());
        assert!(
            passwords
                .matches(attacker, "correct horse", &hash)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn who_logs_in_does_not_wait_for_all_those_of_another_address() {
        let passwords = Arc::new(Passwords::new());
        let hash = passwords.hash(pupil(), "correct horse").await.unwrap();
        let busy = passwords.running.clone();
        let all = busy.acquire_many(busy.available_permits() as u32).await;
        let spawn = |from: Client| {
            let (passwords, hash) = (passwords.clone(), hash.clone());
            tokio::spawn(async move { passwords.matches(from, "wrong horse", &hash).await })
        };
        let attacker = client("198.51.100.1");
        let tries: Vec<_> = (0..QUEUE_LEN_PER_ADDRESS)
            .map(|_| spawn(attacker))
            .collect();
        while lock(&passwords.queue).taken < QUEUE_LEN_PER_ADDRESS {
            tokio::task::yield_now().await;
        }
        let other = spawn(pupil());
        while lock(&passwords.queue).taken <= QUEUE_LEN_PER_ADDRESS {
            tokio::task::yield_now().await;
        }
        drop(all);
        assert!(!other.await.unwrap().unwrap());
        let done = tries.iter().filter(|tried| tried.is_finished()).count();
        assert!(done <= 2 * running_max(), "{done} were before it");
        for tried in &tries {
            tried.abort();
        }
    }
}
