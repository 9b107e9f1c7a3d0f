/** What is around every view: header, settings, notices, and the region that announces. */
import type { Matchmaker } from 'rookery-session';
import type { Health, Watchdog } from '../health.ts';
import type { Identity } from '../identity.ts';
import type { Preferences, Theme } from '../preferences.ts';
import type { Route } from '../router.ts';
import type { Seek } from '../seek.ts';
import { lobby, shell as words } from '../strings.ts';
import { h, replace, setAttribute, setText, svg } from '../ui/dom.ts';
import { button, checkBox, choices } from '../ui/parts.ts';
import { openInbox } from './inbox.ts';
import { clockTime, controlWords } from '../words/times.ts';

/** What the shell shows and changes. */
export interface ShellParts {
  /** Where views go. */
  readonly root: HTMLElement;
  readonly preferences: Preferences;
  readonly identity: Identity;
  readonly watchdog: Watchdog;
  readonly seek: Seek;
  readonly matchmaker: Matchmaker;
}

/** The shell, as the entry uses it. */
export interface Shell {
  /** The visitor has come to a view. */
  at(route: Route): void;
  announce(text: string): void;
  toast(text: string): void;
}

/** What the names begin with that the server makes up for guests, and that no account has. */
const GUEST_NAME = 'Guest-';

/** How long a line at the foot of the page stays, in milliseconds. */
const TOAST_MS = 5_000;

/** Puts the shell into the document. */
export function openShell({ root, preferences, identity, watchdog, seek, matchmaker }: ShellParts): Shell {
  const links = {
    lobby: h('a', { href: '/', test: 'nav-play' }, words.nav.play),
    tv: h('a', { href: '/tv', test: 'nav-tv' }, words.nav.tv),
    about: h('a', { href: '/about', test: 'nav-about' }, words.nav.about),
    account: h('a', { href: '/account', class: 'who', test: 'who' }),
  };
  const skip = h('a', { class: 'skip', href: '#content' }, words.skip);
  skip.addEventListener('click', (event) => {
    event.preventDefault();
    root.focus();
  });
  const header = h(
    'header',
    { class: 'top' },
    h('a', { class: 'brand', href: '/', test: 'brand' }, rook(), h('span', null, words.name)),
    h('nav', { 'aria-label': words.main }, links.lobby, links.tv, links.about),
    h('div', { class: 'top-end' }, links.account, settings(preferences)),
  );
  const health = h('div', { class: 'notice notice-warn', role: 'status', hidden: true, test: 'health' });
  const ended = h('div', { class: 'notice', role: 'status', hidden: true, test: 'sign-in-ended' });
  const bar = seekBar(seek);
  const inbox = openInbox(matchmaker, identity, (text) => announce(text));
  const live = h('div', { class: 'visually-hidden', 'aria-live': 'polite', 'aria-atomic': true, test: 'announcer' });
  // What a line says is announced; its picture would be read a second time.
  const toasts = h('div', { class: 'toasts', 'aria-hidden': true });
  document.body.replaceChildren(skip, header, h('div', { class: 'notices', role: 'region', 'aria-label': words.notices }, health, ended, bar.element, inbox.element), root, toasts, live);

  const showTheme = (): void => {
    const theme = preferences.get('theme');
    setAttribute(document.documentElement, 'data-theme', theme === 'system' ? null : theme);
  };
  const showWho = (): void => {
    const { me } = identity;
    setText(links.account, me === null ? words.signIn : me.isNamed || me.name.startsWith(GUEST_NAME) ? me.name : words.guest(me.name));
    ended.hidden = identity.endedBecause === null;
    replace(ended, !ended.hidden && [`${words.signInEnded} `, h('a', { href: '/account' }, words.signInAgain)]);
  };
  let route: Route['name'] = 'lobby';
  let wasIll = false;
  const showHealth = (state: Health): void => {
    const text = { well: '', offline_device: words.offlineDevice, unreachable: words.offline, busy: words.maintenance }[state];
    // A match says itself how it is connected.
    health.hidden = state === 'well' || route === 'match';
    setText(health, text);
    if (state === 'well' && wasIll && route !== 'match') {
      announce(words.back);
    }
    wasIll = state !== 'well';
  };
  const announce = (text: string): void => {
    // Emptied first, so that the same words are said again.
    live.textContent = '';
    setTimeout(() => setText(live, text), 50);
  };

  preferences.subscribe(showTheme);
  identity.subscribe(showWho);
  watchdog.subscribe(showHealth);
  showTheme();
  showWho();
  return {
    at(next) {
      route = next.name;
      for (const [name, link] of Object.entries(links)) {
        setAttribute(link, 'aria-current', name === next.name ? 'page' : null);
      }
      setAttribute(document.body, 'data-view', next.name);
      showHealth(watchdog.health);
      bar.at(next.name);
      inbox.at(next.name);
    },
    announce,
    toast(text) {
      const line = h('p', { class: 'toast', test: 'toast' }, text);
      toasts.append(line);
      setTimeout(() => line.remove(), TOAST_MS);
      announce(text);
    },
  };
}

/** The settings: a button, and a panel under it. */
function settings(preferences: Preferences): HTMLElement {
  const themes = (Object.keys(words.themes) as Theme[]).map((theme) => [theme, words.themes[theme]] as const);
  const panel = h('div', { class: 'panel card stack', id: 'settings', hidden: true, test: 'settings-panel' });
  const fill = (): void =>
    replace(
      panel,
      choices(words.theme, themes, preferences.get('theme'), (theme) => preferences.set('theme', theme)),
      h(
        'div',
        null,
        checkBox(words.sound, preferences.get('sound'), (on) => preferences.set('sound', on), { test: 'sound' }),
        checkBox(
          [words.textMode, h('span', { class: 'hint small muted' }, words.textModeHint)],
          preferences.get('text'),
          (on) => preferences.set('text', on),
          { test: 'text-mode' },
        ),
      ),
    );
  const toggle = button(gear(), {
    class: 'button-quiet icon-button',
    'aria-label': words.settings,
    'aria-expanded': false,
    'aria-controls': panel.id,
    test: 'settings',
  });
  const open = (isOpen: boolean): void => {
    panel.hidden = !isOpen;
    setAttribute(toggle, 'aria-expanded', isOpen);
    if (isOpen) {
      fill();
    }
  };
  const element = h('div', { class: 'settings' }, toggle, panel);
  toggle.addEventListener('click', () => open(panel.hidden !== false));
  // On the document, as a press focuses no button in some browsers.
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !panel.hidden) {
      open(false);
      toggle.focus();
    }
  });
  document.addEventListener('pointerdown', (event) => {
    if (!panel.hidden && event.target instanceof Node && !element.contains(event.target)) {
      open(false);
    }
  });
  element.addEventListener('focusout', (event) => {
    if (event.relatedTarget instanceof Node && !element.contains(event.relatedTarget)) {
      open(false);
    }
  });
  return element;
}

/** A line that says on every view but the lobby, which shows it itself, that the visitor waits for an opponent. */
function seekBar(seek: Seek): { element: HTMLElement; at(route: Route['name']): void } {
  const text = h('span');
  const time = h('time', { 'aria-hidden': true });
  const element = h(
    'div',
    { class: 'notice notice-seek', hidden: true, test: 'seek-bar' },
    h('span', { class: 'pulse', 'aria-hidden': true }),
    text,
    time,
    button(lobby.cancelSearch, { class: 'button-small', test: 'seek-cancel', onclick: () => seek.stop() }),
  );
  let route: Route['name'] = 'lobby';
  let timer: ReturnType<typeof setInterval> | null = null;
  const tick = (): void => {
    const { seeking } = seek;
    if (seeking) {
      setText(time, clockTime(performance.now() - seeking.since));
    }
  };
  const show = (): void => {
    const { seeking } = seek;
    element.hidden = seeking === null || route === 'lobby';
    if (seeking) {
      setText(text, lobby.searching(controlWords(seeking.pool.control)));
      tick();
      timer ??= setInterval(tick, 1000);
    } else if (timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
  seek.subscribe(show);
  return {
    element,
    at(next) {
      route = next;
      show();
    },
  };
}

/** The mark of the page. */
function rook(): SVGSVGElement {
  const path = 'M17 9h7v6h5V9h6v6h5V9h7v12l-5 5v15l4 4v4H18v-4l4-4V26l-5-5zM14 51h36v6H14z';
  return svg('svg', { viewBox: '0 0 64 64', width: 28, height: 28, 'aria-hidden': true }, svg('path', { fill: 'currentColor', d: path }));
}

function gear(): SVGSVGElement {
  return svg(
    'svg',
    { viewBox: '0 0 24 24', width: 22, height: 22, 'aria-hidden': true, fill: 'none', stroke: 'currentColor', 'stroke-width': 2, 'stroke-linecap': 'round' },
    svg('path', { d: 'M4 7h9M19 7h1M4 17h1M11 17h9' }),
    svg('circle', { cx: 16, cy: 7, r: 2.6 }),
    svg('circle', { cx: 8, cy: 17, r: 2.6 }),
  );
}
