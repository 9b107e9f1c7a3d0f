//! The fenced write on Redis: a batch is one call of `append.lua` for each tag in it, up to a size.

use async_trait::async_trait;
use game_core::MatchId;
use redis::{Cmd, Pipeline, RedisWrite, ToRedisArgs, Value};

use super::cluster::Answers;
use super::link::Kept;
use super::{RedisStore, reply};
use crate::append::{Append, Appended};
use crate::contract::MatchLog;
use crate::error::StoreError;
use crate::ownership::Status;

/// Upper bound on the matches of one call: Redis does nothing else while it executes them, which takes about 5 µs each.
const CALL_MATCHES_MAX: usize = 256;
/// Upper bound on the bytes of records and snapshots in one call of several matches, and so on its arguments.
const CALL_BYTES_MAX: usize = 64 * 1024;

/// A write, and its place in the batch.
type Write<'a> = (usize, &'a Append);

#[async_trait]
impl MatchLog for RedisStore {
    /// One pipeline, one round trip; each server flushes once for all that it has of it.
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut writes: Vec<Write<'_>> = batch.iter().enumerate().collect();
        // Stable: the writes of a match stay in their order.
        writes.sort_by_key(|(_, append)| append.match_id.tag());
        let calls: Vec<_> = divide(&writes).collect();
        let unanswered = StoreError::Unavailable(String::new());
        let mut answers = vec![Err(unanswered); batch.len()];
        let pipeline = self.pipeline(&calls);
        let given = self.appends.run_divisible(&pipeline, Kept::Twice).await;
        let torn = place(&mut answers, &calls, given);
        if !torn.is_empty() {
            // Most of their matches have both keys at one node.
            let calls: Vec<_> = torn.into_iter().flat_map(|call| call.chunks(1)).collect();
            let pipeline = self.pipeline(&calls);
            let given = self.appends.run_apart(&pipeline, Kept::Twice).await;
            place(&mut answers, &calls, given);
        }
        if self.appends.is_one_server() {
            return answers.into_iter().collect();
        }
        apart(answers)
    }
}

/// The answers of several servers: where all are silent, the store is.
fn apart(answers: Vec<Result<Appended, StoreError>>) -> Result<Vec<Appended>, StoreError> {
    if answers.iter().all(Result::is_err) {
        return answers.into_iter().collect();
    }
    let answers = answers.into_iter().map(|answer| match answer {
        Err(StoreError::Unavailable(why)) => Ok(Appended::Unanswered(why)),
        answer => answer,
    });
    answers.collect()
}

/// Divides writes, sorted by tag, into those of one call each.
fn divide<'a>(mut writes: &'a [Write<'a>]) -> impl Iterator<Item = &'a [Write<'a>]> {
    std::iter::from_fn(move || {
        let (_, first) = writes.first()?;
        let mut bytes = 0;
        let fits = |(_, append): &&Write<'_>| {
            bytes += append.len_bytes();
            append.match_id.tag() == first.match_id.tag()
                && append.owner == first.owner
                && bytes <= CALL_BYTES_MAX
        };
        let fitting = writes.iter().take(CALL_MATCHES_MAX).take_while(fits);
        let (call, rest) = writes.split_at(fitting.count().max(1));
        writes = rest;
        Some(call)
    })
}

/// Puts the answers to calls into the places of their writes. Returns the calls that the Cluster refused because their keys
/// are at two nodes in the middle of their slot's move; their writes have that error for an answer.
fn place<'a>(
    answers: &mut [Result<Appended, StoreError>],
    calls: &[&'a [Write<'a>]],
    given: Answers,
) -> Vec<&'a [Write<'a>]> {
    let mut torn = Vec::new();
    for (call, given) in calls.iter().zip(given) {
        if given.as_ref().is_ok_and(reply::is_tryagain) {
            torn.push(*call);
        }
        match given.and_then(|given| others(&given, call.len())) {
            Ok(others) => {
                for (place, _) in *call {
                    answers[*place] = Ok(Appended::Stored { duplicate: false });
                }
                for (n, answer) in others {
                    answers[call[n].0] = Ok(answer);
                }
            }
            Err(error) => {
                for (place, _) in *call {
                    answers[*place] = Err(error.clone());
                }
            }
        }
    }
    torn
}

impl RedisStore {
    fn pipeline(&self, calls: &[&[Write<'_>]]) -> Pipeline {
        let mut pipeline = Pipeline::with_capacity(calls.len());
        for call in calls {
            pipeline.add_command(self.append_call(call));
        }
        pipeline
    }

    /// The call for writes of one owner to matches of one tag.
    fn append_call(&self, writes: &[Write<'_>]) -> Cmd {
        let (_, first) = writes[0];
        let tag = first.match_id.tag();
        let of_tag = self.keys.of_tag(tag);
        let ends = writes.iter().any(|(_, append)| append.ends);
        let keys = 2 * writes.len() + usize::from(ends);
        let (mut args, mut bytes) = (5 + keys, 128 + keys * (of_tag.len() + 20));
        for (_, append) in writes {
            args += 2 + append.records.len() + if is_plain(append) { 0 } else { 7 };
            bytes += 32 + append.len_bytes();
        }
        let mut call = Cmd::with_capacity(args, bytes);
        call.arg("EVALSHA")
            .arg(self.scripts.append.get_hash())
            .arg(keys);
        for (_, append) in writes {
            let key = |kind| KeyOfMatch {
                of_tag: &of_tag,
                id: append.match_id,
                kind,
            };
            call.arg(key(":head")).arg(key(":log"));
        }
        if ends {
            call.arg(self.keys.outbox(tag));
        }
        call.arg(first.owner.as_str());
        for (_, append) in writes {
            add_write(&mut call, append);
        }
        call
    }
}

/// Whether a write is what nearly all are: one record of a live match that goes on.
fn is_plain(append: &Append) -> bool {
    append.records.len() == 1 && append.snapshot.is_none() && !append.ends && !append.is_aftermath
}

/// The arguments of one match.
fn add_write(call: &mut Cmd, append: &Append) {
    assert!(
        !append.records.is_empty(),
        "an append has at least one record"
    );
    call.arg(append.epoch.0);
    if !is_plain(append) {
        call.arg("");
    }
    call.arg(append.after);
    if !is_plain(append) {
        let status = match append.is_aftermath {
            true => Status::Finished,
            false => Status::Live,
        };
        let ended = if append.ends {
            append.match_id.as_str()
        } else {
            ""
        };
        call.arg(reply::status_text(status))
            .arg(ended)
            .arg(append.snapshot.as_deref().unwrap_or_default())
            .arg(append.last_seq())
            .arg(append.records.len());
    }
    for record in &append.records {
        call.arg(record.as_ref());
    }
}

/// The name of a key of a match, put together in the command that it is an argument of.
struct KeyOfMatch<'a> {
    of_tag: &'a str,
    id: MatchId,
    kind: &'static str,
}

impl ToRedisArgs for KeyOfMatch<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        use std::io::Write as _;
        let mut key = out.writer_for_next_arg();
        for piece in [self.of_tag, self.id.as_str(), self.kind] {
            key.write_all(piece.as_bytes())
                .expect("a command in memory takes every byte");
        }
    }
}

/// The answer of `append.lua` to a call of `len` writes: those that were not stored just now, by their index, in their
/// order.
///
/// # Errors
///
/// [`StoreError::Unavailable`] where it is the answer to the whole call, or none that the script gives: each write
/// happened or did not.
fn others(answer: &Value, len: usize) -> Result<Vec<(usize, Appended)>, StoreError> {
    let strange = || {
        let text = format!("Redis answered an append of {len} matches in a way that is not ours");
        StoreError::Unavailable(text)
    };
    let index = |n: &Value| match n {
        Value::Int(n) => usize::try_from(*n).ok().and_then(|n| n.checked_sub(1)),
        _ => None,
    };
    match answer {
        Value::Int(stored) if usize::try_from(*stored) == Ok(len) => Ok(Vec::new()),
        Value::ServerError(error) => match reply::server_error(error) {
            StoreError::Corrupt(text) => Err(StoreError::Unavailable(text)),
            error => Err(error),
        },
        Value::Array(given) if !given.is_empty() => {
            let mut others: Vec<(usize, Appended)> = Vec::with_capacity(given.len());
            for other in given {
                let (n, appended) = match other {
                    Value::Array(fields) => {
                        let (n, fields) = fields.split_first().ok_or_else(strange)?;
                        (index(n), not_stored(fields).ok_or_else(strange)?)
                    }
                    n => (index(n), Appended::Stored { duplicate: true }),
                };
                let n = n.filter(|&n| n < len).ok_or_else(strange)?;
                if others.last().is_some_and(|(last, _)| *last >= n) {
                    return Err(strange());
                }
                others.push((n, appended));
            }
            Ok(others)
        }
        _ => Err(strange()),
    }
}

/// Why a match has no new record; `None` if the script gives no such reason. What it read of a match may be strange: that
/// is the match's own trouble.
fn not_stored(fields: &[Value]) -> Option<Appended> {
    let (why, fields) = fields.split_first()?;
    let len = || reply::parsed(fields.first()?).ok();
    Some(match reply::text(why).ok()? {
        "missing" => Appended::Missing,
        "fenced" => match reply::ownership(fields) {
            Ok(ownership) => Appended::Fenced(ownership),
            Err(StoreError::Corrupt(text)) => Appended::Unreadable(text),
            Err(_) => return None,
        },
        "conflict" => Appended::Conflict { len: len()? },
        "rollback" => Appended::Rollback { len: len()? },
        "unreadable" => {
            let error = String::from_utf8_lossy(reply::bytes(fields.first()?).ok()?);
            Appended::Unreadable(format!("Redis answered {error}"))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use game_core::{Epoch, ShardId};

    use super::*;
    use crate::ownership::Ownership;

    fn value(line: &str) -> Value {
        redis::parse_redis_value(line.replace(' ', "\r\n").as_bytes()).unwrap()
    }

    fn append(tag: u128, n: u128, owner: u128, bytes: usize) -> Append {
        Append {
            match_id: MatchId::from_random(tag + n * 62 * 62),
            owner: ShardId::from_random(owner),
            epoch: Epoch(1),
            after: 0,
            records: vec![Bytes::from(vec![0; bytes])],
            snapshot: None,
            ends: false,
            is_aftermath: false,
        }
    }

    #[test]
    fn writes_are_divided_by_tag_owner_number_and_size() {
        let lens = |batch: &[Append]| -> Vec<usize> {
            let writes: Vec<_> = batch.iter().enumerate().collect();
            divide(&writes).map(<[_]>::len).collect()
        };
        let same = |count: u128, bytes| -> Vec<Append> {
            (0..count).map(|n| append(1, n, 1, bytes)).collect()
        };
        assert!(lens(&[]).is_empty());
        assert_eq!(lens(&same(256, 9)), [256]);
        assert_eq!(lens(&same(600, 9)), [256, 256, 88]);
        assert_eq!(lens(&same(5, CALL_BYTES_MAX / 2)), [2, 2, 1]);
        assert_eq!(lens(&same(2, CALL_BYTES_MAX + 1)), [1, 1]);
        let mixed = [
            append(1, 1, 1, 9),
            append(1, 2, 1, 9),
            append(1, 3, 2, 9),
            append(1, 4, 1, 9),
            append(2, 1, 1, 9),
        ];
        assert_eq!(lens(&mixed), [2, 1, 1, 1]);
    }

    #[test]
    fn answers_are_read_as_the_script_gives_them() {
        assert_eq!(others(&value(":3 "), 3).unwrap(), []);
        let duplicate = Appended::Stored { duplicate: true };
        let fenced = Appended::Fenced(Ownership {
            epoch: Epoch(7),
            owner: ShardId::from_random(0),
            status: Status::Live,
        });
        let line = "*3 :1 *5 :2 $6 fenced $1 7 $12 000000000000 $4 live *3 :4 $8 conflict :9 ";
        let expected = [
            (0, duplicate),
            (1, fenced),
            (3, Appended::Conflict { len: 9 }),
        ];
        assert_eq!(others(&value(line), 4).unwrap(), expected);
        // What a match holds is its own trouble.
        let line = "*2 *5 :1 $6 fenced $1 x $12 000000000000 $4 live *3 :2 $10 unreadable $3 why ";
        let read = others(&value(line), 2).unwrap();
        assert!(matches!(
            read.as_slice(),
            [(0, Appended::Unreadable(_)), (1, Appended::Unreadable(why))] if why.ends_with("why")
        ));
    }

    #[test]
    fn an_answer_that_the_script_does_not_give_leaves_the_fate_of_every_write_open() {
        for line in [
            ":2 ",
            ":4 ",
            ":-3 ",
            ":9223372036854775807 ",
            "$1 3 ",
            "+OK ",
            "$-1 ",
            "*0 ",
            "*1 :0 ",
            "*1 :4 ",
            "*1 :-1 ",
            "*1 $1 1 ",
            "*2 :1 :1 ",
            "*2 :2 :1 ",
            "*4 :1 :2 :3 :4 ",
            "*1 *0 ",
            "*1 *1 :1 ",
            "*1 *2 :1 :1 ",
            "*1 *2 :1 $7 strange ",
            "*1 *2 :1 $8 conflict ",
            "*1 *3 :1 $8 conflict $1 x ",
            "*1 *2 :1 $6 stored ",
            "*1 *2 :1 $10 unreadable ",
            "*1 *2 $1 1 $7 missing ",
            "*1 *2 :4 $7 missing ",
            "-WRONGTYPE ",
            "-OOM ",
        ] {
            let answer = others(&value(line), 3);
            assert!(
                matches!(answer, Err(StoreError::Unavailable(_))),
                "{line}: {answer:?}"
            );
        }
    }

    #[test]
    fn an_error_or_an_answer_too_few_is_that_of_its_own_call() {
        let batch: Vec<_> = (0..6).map(|n| append(1 + n / 2, n, 1, 9)).collect();
        let writes: Vec<_> = batch.iter().enumerate().rev().collect();
        let calls: Vec<_> = divide(&writes).collect();
        assert_eq!(calls.len(), 3);
        let open = || Err(StoreError::Unavailable("open".to_owned()));
        let mut answers: Vec<_> = batch.iter().map(|_| open()).collect();
        let given = vec![Ok(value(":2 ")), Ok(value("*1 :2 "))];
        assert!(place(&mut answers, &calls, given).is_empty());
        let told = answers.into_iter().map(Result::ok);
        let stored = |duplicate| Some(Appended::Stored { duplicate });
        let expected = [
            None,
            None,
            stored(true),
            stored(false),
            stored(false),
            stored(false),
        ];
        assert!(told.eq(expected));
    }
}
