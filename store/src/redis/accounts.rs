//! Accounts on Redis.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};
use redis::{Cmd, Pipeline, Value, cmd};

use super::{RedisStore, reply, script};
use crate::account::{
    ACCOUNTS_PAGE_MAX, API_TOKEN_UNUSED_KEPT, Account, AccountCreated, ApiToken,
    INVITATION_LIFE_MAX, Invitation, LoginCode, PasswordHash, SecretDigest,
};
use crate::codec::{self, Credential, DecodeError};
use crate::contract::Accounts;
use crate::error::StoreError;

#[async_trait]
impl Accounts for RedisStore {
    async fn create_account(
        &self,
        account: &Account,
        invitation: Option<&SecretDigest>,
    ) -> Result<AccountCreated, StoreError> {
        let mut keys = vec![
            self.keys.account(&account.id),
            self.keys.account_named(&account.name_key),
            self.keys.accounts(),
        ];
        keys.extend(invitation.map(|digest| self.keys.invitation(digest)));
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut call = script::call(&self.scripts.account_create, &keys);
        let password = account.password.as_ref();
        call.arg(account.id.as_str())
            .arg(codec::encode_account(account).as_ref())
            .arg(password.map_or("", |PasswordHash(hash)| hash))
            .arg(&account.name_key)
            .arg(account.made_at.0);
        match reply::parsed::<u8>(&self.one_kept(call).await?)? {
            0 => Ok(AccountCreated::NameTaken),
            1 => Ok(AccountCreated::Made),
            2 => Ok(AccountCreated::NotInvited),
            _ => Err(reply::strange("an answer about an account")),
        }
    }

    async fn account(&self, id: &PlayerId) -> Result<Option<Account>, StoreError> {
        account(&self.one(self.read_account(id.as_str())).await?)
    }

    /// Two steps; an account that is removed in between is not found.
    async fn account_named(&self, name_key: &str) -> Result<Option<Account>, StoreError> {
        let mut read = cmd("GET");
        read.arg(self.keys.account_named(name_key));
        match self.one(read).await? {
            Value::Nil => Ok(None),
            id => {
                let read = self.read_account(reply::text(&id)?);
                account(&self.one(read).await?)
            }
        }
    }

    /// Two steps; an account that is removed in between is left out.
    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let from = match after.filter(|after| *after >= prefix) {
            // What follows the key in a member is a zero and an id, whose characters are ASCII.
            Some(after) => format!("({after}\0\u{7f}"),
            None if prefix.is_empty() => "-".to_owned(),
            None => format!("[{prefix}"),
        };
        let mut read = cmd("ZRANGEBYLEX");
        read.arg(self.keys.accounts()).arg(from);
        if prefix.is_empty() {
            read.arg("+");
        } else {
            // No UTF-8 has this byte.
            read.arg([b"(", prefix.as_bytes(), b"\xff"].concat());
        }
        read.arg("LIMIT").arg(0).arg(limit.min(ACCOUNTS_PAGE_MAX));
        let members = self.one(read).await?;
        let mut pipeline = Pipeline::new();
        for member in reply::array(&members)? {
            let (_, id) = reply::text(member)?
                .rsplit_once('\0')
                .ok_or_else(|| reply::strange("an entry of the list of accounts"))?;
            pipeline.add_command(self.read_account(id));
        }
        let answers = self.run_if_any(&pipeline).await?;
        answers
            .iter()
            .filter_map(|answer| account(answer).transpose())
            .collect()
    }

    async fn set_password(
        &self,
        id: &PlayerId,
        password: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let mut call = script::call(&self.scripts.account_password, &[&self.keys.account(id)]);
        call.arg(&password.0);
        Ok(reply::parsed::<u8>(&self.one_kept(call).await?)? == 1)
    }

    async fn remove_account(&self, id: &PlayerId) -> Result<bool, StoreError> {
        let keys = [
            self.keys.account(id),
            self.keys.accounts(),
            self.keys.api_tokens_of(id),
            self.keys.login_code_of(id),
            self.keys.account_named(""),
            self.keys.api_tokens(),
            self.keys.login_codes(),
            self.keys.transfer_of(id),
            self.keys.transfers(),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.account_remove, &keys);
        call.arg(id.as_str());
        Ok(reply::parsed::<u8>(&self.one_kept(call).await?)? == 1)
    }

    async fn put_api_token(&self, token: &ApiToken, max: u32) -> Result<bool, StoreError> {
        let keys = [
            self.keys.api_tokens_of(&token.owner),
            self.keys.api_tokens(),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.api_token_put, &keys);
        let body = codec::encode_credential(&Credential::ApiToken(token.clone()));
        call.arg(token.digest.to_string())
            .arg(body.as_ref())
            .arg(max)
            .arg(API_TOKEN_UNUSED_KEPT.as_secs());
        Ok(reply::parsed::<u8>(&self.one_kept(call).await?)? == 1)
    }

    async fn api_token(
        &self,
        digest: &SecretDigest,
    ) -> Result<Option<(ApiToken, Account)>, StoreError> {
        let Some(token) = api_token(&self.one(self.read_api_token(&digest.to_string())).await?)?
        else {
            return Ok(None);
        };
        let account = self.account(&token.owner).await?;
        Ok(account.map(|account| (token, account)))
    }

    async fn api_tokens(&self, owner: &PlayerId) -> Result<Vec<ApiToken>, StoreError> {
        let mut read = cmd("SMEMBERS");
        read.arg(self.keys.api_tokens_of(owner));
        let digests = self.one(read).await?;
        let mut digests: Vec<&str> = reply::array(&digests)?
            .iter()
            .map(reply::text)
            .collect::<Result<_, _>>()?;
        digests.sort_unstable();
        let mut pipeline = Pipeline::new();
        for digest in digests {
            pipeline.add_command(self.read_api_token(digest));
        }
        let answers = self.run_if_any(&pipeline).await?;
        answers
            .iter()
            .filter_map(|answer| api_token(answer).transpose())
            .collect()
    }

    async fn touch_api_token(&self, token: &ApiToken, now: UnixMillis) -> Result<(), StoreError> {
        let keys = [
            self.keys.api_token(&token.digest.to_string()),
            self.keys.api_tokens_of(&token.owner),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.api_token_touch, &keys);
        call.arg(now.0).arg(API_TOKEN_UNUSED_KEPT.as_secs());
        self.one(call).await.map(|_| ())
    }

    async fn remove_api_token(
        &self,
        owner: &PlayerId,
        digest: &SecretDigest,
    ) -> Result<bool, StoreError> {
        let digest = digest.to_string();
        let keys = [self.keys.api_token(&digest), self.keys.api_tokens_of(owner)];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.api_token_remove, &keys);
        call.arg(digest);
        Ok(reply::parsed::<u8>(&self.one_kept(call).await?)? == 1)
    }

    async fn put_invitation(&self, invitation: &Invitation) -> Result<(), StoreError> {
        let keys = [
            self.keys.invitation(&invitation.digest),
            self.keys.invitations(),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.invitation_put, &keys);
        let body = codec::encode_credential(&Credential::Invitation(invitation.clone()));
        call.arg(invitation.digest.to_string())
            .arg(body.as_ref())
            .arg(invitation.uses_left)
            .arg(invitation.made_at.0)
            .arg(invitation.expires_at.0)
            .arg(life_ms(invitation.made_at, invitation.expires_at))
            .arg(INVITATION_LIFE_MAX.as_secs());
        self.one_kept(call).await.map(|_| ())
    }

    /// Two steps; an invitation that is removed in between is left out.
    async fn invitations(&self, now: UnixMillis) -> Result<Vec<Invitation>, StoreError> {
        let mut read = cmd("ZRANGEBYSCORE");
        read.arg(self.keys.invitations())
            .arg(format!("({}", now.0))
            .arg("+inf");
        let digests = self.one(read).await?;
        let mut pipeline = Pipeline::new();
        for digest in reply::array(&digests)? {
            let digest: SecretDigest = reply::parsed(digest)?;
            let read = pipeline.cmd("HMGET").arg(self.keys.invitation(&digest));
            read.arg("body").arg("left");
        }
        let answers = self.run_if_any(&pipeline).await?;
        answers
            .iter()
            .filter_map(|answer| invitation(answer).transpose())
            .collect()
    }

    async fn remove_invitation(&self, digest: &SecretDigest) -> Result<bool, StoreError> {
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.cmd("DEL").arg(self.keys.invitation(digest));
        let list = pipeline.cmd("ZREM").arg(self.keys.invitations());
        list.arg(digest.to_string());
        match self.control.run_kept(&pipeline).await?.as_slice() {
            [removed, _] => Ok(reply::parsed::<u8>(removed)? == 1),
            _ => Err(reply::strange("an answer about an invitation")),
        }
    }

    async fn put_login_code(&self, code: &LoginCode) -> Result<(), StoreError> {
        let keys = [
            self.keys.login_code_of(&code.player),
            self.keys.login_codes(),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.code_put, &keys);
        let body = codec::encode_credential(&Credential::LoginCode(code.clone()));
        call.arg(code.digest.to_string())
            .arg(body.as_ref())
            .arg(code.expires_at.0)
            .arg(life_ms(code.made_at, code.expires_at));
        self.one_kept(call).await.map(|_| ())
    }

    async fn use_login_code(
        &self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Result<Option<PlayerId>, StoreError> {
        let key = self.keys.login_code(digest);
        let mut call = script::call(&self.scripts.code_use, &[&key]);
        call.arg(request).arg(now.0);
        let answer = self.one_kept(call).await?;
        let body = reply::bytes(&answer)?;
        if body.is_empty() {
            return Ok(None);
        }
        match codec::decode_credential(body).map_err(|error| corrupt("a login code", &error))? {
            Credential::LoginCode(code) => Ok(Some(code.player)),
            _ => Err(reply::strange("a login code")),
        }
    }
}

impl RedisStore {
    fn read_account(&self, id: &str) -> Cmd {
        let mut read = cmd("HMGET");
        read.arg(self.keys.account_by(id))
            .arg(&["body", "password"]);
        read
    }

    fn read_api_token(&self, digest: &str) -> Cmd {
        let mut read = cmd("HMGET");
        read.arg(self.keys.api_token(digest)).arg(&["body", "used"]);
        read
    }

    async fn run_if_any(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        self.control.run(pipeline).await
    }
}

/// The time that is left at `from`, in milliseconds: at least one, as an expiry of none is refused.
pub(super) fn life_ms(from: UnixMillis, until: UnixMillis) -> u64 {
    until.0.saturating_sub(from.0).max(1)
}

pub(super) fn corrupt(what: &str, error: &DecodeError) -> StoreError {
    StoreError::Corrupt(format!("{what}: {error}"))
}

/// An account from its parts: the body is its initial content, the password its present one.
fn account(answer: &Value) -> Result<Option<Account>, StoreError> {
    let [body, password] = reply::array(answer)? else {
        return Err(reply::strange("an account"));
    };
    if *body == Value::Nil {
        return Ok(None);
    }
    let account = codec::decode_account(reply::bytes(body)?);
    let mut account = account.map_err(|error| corrupt("an account", &error))?;
    account.password = match password {
        Value::Nil => None,
        hash => Some(PasswordHash(reply::text(hash)?.to_owned())),
    };
    Ok(Some(account))
}

fn api_token(answer: &Value) -> Result<Option<ApiToken>, StoreError> {
    let [body, used] = reply::array(answer)? else {
        return Err(reply::strange("an API token"));
    };
    if *body == Value::Nil {
        return Ok(None);
    }
    let found = codec::decode_credential(reply::bytes(body)?);
    match found.map_err(|error| corrupt("an API token", &error))? {
        Credential::ApiToken(token) => Ok(Some(ApiToken {
            used_at: match used {
                Value::Nil => None,
                at => Some(UnixMillis(reply::parsed(at)?)),
            },
            ..token
        })),
        _ => Err(reply::strange("an API token")),
    }
}

fn invitation(answer: &Value) -> Result<Option<Invitation>, StoreError> {
    let [body, left] = reply::array(answer)? else {
        return Err(reply::strange("an invitation"));
    };
    if *body == Value::Nil {
        return Ok(None);
    }
    let found = codec::decode_credential(reply::bytes(body)?);
    match found.map_err(|error| corrupt("an invitation", &error))? {
        Credential::Invitation(invitation) => Ok(Some(Invitation {
            uses_left: reply::parsed(left)?,
            ..invitation
        })),
        _ => Err(reply::strange("an invitation")),
    }
}
