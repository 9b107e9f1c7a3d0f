//! Parsing of Redis' answers. An answer of the wrong shape means that something else wrote under our keys:
//! [`StoreError::Corrupt`].

use std::str::FromStr;

use game_core::Epoch;
use redis::{ServerError, Value};

use crate::error::StoreError;
use crate::ownership::{Ownership, Status};

/// The stored words for a status.
const LIVE: &str = "live";
const FINISHED: &str = "finished";

/// The first server error among the answers of a pipeline.
pub(super) fn refuse_errors(values: &[Value]) -> Result<(), StoreError> {
    let error = values.iter().find_map(|value| match value {
        Value::ServerError(error) => Some(error),
        _ => None,
    });
    error.map_or(Ok(()), |error| Err(server_error(error)))
}

/// What an error of the server means. `LOADING`, `OOM`, `MISCONF`, `NOREPLICAS`, `READONLY`, `BUSY` and
/// everything unknown: the store is down, and play pauses. A key of the wrong type will not get better.
pub(super) fn server_error(error: &ServerError) -> StoreError {
    let text = format!(
        "Redis answered {} {}",
        error.code(),
        error.details().unwrap_or_default()
    );
    if is_wrong_type(error) {
        StoreError::Corrupt(text)
    } else {
        StoreError::Unavailable(text)
    }
}

/// Before version 7, a script's caller finds the code within the details of an `ERR`.
fn is_wrong_type(error: &ServerError) -> bool {
    let within = |details: &str| details.contains("WRONGTYPE ");
    error.code() == "WRONGTYPE" || (error.code() == "ERR" && error.details().is_some_and(within))
}

/// Whether a script was called that the server does not have.
pub(super) fn is_noscript(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.code() == "NOSCRIPT")
}

/// Whether a command was refused because only some of its keys are at the node, in the middle of their slot's move.
pub(super) fn is_tryagain(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.code() == "TRYAGAIN")
}

pub(super) fn strange(what: &str) -> StoreError {
    StoreError::Corrupt(format!("Redis holds {what} of another shape than ours"))
}

pub(super) fn array(value: &Value) -> Result<&[Value], StoreError> {
    value.as_sequence().ok_or_else(|| strange("a list"))
}

pub(super) fn bytes(value: &Value) -> Result<&[u8], StoreError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.as_bytes()),
        _ => Err(strange("a string")),
    }
}

pub(super) fn text(value: &Value) -> Result<&str, StoreError> {
    std::str::from_utf8(bytes(value)?).map_err(|_| strange("a text"))
}

/// A number or an id, whether it comes as an integer or as text.
pub(super) fn parsed<T: FromStr>(value: &Value) -> Result<T, StoreError> {
    match value {
        Value::Int(number) => number.to_string().parse(),
        _ => text(value)?.parse(),
    }
    .map_err(|_| strange("a number or id"))
}

/// A status, as heads have it.
pub(super) const fn status_text(status: Status) -> &'static str {
    match status {
        Status::Live => LIVE,
        Status::Finished => FINISHED,
    }
}

/// Epoch, owner and status, as the scripts and `HMGET` give them.
pub(super) fn ownership(fields: &[Value]) -> Result<Ownership, StoreError> {
    let [epoch, owner, status, ..] = fields else {
        return Err(strange("a head"));
    };
    Ok(Ownership {
        epoch: Epoch(parsed(epoch)?),
        owner: parsed(owner)?,
        status: match text(status)? {
            LIVE => Status::Live,
            FINISHED => Status::Finished,
            _ => return Err(strange("a status")),
        },
    })
}

/// The answer of `HMGET` for a head; `None` if there is none.
pub(super) fn head(answer: &Value) -> Result<Option<Ownership>, StoreError> {
    match array(answer)? {
        [Value::Nil, ..] => Ok(None),
        fields => ownership(fields).map(Some),
    }
}

/// Each element as bytes.
pub(super) fn all_bytes(value: &Value) -> Result<Vec<&[u8]>, StoreError> {
    array(value)?.iter().map(bytes).collect()
}

/// The names and values of a hash, in either version of the protocol.
pub(super) fn pairs(value: &Value) -> Result<Vec<(&Value, &Value)>, StoreError> {
    if let Value::Map(pairs) = value {
        return Ok(pairs.iter().map(|(name, value)| (name, value)).collect());
    }
    let (pairs, rest) = array(value)?.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(strange("a hash"));
    }
    Ok(pairs.iter().map(|[name, value]| (name, value)).collect())
}
