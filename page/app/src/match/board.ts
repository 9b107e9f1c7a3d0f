// The board on the screen: chessground, with a grid of squares over it for keyboards and screen readers.
import type { Api } from '@lichess-org/chessground/api';
import { Chessground } from '@lichess-org/chessground';
import type { Key } from '@lichess-org/chessground/types';
import type { Role, SquareName } from 'chessops/types';
import { makeSquare } from 'chessops/util';
import { h } from '../ui/dom.ts';
import { Grid } from './grid.ts';
import { type Destinations, goalSquares, isLegal, type Step } from './position.ts';
import type { Premove } from './premove.ts';
import type { Seat, Variant } from './types.ts';

/** What a person does on the board. */
export interface BoardEvents {
  moved(from: SquareName, to: SquareName): void;
  dropped(role: Role, to: SquareName): void;
  premoved(premove: Premove | null): void;
}

/** What the board shows. */
export interface Shown {
  readonly step: Step;
  readonly variant: Variant;
  readonly orientation: Seat;
  /** Whose pieces may be moved: none while watching, looking back, or after the end. */
  readonly mine: Seat | null;
  /** Where they may go now; null while it is the opponent's turn. */
  readonly destinations: Destinations | null;
}

const isSame = (one: Shown, other: Shown): boolean =>
  one.step.fen === other.step.fen &&
  one.step.ply === other.step.ply &&
  one.variant === other.variant &&
  one.orientation === other.orientation &&
  one.mine === other.mine &&
  one.destinations === other.destinations;

const motionIsReduced = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** An interactive board. */
export class Board {
  readonly element: HTMLElement;
  readonly #ground: Api;
  readonly #grid: Grid;
  readonly #events: BoardEvents;
  #shown: Shown | null = null;
  #premove: Premove | null = null;
  /** chessground has moved a piece since the last position was shown. */
  #isMoved = false;
  /** The piece of the pocket that was chosen, and waits for its square. */
  #held: Role | null = null;
  readonly #heldListeners = new Set<(role: Role | null) => void>();

  constructor(events: BoardEvents) {
    this.#events = events;
    const host = h('div', { class: 'board cg-wrap', 'aria-hidden': 'true' });
    this.#grid = new Grid({
      chosen: (square) => this.#choose(square),
      released: () => this.release(),
    });
    this.element = h('div', { class: 'board-frame' }, host, this.#grid.element);
    this.element.addEventListener('contextmenu', (event) => {
      event.preventDefault();
      this.release();
    });
    this.#ground = Chessground(host, {
      coordinates: true,
      // Arrows need style attributes, which the page's security policy forbids.
      drawable: { enabled: false, visible: false },
      animation: { enabled: !motionIsReduced(), duration: 160 },
      movable: {
        free: false,
        color: undefined,
        showDests: true,
        events: {
          after: (from, to) => {
            this.#isMoved = true;
            this.#events.moved(from as SquareName, to as SquareName);
          },
          afterNewPiece: (role, to) => {
            this.#isMoved = true;
            this.hold(null);
            this.#events.dropped(role, to as SquareName);
          },
        },
      },
      premovable: {
        enabled: true,
        events: {
          set: (from, to) =>
            this.#setPremove({ kind: 'move', from: from as SquareName, to: to as SquareName, promotion: null }),
          unset: () => this.#setPremove(null),
        },
      },
      predroppable: {
        enabled: true,
        events: {
          set: (role, to) => {
            this.hold(null);
            this.#setPremove({ kind: 'drop', role, to: to as SquareName });
          },
          unset: () => this.#setPremove(null),
        },
      },
      draggable: { showGhost: true },
      disableContextMenu: true,
    });
  }

  /** The premove that stands. */
  get premove(): Premove | null {
    return this.#premove;
  }

  /** The piece of the pocket that waits for its square. */
  get held(): Role | null {
    return this.#held;
  }

  /** Shows a position. */
  show(shown: Shown): void {
    const before = this.#shown;
    // To set what is set already would end an animation.
    if (before !== null && isSame(before, shown) && !this.#isMoved) return;
    this.#isMoved = false;
    this.#shown = shown;
    const { step, mine } = shown;
    const turn = step.position.turn;
    this.#ground.set({
      fen: step.fen.split(' ')[0] as string,
      orientation: shown.orientation,
      turnColor: turn,
      lastMove: [...step.squares] as Key[],
      check: step.check ?? false,
      animation: { enabled: !motionIsReduced() && before !== null },
      movable: {
        color: mine ?? undefined,
        dests: (mine === turn ? (shown.destinations ?? undefined) : undefined) as Map<Key, Key[]> | undefined,
      },
      premovable: { enabled: mine !== null && mine !== turn },
      predroppable: { enabled: mine !== null && mine !== turn && step.position.pockets !== undefined },
    });
    if (mine === null) this.release();
    this.#highlight();
    this.#grid.show(step.position, shown.orientation, this.#ground.state.selected as SquareName | undefined);
    const isNew = before === null || step.ply === before.step.ply + 1;
    if (isNew && step.exploded.length > 0 && !motionIsReduced()) this.#ground.explode([...step.exploded] as Key[]);
  }

  /** To be called once the board has come into the page: it measures itself. */
  mounted(): void {
    this.#ground.redrawAll();
  }

  /** Forgets the premove, as it was played or has become impossible. */
  clearPremove(): void {
    this.#premove = null;
    this.#ground.state.premovable.current = undefined;
    this.#ground.state.predroppable.current = undefined;
    this.#ground.state.dom.redraw();
  }

  /** What the premoved pawn is to become. */
  choosePremovePromotion(promotion: Role): void {
    if (this.#premove?.kind === 'move') this.#premove = { ...this.#premove, promotion };
  }

  /** Lets go of what is chosen, and takes a premove away. */
  release(): boolean {
    const had = this.#premove !== null || this.#held !== null || this.#ground.state.selected !== undefined;
    this.hold(null);
    if (had) {
      this.#ground.cancelMove();
      this.#setPremove(null);
      this.#reshow();
    }
    return had;
  }

  /** Takes a piece of the pocket in hand: the next square that is chosen is where it goes. `null` puts it back. */
  hold(role: Role | null): void {
    if (role === this.#held) return;
    this.#held = role;
    const mine = this.#shown?.mine ?? null;
    const state = this.#ground.state;
    state.dropmode = role && mine ? { active: true, piece: { role, color: mine } } : { active: false };
    this.#highlight();
    state.dom.redraw();
    for (const listener of this.#heldListeners) listener(role);
  }

  /** Tells `listener` of each piece that is taken from the pocket or put back. */
  onHeld(listener: (role: Role | null) => void): void {
    this.#heldListeners.add(listener);
  }

  /** Begins to drag a piece of the pocket. */
  drag(role: Role, event: MouseEvent | TouchEvent): void {
    const mine = this.#shown?.mine;
    if (!mine) return;
    this.#ground.dragNewPiece({ role, color: mine }, event as never);
  }

  /** Puts the keyboard onto the board. */
  focus(): void {
    this.#grid.focus();
  }

  destroy(): void {
    this.#ground.destroy();
  }

  #choose(square: SquareName): void {
    const shown = this.#shown;
    if (!shown || shown.mine === null) return;
    if (this.#held !== null) {
      const role = this.#held;
      this.hold(null);
      if (shown.step.position.turn === shown.mine) this.#events.dropped(role, square);
      else this.#setPremoveDrop(role, square);
    } else if (this.#ground.state.selected === square) {
      this.#ground.selectSquare(null);
    } else {
      this.#ground.selectSquare(square);
    }
    this.#reshow();
  }

  #setPremoveDrop(role: Role, to: SquareName): void {
    this.#ground.cancelPremove();
    this.#ground.state.predroppable.current = { role, key: to };
    this.#ground.state.dom.redraw();
    this.#setPremove({ kind: 'drop', role, to });
  }

  #setPremove(premove: Premove | null): void {
    if (premove === null && this.#premove === null) return;
    // chessground tells a moment later; by then another may have been set.
    const state = this.#ground.state;
    if (premove === null && (state.premovable.current || state.predroppable.current)) return;
    this.#premove = premove;
    this.#events.premoved(premove);
  }

  #reshow(): void {
    const shown = this.#shown;
    if (!shown) return;
    this.#highlight();
    this.#grid.show(shown.step.position, shown.orientation, this.#ground.state.selected as SquareName | undefined);
  }

  /** Marks the goals of the variant, and where a held piece may go. */
  #highlight(): void {
    const shown = this.#shown;
    if (!shown) return;
    const custom = new Map<Key, string>();
    for (const square of goalSquares(shown.variant)) custom.set(square, 'goal');
    const { position } = shown.step;
    if (this.#held !== null && shown.mine === position.turn) {
      for (const square of position.dropDests()) {
        const name = makeSquare(square);
        const letter = this.#held === 'knight' ? 'N' : this.#held.charAt(0).toUpperCase();
        if (isLegal(position, `${letter}@${name}`)) custom.set(name, 'move-dest');
      }
    }
    this.#ground.state.highlight.custom = custom;
    this.#ground.state.dom.redraw();
  }
}
