// The installation at a glance: figures with small live plots, and the shards.

import { listActions } from "/assets/actions.js";
import { duration, element } from "/assets/api.js";
import { onLook } from "/assets/health.js";
import { explained } from "/assets/words.js";

/** Rates and percentiles are of so many seconds. */
const WINDOW = 10;
/** What a plot shows, in seconds: the first of these that all points fit into. */
const SPANS = [30, 60, 120];
const POINTS = SPANS.at(-1);

const sum = (shards, pick) => shards.reduce((total, shard) => total + (pick(shard) ?? 0), 0);

/** What was counted between two looks at a shard; nothing if it was started again in between. */
function since(now, before) {
  if (!now || !before || now.uptime_ms <= before.uptime_ms) return null;
  const seconds = (now.uptime_ms - before.uptime_ms) / 1000;
  const times = (key) =>
    now[key].below_ms.map(([bound, n], i) => [bound, n - (before[key].below_ms[i]?.[1] ?? 0)]);
  return {
    moves: (now.moves_total - before.moves_total) / seconds,
    ack: { count: now.ack.count - before.ack.count, below: times("ack") },
    store: { count: now.store.count - before.store.count, below: times("store") },
  };
}

function merged(histograms) {
  const [first, ...others] = histograms;
  if (!first) return { count: 0, below: [] };
  const below = first.below.map(([bound, n], i) => [
    bound,
    others.reduce((total, other) => total + (other.below[i]?.[1] ?? 0), n),
  ]);
  return { count: sum(histograms, (each) => each.count), below };
}

/** A percentile, interpolated within its bucket. */
export function percentile({ count, below }, part) {
  if (!count) return null;
  const rank = count * part;
  let [low, under] = [0, 0];
  for (const [bound, n] of below) {
    if (n >= rank) return low + ((bound - low) * (rank - under)) / Math.max(1, n - under);
    [low, under] = [bound, n];
  }
  return low;
}

const count = (n) => String(n);

/** Name, figure, how it is written, and its unit. A scale of durations is at least 1 ms, others 1. */
const TILES = [
  ["Shards", (o) => o.live, count],
  ["Live matches", (o) => o.matches, count],
  ["Connections", (o) => o.connections, count],
  ["Moves per second", (o) => o.moves, (n) => (Number.isInteger(n) ? String(n) : n.toFixed(1))],
  ["Ack, median", (o) => percentile(o.ack, 0.5), duration],
  ["Ack, 99 %", (o) => percentile(o.ack, 0.99), duration],
  ["Store, 99 %", (o) => percentile(o.store, 0.99), duration],
  ["Checkpoint lag", (o) => o.lag, duration],
  ["Takeovers", (o) => o.takeovers, count],
  ["Fenced, lost, forked", (o) => o.incidents, count],
];

/** The end of a scale: the next of 1, 2, 5, 10, 20, … */
export function scale(values) {
  const top = Math.max(1, ...values.map((value) => value ?? 0));
  const power = 10 ** Math.floor(Math.log10(top));
  return [1, 2, 5, 10].map((step) => step * power).find((end) => end >= top);
}

function plot(values, top, span) {
  let path = "";
  let pen = "M";
  values.forEach((value, i) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const x = 100 - (values.length - 1 - i) * (100 / (span - 1));
    path += `${pen}${x.toFixed(1)} ${(29 - (28 * value) / top).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

function drawing() {
  const make = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const svg = make("svg", { viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" });
  const line = make("path", { class: "plot" });
  svg.append(make("path", { class: "grid", d: "M0 1H100M0 29H100" }), line);
  return [svg, line];
}

function tiles(section) {
  return TILES.map(([name, pick, write]) => {
    const tile = element("div", "", { class: "tile" });
    const value = element("div", "–", { class: "value" });
    const [svg, line] = drawing();
    const [height, length] = [element("span"), element("span")];
    const axes = element("div", "", { class: "axes" });
    axes.append(height, length);
    const caption = element("div", "", { class: "name" });
    caption.append(explained(name));
    tile.append(caption, value, svg, axes);
    section.append(tile);
    const values = [];
    return (figures) => {
      const number = pick(figures);
      values.push(number);
      if (values.length > POINTS) values.shift();
      const [top, span] = [scale(values), SPANS.find((each) => values.length <= each)];
      value.textContent = number === null ? "–" : write(number);
      height.textContent = write === duration ? `0 – ${top < 1000 ? `${top} ms` : `${top / 1000} s`}` : `0 – ${top}`;
      length.textContent = span < 60 ? `last ${span} s` : `last ${span / 60} min`;
      line.setAttribute("d", plot(values, top, span));
    };
  });
}

const STATES = { live: "good", draining: "warn", dead: "bad" };

function row(shard, rates) {
  const line = element("tr");
  const load = element("meter", "", { min: 0, max: shard.capacity, value: shard.live_matches });
  load.title = `${shard.live_matches} of ${shard.capacity}`;
  const cell = (text, kind = "number") => element("td", text, { class: kind });
  const name = cell("", "");
  name.append(element("a", shard.id, { href: `#/matches/${shard.id}` }));
  const meter = cell("", "wide");
  meter.append(load);
  const state = shard.paused ? "paused" : shard.state;
  const status = cell("", STATES[state] ?? "warn");
  status.append(element("span", "", { class: "dot now" }), ` ${state}`);
  if (shard.pause_reason) {
    status.title = shard.pause_reason;
    status.append(element("small", `: ${shard.pause_reason}`));
  }
  const figures = shard.figures;
  line.append(
    name,
    status,
    meter,
    cell(shard.live_matches),
    cell(figures?.connections ?? "–", "number wide"),
    cell(rates ? rates.moves.toFixed(1) : "–"),
    cell(rates ? duration(percentile(rates.ack, 0.99)) : "–"),
    cell(duration(figures?.checkpoint_lag_ms)),
    cell(figures?.takeovers_total ?? "–", "number wide"),
    cell(figures?.fenced_total ?? "–", "number wide"),
  );
  return line;
}

export function overview(main, say) {
  const draw = tiles(main.querySelector(".tiles"));
  const looks = [];
  let stopped = false;

  function look({ shards }) {
    const figures = new Map(shards.map((shard) => [shard.id, shard.figures]));
    looks.push(figures);
    if (looks.length > WINDOW) looks.shift();
    const rates = new Map(
      shards.map(({ id, figures: now }) => {
        const before = looks.map((each) => each.get(id)).find((each) => each);
        return [id, since(now, before)];
      }),
    );
    show(shards, rates);
    acted();
  }

  async function acted() {
    try {
      await listActions(main.querySelector("#actions"), main.querySelector("#no-actions"));
      if (!stopped) say("");
    } catch (problem) {
      if (!stopped) say(problem);
    }
  }

  function show(shards, rates) {
    const known = [...rates.values()].filter((each) => each);
    const asked = shards.map((shard) => shard.figures).filter((each) => each);
    const all = {
      live: shards.filter((shard) => shard.state !== "dead").length,
      matches: sum(
        shards.filter((shard) => shard.state !== "dead"),
        (shard) => shard.live_matches,
      ),
      connections: sum(asked, (each) => each.connections),
      moves: known.length ? sum(known, (each) => each.moves) : null,
      ack: merged(known.map((each) => each.ack)),
      store: merged(known.map((each) => each.store)),
      lag: asked.length ? Math.max(...asked.map((each) => each.checkpoint_lag_ms)) : null,
      takeovers: sum(asked, (each) => each.takeovers_total),
      incidents: sum(
        asked,
        (each) => each.fenced_total + each.rollbacks_total + each.conflicts_total,
      ),
    };
    for (const tile of draw) tile(all);
    const rows = shards.map((shard) => row(shard, rates.get(shard.id)));
    main.querySelector("#shards").replaceChildren(...rows);
  }

  const unsubscribe = onLook(look);
  return () => {
    stopped = true;
    unsubscribe();
  };
}
