//! What organisers do: make a tournament, begin a round, rule on a result.
//!
//! Each request is a PUT of a whole thing under a name of the organiser's choice, or of a value. So a repetition after a
//! lost answer is recognised by its digest and has the same answer, whichever process gets it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use admin::{Kind, Problem};
use game_core::{MatchTags, PlayerId};
use protocol::http::{
    Bye, ByeView, NewEntrant, NewPairing, NewRound, NewRuling, NewTournament, PairingSystem, Start,
    Terms, TournamentReply, hex,
};
use protocol::name;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use store::{
    Category, ROUND_MATCHES_MAX, Store, TOURNAMENT_LEN_MAX, TournamentChange, TournamentChanged,
    TournamentId,
};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use super::document::{Document, Entrant, Pairing, Round};
use super::reply::Known;
use super::schedule;
use crate::clock::now;
use crate::identity::name_key;
use crate::ratings::rounded;
use crate::registry::RegistryView;
use crate::service::new_match_id;
use crate::terms;

/// Upper bound on players of a tournament.
const PLAYERS_MAX: usize = 1_000;
/// Upper bound on rounds of a tournament.
const ROUNDS_MAX: u16 = 400;
/// Upper bound on cycles.
const CYCLES_MAX: u16 = 20;
/// Attempts to change a document that others change at the same time.
const ATTEMPTS: u32 = 10;
/// How long the answer waits for the matches of a new round. They are created in any case.
const CREATED_WITHIN: Duration = Duration::from_secs(5);
/// Interval between two looks whether they are.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Carries out the requests of organisers.
pub(crate) struct Organiser {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) views: watch::Receiver<Arc<RegistryView>>,
    /// Wakes what creates the matches of new rounds.
    pub(crate) new_round: Arc<Notify>,
}

impl Organiser {
    /// Makes a tournament, or replaces one that has no rounds yet.
    pub(crate) async fn put_tournament(
        &self,
        id: &TournamentId,
        request: &NewTournament,
    ) -> Result<TournamentReply, Problem> {
        let request_digest = digest_of(request);
        let planned = check_tournament(request)?;
        for _ in 0..ATTEMPTS {
            let known = self.known(id).await?;
            if let Some(known) = &known {
                if known.document.request == request_digest {
                    return Ok(known.reply(id));
                }
                if !known.document.rounds.is_empty() {
                    return Err(not_possible(
                        "The tournament has begun: its players and terms stay as they are. A round may have terms of its own.",
                    ));
                }
            }
            let players = self.entrants(request).await?;
            let document = Document::new(
                request.name.clone(),
                (request.system, request.cycles, request.heads, planned),
                request.terms.clone(),
                players,
                request_digest.clone(),
            );
            let expected = known.map_or(0, |known| known.revision);
            if self.change(id, expected, &document, Vec::new()).await? {
                return self.reply(id).await;
            }
        }
        Err(busy())
    }

    /// Begins a round: all of its matches are made, or none.
    pub(crate) async fn put_round(
        &self,
        id: &TournamentId,
        number: u16,
        request: &NewRound,
    ) -> Result<TournamentReply, Problem> {
        let request_digest = digest_of(request);
        for _ in 0..ATTEMPTS {
            let known = self.known(id).await?.ok_or_else(|| not_found(id))?;
            let Known {
                revision,
                mut document,
                ..
            } = known;
            if let Some(round) = document.round(number) {
                if round.request != request_digest {
                    return Err(not_possible(
                        "This round has begun with other pairings or terms, which cannot be changed.",
                    ));
                }
                return self.created(id, number).await;
            }
            check_number(&document, number)?;
            self.check_room()?;
            let round = self.round(&document, number, request, request_digest.clone())?;
            let matches = round.pairings.iter().map(|pairing| pairing.match_id);
            let matches = matches.collect();
            document.rounds.push(round);
            if self.change(id, revision, &document, matches).await? {
                self.new_round.notify_one();
                return self.created(id, number).await;
            }
        }
        Err(busy())
    }

    /// Rules on the result of a match, or withdraws a ruling.
    pub(crate) async fn rule(
        &self,
        id: &TournamentId,
        ruling: &NewRuling,
    ) -> Result<TournamentReply, Problem> {
        for _ in 0..ATTEMPTS {
            let known = self.known(id).await?.ok_or_else(|| not_found(id))?;
            let Known {
                revision,
                mut document,
                ..
            } = known;
            let mut pairings = document
                .rounds
                .iter_mut()
                .flat_map(|round| &mut round.pairings);
            let pairing = pairings.find(|pairing| pairing.match_id == ruling.match_id);
            let pairing = pairing.ok_or_else(|| {
                let why = format!("No match {} is in tournament {id}.", ruling.match_id);
                Problem::new(Kind::MatchNotFound, why)
            })?;
            if pairing.ruling != ruling.result {
                pairing.ruling = ruling.result;
                if !self.change(id, revision, &document, Vec::new()).await? {
                    continue;
                }
            }
            return self.reply(id).await;
        }
        Err(busy())
    }

    async fn known(&self, id: &TournamentId) -> Result<Option<Known>, Problem> {
        let stored = self.store.tournament(id).await?;
        let known = stored.map(|stored| Known::read(&stored, None)).transpose();
        Ok(known?)
    }

    async fn reply(&self, id: &TournamentId) -> Result<TournamentReply, Problem> {
        let known = self.known(id).await?.ok_or_else(|| not_found(id))?;
        Ok(known.reply(id))
    }

    /// The answer once the matches of a round exist, or after some time.
    async fn created(&self, id: &TournamentId, number: u16) -> Result<TournamentReply, Problem> {
        let until = Instant::now() + CREATED_WITHIN;
        loop {
            let known = self.known(id).await?.ok_or_else(|| not_found(id))?;
            let round = known.document.round(number);
            let is_created = round.is_some_and(|round| !round.is_pending);
            if is_created || Instant::now() >= until {
                return Ok(known.reply(id));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Replaces the document; false if it has changed meanwhile.
    async fn change(
        &self,
        id: &TournamentId,
        expected: u64,
        document: &Document,
        matches: Vec<game_core::MatchId>,
    ) -> Result<bool, Problem> {
        let body = document.write();
        if body.len() > TOURNAMENT_LEN_MAX {
            return Err(not_possible(
                "The tournament has more rounds and players than one may have. Make another one.",
            ));
        }
        let change = TournamentChange {
            id: id.clone(),
            expected,
            body,
            matches,
            is_pending: document.is_pending(),
            at: now(),
        };
        Ok(self.store.change_tournament(&change).await? == TournamentChanged::Done)
    }

    /// The players of a new tournament.
    async fn entrants(&self, request: &NewTournament) -> Result<Vec<Entrant>, Problem> {
        let category = category_of(&request.terms)?;
        let mut players = Vec::with_capacity(request.players.len());
        let mut seen = HashSet::new();
        for asked in &request.players {
            let mut entrant = self.entrant(asked).await?;
            if entrant.rating.is_none() {
                let rating = self.store.rating(&entrant.id, category).await?;
                entrant.rating = rating.map(|rating| rounded(rating.strength.rating));
            }
            if !seen.insert(entrant.id.clone()) {
                return Err(invalid(format!("{} is named twice.", entrant.name)));
            }
            players.push(entrant);
        }
        Ok(players)
    }

    async fn entrant(&self, asked: &NewEntrant) -> Result<Entrant, Problem> {
        let text = asked.player.as_str();
        let id: Option<PlayerId> = text.parse().ok();
        let mut account = match &id {
            Some(id) => self.store.account(id).await?,
            None => None,
        };
        if account.is_none() && asked.name.is_none() {
            account = self.store.account_named(&name_key(text)).await?;
        }
        match (account, id, &asked.name) {
            (Some(account), ..) => Ok(Entrant {
                id: account.id,
                name: account.name,
                rating: asked.rating,
                is_bot: account.is_bot,
            }),
            (None, Some(id), Some(chosen)) => Ok(Entrant {
                id,
                name: name::check(chosen).map_err(|why| invalid(format!("{why}.")))?,
                rating: asked.rating,
                is_bot: false,
            }),
            _ => Err(invalid(format!(
                "No account has the name or id {text:?}. A player without an account needs id and name."
            ))),
        }
    }

    /// Refuses a round for which there is no place.
    fn check_room(&self) -> Result<(), Problem> {
        let view = self.views.borrow();
        if !view.room().is_for_new() {
            let why = "The store is nearly full: matches in play go on, and none are begun.";
            return Err(Problem::new(Kind::StoreUnavailable, why));
        }
        if view.draw(0).is_none() {
            let why = "No live shard takes matches now. Start one, or try again.";
            return Err(Problem::new(Kind::ShardUnavailable, why));
        }
        Ok(())
    }

    /// A new round of a tournament, checked.
    fn round(
        &self,
        document: &Document,
        number: u16,
        request: &NewRound,
        request_digest: String,
    ) -> Result<Round, Problem> {
        let asked = request.terms.as_ref().unwrap_or(&document.terms);
        let asked = Terms {
            start_at: request.start_at.or(asked.start_at),
            ..asked.clone()
        };
        let agreed = terms::agree(&asked, now()).map_err(|problem| invalid(problem.detail))?;
        let start = if agreed.start.is_initial() {
            Start::Usual
        } else {
            // All matches of a round begin alike.
            Start::Fen(agreed.start.fen())
        };
        let (pairings, byes) = paired(document, number, request)?;
        check_pairs(document, &pairings, &byes)?;
        let boards = (1..).zip(pairings).map(|(place, pairing): (u32, _)| {
            let board = pairing.board.unwrap_or_else(|| place.to_string());
            Pairing {
                board,
                white: pairing.white,
                black: pairing.black,
                match_id: new_match_id(&self.views.borrow()),
                ruling: None,
            }
        });
        Ok(Round {
            made_at: now(),
            pairings: boards.collect(),
            terms: Terms { start, ..asked },
            byes,
            is_pending: true,
            request: request_digest,
        })
    }
}

/// Checks a new tournament on its own; returns the number of planned rounds.
fn check_tournament(request: &NewTournament) -> Result<u16, Problem> {
    let is_tag = (1..=MatchTags::LEN_MAX).contains(&request.name.len());
    if !is_tag || request.name.chars().any(char::is_control) {
        return Err(invalid("name is 1 to 120 bytes of text in one line."));
    }
    let count = u16::try_from(request.players.len()).unwrap_or(u16::MAX);
    if !(2..=PLAYERS_MAX).contains(&usize::from(count)) {
        return Err(invalid("players is a list of 2 to 1000 players."));
    }
    if !(1..=CYCLES_MAX).contains(&request.cycles) {
        return Err(invalid("cycles is 1 to 20."));
    }
    if request.system == PairingSystem::Free {
        let planned = request.rounds.unwrap_or(0);
        return if planned <= ROUNDS_MAX && request.rounds != Some(0) {
            Ok(planned)
        } else {
            Err(invalid("rounds is 1 to 400."))
        };
    }
    let rounds = schedule::rounds(request.system, count, request.cycles, request.heads);
    let rounds = rounds.ok_or_else(|| {
        invalid("A gauntlet has at least as many other players as heads, and at least one of each.")
    })?;
    if rounds > ROUNDS_MAX {
        return Err(invalid(format!(
            "This takes {rounds} rounds, and a tournament has at most 400."
        )));
    }
    match request.rounds {
        Some(asked) if asked != rounds => Err(invalid(format!(
            "The server pairs this tournament, which takes {rounds} rounds: leave rounds out."
        ))),
        _ => Ok(rounds),
    }
}

fn check_number(document: &Document, number: u16) -> Result<(), Problem> {
    let next = u16::try_from(document.rounds.len() + 1).unwrap_or(u16::MAX);
    if number != next {
        let why = format!("Rounds begin one after the other: the next one is {next}.");
        return Err(not_possible(&why));
    }
    let last = if document.planned > 0 {
        document.planned
    } else {
        ROUNDS_MAX
    };
    if number > last {
        let why = format!("The tournament has {last} rounds, which have all begun.");
        return Err(not_possible(&why));
    }
    Ok(())
}

/// Who plays whom, and who does not play: as the request says, or as the server pairs.
fn paired(
    document: &Document,
    number: u16,
    request: &NewRound,
) -> Result<(Vec<NewPairing>, Vec<ByeView>), Problem> {
    let mut byes = request.byes.clone();
    match (&request.pairings, document.system) {
        (Some(pairings), PairingSystem::Free) => {
            let mut matches = Vec::with_capacity(pairings.len());
            for pairing in pairings {
                if pairing.black == 0 {
                    byes.push(ByeView {
                        player: pairing.white,
                        kind: Bye::Allocated,
                    });
                } else {
                    matches.push(pairing.clone());
                }
            }
            Ok((matches, byes))
        }
        (None, PairingSystem::Free) => Err(invalid(
            "pairings is a list of {\"white\": NUMBER, \"black\": NUMBER}: nobody else pairs this tournament.",
        )),
        (Some(_), _) => Err(invalid(
            "The server pairs this tournament: leave pairings out.",
        )),
        (None, system) => {
            let players = u16::try_from(document.players.len()).unwrap_or(u16::MAX);
            let pairs = schedule::pairs(system, players, document.heads, number);
            let matches = pairs.into_iter().map(|(white, black)| NewPairing {
                white,
                black,
                board: None,
            });
            Ok((matches.collect(), byes))
        }
    }
}

/// Refuses pairings of players whom the tournament does not have, or who are there twice.
fn check_pairs(
    document: &Document,
    pairings: &[NewPairing],
    byes: &[ByeView],
) -> Result<(), Problem> {
    if !(1..=ROUND_MATCHES_MAX).contains(&pairings.len()) {
        return Err(invalid("A round has 1 to 1000 matches."));
    }
    let mut seen = HashSet::new();
    let paired = pairings
        .iter()
        .flat_map(|pairing| [pairing.white, pairing.black]);
    for number in paired.chain(byes.iter().map(|bye| bye.player)) {
        if document.entrant(number).is_none() {
            let last = document.players.len();
            let why = format!("No player has the starting number {number}: they are 1 to {last}.");
            return Err(invalid(why));
        }
        if !seen.insert(number) {
            return Err(invalid(format!(
                "The player with the starting number {number} is there twice."
            )));
        }
    }
    let mut boards = HashSet::new();
    for board in pairings.iter().filter_map(|pairing| pairing.board.as_ref()) {
        let is_tag = (1..=MatchTags::LEN_MAX).contains(&board.len());
        if !is_tag || board.chars().any(char::is_control) || !boards.insert(board) {
            return Err(invalid(
                "The name of a board is 1 to 120 bytes of text in one line, and of one board only.",
            ));
        }
    }
    Ok(())
}

/// What ratings matches on these terms belong to. Also refuses terms that no match is made on.
fn category_of(asked: &Terms) -> Result<Category, Problem> {
    let agreed = terms::agree(asked, now()).map_err(|problem| invalid(problem.detail))?;
    let speeds = (agreed.controls.white.speed(), agreed.controls.black.speed());
    Ok(Category {
        variant: agreed.start.variant(),
        speed: speeds.0.max(speeds.1),
    })
}

/// The digest by which a repetition of a request is recognised.
fn digest_of(request: &impl Serialize) -> String {
    let text = serde_json::to_vec(request).expect("a request has text keys only");
    hex(digest(&SHA256, &text).as_ref())
}

fn invalid(why: impl Into<String>) -> Problem {
    Problem::new(Kind::InvalidRequest, why)
}

fn not_possible(why: &str) -> Problem {
    Problem::new(Kind::NotPossible, why)
}

fn busy() -> Problem {
    let why = "Others change this tournament at the same time. Try again.";
    Problem::new(Kind::Overloaded, why)
}

fn not_found(id: &TournamentId) -> Problem {
    let why = format!("There is no tournament {id}.");
    Problem::new(Kind::TournamentNotFound, why)
}
