//! How much one address may create, counted in this process.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use game_core::PlayerId;
use settings::AddressGroup;
use tokio::time::Instant;
use web::is_in;

use crate::limit_args::LimitArgs;
use crate::problem::{Kind, Problem};
use crate::rates::Rates;

/// Attempts at the password of one account in a burst, and then in every five minutes, from all addresses together: few
/// for somebody who guesses, and enough for a player who has forgotten which one it was.
const PASSWORD_ATTEMPTS: u32 = 30;

/// Lists of live matches that one address may have made in a burst, and then in every five minutes: a page that is
/// refreshed each second, and as much again for filters. A list that somebody has just had made is not counted.
const LISTS_PER_ADDRESS_MAX: u32 = 600;

/// The client that sent a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    /// The address group that it is counted by.
    counted_by: AddressGroup,
    /// No limit applies to it, and nothing of it is counted.
    is_exempt: bool,
}

impl Client {
    /// The client at an address.
    pub(crate) fn at(address: IpAddr, limits: &LimitArgs) -> Self {
        Self {
            counted_by: AddressGroup::of(address),
            is_exempt: is_exempt(limits, address),
        }
    }

    pub(crate) const fn is_exempt(self) -> bool {
        self.is_exempt
    }
}

/// Whether no limit applies to an address. A trusted proxy's own address is never exempt, as it stands for clients
/// that cannot be told apart.
pub(crate) fn is_exempt(limits: &LimitArgs, address: IpAddr) -> bool {
    is_in(&limits.limit_exempt, address) && !is_in(&limits.trusted_proxy, address)
}

/// The rate limits of addresses.
#[derive(Debug)]
pub(crate) struct Allowances {
    guests: Mutex<Rates>,
    creations: Mutex<Rates>,
    logins: Mutex<Rates>,
    passwords: Mutex<Rates<PlayerId>>,
    lists: Mutex<Rates>,
    archive_reads: Mutex<Rates>,
    began: Instant,
}

impl Allowances {
    pub(crate) fn new(limits: &LimitArgs) -> Self {
        Self {
            guests: Mutex::new(Rates::new(limits.guests_per_address_max)),
            creations: Mutex::new(Rates::new(limits.creations_per_address_max)),
            logins: Mutex::new(Rates::new(limits.logins_per_address_max)),
            passwords: Mutex::new(Rates::new(PASSWORD_ATTEMPTS)),
            lists: Mutex::new(Rates::new(LISTS_PER_ADDRESS_MAX)),
            archive_reads: Mutex::new(Rates::new(limits.archive_reads_per_address_max)),
            began: Instant::now(),
        }
    }

    fn take(&self, rates: &Mutex<Rates>, client: Client, what: &str) -> Result<(), Problem> {
        if client.is_exempt {
            return Ok(());
        }
        self.take_of(
            rates,
            client.counted_by,
            &format!("Your address has made as many {what} as it"),
        )
    }

    fn take_of<K: Hash + Eq>(
        &self,
        rates: &Mutex<Rates<K>>,
        key: K,
        what: &str,
    ) -> Result<(), Problem> {
        let mut rates = rates.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = rates.take(key, self.began.elapsed());
        taken.map_err(|wait| {
            let detail = format!("{what} may for now. Try again in {} s.", wait.as_secs() + 1);
            Problem::new(Kind::RateLimited, detail).after(wait)
        })
    }

    /// Counts an attempt to log in, or an account that is about to be created.
    pub(crate) fn login(&self, client: Client) -> Result<(), Problem> {
        self.take(&self.logins, client, "attempts to log in or to sign up")
    }

    /// Counts an attempt at the password of an account, whoever makes it.
    pub(crate) fn password(&self, account: &PlayerId) -> Result<(), Problem> {
        let what = "As many passwords were tried for this account as one";
        self.take_of(&self.passwords, account.clone(), what)
    }

    /// Counts a guest that is about to be created.
    pub(crate) fn guest(&self, client: Client) -> Result<(), Problem> {
        self.take(&self.guests, client, "guests")
    }

    /// Counts a list of live matches for which all shards are about to be asked.
    pub(crate) fn list(&self, client: Client) -> Result<(), Problem> {
        self.take(&self.lists, client, "requests for lists")
    }

    /// Counts a request that is about to read the archive or the feed.
    pub(crate) fn archive_read(&self, client: Client) -> Result<(), Problem> {
        self.take(&self.archive_reads, client, "requests for finished matches")
    }

    /// Counts a ticket or challenge that is about to be created, or a challenge that is about to be accepted.
    pub(crate) fn creation(&self, client: Client) -> Result<(), Problem> {
        self.take(&self.creations, client, "requests for matches")
    }
}
