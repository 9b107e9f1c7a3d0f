// The quiet buttons beside a board: flip, sound, text mode, PGN, link, another device.
import { h, setAttribute, setText } from '../ui/dom.ts';
import { matchStrings as s } from './strings.ts';
import type { Preferences } from './types.ts';

export interface ToolsOptions {
  readonly flip: () => void;
  readonly pgn: () => Promise<string>;
  readonly link: () => string;
  readonly fileName: () => string;
  readonly announce: (text: string) => void;
  readonly transfer: (() => void) | null;
  readonly preferences: Preferences;
}

/** How long a button tells that it has done its work, in milliseconds. */
const DONE_MS = 2_000;

export class Tools {
  readonly element: HTMLElement;
  readonly #preferences: Preferences;
  readonly #sound: HTMLButtonElement;
  readonly #text: HTMLButtonElement;

  constructor(options: ToolsOptions) {
    const { preferences, announce } = options;
    this.#preferences = preferences;
    const button = (label: string, test: string, act: () => void): HTMLButtonElement =>
      h('button', { type: 'button', class: 'button button-quiet button-small', 'data-test': test, onclick: act }, label);
    const toggle = (label: string, test: string, key: 'sound' | 'text'): HTMLButtonElement => {
      const made = button(label, test, () => preferences.set(key, !preferences.get(key)));
      made.classList.add('button-toggle');
      return made;
    };
    this.#sound = toggle(s.moves.sound, 'match-sound', 'sound');
    this.#text = toggle(s.moves.text, 'match-text', 'text');
    const copy = button(s.moves.copy, 'copy-pgn', () => {
      void copyText(options.pgn).then((isDone) => told(copy, s.moves.copy, isDone ? s.moves.copied : s.moves.copyFailed, announce));
    });
    const download = button(s.moves.download, 'download-pgn', () => {
      void options.pgn().then(
        (pgn) => save(pgn, options.fileName()),
        () => told(download, s.moves.download, s.moves.copyFailed, announce),
      );
    });
    const link = button(s.moves.link, 'copy-link', () => {
      void copyText(async () => options.link()).then((isDone) => told(link, s.moves.link, isDone ? s.moves.linkCopied : s.moves.copyFailed, announce));
    });
    const device = options.transfer ? button(s.moves.transfer, 'transfer', options.transfer) : null;
    this.element = h(
      'section',
      { class: 'tools', 'aria-label': s.moves.options },
      button(s.moves.flip, 'flip', options.flip),
      this.#sound,
      this.#text,
      h(
        'details',
        { 'data-test': 'share' },
        h('summary', {}, s.moves.share),
        h('div', { class: 'tools-more' }, link, copy, download, device),
      ),
    );
    this.show();
  }

  /** Shows which preferences are on. */
  show(): void {
    setAttribute(this.#sound, 'aria-pressed', this.#preferences.get('sound'));
    setAttribute(this.#text, 'aria-pressed', this.#preferences.get('text'));
  }
}

function told(button: HTMLButtonElement, label: string, text: string, announce: (text: string) => void): void {
  setText(button, text);
  announce(text);
  setTimeout(() => setText(button, label), DONE_MS);
}

/** Copies a text that has to be asked for; whether that worked. */
export async function copyText(ask: () => Promise<string>): Promise<boolean> {
  try {
    const text = await ask();
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/x-chess-pgn' }));
  const link = h('a', { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
