// The clocks of a game, as its PGN has them: `[%clk h:mm:ss]` after each move.

/** What the mover's clock showed after each move, in milliseconds; fewer than there are moves if the PGN has not all. */
export function pgnClocks(pgn: string): number[] {
  const found = pgn.matchAll(/\[%clk (\d{1,4}):(\d{1,2}):(\d{1,2}(?:\.\d{1,3})?)\]/g);
  return Array.from(found, ([, hours, minutes, seconds]) => {
    const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    return Math.round(whole * 1000);
  });
}

/** The value of a header of a PGN. */
export function pgnHeader(pgn: string, name: string): string | null {
  const found = new RegExp(`^\\[${name} "((?:[^"\\\\]|\\\\.)*)"\\]`, 'm').exec(pgn);
  return found ? (found[1] as string).replace(/\\(.)/g, '$1') : null;
}

/** What both clocks showed after `ply` moves. Before a side's first move it is what it began with. */
export function clocksAt(
  clocks: readonly number[],
  ply: number,
  initial: { readonly white: number; readonly black: number },
  whiteStarts: boolean,
): { whiteMs: number; blackMs: number } {
  const last = (isFirstMover: boolean): number | undefined => {
    const newest = Math.min(ply, clocks.length);
    for (let index = newest - 1; index >= 0; index -= 1) {
      if ((index % 2 === 0) === isFirstMover) return clocks[index];
    }
    return undefined;
  };
  return { whiteMs: last(whiteStarts) ?? initial.white, blackMs: last(!whiteStarts) ?? initial.black };
}
