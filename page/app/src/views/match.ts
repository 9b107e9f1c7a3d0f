/** A match: played by those who have a seat in it, watched by all others. */
import { MatchSession, Problem } from 'rookery-session';
import type { Context, Mount } from '../context.ts';
import { mountMatch } from '../match/index.ts';
import { pathOf } from '../router.ts';
import { matchPage as words } from '../strings.ts';
import { h } from '../ui/dom.ts';
import { linkButton } from '../ui/parts.ts';
import { problemWords } from '../ui/words.ts';

export const mount: Mount = async (root, context, id, signal) => {
  try {
    await context.ensure();
  } catch (problem) {
    // Without a player nobody plays or watches over the shard; `no_guests` says how to get one.
    if (!(problem instanceof Problem)) {
      throw problem;
    }
    return refused(root, problem, id);
  }
  const { session, unmount } = open(root, context, id, signal);
  return {
    title: null,
    close() {
      unmount();
      session.close();
    },
  };
};

function open(root: HTMLElement, context: Context, id: string, signal: AbortSignal): { session: MatchSession; unmount(): void } {
  const { matchmaker, navigate, preferences } = context;
  const session = new MatchSession({ matchmaker, matchId: id });
  // A seat ends the wait for another opponent; watching does not.
  const stop = session.subscribe((view) => {
    if (view.match && view.match.role !== 'spectator' && view.match.result === null) {
      context.seek.stop();
      stop();
    }
  });
  signal.addEventListener('abort', stop);
  const { unmount } = mountMatch(root, {
    session,
    matchmaker,
    navigate,
    preferences,
    transfer: context.transfer,
  });
  return { session, unmount };
}

function refused(root: HTMLElement, problem: Problem, id: string): { title: string } {
  const back = encodeURIComponent(pathOf({ name: 'match', id }));
  root.append(
    h(
      'section',
      { class: 'card stack apart', test: 'match-refused' },
      h('h1', { tabindex: -1 }, words.watchTitle),
      h('p', null, problemWords(problem)),
      h('div', { class: 'buttons' }, linkButton(words.signIn, `/account?then=${back}`, { class: 'button-primary' })),
    ),
  );
  return { title: words.watchTitle };
}
