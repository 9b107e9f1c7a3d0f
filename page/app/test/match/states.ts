// States of a match for tests.
import type { MatchState, View } from '../../src/match/types.ts';

const stage = { moves: null, timeMs: 180_000, incrementMs: 2_000, delay: null, delayMs: 0 };

/** A casual match at its start, seen by White, with what differs. */
export function match(differs: Partial<MatchState> = {}): MatchState {
  return {
    id: '0AZaz9876543',
    role: 'white',
    seq: 0,
    epoch: 1,
    players: {
      white: { id: 'w', name: 'Ann', rating: 1500, isBot: false },
      black: { id: 'b', name: 'Bö', rating: 1510, isBot: false },
    },
    variant: 'standard',
    controls: { white: { stages: [stage] }, black: { stages: [stage] } },
    clockStart: 'after_first_moves',
    startAt: null,
    rated: false,
    spectatorDelayS: 0,
    chat: true,
    rules: [],
    tags: null,
    startFen: null,
    moves: [],
    positionSeq: 0,
    drawOffer: null,
    takebackOffer: null,
    rematchOffer: null,
    rematch: null,
    result: null,
    offeredPlies: [],
    ...differs,
  };
}

/** A live view of a match. */
export function view(differs: Partial<MatchState> = {}, rest: Partial<View> = {}): View {
  return {
    connection: 'live',
    transport: 'webtransport',
    closeCode: null,
    problem: null,
    rttMs: 12,
    match: match(differs),
    present: { white: true, black: true },
    gone: null,
    pending: [],
    chat: [],
    away: null,
    ...rest,
  };
}
