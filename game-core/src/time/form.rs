//! The serialized forms of a time control: keys with units in JSON, a list of stages in binary formats.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Delay, InvalidTimeControl, Stage, TimeControl};

/// The form in JSON. Unknown keys are refused, as a control that is only partly understood would not be
/// the one that was requested.
///
/// With stages, the other keys repeat the first stage, for readers who know no stages; they may be left
/// out of a request.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    increment_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<DelayKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stages: Option<Vec<StageForm>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    moves: Option<u16>,
    time_ms: u64,
    #[serde(default)]
    increment_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<DelayKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DelayKind {
    Simple,
    Bronstein,
}

/// A stage in binary formats, in which every field is present: moves (0: no end), time, increment,
/// kind of delay, delay.
type StageFields = (u16, u64, u64, Option<DelayKind>, u64);

impl Serialize for TimeControl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return Form::from(*self).serialize(serializer);
        }
        let fields = |stage: Stage| -> StageFields {
            let (kind, delay_ms) = split(stage.delay);
            (
                stage.moves.unwrap_or(0),
                millis(stage.time),
                millis(stage.increment),
                kind,
                delay_ms.unwrap_or(0),
            )
        };
        serializer.collect_seq(self.stages().map(fields).collect::<Vec<_>>())
    }
}

impl<'de> Deserialize<'de> for TimeControl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let control = if deserializer.is_human_readable() {
            Self::try_from(Form::deserialize(deserializer)?)
        } else {
            let fields: Vec<StageFields> = Vec::deserialize(deserializer)?;
            let stage = |(moves, time_ms, increment_ms, kind, delay_ms): StageFields| {
                Ok(Stage {
                    moves: Some(moves).filter(|&moves| moves > 0),
                    time: Duration::from_millis(time_ms),
                    increment: Duration::from_millis(increment_ms),
                    delay: join(kind, Some(delay_ms).filter(|&delay_ms| delay_ms > 0))?,
                })
            };
            let stages: Result<Vec<Stage>, _> = fields.into_iter().map(stage).collect();
            stages.and_then(|stages| Self::from_stages(&stages))
        };
        control.map_err(D::Error::custom)
    }
}

impl From<TimeControl> for Form {
    fn from(control: TimeControl) -> Self {
        let first = control.first_stage();
        let (delay, delay_ms) = split(first.delay);
        Self {
            initial_ms: Some(millis(first.time)),
            increment_ms: Some(millis(first.increment)),
            delay,
            delay_ms,
            stages: control
                .is_staged()
                .then(|| control.stages().map(StageForm::from).collect()),
        }
    }
}

impl TryFrom<Form> for TimeControl {
    type Error = InvalidTimeControl;

    fn try_from(form: Form) -> Result<Self, InvalidTimeControl> {
        let delay = join(form.delay, form.delay_ms)?;
        let time = form.initial_ms.map(Duration::from_millis);
        let increment = form.increment_ms.map(Duration::from_millis);
        let Some(stages) = form.stages else {
            let (Some(time), Some(increment)) = (time, increment) else {
                return Err(InvalidTimeControl::Incomplete);
            };
            return Self::from_stages(&[Stage {
                moves: None,
                time,
                increment,
                delay,
            }]);
        };
        let stages: Result<Vec<Stage>, _> = stages.into_iter().map(Stage::try_from).collect();
        let control = Self::from_stages(&stages?)?;
        let first = control.first_stage();
        let agrees = time.is_none_or(|time| time == first.time)
            && increment.is_none_or(|increment| increment == first.increment)
            && (delay == Delay::None || delay == first.delay);
        if agrees {
            Ok(control)
        } else {
            Err(InvalidTimeControl::Contradiction)
        }
    }
}

impl From<Stage> for StageForm {
    fn from(stage: Stage) -> Self {
        let (delay, delay_ms) = split(stage.delay);
        Self {
            moves: stage.moves,
            time_ms: millis(stage.time),
            increment_ms: millis(stage.increment),
            delay,
            delay_ms,
        }
    }
}

impl TryFrom<StageForm> for Stage {
    type Error = InvalidTimeControl;

    fn try_from(form: StageForm) -> Result<Self, InvalidTimeControl> {
        Ok(Self {
            moves: form.moves,
            time: Duration::from_millis(form.time_ms),
            increment: Duration::from_millis(form.increment_ms),
            delay: join(form.delay, form.delay_ms)?,
        })
    }
}

fn split(delay: Delay) -> (Option<DelayKind>, Option<u64>) {
    let kind = match delay {
        Delay::None => return (None, None),
        Delay::Simple(_) => DelayKind::Simple,
        Delay::Bronstein(_) => DelayKind::Bronstein,
    };
    (Some(kind), Some(millis(delay.duration())))
}

fn join(kind: Option<DelayKind>, delay_ms: Option<u64>) -> Result<Delay, InvalidTimeControl> {
    match (kind, delay_ms.map(Duration::from_millis)) {
        (None, None) => Ok(Delay::None),
        (Some(_), Some(Duration::ZERO)) => Err(InvalidTimeControl::DelayKind),
        (Some(DelayKind::Simple), Some(delay)) => Ok(Delay::Simple(delay)),
        (Some(DelayKind::Bronstein), Some(delay)) => Ok(Delay::Bronstein(delay)),
        (None, Some(_)) | (Some(_), None) => Err(InvalidTimeControl::DelayKind),
    }
}

/// The bounds of a control keep every time far below 2⁶⁴ ms.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
