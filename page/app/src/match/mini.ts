// A small board that only shows a position, for lists.
import { Chessground } from '@lichess-org/chessground';
import type { Key } from '@lichess-org/chessground/types';
import './match.css';

export interface MiniBoardOptions {
  /** The position; only the pieces are read. */
  fen: string;
  orientation?: 'white' | 'black';
  /** The last move in UCI, for a highlight. */
  lastMove?: string | null;
  /** The variant, for style sheets. */
  variant?: string;
  /** What the picture is, for screen readers; empty where the words beside it say so. */
  label: string;
}

export interface MiniBoard {
  readonly element: HTMLElement;
  update(options: Partial<MiniBoardOptions>): void;
  destroy(): void;
}

/** Puts a small board into `root`, which decides its width. */
export function miniBoard(root: HTMLElement, options: MiniBoardOptions): MiniBoard {
  const host = document.createElement('div');
  host.className = 'board cg-wrap';
  host.setAttribute('aria-hidden', 'true');
  const element = document.createElement('div');
  element.className = 'mini-board';
  if (options.variant) element.dataset['variant'] = options.variant;
  label(element, options.label);
  element.appendChild(host);
  root.appendChild(element);
  const isReduced = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const ground = Chessground(host, {
    ...shownBy(options),
    viewOnly: true,
    coordinates: false,
    drawable: { enabled: false, visible: false },
    animation: { enabled: !isReduced, duration: 160 },
  });
  return {
    element,
    update(change) {
      if (change.label !== undefined) label(element, change.label);
      ground.set(shownBy(change));
    },
    destroy() {
      ground.destroy();
      element.remove();
    },
  };
}

function label(element: HTMLElement, text: string): void {
  if (text === '') {
    element.setAttribute('aria-hidden', 'true');
  } else {
    element.setAttribute('role', 'img');
    element.setAttribute('aria-label', text);
  }
}

function shownBy(options: Partial<MiniBoardOptions>): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  if (options.fen !== undefined) config['fen'] = options.fen.split(' ')[0];
  if (options.orientation !== undefined) config['orientation'] = options.orientation;
  if (options.lastMove !== undefined) config['lastMove'] = squares(options.lastMove);
  return config;
}

function squares(uci: string | null): Key[] {
  if (!uci) return [];
  return (uci[1] === '@' ? [uci.slice(2, 4)] : [uci.slice(0, 2), uci.slice(2, 4)]) as Key[];
}
