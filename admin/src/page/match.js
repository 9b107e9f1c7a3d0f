// One match: a live board, clocks, moves, who owns it, and what an operator may do.

import { act } from "/assets/actions.js";
import { clock, duration, element, events, text } from "/assets/api.js";
import { entitle, isGone } from "/assets/health.js";
import { explained, variantName } from "/assets/words.js";

const SVG = "http://www.w3.org/2000/svg";
const NAMES = { k: "king", q: "queen", r: "rook", b: "bishop", n: "knight", p: "pawn" };
/** Before a broken stream is asked for again. */
const PAUSE_MS = 1000;

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** The position of a FEN, seen from one side, with the squares of the last move marked. */
function draw(board, fen, last, isFlipped) {
  const marked = last ? [last.slice(0, 2), last.slice(2, 4)] : [];
  const parts = [];
  // The pockets of Crazyhouse follow the last rank, and a mark follows each promoted piece.
  const placement = fen.split(" ")[0].split("[")[0].replaceAll("~", "");
  placement.split("/").forEach((rank, row) => {
    let file = 0;
    for (const letter of rank.replace(/\d/g, (skip) => "-".repeat(Number(skip)))) {
      const square = "abcdefgh"[file] + (8 - row);
      const shade = (row + file) % 2 ? "dark" : "light";
      const kind = marked.includes(square) ? `${shade} last` : shade;
      const [column, line] = isFlipped ? [7 - file, 7 - row] : [file, row];
      const place = { x: column * 45, y: line * 45, width: 45, height: 45 };
      parts.push(shape("rect", { ...place, class: kind, "data-square": square }));
      if (column === 0) parts.push(coordinate(square[1], -8, place.y + 26));
      if (line === 7) parts.push(coordinate(square[0], place.x + 22.5, 372));
      const name = NAMES[letter.toLowerCase()];
      if (name) {
        const colour = letter === letter.toLowerCase() ? "black" : "white";
        const href = `#${colour}-${name}`;
        parts.push(shape("use", { ...place, href, "data-piece": `${letter}${square}` }));
      }
      file += 1;
    }
  });
  board.replaceChildren(...parts);
  board.setAttribute("aria-label", fen);
}

/** The name of a file or rank, beside the board. */
function coordinate(name, x, y) {
  const made = shape("text", { x, y, "text-anchor": "middle", class: "coordinate" });
  made.textContent = name;
  return made;
}

function player(place, seat, match) {
  const { id, name, rating, is_bot: isBot, connected, rtt_ms: rtt, silent_ms: silent } = match.players[seat];
  const dot = element("span", "", { class: connected ? "dot on" : "dot" });
  dot.title = { true: "connected", false: "not connected" }[connected] ?? "not known";
  const facts = [];
  if (rtt !== null) facts.push(`RTT ${duration(rtt)}`);
  if (silent !== null) facts.push(`heard ${duration(silent)} ago`);
  const who = element("div", "", { class: "who" });
  const more = element("span", "", { class: "hint more" });
  const said = element("span", facts.length ? ` · ${facts.join(" · ")}` : "", { class: "link" });
  more.append(element("span", id, { class: "id", title: "The player's id" }), said);
  who.append(element("strong", name));
  if (isBot) who.append(" ", element("span", "bot", { class: "hint" }));
  if (rating !== null) who.append(` ${rating}`);
  who.append(more);
  place.replaceChildren(dot, who, element("span", "", { class: "clock", "data-seat": seat }));
}

function listMoves(list, moves) {
  const pairs = [];
  for (let i = 0; i < moves.length; i += 2) {
    const line = element("li");
    for (const [offset, { san, clock_ms: left }] of moves.slice(i, i + 2).entries()) {
      const newest = i + offset === moves.length - 1;
      const move = element("span", san, newest ? { class: "newest" } : {});
      move.title = clock(left);
      line.append(move);
    }
    pairs.push(line);
  }
  list.replaceChildren(...pairs);
  list.scrollTop = list.scrollHeight;
}

/** The pieces that can be dropped, and the checks that are left, where the variant has them. */
function pockets({ fen }) {
  const [, held] = fen.match(/\[(.*)\]/) ?? [];
  const [, white, black] = fen.match(/ (\d)\+(\d) /) ?? [];
  const rows = [];
  if (held !== undefined) rows.push(["Pockets", held || "empty"]);
  if (white) rows.push(["Checks left", `White ${white}, Black ${black}`]);
  return rows;
}

/** The terms that differ from the usual ones. */
function terms({ rated, clock_start: clocks, start_at: starts, spectator_delay_s: delay, chat, rules, tags }) {
  const rows = [["Rated", rated ? "yes" : "no"]];
  if (clocks === "at_once") rows.push(["Clocks", "run from the start"]);
  if (starts) rows.push(["Starts", new Date(starts).toLocaleString()]);
  if (delay) rows.push(["Spectators' delay", `${delay} s`]);
  if (!chat) rows.push(["Chat", "off"]);
  if (rules.length) rows.push(["Rules", rules.join(", ").replaceAll("_", " ")]);
  for (const [name, value] of Object.entries(tags ?? {})) {
    if (value) rows.push([name[0].toUpperCase() + name.slice(1), value]);
  }
  return rows;
}

function facts(match) {
  const own = match.ownership;
  const rows = [
    ["Owner", own.owner],
    ["Epoch", own.epoch],
    ["Last confirmed event", own.confirmed_seq],
    ["Unconfirmed events", own.unconfirmed_events ?? "not known"],
    ["Checkpoint lag", own.unconfirmed_events ? duration(own.checkpoint_lag_ms) : "none"],
    ["Snapshot at event", own.snapshot_seq],
    ["RTT", `White ${duration(match.players.white.rtt_ms)}, Black ${duration(match.players.black.rtt_ms)}`],
    ["Owner's fenced writes", own.owner_fenced_total ?? "not known"],
    ["Watching", match.spectators ?? "not known"],
    ["Control", `${match.time_control} (${match.speed})`],
    ["Variant", variantName(match.variant)],
    ...pockets(match),
    ...terms(match.terms),
    ["Draw offer", match.draw_offer ?? "none"],
    ["Takeback request", match.takeback_offer ?? "none"],
    ["Rematch", match.rematch ?? (match.rematch_offer ? `offered by ${match.rematch_offer}` : "none")],
    ["Position", match.fen],
    ["Made", new Date(match.created_at).toLocaleString()],
  ];
  return rows.flatMap(([name, value]) => {
    const term = element("dt");
    term.append(explained(name));
    return [term, element("dd", value)];
  });
}

function state(match) {
  if (match.result) {
    return `${match.result.outcome}: ${match.result.termination}`.replaceAll("_", " ");
  }
  if (match.stale) return "No shard tells of it: this is what the store has. To end it, a shard loads it first.";
  if (match.paused) return "Paused: the store does not answer.";
  return `${match.turn} to move`;
}

export function match(main, say, id) {
  const path = `/v1/matches/${id}`;
  const leaving = new AbortController();
  const part = (name) => main.querySelector(name);
  let shown = null;
  let since = 0;
  let isFlipped = false;

  function show(details) {
    shown = details;
    since = performance.now();
    const { white, black } = details.players;
    part("#title").textContent = `${white.name} – ${black.name}`;
    part("#match-id").textContent = details.match_id;
    entitle(`${white.name} – ${black.name}`);
    drawBoard();
    player(part("#white-player"), "white", details);
    player(part("#black-player"), "black", details);
    listMoves(part("#moves"), details.moves);
    part("#facts").replaceChildren(...facts(details));
    part("#state").textContent = state(details);
    for (const control of main.querySelectorAll(".of-match :is(button, select)")) {
      control.disabled = details.status !== "live";
    }
    for (const seat of ["white", "black"]) {
      part(`#${seat}-name`).textContent = details.players[seat].name;
      part(`#${seat}-id`).textContent = details.players[seat].id;
      part(`#shut-out-${seat}`).disabled = false;
    }
    tick();
  }

  function drawBoard() {
    draw(part("#board"), shown.fen, shown.moves.at(-1)?.uci, isFlipped);
  }

  function tick() {
    // The clocks of a server that does not answer stand still, and none of them is marked.
    const stopped = isGone();
    for (const face of stopped ? main.querySelectorAll(".clock.runs") : []) face.classList.remove("runs");
    if (!shown || stopped) return;
    for (const face of main.querySelectorAll(".clock")) {
      const { seat } = face.dataset;
      const runs = shown.clocks.running === seat && !shown.paused && !shown.stale;
      const used = runs ? performance.now() - since : 0;
      face.textContent = clock(Math.max(0, shown.clocks[`${seat}_ms`] - used));
      face.classList.toggle("runs", runs);
    }
  }

  async function follow() {
    while (!leaving.signal.aborted) {
      try {
        for await (const [name, data] of events(`${path}/events`, leaving.signal)) {
          if (name === "match") show(data);
          say(name === "problem" ? data.detail : "");
        }
        if (shown?.status === "finished") return;
      } catch (problem) {
        if (leaving.signal.aborted) return;
        // A stream that breaks off is a network error of its reader, and opened again.
        if (problem.code) say(problem);
        if (problem.code === "match_not_found" || problem.code === "invalid_id") return;
      }
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
  }

  const named = () => `${shown.players.white.name} – ${shown.players.black.name} (match ${id})`;
  const ask = (wish, to, body) => act(part("#confirm"), part("#answer"), wish, to, body);

  part("#handoff").addEventListener("click", () => {
    const wish = {
      title: `Hand off ${named()}?`,
      effect: "Another shard runs the match from now on. Play goes on: the players are moved over by themselves, and nothing is lost.",
      verb: "Hand off",
      done: ({ to }) => `On its way to ${to}.`,
    };
    ask(wish, `${path}/handoff`);
  });
  part("#abort").addEventListener("click", () => {
    const wish = {
      title: `Abort ${named()}?`,
      effect: "The match ends at once, without a result, for both players. This cannot be undone.",
      verb: "Abort the match",
      danger: true,
      done: () => "Aborted, and confirmed.",
    };
    ask(wish, `${path}/abort`);
  });
  part("#adjudicate").addEventListener("submit", (event) => {
    event.preventDefault();
    const { value, selectedOptions } = event.target.elements.outcome;
    const result = selectedOptions[0].textContent;
    const wish = {
      title: `End ${named()} with ${result}?`,
      effect: "The match ends at once with this result, for both players. This cannot be undone.",
      verb: `Adjudicate ${result}`,
      done: () => `Adjudicated ${result}, and confirmed.`,
    };
    ask(wish, `${path}/adjudicate`, { outcome: value });
  });
  for (const seat of ["white", "black"]) {
    part(`#shut-out-${seat}`).addEventListener("click", () => {
      const { id: player, name } = shown.players[seat];
      const wish = {
        title: `Shut out ${name} (player ${player})?`,
        effect: `All connections of this player are closed, in ${named()} and in every other match, and the player's tokens and log-ins are refused until you restore the player (under Players). The clock runs on.`,
        verb: `Shut out ${name}`,
        danger: true,
        done: ({ closed }) => `${name} is shut out; ${closed} closed at once.`,
      };
      ask(wish, `/v1/players/${encodeURIComponent(player)}/revoke`);
    });
  }
  part("#flip").addEventListener("click", () => {
    isFlipped = !isFlipped;
    part(".table-side").classList.toggle("flipped", isFlipped);
    if (shown) drawBoard();
  });
  part("#pgn").addEventListener("click", async () => {
    const file = new Blob([await text(`${path}/pgn`)], { type: "application/x-chess-pgn" });
    const link = element("a", "", { href: URL.createObjectURL(file), download: `${id}.pgn` });
    link.click();
    URL.revokeObjectURL(link.href);
  });
  const timer = setInterval(tick, 100);
  follow();
  return () => {
    leaving.abort();
    clearInterval(timer);
  };
}
