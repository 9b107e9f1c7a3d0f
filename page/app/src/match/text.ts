// Text mode: a box for moves and commands, their answers, and the position as a table.
import { h, setText } from '../ui/dom.ts';
import type { Announcer } from './announcer.ts';
import { MoveBox, type TextHost } from './commands.ts';
import type { Step } from './position.ts';
import { matchStrings as s } from './strings.ts';
import { BoardTable } from './table.ts';
import type { Seat } from './types.ts';

export class TextPanel {
  readonly element: HTMLElement;
  readonly #input: HTMLInputElement;
  readonly #table = new BoardTable();
  readonly #turn: HTMLElement;
  /** Lines that were entered, for the arrow keys. */
  readonly #history: string[] = [];
  #at = 0;

  constructor(host: TextHost, announcer: Announcer) {
    const box = new MoveBox(host);
    this.#input = h('input', {
      id: 'move-box',
      class: 'input',
      type: 'text',
      autocomplete: 'off',
      autocapitalize: 'off',
      autocorrect: 'off',
      spellcheck: 'false',
      enterkeyhint: 'send',
      'aria-describedby': 'move-box-hint',
      'data-test': 'move-box',
    });
    const form = h(
      'form',
      { class: 'move-box' },
      h('label', { for: 'move-box' }, s.input.label),
      h('div', { class: 'move-box-row' }, this.#input, h('button', { type: 'submit', class: 'button button-primary' }, s.input.submit)),
      h('p', { id: 'move-box-hint', class: 'small muted' }, s.input.hint),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#input.value;
      this.#input.value = '';
      if (text.trim() === '') return;
      this.#history.push(text);
      this.#at = this.#history.length;
      void box.enter(text).then((answer) => announcer.say(answer));
    });
    this.#input.addEventListener('keydown', (event) => this.#recall(event));
    this.#turn = h('p', { class: 'text-turn', 'data-test': 'text-turn' });
    this.element = h('section', { class: 'text-mode', 'aria-label': s.moves.text }, this.#turn, form, announcer.log, this.#table.element);
  }

  show(step: Step, orientation: Seat, turn: string): void {
    this.#table.show(step.position, orientation);
    setText(this.#turn, turn);
  }

  focus(): void {
    this.#input.focus();
  }

  #recall(event: KeyboardEvent): void {
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
    const at = this.#at + (event.key === 'ArrowUp' ? -1 : 1);
    if (at < 0 || at > this.#history.length) return;
    this.#at = at;
    this.#input.value = this.#history[at] ?? '';
    event.preventDefault();
  }
}
