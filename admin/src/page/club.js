// What players wait for and what they have finished: pools, tickets, the archive, and what has not reached it yet.

import { duration, element, read } from "/assets/api.js";
import { variantName } from "/assets/words.js";

const EVERY_MS = 2000;
const LIMIT = 50;

const cell = (text, kind = "") => element("td", text, { class: kind });
const ago = (at) => duration(Math.max(0, Date.now() - at));

function person({ id, name, rating }) {
  const made = cell(rating ? `${name} (${rating})` : name, "name");
  made.title = `id ${id}`;
  return made;
}

function ticketRow(ticket) {
  const line = element("tr");
  line.append(
    person({ ...ticket, id: ticket.player }),
    cell(ago(ticket.created_at), "number"),
    cell(ago(ticket.seen_at), "number"),
  );
  return line;
}

function finishedRow(match) {
  const line = element("tr");
  const name = cell("");
  name.append(element("a", match.match_id, { href: `#/match/${match.match_id}` }));
  const rules = match.variant === "standard" ? "" : ` ${variantName(match.variant)}`;
  line.append(
    name,
    person(match.players.white),
    person(match.players.black),
    cell(`${match.time_control} ${match.speed}${rules}`, "wide"),
    cell(match.ply, "number wide"),
    cell(`${match.outcome} (${match.termination})`.replaceAll("_", " ")),
    cell(new Date(match.ended_at).toLocaleString(), "wide"),
  );
  return line;
}

export function club(main, say) {
  const form = main.querySelector("form");
  const [first, next] = [main.querySelector("#first"), main.querySelector("#next")];
  let pool = null;
  let cursor = null;
  let following = null;
  let stopped = false;
  let timer;
  let asking = new AbortController();

  function poolRow(each) {
    const line = element("tr");
    const name = cell("");
    const open = element("button", each.pool, { type: "button" });
    open.addEventListener("click", () => {
      pool = each.pool;
      look();
    });
    name.append(open);
    line.append(name, cell(each.waiting, "number"));
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
    // Not every process knows everything.
    const optional = (path, without) =>
      read(path, { signal }).catch((problem) => {
        if (problem.code === "not_possible") return without;
        throw problem;
      });
    try {
      const [pools, backlog, finished] = await Promise.all([
        optional("/v1/pools", { pools: [] }),
        read("/v1/backlog", { signal }),
        read(`/v1/finished?${query()}`, { signal }),
      ]);
      const asked = pool && `/v1/tickets?${new URLSearchParams({ pool })}`;
      const tickets = asked ? await optional(asked, null) : null;
      show(pools, backlog, finished, tickets);
      say("");
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (!stopped) say(problem);
    }
    if (!stopped && !signal.aborted) timer = setTimeout(look, EVERY_MS);
  }

  function show({ pools }, backlog, finished, tickets) {
    main.querySelector("#pools").replaceChildren(...pools.map(poolRow));
    main.querySelector("#no-pools").hidden = pools.length > 0;
    main.querySelector("#of-pool").hidden = !tickets;
    if (tickets) {
      main.querySelector("#pool-name").textContent = pool;
      main.querySelector("#tickets").replaceChildren(...tickets.tickets.map(ticketRow));
    }
    const oldest = backlog.oldest_ms === null ? "" : `, the oldest for ${duration(backlog.oldest_ms)}`;
    const unit = backlog.waiting === 1 ? "match waits" : "matches wait";
    main.querySelector("#backlog").textContent =
      `${backlog.waiting} finished ${unit} for archive, rating and feed${backlog.waiting ? oldest : ""}.`;
    main.querySelector("#finished").replaceChildren(...finished.matches.map(finishedRow));
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
