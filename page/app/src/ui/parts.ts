/** Parts that several views are made of. */
import { shell } from '../strings.ts';
import { h, replace, setProps, type Child, type Props } from './dom.ts';
import { problemWords } from './words.ts';

/** A button that is no submit button. */
export function button(text: Child, props: Props = {}): HTMLButtonElement {
  const { class: extra = '', ...rest } = props;
  return h('button', { type: 'button', class: `button ${String(extra)}`.trim(), ...rest }, text);
}

/** A link within the page that looks like a button. */
export function linkButton(text: Child, href: string, props: Props = {}): HTMLAnchorElement {
  const { class: extra = '', ...rest } = props;
  return h('a', { href, class: `button ${String(extra)}`.trim(), ...rest }, text);
}

/** What went wrong, and a button to try again. */
export function failure(problem: unknown, retry: (() => void) | null): HTMLElement {
  return h(
    'div',
    { class: 'failure', role: 'alert', test: 'failure' },
    h('p', null, problemWords(problem)),
    retry && button(shell.retry, { class: 'button-small', test: 'retry', onclick: () => retry() }),
  );
}

/** A field of a form: label, control, hint and error, tied together for assistive technology. */
export interface Field {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  /** Shows what is wrong with the field, or that nothing is. */
  error(message: string | null): void;
}

let lastId = 0;

/** An id that no other element has. */
export function uniqueId(name: string): string {
  lastId += 1;
  return `${name}-${lastId}`;
}

/** A field with an input. `props` are of the input. */
export function field(label: string, props: Props, hint?: string): Field {
  const id = uniqueId('field');
  const described: string[] = [];
  const about = hint === undefined ? null : h('p', { class: 'hint', id: `${id}-hint` }, hint);
  if (about) {
    described.push(about.id);
  }
  const wrong = h('p', { class: 'error', id: `${id}-error`, hidden: true });
  const input = h('input', { id, class: 'input', type: 'text', 'aria-describedby': described.join(' ') || null, ...props });
  const element = h('div', { class: 'field' }, h('label', { for: id }, label), input, about, wrong);
  return {
    element,
    input,
    error(message) {
      wrong.hidden = message === null;
      replace(wrong, message);
      const ids = message === null ? described : [...described, wrong.id];
      setProps(input, {
        'aria-invalid': message === null ? null : 'true',
        'aria-describedby': ids.join(' ') || null,
      });
    },
  };
}

/** A box to check, with its label. */
export function checkBox(label: Child, checked: boolean, change: (checked: boolean) => void, props: Props = {}): HTMLElement {
  const box = h('input', { type: 'checkbox', checked, ...props });
  box.addEventListener('change', () => change(box.checked));
  return h('label', { class: 'check' }, box, h('span', null, label));
}

/** One of a few choices, as a row of radio buttons. */
export function choices<T extends string>(
  legend: string,
  options: readonly (readonly [T, Child])[],
  chosen: T,
  change: (value: T) => void,
  props: Props = {},
): HTMLFieldSetElement {
  const name = uniqueId('choice');
  return h(
    'fieldset',
    { class: 'field', ...props },
    h('legend', { class: 'legend' }, legend),
    h(
      'div',
      { class: 'choices' },
      options.map(([value, label]) => {
        const input = h('input', { type: 'radio', name, value, checked: value === chosen });
        input.addEventListener('change', () => change(value));
        return h('label', { class: 'choice' }, input, h('span', null, label));
      }),
    ),
  );
}

/** A text that can be copied, such as a link. */
export function copyField(label: string, text: string, done: (message: string) => void, copyText: string = shell.copy, test = 'link'): HTMLElement {
  const id = uniqueId('copy');
  const input = h('input', { id, class: 'input', type: 'text', readonly: true, value: text, test, spellcheck: false });
  input.addEventListener('focus', () => input.select());
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      done(shell.copied);
    } catch {
      input.focus();
      done(shell.copyFailed);
    }
  };
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    h('div', { class: 'copy-row' }, input, button(copyText, { test: 'copy', onclick: () => void copy() })),
  );
}

/** A dialogue over the page. It is removed when it closes. */
export interface Dialogue {
  readonly element: HTMLDialogElement;
  readonly body: HTMLElement;
  close(): void;
}

/** Opens a dialogue, which Escape, its button and a press beside it close. */
export function openDialogue(title: string, test: string, onClose?: () => void): Dialogue {
  const id = uniqueId('dialogue');
  const body = h('div', { class: 'dialogue-body' });
  const element = h(
    'dialog',
    { 'aria-labelledby': id, test },
    h(
      'div',
      { class: 'dialogue-head' },
      h('h2', { id, tabindex: -1 }, title),
      button(shell.close, { class: 'button-quiet button-small', test: 'close', onclick: () => element.close() }),
    ),
    body,
  );
  element.addEventListener('close', () => {
    element.remove();
    onClose?.();
  });
  element.addEventListener('mousedown', (event) => {
    if (event.target === element) {
      element.close();
    }
  });
  document.body.append(element);
  element.showModal();
  return { element, body, close: () => element.close() };
}
