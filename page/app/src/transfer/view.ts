/** Where the link to another device leads: takes its player over, and goes to the match. */
import type { Context, Mount } from '../context.ts';
import { pathOf } from '../router.ts';
import { shell, transfer as words } from '../strings.ts';
import { h, replace } from '../ui/dom.ts';
import { button, linkButton } from '../ui/parts.ts';
import { problemWords } from '../ui/words.ts';
import { parseTransfer, type TransferLink } from './link.ts';

export const mount: Mount = (root, context, _id, signal) => {
  const link = parseTransfer(location.hash);
  // The code works once: neither the history nor a reload should try it again.
  history.replaceState(null, '', location.pathname);
  const heading = h('h1', { tabindex: -1 }, words.redeemTitle);
  const body = h('div', { class: 'stack' });
  root.append(h('article', { class: 'card stack', test: 'transfer' }, heading, body));
  const { me } = context.identity;
  if (link === null) {
    replace(body, h('p', null, words.noCode), linkButton(shell.toLobby, '/'));
  } else if (me === null) {
    void redeem(context, link, body, signal);
  } else {
    // Whoever opens a link should not lose their own sign-in to it unasked.
    replace(
      body,
      h('p', null, words.replace(me.name)),
      h(
        'div',
        { class: 'buttons' },
        button(words.goOn, { class: 'button-primary', test: 'transfer-go-on', onclick: () => void redeem(context, link, body, signal) }),
        linkButton(words.stay(me.name), '/', { test: 'transfer-stay' }),
      ),
    );
  }
  return { title: words.redeemTitle, focus: heading };
};

async function redeem(context: Context, { code, matchId }: TransferLink, body: HTMLElement, signal: AbortSignal): Promise<void> {
  replace(body, h('p', { role: 'status' }, words.redeeming));
  try {
    const reply = await context.matchmaker.redeem(code);
    const me = context.identity.become(reply, false);
    // Only an account can be asked for: a guest has none.
    await context.matchmaker.account().then(
      () => context.identity.become(reply, true),
      () => undefined,
    );
    context.toast(words.done(me.name));
    if (!signal.aborted) {
      context.navigate(matchId === null ? '/' : pathOf({ name: 'match', id: matchId }), { replace: true });
    }
  } catch (problem) {
    replace(body, h('p', { role: 'alert', test: 'transfer-failed' }, problemWords(problem)), linkButton(shell.toLobby, '/'));
  }
}
