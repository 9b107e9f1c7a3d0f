/** The forms to sign in and to make an account. */
import { Problem, type SignedIn } from 'rookery-session';
import type { Context } from '../context.ts';
import { account as words } from '../strings.ts';
import { h, replace, type Child } from '../ui/dom.ts';
import { field, type Field } from '../ui/parts.ts';
import { problemWords } from '../ui/words.ts';

/** Shortest password, in characters; the server has the last word. */
const PASSWORD_MIN = 8;

/** A form in a card, with one button and a place for what went wrong. */
export interface FormParts {
  readonly title: string | null;
  readonly test: string;
  readonly fields: readonly Field[];
  readonly submit: string;
  readonly more?: Child;
  /** What is wrong before anything is sent: a field and a message. */
  check(): readonly (readonly [Field, string])[];
  send(): Promise<void>;
  /** The field that a problem of the server is about. */
  fieldOf?(code: string): Field | null;
}

/** Makes the form. */
export function formCard({ title, test, fields, submit, more, check, send, fieldOf }: FormParts): HTMLElement {
  const problem = h('div', { role: 'alert' });
  const press = h('button', { type: 'submit', class: 'button button-primary', test: 'submit' }, submit);
  const form = h('form', { class: 'stack', novalidate: true, test }, fields.map((one) => one.element), problem, h('div', { class: 'buttons' }, press));
  const show = (errors: readonly (readonly [Field, string])[]): void => {
    fields.forEach((one) => one.error(null));
    errors.forEach(([one, message]) => one.error(message));
    errors[0]?.[0].input.focus();
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    replace(problem);
    const errors = check();
    show(errors);
    if (errors.length > 0 || press.disabled) {
      return;
    }
    press.disabled = true;
    send()
      .catch((error: unknown) => {
        const text = problemWords(error);
        const about = error instanceof Problem ? fieldOf?.(error.code) : null;
        if (about) {
          show([[about, text]]);
        } else {
          replace(problem, h('p', { class: 'error' }, text));
        }
      })
      .finally(() => {
        press.disabled = false;
      });
  });
  return h('section', { class: 'card stack' }, title !== null && h('h2', null, title), form, more);
}

function nameField(): Field {
  return field(words.name, { name: 'username', autocomplete: 'username', autocapitalize: 'none', spellcheck: false, maxlength: 32, test: 'name' });
}

/** The form to sign in, with the way in by a code folded under it. */
export function signInPart(context: Context, done: () => void): HTMLElement {
  const { identity, matchmaker } = context;
  const come = (reply: SignedIn): void => {
    identity.become(reply, true);
    done();
  };
  const name = nameField();
  const password = field(words.password, { type: 'password', name: 'password', autocomplete: 'current-password', test: 'password' });
  const code = field(words.code, { autocomplete: 'one-time-code', autocapitalize: 'characters', spellcheck: false, test: 'code' }, words.codeHint);
  const byCode = formCard({
    title: null,
    test: 'sign-in-code',
    fields: [code],
    submit: words.signIn,
    check: () => (code.input.value.trim() === '' ? [[code, words.codeMissing]] : []),
    send: async () => come(await matchmaker.signIn({ code: code.input.value.trim() })),
    fieldOf: (problem) => (problem === 'login_refused' ? code : null),
  });
  byCode.className = '';
  return formCard({
    title: words.signInTitle,
    test: 'sign-in',
    fields: [name, password],
    submit: words.signIn,
    more: h('details', { test: 'by-code' }, h('summary', null, words.haveCode), byCode),
    check: () => missing(name, password),
    send: async () => come(await matchmaker.signIn({ name: name.input.value.trim(), password: password.input.value })),
  });
}

/** The form to make an account. */
export function signUpPart(context: Context, done: () => void): HTMLElement {
  const { identity, matchmaker } = context;
  const name = nameField();
  const password = field(words.password, { type: 'password', name: 'new-password', autocomplete: 'new-password', test: 'password' }, words.passwordHint);
  const invitation = field(words.invitation, { autocomplete: 'off', autocapitalize: 'characters', spellcheck: false, test: 'invitation' }, words.invitationHint);
  // Where accounts are open to everyone, nobody has one.
  const fold = h('details', { test: 'have-invitation' }, h('summary', null, words.haveInvitation), invitation.element);
  const folded: Field = { ...invitation, element: fold };
  return formCard({
    title: words.signUpTitle,
    test: 'sign-up',
    fields: [name, password, folded],
    submit: words.signUp,
    check: () => {
      const errors = missing(name, password);
      const isShort = [...password.input.value].length < PASSWORD_MIN;
      return errors.length === 0 && isShort ? [[password, words.passwordShort] as const] : errors;
    },
    send: async () => {
      const code = invitation.input.value.trim();
      const account = { name: name.input.value.trim(), password: password.input.value };
      identity.become(await matchmaker.signUp(code === '' ? account : { ...account, invitation: code }), true);
      done();
    },
    fieldOf: (problem) => {
      switch (problem) {
        case 'name_taken':
        case 'invalid_name':
          return name;
        case 'invalid_password':
          return password;
        case 'invitation_refused':
          fold.open = true;
          return folded;
        default:
          return null;
      }
    },
  });
}

function missing(name: Field, password: Field): (readonly [Field, string])[] {
  const errors: (readonly [Field, string])[] = [];
  if (name.input.value.trim() === '') {
    errors.push([name, words.nameMissing]);
  }
  if (password.input.value === '') {
    errors.push([password, words.passwordMissing]);
  }
  return errors;
}
