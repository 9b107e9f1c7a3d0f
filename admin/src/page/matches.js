// The table of matches: filtered and sorted by the server.

import { clock, element, read } from "/assets/api.js";
import { variantName } from "/assets/words.js";

const EVERY_MS = 2000;
const LIMIT = 50;

function status(match) {
  if (match.result) return `${match.result.outcome} (${match.result.termination})`;
  return match.stale ? "live, unattended" : "live";
}

/** A player's name, with a dot that tells whether the player is there. */
function seat({ id, name, connected }) {
  const cell = element("td", "", { class: "name" });
  const dot = element("span", "", { class: connected ? "dot on" : "dot" });
  const there = { true: "connected", false: "not connected" }[connected] ?? "not known";
  cell.title = `${there}, id ${id}`;
  cell.append(dot, ` ${name}`);
  return cell;
}

function row(match) {
  const line = element("tr");
  const cell = (text, kind = "") => element("td", text, { class: kind });
  const name = cell("");
  name.append(element("a", match.match_id, { href: `#/match/${match.match_id}` }));
  const { white, black } = match.players;
  const { white_ms, black_ms } = match.clocks;
  const rules = match.variant === "standard" ? "" : ` ${variantName(match.variant)}`;
  line.append(
    name,
    seat(white),
    seat(black),
    cell(`${match.time_control} ${match.speed}${rules}`, "wide"),
    cell(match.ply, "number wide"),
    cell(`${clock(white_ms)} · ${clock(black_ms)}`, "number"),
    cell(status(match).replaceAll("_", " "), match.stale ? "warn" : ""),
    cell(match.spectators ?? "–", "number wide"),
    cell(`${match.owner} @${match.epoch}`, "wide"),
    cell(match.unconfirmed ?? "–", "number wide"),
  );
  return line;
}

export function matches(main, say, shard) {
  const form = main.querySelector("form");
  const [first, next] = [main.querySelector("#first"), main.querySelector("#next")];
  if (shard) form.elements.shard.value = shard;
  let sort = "-created";
  let cursor = null;
  let following = null;
  let stopped = false;
  let timer;
  let asking = new AbortController();

  function query() {
    const asked = new URLSearchParams({ limit: LIMIT, sort });
    for (const [name, value] of new FormData(form)) if (value.trim()) asked.set(name, value.trim());
    if (cursor) asked.set("cursor", cursor);
    return asked;
  }

  async function look() {
    clearTimeout(timer);
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    if (form.checkValidity()) {
      try {
        show(await read(`/v1/matches?${query()}`, { signal }));
        say("");
      } catch (problem) {
        if (problem.name === "AbortError") return;
        if (!stopped) say(problem);
      }
    }
    if (!stopped && !signal.aborted) timer = setTimeout(look, EVERY_MS);
  }

  function show(list) {
    const stale = list.stale ? " The store answered for what no shard told of, maybe not for all of it yet." : "";
    const unit = list.total === 1 ? "match" : "matches";
    main.querySelector("#count").textContent = `${list.total} ${unit}.${stale}`;
    main.querySelector("#rows").replaceChildren(...list.matches.map(row));
    following = list.next;
    next.hidden = !following;
    first.hidden = !cursor;
    for (const button of main.querySelectorAll("[data-sort]")) {
      const header = button.closest("th");
      const name = button.dataset.sort;
      header.removeAttribute("aria-sort");
      if (sort === name) header.setAttribute("aria-sort", "ascending");
      if (sort === `-${name}`) header.setAttribute("aria-sort", "descending");
    }
  }

  function from(place) {
    cursor = place;
    look();
  }

  form.addEventListener("input", () => from(null));
  form.addEventListener("submit", (event) => event.preventDefault());
  next.addEventListener("click", () => from(following));
  first.addEventListener("click", () => from(null));
  for (const button of main.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      const name = button.dataset.sort;
      sort = sort === `-${name}` ? name : `-${name}`;
      from(null);
    });
  }
  look();
  return () => {
    stopped = true;
    clearTimeout(timer);
    asking.abort();
  };
}
