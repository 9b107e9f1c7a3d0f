//! The pictures of the page in `docs/pictures`: a server with a few players, and a browser that looks at it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use client::Matchmaker;
use game_core::{ClockStart, ColorChoice, MatchId, Variant};
use protocol::http::{NewChallenge, NewTicket, PlayerReply, Terms};
use protocol::{ClientFrame, ServerBody};
use tests::browser::{Browser, Page, named};
use tests::process::Server;
use tests::wire::RawClient;
use tokio::time::sleep;

/// Takes the pictures of the page anew, as WebP.
#[derive(Debug, Parser)]
#[command(name = "pictures")]
struct Args {
    /// Where to write them.
    #[arg(long, value_name = "DIR", default_value = "docs/pictures")]
    directory: PathBuf,
}

const PATIENCE: Duration = Duration::from_secs(60);
const QUALITY: u8 = 82;

/// Steinitz against von Bardeleben, Hastings 1895, up to its best moment.
const HASTINGS: &str = "e2e4 e7e5 g1f3 b8c6 f1c4 f8c5 c2c3 g8f6 d2d4 e5d4 c3d4 c5b4 b1c3 d7d5 e4d5 f6d5 e1g1 c8e6 c1g5 \
                        b4e7 c4d5 e6d5 c3d5 d8d5 g5e7 c6e7 f1e1 f7f6 d1e2 d5d7 a1c1 c7c6 d4d5 c6d5 f3d4 e8f7";

/// Matches that are played beside it: who plays, what, and the moves so far.
const OTHERS: [(&str, &str, Variant, &str); 5] = [
    (
        "Amara",
        "Jonas",
        Variant::Standard,
        "d2d4 g8f6 c2c4 e7e6 b1c3 f8b4 e2e3 e8g8 f1d3 d7d5 g1f3 c7c5 e1g1 b8c6",
    ),
    (
        "Mei",
        "Tomasz",
        Variant::Standard,
        "e2e4 c7c5 g1f3 d7d6 d2d4 c5d4 f3d4 g8f6 b1c3 a7a6 c1g5 e7e6 f2f4 d8b6",
    ),
    (
        "Ravi",
        "Elif",
        Variant::Atomic,
        "g1f3 f7f6 b1c3 d7d5 e2e4 c7c6 d2d4 e7e6",
    ),
    (
        "Sofia",
        "Kwame",
        Variant::Horde,
        "g5g6 f7g6 f5g6 h7g6 e4e5 d7d6 e5d6 c7d6",
    ),
    (
        "Noor",
        "Lars",
        Variant::Standard,
        "e2e4 e7e5 g1f3 b8c6 f1b5 a7a6 b5a4 g8f6 e1g1 f8e7 f1e1 b7b5 a4b3 d7d6",
    ),
];

fn main() -> ExitCode {
    let _flush = program::Flush;
    let args = Args::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            program::complain!("pictures: no runtime: {error}");
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(take(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            program::complain!("pictures: {error}");
            ExitCode::from(2)
        }
    }
}

async fn take(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let server = tokio::task::block_in_place(Server::embedded);
    let url = &server.ready.matchmaker;
    let matchmaker = Matchmaker::new(url, PATIENCE)?;
    let mut kept = Vec::new();
    for (white, black, variant, moves) in OTHERS {
        let terms = Terms {
            variant,
            ..terms("300+3")?
        };
        kept.push(begin(&matchmaker, terms, [white, black], moves).await?.3);
    }
    wait_around(&matchmaker).await?;
    let (id, me, _, mut kept_here) =
        begin(&matchmaker, terms("600+5")?, ["Clara", "Henrik"], HASTINGS).await?;
    chat(&mut kept_here[0], "Good luck, Henrik!").await;
    chat(&mut kept_here[1], "You too. Have fun.").await;

    let browser = Browser::open();
    let write = |name: &str, picture: Vec<u8>| {
        std::fs::write(args.directory.join(format!("page-{name}.webp")), picture)
    };
    let visitor = matchmaker.new_player(Some("Noa")).await?;
    let page = player(&browser, &visitor).await;
    page.goto(url).await;
    page.find(&format!("{}[data-waiting='1']", named("pool")))
        .await;
    page.find(&format!("{} cg-board", named("live-match")))
        .await;
    write("lobby", still(&page).await)?;

    let page = player(&browser, &me).await;

    let match_url = format!("{url}/match/{id}");
    page.goto(&match_url).await;
    page.is_live().await;
    write("match", still(&page).await)?;
    page.prefer(&[("prefers-color-scheme", "dark")]).await;
    write("match-dark", still(&page).await)?;
    page.prefer(&[("prefers-color-scheme", "light")]).await;
    page.push("match-text").await;
    page.fill(&named("move-box"), "pieces\n").await;
    page.reads(&named("text-log"), |text| !text.is_empty())
        .await;
    write("text", still(&page).await)?;
    page.push("match-text").await;
    page.on_phone(390, 844, 2).await;
    page.reload().await;
    page.is_live().await;
    write("match-phone", still(&page).await)?;
    drop(kept);
    Ok(())
}

fn terms(control: &str) -> Result<Terms, Box<dyn std::error::Error>> {
    Ok(Terms {
        clock_start: ClockStart::AtOnce,
        ..Terms::usual(control.parse()?)
    })
}

/// A match, its players, and the seats of the programs that have played the moves.
type Begun = (MatchId, PlayerReply, PlayerReply, [RawClient; 2]);

async fn begin(
    matchmaker: &Matchmaker,
    terms: Terms,
    names: [&str; 2],
    moves: &str,
) -> Result<Begun, Box<dyn std::error::Error>> {
    let white = matchmaker.new_player(Some(names[0])).await?;
    let black = matchmaker.new_player(Some(names[1])).await?;
    let challenge = NewChallenge {
        terms,
        color: ColorChoice::White,
        opponent: None,
        opponent_name: None,
        open: false,
        expires_in_s: None,
    };
    let made = matchmaker
        .create_challenge(&white.token, &challenge)
        .await?;
    let accepted = matchmaker.accept_challenge(&black.token, &made.id).await?;
    let id = accepted.match_id.ok_or("no match was made")?;
    let mut seats = Vec::new();
    for player in [&white, &black] {
        let seat = matchmaker.seat(&player.token, id).await?;
        seats.push(RawClient::join(&seat.shard, id, seat.token, None).await.0);
    }
    for (ply, uci) in (0..).zip(moves.split_whitespace()) {
        let mover = &mut seats[usize::from(ply % 2)];
        // Somebody thinks, so that clocks differ.
        sleep(Duration::from_millis(40 + 60 * (u64::from(ply) % 7))).await;
        mover.play(ply, uci).await;
        mover
            .until(|body| matches!(body, ServerBody::Ack { .. }))
            .await;
    }
    let [first, second] = <[RawClient; 2]>::try_from(seats).map_err(|_| "two seats")?;
    Ok((id, white, black, [first, second]))
}

/// Some wait in pools, and some have open challenges.
async fn wait_around(matchmaker: &Matchmaker) -> Result<(), Box<dyn std::error::Error>> {
    for (name, control) in [("Yuki", "180+2"), ("Olu", "600+0")] {
        let player = matchmaker.new_player(Some(name)).await?;
        let ticket = NewTicket::new(Terms::usual(control.parse()?));
        let id = matchmaker.create_ticket(&player.token, &ticket).await?.id;
        let matchmaker = matchmaker.clone();
        // Whoever does not ask for a while does not count as waiting.
        tokio::spawn(async move {
            while matchmaker
                .ticket(&player.token, &id, Duration::from_secs(5))
                .await
                .is_ok()
            {}
        });
    }
    for (name, variant, control) in [
        ("Beatriz", Variant::Standard, "900+10"),
        ("Dimitri", Variant::Crazyhouse, "180+2"),
        ("Ines", Variant::Chess960, "300+3"),
    ] {
        let player = matchmaker.new_player(Some(name)).await?;
        let challenge = NewChallenge {
            terms: Terms {
                variant,
                ..Terms::usual(control.parse()?)
            },
            color: ColorChoice::Random,
            opponent: None,
            opponent_name: None,
            open: true,
            expires_in_s: None,
        };
        matchmaker
            .create_challenge(&player.token, &challenge)
            .await?;
    }
    Ok(())
}

async fn chat(seat: &mut RawClient, text: &str) {
    let say = ClientFrame::Say {
        id: 1,
        text: text.to_owned(),
    };
    seat.say(&say).await;
    seat.until(|body| matches!(body, ServerBody::Said { .. }))
        .await;
}

async fn player(browser: &Browser, player: &PlayerReply) -> Page {
    let page = browser.page().await;
    page.resize(1280, 860, 1).await;
    page.prefer(&[("prefers-color-scheme", "light")]).await;
    page.ask(
        "Emulation.setScrollbarsHidden",
        serde_json::json!({ "hidden": true }),
    )
    .await;
    page.belong_to(player).await;
    page
}

/// What is seen once nothing moves any more.
async fn still(page: &Page) -> Vec<u8> {
    let resting = "return document.getAnimations().length === 0 && document.fonts.status === 'loaded' \
                   && document.querySelector('.skeleton, .anim') === null";
    page.wait("nothing moves", resting).await;
    let drawn = "return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))";
    page.evaluate(drawn).await;
    page.picture(QUALITY).await
}
