/** Challenges for the visitor, noticed on the views that do not list them. */
import { Problem, type ChallengeView, type Matchmaker } from 'rookery-session';
import type { Identity } from '../identity.ts';
import { pathOf, type Route } from '../router.ts';
import { challenge as words, shell } from '../strings.ts';
import { termsLine } from '../terms/words.ts';
import { h, replace } from '../ui/dom.ts';
import { repeat } from '../ui/pace.ts';
import { button, linkButton } from '../ui/parts.ts';

/** How often it is asked, in milliseconds. */
const ASK_EVERY_MS = 10_000;

/** Views that list challenges themselves, or on which nothing may disturb. */
const QUIET: readonly Route['name'][] = ['lobby', 'challenge', 'match'];

/** A line that tells of the last challenge. */
export interface Inbox {
  readonly element: HTMLElement;
  at(route: Route['name']): void;
}

/** Asks for challenges of a named player: nobody can find a guest to challenge. `tell` is called for each new one. */
export function openInbox(matchmaker: Matchmaker, identity: Identity, tell: (text: string) => void): Inbox {
  const element = h('div', { class: 'notice', hidden: true, test: 'inbox' });
  const seen = new Set<string>();
  let abort: AbortController | null = null;
  let shown: string | null = null;
  const show = (challenge: ChallengeView | undefined): void => {
    element.hidden = challenge === undefined;
    if (challenge === undefined || shown === challenge.id) {
      return;
    }
    shown = challenge.id;
    const text = words.theirs(challenge.challenger.name);
    const dismiss = (): void => {
      seen.add(challenge.id);
      element.hidden = true;
    };
    replace(
      element,
      h('span', null, text, ' ', h('span', { class: 'muted' }, termsLine(challenge))),
      linkButton(words.see, pathOf({ name: 'challenge', id: challenge.id }), { class: 'button-small', test: 'inbox-see' }),
      button(shell.close, { class: 'button-small button-quiet', onclick: dismiss }),
    );
    tell(text);
  };
  const load = async (): Promise<void> => {
    if (!identity.me?.isNamed) {
      show(undefined);
      return;
    }
    try {
      const { received } = await matchmaker.challenges();
      if (abort && !abort.signal.aborted) {
        show(received.find((challenge) => !seen.has(challenge.id)));
      }
    } catch (problem) {
      if (!(problem instanceof Problem)) {
        throw problem;
      }
    }
  };
  return {
    element,
    at(route) {
      const isQuiet = QUIET.includes(route);
      if (isQuiet) {
        abort?.abort();
        abort = null;
        element.hidden = true;
      } else if (abort === null) {
        abort = new AbortController();
        repeat(ASK_EVERY_MS, load, abort.signal);
      }
    },
  };
}
