// A button that does what it says only at the second press, so that it cannot be hit by accident.
import { h, setAttribute, setText } from '../ui/dom.ts';

/** How long the first press waits for the second, in milliseconds. */
const CONFIRM_MS = 4_000;
/** A second press that comes sooner belongs to a double click, in milliseconds. */
const DOUBLE_MS = 250;

export interface ConfirmOptions {
  readonly label: string;
  readonly confirm: string;
  readonly test: string;
  readonly act: () => void;
  /** Told when the button waits for its second press. */
  readonly armed?: () => void;
}

/** A button with a state of waiting that ends by itself, with Escape, and when the focus leaves it. */
export class ConfirmButton {
  readonly element: HTMLButtonElement;
  readonly #options: ConfirmOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #armedAt: number | null = null;

  constructor(options: ConfirmOptions) {
    this.#options = options;
    this.element = h(
      'button',
      { type: 'button', class: 'button', 'data-test': options.test, onclick: () => this.press() },
      options.label,
    );
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#armedAt !== null) {
        event.stopPropagation();
        this.disarm();
      }
    });
  }

  /** Is it waiting for the second press? */
  get isArmed(): boolean {
    return this.#armedAt !== null;
  }

  press(): void {
    const now = performance.now();
    if (this.#armedAt === null) {
      this.#armedAt = now;
      this.#show(true);
      this.#timer = setTimeout(() => this.disarm(), CONFIRM_MS);
      this.#options.armed?.();
    } else if (now - this.#armedAt >= DOUBLE_MS) {
      this.disarm();
      this.#options.act();
    }
  }

  disarm(): void {
    clearTimeout(this.#timer);
    this.#armedAt = null;
    this.#show(false);
  }

  #show(isArmed: boolean): void {
    setText(this.element, isArmed ? this.#options.confirm : this.#options.label);
    this.element.classList.toggle('button-armed', isArmed);
    setAttribute(this.element, 'data-confirm', isArmed ? 'true' : null);
  }
}
