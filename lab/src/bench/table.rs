//! The figures as text: what moves cost, how long they took, and the budgets.

use std::fmt;
use std::time::Duration;

use super::{Budget, Case, Figures, Measured, Percentiles, Report, Server};

const COST_HEADS: [&str; 12] = [
    "CPU µs",
    "Redis µs",
    "ratio",
    "w. Redis",
    "client µs",
    "moves/s",
    "KB/match",
    "played",
    "KB/conn.",
    "AOF B",
    "hands./s",
    "µs/hands.",
];
const TIME_HEADS: [&str; 6] = ["ack p50", "p99", "p99.9", "relay p50", "p99", "p99.9"];

const COUNT_HEADS: [&str; 5] = ["dgrams in", "out", "calls", "waits", "preempt."];

impl Case {
    /// How long pairs think, as on the command line.
    pub(super) fn think(&self) -> String {
        match self.think_ms {
            0 => "0".to_owned(),
            ms => format!("{:?}", Duration::from_millis(ms)),
        }
    }
}

impl Report {
    fn write_table<const N: usize>(
        &self,
        f: &mut fmt::Formatter<'_>,
        heads: [&str; N],
        cells: impl Fn(&Measured) -> [String; N],
    ) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, first: [&str; 3], cells: [&str; N]| {
            let [matches, think, server] = first;
            write!(f, "{matches:>7}{think:>7}  {server:<14}")?;
            for cell in cells {
                write!(f, "{cell:>10}")?;
            }
            writeln!(f)
        };
        row(f, ["matches", "think", "server"], heads)?;
        for case in &self.cases {
            let (matches, think) = (case.matches.to_string(), case.think());
            for measured in &case.servers {
                let cells = cells(measured);
                let cells = cells.each_ref().map(String::as_str);
                row(f, [&matches, &think, measured.server.name()], cells)?;
            }
        }
        writeln!(f)
    }
}

impl Report {
    /// What became of matches whose shard was killed, where that was asked for.
    fn write_takeovers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.takeovers.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "From kill -9 of a shard until others had the first and all of its matches, and the time between, ms:\n\n\
             {:>7}{:>10}{:>10}{:>10}",
            "matches", "first", "all", "between"
        )?;
        for takeover in &self.takeovers {
            writeln!(
                f,
                "{:>7}{:>10.0}{:>10.0}{:>10.0}",
                takeover.matches,
                takeover.first_ms,
                takeover.all_ms,
                takeover.loaded_ms()
            )?;
        }
        for takeover in &self.takeovers {
            let Some(next) = &takeover.next_acks else {
                continue;
            };
            writeln!(
                f,
                "\nFrom kill -9 of one of three shards to the next ack, {} matches, {} kills, {} times: p50 {} ms, \
                 p99 {} ms",
                takeover.matches, next.rounds, next.matches, next.ms.p50, next.ms.p99
            )?;
        }
        writeln!(f)
    }

    /// What became of matches that changed their owner as planned, where that was asked for.
    fn write_moves(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for drain in &self.drains {
            let (pause, calm) = (&drain.pause_ms, &drain.ack_ms_calm);
            writeln!(
                f,
                "A shard of {} matches ended {:.1} s after SIGTERM. For the side to move, {} hand-overs paused a \
                 match for p50 {} ms,\np99 {} ms, {} ms at most. Answers to moves: p99 {} ms before, {} ms \
                 meanwhile. Of {} clocks that were compared, {} differed.\n",
                drain.matches,
                drain.drain_ms / 1e3,
                pause.n,
                ms(pause.p50),
                ms(pause.p99),
                ms(pause.max),
                ms(calm.p99),
                ms(drain.ack_ms_drain.p99),
                drain.clocks_compared,
                drain.clocks_differ.len()
            )?;
            for difference in &drain.clocks_differ {
                writeln!(f, "{difference}")?;
            }
        }
        for evened in &self.evened {
            let below = match evened.below_s {
                Some(seconds) => format!("after {seconds:.0} s"),
                None => "never".to_owned(),
            };
            writeln!(
                f,
                "{} matches were loads of {:?} ‰ of {} cores. Two shards joined: the busiest was below 650 ‰ {below}, \
                 and the loads\nat the end were {:?} ‰. {} hand-overs paused a match for p99 {} ms. Answers to \
                 moves: p99 {} ms before; then {} ms in matches that moved, and {} ms in the others.\n",
                evened.matches,
                evened.before,
                evened.cpu_share,
                evened.after,
                evened.hand_overs,
                ms(evened.pause_ms.p99),
                ms(evened.ack_ms_calm.p99),
                ms(evened.ack_ms_moved.p99),
                ms(evened.ack_ms_stayed.p99),
            )?;
        }
        Ok(())
    }

    /// What became of tickets, where that was asked for.
    fn write_tickets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for tickets in &self.tickets {
            let (made, matched) = (&tickets.made_ms, &tickets.matched_ms);
            writeln!(
                f,
                "{} tickets, {} a second, beside {} matches: {:.0} a second came to a match, {} were left over. The \
                 ticket was made\nafter p50 {} ms, p99 {} ms, and matched after p50 {} ms, p99 {} ms, {} ms at most. \
                 CPU time for a ticket: matchmaker {:.0} µs,\nRedis {:.0} µs with the moves. Answers to moves: p99 \
                 {} ms before, {} ms meanwhile. So many waited at each second:\n{:?}\n",
                tickets.tickets,
                tickets.per_s,
                tickets.live,
                tickets.matched_per_s,
                tickets.left_over,
                ms(made.p50),
                ms(made.p99),
                ms(matched.p50),
                ms(matched.p99),
                ms(matched.max),
                tickets.matchmaker_us,
                tickets.redis_us,
                ms(tickets.ack_ms_calm.p99),
                ms(tickets.ack_ms_meanwhile.p99),
                tickets.waiting,
            )?;
        }
        Ok(())
    }

    /// What spectators cost, where that was asked for.
    fn write_audiences(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for audience in &self.audiences {
            let [alone, before] = audience.move_us;
            let [ack_alone, ack] = &audience.ack_ms;
            writeln!(
                f,
                "A match before {} spectators, whose players think {:?}: each costs the server {:.1} KB, {:.0} µs to \
                 join and {:.1} µs a move\n(a move {alone:.0} µs by itself, {before:.0} µs before them). Answers p50 \
                 and p99 {} and {} ms by itself, {} and {} ms before them; the\nlast spectator has the move after {} \
                 and {} ms ({} moves).\n",
                audience.spectators,
                Duration::from_millis(audience.think_ms),
                audience.spectator_bytes / 1_024.0,
                audience.join_us,
                audience.shown_us,
                ms(ack_alone.p50),
                ms(ack_alone.p99),
                ms(ack.p50),
                ms(ack.p99),
                ms(audience.last_shown_ms.p50),
                ms(audience.last_shown_ms.p99),
                audience.moves[1],
            )?;
        }
        Ok(())
    }

    /// What bots by a gateway cost, where that was asked for.
    fn write_gateways(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for measured in &self.by_gateway {
            let mb = measured.resident_bytes.iter();
            let mb: Vec<_> = mb
                .map(|bytes| format!("{:.1}", *bytes as f64 / 1_048_576.0))
                .collect();
            writeln!(
                f,
                "{} bots by a gateway, pairs think {:?}, {} games: a move costs the gateway {:.0} µs and the server {:.0} µs, \
                 beside the\n{:.0} and {:.0} µs a second that they use when nobody plays: {:.2} times as much. Answers \
                 to {} moves: p50 {} ms, p99 {} ms.\nMemory of the gateway: {:.1} KB a bot, and {} MB at ten \
                 moments of play.\n",
                measured.bots,
                Duration::from_millis(measured.think_ms),
                measured.games,
                measured.gateway_us,
                measured.server_us,
                measured.gateway_idle_us_per_s,
                measured.server_idle_us_per_s,
                measured.ratio,
                measured.moves,
                ms(measured.ack_ms.p50),
                ms(measured.ack_ms.p99),
                measured.bot_bytes / 1_024.0,
                mb.join(", "),
            )?;
        }
        Ok(())
    }

    /// What players by each door cost, where that was asked for.
    fn write_doors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for doors in &self.doors {
            writeln!(
                f,
                "{} players by each door of one shard, pairs think {:?}: memory and CPU time of the server for a \
                 connection in a\nseat, with its half of the match; CPU time for a move beside the {:.0} µs a second that \
                 it uses when nobody plays; answers\nto moves while one door plays, and while all do, ms:\n",
                doors.players,
                Duration::from_millis(doors.think_ms),
                doors.idle_us_per_s,
            )?;
            writeln!(
                f,
                "  {:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
                "door",
                "KB/conn.",
                "µs/seat",
                "moves",
                "µs/move",
                "ack p50",
                "p99",
                "all p50",
                "p99"
            )?;
            for door in &doors.doors {
                writeln!(
                    f,
                    "  {:<14}{:>10.1}{:>10.0}{:>10}{:>10.1}{:>10}{:>10}{:>10}{:>10}",
                    door.transport,
                    door.connection_bytes / 1_024.0,
                    door.seat_us,
                    door.moves,
                    door.move_us,
                    ms(door.ack_ms.p50),
                    ms(door.ack_ms.p99),
                    ms(door.ack_ms_together.p50),
                    ms(door.ack_ms_together.p99),
                )?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    /// Rookery's ratios to every yardstick, with the range of repetitions.
    fn write_ratios(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_more = |case: &Case| {
            let yardsticks = case.servers.iter().filter(|one| one.server.is_yardstick());
            case.repetitions > 1 || yardsticks.count() > 1
        };
        if !self.cases.iter().any(is_more) {
            return Ok(());
        }
        writeln!(
            f,
            "CPU time for a move over that of a yardstick in the same repetition: median, and the range of repetitions:\n\n\
             {:>7}{:>7}  {:<14}{:<16}{:>22}{:>22}{:>6}",
            "matches", "think", "server", "over", "server", "with Redis", "times"
        )?;
        for case in &self.cases {
            for measured in case.servers.iter().filter(|one| !one.server.is_yardstick()) {
                for ratio in &measured.ratios {
                    writeln!(
                        f,
                        "{:>7}{:>7}  {:<14}{:<16}{:>22}{:>22}{:>6}",
                        case.matches,
                        case.think(),
                        measured.server.name(),
                        ratio.to.name(),
                        ratio.server.to_string(),
                        ratio.with_redis.to_string(),
                        case.repetitions
                    )?;
                }
            }
        }
        writeln!(f)
    }

    /// The budgets that are `wanted`.
    fn write_budgets(
        &self,
        f: &mut fmt::Formatter<'_>,
        wanted: impl Fn(&Budget) -> bool,
    ) -> fmt::Result {
        let mut wanted = self
            .budgets
            .iter()
            .filter(|budget| wanted(budget))
            .peekable();
        if wanted.peek().is_some() {
            writeln!(
                f,
                "Budgets, on Redis, and in closed loop (--think 0) unless they say otherwise; of several repetitions, the median:\n"
            )?;
        }
        wanted.try_for_each(|budget| writeln!(f, "  {budget}"))
    }

    /// What operators changed, where there were any.
    fn write_watched(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            for measured in &case.servers {
                let name = measured.server;
                if let Some(watched) = &measured.figures.watched
                    && let Some(ratio) = watched.p99_ratio
                {
                    let [without, with] = [watched.ack_us_without, watched.ack_us_with]
                        .map(|ack| ms(ack.p99 as f64 / 1_000.0));
                    writeln!(
                        f,
                        "{} matches, {name}: ack p99 {with} ms while operators asked for {} pages a second, \
                         {without} ms else: × {ratio:.2}\n",
                        case.matches, watched.pages
                    )?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_takeovers(f)?;
        self.write_moves(f)?;
        self.write_tickets(f)?;
        self.write_doors(f)?;
        self.write_audiences(f)?;
        self.write_gateways(f)?;
        if self.cases.is_empty() {
            return self.write_budgets(f, |budget| budget.met.is_some());
        }
        writeln!(
            f,
            "CPU time for a move; its ratio to the bare relay's, and with Redis counted; memory of the \
             server with\nall seated, and when they have played; bytes of the append-only file for a move; handshakes, and the CPU time of one:\n"
        )?;
        self.write_table(f, COST_HEADS, costs)?;
        self.write_ratios(f)?;
        writeln!(
            f,
            "For a move: datagrams that the server received and sent, as clients count them; its system calls \
             (--system-calls);\nhow often a thread of it waited, and had to leave its processor to another; – is not known:\n"
        )?;
        self.write_table(f, COUNT_HEADS, counts)?;
        writeln!(
            f,
            "From sending a move until its mover had the answer (ack) and its opponent the move \
             (relay), ms:\n"
        )?;
        self.write_table(f, TIME_HEADS, |measured| times(&measured.figures))?;
        self.write_watched(f)?;
        self.write_budgets(f, |_| true)
    }
}

fn costs(measured: &Measured) -> [String; 12] {
    let some = |value: Option<f64>, places: usize| {
        value.map_or_else(String::new, |value| format!("{value:.places$}"))
    };
    let figures = &measured.figures;
    let is_relay = measured.server == Server::Relay;
    // The relay has nothing but connections.
    let connection_kb = is_relay.then_some(figures.kb_per_match / 2.0);
    [
        some(Some(figures.server_us_per_move), 1),
        some(figures.redis_us_per_move, 1),
        some((!is_relay).then_some(measured.ratio), 2),
        some((!is_relay).then_some(measured.ratio_with_redis), 2),
        some(Some(figures.client_us_per_move), 1),
        some(Some(figures.moves_per_s), 0),
        some(Some(figures.kb_per_match), 1),
        some(Some(figures.kb_per_match_played), 1),
        some(connection_kb, 1),
        some(figures.aof_bytes_per_move, 1),
        some(Some(figures.handshakes_per_s), 0),
        some(Some(figures.server_us_per_handshake), 0),
    ]
}

fn counts(measured: &Measured) -> [String; 5] {
    let some =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    let counts = measured.figures.counts;
    [
        some(counts.datagrams_received),
        some(counts.datagrams_sent),
        some(counts.system_calls),
        some(Some(counts.switches_voluntary)),
        some(Some(counts.switches_involuntary)),
    ]
}

fn times(figures: &Figures) -> [String; 6] {
    let of = |Percentiles { p50, p99, p999 }| [p50, p99, p999].map(|us| ms(us as f64 / 1_000.0));
    let ([a, b, c], [d, e, f]) = (of(figures.ack_us), of(figures.relay_us));
    [a, b, c, d, e, f]
}

/// Milliseconds with three digits that mean something.
fn ms(ms: f64) -> String {
    match ms {
        long if long >= 100.0 => format!("{ms:.0}"),
        medium if medium >= 10.0 => format!("{ms:.1}"),
        _ => format!("{ms:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::bench::Report;
    use crate::bench::report::tests::{case, compared};

    fn words_of(text: &str, line: &str) -> Vec<String> {
        let line = text.lines().find(|one| one.contains(line));
        let words = line.unwrap_or_default().split_whitespace();
        words.map(str::to_owned).collect()
    }

    #[test]
    fn the_table_has_a_line_for_each_server_and_each_budget() {
        let report = Report::new(vec![case(100, 0, 28), case(100, 2_000, 40)], Vec::new());
        let text = report.to_string();
        let lines = |of: &str| text.lines().filter(|line| line.contains(of)).count();
        // Costs, counts and times.
        assert_eq!(lines("bare relay  "), 6);
        assert_eq!(lines("Redis always"), 6);
        assert_eq!(lines(" 2s  embedded"), 3);
        assert_eq!(lines("≤") + lines("≥"), report.budgets.len());
        assert_eq!(
            lines("yardstick"),
            0,
            "one repetition with one yardstick has one table"
        );
        assert_eq!(
            words_of(&text, "Redis always"),
            [
                "100", "0", "Redis", "always", "28.0", "10.0", "1.40", "1.90", "30.0", "12500",
                "81.9", "102.4", "100.0", "2000", "600"
            ]
        );
        let counts = text.lines().skip_while(|line| !line.contains("dgrams in"));
        let counts: Vec<_> = counts.collect();
        assert_eq!(
            words_of(&counts.join("\n"), "bare relay"),
            [
                "100", "0", "bare", "relay", "2.50", "2.00", "–", "0.25", "0.02"
            ]
        );
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(150), "{text}");
    }

    #[test]
    fn repetitions_have_their_ratios_to_each_yardstick_with_the_range() {
        let text = Report::new(vec![compared(100)], Vec::new()).to_string();
        let ratio = words_of(&text, "Redis always  stored relay");
        let ratio = ratio.join(" ");
        assert!(
            ratio.ends_with("1.20 (1.17–1.20) 1.14 (1.12–1.17) 3"),
            "{text}"
        );
        for yardstick in ["bare relay", "plain everysec", "plain always"] {
            assert!(
                text.contains(&format!("Redis always  {yardstick}")),
                "{text}"
            );
        }
    }
}
