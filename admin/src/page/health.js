// Whether all is well, in one line and in the tab's title: asked for once a second on every page.

import { duration, element, read, ready } from "/assets/api.js";

const EVERY_MS = 1000;
/** A write that waits longer than this makes players wait. */
const LAG_MAX_MS = 1000;
/** For how long it is said that a shard died, after the others have taken its matches. */
const DEAD_SHOWN_MS = 10 * 60 * 1000;
/** The name of a store that does not outlive its process. */
const MEMORY = "in memory only";

const line = document.querySelector("#health");
const listeners = new Set();
/** The shards that have answered, those of them that did not any more at the last look, and those that were
 * not listed after that: when. */
const answered = new Set();
let silent = new Set();
const gone = new Map();
let page = "Rookery";
let timer;
let asking = null;
/** When the server was last heard, while it does not answer. */
let goneSince = null;
let heardAt = null;
/** Where matches are kept, if the server tells. */
let store = null;

const MARKS = { good: "✓", warn: "⚠", bad: "✕" };

/** Whether the server has stopped answering. */
export const isGone = () => goneSince !== null;

/** Calls `listener` with each answer of `/v1/shards`; returns how to stop that. */
export function onLook(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What the tab is called after its mark. */
export function entitle(text) {
  page = text;
  title();
}

function title() {
  const mark = MARKS[line.dataset.state];
  document.title = mark && !line.hidden ? `${mark} ${page} · Rookery` : "Rookery";
}

function tell(state, text) {
  // A screen reader reads the line again when it is written: only where it changed.
  if (line.textContent !== text || line.dataset.state !== state) {
    const [first, ...rest] = text.split(": ");
    line.replaceChildren(element("span", "", { class: "dot" }), element("strong", first));
    if (rest.length) line.append(`: ${rest.join(": ")}`);
  }
  line.dataset.state = state;
  line.hidden = false;
  title();
}

const named = (shards) => shards.map((shard) => shard.id).join(", ");
const plural = (shards) => (shards.length > 1 ? "Shards" : "Shard");

/** Shards that fell silent and are not listed any more: once the others have taken all its matches, the
 * registry forgets a dead shard. One that leaves answers to the last. */
function died(shards, now) {
  const listed = new Set(shards.map((shard) => shard.id));
  for (const id of silent) if (!listed.has(id)) gone.set(id, now);
  for (const [id, since] of gone) {
    if (listed.has(id) || now - since > DEAD_SHOWN_MS) gone.delete(id);
  }
  for (const { id, figures } of shards) if (figures) answered.add(id);
  for (const id of answered) if (!listed.has(id)) answered.delete(id);
  const quiet = shards.filter(({ id, figures }) => !figures && answered.has(id));
  silent = new Set(quiet.map(({ id }) => id));
  return [...gone.keys()].map((id) => ({ id }));
}

/** What is not well, the worst first: pairs of a state and a sentence. `died` are shards that are not listed
 * any more. */
export function troubles({ shards, stale }, unready, died = []) {
  const found = [];
  const add = (state, which, say) => {
    if (which.length) found.push([state, say(`${plural(which)} ${named(which)}`, which)]);
  };
  const lags = (shard) => shard.figures?.checkpoint_lag_ms > LAG_MAX_MS;
  if (unready) found.push(["bad", `Not ready: ${unready}`]);
  if (!shards.length) found.push(["bad", "No shard is registered: no match can be played."]);
  const paused = shards.filter((shard) => shard.paused);
  add("bad", paused, (who) => `Play is paused, as the store does not answer: ${who}.`);
  const dead = shards.filter((shard) => shard.state === "dead");
  add("bad", [...dead, ...died], (who) => `Down: ${who}.`);
  const slow = shards.filter(lags);
  add("warn", slow, (who, each) => {
    const worst = Math.max(...each.map((shard) => shard.figures.checkpoint_lag_ms));
    return `The store is slow: ${who} waits ${duration(worst)}.`;
  });
  const silent = stale ? shards.filter((each) => each.state === "live" && !each.figures) : [];
  add("warn", silent, (who) => `No answer at the admin endpoint: ${who}.`);
  const draining = shards.filter((shard) => shard.state === "draining");
  add("warn", draining, (who) => `Draining, takes no new matches: ${who}.`);
  return found;
}

function judge(list, unready) {
  const found = troubles(list, unready, died(list.shards, Date.now()));
  if (found.length) {
    const state = found.some(([kind]) => kind === "bad") ? "bad" : "warn";
    tell(state, found.map(([, text]) => text).join(" "));
    return;
  }
  const { length } = list.shards;
  const live = length === 1 ? "1 shard is live" : `${length} shards are live`;
  const kept = store ? ` (${store})` : "";
  if (store === MEMORY) {
    tell("warn", `Nothing is stored: ${live}, and matches end with the process (${store}).`);
    return;
  }
  tell("good", `All is well: ${live}, the store${kept} answers, nothing waits.`);
}

/** The server does not answer: what is shown is from before. */
export function lost() {
  if (line.hidden) return;
  goneSince ??= heardAt ?? new Date();
  document.body.classList.add("gone");
  const when = goneSince.toLocaleTimeString();
  tell("bad", `The server has not answered since ${when}: what is shown is from then.`);
}

function heard() {
  goneSince = null;
  heardAt = new Date();
  document.body.classList.remove("gone");
}

async function look() {
  const { signal } = (asking = new AbortController());
  try {
    const [list, unready] = await Promise.all([
      read("/v1/shards", { signal }),
      ready({ signal }),
    ]);
    if (signal.aborted) return;
    heard();
    judge(list, unready);
    for (const listener of listeners) listener(list);
  } catch (problem) {
    if (signal.aborted) return;
    if (problem.code === "unreachable") lost();
    else {
      heard();
      tell("bad", `Not ready: ${problem.message}`);
    }
  }
  timer = setTimeout(look, EVERY_MS);
}

async function askStore() {
  try {
    const { settings } = await read("/v1/config");
    store = settings.find(({ name }) => name === "store")?.value ?? null;
  } catch {
    // The line says it without the name.
    store = null;
  }
}

/** Begins to ask, unless it does already. */
export function watch() {
  if (asking) return;
  line.hidden = false;
  look();
  askStore();
}

/** Nobody is signed in any more. */
export function rest() {
  asking?.abort();
  asking = null;
  clearTimeout(timer);
  goneSince = null;
  answered.clear();
  silent.clear();
  gone.clear();
  document.body.classList.remove("gone");
  line.hidden = true;
  line.dataset.state = "";
  title();
}
