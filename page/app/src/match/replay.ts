// A finished game: every position with its clocks, forwards and backwards.
import type { MatchAnswer } from 'rookery-session';
import { h, setAttribute, setText } from '../ui/dom.ts';
import { Announcer } from './announcer.ts';
import { Board } from './board.ts';
import { clockText } from './clock-text.ts';
import { jumpKeys } from './keys.ts';
import { Moves } from './moves.ts';
import type { MatchSource } from './mount.ts';
import { clocksAt, pgnClocks, pgnHeader } from './pgn-clocks.ts';
import { Line, type Step } from './position.ts';
import { ratingLines } from './ratings.ts';
import { SeatStrip } from './seat.ts';
import { ResultCard } from './status.ts';
import { matchStrings as s } from './strings.ts';
import { BoardTable } from './table.ts';
import { termsWords } from './terms.ts';
import { Tools } from './tools.ts';
import { opponentOf, type Player, type Preferences, type Seat, type TimeControl } from './types.ts';
import { positionWords, spokenMove } from './words.ts';

export interface ReplayOptions {
  readonly matchmaker: MatchSource;
  readonly matchId: string;
  readonly navigate: (path: string) => void;
  readonly preferences: Preferences;
}

/** How long each position is shown while a game is played through, in milliseconds. */
const PLAY_MS = 1_000;

/** Shows a finished game in `root`. */
export function mountReplay(root: HTMLElement, options: ReplayOptions): { unmount(): void } {
  const heading = h('h1', { class: 'replay-loading', tabindex: '-1' }, s.page.loading);
  const element = h('div', { class: 'match match-loading', 'data-test': 'replay-loading' }, heading);
  root.appendChild(element);
  let view: Replay | null = null;
  let isUnmounted = false;
  void load(options).then(
    ({ answer, pgn }) => {
      if (isUnmounted) return;
      view = new Replay(options, answer, pgn);
      element.replaceWith(view.element);
      view.start();
    },
    (problem: unknown) => {
      setText(heading, s.page.missing);
      const detail = problem instanceof Error ? problem.message : '';
      element.appendChild(h('p', { class: 'muted' }, detail));
      setAttribute(element, 'data-test', 'replay-missing');
    },
  );
  return {
    unmount() {
      isUnmounted = true;
      element.remove();
      view?.unmount();
    },
  };
}

async function load({ matchmaker, matchId }: ReplayOptions): Promise<{ answer: MatchAnswer; pgn: string }> {
  const [answer, pgn] = await Promise.all([
    matchmaker.match(matchId),
    // Without a PGN a game has no clocks, and can still be replayed.
    matchmaker.pgn(matchId).catch(() => ''),
  ]);
  return { answer, pgn };
}

class Replay {
  readonly element: HTMLElement;
  readonly #options: ReplayOptions;
  readonly #line: Line;
  readonly #answer: MatchAnswer;
  readonly #clocks: readonly number[];
  readonly #controls: Record<Seat, TimeControl>;
  readonly #board = new Board({ moved() {}, dropped() {}, premoved() {} });
  readonly #table = new BoardTable();
  readonly #words = h('p', { class: 'replay-words', 'data-test': 'position-words' });
  readonly #text: HTMLElement;
  readonly #moves: Moves;
  readonly #seats: Record<Seat, SeatStrip>;
  readonly #main = h('div', { class: 'match-main' });
  readonly #tools: Tools;
  readonly #announcer = new Announcer(s.input.say);
  readonly #play: HTMLButtonElement;
  readonly #stops: (() => void)[] = [];
  #ply: number;
  #flipped = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: ReplayOptions, answer: MatchAnswer, pgn: string) {
    this.#options = options;
    this.#answer = answer;
    const { navigate, preferences, matchmaker, matchId } = options;
    this.#line = new Line(answer.variant ?? 'standard', answer.start_fen ?? null, answer.moves);
    this.#ply = this.#line.last.ply;
    this.#clocks = pgnClocks(pgn);
    this.#controls = controlsOf(answer);
    this.#moves = new Moves({ jump: (ply) => this.#jump(ply ?? this.#line.last.ply) }, true);
    this.#seats = {
      white: new SeatStrip('white', null, navigate),
      black: new SeatStrip('black', null, navigate),
    };
    this.#play = h('button', { type: 'button', class: 'button button-small', 'data-test': 'play', onclick: () => this.#toggle() }, s.replay.play);
    this.#moves.element.querySelector('.moves-bar')?.appendChild(this.#play);
    this.#tools = new Tools({
      flip: () => this.#flip(),
      pgn: () => matchmaker.pgn(matchId),
      link: () => `${location.origin}/games/${matchId}`,
      fileName: () => `rookery-${matchId}.pgn`,
      announce: (text) => this.#announcer.say(text),
      transfer: null,
      preferences,
    });
    this.#text = h('section', { class: 'text-mode', 'aria-label': s.replay.analysis }, this.#words, this.#table.element);
    this.element = this.#lay(pgn);
  }

  start(): void {
    const { preferences } = this.#options;
    this.#stops.push(
      preferences.subscribe(() => this.#show()),
      jumpKeys(this.element, { step: (delta) => this.#moves.step(delta), escape: () => this.#stop() }),
    );
    if (new URLSearchParams(location.search).has('text')) preferences.set('text', true);
    this.#show();
    const { white, black } = this.#players;
    document.title = `${s.page.title(white.name, black.name)} · ${s.replay.heading}`;
    this.element.querySelector('h1')?.focus({ preventScroll: true });
  }

  unmount(): void {
    this.#stop();
    for (const stop of this.#stops) stop();
    this.#moves.close();
    this.#announcer.close();
    this.#board.destroy();
    this.element.remove();
  }

  get #players(): Record<Seat, Player> {
    return { white: playerOf(this.#answer, 'white'), black: playerOf(this.#answer, 'black') };
  }

  #lay(pgn: string): HTMLElement {
    const players = this.#players;
    const { outcome, termination, rated } = this.#answer;
    const result = new ResultCard();
    result.show(outcome && termination ? { outcome, termination } : null, null);
    result.showRatings(ratingLines(this.#answer, players));
    const terms = termsWords({
      variant: this.#line.variant,
      controls: this.#controls,
      rated: rated ?? false,
      tags: { event: this.#answer.tags?.event ?? null, round: null, board: null, site: null },
    });
    const date = pgnHeader(pgn, 'UTCDate')?.replaceAll('.', '-') ?? '';
    const isLive = outcome === null && !this.#answer.withheld;
    const live = h('a', { href: `/match/${this.#options.matchId}`, class: 'button button-primary', hidden: !isLive }, s.replay.watchLive);
    const withheld = this.#answer.withheld ? h('div', { class: 'match-notice' }, s.page.withheld) : null;
    return h(
      'div',
      { class: 'match', 'data-test': 'replay', 'data-match': this.#options.matchId },
      h('h1', { class: 'visually-hidden', tabindex: '-1' }, s.page.heading(players.white.name, players.black.name)),
      h('div', { class: 'match-top' }, h('div', { class: 'match-terms' }, date ? `${date} · ${terms}` : terms)),
      this.#main,
      h('div', { class: 'match-side' }, withheld, result.element, live, this.#moves.element, this.#tools.element),
      h('p', { id: 'board-keys', class: 'visually-hidden' }, s.board.keyboard),
      this.#announcer.element,
    );
  }

  get #step(): Step {
    return this.#line.at(this.#ply);
  }

  #show(): void {
    const step = this.#step;
    const isText = this.#options.preferences.get('text');
    const bottom: Seat = this.#flipped ? 'black' : 'white';
    const wanted = [this.#seats[opponentOf(bottom)].element, isText ? this.#text : this.#board.element, this.#seats[bottom].element];
    if (!wanted.every((one, index) => this.#main.children[index] === one)) {
      this.#main.replaceChildren(...wanted);
      if (!isText) this.#board.mounted();
    }
    this.element.classList.toggle('match-text', isText);
    this.#tools.show();
    this.#board.show({ step, variant: this.#line.variant, orientation: bottom, mine: null, destinations: null });
    this.#table.show(step.position, bottom);
    setText(this.#words, positionWords(step.position));
    this.#moves.show(this.#line, null, step.ply, true);
    const clocks = clocksAt(
      this.#clocks,
      step.ply,
      { white: initialMs(this.#controls.white), black: initialMs(this.#controls.black) },
      this.#line.start.turn === 'white',
    );
    for (const seat of ['white', 'black'] as const) {
      const strip = this.#seats[seat];
      strip.showPlayer(this.#players[seat], this.#controls[seat]);
      strip.showPresence(null);
      strip.showPosition(step.position, false);
      setText(strip.face.text, clockText(seat === 'white' ? clocks.whiteMs : clocks.blackMs));
    }
    for (const [name, value] of [
      ['fen', step.fen],
      ['ply', String(this.#line.last.ply)],
      ['shown-ply', String(step.ply)],
      ['orientation', bottom],
      ['mode', isText ? 'text' : 'board'],
    ] as const) {
      setAttribute(this.element, `data-${name}`, value);
    }
  }

  #jump(ply: number): void {
    this.#ply = Math.max(0, Math.min(ply, this.#line.last.ply));
    this.#show();
    const step = this.#step;
    this.#announcer.say(step.ply === 0 ? `${s.moves.start}.` : spokenMove(this.#line, step, null));
    if (this.#ply === this.#line.last.ply) this.#stop();
  }

  #toggle(): void {
    if (this.#timer !== undefined) return this.#stop();
    if (this.#ply === this.#line.last.ply) this.#jump(0);
    setText(this.#play, s.replay.pause);
    this.#timer = setInterval(() => this.#jump(this.#ply + 1), PLAY_MS);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    setText(this.#play, s.replay.play);
  }

  #flip(): void {
    this.#flipped = !this.#flipped;
    this.#show();
  }
}

const initialMs = (control: TimeControl): number => control.stages[0]?.timeMs ?? 0;

function playerOf(answer: MatchAnswer, seat: Seat): Player {
  const { id, name, rating, is_bot } = answer.players[seat] as { id: string; name: string; rating?: number | null; is_bot?: boolean };
  return { id, name, rating: rating ?? null, isBot: is_bot ?? false };
}

type ControlView = NonNullable<MatchAnswer['control']>;

function controlsOf(answer: MatchAnswer): Record<Seat, TimeControl> {
  const read = (seat: Seat): TimeControl => controlOf(answer.controls?.[seat] ?? answer.control);
  return { white: read('white'), black: read('black') };
}

function controlOf(view: ControlView | null | undefined): TimeControl {
  if (!view) return { stages: [] };
  const stages = view.stages ?? [{ ...view, time_ms: view.initial_ms ?? 0, moves: null }];
  return {
    stages: stages.map((stage) => ({
      moves: stage.moves ?? null,
      timeMs: stage.time_ms,
      incrementMs: stage.increment_ms ?? 0,
      delay: stage.delay ?? null,
      delayMs: stage.delay_ms ?? 0,
    })),
  };
}
