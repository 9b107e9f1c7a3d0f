// Asks what a pawn becomes.
import type { Color, Role, SquareName } from 'chessops/types';
import { h } from '../ui/dom.ts';
import { promotionRoles } from './position.ts';
import { matchStrings as s } from './strings.ts';
import type { Seat, Variant } from './types.ts';

/** A picture of a piece, outside the board. */
export const pieceImage = (role: Role, color: Color): HTMLElement =>
  h('span', { class: 'piece-image cg-wrap', 'aria-hidden': 'true' }, pieceElement(role, color));

function pieceElement(role: Role, color: Color): HTMLElement {
  const element = document.createElement('piece');
  element.className = `${color} ${role}`;
  return element;
}

const LETTERS: Record<string, Role> = { q: 'queen', n: 'knight', r: 'rook', b: 'bishop', k: 'king' };

/** The chooser, over the squares next to where the pawn arrives. One at a time. */
export class Promotion {
  readonly #frame: HTMLElement;
  #close: (() => void) | null = null;

  constructor(frame: HTMLElement) {
    this.#frame = frame;
  }

  get isOpen(): boolean {
    return this.#close !== null;
  }

  /** Asks, and tells the answer; `null` if it was called off. */
  ask(square: SquareName, color: Color, orientation: Seat, variant: Variant): Promise<Role | null> {
    this.cancel();
    return new Promise((resolve) => {
      const before = document.activeElement;
      const finish = (role: Role | null): void => {
        if (this.#close === null) return;
        this.#close = null;
        const hadFocus = element.contains(document.activeElement);
        element.remove();
        if (hadFocus && before instanceof HTMLElement && before.isConnected) before.focus();
        resolve(role);
      };
      const buttons = promotionRoles(variant).map((role) =>
        h(
          'button',
          {
            type: 'button',
            class: 'promotion-piece',
            'aria-label': s.promotion.choose(s.piece[role]),
            'data-test': `promote-${role}`,
            onclick: () => finish(role),
          },
          pieceImage(role, color),
        ),
      );
      const element = h(
        'div',
        { class: 'promotion', role: 'dialog', 'aria-modal': 'true', 'aria-label': s.promotion.label, 'data-test': 'promotion' },
        h('div', { class: 'promotion-pieces' }, buttons),
      );
      place(element.firstElementChild as HTMLElement, square, orientation);
      element.addEventListener('click', (event) => {
        if (event.target === element) finish(null);
      });
      element.addEventListener('keydown', (event) => keys(event, buttons, variant, finish));
      this.#close = () => finish(null);
      this.#frame.appendChild(element);
      buttons[0]?.focus();
    });
  }

  /** Calls the question off. */
  cancel(): void {
    this.#close?.();
  }
}

function place(pieces: HTMLElement, square: SquareName, orientation: Seat): void {
  const file = square.charCodeAt(0) - 97;
  const column = orientation === 'white' ? file : 7 - file;
  const isTop = (square[1] === '8') === (orientation === 'white');
  pieces.style.left = `${column * 12.5}%`;
  pieces.classList.toggle('promotion-down', isTop);
}

function keys(
  event: KeyboardEvent,
  buttons: readonly HTMLElement[],
  variant: Variant,
  finish: (role: Role | null) => void,
): void {
  const at = buttons.indexOf(document.activeElement as HTMLElement);
  const role = LETTERS[event.key.toLowerCase()];
  if (event.key === 'Escape') finish(null);
  else if (event.key === 'ArrowDown' || event.key === 'ArrowRight') buttons[(at + 1) % buttons.length]?.focus();
  else if (event.key === 'ArrowUp' || event.key === 'ArrowLeft') buttons.at(at - 1)?.focus();
  else if (event.key === 'Tab') buttons.at(event.shiftKey ? at - 1 : (at + 1) % buttons.length)?.focus();
  else if (role && promotionRoles(variant).includes(role)) finish(role);
  else return;
  event.preventDefault();
  event.stopPropagation();
}
