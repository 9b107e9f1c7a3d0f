//! The terms of a match in JSON.

use game_core::{
    BySeat, ClockStart, ColorChoice, InvalidSetup, MatchId, MatchSetup, MatchTags, Player,
    PlayerId, Rule, Rules, StartPosition, TimeControl, UnixMillis, Variant,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::schema::{BothControls, Control};
use crate::TagsView;

/// What is agreed before a match: in requests for one, and in what is told of one.
///
/// In JSON, absent keys are as usual: standard chess from its initial position, clocks that count after
/// both first moves, casual, no delay of spectators, chat, no special rules. `control` is of both seats;
/// instead, `controls` has `white` and `black`. The start is `start_fen`, or in Chess960 `start_number`; a
/// Chess960 match without either gets a number at random.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Terms {
    /// The rules of the game.
    pub variant: Variant,
    /// The position at ply 0.
    pub start: Start,
    /// How much time each side has.
    pub controls: BySeat<TimeControl>,
    /// When the clocks begin to count.
    pub clock_start: ClockStart,
    /// When play begins, if not as soon as the match is made.
    pub start_at: Option<UnixMillis>,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// By how many seconds spectators are behind: 0, or 3 to 60.
    pub spectator_delay_s: u8,
    /// Whether players and spectators can chat.
    pub chat: bool,
    /// The rules that differ from the usual ones.
    pub rules: Rules,
    /// Where the match belongs.
    pub tags: TagsView,
}

/// The position at ply 0, as it is requested.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Start {
    /// The initial position of the variant; in Chess960 one at random.
    #[default]
    Usual,
    /// A position as FEN of the variant, which may not be one.
    Fen(String),
    /// A start position of Chess960, by its number of 0 to 959.
    Number(u16),
}

/// Why terms in JSON are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTerms {
    /// There is no time control, or there are two.
    #[error("the terms need either control, or controls of white and black")]
    Control,
    /// There are two start positions.
    #[error("start_fen and start_number exclude each other")]
    TwoStarts,
    /// A start position has a number, but not in Chess960, or there is none of this number.
    #[error("start_number is a number from 0 to 959, in chess960 only")]
    StartNumber,
    /// The delay of spectators is out of bounds.
    #[error(
        "spectator_delay_s is 0, or {min} to {max}",
        min = MatchSetup::SPECTATOR_DELAY_MIN_S,
        max = MatchSetup::SPECTATOR_DELAY_MAX_S
    )]
    SpectatorDelay,
    /// No rule has this name.
    #[error("no rule is named {0:?}; there are {names}", names = names_of_rules())]
    Rule(String),
    /// A tag is empty or too long, or has a control character.
    #[error("a tag is 1 to {max} bytes of text in one line", max = MatchTags::LEN_MAX)]
    Tag,
}

fn names_of_rules() -> String {
    Rule::ALL.map(Rule::code).join(", ")
}

impl Terms {
    /// Start positions of Chess960.
    pub const START_NUMBERS: u16 = 960;

    /// The usual terms, with the same control for both seats.
    #[must_use]
    pub fn usual(control: TimeControl) -> Self {
        Self {
            variant: Variant::default(),
            start: Start::default(),
            controls: BySeat {
                white: control,
                black: control,
            },
            clock_start: ClockStart::default(),
            start_at: None,
            rated: false,
            spectator_delay_s: 0,
            chat: true,
            rules: Rules::USUAL,
            tags: TagsView::default(),
        }
    }

    /// The terms of a match, with its start position as FEN.
    #[must_use]
    pub fn of(setup: &MatchSetup) -> Self {
        Self {
            variant: setup.variant(),
            start: Start::Fen(setup.start.fen()),
            controls: setup.controls,
            clock_start: setup.clock_start,
            start_at: setup.start_at,
            rated: setup.rated,
            spectator_delay_s: setup.spectator_delay_s,
            chat: setup.chat,
            rules: setup.rules,
            tags: setup
                .tags
                .as_deref()
                .map(TagsView::from)
                .unwrap_or_default(),
        }
    }

    /// The start position. `drawn` is a random number, for a match of Chess960 that names no start.
    ///
    /// # Errors
    ///
    /// [`InvalidSetup`] if no match can begin there.
    pub fn start_position(&self, drawn: u16) -> Result<StartPosition, InvalidSetup> {
        let numbered = |number: u16| {
            let number = number % Self::START_NUMBERS;
            StartPosition::chess960(number).unwrap_or_default()
        };
        match &self.start {
            Start::Fen(fen) => StartPosition::parse(self.variant, fen),
            Start::Number(number) => Ok(numbered(*number)),
            Start::Usual if self.variant == Variant::Chess960 => Ok(numbered(drawn)),
            Start::Usual => Ok(StartPosition::initial(self.variant)),
        }
    }

    /// The setup of a match on these terms. `start` is its [start position](Self::start_position).
    #[must_use]
    pub fn into_setup(
        self,
        id: MatchId,
        players: BySeat<Player>,
        start: StartPosition,
        created_at: UnixMillis,
    ) -> MatchSetup {
        let tags = MatchTags::from(self.tags);
        MatchSetup {
            id,
            players,
            start,
            controls: self.controls,
            clock_start: self.clock_start,
            start_at: self.start_at,
            rated: self.rated,
            spectator_delay_s: self.spectator_delay_s,
            chat: self.chat,
            rules: self.rules,
            tags: (!tags.is_empty()).then(|| Box::new(tags)),
            created_at,
        }
    }
}

/// The terms as part of a larger object, which has other keys beside theirs.
impl PartialSchema for Terms {
    fn schema() -> RefOr<Schema> {
        let mut schema = Form::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.additional_properties = None::<Box<AdditionalProperties<Schema>>>;
        }
        schema
    }
}

impl ToSchema for Terms {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Form::schemas(schemas);
    }
}

impl PartialSchema for super::NewTicket {
    fn schema() -> RefOr<Schema> {
        Form::schema()
    }
}

impl ToSchema for super::NewTicket {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Form::schemas(schemas);
    }
}

impl PartialSchema for super::NewChallenge {
    fn schema() -> RefOr<Schema> {
        ChallengeForm::schema()
    }
}

impl ToSchema for super::NewChallenge {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ChallengeForm::schemas(schemas);
    }
}

/// The controls of both seats.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Controls {
    white: TimeControl,
    black: TimeControl,
}

/// Defines the JSON form of terms, alone or with other keys beside them: serde cannot refuse unknown keys
/// of a structure that is flattened into another.
macro_rules! form {
    ($(#[$meta:meta])* $name:ident { $($(#[$key_meta:meta])* $key:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[serde(deny_unknown_fields)]
        struct $name {
            /// The rules of the game.
            #[serde(default)]
            #[schema(value_type = String, default = "standard",
                pattern = "^(standard|chess960|crazyhouse|antichess|atomic|kingOfTheHill|racingKings|threeCheck|horde)$")]
            variant: Variant,
            /// The position at ply 0, as FEN.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false)]
            start_fen: Option<String>,
            /// The number of the start position, in Chess960 only.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false, maximum = 959)]
            start_number: Option<u16>,
            /// The time control of both sides. This or `controls` is required.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false, value_type = Option<Control>)]
            control: Option<TimeControl>,
            /// The time control of each side, where they differ.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false, value_type = Option<BothControls>)]
            controls: Option<Controls>,
            /// When the clocks begin to count.
            #[serde(default)]
            #[schema(value_type = String, default = "after_first_moves",
                pattern = "^(after_first_moves|at_once)$")]
            clock_start: ClockStart,
            /// When play begins, in milliseconds since 1970, if not as soon as the match is made.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false, value_type = Option<u64>)]
            start_at: Option<UnixMillis>,
            /// Whether the result counts for ratings.
            #[serde(default)]
            rated: bool,
            /// By how many seconds spectators are behind: 0, or 3 to 60.
            #[serde(default)]
            #[schema(maximum = 60)]
            spectator_delay_s: u8,
            /// Whether players and spectators can chat.
            #[serde(default = "usual_chat")]
            chat: bool,
            /// The rules that differ from the usual ones, such as `no_takeback`.
            #[serde(default, with = "rule_names")]
            #[schema(value_type = Vec<String>)]
            rules: Rules,
            /// Where the match belongs.
            #[serde(default, skip_serializing_if = "TagsView::is_empty")]
            tags: TagsView,
            $($(#[$key_meta])* $key: $type,)*
        }
    };
}

form! {
    /// The terms of a match.
    #[derive(Serialize, Deserialize, ToSchema)]
    Form {}
}

form! {
    /// A challenge and the terms of its match.
    #[derive(Deserialize, ToSchema)]
    ChallengeForm {
        /// The challenger's colour.
        #[serde(default)]
        #[schema(value_type = String, default = "random", pattern = "^(white|black|random)$")]
        color: ColorChoice,
        /// The player who may accept; by default anyone.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        opponent: Option<PlayerId>,
    }
}

const fn usual_chat() -> bool {
    true
}

/// Rules as a list of their names.
mod rule_names {
    use game_core::{Rule, Rules};

    use crate::http::terms::InvalidTerms;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(rules: &Rules, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(rules.iter().map(Rule::code))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rules, D::Error> {
        let named = |name: String| match Rule::from_code(&name) {
            Some(rule) => Ok(rule),
            None => Err(D::Error::custom(InvalidTerms::Rule(name))),
        };
        let names: Vec<String> = Vec::deserialize(from)?;
        names.into_iter().map(named).collect()
    }
}

impl From<Terms> for Form {
    fn from(terms: Terms) -> Self {
        let (start_fen, start_number) = match terms.start {
            Start::Usual => (None, None),
            Start::Fen(fen) => (Some(fen), None),
            Start::Number(number) => (None, Some(number)),
        };
        let BySeat { white, black } = terms.controls;
        let is_equal = white == black;
        Self {
            variant: terms.variant,
            start_fen,
            start_number,
            control: is_equal.then_some(white),
            controls: (!is_equal).then_some(Controls { white, black }),
            clock_start: terms.clock_start,
            start_at: terms.start_at,
            rated: terms.rated,
            spectator_delay_s: terms.spectator_delay_s,
            chat: terms.chat,
            rules: terms.rules,
            tags: terms.tags,
        }
    }
}

impl TryFrom<Form> for Terms {
    type Error = InvalidTerms;

    fn try_from(form: Form) -> Result<Self, InvalidTerms> {
        let start = match (form.start_fen, form.start_number) {
            (None, None) => Start::Usual,
            (Some(fen), None) => Start::Fen(fen),
            (None, Some(number))
                if form.variant == Variant::Chess960 && number < Self::START_NUMBERS =>
            {
                Start::Number(number)
            }
            (None, Some(_)) => return Err(InvalidTerms::StartNumber),
            (Some(_), Some(_)) => return Err(InvalidTerms::TwoStarts),
        };
        let controls = match (form.control, form.controls) {
            (Some(control), None) => BySeat {
                white: control,
                black: control,
            },
            (None, Some(Controls { white, black })) => BySeat { white, black },
            (None, None) | (Some(_), Some(_)) => return Err(InvalidTerms::Control),
        };
        let delays = MatchSetup::SPECTATOR_DELAY_MIN_S..=MatchSetup::SPECTATOR_DELAY_MAX_S;
        if form.spectator_delay_s != 0 && !delays.contains(&form.spectator_delay_s) {
            return Err(InvalidTerms::SpectatorDelay);
        }
        if !form.tags.is_valid() {
            return Err(InvalidTerms::Tag);
        }
        Ok(Self {
            variant: form.variant,
            start,
            controls,
            clock_start: form.clock_start,
            start_at: form.start_at,
            rated: form.rated,
            spectator_delay_s: form.spectator_delay_s,
            chat: form.chat,
            rules: form.rules,
            tags: form.tags,
        })
    }
}

/// Reads the terms of a challenge, the challenger's colour and the invited player, as one object.
pub(super) fn read_challenge<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<(Terms, ColorChoice, Option<PlayerId>), D::Error> {
    let form = ChallengeForm::deserialize(from)?;
    let terms = Form {
        variant: form.variant,
        start_fen: form.start_fen,
        start_number: form.start_number,
        control: form.control,
        controls: form.controls,
        clock_start: form.clock_start,
        start_at: form.start_at,
        rated: form.rated,
        spectator_delay_s: form.spectator_delay_s,
        chat: form.chat,
        rules: form.rules,
        tags: form.tags,
    };
    let terms = terms.try_into().map_err(D::Error::custom)?;
    Ok((terms, form.color, form.opponent))
}

#[cfg(test)]
mod tests;
