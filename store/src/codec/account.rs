//! The stored account.

use game_core::UnixMillis;
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::parse;
use crate::account::{Account, PasswordHash};

/// An [`Account`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AccountV1 {
    id: String,
    name: String,
    name_key: String,
    is_bot: bool,
    password: Option<String>,
    made_at_ms: u64,
}

impl Layout for AccountV1 {
    const FORMAT: Format = Format::Account;
    const VERSION: u8 = 1;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl From<&Account> for AccountV1 {
    fn from(account: &Account) -> Self {
        let Account {
            id,
            name,
            name_key,
            is_bot,
            password,
            made_at,
        } = account;
        Self {
            id: id.to_string(),
            name: name.clone(),
            name_key: name_key.clone(),
            is_bot: *is_bot,
            password: password.as_ref().map(|PasswordHash(hash)| hash.clone()),
            made_at_ms: made_at.0,
        }
    }
}

impl TryFrom<AccountV1> for Account {
    type Error = String;

    fn try_from(stored: AccountV1) -> Result<Self, String> {
        Ok(Self {
            id: parse(&stored.id)?,
            name: stored.name,
            name_key: stored.name_key,
            is_bot: stored.is_bot,
            password: stored.password.map(PasswordHash),
            made_at: UnixMillis(stored.made_at_ms),
        })
    }
}
