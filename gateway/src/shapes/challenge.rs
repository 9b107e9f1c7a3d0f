//! Challenges, as this API shows them.

use game_core::{ColorChoice, TimeControl};
use protocol::SeatView;
use protocol::http::{ChallengeView, PublicPlayer, Start, Terms, TicketReply, TicketStatus};
use serde_json::{Value, json};

use super::game::speed;
use super::names::{Rules, control_text, declined, speed_key};
use super::user::{title, user_id};

/// A challenge with the names of its players.
pub(crate) struct Shown<'a> {
    pub(crate) id: &'a str,
    pub(crate) status: &'static str,
    pub(crate) challenger: Option<&'a SeatView>,
    pub(crate) opponent: Option<PublicPlayer>,
    pub(crate) color: ColorChoice,
    pub(crate) terms: &'a Terms,
    /// Where people see the game.
    pub(crate) site: &'a str,
}

impl<'a> Shown<'a> {
    pub(crate) fn of_reply(
        reply: &'a TicketReply,
        opponent: Option<PublicPlayer>,
        site: &'a str,
    ) -> Self {
        Self {
            id: &reply.id,
            status: match reply.status {
                TicketStatus::Waiting => "created",
                TicketStatus::Matched => "accepted",
                TicketStatus::Cancelled => "canceled",
                TicketStatus::Declined => "declined",
            },
            challenger: reply.challenger.as_ref(),
            opponent,
            color: reply.color.unwrap_or_default(),
            terms: &reply.terms,
            site,
        }
    }

    pub(crate) fn of_view(
        view: &'a ChallengeView,
        opponent: Option<PublicPlayer>,
        site: &'a str,
    ) -> Self {
        Self {
            id: &view.id,
            status: "created",
            challenger: Some(&view.challenger),
            opponent,
            color: view.color,
            terms: &view.terms,
            site,
        }
    }

    pub(crate) fn json(&self) -> Value {
        let start = match &self.terms.start {
            Start::Fen(fen) => Some(fen.as_str()),
            Start::Usual | Start::Number(_) => None,
        };
        let rules = Rules::new(self.terms.variant, start);
        let speed = speed(&self.terms.controls);
        let challenger = self.challenger.map(|player| {
            json!({
                "id": user_id(&player.name),
                "name": player.name,
                "title": title(player.is_bot),
                "rating": player.rating.unwrap_or(1_500),
                "provisional": player.rating.is_none(),
                "online": true,
            })
        });
        let opponent = self.opponent.as_ref().map(|player| {
            json!({
                "id": user_id(&player.name),
                "name": player.name,
                "title": title(player.bot),
                "rating": 1_500,
                "online": player.online,
            })
        });
        let color = color(self.color);
        let mut json = json!({
            "id": self.id,
            "url": format!("{}/challenge/{}", self.site, self.id),
            "status": self.status,
            "challenger": challenger,
            "destUser": opponent,
            "variant": rules.json(),
            "rated": self.terms.rated,
            "speed": speed_key(speed),
            "timeControl": time_control(self.terms.controls.white),
            "color": color,
            // A draw of lots is shown as it is: nobody knows it yet.
            "finalColor": if color == "random" { "white" } else { color },
            "perf": {"icon": "", "name": rules.perf_name(speed)},
        });
        if rules.is_from_position {
            json["initialFen"] = start.into();
        }
        json
    }
}

fn time_control(control: TimeControl) -> Value {
    json!({
        "type": "clock",
        "limit": control.initial().as_secs(),
        "increment": control.increment().as_secs(),
        "show": control_text(control),
    })
}

const fn color(color: ColorChoice) -> &'static str {
    match color {
        ColorChoice::White => "white",
        ColorChoice::Black => "black",
        ColorChoice::Random => "random",
    }
}

/// What became of a challenge, and why.
pub(crate) fn ended(shown: &Shown<'_>, reply: &TicketReply) -> Value {
    let mut json = shown.json();
    if reply.status == TicketStatus::Declined {
        // A client stops for good if one of both is missing.
        let (key, reason) = declined(reply.declined.unwrap_or_default());
        json["declineReason"] = reason.into();
        json["declineReasonKey"] = key.into();
    }
    json
}
