/** As much of FEN as it takes to draw a position. */

/** The ranks of a FEN if they can be drawn, without pockets; the server says whether a match can start from there. */
export function placement(fen: string): string | null {
  const [board = ''] = fen.trim().split(/\s+/);
  const ranks = board.replace(/\[.*$/, '').split('/');
  // Crazyhouse may have its pockets as a ninth rank.
  const drawn = ranks.slice(0, 8);
  const isWhole = drawn.length === 8 && ranks.length <= 9 && drawn.every((rank) => width(rank) === 8);
  return isWhole ? drawn.join('/') : null;
}

function width(rank: string): number {
  if (!/^(?:[1-8]|[pnbrqkPNBRQK]~?)+$/.test(rank)) {
    return 0;
  }
  return [...rank].reduce((sum, sign) => sum + (sign === '~' ? 0 : Number(sign) || 1), 0);
}
