// Keeps both clocks on the screen in step with the session, with as little work as possible: it wakes up when the text of
// the running clock changes and then writes it with the next frame.
import { setAttribute, setText } from '../ui/dom.ts';
import { clockText, nextChangeIn } from './clock-text.ts';
import type { Clocks, Seat } from './types.ts';

/** Where one clock is shown. */
export interface ClockFace {
  readonly element: HTMLElement;
  readonly text: HTMLElement;
  /** From when on time is low, in milliseconds. */
  lowMs: number;
}

/** A frame takes about this long: the timer ends before it, so that the frame is not missed. */
const FRAME_MS = 16;

export class ClockTicker {
  readonly #read: () => Clocks;
  readonly #faces: Record<Seat, ClockFace>;
  readonly #onLow: (seat: Seat, ms: number) => void;
  readonly #isLow: Record<Seat, boolean> = { white: false, black: false };
  #timer = 0;
  #frame = 0;
  #isStopped = false;

  /** `onLow` is told once each time that a running clock gets low. */
  constructor(faces: Record<Seat, ClockFace>, read: () => Clocks, onLow: (seat: Seat, ms: number) => void) {
    this.#faces = faces;
    this.#read = read;
    this.#onLow = onLow;
    document.addEventListener('visibilitychange', this.#visible);
  }

  /** Reads the clocks now, and goes on from there. */
  update(): void {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.#draw();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    document.removeEventListener('visibilitychange', this.#visible);
  }

  readonly #visible = (): void => {
    if (!document.hidden) this.update();
  };

  readonly #draw = (): void => {
    if (this.#isStopped) return;
    const clocks = this.#read();
    this.#write('white', clocks.whiteMs, clocks.running);
    this.#write('black', clocks.blackMs, clocks.running);
    if (clocks.running === null) return;
    const ms = clocks.running === 'white' ? clocks.whiteMs : clocks.blackMs;
    if (ms <= 0) return;
    const wait = Math.max(0, nextChangeIn(ms) - FRAME_MS);
    this.#timer = setTimeout(() => {
      this.#frame = requestAnimationFrame(this.#draw);
    }, wait) as unknown as number;
  };

  #write(seat: Seat, ms: number, running: Seat | null): void {
    const face = this.#faces[seat];
    setText(face.text, clockText(ms));
    setAttribute(face.element, 'data-ms', String(Math.floor(ms)));
    const isRunning = running === seat;
    const isLow = ms < face.lowMs;
    toggle(face.element, 'clock-running', isRunning);
    toggle(face.element, 'clock-low', isLow);
    toggle(face.element, 'clock-tenths', ms < 10_000);
    if (isLow && isRunning && !this.#isLow[seat]) this.#onLow(seat, ms);
    if (isRunning || !isLow) this.#isLow[seat] = isLow;
  }
}

function toggle(element: HTMLElement, name: string, on: boolean): void {
  if (element.classList.contains(name) !== on) element.classList.toggle(name, on);
}
