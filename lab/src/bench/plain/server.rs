//! The plain competitor's process.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Args;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use shakmaty::fen::Fen;
use shakmaty::uci::UciMove;
use shakmaty::{CastlingMode, Chess, Color, EnPassantMode, Position};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

use super::super::BenchError;
use super::super::stored::connect;
use super::{ACK, JOINED, Ready, web_socket_config};

/// The plain competitor that `bench` compares with; started by it.
#[derive(Debug, Args)]
pub struct PlainArgs {
    /// Where to say how it is reached.
    #[arg(long, value_name = "FILE")]
    ready_file: PathBuf,
    /// The Redis in which positions are stored.
    #[arg(long, value_name = "URL")]
    redis: String,
}

#[cfg(test)]
impl PlainArgs {
    pub(super) fn new(redis: &str, ready_file: &std::path::Path) -> Self {
        Self {
            ready_file: ready_file.to_owned(),
            redis: redis.to_owned(),
        }
    }
}

/// Serves matches on a free port until the process is ended. Its runtime should have one thread.
///
/// # Errors
///
/// In words, when it cannot be set up.
pub async fn serve(args: &PlainArgs) -> Result<(), BenchError> {
    let server = Server {
        redis: connect(&args.redis).await?,
        matches: Arc::default(),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let ready = Ready {
        address: listener.local_addr()?,
    };
    std::fs::write(&args.ready_file, serde_json::to_vec(&ready)?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let server = server.clone();
        tokio::spawn(async move {
            // A player who is gone is no error here.
            let _ = server.play(stream).await;
        });
    }
}

type Sink = SplitSink<WebSocketStream<TcpStream>, Message>;
/// Where the messages to a seat go, once somebody has taken it.
type Outlet = Arc<tokio::sync::Mutex<Option<Sink>>>;

/// A live match.
#[derive(Debug)]
struct Match {
    key: String,
    position: Mutex<Chess>,
    /// White's, then Black's.
    outlets: [Outlet; 2],
}

impl Match {
    fn position(&self) -> MutexGuard<'_, Chess> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outlet(&self, color: Color) -> &Outlet {
        &self.outlets[usize::from(color.is_black())]
    }

    /// The position after a move, if it is legal and `color`'s turn.
    fn after(&self, color: Color, text: &str) -> Result<Chess, &'static str> {
        let position = self.position();
        if position.turn() != color {
            return Err("refused: not your turn");
        }
        let uci: UciMove = text.parse().map_err(|_| "refused: no move")?;
        let chosen = uci.to_move(&*position).map_err(|_| "refused: illegal")?;
        let mut next = position.clone();
        next.play_unchecked(chosen);
        Ok(next)
    }
}

#[derive(Clone)]
struct Server {
    redis: MultiplexedConnection,
    matches: Arc<Mutex<HashMap<u64, Arc<Match>>>>,
}

impl Server {
    /// One connection, from its handshake to its end.
    async fn play(mut self, stream: TcpStream) -> Result<(), BenchError> {
        stream.set_nodelay(true)?;
        let socket = accept_async_with_config(stream, Some(web_socket_config())).await?;
        let (mut sink, mut incoming) = socket.split();
        let joining = incoming.next().await.ok_or("nobody joined")??;
        let (id, color) = seat(joining.to_text()?).ok_or("no seat was named")?;
        let game = self.game(id).await?;
        sink.send(Message::text(JOINED)).await?;
        let own = game.outlet(color);
        *own.lock().await = Some(sink);
        let mut done = Ok(());
        while let (Ok(()), Some(Ok(message))) = (&done, incoming.next().await) {
            if let Message::Text(text) = message {
                done = self.make_move(&game, color, text).await;
            }
        }
        *own.lock().await = None;
        if game.outlet(!color).lock().await.is_none() {
            self.matches().remove(&id);
        }
        done
    }

    /// Makes a move: first in Redis, then in memory, then for both players.
    async fn make_move(
        &mut self,
        game: &Match,
        color: Color,
        text: Utf8Bytes,
    ) -> Result<(), BenchError> {
        let own = game.outlet(color);
        let next = match game.after(color, &text) {
            Ok(next) => next,
            Err(why) => return send(own, Message::text(why)).await,
        };
        let fen = Fen::from_position(&next, EnPassantMode::Legal).to_string();
        let () = self.redis.set(&game.key, fen).await?;
        let answer = if next.is_game_over() { "over" } else { ACK };
        *game.position() = next;
        send(own, Message::text(answer)).await?;
        send(game.outlet(!color), Message::Text(text)).await
    }

    /// The live match; where there is none, the stored one, or a new one.
    async fn game(&mut self, id: u64) -> Result<Arc<Match>, BenchError> {
        if let Some(game) = self.matches().get(&id) {
            return Ok(Arc::clone(game));
        }
        let key = format!("match:{id}");
        let stored: Option<String> = self.redis.get(&key).await?;
        let position = match stored {
            Some(fen) => fen
                .parse::<Fen>()?
                .into_position(CastlingMode::Standard)
                .map_err(|error| error.to_string())?,
            None => Chess::default(),
        };
        let game = Arc::new(Match {
            key,
            position: Mutex::new(position),
            outlets: [Outlet::default(), Outlet::default()],
        });
        // The other player may have been quicker.
        Ok(Arc::clone(self.matches().entry(id).or_insert(game)))
    }

    fn matches(&self) -> MutexGuard<'_, HashMap<u64, Arc<Match>>> {
        self.matches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends to a seat, if somebody has taken it.
async fn send(outlet: &Outlet, message: Message) -> Result<(), BenchError> {
    if let Some(sink) = outlet.lock().await.as_mut() {
        sink.send(message).await?;
    }
    Ok(())
}

/// The match and the colour that a first message names.
fn seat(text: &str) -> Option<(u64, Color)> {
    let (id, color) = text.strip_prefix("join ")?.split_once(' ')?;
    let color = match color {
        "white" => Color::White,
        "black" => Color::Black,
        _ => return None,
    };
    Some((id.parse().ok()?, color))
}
