//! What operators see of players, and do with them.

use std::cmp::Reverse;
use std::collections::HashSet;

use admin::{
    AccountView, CodeMade, InvitationList, InvitationMade, InvitationView, Kind, ListedPlayer,
    NewInvitation, NewPlayers, PlayerList, PlayerMade, PlayerQuery, PlayersMade, Problem, Removed,
    Restored,
};
use game_core::{PlayerId, UnixMillis};
use store::{Account, AccountCreated, Invitation, LoginCode, SecretDigest, Store};

use crate::accounts::{account_name, is_taken, new_account};
use crate::clock::now;
use crate::identity::{Secret, name_key};

/// Milliseconds of an hour.
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// A page of players.
pub(super) async fn list(store: &dyn Store, query: &PlayerQuery) -> Result<PlayerList, Problem> {
    if query.revoked {
        return revoked(store, query.limit()).await;
    }
    let prefix = query.name.as_deref().map(name_key).unwrap_or_default();
    // One more tells whether there is a next page.
    let wanted = query.limit() + 1;
    let mut accounts = store
        .accounts(&prefix, query.after.as_deref(), wanted)
        .await?;
    let has_more = accounts.len() == wanted && accounts.pop().is_some();
    let last = accounts.last().map(|account| account.name_key.clone());
    let shut_out = store.revoked_since(UnixMillis(0)).await?;
    let shut_out: HashSet<PlayerId> = shut_out.into_iter().collect();
    let mut players = Vec::with_capacity(accounts.len());
    for account in accounts {
        let revoked_at = if shut_out.contains(&account.id) {
            store.revoked_at(&account.id).await?
        } else {
            None
        };
        players.push(ListedPlayer {
            player: account.id.clone(),
            revoked_at: revoked_at.map(|at| at.0),
            account: Some(view(account)),
        });
    }
    Ok(PlayerList {
        players,
        next: last.filter(|_| has_more),
    })
}

/// The players who are shut out, the latest first.
async fn revoked(store: &dyn Store, limit: usize) -> Result<PlayerList, Problem> {
    let mut timed = Vec::new();
    for player in store.revoked_since(UnixMillis(0)).await? {
        if let Some(at) = store.revoked_at(&player).await? {
            timed.push((Reverse(at), player));
        }
    }
    timed.sort_unstable();
    timed.truncate(limit);
    let mut players = Vec::with_capacity(timed.len());
    for (Reverse(at), player) in timed {
        players.push(ListedPlayer {
            account: store.account(&player).await?.map(view),
            player,
            revoked_at: Some(at.0),
        });
    }
    Ok(PlayerList {
        players,
        next: None,
    })
}

fn view(account: Account) -> AccountView {
    AccountView {
        name: account.name,
        bot: account.is_bot,
        made_at: account.made_at.0,
        has_password: account.password.is_some(),
    }
}

/// Makes accounts, each with a login code.
pub(super) async fn create(
    store: &dyn Store,
    request: &NewPlayers,
) -> Result<PlayersMade, Problem> {
    let expires_at = after(request.hours);
    let mut players = Vec::with_capacity(request.names.len());
    for name in &request.names {
        let mut made = PlayerMade {
            name: name.clone(),
            player: None,
            code: None,
            problem: None,
        };
        match create_one(store, name, request.bot).await? {
            Ok(player) => {
                made.code = Some(put_code(store, &player, expires_at).await?);
                made.player = Some(player);
            }
            Err(code) => made.problem = Some(code.to_owned()),
        }
        players.push(made);
    }
    Ok(PlayersMade {
        players,
        expires_at: expires_at.0,
    })
}

/// Makes an account without a password, or says why not.
async fn create_one(
    store: &dyn Store,
    name: &str,
    is_bot: bool,
) -> Result<Result<PlayerId, &'static str>, Problem> {
    let Ok((name, key)) = account_name(name) else {
        return Ok(Err("invalid_name"));
    };
    if is_taken(store, &name).await? {
        return Ok(Err("name_taken"));
    }
    let account = new_account(name, key, is_bot, None);
    match store.create_account(&account, None).await? {
        AccountCreated::Made => Ok(Ok(account.id)),
        AccountCreated::NameTaken | AccountCreated::NotInvited => Ok(Err("name_taken")),
    }
}

/// Makes a login code for an account.
pub(super) async fn login_code(
    store: &dyn Store,
    player: &PlayerId,
    hours: u32,
) -> Result<CodeMade, Problem> {
    if store.account(player).await?.is_none() {
        return Err(no_account(player));
    }
    let expires_at = after(hours);
    Ok(CodeMade {
        player: player.clone(),
        code: put_code(store, player, expires_at).await?,
        expires_at: expires_at.0,
    })
}

async fn put_code(
    store: &dyn Store,
    player: &PlayerId,
    expires_at: UnixMillis,
) -> Result<String, Problem> {
    let secret = Secret::login_code();
    let code = LoginCode {
        digest: secret.digest,
        player: player.clone(),
        made_at: now(),
        expires_at,
        used_by: None,
    };
    store.put_login_code(&code).await?;
    Ok(secret.text)
}

/// Admits a player who was shut out. The player tokens of an account stay void: it can log in, and whoever had stolen one
/// cannot. A guest has nothing but the token.
pub(super) async fn restore(store: &dyn Store, player: &PlayerId) -> Result<Restored, Problem> {
    if let Some(at) = store.revoked_at(player).await?
        && store.account(player).await?.is_some()
    {
        store.void_tokens(player, at).await?;
    }
    Ok(Restored {
        player: player.clone(),
        was_revoked: store.restore(player).await?,
    })
}

/// Removes an account, and voids its player tokens first.
pub(super) async fn remove(store: &dyn Store, player: &PlayerId) -> Result<Removed, Problem> {
    if store.account(player).await?.is_none() {
        return Err(no_account(player));
    }
    store.void_tokens(player, now()).await?;
    store.remove_account(player).await?;
    Ok(Removed {
        player: player.clone(),
    })
}

pub(super) async fn invitations(store: &dyn Store) -> Result<InvitationList, Problem> {
    let invitations = store.invitations(now()).await?;
    Ok(InvitationList {
        invitations: invitations.iter().map(invitation).collect(),
    })
}

pub(super) async fn invite(
    store: &dyn Store,
    request: &NewInvitation,
) -> Result<InvitationMade, Problem> {
    let secret = Secret::invitation();
    let made = Invitation {
        digest: secret.digest,
        label: request.label.clone(),
        made_at: now(),
        expires_at: after(request.hours),
        uses_left: request.uses,
    };
    store.put_invitation(&made).await?;
    Ok(InvitationMade {
        invitation: invitation(&made),
        code: secret.text,
    })
}

pub(super) async fn withdraw(
    store: &dyn Store,
    digest: &SecretDigest,
) -> Result<InvitationList, Problem> {
    if !store.remove_invitation(digest).await? {
        let why = "No invitation has this id.";
        return Err(Problem::new(Kind::InvitationNotFound, why));
    }
    invitations(store).await
}

fn invitation(invitation: &Invitation) -> InvitationView {
    InvitationView {
        id: invitation.digest.to_string(),
        label: invitation.label.clone(),
        uses_left: invitation.uses_left,
        made_at: invitation.made_at.0,
        expires_at: invitation.expires_at.0,
    }
}

fn after(hours: u32) -> UnixMillis {
    UnixMillis(now().0 + u64::from(hours) * HOUR_MS)
}

fn no_account(player: &PlayerId) -> Problem {
    let why = format!("No account has the id {player}.");
    Problem::new(Kind::PlayerNotFound, why)
}
