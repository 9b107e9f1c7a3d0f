// One match: a live board, clocks, moves, who owns it, and what an operator may do.

import { change, clock, duration, element, events, text } from "/assets/api.js";

const SVG = "http://www.w3.org/2000/svg";
const NAMES = { k: "king", q: "queen", r: "rook", b: "bishop", n: "knight", p: "pawn" };
/** Before a broken stream is asked for again. */
const PAUSE_MS = 1000;

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** The position of a FEN, seen from White, with the squares of the last move marked. */
function draw(board, fen, last) {
  const marked = last ? [last.slice(0, 2), last.slice(2, 4)] : [];
  const parts = [];
  fen.split(" ")[0].split("/").forEach((rank, row) => {
    let file = 0;
    for (const letter of rank.replace(/\d/g, (skip) => "-".repeat(Number(skip)))) {
      const square = "abcdefgh"[file] + (8 - row);
      const shade = (row + file) % 2 ? "dark" : "light";
      const kind = marked.includes(square) ? `${shade} last` : shade;
      const place = { x: file * 45, y: row * 45, width: 45, height: 45 };
      parts.push(shape("rect", { ...place, class: kind, "data-square": square }));
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

function player(place, seat, match) {
  const { name, connected, rtt_ms: rtt, silent_ms: silent } = match.players[seat];
  const dot = element("span", "", { class: connected ? "dot on" : "dot" });
  dot.title = connected ? "connected" : "not connected";
  const facts = [];
  if (rtt !== null) facts.push(`RTT ${duration(rtt)}`);
  if (silent !== null) facts.push(`heard ${duration(silent)} ago`);
  const shown = element("span", "", { class: "clock", "data-seat": seat });
  place.replaceChildren(
    dot,
    element("strong", name),
    element("span", facts.join(" · "), { class: "hint" }),
    shown,
  );
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

function facts(match) {
  const own = match.ownership;
  const rows = [
    ["Owner", own.owner],
    ["Epoch", own.epoch],
    ["Last confirmed event", own.confirmed_seq],
    ["Unconfirmed events", own.unconfirmed_events ?? "not known"],
    ["Checkpoint lag", own.unconfirmed_events ? duration(own.checkpoint_lag_ms) : "none"],
    ["Snapshot at event", own.snapshot_seq],
    ["Owner's fenced writes", own.owner_fenced_total ?? "not known"],
    ["Watching", match.spectators ?? "not known"],
    ["Control", `${match.time_control} (${match.speed})`],
    ["Variant", match.variant.replaceAll("_", " ")],
    ["Draw offer", match.draw_offer ?? "none"],
    ["Made", new Date(match.created_at).toLocaleString()],
  ];
  return rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]);
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

  function show(details) {
    shown = details;
    since = performance.now();
    const { white, black } = details.players;
    part("#title").textContent = `${white.name} – ${black.name}`;
    draw(part("#board"), details.fen, details.moves.at(-1)?.uci);
    player(part("#white-player"), "white", details);
    player(part("#black-player"), "black", details);
    listMoves(part("#moves"), details.moves);
    part("#facts").replaceChildren(...facts(details));
    part("#state").textContent = state(details);
    for (const button of main.querySelectorAll(".actions-side button")) {
      button.disabled = details.status !== "live";
    }
    tick();
  }

  function tick() {
    if (!shown) return;
    for (const face of main.querySelectorAll(".clock")) {
      const { seat } = face.dataset;
      const runs = shown.clocks.running === seat && !shown.paused && !shown.stale;
      const gone = runs ? performance.now() - since : 0;
      face.textContent = clock(Math.max(0, shown.clocks[`${seat}_ms`] - gone));
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
        say(problem.message ?? "The stream broke off.");
        if (problem.code === "match_not_found" || problem.code === "invalid_id") return;
      }
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
  }

  async function act(question, what, body) {
    const dialog = part("#confirm");
    part("#question").textContent = question;
    dialog.returnValue = "no";
    dialog.showModal();
    await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
    if (dialog.returnValue !== "yes") return;
    const answer = part("#answer");
    answer.textContent = "…";
    try {
      const done = await change(`${path}/${what}`, body);
      answer.textContent = done.to ? `On its way to ${done.to}.` : "Done, and confirmed.";
    } catch (problem) {
      answer.textContent = problem.message;
    }
  }

  part("#abort").addEventListener("click", () => act("End this match without a result?", "abort"));
  part("#handoff").addEventListener("click", () => act("Give this match to another shard?", "handoff"));
  part("#adjudicate").addEventListener("submit", (event) => {
    event.preventDefault();
    const { value, selectedOptions } = event.target.elements.outcome;
    act(`End this match with ${selectedOptions[0].textContent}?`, "adjudicate", { outcome: value });
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
