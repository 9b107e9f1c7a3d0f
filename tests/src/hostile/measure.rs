//! One attack after the other, each on an installation of its own.

use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::attack::AttackKind;
use super::cpu::CpuMeter;
use super::crowd::Crowd;
use super::facts::AttackFacts;
use super::field::Field;
use super::memory::Scale;
use super::newcomers::{Arrivals, arrive};
use super::plan::Plan;
use super::probes::probe;
use super::report::AttackReport;
use super::row::AttackRow;
use super::verdict::allowed;
use crate::installation::Installation;

/// Files that a server may have open unless it raises that itself: what a shell gives on Linux.
const SERVER_FILES: u32 = 1_024;
/// An attack that is told to end has ended within this.
const STOP_MAX: Duration = Duration::from_secs(30);

/// Measures all that is planned; `told` gets each row as it is done.
///
/// # Errors
///
/// When the installation does not start, or an attack cannot be made, in words.
pub async fn run(plan: &Plan, mut told: impl FnMut(&AttackRow)) -> Result<AttackReport, String> {
    // Attackers hold thousands of sockets; the servers get a limit of their own.
    settings::raise_open_files();
    let mut rows = Vec::new();
    for &attack in &plan.attacks {
        let row = measure(plan, attack).await;
        let row = row.map_err(|error| format!("{}: {error}", attack.name()))?;
        told(&row);
        rows.push(row);
    }
    Ok(AttackReport::new(plan, rows))
}

/// One attack on a fresh installation, so that each row stands for itself.
async fn measure(plan: &Plan, attack: AttackKind) -> Result<AttackRow, String> {
    let mut installation =
        Installation::start_with_files(1, SERVER_FILES, attack.environment()).await;
    let mut scale = Scale::new(&installation).await?;
    let field = Field::of(&installation, plan.seed).await?;
    let crowd = Crowd::seat(&field.matchmaker, plan.matches, plan.seed).await?;
    let mut facts = AttackFacts::default();
    let mut came = 0;
    let mut newcomers = async |length: Duration| {
        let arrivals = arrive(&field.matchmaker, came, length, plan.patience, attack).await;
        came += arrivals.tried;
        arrivals
    };
    let now = std::time::Instant::now;

    let mut meter = CpuMeter::new(&installation)?;
    crowd.acks.take(now());
    facts.calm = newcomers(plan.calm()).await;
    facts.calm_acks = crowd.acks.take(now());
    facts.calm_cpu = meter.take();
    facts.before = scale.read().await?;

    let attacking = start(attack, field.clone())?;
    let (end, arrivals) = (&field.end, newcomers(plan.length));
    let (arrivals, livez, peak) = tokio::join!(
        until_all_are_in(arrivals, end),
        probe(&field, end),
        scale.peak(end)
    );
    facts.attacked_cpu = meter.take();
    facts.attacked_acks = crowd.acks.take(now());
    (facts.attacked, facts.livez, facts.peak) = (arrivals, livez?, peak?);
    let attacked = timeout(STOP_MAX, attacking).await;
    let attacked = attacked.map_err(|_| "the attack does not end")?;
    attacked.map_err(|_| "the attack panicked")??;

    facts.afterwards = newcomers(plan.afterwards()).await;
    let matches = facts.attacked.tried + facts.afterwards.tried;
    let bound = allowed(&facts.before, matches);
    facts.after = scale.settle(&bound, plan.settle_max).await?;
    facts.store_slowest_ms = scale.slowest().as_secs_f64() * 1_000.0;
    facts.deeds = field.tally.deeds().clone();
    drop(crowd);
    facts.alarms = alarms(&mut installation);
    Ok(AttackRow::new(attack, facts))
}

/// Ends the attack when every newcomer that came during it is in, or has given up.
async fn until_all_are_in(
    arrivals: impl Future<Output = Arrivals>,
    end: &tokio_util::sync::CancellationToken,
) -> Arrivals {
    let _ends = end.clone().drop_guard();
    arrivals.await
}

/// Attacks on a thread and a runtime of its own, so that it takes no turns from the tasks of honest
/// players.
fn start(
    attack: AttackKind,
    field: Field,
) -> Result<oneshot::Receiver<Result<(), String>>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (tell, ended) = oneshot::channel();
    let body = move || {
        let attacked = runtime.block_on(attack.run(&field));
        // What is left of it is closed before anyone hears that it has ended.
        drop(runtime);
        let _ = tell.send(attacked);
    };
    let thread = thread::Builder::new().name(attack.name());
    thread.spawn(body).map_err(|error| error.to_string())?;
    Ok(ended)
}

/// Processes that ended, and lines of the log that speak of a bug.
fn alarms(installation: &mut Installation) -> Vec<String> {
    const LINES_MAX: usize = 5;
    let ended = installation.ended().into_iter();
    let mut alarms: Vec<String> = ended.map(|name| format!("the {name} has ended")).collect();
    let log = installation.log();
    let alarming = |line: &&str| line.contains("panicked") || line.contains("ERROR");
    let lines = log.lines().filter(alarming).take(LINES_MAX);
    alarms.extend(lines.map(|line| format!("logged: {line}")));
    alarms
}
