/** In a demonstration: the button that kills the server which owns the match. */
import type { MatchSession } from 'rookery-session';
import type { Context } from '../context.ts';
import { demo as words } from '../strings.ts';
import { button } from '../ui/parts.ts';

/** Whether this is a demonstration; asked once. */
let isDemo: Promise<boolean> | null = null;

/** Offers the button above the board while the match is played, if this is a demonstration. */
export async function offerKill(context: Context, matchId: string, session: MatchSession, root: HTMLElement): Promise<void> {
  const { matchmaker } = context;
  isDemo ??= matchmaker.demo().then(
    (found) => found !== null,
    () => {
      isDemo = null;
      return false;
    },
  );
  if (!(await isDemo)) {
    return;
  }
  const kill = button(words.kill, { class: 'button-small button-danger', test: 'kill-server', onclick: () => void press() });
  const press = async (): Promise<void> => {
    kill.disabled = true;
    try {
      await matchmaker.killOwner(matchId);
      context.announce(words.killed);
      context.toast(words.killed);
    } catch (problem) {
      context.refuse(problem);
    } finally {
      kill.disabled = false;
    }
  };
  session.subscribe(({ match }) => {
    kill.hidden = match === null || match.result !== null;
  });
  kill.hidden = session.view.match?.result !== null;
  // None is there any more if the visitor has gone on.
  root.querySelector('.match-top')?.append(kill);
}
