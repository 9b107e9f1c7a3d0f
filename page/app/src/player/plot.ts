/** Scales a history of ratings to the points of a line. */

/** One rating after a match. */
export interface PlotPoint {
  /** When, in milliseconds since 1970. */
  readonly at: number;
  readonly rating: number;
}

/** A line within a box, and what its axes hold. */
export interface Plot {
  /** `x,y` pairs, for a polyline; the box's origin is the upper left corner. */
  readonly points: readonly (readonly [number, number])[];
  readonly min: number;
  readonly max: number;
}

/** The least span of ratings that a plot shows, so that a few points do not look like a fall. */
const SPAN_MIN = 100;

/**
 * Lays a history, the oldest first, into a box. The horizontal axis counts matches and not days, because most players play
 * in bursts. More than one point for each unit of width is thinned out, keeping the last.
 */
export function plotOf(history: readonly PlotPoint[], width: number, height: number, margin = 0): Plot {
  const ratings = history.map((point) => point.rating);
  if (ratings.length === 0) {
    return { points: [], min: 0, max: 0 };
  }
  let min = Math.min(...ratings);
  let max = Math.max(...ratings);
  const lacking = SPAN_MIN - (max - min);
  if (lacking > 0) {
    min -= Math.floor(lacking / 2);
    max += Math.ceil(lacking / 2);
  }
  const last = ratings.length - 1;
  const inner = { width: width - 2 * margin, height: height - 2 * margin };
  const step = Math.max(1, Math.ceil(ratings.length / Math.max(1, inner.width)));
  const points: [number, number][] = [];
  ratings.forEach((rating, index) => {
    if (index % step !== 0 && index !== last) {
      return;
    }
    const x = margin + (last === 0 ? inner.width / 2 : (index / last) * inner.width);
    const y = margin + (1 - (rating - min) / (max - min)) * inner.height;
    points.push([round(x), round(y)]);
  });
  return { points, min, max };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
