/** What a named player can change: password, API tokens, devices. */
import type { Account, ApiScope, ApiTokenView } from 'rookery-session';
import type { Context } from '../context.ts';
import type { Me } from '../identity.ts';
import { pathOf } from '../router.ts';
import { account as words } from '../strings.ts';
import { h, replace, Rows, setText } from '../ui/dom.ts';
import { button, checkBox, copyField, failure, field, linkButton } from '../ui/parts.ts';
import { problemWords } from '../ui/words.ts';
import { date, dateTime } from '../words/dates.ts';
import { formCard } from './forms.ts';

const SCOPES: readonly ApiScope[] = ['read', 'play', 'account', 'bot:play', 'board:play', 'challenge:read', 'challenge:write', 'challenge:bulk'];

/** The named player's part of the page. */
export function namedPart(context: Context, me: Me, signal: AbortSignal): HTMLElement {
  const { identity, matchmaker } = context;
  const since = h('p', { class: 'muted' }, words.until(date(me.expiresAt)));
  const password = h('div', { class: 'keep-form' });
  const leave = async (everywhere: boolean): Promise<void> => {
    try {
      if (everywhere) {
        await matchmaker.signOut();
      }
      context.seek.stop();
      identity.forget();
      context.toast(words.signedOut);
    } catch (problem) {
      context.toast(problemWords(problem));
    }
  };
  const load = (): void => {
    matchmaker.account().then(
      (account) => {
        if (!signal.aborted) {
          setText(since, `${words.memberSince(date(account.made_at))} · ${words.until(date(me.expiresAt))}`);
          replace(password, passwordPart(context, account, me));
        }
      },
      (problem: unknown) => replace(password, failure(problem, load)),
    );
  };
  load();
  return h(
    'div',
    { class: 'stack-large' },
    h(
      'section',
      { class: 'card stack' },
      h('h2', { test: 'account-name' }, me.name),
      since,
      h(
        'div',
        { class: 'buttons' },
        linkButton(words.yourPage, pathOf({ name: 'player', id: me.player })),
        button(words.otherDevice, { test: 'transfer', onclick: () => context.transfer() }),
        button(words.signOut, { test: 'sign-out', onclick: () => void leave(false) }),
        button(words.signOutEverywhere, { test: 'sign-out-everywhere', onclick: () => void leave(true) }),
      ),
    ),
    password,
    tokensPart(context, signal),
  );
}

function passwordPart(context: Context, account: Account, me: Me): HTMLElement {
  const current = field(words.currentPassword, { type: 'password', autocomplete: 'current-password', test: 'current-password' });
  const next = field(words.newPassword, { type: 'password', autocomplete: 'new-password', test: 'new-password' }, words.passwordHint);
  const card = formCard({
    title: account.has_password ? words.passwordTitle : words.setPassword,
    test: 'password-form',
    fields: account.has_password ? [current, next] : [next],
    submit: account.has_password ? words.changePassword : words.setPassword,
    check: () => (next.input.value === '' ? [[next, words.passwordMissing]] : []),
    send: async () => {
      const change = { new: next.input.value };
      const reply = await context.matchmaker.setPassword(account.has_password ? { ...change, current: current.input.value } : change);
      context.identity.become(reply, true);
      context.toast(words.passwordChanged);
    },
    fieldOf: (code) => (code === 'login_refused' ? current : code === 'invalid_password' ? next : null),
  });
  // Password managers keep a password under the name that stands beside it.
  card.querySelector('form')?.prepend(h('input', { type: 'text', autocomplete: 'username', value: me.name, readonly: true, hidden: true }));
  if (!account.has_password) {
    card.querySelector('h2')?.after(h('p', { class: 'muted' }, words.setPasswordLead));
  }
  return card;
}

function tokensPart(context: Context, signal: AbortSignal): HTMLElement {
  const { matchmaker } = context;
  const list = h('ul', { class: 'rows', test: 'api-tokens' });
  const none = h('p', { class: 'muted' }, words.tokensNone);
  const problem = h('div');
  const made = h('div', { class: 'stack-small', role: 'status' });
  const rows = new Rows<ApiTokenView>(list, (token) => token.id, (token) => {
    const used = h('p', { class: 'small muted' });
    const remove = button(words.tokenRemove, { class: 'button-danger button-small', 'aria-label': words.tokenRemoveLabel(token.label), test: 'token-remove' });
    remove.addEventListener('click', () => {
      remove.disabled = true;
      matchmaker.removeApiToken(token.id).then(
        () => {
          context.toast(words.tokenRemoved(token.label));
          return load();
        },
        (error: unknown) => {
          remove.disabled = false;
          context.toast(problemWords(error));
        },
      );
    });
    const about = token.scopes.map((scope) => words.scopes[scope] ?? scope).join(', ');
    return {
      element: h('li', { class: 'row' }, h('div', { class: 'row-about' }, h('p', { class: 'row-terms' }, token.label), h('p', { class: 'small muted' }, about), used), remove),
      update: ({ used_at: usedAt }) => setText(used, usedAt === null ? words.tokenUnused : words.tokenUsed(dateTime(usedAt))),
    };
  });
  const load = async (): Promise<void> => {
    try {
      const { tokens } = await matchmaker.apiTokens();
      if (!signal.aborted) {
        replace(problem);
        rows.show(tokens);
        none.hidden = tokens.length > 0;
      }
    } catch (error) {
      replace(problem, failure(error, () => void load()));
    }
  };
  void load();
  const label = field(words.tokenLabel, { autocomplete: 'off', maxlength: 32, test: 'token-label' });
  const chosen = new Set<ApiScope>(['play']);
  const boxes = SCOPES.map((scope) =>
    checkBox(words.scopes[scope] ?? scope, chosen.has(scope), (on) => (on ? chosen.add(scope) : chosen.delete(scope)), { test: `scope-${scope}` }),
  );
  const form = formCard({
    title: null,
    test: 'token-form',
    fields: [label],
    submit: words.tokenCreate,
    check: () => {
      if (label.input.value.trim() === '') {
        return [[label, words.tokenMissing]];
      }
      return chosen.size === 0 ? [[label, words.scopeMissing]] : [];
    },
    send: async () => {
      const scopes = SCOPES.filter((scope) => chosen.has(scope));
      const { token } = await matchmaker.createApiToken({ label: label.input.value.trim(), scopes });
      label.input.value = '';
      replace(made, copyField(words.tokenMade, token, (text) => context.toast(text), undefined, 'token'));
      await load();
    },
  });
  form.className = '';
  form.querySelector('.field')?.after(h('fieldset', null, h('legend', { class: 'legend' }, words.tokenScopes), boxes));
  return h('section', { class: 'card stack' }, h('h2', null, words.tokensTitle), h('p', { class: 'muted' }, words.tokensLead), none, list, problem, form, made);
}
