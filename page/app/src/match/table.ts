// The position as a table with row and column headers, for screen readers and braille.
import type { Position } from 'chessops/chess';
import { FILE_NAMES, RANK_NAMES, type SquareName } from 'chessops/types';
import { parseSquare, roleToChar } from 'chessops/util';
import { h, setAttribute, setText } from '../ui/dom.ts';
import { matchStrings as s } from './strings.ts';
import type { Seat } from './types.ts';

export class BoardTable {
  readonly element: HTMLTableElement;
  readonly #caption: HTMLElement;
  readonly #head: HTMLElement;
  readonly #body: HTMLElement;
  #cells = new Map<SquareName, HTMLElement>();
  #orientation: Seat | null = null;

  constructor() {
    this.#caption = h('caption', { class: 'small muted' });
    this.#head = h('thead', {});
    this.#body = h('tbody', {});
    this.element = h('table', { class: 'board-table', 'data-test': 'board-table' }, this.#caption, this.#head, this.#body);
  }

  show(position: Position, orientation: Seat): void {
    if (this.#orientation !== orientation) this.#lay(orientation);
    for (const [square, cell] of this.#cells) {
      const piece = position.board.get(parseSquare(square));
      const letter = piece ? roleToChar(piece.role) : '';
      setText(cell.firstElementChild as HTMLElement, piece?.color === 'white' ? letter.toUpperCase() : letter);
      setText(cell.lastElementChild as HTMLElement, piece ? `${s.side[piece.color]} ${s.piece[piece.role]}` : s.board.allEmpty);
      setAttribute(cell, 'data-piece', piece ? `${piece.color}-${piece.role}` : null);
    }
  }

  #lay(orientation: Seat): void {
    this.#orientation = orientation;
    const ranks = orientation === 'white' ? [...RANK_NAMES].reverse() : [...RANK_NAMES];
    const files = orientation === 'white' ? [...FILE_NAMES] : [...FILE_NAMES].reverse();
    setText(this.#caption, s.board.caption(s.side[orientation]));
    this.#head.replaceChildren(
      h('tr', {}, h('td', {}), files.map((file) => h('th', { scope: 'col' }, file))),
    );
    this.#cells = new Map();
    const rows = ranks.map((rank) => {
      const cells = files.map((file) => {
        const cell = h('td', {}, h('span', { 'aria-hidden': 'true' }), h('span', { class: 'visually-hidden' }));
        this.#cells.set(`${file}${rank}`, cell);
        return cell;
      });
      return h('tr', {}, h('th', { scope: 'row' }, rank), cells);
    });
    this.#body.replaceChildren(...rows);
  }
}
