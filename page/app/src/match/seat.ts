// One player's strip beside the board: name, rating, whether they are here, what the variant counts, and the clock.
import type { Position } from 'chessops/chess';
import { h, setAttribute, setText } from '../ui/dom.ts';
import type { Board } from './board.ts';
import type { ClockFace } from './clock.ts';
import { lowTimeMs } from './clock-text.ts';
import { Pocket } from './pocket.ts';
import { matchStrings as s } from './strings.ts';
import { opponentOf, type Player, type Seat, type TimeControl } from './types.ts';

/** Points of material, for the difference that is shown beside the name. */
const POINTS = { pawn: 1, knight: 3, bishop: 3, rook: 5, queen: 9, king: 0 } as const;

export class SeatStrip {
  readonly element: HTMLElement;
  readonly face: ClockFace;
  readonly seat: Seat;
  readonly #name: HTMLAnchorElement;
  readonly #rating: HTMLElement;
  readonly #bot: HTMLElement;
  readonly #presence: HTMLElement;
  readonly #presenceWords: HTMLElement;
  readonly #material: HTMLElement;
  readonly #checks: HTMLElement;
  readonly #pocket: Pocket;

  /** `navigate` leads to the player's page. */
  constructor(seat: Seat, board: Board | null, navigate: (path: string) => void) {
    this.seat = seat;
    this.#presenceWords = h('span', { class: 'visually-hidden' });
    this.#presence = h('span', { class: 'presence' }, this.#presenceWords);
    this.#name = h('a', { class: 'seat-name', 'data-test': `player-${seat}` });
    this.#name.addEventListener('click', (event) => {
      if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      navigate(this.#name.pathname);
    });
    this.#rating = h('span', { class: 'seat-rating' });
    this.#bot = h('span', { class: 'badge', hidden: true }, s.page.bot);
    this.#material = h('span', { class: 'seat-material', 'aria-hidden': 'true' });
    this.#checks = h('span', { class: 'seat-checks', 'data-test': `checks-${seat}`, hidden: true });
    this.#pocket = new Pocket(seat, board);
    this.#pocket.element.hidden = true;
    const text = h('span', { class: 'clock-text' }, '–:––');
    const clock = h(
      'div',
      { class: 'clock', role: 'timer', 'aria-label': s.clock.label(s.side[seat]), 'data-test': 'clock', 'data-seat': seat },
      text,
    );
    this.face = { element: clock, text, lowMs: 10_000 };
    this.element = h(
      'div',
      { class: `seat seat-${seat}`, 'data-seat-strip': seat },
      h(
        'div',
        { class: 'seat-who' },
        this.#presence,
        h('span', { class: 'visually-hidden' }, `${s.side[seat]}: `),
        this.#name,
        this.#bot,
        this.#rating,
        this.#material,
        this.#checks,
      ),
      this.#pocket.element,
      clock,
    );
  }

  /** Shows who sits here. */
  showPlayer(player: Player, control: TimeControl): void {
    setText(this.#name, player.name);
    setAttribute(this.#name, 'href', `/player/${encodeURIComponent(player.id)}`);
    setText(this.#rating, player.rating === null ? '' : String(player.rating));
    this.#bot.hidden = !player.isBot;
    this.face.lowMs = lowTimeMs(control.stages[0]?.timeMs ?? 0);
  }

  /** Shows whether the player is connected; `null` where that is not known. */
  showPresence(isHere: boolean | null): void {
    setAttribute(this.#presence, 'data-here', isHere === null ? 'unknown' : String(isHere));
    setText(this.#presenceWords, isHere === false ? `${s.clock.absent}. ` : '');
  }

  /** Shows what stands in a position: material, checks and the pocket. `isMine`: whether the pocket may be used. */
  showPosition(position: Position, isMine: boolean): void {
    const lead = materialOf(position, this.seat) - materialOf(position, opponentOf(this.seat));
    const counts = ['chess', 'crazyhouse', '3check', 'kingofthehill'].includes(position.rules);
    setText(this.#material, counts && lead > 0 ? `+${lead}` : '');
    const left = position.remainingChecks?.[this.seat];
    this.#checks.hidden = left === undefined;
    if (left !== undefined) {
      const given = 3 - left;
      setText(this.#checks, '✓'.repeat(given) + '·'.repeat(left));
      setAttribute(this.#checks, 'aria-label', s.checks(s.side[this.seat], given));
      setAttribute(this.#checks, 'role', 'img');
      setAttribute(this.#checks, 'data-given', String(given));
    }
    this.#pocket.show(position, isMine);
  }
}

function materialOf(position: Position, seat: Seat): number {
  let points = 0;
  for (const [role, value] of Object.entries(POINTS) as [keyof typeof POINTS, number][]) {
    points += position.board.pieces(seat, role).size() * value;
    points += (position.pockets?.[seat][role] ?? 0) * value;
  }
  return points;
}
