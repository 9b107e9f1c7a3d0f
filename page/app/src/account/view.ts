/** The visitor's account: signing in and out, or what a guest and a named player can change. */
import type { Context, Mount } from '../context.ts';
import { account as words } from '../strings.ts';
import { h, replace } from '../ui/dom.ts';
import { afterwards } from './afterwards.ts';
import { guestPart } from './guest.ts';
import { namedPart } from './named.ts';
import { signInPart, signUpPart } from './forms.ts';

export const mount: Mount = (root, context, _id, signal) => {
  const heading = h('h1', { tabindex: -1 }, words.title);
  const place = h('div', { class: 'stack-large' });
  root.append(h('div', { class: 'stack-large', test: 'account' }, heading, place));
  const after = afterwards(location.search);
  const signedIn = (): void => {
    const { me } = context.identity;
    if (me) {
      context.toast(words.signedIn(me.name));
    }
    if (after !== null) {
      context.navigate(after, { replace: true });
    } else {
      heading.focus();
    }
  };
  let player: string | null | undefined;
  const show = (): void => {
    const { me } = context.identity;
    // A new token of the same player changes nothing here, and what is being typed stays.
    if (player === (me?.token ?? null)) {
      return;
    }
    player = me?.token ?? null;
    replace(place, me?.isNamed ? namedPart(context, me, signal) : visitor(context, signedIn));
  };
  signal.addEventListener('abort', context.identity.subscribe(show));
  show();
  return { title: words.title, focus: heading };
};

/** What who is not signed in sees. */
function visitor(context: Context, signedIn: () => void): HTMLElement {
  return h(
    'div',
    { class: 'stack-large' },
    h('p', null, words.lead),
    h('div', { class: 'two-cards' }, signInPart(context, signedIn), signUpPart(context, signedIn)),
    guestPart(context),
  );
}
