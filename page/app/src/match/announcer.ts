// Says things to screen readers: one region, into which what comes within a moment is put together.
import { h } from '../ui/dom.ts';

const TOGETHER_MS = 60;
/** Lines that the visible log of text mode keeps. */
const LINES_MAX = 100;

export class Announcer {
  /** The hidden region, for the board. */
  readonly element: HTMLElement;
  /** The visible log, for text mode. */
  readonly log: HTMLElement;
  #waiting: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLog = false;

  constructor(label: string) {
    this.element = h('div', { class: 'visually-hidden', role: 'status', 'data-test': 'announcement' });
    this.log = h('div', { class: 'text-log', role: 'log', 'aria-label': label, tabindex: '0', 'data-test': 'text-log' });
  }

  /** Whether the log speaks, instead of the hidden region. */
  set usesLog(isLog: boolean) {
    this.#isLog = isLog;
  }

  say(text: string): void {
    if (text === '') return;
    this.#waiting.push(text);
    this.#timer ??= setTimeout(() => this.#speak(), TOGETHER_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #speak(): void {
    this.#timer = undefined;
    const lines = this.#waiting.splice(0);
    for (const line of lines) {
      this.log.appendChild(h('p', {}, line));
      if (this.log.childElementCount > LINES_MAX) this.log.firstElementChild?.remove();
    }
    this.log.scrollTop = this.log.scrollHeight;
    if (this.#isLog) return;
    const text = lines.join(' ');
    // The same words again are not read unless something differs.
    this.element.textContent = this.element.textContent === text ? `${text}\u00a0` : text;
  }
}
