//! Accounts in the file.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};
use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};

use super::fault::WriteFault;
use super::tables::{ACCOUNT_NAMES, ACCOUNTS, CREDENTIAL_EXPIRIES, CREDENTIALS, CREDENTIALS_OF};
use super::{EmbeddedStore, transfers};
use crate::account::{
    ACCOUNTS_PAGE_MAX, API_TOKEN_UNUSED_KEPT, Account, AccountCreated, ApiToken, Invitation,
    LoginCode, PasswordHash, SecretDigest,
};
use crate::codec::{self, Credential, DecodeError};
use crate::contract::Accounts;
use crate::error::StoreError;

/// The kinds of credentials, as keys have them.
const API_TOKEN: &str = "token";
const INVITATION: &str = "invitation";
const LOGIN_CODE: &str = "code";

/// Above every digest.
const DIGEST_END: &str = "g";

#[async_trait]
impl Accounts for EmbeddedStore {
    async fn create_account(
        &self,
        account: &Account,
        invitation: Option<&SecretDigest>,
    ) -> Result<AccountCreated, StoreError> {
        let (account, invitation) = (account.clone(), invitation.copied());
        self.writer
            .write(move |txn| create(txn, &account, invitation.as_ref()))
            .await
    }

    async fn account(&self, id: &PlayerId) -> Result<Option<Account>, StoreError> {
        let id = id.clone();
        self.writer
            .read(move |txn| read(&txn.open_table(ACCOUNTS)?, id.as_str()))
            .await
    }

    async fn account_named(&self, name_key: &str) -> Result<Option<Account>, StoreError> {
        let key = name_key.to_owned();
        self.writer
            .read(
                move |txn| match txn.open_table(ACCOUNT_NAMES)?.get(&*key)? {
                    None => Ok(None),
                    Some(id) => read(&txn.open_table(ACCOUNTS)?, id.value()),
                },
            )
            .await
    }

    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let limit = limit.min(ACCOUNTS_PAGE_MAX);
        self.writer
            .read(move |txn| page(txn, &prefix, after.as_deref(), limit))
            .await
    }

    async fn set_password(
        &self,
        id: &PlayerId,
        password: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let (id, password) = (id.clone(), password.clone());
        self.writer
            .write(move |txn| set_password(txn, &id, password))
            .await
    }

    async fn remove_account(&self, id: &PlayerId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.writer.write(move |txn| remove(txn, &id)).await
    }

    async fn put_api_token(&self, token: &ApiToken, max: u32) -> Result<bool, StoreError> {
        let token = token.clone();
        self.writer
            .write(move |txn| put_api_token(txn, token, max as usize))
            .await
    }

    async fn api_token(
        &self,
        digest: &SecretDigest,
    ) -> Result<Option<(ApiToken, Account)>, StoreError> {
        let digest = *digest;
        self.writer
            .read(move |txn| {
                let found = credential(&txn.open_table(CREDENTIALS)?, API_TOKEN, &digest)?;
                let Some(Credential::ApiToken(token)) = found else {
                    return Ok(None);
                };
                let account = read(&txn.open_table(ACCOUNTS)?, token.owner.as_str())?;
                Ok(account.map(|account| (token, account)))
            })
            .await
    }

    async fn api_tokens(&self, owner: &PlayerId) -> Result<Vec<ApiToken>, StoreError> {
        let owner = owner.clone();
        self.writer.read(move |txn| api_tokens(txn, &owner)).await
    }

    async fn touch_api_token(&self, token: &ApiToken, now: UnixMillis) -> Result<(), StoreError> {
        let digest = token.digest;
        self.writer
            .write(move |txn| {
                let mut store = Credentials::open(txn)?;
                if let Some(Credential::ApiToken(mut token)) = store.get(API_TOKEN, &digest)? {
                    token.used_at = token.used_at.max(Some(now));
                    store.put(&Credential::ApiToken(token))?;
                }
                Ok(())
            })
            .await
    }

    async fn remove_api_token(
        &self,
        owner: &PlayerId,
        digest: &SecretDigest,
    ) -> Result<bool, StoreError> {
        let (owner, digest) = (owner.clone(), *digest);
        self.writer
            .write(move |txn| {
                let mut store = Credentials::open(txn)?;
                match store.get(API_TOKEN, &digest)? {
                    Some(Credential::ApiToken(token)) if token.owner == owner => {
                        store.remove(API_TOKEN, &digest)
                    }
                    _ => Ok(false),
                }
            })
            .await
    }

    async fn put_invitation(&self, invitation: &Invitation) -> Result<(), StoreError> {
        let invitation = invitation.clone();
        self.writer
            .write(move |txn| {
                let mut store = Credentials::open(txn)?;
                if store.get(INVITATION, &invitation.digest)?.is_none() {
                    store.put(&Credential::Invitation(invitation))?;
                }
                Ok(())
            })
            .await
    }

    async fn invitations(&self, now: UnixMillis) -> Result<Vec<Invitation>, StoreError> {
        self.writer.read(move |txn| invitations(txn, now)).await
    }

    async fn remove_invitation(&self, digest: &SecretDigest) -> Result<bool, StoreError> {
        let digest = *digest;
        self.writer
            .write(move |txn| Credentials::open(txn)?.remove(INVITATION, &digest))
            .await
    }

    async fn put_login_code(&self, code: &LoginCode) -> Result<(), StoreError> {
        let code = code.clone();
        self.writer
            .write(move |txn| {
                let mut store = Credentials::open(txn)?;
                if store.get(LOGIN_CODE, &code.digest)?.is_none() {
                    store.remove_all(&code.player, LOGIN_CODE)?;
                    store.put(&Credential::LoginCode(code))?;
                }
                Ok(())
            })
            .await
    }

    async fn use_login_code(
        &self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Result<Option<PlayerId>, StoreError> {
        let digest = *digest;
        self.writer
            .write(move |txn| use_login_code(txn, &digest, request, now))
            .await
    }
}

fn create(
    txn: &WriteTransaction,
    account: &Account,
    invitation: Option<&SecretDigest>,
) -> Result<AccountCreated, WriteFault> {
    let mut names = txn.open_table(ACCOUNT_NAMES)?;
    if let Some(known) = names.get(&*account.name_key)? {
        return Ok(if known.value() == account.id.as_str() {
            AccountCreated::Made
        } else {
            AccountCreated::NameTaken
        });
    }
    if let Some(digest) = invitation {
        let mut store = Credentials::open(txn)?;
        let Some(Credential::Invitation(mut invitation)) = store.get(INVITATION, digest)? else {
            return Ok(AccountCreated::NotInvited);
        };
        if invitation.uses_left == 0 || account.made_at >= invitation.expires_at {
            return Ok(AccountCreated::NotInvited);
        }
        invitation.uses_left -= 1;
        store.put(&Credential::Invitation(invitation))?;
    }
    names.insert(&*account.name_key, account.id.as_str())?;
    let bytes = codec::encode_account(account);
    txn.open_table(ACCOUNTS)?
        .insert(account.id.as_str(), bytes.as_ref())?;
    Ok(AccountCreated::Made)
}

fn read(
    accounts: &impl ReadableTable<&'static str, &'static [u8]>,
    id: &str,
) -> Result<Option<Account>, WriteFault> {
    let Some(bytes) = accounts.get(id)? else {
        return Ok(None);
    };
    let account = codec::decode_account(bytes.value());
    account
        .map(Some)
        .map_err(|error| corrupt("an account", &error))
}

fn page(
    txn: &ReadTransaction,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Account>, WriteFault> {
    let (names, accounts) = (txn.open_table(ACCOUNT_NAMES)?, txn.open_table(ACCOUNTS)?);
    let mut found = Vec::new();
    for entry in names.range(after.unwrap_or(prefix).max(prefix)..)? {
        let (key, id) = entry?;
        if found.len() == limit || !key.value().starts_with(prefix) {
            break;
        }
        if Some(key.value()) != after {
            found.extend(read(&accounts, id.value())?);
        }
    }
    Ok(found)
}

fn set_password(
    txn: &WriteTransaction,
    id: &PlayerId,
    password: PasswordHash,
) -> Result<bool, WriteFault> {
    let mut accounts = txn.open_table(ACCOUNTS)?;
    let Some(mut account) = read(&accounts, id.as_str())? else {
        return Ok(false);
    };
    account.password = Some(password);
    let bytes = codec::encode_account(&account);
    accounts.insert(id.as_str(), bytes.as_ref())?;
    Ok(true)
}

fn remove(txn: &WriteTransaction, id: &PlayerId) -> Result<bool, WriteFault> {
    let mut accounts = txn.open_table(ACCOUNTS)?;
    let Some(account) = read(&accounts, id.as_str())? else {
        return Ok(false);
    };
    accounts.remove(id.as_str())?;
    txn.open_table(ACCOUNT_NAMES)?.remove(&*account.name_key)?;
    let mut store = Credentials::open(txn)?;
    store.remove_all(id, API_TOKEN)?;
    store.remove_all(id, LOGIN_CODE)?;
    transfers::remove_of(txn, id.as_str())?;
    Ok(true)
}

fn put_api_token(txn: &WriteTransaction, token: ApiToken, max: usize) -> Result<bool, WriteFault> {
    let mut store = Credentials::open(txn)?;
    if store.get(API_TOKEN, &token.digest)?.is_some() {
        return Ok(true);
    }
    // Those that have expired are removed by the sweep, seconds later at most.
    if store.all(&token.owner, API_TOKEN)?.len() >= max {
        return Ok(false);
    }
    store.put(&Credential::ApiToken(token))?;
    Ok(true)
}

fn api_tokens(txn: &ReadTransaction, owner: &PlayerId) -> Result<Vec<ApiToken>, WriteFault> {
    let (of, all) = (
        txn.open_table(CREDENTIALS_OF)?,
        txn.open_table(CREDENTIALS)?,
    );
    let mut tokens = Vec::new();
    for digest in digests(&of, owner.as_str(), API_TOKEN)? {
        if let Some(Credential::ApiToken(token)) = stored(&all, API_TOKEN, &digest)? {
            tokens.push(token);
        }
    }
    Ok(tokens)
}

fn invitations(txn: &ReadTransaction, now: UnixMillis) -> Result<Vec<Invitation>, WriteFault> {
    let all = txn.open_table(CREDENTIALS)?;
    let mut valid = Vec::new();
    for entry in all.range((INVITATION, "")..(INVITATION, DIGEST_END))? {
        if let Credential::Invitation(invitation) = decoded(entry?.1.value())?
            && now < invitation.expires_at
        {
            valid.push(invitation);
        }
    }
    valid.sort_by_key(|it| (it.expires_at, it.digest));
    Ok(valid)
}

fn use_login_code(
    txn: &WriteTransaction,
    digest: &SecretDigest,
    request: u64,
    now: UnixMillis,
) -> Result<Option<PlayerId>, WriteFault> {
    let mut store = Credentials::open(txn)?;
    let Some(Credential::LoginCode(mut code)) = store.get(LOGIN_CODE, digest)? else {
        return Ok(None);
    };
    if now >= code.expires_at || code.used_by.is_some_and(|by| by != request) {
        return Ok(None);
    }
    code.used_by = Some(request);
    let player = code.player.clone();
    store.put(&Credential::LoginCode(code))?;
    Ok(Some(player))
}

/// The tables of credentials, which change together.
struct Credentials<'txn> {
    all: Table<'txn, (&'static str, &'static str), &'static [u8]>,
    of: Table<'txn, (&'static str, &'static str, &'static str), ()>,
    expiries: Table<'txn, (u64, &'static str, &'static str), ()>,
}

impl<'txn> Credentials<'txn> {
    fn open(txn: &'txn WriteTransaction) -> Result<Self, WriteFault> {
        Ok(Self {
            all: txn.open_table(CREDENTIALS)?,
            of: txn.open_table(CREDENTIALS_OF)?,
            expiries: txn.open_table(CREDENTIAL_EXPIRIES)?,
        })
    }

    fn get(&self, kind: &str, digest: &SecretDigest) -> Result<Option<Credential>, WriteFault> {
        credential(&self.all, kind, digest)
    }

    /// Adds a credential, or replaces it.
    fn put(&mut self, credential: &Credential) -> Result<(), WriteFault> {
        let (kind, digest) = named(credential);
        self.remove(kind, &digest)?;
        let text = digest.to_string();
        let bytes = codec::encode_credential(credential);
        self.all.insert((kind, &*text), bytes.as_ref())?;
        if let Some(owner) = owner(credential) {
            self.of.insert((owner.as_str(), kind, &*text), ())?;
        }
        self.expiries
            .insert((kept_until(credential), kind, &*text), ())?;
        Ok(())
    }

    fn remove(&mut self, kind: &str, digest: &SecretDigest) -> Result<bool, WriteFault> {
        let Some(credential) = self.get(kind, digest)? else {
            return Ok(false);
        };
        let text = digest.to_string();
        self.all.remove((kind, &*text))?;
        if let Some(owner) = owner(&credential) {
            self.of.remove((owner.as_str(), kind, &*text))?;
        }
        self.expiries
            .remove((kept_until(&credential), kind, &*text))?;
        Ok(true)
    }

    /// The digests of a player's credentials of a kind.
    fn all(&self, owner: &PlayerId, kind: &str) -> Result<Vec<String>, WriteFault> {
        digests(&self.of, owner.as_str(), kind)
    }

    fn remove_all(&mut self, owner: &PlayerId, kind: &str) -> Result<(), WriteFault> {
        for digest in self.all(owner, kind)? {
            self.remove(kind, &parsed(&digest)?)?;
        }
        Ok(())
    }
}

/// Removes some of the expired credentials; returns their number.
pub(super) fn remove_old(
    txn: &WriteTransaction,
    now: UnixMillis,
    limit: usize,
) -> Result<usize, WriteFault> {
    let mut store = Credentials::open(txn)?;
    let old = store
        .expiries
        .range(..(now.0, "", ""))?
        .take(limit)
        .map(|entry| {
            let (key, ()) = entry.map(|(key, _)| (key, ()))?;
            let (_, kind, digest) = key.value();
            Ok((kind.to_owned(), digest.to_owned()))
        })
        .collect::<Result<Vec<_>, WriteFault>>()?;
    for (kind, digest) in &old {
        store.remove(kind, &parsed(digest)?)?;
    }
    Ok(old.len())
}

fn named(credential: &Credential) -> (&'static str, SecretDigest) {
    match credential {
        Credential::ApiToken(token) => (API_TOKEN, token.digest),
        Credential::Invitation(invitation) => (INVITATION, invitation.digest),
        Credential::LoginCode(code) => (LOGIN_CODE, code.digest),
    }
}

fn owner(credential: &Credential) -> Option<&PlayerId> {
    match credential {
        Credential::ApiToken(token) => Some(&token.owner),
        Credential::LoginCode(code) => Some(&code.player),
        Credential::Invitation(_) => None,
    }
}

/// When a credential may be removed, in Unix milliseconds.
fn kept_until(credential: &Credential) -> u64 {
    match credential {
        Credential::ApiToken(token) => {
            let seen_at = token.used_at.unwrap_or(token.made_at);
            let kept_ms = API_TOKEN_UNUSED_KEPT.as_millis() as u64;
            seen_at.0.saturating_add(kept_ms)
        }
        Credential::Invitation(invitation) => invitation.expires_at.0,
        Credential::LoginCode(code) => code.expires_at.0,
    }
}

fn credential(
    all: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    kind: &str,
    digest: &SecretDigest,
) -> Result<Option<Credential>, WriteFault> {
    stored(all, kind, &digest.to_string())
}

fn stored(
    all: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    kind: &str,
    digest: &str,
) -> Result<Option<Credential>, WriteFault> {
    let bytes = all.get((kind, digest))?;
    bytes.map(|bytes| decoded(bytes.value())).transpose()
}

fn digests(
    of: &impl ReadableTable<(&'static str, &'static str, &'static str), ()>,
    owner: &str,
    kind: &str,
) -> Result<Vec<String>, WriteFault> {
    of.range((owner, kind, "")..(owner, kind, DIGEST_END))?
        .map(|entry| Ok(entry?.0.value().2.to_owned()))
        .collect()
}

fn decoded(bytes: &[u8]) -> Result<Credential, WriteFault> {
    codec::decode_credential(bytes).map_err(|error| corrupt("a credential", &error))
}

fn parsed(digest: &str) -> Result<SecretDigest, WriteFault> {
    let why = || StoreError::Corrupt("the name of a credential is no digest".to_owned());
    digest.parse().map_err(|_| WriteFault::Refused(why()))
}

fn corrupt(what: &str, error: &DecodeError) -> WriteFault {
    WriteFault::Refused(StoreError::Corrupt(format!("{what}: {error}")))
}
