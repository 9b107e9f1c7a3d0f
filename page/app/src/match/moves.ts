// The moves in SAN, with jumps to every position.
import { h, replace, setAttribute } from '../ui/dom.ts';
import type { Line, Step } from './position.ts';
import { matchStrings as s } from './strings.ts';

export interface MovesEvents {
  /** Looks at the position after `ply` moves; `null` is the live one. */
  jump(ply: number | null): void;
}

export class Moves {
  readonly element: HTMLElement;
  readonly #events: MovesEvents;
  readonly #list: HTMLElement;
  readonly #empty: HTMLElement;
  readonly #live: HTMLButtonElement;
  readonly #steps: { button: HTMLButtonElement; delta: number | 'first' | 'last' }[];
  #shown: Step[] = [];
  #buttons: HTMLButtonElement[] = [];
  #current = -1;
  #last = 0;
  #unconfirmed: HTMLButtonElement | undefined;
  #marked: HTMLButtonElement | undefined;
  #stop: HTMLButtonElement | undefined;
  #frame = 0;
  #startedAt = '';
  readonly #resized: ResizeObserver;

  /** `isReplay`: there is no live position to go back to. */
  constructor(events: MovesEvents, isReplay = false) {
    this.#events = events;
    this.#list = h('ol', { class: 'moves-list', 'aria-label': s.moves.heading, 'data-test': 'moves' });
    this.#empty = h('p', { class: 'moves-empty muted' }, s.moves.empty);
    this.#live = h(
      'button',
      { type: 'button', class: 'button button-small moves-live', 'data-test': 'live', hidden: true, onclick: () => events.jump(null) },
      s.moves.live,
    );
    if (isReplay) this.#live.remove();
    this.#steps = (
      [
        ['first', s.moves.first, 'first', '«'],
        [-1, s.moves.previous, 'back', '‹'],
        [1, s.moves.next, 'on', '›'],
        ['last', s.moves.last, 'last', '»'],
      ] as const
    ).map(([delta, label, test, sign]) => ({
      delta,
      button: h(
        'button',
        { type: 'button', class: 'button button-quiet button-small moves-step', 'aria-label': label, 'data-test': `moves-${test}`, onclick: () => this.step(delta) },
        h('span', { 'aria-hidden': 'true', class: `step-sign step-${test}` }, sign),
      ),
    }));
    const scroll = h('div', { class: 'moves-scroll' }, this.#empty, this.#list);
    // What comes up beside the list must not hide the move that is looked at.
    this.#resized = new ResizeObserver(() => this.#reveal());
    this.#resized.observe(scroll);
    this.element = h(
      'section',
      { class: 'moves', 'aria-label': s.moves.heading },
      scroll,
      h('div', { class: 'moves-bar' }, this.#steps.map((step) => step.button), isReplay ? null : this.#live),
    );
  }

  /** Shows the moves of a line, of which the last may be unconfirmed, and which position is looked at. */
  show(line: Line, extra: Step | null, current: number, isLive: boolean): void {
    const steps = extra ? [...line.steps.slice(1), extra] : line.steps.slice(1);
    const start = `${line.start.fullmoves}${line.start.turn}`;
    let common = 0;
    while (common < steps.length && this.#shown[common]?.san === steps[common]?.san && start === this.#startedAt) common += 1;
    if (common < this.#shown.length || start !== this.#startedAt) this.#cut(common);
    this.#startedAt = start;
    for (const step of steps.slice(common)) this.#append(line, step);
    this.#shown = steps;
    this.#last = steps.length;
    this.#empty.hidden = steps.length > 0;
    this.#markUnconfirmed(extra === null ? undefined : this.#buttons[steps.length - 1]);
    this.#mark(current);
    this.#live.hidden = isLive;
  }

  /** Steps through the positions. */
  step(delta: number | 'first' | 'last'): void {
    const at = this.#current;
    const ply = delta === 'first' ? 0 : delta === 'last' ? this.#last : at + delta;
    if (ply < 0 || ply > this.#last) return;
    this.#events.jump(ply === this.#last ? null : ply);
  }

  close(): void {
    this.#resized.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  #markUnconfirmed(button: HTMLButtonElement | undefined): void {
    if (button === this.#unconfirmed) return;
    const before = this.#unconfirmed;
    this.#unconfirmed = button;
    for (const one of [before, button]) {
      if (!one) continue;
      const is = one === button;
      one.classList.toggle('unconfirmed', is);
      setAttribute(one, 'aria-label', is ? `${one.textContent}, ${s.unconfirmed}` : null);
      setAttribute(one, 'data-unconfirmed', is ? 'true' : null);
    }
  }

  #mark(current: number): void {
    for (const { button, delta } of this.#steps) {
      button.disabled = delta === 'first' || delta === -1 ? current <= 0 : current >= this.#last;
    }
    const button = this.#buttons[current - 1];
    // One tab stop for the whole list; the arrow keys do the rest.
    const stop = button ?? this.#buttons[0];
    if (current === this.#current && button === this.#marked && stop === this.#stop) return;
    const hadFocus = this.#list.contains(document.activeElement);
    if (this.#marked) setAttribute(this.#marked, 'aria-current', null);
    if (this.#stop) setAttribute(this.#stop, 'tabindex', '-1');
    if (button) setAttribute(button, 'aria-current', 'true');
    if (stop) setAttribute(stop, 'tabindex', '0');
    this.#current = current;
    this.#marked = button;
    this.#stop = stop;
    if (hadFocus) stop?.focus({ preventScroll: true });
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#reveal());
  }

  /** Scrolls the list, and not the page as `scrollIntoView` would. */
  #reveal(): void {
    const button = this.#buttons[this.#current - 1];
    const scroll = this.#list.parentElement as HTMLElement;
    if (!button) {
      scroll.scrollTop = 0;
      scroll.scrollLeft = 0;
      return;
    }
    const box = scroll.getBoundingClientRect();
    const at = button.getBoundingClientRect();
    if (at.bottom > box.bottom || at.top < box.top) scroll.scrollTop += at.top - box.top - box.height / 2;
    if (at.right > box.right || at.left < box.left) scroll.scrollLeft += at.left - box.left - box.width / 2;
  }

  #cut(length: number): void {
    for (const button of this.#buttons.splice(length)) button.remove();
    for (const row of [...this.#list.children]) if (row.querySelector('button') === null) row.remove();
    if (length === 0) replace(this.#list);
    this.#shown.length = length;
    this.#current = -1;
  }

  #append(line: Line, step: Step): void {
    const { fullmoves, turn } = line.start;
    const half = step.ply - 1 + (turn === 'black' ? 1 : 0);
    const isWhites = half % 2 === 0;
    let row = this.#list.lastElementChild;
    if (isWhites || row === null) {
      const number = fullmoves + Math.floor(half / 2);
      row = h('li', { class: 'moves-row' }, h('span', { class: 'moves-number', 'aria-hidden': 'true' }, `${number}.`));
      if (!isWhites) row.appendChild(h('span', { class: 'move-blank', 'aria-hidden': 'true' }, '…'));
      this.#list.appendChild(row);
    }
    const button = h(
      'button',
      { type: 'button', class: 'move', tabindex: '-1', 'data-ply': String(step.ply), onclick: () => this.#events.jump(step.ply === this.#last ? null : step.ply) },
      step.san,
    );
    this.#buttons.push(button);
    row.appendChild(button);
  }
}
