/** TV: the best live match, then the next one, and a list of the others. */
import { MatchSession, Problem, type LiveMatch } from 'rookery-session';
import type { Context, Mount } from '../context.ts';
import { LiveBoards } from '../live/boards.ts';
import { byInterest, fill } from '../live/choose.ts';
import { mountMatch } from '../match/index.ts';
import { shell, tv as words } from '../strings.ts';
import { h, replace } from '../ui/dom.ts';
import { repeat } from '../ui/pace.ts';
import { linkButton } from '../ui/parts.ts';
import { problemWords } from '../ui/words.ts';

/** How often the live matches are asked for, in milliseconds. */
const LIVE_EVERY_MS = 3_000;

/** How long the end of a match stays on the screen, in milliseconds. */
const LINGER_MS = 6_000;

/** Other matches that are shown as small boards. */
const OTHERS = 6;
const LOOKED_AT = 100;

export const mount: Mount = async (root, context, _id, signal) => {
  const heading = h('h1', { tabindex: -1, class: 'visually-hidden' }, words.heading);
  const stage = h('div', { class: 'tv-stage', test: 'tv-stage' });
  const boards = new LiveBoards(context, signal);
  const none = h('p', { class: 'muted' }, words.othersNone);
  const others = h('section', { class: 'tv-others stack-small' }, h('h2', null, words.others), none, boards.element);
  root.append(h('div', { class: 'tv' }, heading, stage, others));
  try {
    await context.ensure();
  } catch (problem) {
    if (!(problem instanceof Problem)) {
      throw problem;
    }
    const text = problem.code === 'no_guests' ? words.signInToWatch : problemWords(problem);
    replace(stage, h('div', { class: 'card stack apart' }, h('p', null, text), linkButton(shell.signIn, '/account?then=%2Ftv', { class: 'button-primary' })));
    return { title: words.title, focus: heading };
  }
  let onAir: OnAir | null = null;
  const load = async (): Promise<void> => {
    let matches: LiveMatch[];
    try {
      ({ matches } = await context.matchmaker.live({ limit: LOOKED_AT }, signal));
    } catch (problem) {
      if (problem instanceof Problem) {
        return;
      }
      throw problem;
    }
    if (signal.aborted) {
      return;
    }
    if (onAir === null || onAir.isOver()) {
      const ended = onAir?.id;
      const next = byInterest(matches).find((match) => match.match_id !== ended);
      if (next) {
        onAir?.close();
        onAir = broadcast(stage, context, next);
      } else if (onAir === null) {
        replace(stage, h('p', { class: 'card apart muted', test: 'tv-none' }, words.none));
      }
    }
    const rest = matches.filter((match) => match.match_id !== onAir?.id);
    boards.show(fill(boards.shown, rest, OTHERS));
    none.hidden = rest.length > 0;
  };
  repeat(LIVE_EVERY_MS, load, signal);
  return { title: words.title, focus: heading, close: () => onAir?.close() };
};

/** A match on the screen. */
interface OnAir {
  readonly id: string;
  /** Whether it has ended, and its end was shown for long enough. */
  isOver(): boolean;
  close(): void;
}

function broadcast(stage: HTMLElement, context: Context, match: LiveMatch): OnAir {
  const { matchmaker, navigate, preferences } = context;
  const id = match.match_id;
  const session = new MatchSession({ matchmaker, matchId: id, watch: true });
  let endedAt: number | null = null;
  session.subscribe((view) => {
    if (endedAt === null && (view.match?.result || view.connection === 'closed')) {
      endedAt = performance.now();
    }
  });
  const root = h('div', { class: 'tv-match', 'data-match': id });
  replace(stage, root);
  const { unmount } = mountMatch(root, { session, matchmaker, navigate, preferences, transfer: context.transfer, embedded: true });
  document.title = shell.title(words.now(match.players.white.name, match.players.black.name));
  return {
    id,
    isOver: () => endedAt !== null && performance.now() - endedAt > LINGER_MS,
    close() {
      unmount();
      session.close();
      root.remove();
    },
  };
}
