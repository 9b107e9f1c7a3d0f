//! Whether the keys under our prefix are laid out as this program expects: two programs with different keys
//! would each take the matches of the other for lost.

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisError, Value};

use super::keys::Keys;
use super::reply;
use crate::error::StoreError;

/// The layout that [`keys`](super::keys) describes. The one before it, which had no mark, is not read.
const LAYOUT: &str = "2";
/// Keys that one step of the search for former ones reads.
const STEP_LEN: usize = 1_000;

/// Why a layout was not found to be ours.
pub(super) enum Unsuitable {
    /// The connection failed.
    Lost(RedisError),
    /// It is another one, or cannot be read.
    Refused(StoreError),
}

impl From<RedisError> for Unsuitable {
    fn from(error: RedisError) -> Self {
        Self::Lost(error)
    }
}

impl From<StoreError> for Unsuitable {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// Compares the mark of the layout, as it was read, with ours. Where there is none, all keys are searched for heads of the former
/// layout, and if there is no such key, the mark is set: so one connection of an installation reads them.
pub(super) async fn check(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    mark: &Value,
) -> Result<(), Unsuitable> {
    reply::refuse_errors(std::slice::from_ref(mark))?;
    if *mark != Value::Nil {
        return match reply::text(mark)? {
            LAYOUT => Ok(()),
            other => Err(unfit(format!(
                "the keys {} are laid out as version {other} and this program reads version {LAYOUT}: run \
                 the version of Rookery that wrote them, or give another --store-prefix",
                keys.pattern()
            ))),
        };
    }
    if has_former(connection, keys).await? {
        return Err(unfit(format!(
            "the keys {} hold matches of a version before 2, which this program does not read: give another \
             --store-prefix, or delete these keys",
            keys.pattern()
        )));
    }
    let mut mark = Pipeline::with_capacity(1);
    mark.cmd("SET").arg(keys.layout()).arg(LAYOUT).arg("NX");
    ask(connection, &mark).await?;
    Ok(())
}

/// Whether there is a head of the former layout.
async fn has_former(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
) -> Result<bool, Unsuitable> {
    let mut cursor = 0;
    loop {
        let mut scan = Pipeline::with_capacity(1);
        let step = scan.cmd("SCAN").arg(cursor).arg("MATCH");
        step.arg(keys.former_heads()).arg("COUNT").arg(STEP_LEN);
        let answer = ask(connection, &scan).await?;
        let [next, found] = reply::array(&answer)? else {
            return Err(reply::strange("a page of keys").into());
        };
        cursor = reply::parsed::<u64>(next)?;
        if !reply::array(found)?.is_empty() {
            return Ok(true);
        }
        if cursor == 0 {
            return Ok(false);
        }
    }
}

/// The answer to the one command of a pipeline.
async fn ask(
    connection: &mut MultiplexedConnection,
    command: &Pipeline,
) -> Result<Value, Unsuitable> {
    let mut answers = connection.send_packed_commands(command, 0, 1).await?;
    reply::refuse_errors(&answers)?;
    Ok(answers.pop().ok_or_else(|| reply::strange("no answer"))?)
}

fn unfit(text: String) -> Unsuitable {
    Unsuitable::Refused(StoreError::Unfit(text))
}
