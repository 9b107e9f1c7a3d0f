//! The arbiter of a match in play: stops and resumes play, sets clocks, takes moves back. Each order is an event of the
//! match, which its players and spectators are told of like any other.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use game_core::{MatchId, Order, Seat};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Body, PathId};

use crate::actions::Author;
use crate::problem::{ChangeProblems, Problem, Problems};
use crate::state::Admin;
use crate::views::MatchDetails;

/// An arbiter's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderBody {
    /// Carry the order out only if this is the last event of the match (`seq`). With it, an order may be sent again when
    /// no answer came: it is carried out once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expected_seq: Option<u32>,
    /// What is to be done.
    #[serde(flatten)]
    pub kind: OrderKind,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum OrderKind {
    /// Stop both clocks; no move is accepted until play is resumed.
    Stop,
    /// Let play go on.
    Resume,
    /// Set the clock of a seat.
    SetClock {
        /// `white` or `black`.
        #[schema(value_type = String, pattern = "^(white|black)$")]
        seat: Seat,
        /// What it shows then, in milliseconds.
        #[schema(minimum = 1, maximum = 4_294_967_295_u64)]
        remaining_ms: u64,
    },
    /// Add time to the clock of a seat.
    AddTime {
        /// `white` or `black`.
        #[schema(value_type = String, pattern = "^(white|black)$")]
        seat: Seat,
        /// How much, in milliseconds.
        #[schema(minimum = 1, maximum = 4_294_967_295_u64)]
        add_ms: u64,
    },
    /// Take back moves, whoever made them.
    Undo {
        /// How many half-moves.
        #[schema(minimum = 1)]
        plies: u8,
    },
}

impl From<OrderKind> for Order {
    fn from(kind: OrderKind) -> Self {
        match kind {
            OrderKind::Stop => Self::Stop,
            OrderKind::Resume => Self::Resume,
            OrderKind::SetClock { seat, remaining_ms } => Self::SetClock {
                seat,
                remaining: Duration::from_millis(remaining_ms),
            },
            OrderKind::AddTime { seat, add_ms } => Self::AddTime {
                seat,
                time: Duration::from_millis(add_ms),
            },
            OrderKind::Undo { plies } => Self::Undo { plies },
        }
    }
}

impl OrderBody {
    /// The body of a request for this order.
    #[must_use]
    pub fn new(order: Order, expected_seq: Option<u32>) -> Self {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let kind = match order {
            Order::Stop => OrderKind::Stop,
            Order::Resume => OrderKind::Resume,
            Order::SetClock { seat, remaining } => OrderKind::SetClock {
                seat,
                remaining_ms: millis(remaining),
            },
            Order::AddTime { seat, time } => OrderKind::AddTime {
                seat,
                add_ms: millis(time),
            },
            Order::Undo { plies } => OrderKind::Undo { plies },
        };
        Self { expected_seq, kind }
    }
}

/// Carries out an arbiter's order on a match in play. The answer comes once the store has confirmed it; a 503
/// `unconfirmed` says that it will be so or not.
#[utoipa::path(post, path = "/v1/matches/{match}/order", tag = "changes",
    params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    request_body = OrderBody,
    responses((status = 200, description = "It stands", body = MatchDetails), Problems, ChangeProblems))]
pub(crate) async fn order(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(id): PathId<MatchId>,
    Body(body): Body<OrderBody>,
) -> Result<Json<MatchDetails>, Problem> {
    let order = Order::from(body.kind);
    let answer = admin.source.arbitrate(id, order, body.expected_seq).await;
    author.note(&admin, "order", &format_args!("{id} {order:?}"), &answer);
    answer.map(Json)
}
