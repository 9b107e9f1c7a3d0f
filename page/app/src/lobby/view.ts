/** The lobby. */
import { Problem } from 'rookery-session';
import type { Context, Mount } from '../context.ts';
import { LiveBoards } from '../live/boards.ts';
import { fill } from '../live/choose.ts';
import { pathOf } from '../router.ts';
import { lobby as words } from '../strings.ts';
import { h, replace, setText, svg } from '../ui/dom.ts';
import { repeat } from '../ui/pace.ts';
import { button, linkButton } from '../ui/parts.ts';
import { challengeLists } from './challenges.ts';
import { pools } from './pools.ts';

/** How often the live matches are asked for, in milliseconds: the list is made once a second at most. */
const LIVE_EVERY_MS = 3_000;

/** How often it is asked whether the visitor has a match in play, in milliseconds. */
const OWN_EVERY_MS = 10_000;

/** Small boards that are shown, and matches that are looked at to choose them. */
const BOARDS = 4;
const LOOKED_AT = 50;

export const mount: Mount = (root, context, _id, signal) => {
  const heading = h('h1', { tabindex: -1 }, words.heading);
  const challenge = button(
    [linkIcon(), h('span', null, h('span', { class: 'big-action-title' }, words.challengeFriend), ' ', h('span', { class: 'small muted' }, words.challengeFriendHint))],
    { class: 'big-action', test: 'create-challenge', 'aria-haspopup': 'dialog' },
  );
  challenge.addEventListener('click', () => {
    void import('../challenge/form-view.ts').then(({ openChallengeForm }) => openChallengeForm(context));
  });
  const lists = challengeLists(context, signal);
  root.append(
    h(
      'div',
      { class: 'lobby' },
      h('div', { class: 'lobby-head' }, heading, h('p', { class: 'muted' }, words.lead), ownMatch(context, signal)),
      h('div', { class: 'lobby-play stack-large' }, lists.received, pools(context, signal), challenge, lists.computers, lists.made, lists.open),
      h('aside', { class: 'lobby-live stack-small', 'aria-label': words.live }, live(context, signal)),
    ),
  );
  return { title: words.title, focus: heading };
};

function linkIcon(): SVGSVGElement {
  const path = 'M10 14a4.5 4.5 0 0 0 6.4 0l3.2-3.2a4.5 4.5 0 0 0-6.4-6.4L12 5.6M14 10a4.5 4.5 0 0 0-6.4 0l-3.2 3.2a4.5 4.5 0 0 0 6.4 6.4L12 18.4';
  const look = { fill: 'none', stroke: 'currentColor', 'stroke-width': 2, 'stroke-linecap': 'round' };
  return svg('svg', { viewBox: '0 0 24 24', width: 28, height: 28, 'aria-hidden': true, class: 'big-action-icon', ...look }, svg('path', { d: path }));
}

/** The way back into a match that the visitor plays. */
function ownMatch(context: Context, signal: AbortSignal): HTMLElement {
  const place = h('div', { class: 'own-match', test: 'own-match', hidden: true });
  const load = async (): Promise<void> => {
    const { me } = context.identity;
    if (me === null) {
      place.hidden = true;
      return;
    }
    try {
      const { matches } = await context.matchmaker.live({ player: me.player, limit: 5 }, signal);
      const own = matches.find(({ players }) => players.white.id === me.player || players.black.id === me.player);
      place.hidden = own === undefined;
      if (own) {
        const opponent = own.players.white.id === me.player ? own.players.black : own.players.white;
        replace(
          place,
          h('p', null, `${words.yourMatch} ${words.against(opponent.name)}.`),
          linkButton(words.returnToMatch, pathOf({ name: 'match', id: own.match_id }), { class: 'button-primary', test: 'return-to-match' }),
        );
      }
    } catch (problem) {
      if (!(problem instanceof Problem)) {
        throw problem;
      }
    }
  };
  repeat(OWN_EVERY_MS, load, signal);
  return place;
}

/** The live matches. */
function live(context: Context, signal: AbortSignal): HTMLElement[] {
  const boards = new LiveBoards(context, signal);
  const count = h('p', { class: 'muted small', test: 'live-count' });
  const none = h('p', { class: 'muted live-none', hidden: true }, words.liveNone);
  const load = async (): Promise<void> => {
    try {
      const { matches, total } = await context.matchmaker.live({ limit: LOOKED_AT }, signal);
      boards.show(fill(boards.shown, matches, BOARDS));
      none.hidden = matches.length > 0;
      setText(count, total > 0 ? words.liveCount(total) : '');
    } catch (problem) {
      if (!(problem instanceof Problem)) {
        throw problem;
      }
    }
  };
  repeat(LIVE_EVERY_MS, load, signal);
  const head = h('div', { class: 'section-head' }, h('h2', null, words.live), count, h('a', { href: '/tv', test: 'all-live' }, words.allLive));
  return [head, none, boards.element];
}
