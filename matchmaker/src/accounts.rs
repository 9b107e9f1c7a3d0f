//! `/v1/accounts`, `/v1/login` and `/v1/account`: named players.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use game_core::{MatchId, PlayerId, UnixMillis};
use protocol::http::{
    AccountReply, ApiScope, ApiTokenList, ApiTokenReply, ApiTokenView, LogIn, NewAccount,
    NewApiToken, NewPassword, PlayerReply, PublicPlayer,
};
use protocol::name;
use serde::Deserialize;
use store::{
    Account, AccountCreated, ApiToken, PasswordHash, Scope, SecretDigest, Store, StoreError,
    Validity,
};
use utoipa::IntoParams;
use web::{Body, PathId, QueryOf};

use crate::allowances::Client;
use crate::clock::now;
use crate::described::{CallerProblems, ChangeProblems, Problems};
use crate::extract::Holder;
use crate::identity::{Secret, SignUp, digest_of, keys_of_look_alikes, name_key, normal_code};
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Upper bound on API tokens of an account.
const API_TOKENS_MAX: u32 = 20;

/// Attempts to use a login code while the store does not answer: each is the same request for the store, and a code whose
/// answer is lost would be lost with it.
pub(crate) const CODE_ATTEMPTS: u32 = 3;

/// What names begin with that the matchmaker makes up for guests; no account has such a name.
pub(crate) const GUEST_NAME: &str = "Guest-";

/// Makes an account.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", request_body = NewAccount,
    responses((status = 201, description = "The player, and a token", body = PlayerReply), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    client: Client,
    Body(request): Body<NewAccount>,
) -> Result<(StatusCode, Json<PlayerReply>), Problem> {
    let invitation = invitation(service.config.identity.sign_up, request.invitation)?;
    let (name, name_key) = account_name(&request.name)?;
    service.check_store_room()?;
    service.allowances.login(client)?;
    // Before the password is hashed, which is expensive.
    service.check_name(&name).await?;
    let password = service.passwords.hash(client, &request.password).await?;
    let account = new_account(name, name_key, request.bot, Some(password));
    let created = service.store.create_account(&account, invitation.as_ref());
    made(created.await?)?;
    Ok((StatusCode::CREATED, service.session(&account, now())))
}

/// Gives a player token for an account, by name and password or by a login code.
#[utoipa::path(post, path = "/v1/login", tag = "accounts", request_body = LogIn,
    responses((status = 200, description = "The player, and a token", body = PlayerReply), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn log_in(
    State(service): State<Arc<Service>>,
    client: Client,
    Body(request): Body<LogIn>,
) -> Result<Json<PlayerReply>, Problem> {
    let account = match request {
        LogIn {
            name: Some(name),
            password: Some(password),
            code: None,
        } => {
            service.allowances.login(client)?;
            service.by_password(client, &name, &password).await?
        }
        LogIn {
            name: None,
            password: None,
            code: Some(code),
        } => {
            service.allowances.login(client)?;
            service.by_code(&code).await?
        }
        _ => {
            let why = "Send name and password, or a code alone.";
            return Err(Problem::new(Kind::InvalidRequest, why));
        }
    };
    let validity = service.admitted(&account.id).await?;
    // Later than what is void, also if that was written by a matchmaker whose clock is ahead.
    let void_up_to = validity.void_up_to.unwrap_or_default();
    let made_at = now().max(UnixMillis(void_up_to.0.saturating_add(1)));
    Ok(service.session(&account, made_at))
}

/// The account of the caller.
#[utoipa::path(get, path = "/v1/account", tag = "accounts", security(("player" = [])),
    responses((status = 200, description = "The account", body = AccountReply), Problems, CallerProblems))]
pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    Holder(account): Holder,
) -> Result<Json<AccountReply>, Problem> {
    Ok(Json(AccountReply {
        has_password: account.password.is_some(),
        player: service.public_player(account).await?,
    }))
}

/// Replaces the password, and ends all earlier player tokens of the account.
#[utoipa::path(post, path = "/v1/account/password", tag = "accounts", request_body = NewPassword, security(("player" = [])),
    responses((status = 200, description = "A new token", body = PlayerReply), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn set_password(
    State(service): State<Arc<Service>>,
    Holder(account): Holder,
    client: Client,
    Body(request): Body<NewPassword>,
) -> Result<Json<PlayerReply>, Problem> {
    if let Some(hash) = &account.password {
        service.allowances.password(&account.id)?;
        let current = request.current.as_deref().unwrap_or_default();
        if !service.passwords.matches(client, current, hash).await? {
            let why = "The present password is wrong.";
            return Err(Problem::new(Kind::LoginRefused, why));
        }
    }
    let hash = service.passwords.hash(client, &request.new).await?;
    if !service.store.set_password(&account.id, &hash).await? {
        return Err(no_player());
    }
    let made_at = service.void_tokens(&account.id).await?;
    Ok(service.session(&account, made_at))
}

/// Ends all player tokens of the account.
#[utoipa::path(post, path = "/v1/account/logout", tag = "accounts", security(("player" = [])),
    responses((status = 204, description = "They have ended"), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn log_out(
    State(service): State<Arc<Service>>,
    Holder(account): Holder,
) -> Result<StatusCode, Problem> {
    service.void_tokens(&account.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The API tokens of the account, without their secrets.
#[utoipa::path(get, path = "/v1/account/tokens", tag = "accounts", security(("player" = [])),
    responses((status = 200, description = "All of them", body = ApiTokenList), Problems, CallerProblems))]
pub(crate) async fn list_tokens(
    State(service): State<Arc<Service>>,
    Holder(account): Holder,
) -> Result<Json<ApiTokenList>, Problem> {
    let mut tokens = service.store.api_tokens(&account.id).await?;
    tokens.sort_by_key(|token| std::cmp::Reverse((token.made_at, token.digest)));
    let tokens = tokens.iter().map(view).collect();
    Ok(Json(ApiTokenList { tokens }))
}

/// Makes an API token, and shows its secret once.
#[utoipa::path(post, path = "/v1/account/tokens", tag = "accounts", request_body = NewApiToken, security(("player" = [])),
    responses((status = 201, description = "The token", body = ApiTokenReply), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn create_token(
    State(service): State<Arc<Service>>,
    client: Client,
    Holder(account): Holder,
    Body(request): Body<NewApiToken>,
) -> Result<(StatusCode, Json<ApiTokenReply>), Problem> {
    let label = name::check(&request.label)
        .map_err(|why| Problem::new(Kind::InvalidName, format!("The label: {why}.")))?;
    let mut scopes: Vec<Scope> = request.scopes.into_iter().map(stored_scope).collect();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        let why = "An API token needs at least one scope, such as read, play or account.";
        return Err(Problem::new(Kind::InvalidRequest, why));
    }
    service.check_store_room()?;
    service.allowances.login(client)?;
    let secret = Secret::api_token();
    let token = ApiToken {
        digest: secret.digest,
        owner: account.id,
        label,
        scopes,
        made_at: now(),
        used_at: None,
    };
    if !service.store.put_api_token(&token, API_TOKENS_MAX).await? {
        let why = format!("An account has at most {API_TOKENS_MAX} API tokens. Remove one first.");
        return Err(Problem::new(Kind::TooManyApiTokens, why));
    }
    let reply = ApiTokenReply {
        view: view(&token),
        token: secret.text,
    };
    Ok((StatusCode::CREATED, Json(reply)))
}

/// Removes an API token.
#[utoipa::path(delete, path = "/v1/account/tokens/{token}", tag = "accounts", params(("token" = String, Path, pattern = "^[0-9a-f]{64}$")), security(("player" = [])),
    responses((status = 204, description = "It is removed"), Problems, CallerProblems))]
pub(crate) async fn remove_token(
    State(service): State<Arc<Service>>,
    Holder(account): Holder,
    PathId(digest): PathId<SecretDigest>,
) -> Result<StatusCode, Problem> {
    if service.store.remove_api_token(&account.id, &digest).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let why = "The account has no API token with this id.";
        Err(Problem::new(Kind::ApiTokenNotFound, why))
    }
}

/// Which player is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ByName {
    /// The name.
    #[param(min_length = 1, max_length = 32)]
    name: String,
}

/// The account with a name, whatever its case.
#[utoipa::path(get, path = "/v1/players", tag = "accounts", params(ByName),
    responses((status = 200, description = "The account", body = PublicPlayer), Problems))]
pub(crate) async fn find(
    State(service): State<Arc<Service>>,
    QueryOf(ByName { name }): QueryOf<ByName>,
) -> Result<Json<PublicPlayer>, Problem> {
    let account = service.account_named(&name).await?;
    service.public_player(account).await.map(Json)
}

/// An account.
#[utoipa::path(get, path = "/v1/players/{player}", tag = "accounts", params(("player" = String, Path, pattern = "^[0-9A-Za-z_.:@|-]{1,64}$")),
    responses((status = 200, description = "The account", body = PublicPlayer), Problems))]
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    PathId(player): PathId<PlayerId>,
) -> Result<Json<PublicPlayer>, Problem> {
    let account = service.store.account(&player).await?;
    let account = account.ok_or_else(no_player)?;
    service.public_player(account).await.map(Json)
}

impl Service {
    /// The account with a name, whatever its case.
    pub(crate) async fn account_named(&self, name: &str) -> Result<Account, Problem> {
        let name = checked(name)?;
        let account = self.store.account_named(&name_key(&name)).await?;
        account.ok_or_else(no_player)
    }

    /// Refuses if an account has this name, or one that looks like it.
    pub(crate) async fn check_name(&self, name: &str) -> Result<(), Problem> {
        if is_taken(&*self.store, name).await? {
            return made(AccountCreated::NameTaken);
        }
        Ok(())
    }

    async fn by_password(
        &self,
        client: Client,
        name: &str,
        password: &str,
    ) -> Result<Account, Problem> {
        let refused = || {
            let why =
                "Name or password is wrong. An account without a password needs a login code.";
            Problem::new(Kind::LoginRefused, why)
        };
        let name = name::check(name).map_err(|_| refused())?;
        let account = self.store.account_named(&name_key(&name)).await?;
        let account = account.ok_or_else(refused)?;
        let hash = account.password.as_ref().ok_or_else(refused)?;
        self.allowances.password(&account.id)?;
        if self.passwords.matches(client, password, hash).await? {
            Ok(account)
        } else {
            Err(refused())
        }
    }

    async fn by_code(&self, typed: &str) -> Result<Account, Problem> {
        let refused = || {
            let why = "The code is wrong, was used or has expired. Ask for a new one.";
            Problem::new(Kind::LoginRefused, why)
        };
        let (digest, request) = (digest_of(&normal_code(typed)), rand::random());
        let mut attempts = 0;
        let player = loop {
            attempts += 1;
            match self.store.use_login_code(&digest, request, now()).await {
                Err(StoreError::Unavailable(_)) if attempts < CODE_ATTEMPTS => {}
                answer => break answer?,
            }
        };
        let player = player.ok_or_else(refused)?;
        self.store.account(&player).await?.ok_or_else(refused)
    }

    /// What limits the validity of a player's tokens; refuses if the player is shut out.
    pub(crate) async fn admitted(&self, player: &PlayerId) -> Result<Validity, Problem> {
        let validity = self.store.validity(player).await?;
        if validity.revoked_at.is_some() {
            let why = "An operator of this installation has shut this player out.";
            return Err(Problem::new(Kind::TokenRevoked, why));
        }
        Ok(validity)
    }

    /// Ends the tokens of a player that are signed by now; returns when the next one may be signed.
    async fn void_tokens(&self, player: &PlayerId) -> Result<UnixMillis, Problem> {
        let at = now();
        self.store.void_tokens(player, at).await?;
        Ok(UnixMillis(at.0 + 1))
    }

    /// A player token for an account.
    fn session(&self, account: &Account, made_at: UnixMillis) -> Json<PlayerReply> {
        let (id, name) = (account.id.clone(), account.name.clone());
        Json(self.signed(id, name, account.is_bot, made_at))
    }
}

/// Whether an account has this name, or one that looks like it.
pub(crate) async fn is_taken(store: &dyn Store, name: &str) -> Result<bool, StoreError> {
    for key in keys_of_look_alikes(name) {
        if store.account_named(&key).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The invitation that a new account needs and has, under a policy.
fn invitation(policy: SignUp, code: Option<String>) -> Result<Option<SecretDigest>, Problem> {
    match (policy, code) {
        // An open door needs no invitation, so none is used up.
        (SignUp::Open, _) => Ok(None),
        (SignUp::Invitation, Some(code)) => Ok(Some(digest_of(&normal_code(&code)))),
        (SignUp::Invitation, None) => {
            let why = "Accounts are made by invitation here: send its code as \"invitation\".";
            Err(Problem::new(Kind::InvitationRefused, why))
        }
        (SignUp::Closed, _) => {
            let why = "Accounts are made by the operators of this installation: ask them.";
            Err(Problem::new(Kind::SignUpClosed, why))
        }
    }
}

fn made(created: AccountCreated) -> Result<(), Problem> {
    match created {
        AccountCreated::Made => Ok(()),
        AccountCreated::NameTaken => {
            let why = "A player has this name, or one that looks like it. Choose another.";
            Err(Problem::new(Kind::NameTaken, why))
        }
        AccountCreated::NotInvited => {
            let why = "The invitation is wrong, has expired or was used up. Ask for a new one.";
            Err(Problem::new(Kind::InvitationRefused, why))
        }
    }
}

/// A new account with an id of its own.
pub(crate) fn new_account(
    name: String,
    name_key: String,
    is_bot: bool,
    password: Option<PasswordHash>,
) -> Account {
    Account {
        id: random_id(),
        name,
        name_key,
        is_bot,
        password,
        made_at: now(),
    }
}

/// Twelve characters, base62, as match ids are made.
pub(crate) fn random_id() -> PlayerId {
    MatchId::from_random(rand::random())
        .as_str()
        .parse()
        .expect("the characters of a match id may stand in a player id")
}

fn checked(name: &str) -> Result<String, Problem> {
    name::check(name).map_err(|why| Problem::new(Kind::InvalidName, format!("{why}.")))
}

/// A name that an account may have, and its key.
pub(crate) fn account_name(name: &str) -> Result<(String, String), Problem> {
    let name = checked(name)?;
    let key = name_key(&name);
    if key.starts_with(&name_key(GUEST_NAME)) {
        let why = format!("Names that begin with {GUEST_NAME} are those of guests.");
        return Err(Problem::new(Kind::InvalidName, why));
    }
    Ok((name, key))
}

fn no_player() -> Problem {
    Problem::new(Kind::PlayerNotFound, "No account has this id or name.")
}

fn view(token: &ApiToken) -> ApiTokenView {
    ApiTokenView {
        id: token.digest.to_string(),
        label: token.label.clone(),
        scopes: token.scopes.iter().copied().map(shown_scope).collect(),
        made_at: token.made_at,
        used_at: token.used_at,
    }
}

const fn stored_scope(scope: ApiScope) -> Scope {
    match scope {
        ApiScope::Read => Scope::Read,
        ApiScope::Play => Scope::Play,
        ApiScope::Account => Scope::Account,
        ApiScope::BotPlay => Scope::BotPlay,
        ApiScope::BoardPlay => Scope::BoardPlay,
        ApiScope::ChallengeRead => Scope::ChallengeRead,
        ApiScope::ChallengeWrite => Scope::ChallengeWrite,
        ApiScope::ChallengeBulk => Scope::ChallengeBulk,
    }
}

pub(crate) const fn shown_scope(scope: Scope) -> ApiScope {
    match scope {
        Scope::Read => ApiScope::Read,
        Scope::Play => ApiScope::Play,
        Scope::Account => ApiScope::Account,
        Scope::BotPlay => ApiScope::BotPlay,
        Scope::BoardPlay => ApiScope::BoardPlay,
        Scope::ChallengeRead => ApiScope::ChallengeRead,
        Scope::ChallengeWrite => ApiScope::ChallengeWrite,
        Scope::ChallengeBulk => ApiScope::ChallengeBulk,
    }
}
