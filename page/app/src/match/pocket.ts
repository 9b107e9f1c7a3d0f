// A side's pocket in crazyhouse: pieces are dragged from it, or chosen by click or key and put on a square.
import type { Position } from 'chessops/chess';
import type { Color, Role } from 'chessops/types';
import { h, setAttribute, setText } from '../ui/dom.ts';
import type { Board } from './board.ts';
import { POCKET_ROLES } from './position.ts';
import { pieceImage } from './promotion.ts';
import { matchStrings as s } from './strings.ts';

interface Slot {
  role: Role;
  button: HTMLButtonElement;
  count: HTMLElement;
}

export class Pocket {
  readonly element: HTMLElement;
  readonly #side: Color;
  readonly #slots: Slot[];

  /** `board` is where the pieces go; a pocket without one is only shown. */
  constructor(side: Color, board: Board | null) {
    this.#side = side;
    this.#slots = POCKET_ROLES.map((role) => slotOf(side, role, board));
    this.element = h(
      'div',
      { class: 'pocket', role: 'group', 'aria-label': s.pocket.label(s.side[side]), 'data-test': `pocket-${side}` },
      this.#slots.map((slot) => slot.button),
    );
    board?.onHeld((held) => {
      for (const slot of this.#slots) setAttribute(slot.button, 'aria-pressed', slot.role === held);
    });
  }

  /** Shows what is in the pocket, and whether it may be used. */
  show(position: Position, isMine: boolean): void {
    const pocket = position.pockets?.[this.#side];
    this.element.hidden = pocket === undefined;
    for (const { role, button, count } of this.#slots) {
      const value = pocket?.[role] ?? 0;
      setText(count, value > 1 ? String(value) : '');
      button.disabled = !isMine || value === 0;
      setAttribute(button, 'data-count', String(value));
      setAttribute(button, 'aria-label', s.pocket.piece(s.piece[role], value));
    }
  }
}

function slotOf(side: Color, role: Role, board: Board | null): Slot {
  const count = h('span', { class: 'pocket-count', 'aria-hidden': 'true' });
  const button = h(
    'button',
    { type: 'button', class: 'pocket-piece', 'data-role': role, 'data-test': `pocket-${side}-${role}` },
    pieceImage(role, side),
    count,
  );
  if (board) {
    const start = (event: MouseEvent | TouchEvent): void => {
      if (button.disabled || (event instanceof MouseEvent && event.button !== 0)) return;
      board.drag(role, event);
    };
    button.addEventListener('mousedown', start);
    button.addEventListener('touchstart', start, { passive: true });
    const toggle = (): void => board.hold(board.held === role ? null : role);
    button.addEventListener('click', (event) => {
      toggle();
      // From the keyboard one goes on to the square.
      if (event.detail === 0 && board.held !== null) board.focus();
    });
    // chessground keeps a touch from becoming a click.
    button.addEventListener('touchend', (event) => {
      event.preventDefault();
      const touch = event.changedTouches[0];
      const under = touch && document.elementFromPoint(touch.clientX, touch.clientY);
      if (under && button.contains(under)) toggle();
    });
    setAttribute(button, 'aria-pressed', false);
  }
  return { role, button, count };
}
