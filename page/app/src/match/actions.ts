// What a player may do besides moving, by what stands. The server decides; this decides what is shown.
import type { Line } from './position.ts';
import { type MatchState, opponentOf, type Rule, type Seat, type View } from './types.ts';

/** What can be pressed. An offer of one's own that stands is shown as such and cannot be pressed again. */
export interface Actions {
  abort: boolean;
  resign: boolean;
  draw: 'none' | 'offer' | 'offered' | 'answer';
  claimDraw: 'threefold' | 'fifty_moves' | null;
  /** The next move may claim a draw that it brings about. */
  claimWithMove: boolean;
  takeback: 'none' | 'offer' | 'offered' | 'answer';
  giveTime: boolean;
  /** The opponent is gone: since when the match may be claimed, on `performance.now()`'s scale; `null` if not yet known. */
  gone: { claimAt: number | null } | null;
  rematch: 'none' | 'offer' | 'offered' | 'answer' | 'agreed';
}

/** How many seconds the button gives. */
export const GIVE_TIME_S = 15;
/** Plies before move 30: until then the rule `no_early_draw` forbids offers. */
const EARLY_PLIES = 58;
/** Plies between two draw offers of a seat. */
const OFFER_SPACING_PLIES = 20;

const NOTHING: Actions = {
  abort: false,
  resign: false,
  draw: 'none',
  claimDraw: null,
  claimWithMove: false,
  takeback: 'none',
  giveTime: false,
  gone: null,
  rematch: 'none',
};

/** The actions of a player in `view`; a spectator and a closed match have none. */
export function actionsOf(view: View, line: Line): Actions {
  const match = view.match;
  if (match === null || match.role === 'spectator') return NOTHING;
  return match.result === null ? inPlay(view, match, match.role, line) : afterEnd(view, match, match.role);
}

function inPlay(view: View, match: MatchState, seat: Seat, line: Line): Actions {
  const has = (rule: Rule): boolean => match.rules.includes(rule);
  const plies = match.moves.length;
  // Where the clocks count at once, there is no first move to wait for.
  const begun = match.clockStart === 'at_once' || plies >= 2;
  const isMyTurn = line.last.position.turn === seat;
  const moved = line.steps.some((step) => step.ply > 0 && step.position.turn !== seat);
  return {
    abort: !begun && !has('no_abort'),
    resign: begun,
    draw: drawOf(match, seat, begun && !(has('no_early_draw') && plies < EARLY_PLIES)),
    claimDraw: isMyTurn ? line.claim : null,
    claimWithMove: isMyTurn && line.claim === null && line.hasClaimingMove,
    takeback: takebackOf(match, seat, !match.rated && !has('no_takeback') && moved),
    giveTime: begun && !match.rated && !has('no_give_time'),
    gone: view.gone !== null && view.gone.seat !== seat && !has('no_claim_win') ? { claimAt: view.gone.claimAt } : null,
    rematch: 'none',
  };
}

function drawOf(match: MatchState, seat: Seat, allowed: boolean): Actions['draw'] {
  if (match.drawOffer === opponentOf(seat)) return 'answer';
  if (match.drawOffer === seat) return 'offered';
  const plies = match.moves.length;
  const mine = match.offeredPlies.filter((ply) => moverOf(match, ply) === seat);
  const isTooSoon = mine.some((ply) => plies - ply < OFFER_SPACING_PLIES);
  return allowed && !isTooSoon ? 'offer' : 'none';
}

/** Who made the move that led to `ply`. */
function moverOf(match: MatchState, ply: number): Seat {
  const blackStarts = match.startFen?.split(' ')[1] === 'b';
  const isOdd = ply % 2 === 1;
  return isOdd !== blackStarts ? 'white' : 'black';
}

function takebackOf(match: MatchState, seat: Seat, allowed: boolean): Actions['takeback'] {
  if (match.takebackOffer === opponentOf(seat)) return 'answer';
  if (match.takebackOffer === seat) return 'offered';
  return allowed ? 'offer' : 'none';
}

function afterEnd(view: View, match: MatchState, seat: Seat): Actions {
  let rematch: Actions['rematch'] = 'offer';
  if (match.rematch !== null) rematch = 'agreed';
  else if (view.connection === 'closed' || match.rules.includes('no_rematch')) rematch = 'none';
  else if (match.rematchOffer === opponentOf(seat)) rematch = 'answer';
  else if (match.rematchOffer === seat) rematch = 'offered';
  return { ...NOTHING, rematch };
}
