/** The page's entry: makes what all views share, and shows the view of each address. */
import { Matchmaker, Problem } from 'rookery-session';
import type { Context, Mount, Sound, View } from './context.ts';
import { Watchdog, watched } from './health.ts';
import { Identity, asSomebody, isEnded } from './identity.ts';
import { openPreferences } from './preferences.ts';
import { openRouter, pathOf, type Route } from './router.ts';
import { Seek } from './seek.ts';
import { openShell } from './shell/shell.ts';
import { lobby, shell as words } from './strings.ts';
import { h, replace } from './ui/dom.ts';
import { button } from './ui/parts.ts';
import { problemWords } from './ui/words.ts';

/** The views, each loaded when it is first needed. */
const VIEWS: { readonly [K in Route['name']]: () => Promise<{ mount: Mount }> } = {
  lobby: () => import('./lobby/view.ts'),
  match: () => import('./views/match.ts'),
  challenge: () => import('./challenge/view.ts'),
  player: () => import('./player/view.ts'),
  games: () => import('./views/games.ts'),
  tv: () => import('./views/tv.ts'),
  transfer: () => import('./transfer/view.ts'),
  account: () => import('./account/view.ts'),
  about: () => import('./views/about.ts'),
  not_found: () => import('./views/not-found.ts'),
};

/** Views that need a player, if only a guest. */
const NEED_PLAYER: readonly Route['name'][] = ['match', 'challenge', 'tv'];

const preferences = openPreferences();
const identity = new Identity();
const watchdog: Watchdog = new Watchdog(() => matchmaker.pools());

/** Requests whose failures a match shows itself: they are usual while another shard takes over. */
const OF_A_MATCH = /\/(seat|watch)$/;

const matchmaker = new Matchmaker({
  base: '',
  token: identity.token,
  fetch: watched(
    (url, init) => fetch(url, init),
    (url, status, token, text) => {
      if (!OF_A_MATCH.test(url)) {
        watchdog.answered(status);
      }
      if (status === 401 && token !== null) {
        void text().then((body) => endIfRefused(body, token), () => undefined);
      }
    },
    (url) => OF_A_MATCH.test(url) || watchdog.failed(),
  ),
});

/** Forgets the player whose token the server refuses for good. */
function endIfRefused(body: string, token: string): void {
  try {
    const { code } = JSON.parse(body) as { code?: unknown };
    if (typeof code === 'string' && isEnded(code)) {
      identity.refused(token, code);
    }
  } catch {
    // A proxy's page: nothing is known of the token.
  }
}

const somebody = <T>(act: () => Promise<T>): Promise<T> => asSomebody(identity, matchmaker, act);

const seek = new Seek(matchmaker, {
  asSomebody: somebody,
  matched(matchId) {
    context.sound('found');
    context.announce(lobby.found);
    router.navigate(pathOf({ name: 'match', id: matchId }));
  },
  failed: (problem) => context.refuse(problem),
});

const root = h('main', { id: 'content', tabindex: -1, test: 'main', 'data-loading': words.loading });
const shell = openShell({ root, preferences, identity, watchdog, seek, matchmaker });

let sounds: Promise<{ play(name: Sound): void }> | null = null;

const context: Context = {
  matchmaker,
  identity,
  preferences,
  seek,
  navigate: (path, options) => router.navigate(path, options),
  announce: (text) => shell.announce(text),
  toast: (text) => shell.toast(text),
  refuse(problem) {
    context.toast(problemWords(problem));
    if (problem instanceof Problem && problem.code === 'no_guests') {
      router.navigate(signInPath());
    }
  },
  sound(name) {
    sounds ??= import('./match/sounds.ts').then(({ Sounds }) => new Sounds(preferences));
    // A sound that cannot be loaded or played is not worth a word.
    sounds.then((all) => all.play(name)).catch(() => undefined);
  },
  transfer(matchId, done) {
    import('./transfer/dialogue.ts').then(
      ({ openTransfer }) => openTransfer(context, matchId, done),
      () => context.toast(words.offline),
    );
  },
  asSomebody: somebody,
  ensure: () => identity.ensure(matchmaker),
};

/** Where the visitor signs in, to come back here. */
function signInPath(): string {
  return `/account?then=${encodeURIComponent(location.pathname)}`;
}

let shown: { view: View | null; abort: AbortController } | null = null;
let showing = 0;

/** Shows the view of a route. The view before stays until the next one is loaded, so that nothing flickers. */
async function show(route: Route): Promise<void> {
  showing += 1;
  const mine = showing;
  const isFirst = shown === null;
  if (NEED_PLAYER.includes(route.name)) {
    // While the view loads; a failure is the view's to tell, which asks again.
    identity.ensure(matchmaker).catch(() => undefined);
  }
  let mount: Mount;
  try {
    ({ mount } = await VIEWS[route.name]());
  } catch {
    if (mine === showing) {
      leave();
      showFailure(words.newVersion, words.reload, () => location.reload());
    }
    return;
  }
  if (mine !== showing) {
    return;
  }
  leave();
  const abort = new AbortController();
  shown = { view: null, abort };
  shell.at(route);
  root.className = `view view-${route.name.replace('_', '-')}`;
  try {
    const view = await mount(root, context, 'id' in route ? route.id : '', abort.signal);
    if (abort.signal.aborted) {
      view.close?.();
      return;
    }
    shown = { view, abort };
    if (view.title !== null) {
      document.title = words.title(view.title);
    }
    if (!isFirst) {
      focusOn(view.focus ?? root.querySelector('h1') ?? root);
    }
  } catch (error) {
    if (!abort.signal.aborted) {
      if (error instanceof Problem && error.code === 'no_guests') {
        showFailure(problemWords(error), words.signIn, () => router.navigate(signInPath()), words.signInFirst);
      } else {
        showFailure(error instanceof Problem ? problemWords(error) : words.broken, words.retry, () => void show(route));
      }
    }
    if (!(error instanceof Problem)) {
      throw error;
    }
  }
}

/** Ends the view that is shown. */
function leave(): void {
  shown?.abort.abort();
  shown?.view?.close?.();
  document.querySelectorAll('dialog').forEach((dialogue) => dialogue.close());
  root.replaceChildren();
  root.removeAttribute('aria-busy');
}

function showFailure(text: string, act: string, then: () => void, title: string = words.failedTitle): void {
  root.className = 'view view-narrow';
  const heading = h('h1', { tabindex: -1 }, title);
  replace(root, h('section', { class: 'card stack', test: 'failure' }, heading, h('p', null, text), h('div', { class: 'buttons' }, button(act, { class: 'button-primary', test: 'retry', onclick: then }))));
  document.title = words.title(title);
  focusOn(heading);
}

/** Moves the focus to where a new view begins, so that the keyboard and screen readers start there. */
function focusOn(element: HTMLElement): void {
  if (!element.hasAttribute('tabindex')) {
    element.tabIndex = -1;
  }
  element.focus({ preventScroll: true });
}

const router = openRouter((route) => void show(route));
router.start();
