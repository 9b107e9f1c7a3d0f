//! What a command line asks for, checked.

use std::path::PathBuf;
use std::time::Duration;

use game_core::{TimeControl, Variant};
use protocol::name;

use lab::engine::{EngineKind, EngineSettings, Program, SearchLimit};

use super::adjudication::{DrawRule, ResignRule, Rules};
use super::control;
use super::openings::{Format, Order, Source};
use super::schedule::{Schedule, Tournament};
use super::sprt::{Model, Sprt};
use super::words::{Group, InvalidWords, Pairs, groups, invalid};

/// A run: all that does not change while it is under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Who plays.
    pub(super) engines: Vec<EngineSpec>,
    /// Which games.
    pub(super) schedule: Schedule,
    /// Games at the same time.
    pub(super) concurrency: usize,
    /// When games are ended before their end.
    pub(super) rules: Rules,
    /// Where the games begin; without it, at the initial position.
    pub(super) openings: Option<Source>,
    /// What decides the order of openings; without it, the name of the run does.
    pub(super) seed: Option<u64>,
    /// The rules of chess.
    pub(super) variant: Variant,
    /// When the run may end before its last game.
    pub(super) sprt: Option<Sprt>,
    /// Where finished games are appended.
    pub(super) pgn_out: Option<PathBuf>,
    /// The event in records.
    pub(super) event: Option<String>,
    /// The site in records.
    pub(super) site: Option<String>,
    /// The name of the run.
    pub(super) run: Option<String>,
    /// Whether the run goes on after an engine failed.
    pub(super) recovers: bool,
    /// After how many games the standing is printed.
    pub(super) rating_interval: u32,
    /// Whether the engines play what others make for their accounts, and nothing is made here.
    pub(super) connects: bool,
}

/// One engine.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EngineSpec {
    /// What it is called in records.
    pub(super) name: String,
    /// The program, unless it runs on another machine.
    pub(super) program: Option<(EngineKind, EngineSettings)>,
    /// The token of the account that it plays as; without one, it is a guest.
    pub(super) token: Option<String>,
    /// Its time; none is needed where others make the matches.
    pub(super) control: Option<TimeControl>,
}

/// Options that cutechess and fastchess have, that change nothing here.
const IGNORED: [(&str, &str); 4] = [
    (
        "report",
        "pairs are always counted where games come in pairs",
    ),
    ("output", "there is one form of output"),
    ("outcomeinterval", "every outcome is printed"),
    ("scoreinterval", "use -ratinginterval"),
];

impl Plan {
    /// Reads a command line. What is accepted without any effect is told to `remark`.
    pub(super) fn parse(
        words: &[String],
        mut remark: impl FnMut(String),
    ) -> Result<Self, InvalidWords> {
        let groups = groups(words)?;
        let mut each = Pairs::default();
        for group in groups.iter().filter(|group| group.name == "each") {
            each = each.and(&group.pairs()?);
        }
        let mut draft = Draft::default();
        for group in &groups {
            draft.take(group, &each, &mut remark)?;
        }
        draft.finish()
    }
}

/// What was read so far.
struct Draft {
    engines: Vec<EngineSpec>,
    tournament: Tournament,
    rounds: u32,
    games: u32,
    repeat: u32,
    swaps: bool,
    plan: Plan,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            engines: Vec::new(),
            tournament: Tournament::default(),
            rounds: 1,
            games: 1,
            repeat: 1,
            swaps: true,
            plan: Plan {
                engines: Vec::new(),
                schedule: Schedule::new(Tournament::default(), 0, 0, 1, 1, true),
                concurrency: 1,
                rules: Rules::default(),
                openings: None,
                seed: None,
                variant: Variant::Standard,
                sprt: None,
                pgn_out: None,
                event: None,
                site: None,
                run: None,
                recovers: false,
                rating_interval: 10,
                connects: false,
            },
        }
    }
}

impl Draft {
    fn take(
        &mut self,
        group: &Group,
        each: &Pairs,
        remark: &mut impl FnMut(String),
    ) -> Result<(), InvalidWords> {
        let plan = &mut self.plan;
        match group.name.as_str() {
            "each" => {}
            "engine" => {
                let pairs = group.pairs()?.and(each);
                self.engines.push(engine(pairs, remark)?);
            }
            "tournament" => {
                self.tournament = match group.value()? {
                    "round-robin" | "roundrobin" => Tournament::RoundRobin,
                    "gauntlet" => Tournament::Gauntlet,
                    other => {
                        return Err(invalid(format!(
                            "-tournament is round-robin or gauntlet, not {other:?}"
                        )));
                    }
                };
            }
            "rounds" => self.rounds = group.number()?,
            "games" => self.games = group.number()?,
            "repeat" if group.values.is_empty() => self.repeat = 2,
            "repeat" => self.repeat = group.number()?,
            "noswap" => {
                group.alone()?;
                self.swaps = false;
            }
            "concurrency" => plan.concurrency = group.number()?,
            "draw" => plan.rules.draw = Some(draw(group)?),
            "resign" => plan.rules.resign = Some(resign(group)?),
            "maxmoves" => plan.rules.moves_max = Some(group.number()?),
            "openings" => plan.openings = Some(openings(group)?),
            "srand" => plan.seed = Some(group.number()?),
            "variant" => plan.variant = variant(group.value()?)?,
            "sprt" => plan.sprt = Some(sprt(group)?),
            "pgnout" => plan.pgn_out = Some(pgn_out(group)?),
            "event" => plan.event = Some(tag(group)?),
            "site" => plan.site = Some(tag(group)?),
            "run" => plan.run = Some(run_name(group)?),
            "recover" => {
                group.alone()?;
                plan.recovers = true;
            }
            "connect" => {
                group.alone()?;
                plan.connects = true;
            }
            "ratinginterval" => plan.rating_interval = group.number()?,
            other => match IGNORED.iter().find(|(name, _)| *name == other) {
                Some((name, why)) => remark(format!("-{name} changes nothing: {why}")),
                None => return Err(invalid(format!("-{other} is not known"))),
            },
        }
        Ok(())
    }

    fn finish(self) -> Result<Plan, InvalidWords> {
        let Self { engines, .. } = &self;
        if self.plan.connects {
            let fits = |engine: &EngineSpec| engine.program.is_some() && engine.token.is_some();
            if engines.is_empty() || !engines.iter().all(fits) {
                return Err(invalid(
                    "-connect needs -engine with cmd= and the token= of the account that it plays as",
                ));
            }
        } else if let Some(engine) = engines.iter().find(|engine| engine.control.is_none()) {
            let name = &engine.name;
            return Err(invalid(format!(
                "{name} has no tc=, for itself or by -each"
            )));
        } else if engines.len() < 2 {
            return Err(invalid("a match needs at least two -engine"));
        }
        for (index, engine) in engines.iter().enumerate() {
            if engines[..index]
                .iter()
                .any(|other| other.name == engine.name)
            {
                let name = &engine.name;
                return Err(invalid(format!(
                    "two engines are called {name}: give each a name="
                )));
            }
        }
        let schedule = Schedule::new(
            self.tournament,
            engines.len(),
            self.rounds,
            self.games,
            self.repeat,
            self.swaps,
        );
        if !self.plan.connects && !(1..=1_000_000).contains(&schedule.total()) {
            return Err(invalid("-rounds and -games make 1 to 1,000,000 games"));
        }
        if !(1..=256).contains(&self.plan.concurrency) {
            return Err(invalid("-concurrency is 1 to 256"));
        }
        if self.plan.sprt.is_some() && engines.len() != 2 {
            return Err(invalid("-sprt compares two engines"));
        }
        let is_two_sided = self.plan.rules.resign.is_some_and(|rule| rule.is_two_sided);
        if is_two_sided
            && (self.plan.connects || engines.iter().any(|engine| engine.program.is_none()))
        {
            return Err(invalid(
                "-resign twosided=true needs the scores of both engines, and those of an engine on another machine \
                 are not known here",
            ));
        }
        Ok(Plan {
            engines: self.engines,
            schedule,
            ..self.plan
        })
    }
}

fn engine(mut pairs: Pairs, remark: &mut impl FnMut(String)) -> Result<EngineSpec, InvalidWords> {
    let command = pairs.take("cmd");
    let arguments = pairs.take_all("arg");
    let token = pairs.take("token");
    let given = pairs.take("name");
    let file_name = command.as_deref().map(|command| {
        let path = std::path::Path::new(command);
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    });
    let Some(wanted) = given.or(file_name) else {
        return Err(invalid("an engine needs name= or cmd="));
    };
    let checked = name::check(&wanted);
    let name = checked.map_err(|error| invalid(format!("name={wanted}: {error}")))?;
    match pairs.take("proto").as_deref() {
        None | Some("uci") => {}
        Some(other) => return Err(invalid(format!("proto={other}: engines speak uci"))),
    }
    if pairs.take("st").is_some() {
        let why =
            "st= is no time control of a match: give tc= with an increment, or nodes= or depth=";
        return Err(invalid(why));
    }
    for key in ["timemargin", "restart", "ponder"] {
        if pairs.take(key).is_some() {
            remark(format!(
                "{key}= of {name} changes nothing: the server's clocks decide, and margin= is what an engine is not \
                 told of its time"
            ));
        }
    }
    let control = pairs.take("tc").map(|tc| control::parse(&tc)).transpose()?;
    let mut limits = Vec::new();
    limits.extend(pairs.number("nodes")?.map(SearchLimit::Nodes));
    limits.extend(pairs.number("depth")?.map(SearchLimit::Depth));
    let settings = EngineSettings {
        options: pairs.take_with_prefix("option."),
        stderr: pairs.path("stderr"),
        margin: Duration::from_millis(pairs.number("margin")?.unwrap_or(20)),
        directory: pairs.path("dir"),
        limits,
        first_moves_by_clock: true,
    };
    pairs.finish()?;
    let program = match command.as_deref() {
        Some("random") => Some((EngineKind::Random, settings)),
        Some(command) => {
            let program = Program {
                path: command.into(),
                args: arguments,
            };
            Some((EngineKind::Uci(program), settings))
        }
        None => None,
    };
    if program.is_none() && token.is_none() {
        return Err(invalid(format!(
            "{name} needs cmd=, or token= if it runs on another machine"
        )));
    }
    Ok(EngineSpec {
        name,
        program,
        token,
        control,
    })
}

fn draw(group: &Group) -> Result<DrawRule, InvalidWords> {
    let mut pairs = group.pairs()?;
    let rule = DrawRule {
        from_move: pairs.number("movenumber")?.unwrap_or(0),
        moves: pairs.needed("movecount")?,
        score: pairs.needed("score")?,
    };
    pairs.finish()?;
    if rule.moves == 0 || rule.score < 0 {
        return Err(invalid("-draw: movecount is 1 or more, score 0 or more"));
    }
    Ok(rule)
}

fn resign(group: &Group) -> Result<ResignRule, InvalidWords> {
    let mut pairs = group.pairs()?;
    let rule = ResignRule {
        moves: pairs.needed("movecount")?,
        score: pairs.needed("score")?,
        is_two_sided: pairs.switch("twosided")?.unwrap_or(false),
    };
    pairs.finish()?;
    if rule.moves == 0 || rule.score <= 0 {
        return Err(invalid("-resign: movecount and score are 1 or more"));
    }
    Ok(rule)
}

fn openings(group: &Group) -> Result<Source, InvalidWords> {
    let mut pairs = group.pairs()?;
    let Some(file) = pairs.path("file") else {
        return Err(invalid("-openings needs file="));
    };
    let by_name = file.extension().and_then(|extension| extension.to_str());
    let format = match pairs.take("format").as_deref().or(by_name) {
        Some("epd") => Format::Epd,
        Some("pgn") => Format::Pgn,
        _ => return Err(invalid("-openings: format is epd or pgn")),
    };
    let order = match pairs.take("order").as_deref() {
        None | Some("sequential") => Order::Sequential,
        Some("random") => Order::Random,
        Some(other) => {
            return Err(invalid(format!(
                "-openings: order is sequential or random, not {other:?}"
            )));
        }
    };
    let source = Source {
        file,
        format,
        order,
        plies: pairs.number("plies")?,
        start: pairs.number("start")?.unwrap_or(1),
    };
    pairs.take("policy");
    pairs.finish()?;
    if source.start == 0 {
        return Err(invalid("-openings: start is 1 or more"));
    }
    Ok(source)
}

fn sprt(group: &Group) -> Result<Sprt, InvalidWords> {
    let mut pairs = group.pairs()?;
    let model = match pairs.take("model").as_deref() {
        None | Some("logistic") => Model::Logistic,
        Some("normalized") => Model::Normalized,
        Some(other) => {
            return Err(invalid(format!(
                "-sprt: model is logistic or normalized, not {other:?}"
            )));
        }
    };
    let sprt = Sprt {
        elo0: pairs.needed("elo0")?,
        elo1: pairs.needed("elo1")?,
        alpha: pairs.number("alpha")?.unwrap_or(0.05),
        beta: pairs.number("beta")?.unwrap_or(0.05),
        model,
    };
    pairs.finish()?;
    let is_chance = |chance: f64| chance > 0.0 && chance < 0.5;
    let is_difference = |elo: f64| elo.abs() <= 1_000.0;
    if !is_chance(sprt.alpha) || !is_chance(sprt.beta) {
        return Err(invalid("-sprt: alpha and beta are above 0 and below 0.5"));
    }
    if !is_difference(sprt.elo0) || !is_difference(sprt.elo1) || sprt.elo0 >= sprt.elo1 {
        return Err(invalid(
            "-sprt: elo0 is below elo1, and both are -1000 to 1000",
        ));
    }
    Ok(sprt)
}

/// `-pgnout FILE`, with words behind it that other programs have, or `-pgnout file=FILE`.
fn pgn_out(group: &Group) -> Result<PathBuf, InvalidWords> {
    let first = group.values.first();
    let path = first.map(|first| first.strip_prefix("file=").unwrap_or(first));
    let path = path.filter(|path| !path.is_empty());
    path.map(PathBuf::from)
        .ok_or_else(|| invalid("-pgnout needs a file"))
}

/// Text for a tag of the match.
fn tag(group: &Group) -> Result<String, InvalidWords> {
    const LEN_MAX: usize = game_core::MatchTags::LEN_MAX;
    let value = group.values.join(" ");
    if value.is_empty() || value.len() > LEN_MAX || value.chars().any(char::is_control) {
        let name = &group.name;
        return Err(invalid(format!(
            "-{name} is 1 to {LEN_MAX} bytes of text in one line"
        )));
    }
    Ok(value)
}

/// The name of a run becomes part of keys, which are ASCII.
fn run_name(group: &Group) -> Result<String, InvalidWords> {
    let name = group.value()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(fits) {
        return Err(invalid(
            "-run is 1 to 64 letters, digits, dashes, points and underscores",
        ));
    }
    Ok(name.to_owned())
}

fn variant(name: &str) -> Result<Variant, InvalidWords> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(name);
    if ["fischerandom", "fischerrandom"].contains(&wanted.as_str()) {
        return Ok(Variant::Chess960);
    }
    let is_named = |variant: &Variant| [variant.code(), variant.uci()].map(plain).contains(&wanted);
    Variant::ALL.into_iter().find(is_named).ok_or_else(|| {
        let all = Variant::ALL.map(Variant::code).join(", ");
        invalid(format!("-variant is one of {all}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str =
        "-engine cmd=/opt/sf name=new option.Hash=16 -engine cmd=random name=old -each tc=10+0.1";

    fn plan(line: &str) -> Result<Plan, String> {
        let words = shlex::split(line).unwrap();
        Plan::parse(&words, |_| {}).map_err(|error| error.to_string())
    }

    #[test]
    fn a_usual_command_line_says_all_there_is() {
        let plan = plan(&format!(
            "{TWO} -rounds 100 -games 2 -repeat -concurrency 4 -draw movenumber=40 movecount=8 score=10 \
             -resign movecount=3 score=400 -maxmoves 200 -openings file=book.epd order=random plies=8 start=3 \
             -srand 7 -sprt elo0=0 elo1=5 alpha=0.05 beta=0.1 model=normalized -pgnout out.pgn fi -recover \
             -event A cup -site Lab -run night-1 -variant fischerandom -ratinginterval 5 -outcomeinterval 1 \
             -tournament gauntlet"
        ))
        .unwrap();
        let [new, old] = &plan.engines[..] else {
            panic!("{plan:?}");
        };
        let (kind, settings) = new.program.as_ref().unwrap();
        assert_eq!(kind.to_string(), "uci:/opt/sf");
        assert_eq!(settings.options, [("Hash".to_owned(), "16".to_owned())]);
        assert_eq!(old.program.as_ref().unwrap().0, EngineKind::Random);
        assert_eq!(new.control, TimeControl::from_millis(10_000, 100).ok());
        assert_eq!(
            (plan.schedule.total(), plan.schedule.has_pairs()),
            (200, true)
        );
        assert_eq!(plan.concurrency, 4);
        assert_eq!(
            plan.rules
                .draw
                .map(|rule| (rule.from_move, rule.moves, rule.score)),
            Some((40, 8, 10))
        );
        assert_eq!(
            plan.rules.resign.map(|rule| (rule.moves, rule.score)),
            Some((3, 400))
        );
        assert_eq!(plan.rules.moves_max, Some(200));
        let openings = plan.openings.unwrap();
        assert_eq!(
            (openings.format, openings.order),
            (Format::Epd, Order::Random)
        );
        assert_eq!(
            (openings.plies, openings.start, plan.seed),
            (Some(8), 3, Some(7))
        );
        let sprt = plan.sprt.unwrap();
        assert_eq!(
            (sprt.elo1, sprt.beta, sprt.model),
            (5.0, 0.1, Model::Normalized)
        );
        assert_eq!(plan.pgn_out, Some("out.pgn".into()));
        assert_eq!(plan.event.as_deref(), Some("A cup"));
        assert_eq!((plan.variant, plan.recovers), (Variant::Chess960, true));
        assert_eq!(plan.run.as_deref(), Some("night-1"));
    }

    #[test]
    fn an_engines_own_words_count_before_those_of_each() {
        let plan = plan(
            "-each tc=10+0.1 option.Threads=2 nodes=5000 -engine cmd=a tc=5+0 option.Threads=1 -engine name=far token=T",
        )
        .unwrap();
        assert_eq!(plan.engines[0].name, "a");
        assert_eq!(plan.engines[0].control.unwrap().initial().as_secs(), 5);
        let settings = &plan.engines[0].program.as_ref().unwrap().1;
        assert_eq!(settings.options, [("Threads".to_owned(), "1".to_owned())]);
        assert_eq!(settings.limits, [SearchLimit::Nodes(5_000)]);
        assert_eq!(plan.engines[1].program, None);
        assert_eq!(plan.engines[1].token.as_deref(), Some("T"));
    }

    #[test]
    fn one_engine_is_enough_to_play_what_others_make() {
        let plan = plan("-engine cmd=a token=T -connect -resign movecount=3 score=400").unwrap();
        assert!(plan.connects && plan.rules.resign.is_some());
        assert_eq!(plan.engines[0].control, None);
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_what_to_do() {
        for (line, why) in [
            ("-engine cmd=a tc=1+1", "at least two"),
            (
                "-engine cmd=a tc=1+1 -engine cmd=x/a tc=1+1",
                "two engines are called a",
            ),
            ("-engine cmd=a -engine cmd=b", "no tc="),
            ("-engine cmd=a tc=1+1 -connect", "token="),
            ("-connect", "token="),
            ("-engine name=a tc=1+1 -engine cmd=b tc=1+1", "token="),
            (
                "-engine cmd=a tc=1+1 proto=xboard -engine cmd=b tc=1+1",
                "uci",
            ),
            (
                "-engine cmd=a tc=1+1 hash=3 -engine cmd=b tc=1+1",
                "does not know hash=",
            ),
            ("-engine cmd=a st=1 -engine cmd=b tc=1+1", "nodes="),
        ] {
            let said = plan(line).unwrap_err();
            assert!(said.contains(why), "{line}: {said}");
        }
        for (more, why) in [
            ("-rounds 0", "1,000,000"),
            ("-concurrency 0", "1 to 256"),
            ("-games x", "not a number"),
            ("-draw score=10", "movecount="),
            ("-draw movecount=0 score=1", "1 or more"),
            ("-resign movecount=1 score=-5", "1 or more"),
            ("-openings format=epd", "file="),
            ("-openings file=book.bin", "epd or pgn"),
            ("-sprt elo0=5 elo1=0", "below elo1"),
            ("-sprt elo0=0 elo1=5 alpha=2", "below 0.5"),
            ("-tournament knockout", "gauntlet"),
            ("-variant shogi", "chess960"),
            ("-run 'a b'", "letters"),
            ("-pgnout", "a file"),
            ("-quick", "not known"),
            (
                "-engine name=far token=T -resign movecount=3 score=400 twosided=true",
                "twosided",
            ),
            ("-engine cmd=third -sprt elo0=0 elo1=5", "two engines"),
        ] {
            let said = plan(&format!("{TWO} {more}")).unwrap_err();
            assert!(said.contains(why), "{more}: {said}");
        }
    }
}
