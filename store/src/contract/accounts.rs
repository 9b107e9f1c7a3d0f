//! Named accounts, and the secrets that give access to them.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};

use crate::account::{
    Account, AccountCreated, ApiToken, Invitation, LoginCode, PasswordHash, SecretDigest,
};
use crate::error::StoreError;

/// The accounts of an installation.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Makes an account, unless its name is taken. With an invitation, by its digest, one use of it is taken in the
    /// same step. A repetition with the same id changes nothing.
    async fn create_account(
        &self,
        account: &Account,
        invitation: Option<&SecretDigest>,
    ) -> Result<AccountCreated, StoreError>;

    /// Reads an account.
    async fn account(&self, id: &PlayerId) -> Result<Option<Account>, StoreError>;

    /// The account whose name has this key.
    async fn account_named(&self, name_key: &str) -> Result<Option<Account>, StoreError>;

    /// The accounts whose keys of names begin with `prefix` and are greater than `after`, by these keys: the first
    /// `limit`, at most [`ACCOUNTS_PAGE_MAX`](crate::ACCOUNTS_PAGE_MAX).
    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError>;

    /// Replaces the password of an account; returns whether there is such an account.
    async fn set_password(
        &self,
        id: &PlayerId,
        password: &PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Removes an account with its API tokens, its login code and its transfer; returns whether it existed. Its name is free then.
    async fn remove_account(&self, id: &PlayerId) -> Result<bool, StoreError>;

    /// Stores an API token, unless its owner has `max` already; returns whether it is stored now. It is kept until it
    /// is removed or was not used for [`API_TOKEN_UNUSED_KEPT`](crate::API_TOKEN_UNUSED_KEPT).
    async fn put_api_token(&self, token: &ApiToken, max: u32) -> Result<bool, StoreError>;

    /// An API token and the account that it gives access to; `None` if one of them does not exist.
    async fn api_token(
        &self,
        digest: &SecretDigest,
    ) -> Result<Option<(ApiToken, Account)>, StoreError>;

    /// The API tokens of a player, by their digests.
    async fn api_tokens(&self, owner: &PlayerId) -> Result<Vec<ApiToken>, StoreError>;

    /// Records that an API token was used at `now`.
    async fn touch_api_token(&self, token: &ApiToken, now: UnixMillis) -> Result<(), StoreError>;

    /// Removes an API token of this owner; returns whether it existed.
    async fn remove_api_token(
        &self,
        owner: &PlayerId,
        digest: &SecretDigest,
    ) -> Result<bool, StoreError>;

    /// Stores a new invitation. It is removed once it has expired.
    async fn put_invitation(&self, invitation: &Invitation) -> Result<(), StoreError>;

    /// The invitations that have not expired at `now`, those included that are used up, by when they expire.
    async fn invitations(&self, now: UnixMillis) -> Result<Vec<Invitation>, StoreError>;

    /// Removes an invitation; returns whether it existed.
    async fn remove_invitation(&self, digest: &SecretDigest) -> Result<bool, StoreError>;

    /// Stores a new login code, which replaces the former one of the same account.
    async fn put_login_code(&self, code: &LoginCode) -> Result<(), StoreError>;

    /// Uses a login code at `now`, and returns the account that it logs in to. Of several requests only the first has
    /// an answer; a repetition of it, recognised by `request`, has the same one.
    async fn use_login_code(
        &self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Result<Option<PlayerId>, StoreError>;
}
