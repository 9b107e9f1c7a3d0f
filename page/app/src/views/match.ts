/** A match: played by those who have a seat in it, watched by all others. */
import { MatchSession } from 'rookery-session';
import type { Context, Mount } from '../context.ts';
import { mountMatch } from '../match/index.ts';
import { offerKill } from './demo.ts';

export const mount: Mount = async (root, context, id, signal) => {
  // Without a player nobody plays or watches over a shard.
  await context.ensure();
  let shown = open(root, context, id, false, watchInstead);
  function watchInstead(): void {
    if (!signal.aborted) {
      shown.close();
      shown = open(root, context, id, true, null);
    }
  }
  return { title: null, close: () => shown.close() };
};

/** Shows the match. `noSeat` is called if it is others who play it. */
function open(root: HTMLElement, context: Context, matchId: string, watch: boolean, noSeat: (() => void) | null): { close(): void } {
  const { matchmaker, navigate, preferences } = context;
  const over = new AbortController();
  const session = new MatchSession({ matchmaker, matchId, watch });
  let isOffered = false;
  // The first to listen: what is shown need not learn that there is no seat.
  session.subscribe((view) => {
    if (view.connection === 'closed') {
      // The other device has taken the seat: the code is used.
      over.abort();
    }
    if (view.connection === 'closed' && view.problem?.code === 'not_a_player') {
      noSeat?.();
    } else if (view.match && view.match.role !== 'spectator' && view.match.result === null) {
      // Who plays does not wait for another opponent any more; who watches may.
      context.seek.stop();
      if (!isOffered) {
        isOffered = true;
        void offerKill(context, matchId, session, root);
      }
    }
  });
  const { unmount } = mountMatch(root, {
    session,
    matchmaker,
    navigate,
    preferences,
    transfer: (id) => context.transfer(id, over.signal),
  });
  return {
    close() {
      over.abort();
      unmount();
      session.close();
    },
  };
}
