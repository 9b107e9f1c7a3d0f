//! One match after another: two players are paired, play under the eyes of their oracles, and what
//! they were told is held against the records.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::time::Duration;

use game_core::{BySeat, ColorChoice, MatchId, Seat};
use protocol::Role;
use protocol::http::{MatchReply, NewChallenge, PlayerReply, Terms};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::time::{sleep, timeout};

use super::bot::{Bot, Style};
use super::conduct::{Manner, Wish};
use super::operations::Span;
use super::oracle::delay::check_delay;
use super::oracle::rematch::{agreed_rematch, check_rematch};
use super::oracle::stored::{Played, published};
use super::oracle::{Account, Breach, Promise, Records, verdict};
use super::report::{BrokenPromise, SeatHistory};
use super::world::World;
use super::{rematches, rooms, terms};
use client::MatchmakerError;

/// At one board in so many play people, at the others programs.
const PEOPLE_EVERY: u32 = 3;
/// In one match in so many both players move to and fro, so that positions repeat.
const SHUFFLES_EVERY: u32 = 8;
/// Of this many matches, one ends in the offer of a rematch.
const REMATCHES_EVERY: u32 = 3;
/// After something went wrong, the next match is begun so much later.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

/// Those who play at one of the boards, one match after another.
struct Party {
    /// White first.
    players: [PlayerReply; 2],
    spectators: Vec<PlayerReply>,
}

/// Why a match was not played, or not verified; it breaks no promise.
#[derive(Debug, thiserror::Error)]
enum Unplayed {
    #[error(transparent)]
    Matchmaker(#[from] MatchmakerError),
    #[error("an accepted challenge has no match")]
    NoMatch,
    #[error("a client did not see the end of its match")]
    NotSeen,
}

/// Plays matches at board `number` until the soak closes.
pub(super) async fn board(world: Arc<World>, number: u32) {
    let mut dice = StdRng::seed_from_u64(world.config.seed ^ (u64::from(number) << 32));
    let mut party = None;
    loop {
        tokio::select! {
            () = world.closing.cancelled() => return,
            () = world.arrivals.wait() => {}
        }
        match play_one(&world, number, &mut party, &mut dice).await {
            Ok(()) => {}
            Err(why) => {
                world.figures.error(&why.to_string());
                sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

/// One match, and its rematches as long as both want them.
async fn play_one(
    world: &Arc<World>,
    number: u32,
    party: &mut Option<Party>,
    dice: &mut StdRng,
) -> Result<(), Unplayed> {
    let party = match party {
        Some(party) => party,
        None => party.insert(gather(world, number).await?),
    };
    let terms = terms::draw(&world.config, dice);
    let mut id = pair(world, party, terms).await?;
    let (mut former, mut said) = (None, Vec::new());
    while let Some((stored, next)) =
        play_match(world, party, id, former.take(), &mut said, dice).await?
    {
        party.players.swap(0, 1);
        if let Err(breach) = rematches::follow(world, &party.players[0].token, id, next).await {
            let at = world.elapsed();
            world.broke(BrokenPromise {
                match_id: Some(id),
                ..BrokenPromise::of_the_cluster(breach, at)
            });
            return Ok(());
        }
        world.figures.rematches.fetch_add(1, Ordering::Relaxed);
        (id, former) = (next, Some(stored));
    }
    // Nobody waits for a rematch meanwhile.
    for said in &said {
        rooms::listen(world, party.spectators.first(), said).await;
    }
    Ok(())
}

/// A match from its first move to the oracles; what is stored of it, and its rematch if there is one. `former` is the
/// match of which this is the rematch.
async fn play_match(
    world: &Arc<World>,
    party: &Party,
    id: MatchId,
    former: Option<MatchReply>,
    said: &mut Vec<rooms::Said>,
    dice: &mut StdRng,
) -> Result<Option<(MatchReply, MatchId)>, Unplayed> {
    let figures = &world.figures;
    figures.matches_begun.fetch_add(1, Ordering::Relaxed);
    world.takeovers.begun(id);
    let _playing = Playing::new(&figures.playing);
    let mut bots = seat(world, party, id, dice);
    let match_max = world.config.match_max.unwrap_or(Duration::MAX);
    let played = tokio::select! {
        played = timeout(match_max, try_all(bots.iter_mut().map(Bot::play))) => {
            played.unwrap_or_else(|_| Err((None, stuck())))
        }
        () = world.overdue.cancelled() => Err((None, stuck())),
    };
    world.takeovers.ended(id);
    let judged = match played {
        Ok(()) => judge(world, id, &bots, former.as_ref()).await,
        Err((index, breach)) => Ok(Err((index.map(|index| bots[index].role()), breach))),
    };
    if let Ok(Err((role, breach))) = &judged {
        world.broke(broken(world, id, *role, breach.clone(), &bots));
    }
    let lines = [true, false].map(|is_of_seats| lines_of(&bots, is_of_seats));
    let is_whole = matches!(judged, Ok(Ok(_)));
    hold_against_the_log(world, id, bots, is_whole).await;
    let Ok((stored, rematch)) = judged? else {
        return Ok(None);
    };
    figures.matches_finished.fetch_add(1, Ordering::Relaxed);
    let white = party.players[0].clone();
    said.push(rooms::Said { id, white, lines });
    Ok(rematch.map(|next| (stored, next)))
}

/// The confirmed lines of those who are, or are not, in the room of the seats.
fn lines_of(bots: &[Bot], is_of_seats: bool) -> Vec<Vec<String>> {
    let accounts = bots.iter().filter_map(Bot::account);
    let of_room = accounts.filter(|account| account.role.seat().is_some() == is_of_seats);
    of_room.map(|account| account.said.clone()).collect()
}

/// The other oracle: at once for a match that was played to its end, or in the end for whatever was told of
/// any match, on what is on the disk then.
async fn hold_against_the_log(world: &World, id: MatchId, bots: Vec<Bot>, is_whole: bool) {
    if !world.holds_against_the_log() {
        return;
    }
    let played = Played {
        id,
        histories: bots.into_iter().map(Bot::into_history).collect(),
        time_is_plenty: world.config.time_is_plenty,
        has_faults: world.config.has_faults(),
    };
    if world.config.faults.is_some() {
        world.keep(played);
    } else if is_whole {
        world.hold_against_the_log(&played).await;
    }
}

/// Makes the players and spectators of a board.
async fn gather(world: &World, number: u32) -> Result<Party, MatchmakerError> {
    // The lag of people is compensated, that of programs is not.
    let are_people = number % PEOPLE_EVERY == PEOPLE_EVERY - 1;
    let new_player = async || {
        let _permit = world.question().await;
        match are_people {
            true => world.matchmaker().new_player(None).await,
            false => world.matchmaker().new_bot(None).await,
        }
    };
    let players = [new_player().await?, new_player().await?];
    let mut spectators = Vec::new();
    for _ in 0..world.config.spectators_at(number) {
        spectators.push(new_player().await?);
    }
    Ok(Party {
        players,
        spectators,
    })
}

async fn pair(world: &World, party: &Party, terms: Terms) -> Result<MatchId, Unplayed> {
    let _permit = world.question().await;
    let [white, black] = &party.players;
    let challenge = NewChallenge {
        terms,
        color: ColorChoice::White,
        opponent: Some(black.player.clone()),
        opponent_name: None,
        open: false,
        expires_in_s: None,
    };
    let all = &world.matchmakers;
    let challenge = all[0].create_challenge(&white.token, &challenge).await?;
    let other = &all[all.len() - 1];
    let accepted = other.accept_challenge(&black.token, &challenge.id).await?;
    accepted.match_id.ok_or(Unplayed::NoMatch)
}

/// The bots of a match, players first.
fn seat(world: &Arc<World>, party: &Party, id: MatchId, dice: &mut StdRng) -> Vec<Bot> {
    let config = &world.config;
    let resigns_at = dice.random_range(config.plies_min..=config.plies);
    let wishes = wishes(config.plays_all, dice);
    let shuffles = config.plays_all && dice.random_range(0..SHUFFLES_EVERY) == 0;
    let mut bot = |role: Role, player: &PlayerReply| {
        let style = Style {
            seed: dice.random(),
            manner: Manner {
                think: config.think,
                resigns_at,
                plays_all: config.plays_all,
                shuffles,
                wish: role.seat().map_or(Wish::Nothing, |seat| wishes[seat]),
            },
            reconnects: config.reconnects_mean(),
            closes_over: config.closes_over(),
            sees_rematch: wishes.white != Wish::Nothing,
        };
        let asks = usize::from(role == Role::Black);
        Bot::new(world, (player.token.clone(), asks), (id, role), style)
    };
    let [white, black] = &party.players;
    let players = [bot(Role::White, white), bot(Role::Black, black)];
    let spectators = party.spectators.iter();
    let spectators: Vec<Bot> = spectators
        .map(|player| bot(Role::Spectator, player))
        .collect();
    players.into_iter().chain(spectators).collect()
}

/// What both players want after their match.
fn wishes(plays_all: bool, dice: &mut StdRng) -> BySeat<Wish> {
    let mut wishes = BySeat::new_with(|_| Wish::Nothing);
    if plays_all && dice.random_range(0..REMATCHES_EVERY) == 0 {
        let offers = *Seat::BOTH.choose(dice).unwrap_or(&Seat::White);
        wishes[offers] = Wish::Offer;
        wishes[offers.opponent()] = match dice.random_range(0..6) {
            0 => Wish::Decline,
            // Two who offer have agreed.
            1 => Wish::Offer,
            _ => Wish::Accept,
        };
    }
    wishes
}

/// What the oracles say of a match: what is stored of it and its rematch, or whose promise is broken.
type Judged = Result<(MatchReply, Option<MatchId>), (Option<Role>, Breach)>;

/// Holds what all clients of a finished match were told against the records.
async fn judge(
    world: &World,
    id: MatchId,
    bots: &[Bot],
    former: Option<&MatchReply>,
) -> Result<Judged, Unplayed> {
    let accounts: Vec<Account> = bots.iter().filter_map(Bot::account).cloned().collect();
    let call = world.elapsed();
    let (stored, pgn) = {
        let _permit = world.question().await;
        published(world.matchmaker(), id).await?
    };
    if let Some(operations) = &world.operations {
        let returned = world.elapsed();
        operations.read_match(Span { call, returned }, &stored);
    }
    let records = Records { stored, pgn };
    let judged = verdict(&accounts, &records).and_then(|()| {
        let of_nobody = |breach| (None, breach);
        let stored = &records.stored;
        let delay = Duration::from_secs(stored.terms.spectator_delay_s.into());
        let histories: Vec<_> = bots.iter().map(Bot::history).collect();
        if let Some(early) = check_delay(&histories, delay).pop() {
            return Err((Some(Role::Spectator), early));
        }
        if let Some(former) = former {
            check_rematch(former, stored).map_err(of_nobody)?;
        }
        agreed_rematch(&accounts, stored).map_err(of_nobody)
    });
    if judged.is_ok() && accounts.len() < bots.len() {
        return Err(Unplayed::NotSeen);
    }
    Ok(judged.map(|rematch| (records.stored, rematch)))
}

fn stuck() -> Breach {
    Breach {
        promise: Promise::Finishes,
        expected: "the match ends when a player gives it up, as no fault lasts".to_owned(),
        got: "it is still in play long after that".to_owned(),
    }
}

fn broken(
    world: &World,
    id: MatchId,
    role: Option<Role>,
    breach: Breach,
    bots: &[Bot],
) -> BrokenPromise {
    let history = |bot: &Bot| SeatHistory {
        role: bot.role(),
        lines: bot.history().lines(),
    };
    BrokenPromise {
        promise: breach.promise,
        match_id: Some(id),
        role,
        at_s: world.elapsed().as_secs_f64(),
        expected: breach.expected,
        got: breach.got,
        histories: bots.iter().map(history).collect(),
    }
}

/// A match in play, counted until this is dropped.
struct Playing<'a>(&'a AtomicI64);

impl<'a> Playing<'a> {
    fn new(count: &'a AtomicI64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Playing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs all futures to their ends, or until the first error, which comes with the number of its
/// future.
async fn try_all<E>(
    futures: impl Iterator<Item = impl Future<Output = Result<(), E>> + Send>,
) -> Result<(), (Option<usize>, E)> {
    let mut running: Vec<_> = futures.map(|future| Some(Box::pin(future))).collect();
    std::future::poll_fn(move |context| {
        let mut pending = false;
        for (index, slot) in running.iter_mut().enumerate() {
            let Some(future) = slot else { continue };
            match Pin::as_mut(future).poll(context) {
                Poll::Ready(Ok(())) => *slot = None,
                Poll::Ready(Err(error)) => return Poll::Ready(Err((Some(index), error))),
                Poll::Pending => pending = true,
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    })
    .await
}
