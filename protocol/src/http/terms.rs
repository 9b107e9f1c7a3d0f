//! The terms of a match in JSON, and the requests for matches, which have them beside other keys.

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

impl PartialSchema for NewTicket {
    fn schema() -> RefOr<Schema> {
        TicketForm::schema()
    }
}

impl ToSchema for NewTicket {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        TicketForm::schemas(schemas);
    }
}

impl PartialSchema for NewChallenge {
    fn schema() -> RefOr<Schema> {
        ChallengeForm::schema()
    }
}

impl ToSchema for NewChallenge {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ChallengeForm::schemas(schemas);
    }
}

/// Requests a match that another player has to accept. In JSON the keys of the [`Terms`] stand beside the
/// others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewChallenge {
    /// The terms of the match.
    #[serde(flatten)]
    pub terms: Terms,
    /// The challenger's colour.
    pub color: ColorChoice,
    /// The player who may accept; by default anyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opponent: Option<PlayerId>,
    /// The same by the name of an account, in any case, instead of `opponent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opponent_name: Option<String>,
    /// Whether everyone may find it in the list of open challenges, and not only those who know its id.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// In how many seconds it expires, 10 to 86400, whether or not the challenger reads it; by default 15 minutes
    /// after the challenger last read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u32>,
}

impl NewChallenge {
    /// A challenge to anyone who knows its id, in any colour.
    #[must_use]
    pub const fn new(terms: Terms) -> Self {
        Self {
            terms,
            color: ColorChoice::Random,
            opponent: None,
            opponent_name: None,
            open: false,
            expires_in_s: None,
        }
    }
}

/// The ratings that a player accepts in an opponent, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RatingRange {
    /// The lowest.
    pub min: u16,
    /// The highest.
    pub max: u16,
}

/// Requests a match against any player who waits in the same pool. In JSON the keys of the [`Terms`] stand beside the
/// others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewTicket {
    /// The terms of the match; they determine the pool.
    #[serde(flatten)]
    pub terms: Terms,
    /// The player's colour.
    #[serde(skip_serializing_if = "is_random")]
    pub color: ColorChoice,
    /// The accepted ratings of the opponent; by default those near the player's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating_range: Option<RatingRange>,
}

impl NewTicket {
    /// A ticket in any colour, for an opponent with a rating near the player's own.
    #[must_use]
    pub const fn new(terms: Terms) -> Self {
        Self {
            terms,
            color: ColorChoice::Random,
            rating_range: None,
        }
    }
}

fn is_random(color: &ColorChoice) -> bool {
    *color == ColorChoice::Random
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
        /// The same by the name of an account, in any case, instead of `opponent`.
        #[serde(default)]
        #[schema(nullable = false, min_length = 1, max_length = 32)]
        opponent_name: Option<String>,
        /// Whether everyone may find it in the list of open challenges.
        #[serde(default)]
        open: bool,
        /// In how many seconds it expires; by default 15 minutes after the challenger last read it.
        #[serde(default)]
        #[schema(minimum = 10, maximum = 86_400)]
        expires_in_s: Option<u32>,
    }
}

form! {
    /// A ticket and the terms of its match.
    #[derive(Deserialize, ToSchema)]
    TicketForm {
        /// The player's colour.
        #[serde(default)]
        #[schema(value_type = String, default = "random", pattern = "^(white|black|random)$")]
        color: ColorChoice,
        /// The accepted ratings of the opponent; by default those near the player's own.
        #[serde(default)]
        rating_range: Option<RatingRange>,
    }
}

/// The terms among the keys of a form.
macro_rules! terms_of {
    ($form:ident) => {
        Form {
            variant: $form.variant,
            start_fen: $form.start_fen,
            start_number: $form.start_number,
            control: $form.control,
            controls: $form.controls,
            clock_start: $form.clock_start,
            start_at: $form.start_at,
            rated: $form.rated,
            spectator_delay_s: $form.spectator_delay_s,
            chat: $form.chat,
            rules: $form.rules,
            tags: $form.tags,
        }
        .try_into()
    };
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

impl<'de> Deserialize<'de> for NewChallenge {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let form = ChallengeForm::deserialize(from)?;
        Ok(Self {
            color: form.color,
            opponent: form.opponent,
            opponent_name: form.opponent_name,
            open: form.open,
            expires_in_s: form.expires_in_s,
            terms: terms_of!(form).map_err(D::Error::custom)?,
        })
    }
}

impl<'de> Deserialize<'de> for NewTicket {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let form = TicketForm::deserialize(from)?;
        Ok(Self {
            color: form.color,
            rating_range: form.rating_range,
            terms: terms_of!(form).map_err(D::Error::custom)?,
        })
    }
}

#[cfg(test)]
mod tests;
