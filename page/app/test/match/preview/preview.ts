// Shows the match view without a server, for screenshots and for trying things out: what is asked for stands in the
// address, as in `?scene=play&variant=crazyhouse&role=black&text`.
import '../../../src/styles/main.css';
import { mountMatch, mountReplay } from '../../../src/match/index.ts';
import { openPreferences } from '../../../src/preferences.ts';
import type { MatchState, Variant, View } from '../../../src/match/types.ts';
import { view } from '../states.ts';
import { FakeSession } from './fake.ts';

const asked = new URLSearchParams(location.search);
const scene = asked.get('scene') ?? 'play';
const theme = asked.get('theme');
if (theme) document.documentElement.dataset['theme'] = theme;
const preferences = openPreferences(null);

type Writable<T> = { -readonly [K in keyof T]?: T[K] };

const OPENING = 'e2e4 e7e5 g1f3 b8c6 f1b5 a7a6 b5a4 g8f6 e1g1 f8e7 f1e1 b7b5 a4b3 d7d6 c2c3 e8g8'.split(' ');
const moves = asked.get('moves')?.split(' ').filter(Boolean) ?? (asked.get('variant') ? [] : OPENING);
const differs: Writable<MatchState> = {
  variant: (asked.get('variant') ?? 'standard') as Variant,
  role: (asked.get('role') ?? 'white') as MatchState['role'],
  rated: asked.has('rated'),
  startFen: asked.get('fen'),
  moves,
  seq: moves.length,
  players: {
    white: { id: 'w', name: 'Judit', rating: 2012, isBot: false },
    black: { id: 'b', name: 'Mikhail', rating: 1987, isBot: false },
  },
};
const rest: Writable<View> = {
  chat: [
    { seat: 'black', name: 'Mikhail', text: 'Good luck!', at: 1 },
    { seat: 'white', name: 'Judit', text: 'You too. Have fun.', at: 2 },
  ],
};
if (scene === 'offers') {
  differs.drawOffer = 'black';
  differs.takebackOffer = 'black';
}
if (scene === 'over') differs.result = { outcome: 'white_wins', termination: 'resignation' };
if (scene === 'moving') rest.connection = 'moving';
if (scene === 'gone') rest.gone = { seat: 'black', claimAt: performance.now() + Number(asked.get('claim') ?? 9000) };
if (scene === 'away') {
  const clock = { whiteMs: 1, blackMs: 1, running: null, delayMs: 0 };
  rest.away = {
    moves: 2,
    ms: 20_000,
    events: [{ kind: 'draw_offered', seq: 3, seat: 'black', clock }],
  };
}

const left = { white: Number(asked.get('white') ?? 154_300), black: Number(asked.get('black') ?? 127_800) };
const session = new FakeSession(view(differs, rest), left, {
  ackMs: Number(asked.get('ack') ?? 20),
  thinkMs: Number(asked.get('think') ?? 700),
  refuse: asked.get('refuse'),
});

const root = document.querySelector('main') as HTMLElement;
const answer = {
  match_id: '0AZaz9876543',
  players: { white: { id: 'w', name: 'Judit', rating: 2012, is_bot: false }, black: { id: 'b', name: 'Mikhail', rating: 1987, is_bot: false } },
  control: { initial_ms: 180_000, increment_ms: 2_000 },
  moves,
  outcome: 'white_wins',
  termination: 'resignation',
  rated: true,
  variant: 'standard',
  rating_changes: {
    white: { before: { rating: 2012 }, after: { rating: 2019 } },
    black: { before: { rating: 1987 }, after: { rating: 1980 } },
  },
};
const matchmaker = {
  match: async () => answer as never,
  pgn: async () => moves.map((_, index) => `{ [%clk 0:02:${String(59 - index).padStart(2, '0')}] }`).join(' '),
};
const navigate = (path: string): void => {
  document.body.dataset['navigated'] = path;
};
if (scene === 'replay') {
  mountReplay(root, { matchmaker, matchId: '0AZaz9876543', navigate, preferences });
} else {
  mountMatch(root, { session, matchmaker, navigate, preferences, transfer() {} });
}
Object.assign(globalThis, { session });
