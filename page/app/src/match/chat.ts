// The chat of the room that one is in: players and spectators have a room each.
import { h, replace, setText } from '../ui/dom.ts';
import { matchStrings as s } from './strings.ts';
import type { ChatLine, Said, Seat } from './types.ts';

/** The longest line, in characters. */
const LINE_MAX = 140;

export class Chat {
  readonly element: HTMLElement;
  readonly #log: HTMLElement;
  readonly #empty: HTMLElement;
  readonly #problem: HTMLElement;
  readonly #input: HTMLInputElement;
  readonly #form: HTMLFormElement;
  readonly #heading: HTMLElement;
  readonly #say: (text: string) => Promise<Said>;
  #lines: readonly ChatLine[] = [];
  #mode = '';

  constructor(say: (text: string) => Promise<Said>) {
    this.#say = say;
    this.#log = h('div', { class: 'chat-log', role: 'log', 'aria-label': s.chat.log, tabindex: '0', 'data-test': 'chat-log' });
    this.#empty = h('p', { class: 'muted' }, s.chat.empty);
    this.#log.appendChild(this.#empty);
    this.#problem = h('p', { class: 'error', role: 'status', 'data-test': 'chat-problem' });
    this.#input = h('input', {
      class: 'input',
      type: 'text',
      maxlength: String(LINE_MAX),
      autocomplete: 'off',
      enterkeyhint: 'send',
      placeholder: s.chat.placeholder,
      'aria-label': s.chat.label,
      'data-test': 'chat-input',
    });
    this.#form = h(
      'form',
      { class: 'chat-form' },
      this.#input,
      h('button', { type: 'submit', class: 'button', 'data-test': 'chat-send' }, s.chat.send),
    );
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.send(this.#input.value).then((isSaid) => {
        if (isSaid) this.#input.value = '';
      });
    });
    this.#heading = h('h2', { class: 'chat-heading' }, s.chat.heading);
    this.element = h('section', { class: 'chat', 'aria-label': s.chat.heading }, this.#heading, this.#log, this.#problem, this.#form);
  }

  /** Says a line, and shows why if it was not said. */
  async send(text: string): Promise<boolean> {
    setText(this.#problem, '');
    const line = text.trim();
    if (line === '') return false;
    const said = await this.#say(line);
    if (!said.said) setText(this.#problem, s.chat.refused[said.refusal] ?? s.chat.notSent);
    return said.said;
  }

  /** What the last line was refused for; empty if it was said. */
  get problem(): string {
    return this.#problem.textContent ?? '';
  }

  /** Shows the lines of the room. */
  show(lines: readonly ChatLine[], isSpectator: boolean, isOn: boolean): void {
    const mode = `${isSpectator} ${isOn}`;
    // To measure the log costs a layout, which no move should wait for.
    if (lines === this.#lines && mode === this.#mode) return;
    this.#mode = mode;
    setText(this.#heading, isSpectator ? s.chat.spectators : s.chat.heading);
    this.#form.hidden = !isOn;
    setText(this.#empty, isOn ? s.chat.empty : s.chat.off);
    const before = this.#lines;
    this.#lines = lines;
    const keeps = before.length <= lines.length && before.every((line, index) => same(line, lines[index]));
    const isAtEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 40;
    if (!keeps) replace(this.#log, this.#empty);
    for (const line of keeps ? lines.slice(before.length) : lines) this.#log.appendChild(row(line));
    this.#empty.hidden = lines.length > 0;
    if (isAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }
}

const same = (one: ChatLine, other: ChatLine | undefined): boolean =>
  other !== undefined && one.at === other.at && one.text === other.text && one.name === other.name;

function row(line: ChatLine): HTMLElement {
  const seat: Seat | 'none' = line.seat ?? 'none';
  return h(
    'p',
    { class: 'chat-line', 'data-seat': seat },
    h('span', { class: `chat-name chat-${seat}` }, line.name),
    ' ',
    h('span', { class: 'chat-text' }, line.text),
  );
}
