// The installation at a glance: figures with small live plots, and the shards.

import { duration, element, read } from "/assets/api.js";

const EVERY_MS = 1000;
/** Rates and percentiles are of so many seconds. */
const WINDOW = 10;
/** What a plot shows: the last two minutes, and from the start at least half a minute. */
const POINTS = 120;
const POINTS_MIN = 30;

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

const TILES = [
  ["Shards", (o) => o.live, (n) => String(n)],
  ["Live matches", (o) => o.matches, (n) => String(n)],
  ["Connections", (o) => o.connections, (n) => String(n)],
  ["Moves per second", (o) => o.moves, (n) => n.toFixed(1)],
  ["Ack, median", (o) => percentile(o.ack, 0.5), duration],
  ["Ack, 99 %", (o) => percentile(o.ack, 0.99), duration],
  ["Store, 99 %", (o) => percentile(o.store, 0.99), duration],
  ["Checkpoint lag", (o) => o.lag, duration],
  ["Takeovers", (o) => o.takeovers, (n) => String(n)],
  ["Fenced, lost, forked", (o) => o.incidents, (n) => String(n)],
];

function plot(values) {
  const top = Math.max(...values.map((value) => value ?? 0), 1e-9);
  let path = "";
  let pen = "M";
  values.forEach((value, i) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const x = 100 - (values.length - 1 - i) * (100 / (Math.max(values.length, POINTS_MIN) - 1));
    path += `${pen}${x.toFixed(1)} ${(29 - (27 * value) / top).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

function tiles(section) {
  return TILES.map(([name, pick, write]) => {
    const tile = element("div", "", { class: "tile" });
    const value = element("div", "–", { class: "value" });
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawing.setAttribute("viewBox", "0 0 100 30");
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    drawing.append(line);
    tile.append(element("div", name, { class: "name" }), value, drawing);
    section.append(tile);
    const values = [];
    return (figures) => {
      const number = pick(figures);
      values.push(number);
      if (values.length > POINTS) values.shift();
      value.textContent = number === null ? "–" : write(number);
      line.setAttribute("d", plot(values));
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
  const meter = cell("", "");
  meter.append(load);
  const state = shard.paused ? "paused" : shard.state;
  const stateCell = cell(state, STATES[state] ?? "warn");
  if (shard.pause_reason) {
    stateCell.title = shard.pause_reason;
    stateCell.append(element("small", `: ${shard.pause_reason}`));
  }
  const figures = shard.figures;
  line.append(
    name,
    stateCell,
    meter,
    cell(shard.live_matches),
    cell(figures?.connections ?? "–"),
    cell(rates ? rates.moves.toFixed(1) : "–"),
    cell(rates ? duration(percentile(rates.ack, 0.99)) : "–"),
    cell(duration(figures?.checkpoint_lag_ms)),
    cell(figures?.takeovers_total ?? "–"),
    cell(figures?.fenced_total ?? "–"),
  );
  return line;
}

export function overview(main, say) {
  const draw = tiles(main.querySelector(".tiles"));
  const looks = [];
  let stopped = false;
  let timer;

  async function look() {
    try {
      const { shards } = await read("/v1/shards");
      if (stopped) return;
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
      say("");
    } catch (problem) {
      if (!stopped) say(problem.message);
    }
    if (!stopped) timer = setTimeout(look, EVERY_MS);
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

  look();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
