//! The command line of `match` and its help.

use clap::Args;

/// Plays engines against each other, each game as a match on the server.
///
/// The words are those of cutechess-cli and fastchess, with one dash, and stand behind all options with two. A process
/// that is killed is started again with the same words: its games go on where they were, as the server has them, and are
/// watched in a browser meanwhile.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = WORDS)]
pub(crate) struct MatchArgs {
    /// What to play, as -NAME VALUE…; `--help` lists all.
    #[arg(
        value_name = "WORD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(super) words: Vec<String>,
}

const WORDS: &str = "\
Who plays:
  -engine KEY=VALUE…     An engine; two or more of them:
      cmd=PROGRAM          the program; random is a player of this program's own
      arg=ARGUMENT         an argument of it; may be there often
      name=NAME            what it is called; by default the file name of cmd
      dir=DIRECTORY        where it is started
      option.NAME=VALUE    an option of UCI
      tc=MOVES/TIME+INCREMENT
                           its time in seconds, or minutes:seconds; with MOVES the time comes twice again
      nodes=N, depth=N     bounds of each search, beside the clock
      margin=MS            what it is not told of its clock (20)
      stderr=FILE          where its stderr goes
      token=TOKEN          the account that it plays as; without cmd, on another machine
  -each KEY=VALUE…       The same for all engines that do not say it themselves
  -connect               Make no games: each engine (cmd= and token=) plays whatever matches its account gets, as
                         those of a runner on another machine, until it is stopped

Which games:
  -rounds N -games N     N rounds (1), and N games of each two engines in a round (1)
  -repeat [N]            N games (2) in a row have the same opening
  -noswap                Colours do not change from game to game
  -tournament round-robin|gauntlet
  -openings file=FILE format=epd|pgn order=sequential|random plies=N start=N
  -srand N               Determines the random order of openings
  -variant NAME          standard, chess960, crazyhouse, …
  -concurrency N         Games at the same time (1)

When a game ends early:
  -draw movenumber=N movecount=N score=N
                         Drawn, if from move movenumber on both engines' scores were within score (in centipawns)
                         for movecount moves in a row
  -resign movecount=N score=N twosided=true|false
                         Lost, if the engine's score was at most -score for movecount moves in a row, and with
                         twosided the other's at least score
  -maxmoves N            Drawn after N full moves

What comes of it:
  -pgnout FILE           Append finished games; FILE.run keeps what a run needs to go on
  -sprt elo0=E elo1=E alpha=A beta=B model=logistic|normalized
                         No game begins any more once one of both hypotheses is accepted
  -ratinginterval N      Print the standing after so many games (10)
  -recover               Go on after an engine failed: it has lost its game, and is started again
  -event TEXT -site TEXT Tags of the games
  -run NAME              The name of the run, by which it is continued without its files, from any machine

Examples:
  bot-client match -engine cmd=stockfish name=new option.Hash=64 -engine cmd=stockfish-17 name=old \\
      -each tc=10+0.1 -rounds 100 -games 2 -repeat -concurrency 4 -openings file=book.epd order=random \\
      -draw movenumber=40 movecount=8 score=10 -resign movecount=3 score=400 -sprt elo0=0 elo1=5 -pgnout games.pgn
  bot-client --matchmaker https://chess.example.org match -engine name=far token=$FAR \\
      -engine cmd=stockfish name=near token=$NEAR -each tc=60+1 -rounds 10 -games 2 -repeat -pgnout games.pgn";
