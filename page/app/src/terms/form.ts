/** The form of a challenge: from what a visitor has typed and chosen to a request. Knows nothing of the page's elements. */
import type { Control, ControlStage, NewChallenge, Rule, Variant } from 'rookery-session';
import { challenge as words } from '../strings.ts';
import { DAY, MINUTE, SECOND } from '../words/times.ts';

/** A stage as it is typed: numbers are text. */
export interface StageForm {
  /** Moves, empty in the last stage. */
  moves: string;
  minutes: string;
  increment: string;
}

/** A time control as it is typed. */
export interface ControlForm {
  /** At least one. */
  stages: StageForm[];
  delayKind: 'none' | 'simple' | 'bronstein';
  /** Seconds. */
  delay: string;
}

/** Where a match begins. */
export type StartKind = 'usual' | 'fen' | 'number';

/** Who may accept. */
export type Who = 'link' | 'open' | 'player';

/** All that the form holds. */
export interface ChallengeForm {
  who: Who;
  /** The id of the player, for `player`. */
  opponent: string | null;
  variant: Variant;
  control: ControlForm;
  /** Black's, where it differs. */
  black: ControlForm | null;
  color: 'white' | 'black' | 'random';
  rated: boolean;
  start: StartKind;
  fen: string;
  number: string;
  clockStart: 'after_first_moves' | 'at_once';
  /** When play begins, in milliseconds since 1970. */
  startAt: number | null;
  chat: boolean;
  spectatorDelay: string;
  rules: Rule[];
  /** Seconds until it ends; null: as the server has it, while it is looked at. */
  expiresInS: number | null;
  tags: Record<Tag, string>;
}

/** A text for records. */
export type Tag = 'event' | 'round' | 'board' | 'site';

export const TAGS: readonly Tag[] = ['event', 'round', 'board', 'site'];

/** The field that is wrong, by the name that the form's elements have, and why. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** What comes of the form: a request, or what is wrong. */
export type Checked =
  | { readonly request: NewChallenge; readonly errors: null }
  | { readonly request: null; readonly errors: readonly FieldError[] };

/** Upper bounds of the server: minutes of a stage, seconds of an increment or a delay, stages, moves of a stage. */
export const MINUTES_MAX = 180;
export const INCREMENT_MAX = 180;
export const STAGES_MAX = 3;
const MOVES_MIN = 2;
const MOVES_MAX = 600;
const NUMBERS = 960;
const TAG_BYTES_MAX = 120;
const DELAY_OF_SPECTATORS: readonly [number, number] = [3, 60];

/** A control with one stage. */
export function oneStage(minutes: number, increment: number): ControlForm {
  const stage = { moves: '', minutes: String(minutes), increment: String(increment) };
  return { stages: [stage], delayKind: 'none', delay: '2' };
}

/** The form as it is first shown. */
export function usualForm(): ChallengeForm {
  return {
    who: 'link',
    opponent: null,
    variant: 'standard',
    control: oneStage(5, 3),
    black: null,
    color: 'random',
    rated: false,
    start: 'usual',
    fen: '',
    number: '',
    clockStart: 'after_first_moves',
    startAt: null,
    chat: true,
    spectatorDelay: '0',
    rules: [],
    expiresInS: null,
    tags: { event: '', round: '', board: '', site: '' },
  };
}

/** A number as people type it, with a point or a comma; `null` if it is none. */
export function typedNumber(text: string): number | null {
  const plain = text.trim().replace(',', '.');
  if (!/^\d+(\.\d+)?$/.test(plain)) {
    return null;
  }
  return Number(plain);
}

function wholeNumber(text: string, min: number, max: number): number | null {
  const value = typedNumber(text);
  return value !== null && Number.isInteger(value) && value >= min && value <= max ? value : null;
}

/** A control as the matchmaker takes it. What is wrong is added to `errors`, under `prefix`. */
function controlOf(form: ControlForm, prefix: string, errors: FieldError[]): Control {
  const wrong = (field: string, message: string): void => {
    errors.push({ field: `${prefix}${field}`, message });
  };
  let delay: Pick<ControlStage, 'delay' | 'delay_ms'> = {};
  if (form.delayKind !== 'none') {
    const seconds = typedNumber(form.delay);
    if (seconds === null || seconds <= 0 || seconds > INCREMENT_MAX) {
      wrong('delay', words.errors.delay);
    } else {
      delay = { delay: form.delayKind, delay_ms: Math.round(seconds * SECOND) };
    }
  }
  const stages = form.stages.map((stage, index): ControlStage => {
    const isLast = index === form.stages.length - 1;
    const minutes = typedNumber(stage.minutes);
    const increment = typedNumber(stage.increment);
    const moves = isLast ? null : wholeNumber(stage.moves, MOVES_MIN, MOVES_MAX);
    if (minutes === null || minutes > MINUTES_MAX) {
      wrong(`minutes-${index}`, words.errors.minutes);
    } else if (increment === null || increment > INCREMENT_MAX) {
      wrong(`increment-${index}`, words.errors.increment);
    } else if (minutes === 0 && increment === 0 && form.delayKind === 'none') {
      wrong(`minutes-${index}`, index === 0 ? words.errors.noTime : words.errors.stageTime);
    }
    if (!isLast && moves === null) {
      wrong(`moves-${index}`, words.errors.moves);
    }
    return {
      ...(moves === null ? {} : { moves }),
      time_ms: Math.round((minutes ?? 0) * MINUTE),
      increment_ms: Math.round((increment ?? 0) * SECOND),
      ...delay,
    };
  });
  const [only] = stages;
  if (stages.length === 1 && only) {
    return { initial_ms: only.time_ms, increment_ms: only.increment_ms ?? 0, ...delay };
  }
  return { stages };
}

/** What the form asks for. `now` is in milliseconds since 1970. */
export function check(form: ChallengeForm, now: number): Checked {
  const errors: FieldError[] = [];
  const wrong = (field: string, message: string): void => void errors.push({ field, message });
  const request: NewChallenge = {};
  if (form.variant !== 'standard') {
    request.variant = form.variant;
  }
  const white = controlOf(form.control, '', errors);
  if (form.black) {
    request.controls = { white, black: controlOf(form.black, 'black-', errors) };
    if (form.rated) {
      wrong('rated', words.errors.ratedControls);
    }
  } else {
    request.control = white;
  }
  if (form.start === 'fen') {
    const fen = form.fen.trim().replace(/\s+/g, ' ');
    if (fen === '') {
      wrong('fen', words.errors.fen);
    }
    if (form.rated) {
      wrong('rated', words.errors.ratedStart);
    }
    request.start_fen = fen;
  } else if (form.start === 'number' && form.variant === 'chess960') {
    const number = wholeNumber(form.number, 0, NUMBERS - 1);
    if (number === null) {
      wrong('number', words.errors.number);
    } else {
      request.start_number = number;
    }
  }
  if (form.clockStart !== 'after_first_moves') {
    request.clock_start = form.clockStart;
  }
  if (form.startAt !== null) {
    if (!(form.startAt > now && form.startAt <= now + DAY)) {
      wrong('start-at', words.errors.startAt);
    }
    request.start_at = form.startAt;
  }
  if (form.rated) {
    request.rated = true;
  }
  const [least, most] = DELAY_OF_SPECTATORS;
  const behind = wholeNumber(form.spectatorDelay, 0, most);
  if (behind === null || (behind > 0 && behind < least)) {
    wrong('spectator-delay', words.errors.spectatorDelay);
  } else if (behind > 0) {
    request.spectator_delay_s = behind;
  }
  if (!form.chat) {
    request.chat = false;
  }
  if (form.rules.length > 0) {
    request.rules = [...form.rules];
  }
  const tags: NonNullable<NewChallenge['tags']> = {};
  for (const tag of TAGS) {
    const text = form.tags[tag].trim();
    if (new TextEncoder().encode(text).length > TAG_BYTES_MAX) {
      wrong(tag, words.errors.tag);
    } else if (text !== '') {
      tags[tag] = text;
    }
  }
  if (Object.keys(tags).length > 0) {
    request.tags = tags;
  }
  if (form.color !== 'random') {
    request.color = form.color;
  }
  if (form.who === 'open') {
    request.open = true;
  } else if (form.who === 'player') {
    if (form.opponent === null) {
      wrong('opponent', words.opponentMissing);
    } else {
      request.opponent = form.opponent;
    }
  }
  if (form.expiresInS !== null) {
    request.expires_in_s = form.expiresInS;
  }
  return errors.length > 0 ? { request: null, errors } : { request, errors: null };
}
