/** A player: ratings with their histories, the match in play, finished games. */
import { Problem, type CategoryRating, type FinishedMatch, type PublicPlayer } from 'rookery-session';
import type { Context, Mount } from '../context.ts';
import { LiveBoards } from '../live/boards.ts';
import { pathOf } from '../router.ts';
import { player as words, terms } from '../strings.ts';
import { paceOf, variantName } from '../terms/words.ts';
import { h, replace, svg } from '../ui/dom.ts';
import { repeat } from '../ui/pace.ts';
import { button, failure } from '../ui/parts.ts';
import { date } from '../words/dates.ts';
import { ago } from '../words/times.ts';
import { plotOf } from './plot.ts';
import { categoryName, resultFor } from './words.ts';

/** Games of a page. */
const GAMES = 20;

/** Ratings of a history that is plotted: as many as one request gives. */
const PLOTTED = 200;

/** How often it is asked whether the player plays, in milliseconds. */
const LIVE_EVERY_MS = 5_000;

/** The plot's box, in units of its picture. */
const PLOT = { width: 240, height: 64, margin: 4 };

export const mount: Mount = async (root, context, id, signal) => {
  const known = await find(context, id);
  const heading = h('h1', { tabindex: -1 }, known?.name ?? words.guest);
  const name = known?.name ?? null;
  const { me } = context.identity;
  const challenge = button(words.challenge, { class: 'button-primary', test: 'challenge-player' });
  challenge.addEventListener('click', () => {
    void import('../challenge/form-view.ts').then(({ openChallengeForm }) => openChallengeForm(context, name === null ? null : { id, name }));
  });
  root.append(
    h(
      'div',
      { class: 'stack-large', test: 'player' },
      h(
        'div',
        { class: 'player-head' },
        h('div', null, heading, h('p', { class: 'muted' }, known ? about(known) : words.guestLead)),
        known && me?.player !== id && challenge,
      ),
      h('div', { class: 'player-columns' }, h('div', { class: 'stack-large' }, livePart(context, id, signal), gamesPart(context, id, heading, signal)), ratingsPart(context, id, signal)),
    ),
  );
  return { title: known?.name ?? words.title, focus: heading };
};

/** The account; `null` for a guest, who has none. */
async function find(context: Context, id: string): Promise<PublicPlayer | null> {
  try {
    return await context.matchmaker.player(id);
  } catch (problem) {
    if (problem instanceof Problem && problem.code === 'player_not_found') {
      return null;
    }
    throw problem;
  }
}

function about({ bot, made_at: madeAt }: PublicPlayer): (Node | string)[] {
  return [...(bot ? [h('span', { class: 'badge' }, words.bot), ' '] : []), words.since(date(madeAt))];
}

function livePart(context: Context, id: string, signal: AbortSignal): HTMLElement {
  const boards = new LiveBoards(context, signal);
  const section = h('section', { class: 'stack-small', hidden: true, test: 'player-live' }, h('h2', null, words.live), boards.element);
  const load = async (): Promise<void> => {
    try {
      const { matches } = await context.matchmaker.live({ player: id, limit: 3 }, signal);
      const own = matches.filter(({ players }) => players.white.id === id || players.black.id === id);
      boards.show(own);
      section.hidden = own.length === 0;
    } catch (problem) {
      if (!(problem instanceof Problem)) {
        throw problem;
      }
    }
  };
  repeat(LIVE_EVERY_MS, load, signal);
  return section;
}

function ratingsPart(context: Context, id: string, signal: AbortSignal): HTMLElement {
  const place = h('div', { class: 'stack-small', 'aria-busy': true });
  const load = async (): Promise<void> => {
    try {
      const { ratings } = await context.matchmaker.ratings(id);
      if (signal.aborted) {
        return;
      }
      const rows = [...ratings].sort((a, b) => b.games - a.games).map((rating) => ratingRow(context, id, rating, signal));
      replace(place, rows.length > 0 ? h('ul', { class: 'ratings' }, rows) : h('p', { class: 'muted' }, words.ratingsNone));
    } catch (problem) {
      const isNone = problem instanceof Problem && problem.code === 'player_not_found';
      replace(place, isNone ? h('p', { class: 'muted' }, words.ratingsNone) : failure(problem, () => void load()));
    } finally {
      place.removeAttribute('aria-busy');
    }
  };
  void load();
  return h('section', { class: 'stack-small', test: 'ratings' }, h('h2', null, words.ratings), place);
}

function ratingRow(context: Context, id: string, rating: CategoryRating, signal: AbortSignal): HTMLElement {
  const name = categoryName(rating.category);
  const place = h('div', { class: 'plot' });
  void plot(context, id, rating.category, name, place, signal);
  return h(
    'li',
    { class: 'rating card', test: 'rating', 'data-category': rating.category },
    h('h3', null, name),
    h(
      'p',
      null,
      h('span', { class: 'rating-value number' }, rating.rating),
      ' ',
      h('span', { class: 'muted small' }, words.deviation(rating.deviation)),
      ' ',
      rating.provisional && h('span', { class: 'badge' }, words.provisional),
    ),
    h('p', { class: 'muted small' }, words.games(rating.games)),
    place,
  );
}

async function plot(context: Context, id: string, category: string, name: string, place: HTMLElement, signal: AbortSignal): Promise<void> {
  try {
    const { ratings } = await context.matchmaker.ratingHistory(id, category, { limit: PLOTTED });
    if (signal.aborted || ratings.length === 0) {
      return;
    }
    const history = [...ratings].reverse();
    const { points, min, max } = plotOf(history, PLOT.width, PLOT.height, PLOT.margin);
    const [first, last] = [history[0]?.rating ?? 0, history.at(-1)?.rating ?? 0];
    const label = history.length > 1 ? words.plot(name, first, last, history.length) : words.plotOne(name, last);
    const [endX = 0, endY = 0] = points.at(-1) ?? [];
    replace(
      place,
      svg(
        'svg',
        { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: 'img', 'aria-label': label, class: 'plot-line' },
        svg('polyline', { points: points.map((point) => point.join(',')).join(' ') }),
        svg('circle', { cx: endX, cy: endY, r: 3 }),
      ),
      h('p', { class: 'plot-range small muted number', 'aria-hidden': true }, h('span', null, max), h('span', null, min)),
    );
  } catch (problem) {
    // The rating stands there; its history is missed by few.
    if (!(problem instanceof Problem)) {
      throw problem;
    }
  }
}

function gamesPart(context: Context, id: string, heading: HTMLElement, signal: AbortSignal): HTMLElement {
  const body = h('tbody');
  const table = h(
    'table',
    { class: 'table games', hidden: true },
    h('thead', null, h('tr', null, [words.result, words.opponent, words.terms, words.movesHead, words.when].map((title) => h('th', { scope: 'col' }, title)))),
    body,
  );
  const foot = h('div', { class: 'stack-small' });
  let isNamed = heading.textContent !== words.guest;
  const load = async (after?: string): Promise<void> => {
    replace(foot, h('div', { class: 'skeleton games-place' }));
    try {
      const { games, next } = await context.matchmaker.games(id, { limit: GAMES, ...(after === undefined ? {} : { after }) });
      if (signal.aborted) {
        return;
      }
      const own = games[0]?.players;
      if (!isNamed && own) {
        isNamed = true;
        replace(heading, own.white.id === id ? own.white.name : own.black.name);
      }
      body.append(...games.map((game) => gameRow(game, id)));
      table.hidden = body.childElementCount === 0;
      replace(
        foot,
        next !== undefined && button(words.more, { test: 'more-games', onclick: () => void load(next) }),
        table.hidden && next === undefined && h('p', { class: 'muted' }, words.finishedNone),
        !table.hidden && h('p', null, h('a', { href: `/v1/archive?player=${encodeURIComponent(id)}`, download: '' }, words.pgn)),
      );
    } catch (problem) {
      replace(foot, failure(problem, () => void load(after)));
    }
  };
  void load();
  return h('section', { class: 'stack-small', test: 'games' }, h('h2', null, words.finished), table, foot);
}

function gameRow(game: FinishedMatch, id: string): HTMLElement {
  const { white, black } = game.players;
  const [own, opponent] = white.id === id ? [white, black] : [black, white];
  const result = resultFor(game, id);
  const diff = own.rating_diff;
  const kind = [paceOf(game), game.variant && game.variant !== 'standard' && variantName(game.variant), game.rated && terms.rated].filter((part) => part);
  return h(
    'tr',
    { test: 'game', 'data-match': game.match_id },
    h('td', null, h('span', { class: `result result-${result}` }, words[result]), diff !== undefined && h('span', { class: 'small muted number' }, ` ${diff > 0 ? '+' : ''}${diff}`)),
    h('td', null, h('a', { href: pathOf({ name: 'games', id: game.match_id }), 'aria-label': words.replay(white.name, black.name) }, opponent.name), opponent.rating !== null && h('span', { class: 'muted small number' }, ` ${opponent.rating}`)),
    h('td', { class: 'muted' }, kind.join(' · ')),
    h('td', { class: 'muted number' }, Math.ceil(game.moves.length / 2)),
    h('td', { class: 'muted' }, h('time', { datetime: new Date(game.ended_at).toISOString(), title: date(game.ended_at) }, ago(game.ended_at, Date.now()))),
  );
}
