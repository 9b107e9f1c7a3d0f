import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Control, NewChallenge } from 'rookery-session';
import { check, oneStage, typedNumber, usualForm, type ChallengeForm } from '../../src/terms/form.ts';
import { placement } from '../../src/terms/fen.ts';
import { paceOf, specialTerms, speedOfTerms, termsLine } from '../../src/terms/words.ts';

const NOW = 1_800_000_000_000;

function requested(change: (form: ChallengeForm) => void): NewChallenge {
  const form = usualForm();
  change(form);
  const checked = check(form, NOW);
  assert.deepEqual(checked.errors, null);
  assert.ok(checked.request);
  return checked.request;
}

function wrong(change: (form: ChallengeForm) => void): string[] {
  const form = usualForm();
  change(form);
  return (check(form, NOW).errors ?? []).map((error) => error.field);
}

test('the simple case asks for a control and nothing else', () => {
  assert.deepEqual(requested(() => undefined), { control: { initial_ms: 300_000, increment_ms: 3_000 } });
});

test('every term has its key', () => {
  const request = requested((form) => {
    form.who = 'open';
    form.variant = 'chess960';
    form.start = 'number';
    form.number = ' 518 ';
    form.color = 'white';
    form.clockStart = 'at_once';
    form.startAt = NOW + 60_000;
    form.chat = false;
    form.spectatorDelay = '5';
    form.rules = ['no_takeback', 'auto_claim'];
    form.expiresInS = 300;
    form.tags.event = ' Autumn ';
    form.rated = true;
  });
  assert.deepEqual(request, {
    variant: 'chess960',
    control: { initial_ms: 300_000, increment_ms: 3_000 },
    start_number: 518,
    clock_start: 'at_once',
    start_at: NOW + 60_000,
    rated: true,
    spectator_delay_s: 5,
    chat: false,
    rules: ['no_takeback', 'auto_claim'],
    tags: { event: 'Autumn' },
    color: 'white',
    open: true,
    expires_in_s: 300,
  });
});

test('stages, delays and different times', () => {
  const request = requested((form) => {
    form.control = {
      stages: [
        { moves: '40', minutes: '90', increment: '30' },
        { moves: '', minutes: '30', increment: '30' },
      ],
      delayKind: 'none',
      delay: '2',
    };
    form.black = { ...oneStage(0, 0), delayKind: 'bronstein', delay: '2,5' };
  });
  assert.deepEqual(request.controls, {
    white: {
      stages: [
        { moves: 40, time_ms: 5_400_000, increment_ms: 30_000 },
        { time_ms: 1_800_000, increment_ms: 30_000 },
      ],
    },
    black: { initial_ms: 0, increment_ms: 0, delay: 'bronstein', delay_ms: 2_500 },
  });
  assert.equal(request.control, undefined);
});

test('a position is sent with single spaces, and a number only in chess960', () => {
  const fen = '4k3/8/8/8/8/8/4P3/4K3 w - - 0 1';
  const request = requested((form) => {
    form.start = 'fen';
    form.fen = `  ${fen.replace(' w', '   w')} `;
  });
  assert.equal(request.start_fen, fen);
  const other = requested((form) => {
    form.start = 'number';
    form.number = '7';
  });
  assert.equal(other.start_number, undefined);
});

test('what is wrong is named by its field', () => {
  const table: [string, (form: ChallengeForm) => void][] = [
    ['minutes-0', (form) => (form.control = oneStage(0, 0))],
    ['minutes-0', (form) => (form.control = oneStage(181, 0))],
    ['minutes-0', (form) => (form.control.stages[0]!.minutes = 'five')],
    ['increment-0', (form) => (form.control = oneStage(5, 181))],
    ['moves-0', (form) => (form.control = { ...oneStage(5, 0), stages: [{ moves: '1', minutes: '5', increment: '0' }, { moves: '', minutes: '5', increment: '0' }] })],
    ['delay', (form) => Object.assign(form.control, { delayKind: 'simple', delay: '0' })],
    ['black-minutes-0', (form) => (form.black = oneStage(200, 0))],
    ['number', (form) => Object.assign(form, { variant: 'chess960', start: 'number', number: '960' })],
    ['fen', (form) => Object.assign(form, { start: 'fen', fen: ' ' })],
    ['spectator-delay', (form) => (form.spectatorDelay = '2')],
    ['spectator-delay', (form) => (form.spectatorDelay = '61')],
    ['start-at', (form) => (form.startAt = NOW - 1)],
    ['start-at', (form) => (form.startAt = NOW + 25 * 60 * 60 * 1000)],
    ['rated', (form) => Object.assign(form, { rated: true, black: oneStage(1, 0) })],
    ['rated', (form) => Object.assign(form, { rated: true, start: 'fen', fen: '8/8/8/8/8/8/8/8 w - - 0 1' })],
    ['event', (form) => (form.tags.event = 'é'.repeat(61))],
    ['opponent', (form) => (form.who = 'player')],
  ];
  for (const [field, change] of table) {
    assert.deepEqual(wrong(change), [field], field);
  }
});

test('numbers are read as people write them', () => {
  const table: [string, number | null][] = [['3', 3], [' 0,5 ', 0.5], ['1.25', 1.25], ['', null], ['-1', null], ['1e3', null], ['3 min', null], ['.5', null]];
  for (const [text, value] of table) {
    assert.equal(typedNumber(text), value, text);
  }
});

test('terms in words', () => {
  const control: Control = { initial_ms: 180_000, increment_ms: 2_000 };
  assert.equal(termsLine({ control }), '3+2 · Blitz · Casual');
  assert.equal(termsLine({ control, variant: 'crazyhouse', rated: true }), '3+2 · Blitz · Rated · Crazyhouse');
  const odds = { white: { initial_ms: 60_000, increment_ms: 0 }, black: { initial_ms: 600_000, increment_ms: 0 } };
  assert.equal(paceOf({ controls: odds }), 'White 1+0 · Black 10+0');
  assert.equal(speedOfTerms({ controls: odds }), 'rapid');
  assert.deepEqual(
    specialTerms({ control, start_fen: 'x', clock_start: 'at_once', spectator_delay_s: 5, chat: false, rules: ['no_abort'] }, String),
    ['From a position', 'Clocks run at once', 'Spectators 5 seconds behind', 'No chat', 'No aborting'],
  );
  // A shuffled first rank is what chess960 is, and no special position.
  assert.deepEqual(specialTerms({ control, variant: 'chess960', start_fen: 'x' }, String), []);
});

test('a position can be drawn while its ranks are whole', () => {
  const start = 'rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR';
  assert.equal(placement(` ${start} w KQkq - 0 1`), start);
  assert.equal(placement(`${start}[Qp] w KQkq - 0 1`), start);
  assert.equal(placement(`${start}/Qp w - - 0 1`), start);
  assert.equal(placement('8/8/8/8/8/8/8/Q~6k w - - 0 1'), '8/8/8/8/8/8/8/Q~6k');
  for (const fen of ['', 'x', '8/8/8/8/8/8/8', '9/8/8/8/8/8/8/8', 'ppppppppp/8/8/8/8/8/8/8', '8/8/8/8/8/8/8/~8', '8/8/8/8/8/8/8/8/8/8']) {
    assert.equal(placement(fen), null, fen);
  }
});
