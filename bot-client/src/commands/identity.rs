//! Who plays, and how an opponent is found, for the commands that play one match after another.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{ArgAction, Args};
use game_core::{BySeat, ClockStart, ColorChoice, MatchId, Rule, TimeControl, UnixMillis, Variant};
use protocol::TagsView;
use protocol::http::{NewChallenge, NewTicket, Start, Terms};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use client::pairing::{Pairing, PairingError, Search};
use client::{Matchmaker, MatchmakerError};
use lab::command::{Failure, note};

/// The time control that all commands play by default, so that those who play meet.
pub(super) const DEFAULT_CONTROL: &str = "5+3";

/// Whoever waits for an opponent is told so this often: enough to see that the program lives.
const WAITING_SAID_EVERY: Duration = Duration::from_secs(15);

/// Who plays.
#[derive(Debug, Clone, Args)]
pub struct PlayerArgs {
    /// What the player is called; by default the matchmaker finds a name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Play as the player of this token instead of as a new guest.
    #[arg(
        long,
        env = "ROOKERY_PLAYER_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub player_token: Option<String>,
}

impl PlayerArgs {
    /// The player token to act with.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`] when a guest is wanted and not to be had.
    pub(super) async fn token(&self, matchmaker: &Matchmaker) -> Result<String, MatchmakerError> {
        match &self.player_token {
            Some(token) => Ok(token.clone()),
            None => Ok(matchmaker.new_player(self.name.as_deref()).await?.token),
        }
    }

    /// The player token of a program to act with: opponents are told that a new guest is one.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`] when a guest is wanted and not to be had.
    pub(super) async fn bot_token(
        &self,
        matchmaker: &Matchmaker,
    ) -> Result<String, MatchmakerError> {
        match &self.player_token {
            Some(token) => Ok(token.clone()),
            None => Ok(matchmaker.new_bot(self.name.as_deref()).await?.token),
        }
    }
}

/// The terms of a match, and how an opponent is found.
#[derive(Debug, Clone, Args)]
pub struct TermsArgs {
    /// How much time each side has, as minutes + seconds a move: 5+3, or 300s+3 for seconds. With a delay
    /// 5+0d2 (the clock stands for 2 s) or 5+0b2 (what is used of 2 s is given back); in stages
    /// 40/90+30,30+30. It names the pool.
    #[arg(long, visible_alias = "time", value_name = "CONTROL", default_value = DEFAULT_CONTROL,
          value_parser = TimeControl::from_spoken)]
    pub time_control: TimeControl,
    /// A time of White's own, instead of --time-control.
    #[arg(long, value_name = "CONTROL", value_parser = TimeControl::from_spoken)]
    pub white_time: Option<TimeControl>,
    /// A time of Black's own, instead of --time-control.
    #[arg(long, value_name = "CONTROL", value_parser = TimeControl::from_spoken)]
    pub black_time: Option<TimeControl>,
    /// The rules of the game: standard, chess960, crazyhouse, antichess, atomic, kingOfTheHill,
    /// racingKings, threeCheck or horde.
    #[arg(long, value_name = "VARIANT", default_value = "standard")]
    pub variant: Variant,
    /// The position to start from, as FEN of the variant.
    #[arg(long, value_name = "FEN", conflicts_with = "start_number")]
    pub fen: Option<String>,
    /// The start position of Chess960 by its number; by default one at random.
    #[arg(long, value_name = "0-959")]
    pub start_number: Option<u16>,
    /// The result counts for ratings.
    #[arg(long)]
    pub rated: bool,
    /// A rule that differs from the usual ones, may be given often: no_abort, no_takeback, no_rematch,
    /// no_give_time, no_claim_win, no_early_draw, auto_claim (draws by repetition and fifty moves come by
    /// themselves) or compensate_bots.
    #[arg(long = "rule", value_name = "RULE", value_parser = rule)]
    pub rules: Vec<Rule>,
    /// Whether players and spectators can chat: on or off.
    #[arg(long, value_name = "on|off", default_value = "on", value_parser = on_or_off,
          action = ArgAction::Set)]
    pub chat: bool,
    /// By how many seconds spectators are behind: 0, or 3 to 60.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub spectator_delay: u8,
    /// The clocks count from the start, first moves included.
    #[arg(long)]
    pub clocks_at_once: bool,
    /// Play begins in so many seconds; both players know each other until then.
    #[arg(long, value_name = "SECONDS")]
    pub start_in: Option<u32>,
    /// The event that the match is part of, for its record.
    #[arg(long, value_name = "TEXT")]
    pub event: Option<String>,
    /// The round of the event.
    #[arg(long, value_name = "TEXT")]
    pub round: Option<String>,
    /// The colour to play in a challenge of one's own: white, black or random.
    #[arg(long, value_name = "COLOR", default_value = "random", value_parser = color)]
    pub color: ColorChoice,
    /// How long to wait for an opponent, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub wait: u64,
}

impl TermsArgs {
    /// The terms of a match as the flags have them.
    ///
    /// # Errors
    ///
    /// [`Failure::Setup`] if no match can have them.
    pub(super) fn terms(&self) -> Result<Terms, Failure> {
        let start = match (&self.fen, self.start_number) {
            (Some(fen), _) => Start::Fen(fen.clone()),
            (None, Some(number)) => Start::Number(number),
            (None, None) => Start::Usual,
        };
        let begins = self.start_in.map(|seconds| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let begins = now.unwrap_or_default() + Duration::from_secs(seconds.into());
            UnixMillis(u64::try_from(begins.as_millis()).unwrap_or(u64::MAX))
        });
        let terms = Terms {
            variant: self.variant,
            start,
            controls: BySeat {
                white: self.white_time.unwrap_or(self.time_control),
                black: self.black_time.unwrap_or(self.time_control),
            },
            clock_start: if self.clocks_at_once {
                ClockStart::AtOnce
            } else {
                ClockStart::AfterFirstMoves
            },
            start_at: begins,
            rated: self.rated,
            spectator_delay_s: self.spectator_delay,
            chat: self.chat,
            rules: self.rules.iter().copied().collect(),
            tags: TagsView {
                event: self.event.clone(),
                round: self.round.clone(),
                ..TagsView::default()
            },
        };
        // As the matchmaker reads them.
        let json = serde_json::to_value(&terms).map_err(Failure::setup)?;
        let terms: Terms = serde_json::from_value(json).map_err(Failure::setup)?;
        terms.start_position(0).map_err(Failure::setup)?;
        Ok(terms)
    }

    /// The time of both sides, as the flags write it.
    pub(super) fn spoken_time(&self) -> String {
        let white = self.white_time.unwrap_or(self.time_control).spoken();
        let black = self.black_time.unwrap_or(self.time_control).spoken();
        if white == black {
            white
        } else {
            format!("{white} against {black}")
        }
    }

    /// The flags that make the same terms, for another call.
    pub(super) fn as_flags(&self) -> String {
        let mut flags = format!("--time-control {}", self.time_control.spoken());
        let mut add = |flag: &str, value: &str| {
            // Only a NUL cannot be quoted, and no argument has one.
            if let Ok(value) = shlex::try_quote(value) {
                flags.push_str(&format!(" {flag} {value}"));
            }
        };
        if let Some(time) = self.white_time {
            add("--white-time", &time.spoken());
        }
        if let Some(time) = self.black_time {
            add("--black-time", &time.spoken());
        }
        if self.variant != Variant::Standard {
            add("--variant", self.variant.code());
        }
        if let Some(fen) = &self.fen {
            add("--fen", fen);
        }
        if let Some(number) = self.start_number {
            add("--start-number", &number.to_string());
        }
        for rule in &self.rules {
            add("--rule", rule.code());
        }
        if self.rated {
            flags.push_str(" --rated");
        }
        flags
    }

    /// A ticket for the pool of the terms.
    ///
    /// # Errors
    ///
    /// As [`terms`](Self::terms).
    pub(super) fn pool(&self) -> Result<Pairing, Failure> {
        let terms = self.terms()?;
        Ok(Pairing::Pool(NewTicket::new(terms)))
    }

    /// A challenge to anyone.
    ///
    /// # Errors
    ///
    /// As [`terms`](Self::terms).
    pub(super) fn challenge(&self) -> Result<NewChallenge, Failure> {
        Ok(NewChallenge {
            terms: self.terms()?,
            color: self.color,
            opponent: None,
            opponent_name: None,
            open: false,
            expires_in_s: None,
        })
    }

    /// Finds an opponent; `asked` is told the id of the request.
    pub(super) async fn find(
        &self,
        matchmaker: &Matchmaker,
        token: &str,
        pairing: &Pairing,
        cancel: &CancellationToken,
        asked: impl FnOnce(&str),
    ) -> Result<MatchId, Failure> {
        let search = Search {
            matchmaker,
            token,
            wait_max: Duration::from_secs(self.wait),
            cancel,
        };
        let is_asked = Cell::new(false);
        let search = search.run(pairing, |request| {
            asked(&request.id);
            is_asked.set(true);
        });
        tokio::pin!(search);
        let began = Instant::now();
        let found = loop {
            match timeout(WAITING_SAID_EVERY, &mut search).await {
                Ok(found) => break found,
                Err(_) if is_asked.get() => {
                    let seconds = began.elapsed().as_secs();
                    note(&format!("No opponent yet, after {seconds} s."));
                }
                Err(_) => {}
            }
        };
        found.map_err(|error| match error {
            PairingError::Matchmaker(error) => Failure::setup(error),
            other => Failure::play(other),
        })
    }
}

fn color(text: &str) -> Result<ColorChoice, String> {
    match text {
        "white" => Ok(ColorChoice::White),
        "black" => Ok(ColorChoice::Black),
        "random" => Ok(ColorChoice::Random),
        _ => Err("a colour is white, black or random".into()),
    }
}

fn rule(text: &str) -> Result<Rule, String> {
    Rule::from_code(text).ok_or_else(|| {
        let all = Rule::ALL.map(Rule::code).join(", ");
        format!("a rule is one of {all}")
    })
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it is on or off".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use game_core::Delay;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        terms: TermsArgs,
    }

    fn line(flags: &str) -> Result<TermsArgs, String> {
        let words = shlex::split(flags).unwrap();
        let line = std::iter::once("play".to_owned()).chain(words);
        let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        Ok(line.terms)
    }

    #[test]
    fn every_term_has_its_flag() {
        let terms = line("--time 5+3d2").unwrap().terms().unwrap();
        let control = TimeControl::from_millis(300_000, 3_000).unwrap();
        let delay = Delay::Simple(Duration::from_secs(2));
        let control = control.with_delay(delay).unwrap();
        assert_eq!(terms, Terms::usual(control));
        let all = line(
            "--variant chess960 --start-number 12 --white-time 5+0 --black-time 1+0 --rated \
             --rule no_takeback --rule auto_claim --chat off --spectator-delay 5 --clocks-at-once \
             --event 'Cup' --round 3",
        );
        let terms = all.unwrap().terms().unwrap();
        assert_eq!(terms.variant, Variant::Chess960);
        assert_eq!(terms.start, Start::Number(12));
        assert_eq!(terms.controls.white.initial(), Duration::from_secs(300));
        assert_eq!(terms.controls.black.initial(), Duration::from_secs(60));
        assert!(terms.rated && !terms.chat && terms.spectator_delay_s == 5);
        assert!(terms.rules.has(Rule::NoTakeback) && terms.rules.has(Rule::AutoClaim));
        assert_eq!(terms.clock_start, ClockStart::AtOnce);
        assert_eq!(terms.tags.event.as_deref(), Some("Cup"));
        let fen = "4k3/8/8/8/8/8/8/4K2R w K - 0 1";
        let terms = line(&format!("--fen '{fen}'")).unwrap().terms().unwrap();
        assert_eq!(terms.start, Start::Fen(fen.into()));
    }

    #[test]
    fn terms_that_no_match_can_have_are_refused_before_anything_is_asked() {
        for (flags, why) in [
            ("--start-number 12", "chess960"),
            ("--variant chess960 --start-number 960", "959"),
            ("--fen nonsense", "FEN"),
            ("--fen '8/8/8/4k3/8/8/8/4K3 w - - 0 1'", "decided"),
            ("--spectator-delay 2", "3 to 60"),
            ("--rule no_fun", "auto_claim"),
            ("--variant fairy", "antichess"),
            ("--chat maybe", "on or off"),
            ("--time 5", "5+3"),
            ("--fen x --start-number 1", "cannot be used"),
        ] {
            let made = line(flags).and_then(|args| args.terms().map_err(|why| why.to_string()));
            let said = made.unwrap_err();
            assert!(said.contains(why), "{flags}: {said}");
        }
    }

    #[test]
    fn terms_are_written_as_the_flags_that_make_them() {
        let flags =
            "--time-control 5+3 --white-time 1+0 --variant crazyhouse --rule no_abort --rated";
        let args = line(flags).unwrap();
        assert_eq!(args.as_flags(), flags);
        assert_eq!(
            line(&args.as_flags()).unwrap().terms().unwrap(),
            args.terms().unwrap()
        );
    }
}
