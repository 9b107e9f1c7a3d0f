/** How an event changes what stands in a match. */

import { type MatchEvent, type MatchState, opponentOf, type Seat } from '../types.ts';

/** The state after an event. What an event of a later version changes is not known. */
export function applied(state: MatchState, event: MatchEvent): MatchState {
  return { ...state, ...changed(state, event), seq: event.seq };
}

function changed(state: MatchState, event: MatchEvent): Partial<MatchState> {
  switch (event.kind) {
    case 'moved':
      return moved(state, event);
    case 'draw_offered':
      return { drawOffer: event.seat };
    case 'draw_declined':
      return { drawOffer: null };
    case 'takeback_offered':
      return { takebackOffer: event.seat };
    case 'takeback_declined':
      return { takebackOffer: null };
    case 'taken_back':
      return takenBack(state, event.seq, event.plies);
    case 'ended':
      return {
        drawOffer: null,
        takebackOffer: null,
        rematchOffer: null,
        result: { outcome: event.outcome, termination: event.termination },
      };
    case 'rematch_offered':
      return { rematchOffer: event.seat };
    case 'rematch_declined':
      return { rematchOffer: null };
    case 'rematch_agreed':
      return { rematchOffer: null, rematch: event.matchId };
    case 'time_given':
    case 'stopped':
    case 'resumed':
    case 'clock_set':
    case 'unknown':
      return {};
  }
}

function moved(state: MatchState, event: MatchEvent & { kind: 'moved' }): Partial<MatchState> {
  const mover = event.seat;
  const moves = [...state.moves, event.uci];
  let { drawOffer, offeredPlies } = state;
  if (event.with === 'draw_offer') drawOffer = mover;
  // A move declines the opponent's offer; one's own stays.
  else if (drawOffer !== mover) drawOffer = null;
  if (drawOffer !== null) offeredPlies = [...offeredPlies, moves.length];
  return { moves, positionSeq: event.seq, drawOffer, offeredPlies, takebackOffer: null };
}

function takenBack(state: MatchState, seq: number, plies: number): Partial<MatchState> {
  const moves = state.moves.slice(0, Math.max(0, state.moves.length - plies));
  const offeredPlies = state.offeredPlies.filter((ply) => ply <= moves.length);
  // The offer that stood right after the move that is the last one now was its mover's.
  const stood = offeredPlies.at(-1) === moves.length && moves.length > 0;
  const drawOffer = stood ? opponentOf(turnOf(state.startFen, moves.length)) : null;
  return { moves, positionSeq: seq, drawOffer, takebackOffer: null, offeredPlies };
}

/** The side to move after so many moves. */
export function turnOf(startFen: string | null, plies: number): Seat {
  const first: Seat = startFen?.split(' ')[1] === 'b' ? 'black' : 'white';
  return plies % 2 === 0 ? first : opponentOf(first);
}
