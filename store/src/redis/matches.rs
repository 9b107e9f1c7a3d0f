//! Matches on Redis: creation and ownership.

use async_trait::async_trait;
use bytes::Bytes;
use game_core::{Epoch, MatchId, MatchTime, ShardId, Snapshot};
use redis::{Cmd, Pipeline, Value, cmd};

use super::cluster::Answers;
use super::link::Kept;
use super::{RedisStore, reply, script};
use crate::checkpoint;
use crate::codec::{self, MoveTime};
use crate::contract::{
    Checkpoint, Claim, Claiming, Created, HandOver, HandedOver, MatchHead, MatchPage, Matches,
    ScanCursor, Standing, Tenure,
};
use crate::error::StoreError;
use crate::ownership::Ownership;

#[async_trait]
impl Matches for RedisStore {
    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError> {
        assert_eq!(
            snapshot.seq(),
            0,
            "a match is created before its first event"
        );
        let id = snapshot.setup().id;
        let mut before = Pipeline::with_capacity(2);
        before.add_command(self.hint(owner, id, Epoch(0)));
        before.add_command(self.name_tag(id.tag(), snapshot.setup().created_at));
        self.control.run(&before).await?;
        let keys = [self.keys.head(id), self.keys.ended(id)];
        let mut call = script::call(&self.scripts.create, &keys.each_ref().map(String::as_str));
        call.arg(owner.to_string())
            .arg(codec::encode_snapshot(snapshot).as_ref())
            .arg(snapshot.seq());
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.add_command(call);
        // A shard that saw the hint without the match may have removed it meanwhile.
        pipeline.add_command(self.hint(owner, id, Epoch(0)));
        let answers = self.control.run_kept(&pipeline).await?;
        let created = answers.first().ok_or_else(|| reply::strange("no answer"))?;
        match reply::array(created)? {
            [] => Ok(Created::New),
            head => reply::ownership(head).map(Created::Exists),
        }
    }

    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError> {
        let keys = [self.keys.head(id), self.keys.log(id)];
        let mut call = script::call(&self.scripts.load, &keys.each_ref().map(String::as_str));
        // What is read is shown, so that replicas must have it, whoever wrote it: `WAIT` counts those that have what its
        // own connection wrote, and this write comes after what is read.
        let answer = if self.replicas > 0 {
            call.arg("kept");
            self.one_kept(call).await?
        } else {
            self.one(call).await?
        };
        match claimed(id, &answer)? {
            Claim::Claimed(checkpoint) => Ok(Some(*checkpoint)),
            Claim::Lost(_) | Claim::Missing => Ok(None),
        }
    }

    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError> {
        reply::head(&self.one(read_head(&self.keys.head(id))).await?)
    }

    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        self.scan_matches(after, limit).await
    }

    /// Two round trips: the hints are stored before anything is claimed. Who claims shows what the former owner wrote,
    /// confirmed or not: replicas must have the claim, which comes after it in the same stream.
    async fn claim_many(
        &self,
        claimant: ShardId,
        claims: &[Claiming],
    ) -> Vec<Result<Claim, StoreError>> {
        if claims.is_empty() {
            return Vec::new();
        }
        let hints = claims
            .iter()
            .map(|claim| (claim.match_id, claim.expected.next()));
        let mut pipeline = Pipeline::with_capacity(claims.len());
        for claim in claims {
            pipeline.add_command(self.claim_call(claimant, claim));
        }
        let answers = match self.one(self.hints(claimant, hints)).await {
            Ok(_) => self.control.run_apart(&pipeline, Kept::Twice).await,
            Err(error) => vec![Err(error); claims.len()],
        };
        each(claims, answers, |claim, answer| {
            claimed(claim.match_id, &answer[0])
        })
    }

    /// One pipeline, one round trip. Head and last record are two reads: between them a log only grows, and
    /// whoever claims compares the epoch.
    async fn heads(&self, matches: &[MatchId]) -> Vec<Result<Option<MatchHead>, StoreError>> {
        if matches.is_empty() {
            return Vec::new();
        }
        let mut pipeline = Pipeline::with_capacity(2 * matches.len());
        for &id in matches {
            pipeline
                .cmd("HMGET")
                .arg(self.keys.head(id))
                .arg(&["epoch", "owner", "status"])
                .arg(&["move_seq", "move_us"])
                .arg(&["since_epoch", "since_seq", "since_us"]);
            pipeline.cmd("LINDEX").arg(self.keys.log(id)).arg(-1);
        }
        let answers = self.control.run_apart(&pipeline, Kept::Here).await;
        each(matches, answers, |&id, answers| match_head(id, answers))
    }

    async fn hand_over(&self, given: &HandOver) -> Result<HandedOver, StoreError> {
        let hint = self.hint(given.to, given.match_id, given.epoch.next());
        self.one(hint).await?;
        let keys = [
            self.keys.head(given.match_id),
            self.keys.log(given.match_id),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.hand_over, &keys);
        let noted = MoveTime::new(given.seq, given.move_time);
        call.arg(given.epoch.0)
            .arg(given.from.to_string())
            .arg(given.epoch.next().0)
            .arg(given.to.to_string())
            .arg(noted.seq)
            .arg(noted.micros);
        handed_over(&self.one_kept(call).await?)
    }

    /// One pipeline, one round trip. Head and record are two reads: between them a log only grows.
    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError> {
        if matches.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(2 * matches.len());
        for &(id, seq) in matches {
            pipeline
                .cmd("HMGET")
                .arg(self.keys.head(id))
                .arg(&["epoch", "owner", "status"]);
            // Before the first record there is none: an index beyond every log.
            let index = i64::from(seq) - 1;
            let index = if index < 0 {
                i64::from(u32::MAX)
            } else {
                index
            };
            pipeline.cmd("LINDEX").arg(self.keys.log(id)).arg(index);
        }
        let answers = self.control.run_each(&pipeline).await?;
        answers
            .chunks_exact(2)
            .map(|pair| match standing(pair) {
                Err(StoreError::Corrupt(text)) => Ok(Standing::Unreadable(text)),
                standing => standing,
            })
            .collect()
    }

    fn regressions(&self) -> u64 {
        self.behind.regressions()
    }
}

impl RedisStore {
    fn claim_call(&self, claimant: ShardId, claim: &Claiming) -> Cmd {
        let id = claim.match_id;
        let keys = [self.keys.head(id), self.keys.log(id)];
        let mut call = script::call(&self.scripts.claim, &keys.each_ref().map(String::as_str));
        call.arg(claim.expected.0)
            .arg(claim.expected.next().0)
            .arg(claimant.to_string())
            .arg(reply::status_text(claim.status));
        match claim.tenure {
            Some(Tenure { seq, clock }) => call
                .arg(seq)
                .arg(clock.as_micros())
                .arg(MoveTime::new(seq, claim.move_time).micros),
            None => call.arg(""),
        };
        call
    }

    /// Adds a match to a shard's set, for a claim to `epoch`. A separate step, answered before the match is
    /// changed: the set is in another slot, and must never miss a match.
    fn hint(&self, shard: ShardId, id: MatchId, epoch: Epoch) -> Cmd {
        self.hints(shard, [(id, epoch)])
    }

    /// The same for several matches.
    pub(super) fn hints(
        &self,
        shard: ShardId,
        matches: impl IntoIterator<Item = (MatchId, Epoch)>,
    ) -> Cmd {
        let shard = shard.to_string();
        let keys = [self.keys.shards(), self.keys.owned(&shard)];
        let mut call = script::call(&self.scripts.hint, &keys.each_ref().map(String::as_str));
        call.arg(shard);
        for (id, epoch) in matches {
            call.arg(id.as_str()).arg(epoch.0);
        }
        call
    }

    /// Runs one command on the connection for all but appends.
    pub(super) async fn one(&self, command: Cmd) -> Result<Value, StoreError> {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        let mut answers = self.control.run(&pipeline).await?;
        answers.pop().ok_or_else(|| reply::strange("no answer"))
    }

    /// The same for what is not to be lost with a primary: answered once enough replicas have it.
    pub(super) async fn one_kept(&self, command: Cmd) -> Result<Value, StoreError> {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        let mut answers = self.control.run_kept(&pipeline).await?;
        answers.pop().ok_or_else(|| reply::strange("no answer"))
    }
}

/// Reads the owner of the match under a key; [`reply::head`] parses the answer.
pub(super) fn read_head(key: &str) -> Cmd {
    let mut read = cmd("HMGET");
    read.arg(key).arg(&["epoch", "owner", "status"]);
    read
}

/// The answers for several matches, of which each has the same number of answers to commands. An error with the
/// keys of one match affects that match, and an error of the server all of them.
fn each<Q, T>(
    asked: &[Q],
    answers: Answers,
    parse: impl Fn(&Q, &[Value]) -> Result<T, StoreError>,
) -> Vec<Result<T, StoreError>> {
    let per_match = answers.len() / asked.len();
    let mut answers = answers.into_iter();
    let mut parsed = Vec::with_capacity(asked.len());
    for asked in asked {
        let answer: Result<Vec<_>, _> = answers.by_ref().take(per_match).collect();
        parsed.push(answer.and_then(|answer| {
            reply::refuse_errors(&answer)?;
            parse(asked, &answer)
        }));
    }
    parsed
}

/// The answers to the two reads of a head.
fn match_head(id: MatchId, answers: &[Value]) -> Result<Option<MatchHead>, StoreError> {
    let [head, last] = answers else {
        return Err(reply::strange("a match"));
    };
    let fields = reply::array(head)?;
    let [epoch, _, _, move_seq, move_us, since @ ..] = fields else {
        return Err(reply::strange("a head"));
    };
    if *epoch == Value::Nil {
        return Ok(None);
    }
    let last = match last {
        Value::Nil => None,
        record => Some(reply::bytes(record)?),
    };
    let ownership = reply::ownership(fields)?;
    let tenure = tenure(ownership.epoch, since)?;
    checkpoint::head(id, ownership, last, tenure, noted(move_seq, move_us)?).map(Some)
}

/// Since when the owner under `epoch` has a match, if it has claimed it: a hand-over leaves what the claim
/// before it stored.
fn tenure(epoch: Epoch, since: &[Value]) -> Result<Option<Tenure>, StoreError> {
    let [since_epoch, seq, micros] = since else {
        return Err(reply::strange("a head"));
    };
    if *since_epoch == Value::Nil || Epoch(reply::parsed(since_epoch)?) != epoch {
        return Ok(None);
    }
    Ok(Some(Tenure {
        seq: reply::parsed(seq)?,
        clock: MatchTime::from_micros(reply::parsed(micros)?),
    }))
}

/// The answer of `claim.lua` and `load.lua`.
fn claimed(id: MatchId, answer: &Value) -> Result<Claim, StoreError> {
    let fields = reply::array(answer)?;
    let (kind, fields) = fields
        .split_first()
        .ok_or_else(|| reply::strange("a claim"))?;
    match reply::text(kind)? {
        "missing" => Ok(Claim::Missing),
        "lost" => reply::ownership(fields).map(Claim::Lost),
        "checkpoint" => {
            let [_, _, _, seq, snapshot, tail, move_seq, move_us] = fields else {
                return Err(reply::strange("a checkpoint"));
            };
            let checkpoint = checkpoint::assemble(
                id,
                reply::ownership(fields)?,
                reply::parsed(seq)?,
                reply::bytes(snapshot)?,
                reply::all_bytes(tail)?,
                noted(move_seq, move_us)?,
            )?;
            Ok(Claim::Claimed(Box::new(checkpoint)))
        }
        _ => Err(reply::strange("a claim")),
    }
}

/// The time used on the current move that `hand_over.lua` or `claim.lua` recorded, if one did.
fn noted(seq: &Value, micros: &Value) -> Result<Option<MoveTime>, StoreError> {
    if *seq == Value::Nil {
        return Ok(None);
    }
    let (seq, micros) = (reply::parsed(seq)?, reply::parsed(micros)?);
    Ok(Some(MoveTime { seq, micros }))
}

/// The answer of `hand_over.lua`.
fn handed_over(answer: &Value) -> Result<HandedOver, StoreError> {
    let fields = reply::array(answer)?;
    let strange = || reply::strange("a hand-over");
    let (kind, fields) = fields.split_first().ok_or_else(strange)?;
    Ok(match reply::text(kind)? {
        "done" => HandedOver::Done,
        "missing" => HandedOver::Missing,
        "fenced" => HandedOver::Fenced(reply::ownership(fields)?),
        "length" => HandedOver::OtherLength {
            len: reply::parsed(fields.first().ok_or_else(strange)?)?,
        },
        _ => return Err(strange()),
    })
}

/// The answers to the two reads of a standing.
fn standing(pair: &[Value]) -> Result<Standing, StoreError> {
    reply::refuse_errors(pair)?;
    let [head, record] = pair else {
        return Err(reply::strange("a match"));
    };
    let head = reply::array(head)?;
    if let [Value::Nil, ..] = head {
        return Ok(Standing::Missing);
    }
    let record = match record {
        Value::Nil => None,
        record => Some(Bytes::copy_from_slice(reply::bytes(record)?)),
    };
    Ok(Standing::Stored {
        ownership: reply::ownership(head)?,
        record,
    })
}
