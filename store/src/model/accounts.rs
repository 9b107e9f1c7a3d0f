//! The accounts of the model, and the secrets that give access to them.

use std::collections::BTreeMap;
use std::ops::Bound;

use game_core::{PlayerId, UnixMillis};

use crate::account::{
    ACCOUNTS_PAGE_MAX, API_TOKEN_UNUSED_KEPT, Account, AccountCreated, ApiToken, Invitation,
    LoginCode, PasswordHash, SecretDigest,
};

#[derive(Debug, Clone, Default)]
pub(super) struct Accounts {
    accounts: BTreeMap<PlayerId, Account>,
    /// By the key of the name.
    named: BTreeMap<String, PlayerId>,
    api_tokens: BTreeMap<SecretDigest, ApiToken>,
    invitations: BTreeMap<SecretDigest, Invitation>,
    codes: BTreeMap<SecretDigest, LoginCode>,
}

impl Accounts {
    pub(super) fn create(
        &mut self,
        account: &Account,
        invitation: Option<&SecretDigest>,
    ) -> AccountCreated {
        if let Some(known) = self.named.get(&account.name_key) {
            return if *known == account.id {
                AccountCreated::Made
            } else {
                AccountCreated::NameTaken
            };
        }
        if let Some(digest) = invitation {
            let invitation = self.invitations.get_mut(digest);
            match invitation.filter(|it| it.uses_left > 0 && account.made_at < it.expires_at) {
                Some(invitation) => invitation.uses_left -= 1,
                None => return AccountCreated::NotInvited,
            }
        }
        let (id, key) = (account.id.clone(), account.name_key.clone());
        self.named.insert(key, id.clone());
        self.accounts.insert(id, account.clone());
        AccountCreated::Made
    }

    pub(super) fn account(&self, id: &PlayerId) -> Option<Account> {
        self.accounts.get(id).cloned()
    }

    pub(super) fn named(&self, name_key: &str) -> Option<Account> {
        self.account(self.named.get(name_key)?)
    }

    pub(super) fn page(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Account> {
        let from = match after.filter(|after| *after >= prefix) {
            Some(after) => Bound::Excluded(after),
            None => Bound::Included(prefix),
        };
        let named = self.named.range::<str, _>((from, Bound::Unbounded));
        named
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit.min(ACCOUNTS_PAGE_MAX))
            .filter_map(|(_, id)| self.account(id))
            .collect()
    }

    pub(super) fn set_password(&mut self, id: &PlayerId, password: &PasswordHash) -> bool {
        let account = self.accounts.get_mut(id);
        account
            .map(|account| account.password = Some(password.clone()))
            .is_some()
    }

    pub(super) fn remove(&mut self, id: &PlayerId) -> bool {
        let Some(account) = self.accounts.remove(id) else {
            return false;
        };
        self.named.remove(&account.name_key);
        self.api_tokens.retain(|_, token| token.owner != *id);
        self.codes.retain(|_, code| code.player != *id);
        true
    }

    pub(super) fn put_api_token(&mut self, token: &ApiToken, max: u32) -> bool {
        self.remove_old(token.made_at);
        if self.api_tokens.contains_key(&token.digest) {
            return true;
        }
        if self.api_tokens(&token.owner).len() >= max as usize {
            return false;
        }
        self.api_tokens.insert(token.digest, token.clone());
        true
    }

    pub(super) fn api_token(&self, digest: &SecretDigest) -> Option<(ApiToken, Account)> {
        let token = self.api_tokens.get(digest)?;
        Some((token.clone(), self.account(&token.owner)?))
    }

    pub(super) fn api_tokens(&self, owner: &PlayerId) -> Vec<ApiToken> {
        let theirs = self.api_tokens.values();
        let theirs = theirs.filter(|token| token.owner == *owner);
        theirs.cloned().collect()
    }

    pub(super) fn touch_api_token(&mut self, digest: &SecretDigest, now: UnixMillis) {
        if let Some(token) = self.api_tokens.get_mut(digest) {
            token.used_at = token.used_at.max(Some(now));
        }
    }

    pub(super) fn remove_api_token(&mut self, owner: &PlayerId, digest: &SecretDigest) -> bool {
        let is_theirs = self
            .api_tokens
            .get(digest)
            .is_some_and(|token| token.owner == *owner);
        is_theirs && self.api_tokens.remove(digest).is_some()
    }

    pub(super) fn put_invitation(&mut self, invitation: &Invitation) {
        let entry = self.invitations.entry(invitation.digest);
        entry.or_insert_with(|| invitation.clone());
    }

    pub(super) fn invitations(&self, now: UnixMillis) -> Vec<Invitation> {
        let valid = self.invitations.values().filter(|it| now < it.expires_at);
        let mut valid: Vec<_> = valid.cloned().collect();
        valid.sort_by_key(|it| (it.expires_at, it.digest));
        valid
    }

    pub(super) fn remove_invitation(&mut self, digest: &SecretDigest) -> bool {
        self.invitations.remove(digest).is_some()
    }

    pub(super) fn put_login_code(&mut self, code: &LoginCode) {
        if !self.codes.contains_key(&code.digest) {
            self.codes.retain(|_, former| former.player != code.player);
            self.codes.insert(code.digest, code.clone());
        }
    }

    pub(super) fn use_login_code(
        &mut self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Option<PlayerId> {
        let code = self.codes.get_mut(digest)?;
        if now >= code.expires_at || code.used_by.is_some_and(|by| by != request) {
            return None;
        }
        code.used_by = Some(request);
        Some(code.player.clone())
    }

    pub(super) fn remove_old(&mut self, now: UnixMillis) {
        let kept_ms = API_TOKEN_UNUSED_KEPT.as_millis() as u64;
        self.api_tokens.retain(|_, token| {
            let seen_at = token.used_at.unwrap_or(token.made_at);
            seen_at.0.saturating_add(kept_ms) >= now.0
        });
        self.invitations.retain(|_, it| now < it.expires_at);
        self.codes.retain(|_, code| now < code.expires_at);
    }
}
