//! How much one address may create, and how often it and one player may ask, counted in this process.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use game_core::PlayerId;
use settings::AddressGroup;
use tokio::time::Instant;
use web::{Rates, is_in};

use crate::limit_args::LimitArgs;
use crate::problem::{Kind, Problem};

/// The window of what an address may create.
const CREATION_WINDOW: Duration = Duration::from_secs(5 * 60);

/// The window of requests: short, so that a burst is not the work of minutes.
const REQUEST_WINDOW: Duration = Duration::from_secs(10);
/// Attempts at the password of one account in a burst, and then in every five minutes, from all addresses together: few
/// for somebody who guesses, and enough for a player who has forgotten which one it was.
const PASSWORD_ATTEMPTS: u32 = 30;

/// Codes of transfers that one address may try in a burst, and then in every five minutes: a class that moves to its
/// tablets at once, and far too few to find one of 62^24.
const REDEMPTIONS_PER_ADDRESS_MAX: u32 = 300;
/// Codes of transfers that one player may have made in a burst, and then in every five minutes.
const TRANSFERS_PER_PLAYER_MAX: u32 = 30;

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

    /// The address group that it is counted by; `None` if no limit applies to it.
    pub(crate) fn limited(self) -> Option<AddressGroup> {
        (!self.is_exempt).then_some(self.counted_by)
    }

    pub(crate) const fn is_exempt(self) -> bool {
        self.is_exempt
    }

    /// The address group that it is counted by.
    pub(crate) const fn counted_by(self) -> AddressGroup {
        self.counted_by
    }
}

/// Whether no limit applies to an address. A trusted proxy's own address is never exempt, as it stands for clients
/// that cannot be told apart.
pub(crate) fn is_exempt(limits: &LimitArgs, address: IpAddr) -> bool {
    is_in(&limits.limit_exempt, address) && !is_in(&limits.trusted_proxy, address)
}

/// The rate limits of addresses and players.
#[derive(Debug)]
pub(crate) struct Allowances {
    guests: Mutex<Rates>,
    creations: Mutex<Rates>,
    requests: Mutex<Rates>,
    player_requests: Mutex<Rates<PlayerId>>,
    logins: Mutex<Rates>,
    passwords: Mutex<Rates<PlayerId>>,
    lists: Mutex<Rates>,
    archive_reads: Mutex<Rates>,
    redemptions: Mutex<Rates>,
    transfers: Mutex<Rates<PlayerId>>,
    began: Instant,
}

impl Allowances {
    pub(crate) fn new(limits: &LimitArgs) -> Self {
        Self {
            guests: rates(limits.guests_per_address_max, CREATION_WINDOW),
            creations: rates(limits.creations_per_address_max, CREATION_WINDOW),
            requests: rates(limits.requests_per_address_max, REQUEST_WINDOW),
            player_requests: rates(limits.requests_per_player_max, REQUEST_WINDOW),
            logins: rates(limits.logins_per_address_max, CREATION_WINDOW),
            passwords: rates(PASSWORD_ATTEMPTS, CREATION_WINDOW),
            archive_reads: rates(limits.archive_reads_per_address_max, CREATION_WINDOW),
            redemptions: rates(REDEMPTIONS_PER_ADDRESS_MAX, CREATION_WINDOW),
            transfers: rates(TRANSFERS_PER_PLAYER_MAX, CREATION_WINDOW),
            lists: rates(LISTS_PER_ADDRESS_MAX, CREATION_WINDOW),
            began: Instant::now(),
        }
    }

    fn take<K: Hash + Eq>(
        &self,
        rates: &Mutex<Rates<K>>,
        client: Client,
        counted_by: K,
        what: &str,
    ) -> Result<(), Problem> {
        if client.is_exempt {
            return Ok(());
        }
        self.take_of(rates, counted_by, &format!("{what} as it"))
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
        let what = "Your address has made as many attempts to log in or to sign up";
        self.take(&self.logins, client, client.counted_by, what)
    }

    /// Counts an attempt at the password of an account, whoever makes it.
    pub(crate) fn password(&self, account: &PlayerId) -> Result<(), Problem> {
        let what = "As many passwords were tried for this account as one";
        self.take_of(&self.passwords, account.clone(), what)
    }

    /// Counts a guest that is about to be created.
    pub(crate) fn guest(&self, client: Client) -> Result<(), Problem> {
        let what = "Your address has made as many guests";
        self.take(&self.guests, client, client.counted_by, what)
    }

    /// Counts a request, whatever it asks for.
    pub(crate) fn request(&self, client: Client) -> Result<(), Problem> {
        let what = "Your address has sent as many requests";
        self.take(&self.requests, client, client.counted_by, what)
    }

    /// Counts a request of a player, whatever it asks for.
    pub(crate) fn player_request(&self, client: Client, player: &PlayerId) -> Result<(), Problem> {
        let what = "This player has sent as many requests";
        self.take(&self.player_requests, client, player.clone(), what)
    }

    /// Counts a list of live matches for which all shards are about to be asked.
    pub(crate) fn list(&self, client: Client) -> Result<(), Problem> {
        let what = "Your address has made as many requests for lists";
        self.take(&self.lists, client, client.counted_by, what)
    }

    /// Counts a code of a transfer that is about to be tried.
    pub(crate) fn redemption(&self, client: Client) -> Result<(), Problem> {
        let what = "Your address has tried as many codes";
        self.take(&self.redemptions, client, client.counted_by, what)
    }

    /// Counts a transfer of a player that is about to be made, from whichever address.
    pub(crate) fn transfer(&self, player: &PlayerId) -> Result<(), Problem> {
        let what = "This player has made as many codes as one";
        self.take_of(&self.transfers, player.clone(), what)
    }

    /// Counts a request that is about to read the archive or the feed.
    pub(crate) fn archive_read(&self, client: Client) -> Result<(), Problem> {
        let what = "Your address has made as many requests for finished matches";
        self.take(&self.archive_reads, client, client.counted_by, what)
    }

    /// Counts a ticket or challenge that is about to be created, or a challenge that is about to be accepted.
    pub(crate) fn creation(&self, client: Client) -> Result<(), Problem> {
        let what = "Your address has made as many requests for matches";
        self.take(&self.creations, client, client.counted_by, what)
    }
}

fn rates<K: Hash + Eq>(burst: u32, window: Duration) -> Mutex<Rates<K>> {
    Mutex::new(Rates::new(burst, window))
}
