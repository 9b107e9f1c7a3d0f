// The squares of a board as a grid for keyboards and screen readers. It lies over the board, takes no pointer, and says
// what stands where.
import type { Position } from 'chessops/chess';
import { FILE_NAMES, RANK_NAMES, type SquareName } from 'chessops/types';
import { h, setAttribute } from '../ui/dom.ts';
import { matchStrings as s } from './strings.ts';
import type { Seat } from './types.ts';
import { squareWords } from './words.ts';

/** What the keyboard does on the board. */
export interface GridEvents {
  /** Enter or space on a square. */
  chosen(square: SquareName): void;
  /** Escape. */
  released(): void;
}

const STEPS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class Grid {
  readonly element: HTMLElement;
  readonly #events: GridEvents;
  #cells: HTMLElement[] = [];
  #squares: SquareName[] = [];
  #orientation: Seat | null = null;
  /** The index of the square that the keyboard is on. */
  #at = 52;

  constructor(events: GridEvents) {
    this.#events = events;
    this.element = h('div', {
      class: 'board-grid',
      role: 'grid',
      'aria-label': s.page.board,
      'aria-describedby': 'board-keys',
      'data-test': 'grid',
    });
    this.element.addEventListener('keydown', (event) => this.#key(event));
  }

  /** Says what stands on each square. */
  show(position: Position, orientation: Seat, selected: SquareName | undefined): void {
    if (this.#orientation !== orientation) this.#lay(orientation);
    this.#squares.forEach((square, index) => {
      const cell = this.#cells[index] as HTMLElement;
      setAttribute(cell, 'aria-label', squareWords(position, square));
      setAttribute(cell, 'aria-selected', square === selected);
    });
  }

  focus(): void {
    this.#cells[this.#at]?.focus();
  }

  #lay(orientation: Seat): void {
    const hadFocus = this.element.contains(document.activeElement);
    const kept = this.#squares[this.#at];
    this.#orientation = orientation;
    const ranks = orientation === 'white' ? [...RANK_NAMES].reverse() : [...RANK_NAMES];
    const files = orientation === 'white' ? [...FILE_NAMES] : [...FILE_NAMES].reverse();
    this.#squares = ranks.flatMap((rank) => files.map((file) => `${file}${rank}` as SquareName));
    this.#cells = this.#squares.map((square) => h('div', { role: 'gridcell', tabindex: '-1', 'data-square': square }));
    const rows = ranks.map((_, row) => h('div', { role: 'row' }, this.#cells.slice(row * 8, row * 8 + 8)));
    this.element.replaceChildren(...rows);
    this.#at = Math.max(0, this.#squares.indexOf(kept ?? (orientation === 'white' ? 'e2' : 'e7')));
    setAttribute(this.#cells[this.#at] as HTMLElement, 'tabindex', '0');
    if (hadFocus) this.focus();
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = STEPS[event.key];
    if (step) {
      const column = Math.max(0, Math.min(7, (this.#at % 8) + step[0]));
      const row = Math.max(0, Math.min(7, Math.floor(this.#at / 8) + step[1]));
      this.#go(row * 8 + column);
    } else if (event.key === 'Home' || event.key === 'End') {
      this.#go(Math.floor(this.#at / 8) * 8 + (event.key === 'Home' ? 0 : 7));
    } else if (event.key === 'Enter' || event.key === ' ') {
      this.#events.chosen(this.#squares[this.#at] as SquareName);
    } else if (event.key === 'Escape') {
      this.#events.released();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #go(index: number): void {
    setAttribute(this.#cells[this.#at] as HTMLElement, 'tabindex', '-1');
    this.#at = index;
    setAttribute(this.#cells[index] as HTMLElement, 'tabindex', '0');
    this.focus();
  }
}
