/** A finished game, to replay. */
import type { Mount } from '../context.ts';
import { mountReplay } from '../match/index.ts';

export const mount: Mount = (root, context, id) => {
  const { matchmaker, navigate, preferences } = context;
  const { unmount } = mountReplay(root, { matchmaker, matchId: id, navigate, preferences });
  return { title: null, close: unmount };
};
