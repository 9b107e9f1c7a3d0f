/** A small picture of a position, where terms name one. */
import { placement } from '../terms/fen.ts';
import { h } from './dom.ts';

/** A board that shows a FEN, and nothing while it cannot be drawn. */
export interface PositionPicture {
  readonly element: HTMLElement;
  show(fen: string, orientation?: 'white' | 'black'): void;
}

/** Makes the picture; the board itself is loaded when there is something to show. */
export function positionPicture(label: string): PositionPicture {
  const element = h('div', { class: 'position', hidden: true, test: 'position' });
  let drawn: { update(change: { fen: string; orientation: 'white' | 'black' }): void } | null = null;
  return {
    element,
    show(text, orientation = 'white') {
      const fen = placement(text);
      element.hidden = fen === null;
      if (fen === null) {
        return;
      }
      void import('../match/mini.ts').then(({ miniBoard }) => {
        if (drawn) {
          drawn.update({ fen, orientation });
        } else {
          drawn = miniBoard(element, { fen, orientation, label });
        }
      });
    },
  };
}
