// What players wait for and what they have finished: pools, tickets, challenges, the archive, and what has not reached it yet.

import { element, read } from "/assets/api.js";
import { variantName } from "/assets/words.js";

const EVERY_MS = 2000;
const LIMIT = 50;
// A pool pairs whoever has asked within this; a longer silence is of a client that is gone.
const GONE_AFTER_MS = 10000;
// Longer than archiving, rating and publishing ever take while all is well.
const LATE_AFTER_MS = 60000;

const cell = (text, kind = "") => element("td", text, { class: kind });
const SCORES = { white_wins: "1-0", black_wins: "0-1", draw: "½-½", aborted: "aborted" };
const ago = (at) => wait(Math.max(0, Date.now() - at));

/** The terms of a match in words, as far as most people ask for them. */
function terms({ time_control: control, variant, rated }) {
  const rules = variant === "standard" ? "" : ` ${variantName(variant)}`;
  return `${control}${rules}${rated ? " rated" : ""}`;
}

/** A wait in words: whole seconds, then minutes, then hours. */
function wait(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function person({ id, name, rating, is_bot: isBot }) {
  const made = cell(`${name}${rating ? ` (${rating})` : ""}${isBot ? " (bot)" : ""}`, "name");
  made.title = `id ${id}`;
  return made;
}

function ticketRow(ticket) {
  const line = element("tr");
  const gone = Date.now() - ticket.seen_at > GONE_AFTER_MS;
  line.append(
    person({ ...ticket, id: ticket.player }),
    cell(ago(ticket.created_at), "number"),
    gone ? cell(`gone for ${ago(ticket.seen_at)}`, "warn") : cell("waits"),
  );
  return line;
}

function challengeRow(challenge) {
  const line = element("tr");
  line.append(
    person({ ...challenge, id: challenge.player }),
    cell(terms(challenge)),
    cell(ago(challenge.created_at), "number"),
    cell(wait(Math.max(0, challenge.expires_at - Date.now())), "number wide"),
  );
  return line;
}

function finishedRow(match) {
  const line = element("tr");
  const name = cell("");
  name.append(element("a", match.match_id, { href: `#/match/${match.match_id}` }));
  const reason = ` (${match.termination.replaceAll("_", " ")})`;
  const result = cell(SCORES[match.outcome] ?? match.outcome);
  result.title = `${result.textContent}${reason}`;
  result.append(element("span", reason, { class: "wide" }));
  line.append(
    name,
    person(match.players.white),
    person(match.players.black),
    cell(`${terms(match)}, ${match.speed}`, "wide"),
    cell(match.ply, "number wide"),
    result,
    cell(new Date(match.ended_at).toLocaleString(), "wide"),
  );
  return line;
}

export function club(main, say) {
  const form = main.querySelector("form");
  const [first, next] = [main.querySelector("#first"), main.querySelector("#next")];
  let pool = null;
  let named = "";
  let cursor = null;
  let following = null;
  let stopped = false;
  let timer;
  let asking = new AbortController();

  function poolRow(each) {
    const line = element("tr");
    const name = cell("");
    const isOpen = pool === each.pool;
    const attributes = { type: "button", class: "link", "aria-expanded": isOpen, title: each.pool };
    const open = element("button", terms(each), attributes);
    open.addEventListener("click", () => {
      pool = isOpen ? null : each.pool;
      named = terms(each);
      look();
    });
    name.append(open);
    line.append(name, cell(each.waiting, "number"), cell(wait(each.longest_ms), "number"));
    return line;
  }

  function query() {
    const asked = new URLSearchParams({ limit: LIMIT });
    const player = form.elements.player.value.trim();
    if (player) asked.set("player", player);
    if (cursor) asked.set("cursor", cursor);
    return asked;
  }

  async function look() {
    clearTimeout(timer);
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const asked = pool && `/v1/tickets?${new URLSearchParams({ pool })}`;
    try {
      const [pools, challenges, backlog, finished, tickets] = await Promise.all([
        read("/v1/pools", { signal }),
        read("/v1/challenges", { signal }),
        read("/v1/backlog", { signal }),
        read(`/v1/finished?${query()}`, { signal }),
        asked && read(asked, { signal }),
      ]);
      showWaiting(pools, challenges, tickets);
      showFinished(backlog, finished);
      say("");
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (!stopped) say(problem);
    }
    if (!stopped && !signal.aborted) timer = setTimeout(look, EVERY_MS);
  }

  /** Fills a table, and hides it if it is empty. */
  function fill(name, rows) {
    const body = main.querySelector(`#${name}`);
    // A focused button stays focused when its row is made anew.
    const focused = [...body.querySelectorAll("button")].indexOf(document.activeElement);
    body.replaceChildren(...rows);
    body.querySelectorAll("button")[focused]?.focus();
    body.closest("table").hidden = !rows.length;
    main.querySelector(`#no-${name}`).hidden = rows.length > 0;
  }

  function showWaiting({ pools }, { challenges }, tickets) {
    fill("pools", pools.map(poolRow));
    fill("challenges", challenges.map(challengeRow));
    main.querySelector("#of-pool").hidden = !tickets;
    if (tickets) {
      main.querySelector("#pool-name").textContent = named;
      fill("tickets", tickets.tickets.map(ticketRow));
    }
  }

  function showFinished({ waiting, oldest_ms: oldestMs }, finished) {
    const oldest = oldestMs === null ? "" : `, the oldest for ${wait(oldestMs)}`;
    const unit = waiting === 1 ? "match waits to be" : "matches wait to be";
    const backlog = main.querySelector("#backlog");
    backlog.textContent = waiting
      ? `${waiting} finished ${unit} archived, rated and published${oldest}.`
      : "All finished matches are archived, rated and published.";
    backlog.className = waiting && oldestMs > LATE_AFTER_MS ? "bad" : "hint";
    fill("finished", finished.matches.map(finishedRow));
    following = finished.next;
    next.hidden = !following;
    first.hidden = !cursor;
  }

  function from(place) {
    cursor = place;
    look();
  }

  form.addEventListener("input", () => from(null));
  form.addEventListener("submit", (event) => event.preventDefault());
  next.addEventListener("click", () => from(following));
  first.addEventListener("click", () => from(null));
  look();
  return () => {
    stopped = true;
    clearTimeout(timer);
    asking.abort();
  };
}
