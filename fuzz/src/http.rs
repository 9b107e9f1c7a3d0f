//! Bodies of requests.

use protocol::http::{
    Decline, LogIn, NewAccount, NewApiToken, NewChallenge, NewPassword, NewPlayer, NewRound,
    NewRuling, NewTicket, NewTournament, PlayerLookup, Terms, TokenTest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Whatever is read as a request is written and read as the same.
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(data: &[u8]) -> Option<T> {
    let request: T = serde_json::from_slice(data).ok()?;
    let again = serde_json::to_vec(&request).expect("a request is written");
    let again: T = serde_json::from_slice(&again).expect("what was written is read");
    assert_eq!(again, request);
    Some(request)
}

/// The requests of players and organisers that have a body.
pub(crate) fn body(data: &[u8]) {
    let _ = check::<NewPlayer>(data);
    let _ = check::<NewAccount>(data);
    let _ = check::<LogIn>(data);
    let _ = check::<NewPassword>(data);
    let _ = check::<NewApiToken>(data);
    let _ = check::<PlayerLookup>(data);
    let _ = check::<TokenTest>(data);
    let _ = check::<Decline>(data);
    let _ = check::<NewRound>(data);
    let _ = check::<NewRuling>(data);
    let tournament = check::<NewTournament>(data).map(|asked| asked.terms);
    let challenge = check::<NewChallenge>(data).map(|asked| asked.terms);
    let ticket = check::<NewTicket>(data).map(|asked| asked.terms);
    let terms = check::<Terms>(data);
    for terms in [tournament, challenge, ticket, terms].into_iter().flatten() {
        let _ = terms.start_position(0).map(|start| start.fen());
    }
}
