/** The dialogue that makes a challenge. The simple case is four choices; the other terms unfold. */
import { Problem, type Rule, type Variant } from 'rookery-session';
import type { Context } from '../context.ts';
import { pathOf } from '../router.ts';
import { challenge as words, terms as termWords } from '../strings.ts';
import { check, oneStage, STAGES_MAX, TAGS, usualForm, type ChallengeForm, type ControlForm, type FieldError } from '../terms/form.ts';
import { HOUR, SECOND, MINUTE } from '../words/times.ts';
import { h, replace, setAttribute, type Props } from '../ui/dom.ts';
import { button, checkBox, choices, field, openDialogue, uniqueId, type Field } from '../ui/parts.ts';
import { positionPicture } from '../ui/position.ts';
import { problemWords } from '../ui/words.ts';

/** Paces that one press chooses: minutes and seconds added. */
const PRESETS: readonly (readonly [number, number])[] = [[1, 0], [3, 2], [5, 3], [10, 0], [15, 10], [30, 0]];

const VARIANTS = Object.keys(termWords.variantHints) as Variant[];
const RULES = Object.keys(termWords.rules) as Rule[];

/** Choices of how long a challenge stays, in seconds. */
const EXPIRIES: readonly number[] = [5 * 60, 60 * 60, 24 * 60 * 60];

/** Whom a challenge is for, where that is known already. */
export interface Opponent {
  readonly id: string;
  readonly name: string;
}

/** Opens the dialogue. */
export function openChallengeForm(context: Context, opponent: Opponent | null = null): void {
  const dialogue = openDialogue(words.formTitle, 'challenge-form');
  const form = usualForm();
  const fields = new Map<string, Field>();
  if (opponent) {
    form.who = 'player';
    form.opponent = opponent.id;
  }
  const problem = h('div', { role: 'alert' });
  const submit = h('button', { type: 'submit', class: 'button button-primary', test: 'challenge-submit' }, words.create);
  const opponentField = field(words.opponentName, { value: opponent?.name ?? '', autocomplete: 'off', maxlength: 32, test: 'opponent' });
  fields.set('opponent', opponentField);
  const body = h(
    'form',
    { class: 'stack', novalidate: true },
    whoPart(form, opponentField),
    variantPart(form),
    timePart(form, fields),
    choices(words.color, (['random', 'white', 'black'] as const).map((color) => [color, termWords.colors[color] ?? color] as const), form.color, (color) => (form.color = color), { test: 'terms-color' }),
    errorBelow(fields, 'rated', checkBox([words.rated, h('span', { class: 'hint small muted' }, words.ratedHint)], form.rated, (rated) => (form.rated = rated), { test: 'terms-rated' })),
    advancedPart(form, fields),
    h('div', { class: 'dialogue-foot' }, problem, submit),
  );
  const showErrors = (errors: readonly FieldError[]): void => {
    fields.forEach((one) => one.error(null));
    for (const { field: name, message } of [...errors].reverse()) {
      const one = fields.get(name);
      one?.error(message);
      one?.input.closest('details')?.setAttribute('open', '');
      one?.input.focus();
    }
    // What has no field of its own, or one that is not there, is said below.
    const others = errors.filter(({ field: name }) => !fields.get(name)?.input.isConnected);
    replace(problem, others.map(({ message }) => h('p', { class: 'error' }, message)));
  };
  const send = async (): Promise<void> => {
    if (form.who === 'player') {
      form.opponent = await findOpponent(context, opponent, opponentField.input.value.trim());
    }
    const checked = check(form, Date.now());
    if (checked.errors) {
      showErrors(checked.errors);
      return;
    }
    showErrors([]);
    const ticket = await context.asSomebody(() => context.matchmaker.challenge(checked.request));
    dialogue.close();
    context.navigate(pathOf({ name: 'challenge', id: ticket.id }));
  };
  body.addEventListener('submit', (event) => {
    event.preventDefault();
    submit.disabled = true;
    submit.textContent = words.creating;
    send()
      .catch((error: unknown) => {
        const text = problemWords(error);
        const known = error instanceof Problem ? fieldOf(error.code) : null;
        if (known !== null && fields.get(known)?.input.isConnected) {
          showErrors([{ field: known, message: text }]);
        } else {
          replace(problem, h('p', { class: 'error' }, error instanceof Problem && error.code === 'invalid_terms' ? error.detail : text));
        }
      })
      .finally(() => {
        submit.disabled = false;
        submit.textContent = words.create;
      });
  });
  dialogue.body.append(body);
}

/** The field that the server finds fault with, by the code of its problem. */
function fieldOf(code: string): string | null {
  switch (code) {
    case 'invalid_position':
      return 'fen';
    case 'player_not_found':
    case 'invalid_name':
      return 'opponent';
    default:
      return null;
  }
}

/** The id of the player with a name; `null` for no name. */
async function findOpponent(context: Context, given: Opponent | null, name: string): Promise<string | null> {
  if (given && given.name === name) {
    return given.id;
  }
  return name === '' ? null : (await context.matchmaker.playerNamed(name)).player;
}

/** A part that is shown only where it matters. */
function onlyIf(isShown: boolean, element: HTMLElement): HTMLElement {
  element.hidden = !isShown;
  return element;
}

/** Gives an element that is no field of text a place for its error. */
function errorBelow(fields: Map<string, Field>, name: string, element: HTMLElement): HTMLElement {
  const input = element.querySelector('input');
  const wrong = h('p', { class: 'error', id: uniqueId('error'), hidden: true });
  if (input) {
    const error = (message: string | null): void => {
      wrong.hidden = message === null;
      replace(wrong, message);
      setAttribute(input, 'aria-invalid', message === null ? null : 'true');
      setAttribute(input, 'aria-describedby', message === null ? null : wrong.id);
    };
    fields.set(name, { element, input, error });
  }
  return h('div', { class: 'field' }, element, wrong);
}

function whoPart(form: ChallengeForm, opponent: Field): HTMLElement {
  const hint = h('p', { class: 'hint small muted' });
  const show = (): void => {
    opponent.element.hidden = form.who !== 'player';
    hint.hidden = form.who === 'player';
    replace(hint, form.who === 'open' ? words.whoOpenHint : words.whoLinkHint);
  };
  show();
  const options = [['link', words.whoLink], ['open', words.whoOpen], ['player', words.whoPlayer]] as const;
  const change = (who: ChallengeForm['who']): void => {
    form.who = who;
    show();
  };
  return h('div', { class: 'stack-small' }, choices(words.who, options, form.who, change, { test: 'terms-who' }), hint, opponent.element);
}

function variantPart(form: ChallengeForm): HTMLElement {
  const id = uniqueId('variant');
  const hint = h('p', { class: 'hint', id: `${id}-hint` }, termWords.variantHints[form.variant]);
  const select = h(
    'select',
    { id, class: 'select', test: 'terms-variant', 'aria-describedby': hint.id },
    VARIANTS.map((variant) => h('option', { value: variant, selected: variant === form.variant }, termWords.variants[variant])),
  );
  select.addEventListener('change', () => {
    form.variant = select.value as Variant;
    replace(hint, termWords.variantHints[form.variant]);
    select.dispatchEvent(new CustomEvent('variant', { bubbles: true }));
  });
  return h('div', { class: 'field' }, h('label', { for: id }, words.variant), select, hint);
}

/** A field of text that keeps a property of the form. */
function kept<K extends string>(label: string, target: Record<K, string>, key: K, props: Props, hint?: string): Field {
  const made = field(label, { value: target[key], ...props }, hint);
  made.input.addEventListener('input', () => {
    target[key] = made.input.value;
  });
  return made;
}

function timePart(form: ChallengeForm, fields: Map<string, Field>): HTMLElement {
  const place = h('div', { class: 'stack-small' });
  const show = (): void => {
    const [stage] = form.control.stages;
    if (stage === undefined) {
      return;
    }
    const minutes = kept(words.minutes, stage, 'minutes', { inputmode: 'decimal', test: 'terms-initial' });
    const increment = kept(words.increment, stage, 'increment', { inputmode: 'decimal', test: 'terms-increment' });
    fields.set('minutes-0', minutes);
    fields.set('increment-0', increment);
    const presets = PRESETS.map(([m, i]) => {
      const press = button(`${m}+${i}`, { class: 'button-small number', 'aria-pressed': false });
      press.addEventListener('click', () => {
        stage.minutes = minutes.input.value = String(m);
        stage.increment = increment.input.value = String(i);
        mark();
      });
      return { press, m, i };
    });
    const mark = (): void =>
      presets.forEach(({ press, m, i }) => setAttribute(press, 'aria-pressed', stage.minutes === String(m) && stage.increment === String(i)));
    minutes.input.addEventListener('input', mark);
    increment.input.addEventListener('input', mark);
    mark();
    replace(
      place,
      h('div', { class: 'legend' }, words.time),
      h('div', { class: 'choices' }, presets.map(({ press }) => press)),
      h('div', { class: 'two' }, minutes.element, increment.element),
    );
  };
  show();
  return place;
}

/** Delay and stages of a control: all but the first stage's time, which stands above. */
function controlPart(control: ControlForm, prefix: string, fields: Map<string, Field>, withFirst: boolean): HTMLElement {
  const place = h('div', { class: 'stack' });
  const stagePart = (index: number): HTMLElement | false => {
    const stage = control.stages[index];
    if (stage === undefined) {
      return false;
    }
    const isLast = index === control.stages.length - 1;
    const parts: HTMLElement[] = [];
    if (!isLast) {
      const moves = kept(words.stageMoves, stage, 'moves', { inputmode: 'numeric', test: `terms-${prefix}moves-${index}` });
      fields.set(`${prefix}moves-${index}`, moves);
      parts.push(moves.element);
    }
    if (index > 0 || withFirst) {
      const minutes = kept(words.minutes, stage, 'minutes', { inputmode: 'decimal', test: `terms-${prefix}minutes-${index}` });
      const increment = kept(words.increment, stage, 'increment', { inputmode: 'decimal', test: `terms-${prefix}increment-${index}` });
      fields.set(`${prefix}minutes-${index}`, minutes);
      fields.set(`${prefix}increment-${index}`, increment);
      parts.push(minutes.element, increment.element);
    }
    const legend = control.stages.length > 1 && h('legend', { class: 'legend' }, words.stage(index + 1));
    return parts.length > 0 && h('fieldset', null, legend, h('div', { class: 'two' }, parts));
  };
  const show = (): void => {
    const delay = kept(words.delay, control, 'delay', { inputmode: 'decimal', test: `terms-${prefix}delay` });
    fields.set(`${prefix}delay`, delay);
    const kinds = (['none', 'simple', 'bronstein'] as const).map((kind) => [kind, words.delays[kind]] as const);
    const setKind = (kind: ControlForm['delayKind']): void => {
      control.delayKind = kind;
      delay.element.hidden = kind === 'none';
    };
    const add = (): void => {
      const last = control.stages.at(-1);
      if (last) {
        last.moves ||= '40';
      }
      control.stages.push({ moves: '', minutes: '30', increment: last?.increment ?? '0' });
      show();
    };
    const remove = (): void => {
      control.stages.pop();
      show();
    };
    replace(
      place,
      control.stages.map((_, index) => stagePart(index)),
      h(
        'div',
        { class: 'buttons' },
        control.stages.length < STAGES_MAX && button(words.addStage, { class: 'button-small', test: `terms-${prefix}add-stage`, onclick: add }),
        control.stages.length > 1 && button(words.removeStage, { class: 'button-small', onclick: remove }),
      ),
      choices(words.delayKind, kinds, control.delayKind, setKind, { test: `terms-${prefix}delay-kind` }),
      onlyIf(control.delayKind !== 'none', delay.element),
    );
  };
  show();
  return place;
}

function advancedPart(form: ChallengeForm, fields: Map<string, Field>): HTMLElement {
  const behind = kept(words.spectatorDelay, form, 'spectatorDelay', { inputmode: 'numeric', test: 'terms-spectator-delay' }, words.spectatorDelayHint);
  fields.set('spectator-delay', behind);
  const clockStarts = (['after_first_moves', 'at_once'] as const).map((kind) => [kind, words.clockStarts[kind]] as const);
  return h(
    'details',
    { class: 'advanced', test: 'terms-advanced' },
    h('summary', null, words.advanced),
    h(
      'div',
      { class: 'stack' },
      startPart(form, fields),
      h('fieldset', { class: 'stack-small' }, h('legend', { class: 'legend' }, words.stages), h('p', { class: 'small muted' }, words.stagesHint), controlPart(form.control, '', fields, false)),
      blackPart(form, fields),
      choices(words.clockStart, clockStarts, form.clockStart, (kind) => (form.clockStart = kind), { test: 'terms-clock-start' }),
      startAtPart(form, fields),
      checkBox([words.chat, h('span', { class: 'hint small muted' }, words.chatHint)], form.chat, (chat) => (form.chat = chat), { test: 'terms-chat' }),
      behind.element,
      rulesPart(form),
      expiryPart(form),
      tagsPart(form, fields),
    ),
  );
}

function startPart(form: ChallengeForm, fields: Map<string, Field>): HTMLElement {
  const fen = kept(words.fen, form, 'fen', { spellcheck: false, autocomplete: 'off', test: 'terms-fen' });
  const number = kept(words.number, form, 'number', { inputmode: 'numeric', test: 'terms-number' });
  fields.set('fen', fen);
  fields.set('number', number);
  const picture = positionPicture(words.position);
  fen.input.addEventListener('input', () => picture.show(form.fen));
  const place = h('div', { class: 'stack-small' });
  const show = (): void => {
    const is960 = form.variant === 'chess960';
    if (form.start === 'number' && !is960) {
      form.start = 'usual';
    }
    const options: (readonly [ChallengeForm['start'], string])[] = [
      ['usual', is960 ? words.startRandom : words.startUsual],
      ...(is960 ? [['number', words.startNumber] as const] : []),
      ['fen', words.startFen],
    ];
    const change = (start: ChallengeForm['start']): void => {
      form.start = start;
      fen.element.hidden = start !== 'fen';
      picture.show(start === 'fen' ? form.fen : '');
      number.element.hidden = start !== 'number';
    };
    replace(place, choices(words.start, options, form.start, change, { test: 'terms-start' }), fen.element, picture.element, number.element);
    change(form.start);
  };
  show();
  // The choices depend on the variant, which is chosen elsewhere in the form.
  setTimeout(() => place.closest('form')?.addEventListener('variant', show));
  return place;
}

function blackPart(form: ChallengeForm, fields: Map<string, Field>): HTMLElement {
  const place = h('div');
  const change = (differs: boolean): void => {
    form.black = differs ? oneStage(5, 3) : null;
    replace(place, form.black && h('fieldset', { class: 'stack-small' }, h('legend', { class: 'legend' }, words.blackTime), controlPart(form.black, 'black-', fields, true)));
  };
  const box = checkBox([words.different, h('span', { class: 'hint small muted' }, words.differentHint)], false, change, { test: 'terms-different' });
  return h('div', { class: 'stack-small' }, box, place);
}

function startAtPart(form: ChallengeForm, fields: Map<string, Field>): HTMLElement {
  const at = field(words.startAtLabel, { type: 'datetime-local', test: 'terms-start-at' });
  fields.set('start-at', at);
  at.element.hidden = true;
  const read = (): void => {
    form.startAt = at.element.hidden ? null : at.input.valueAsNumber + new Date().getTimezoneOffset() * MINUTE;
    if (form.startAt !== null && Number.isNaN(form.startAt)) {
      form.startAt = 0;
    }
  };
  at.input.addEventListener('input', read);
  const box = checkBox(
    words.startAt,
    false,
    (later) => {
      at.element.hidden = !later;
      if (later && at.input.value === '') {
        const soon = Math.ceil((Date.now() + 10 * MINUTE) / (5 * MINUTE)) * 5 * MINUTE;
        at.input.valueAsNumber = soon - new Date().getTimezoneOffset() * MINUTE;
      }
      read();
    },
    { test: 'terms-later' },
  );
  return h('div', { class: 'stack-small' }, box, at.element);
}

function rulesPart(form: ChallengeForm): HTMLElement {
  const set = (rule: Rule, holds: boolean): void => {
    form.rules = RULES.filter((one) => (one === rule ? holds : form.rules.includes(one)));
  };
  return h(
    'fieldset',
    null,
    h('legend', { class: 'legend' }, words.rules),
    RULES.map((rule) => checkBox(termWords.rules[rule] ?? rule, false, (holds) => set(rule, holds), { test: `terms-rule-${rule}` })),
  );
}

function expiryPart(form: ChallengeForm): HTMLElement {
  const id = uniqueId('expiry');
  const wording = (seconds: number): string =>
    seconds * SECOND < HOUR ? words.expiries.minutes((seconds * SECOND) / MINUTE) : words.expiries.hours((seconds * SECOND) / HOUR);
  const select = h(
    'select',
    { id, class: 'select', test: 'terms-expiry' },
    h('option', { value: '' }, words.expiries.default),
    EXPIRIES.map((seconds) => h('option', { value: seconds }, wording(seconds))),
  );
  select.addEventListener('change', () => {
    form.expiresInS = select.value === '' ? null : Number(select.value);
  });
  return h('div', { class: 'field' }, h('label', { for: id }, words.expiry), select);
}

function tagsPart(form: ChallengeForm, fields: Map<string, Field>): HTMLElement {
  const all = TAGS.map((tag) => {
    const made = kept(words[tag], form.tags, tag, { maxlength: 120, test: `terms-${tag}` });
    fields.set(tag, made);
    return made.element;
  });
  return h('fieldset', { class: 'stack-small' }, h('legend', { class: 'legend' }, words.tags), h('div', { class: 'two' }, all));
}
