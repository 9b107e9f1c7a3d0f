// How things stand with the server, and what came up meanwhile: the connection line, notices, and the result.
import { h, replace, setAttribute, setText } from '../ui/dom.ts';
import { capital, matchStrings as s } from './strings.ts';
import type { Result, Seat, View } from './types.ts';
import { resultWords } from './words.ts';

/** The line that always tells the state of the connection. */
export class ConnectionLine {
  readonly element: HTMLElement;
  readonly #text: HTMLElement;
  readonly #detail: HTMLElement;
  #announced = '';

  constructor() {
    this.#text = h('span', { class: 'connection-text' });
    this.#detail = h('span', { class: 'connection-detail' });
    this.element = h(
      'div',
      { class: 'connection', role: 'group', 'aria-label': s.connection.label, 'data-test': 'connection' },
      h('span', { class: 'connection-dot', 'aria-hidden': 'true' }),
      this.#text,
      this.#detail,
    );
  }

  /** Shows the connection; returns what is to be said aloud, if it changed for the worse or the better. */
  show(view: View): string | null {
    const { connection, transport, rttMs } = view;
    const isOver = connection === 'closed' && (view.match?.result ?? null) !== null;
    const text = isOver ? s.connection.over : s.connection[connection];
    setAttribute(this.element, 'data-state', isOver ? 'over' : connection);
    setAttribute(this.element, 'data-transport', transport);
    setText(this.#text, text);
    const parts = [transport === null ? '' : s.connection.transport[transport], rttMs === null ? '' : s.connection.rtt(rttMs)];
    setText(this.#detail, connection === 'live' || connection === 'paused' ? parts.filter((part) => part !== '').join(' · ') : '');
    const before = this.#announced;
    this.#announced = text;
    const isFirst = before === '' || before === s.connection.connecting;
    return before === text || isFirst ? null : text;
  }
}

/** Notices above the board. Each is there as long as its reason. */
export class Notices {
  readonly element: HTMLElement;
  readonly #away: HTMLElement;
  readonly #awayText: HTMLElement;
  readonly #closed: HTMLElement;
  readonly #closedText: HTMLElement;
  readonly #closedButton: HTMLButtonElement;
  readonly #watching: HTMLElement;
  readonly #message: HTMLElement;
  readonly #startsIn: HTMLElement;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #startTimer: ReturnType<typeof setInterval> | undefined;

  constructor(events: { dismissAway(): void; again(): void }) {
    this.#awayText = h('span', { 'data-test': 'away-text' });
    this.#away = h(
      'div',
      { class: 'match-notice match-notice-away', 'data-test': 'away', hidden: true },
      this.#awayText,
      h('button', { type: 'button', class: 'button button-small', 'data-test': 'away-dismiss', onclick: () => events.dismissAway() }, s.away.dismiss),
    );
    this.#closedText = h('span', {});
    this.#closedButton = h('button', { type: 'button', class: 'button button-small button-primary', 'data-test': 'again', onclick: () => events.again() });
    this.#closed = h('div', { class: 'match-notice match-notice-problem', 'data-test': 'closed', hidden: true }, this.#closedText, this.#closedButton);
    this.#watching = h('div', { class: 'match-notice', 'data-test': 'delayed', hidden: true });
    this.#startsIn = h('div', { class: 'match-notice', 'data-test': 'starts-in', hidden: true });
    this.#message = h('div', { class: 'match-notice match-notice-problem', 'data-test': 'refusal', hidden: true });
    this.element = h('div', { class: 'match-notices' }, this.#closed, this.#away, this.#message, this.#watching, this.#startsIn);
  }

  showAway(text: string): void {
    setText(this.#awayText, text);
    this.#away.hidden = text === '';
  }

  /** Shows a refusal, for a while. */
  showMessage(text: string): void {
    clearTimeout(this.#timer);
    setText(this.#message, text);
    this.#message.hidden = false;
    this.#timer = setTimeout(() => {
      this.#message.hidden = true;
    }, 6_000);
  }

  /** Shows why the session ended, if not by the end of the match. */
  showClosed(view: View): void {
    const { connection, closeCode, problem } = view;
    const isOver = (view.match?.result ?? null) !== null;
    const code = closeCode ?? '';
    let text = '';
    if (connection === 'closed' && closeCode === 'superseded') text = s.connection.superseded;
    else if (connection === 'closed' && !isOver) {
      text = s.connection.close[code] ?? (problem ? s.connection.problem(problem.detail || problem.title) : s.connection.closed);
    }
    this.#closed.hidden = text === '';
    setText(this.#closedText, text);
    setText(this.#closedButton, closeCode === 'superseded' ? s.connection.takeBack : s.connection.retry);
  }

  showDelay(seconds: number): void {
    this.#watching.hidden = seconds === 0;
    setText(this.#watching, seconds === 0 ? '' : s.page.delayed(seconds));
  }

  /** Counts down to when play begins, in milliseconds since 1970 on the clock that `now` reads. */
  showStart(at: number | null, now: () => number): void {
    clearInterval(this.#startTimer);
    const count = (): void => {
      const left = at === null ? 0 : Math.ceil((at - now()) / 1000);
      this.#startsIn.hidden = left <= 0;
      if (left <= 0) return clearInterval(this.#startTimer);
      const minutes = Math.floor(left / 60);
      setText(this.#startsIn, s.page.startsIn(`${minutes}:${String(left % 60).padStart(2, '0')}`));
    };
    count();
    if (at !== null && at > now()) this.#startTimer = setInterval(count, 500);
  }

  close(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#startTimer);
  }
}

/** The result, once there is one. */
export class ResultCard {
  readonly element: HTMLElement;
  readonly #title: HTMLElement;
  readonly #how: HTMLElement;
  readonly #ratings: HTMLElement;

  constructor() {
    this.#title = h('h2', { class: 'ending-title', 'data-test': 'result-title' });
    this.#how = h('p', { class: 'ending-how', 'data-test': 'result-how' });
    this.#ratings = h('ul', { class: 'ending-ratings', 'data-test': 'rating-changes', hidden: true });
    this.element = h('section', { class: 'ending', 'aria-label': s.result.heading, 'data-test': 'result', hidden: true }, this.#title, this.#how, this.#ratings);
  }

  show(result: Result | null, seat: Seat | null): void {
    this.element.hidden = result === null;
    if (result === null) return;
    const { title, how } = resultWords(result, seat);
    const score = s.result.score[result.outcome] ?? '';
    setText(this.#title, result.outcome === 'aborted' ? capital(title) : `${score} · ${capital(title)}`);
    setText(this.#how, how);
    setAttribute(this.element, 'data-outcome', result.outcome);
    setAttribute(this.element, 'data-termination', result.termination);
  }

  /** Shows how ratings changed, one line for each player. */
  showRatings(lines: readonly string[]): void {
    this.#ratings.hidden = lines.length === 0;
    replace(this.#ratings, lines.map((line) => h('li', {}, line)));
  }
}
