import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Matchmaker, Problem, type FetchInit } from 'rookery-session';
import { Watchdog, watched } from '../../src/health.ts';
import { asSomebody, Identity, parseMe } from '../../src/identity.ts';
import { openPreferences, parsePreferences } from '../../src/preferences.ts';
import { Seek } from '../../src/seek.ts';

/** Storage in memory. */
function storage(): Storage {
  const map = new Map<string, string>();
  return {
    get length() {
      return map.size;
    },
    key: (index) => [...map.keys()][index] ?? null,
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, value),
    removeItem: (key) => void map.delete(key),
    clear: () => map.clear(),
  };
}

/** A matchmaker whose answers are given by path. */
function answering(answer: (path: string, init: FetchInit) => { status?: number; body: unknown } | Promise<never>, token: () => string | null = () => null): Matchmaker {
  return new Matchmaker({
    base: '',
    token,
    random: () => 0,
    fetch: async (path, init = {}) => {
      const { status = 200, body } = await answer(path, init);
      return { ok: status < 300, status, headers: { get: () => null }, text: async () => JSON.stringify(body) };
    },
  });
}

const NOW = 1_800_000_000_000;
const reply = (name: string, expires_at = NOW + 3_600_000) => ({ player: `id-${name}`, name, token: `token-${name}`, expires_at });

test('preferences that cannot be read are as usual, each for itself', () => {
  assert.deepEqual(parsePreferences(null), { theme: 'system', sound: true, text: false });
  assert.deepEqual(parsePreferences('{"theme":"dark","sound":"loud","text":true}'), { theme: 'dark', sound: true, text: true });
  assert.deepEqual(parsePreferences('not json'), { theme: 'system', sound: true, text: false });
  assert.deepEqual(parsePreferences('7'), { theme: 'system', sound: true, text: false });
});

test('preferences are kept and told', () => {
  const kept = storage();
  const preferences = openPreferences(kept);
  let told = 0;
  preferences.subscribe(() => (told += 1));
  preferences.set('theme', 'dark');
  preferences.set('theme', 'dark');
  assert.equal(told, 1);
  assert.equal(openPreferences(kept).get('theme'), 'dark');
  assert.equal(openPreferences(null).get('theme'), 'system');
});

test('a stored player is used until shortly before the token ends', () => {
  const me = { player: 'p', name: 'Ann', token: 't', expiresAt: NOW + 120_000, isNamed: true };
  assert.deepEqual(parseMe(JSON.stringify(me), NOW), me);
  assert.equal(parseMe(JSON.stringify(me), NOW + 90_000), null);
  for (const stored of [null, '', '{}', '[]', '"x"', JSON.stringify({ ...me, token: 7 })]) {
    assert.equal(parseMe(stored, NOW), null);
  }
});

test('two needs for a guest at once make one guest', async () => {
  let made = 0;
  const matchmaker = answering(() => ({ body: reply(`Guest-${(made += 1)}`) }));
  const identity = new Identity(storage(), () => NOW);
  const [one, two] = await Promise.all([identity.ensure(matchmaker), identity.ensure(matchmaker)]);
  assert.equal(made, 1);
  assert.equal(one, two);
  assert.equal(identity.me?.name, 'Guest-1');
});

test('an ended sign-in of a named player is told; a guest just becomes another one', () => {
  let now = NOW;
  const identity = new Identity(storage(), () => now);
  identity.become(reply('Ann', NOW + 100_000), true);
  now = NOW + 50_000;
  assert.equal(identity.me, null);
  assert.equal(identity.endedBecause, 'token_expired');
  identity.become(reply('Guest-1', NOW + 500_000), false);
  assert.equal(identity.endedBecause, null);
  identity.refused('token of somebody else', 'token_revoked');
  assert.ok(identity.me);
  identity.refused('token-Guest-1', 'token_revoked');
  assert.equal(identity.me, null);
  assert.equal(identity.endedBecause, null);
});

test('a guest whose token is refused tries once more as another guest', async () => {
  const identity = new Identity(storage(), () => NOW);
  identity.become(reply('old'), false);
  const matchmaker = answering(() => ({ body: reply('new') }));
  const tokens: (string | null)[] = [];
  const act = async (): Promise<string> => {
    tokens.push(identity.token());
    if (tokens.length === 1) {
      identity.refused('token-old', 'token_expired');
      throw new Problem({ code: 'token_expired', title: '', detail: '', status: 401 });
    }
    return 'done';
  };
  assert.equal(await asSomebody(identity, matchmaker, act), 'done');
  assert.deepEqual(tokens, ['token-old', 'token-new']);
});

test('a named player whose token is refused is not replaced by a guest', async () => {
  const identity = new Identity(storage(), () => NOW);
  identity.become(reply('Ann'), true);
  const matchmaker = answering(() => assert.fail('no guest is made'));
  const refuse = (): Promise<never> => Promise.reject(new Problem({ code: 'token_revoked', title: '', detail: '', status: 401 }));
  await assert.rejects(asSomebody(identity, matchmaker, refuse), { code: 'token_revoked' });
});

test('the visitor is told of an absent server after a second failure, and of its return', () => {
  const watchdog = new Watchdog(() => Promise.resolve());
  const told: string[] = [];
  watchdog.subscribe((health) => told.push(health));
  watchdog.failed();
  assert.deepEqual(told, []);
  watchdog.failed();
  watchdog.answered(503);
  watchdog.answered(404);
  assert.deepEqual(told, ['unreachable', 'busy', 'well']);
});

test('every answer is watched, and its body can be read by both', async () => {
  const seen: unknown[] = [];
  const fetch = watched(
    async () => ({ ok: false, status: 401, headers: { get: () => null }, text: async () => 'body' }),
    (url, status, token, text) => void text().then((body) => seen.push([url, status, token, body])),
    () => assert.fail('it was answered'),
  );
  const response = await fetch('/v1/account', { headers: { authorization: 'Bearer abc' } });
  assert.equal(await response.text(), 'body');
  assert.deepEqual(seen, [['/v1/account', 401, 'abc', 'body']]);
});

test('a request that the page gave up is no failure of the server', async () => {
  let failures = 0;
  const fetch = watched(() => Promise.reject(new Error('gone')), () => undefined, () => (failures += 1));
  await assert.rejects(fetch('/a', { signal: AbortSignal.abort() }));
  assert.equal(failures, 0);
  await assert.rejects(fetch('/a'));
  assert.equal(failures, 1);
});

const POOL = { id: '3+2', variant: 'standard', control: { initial_ms: 180_000, increment_ms: 2_000 }, rated: false, waiting: 0, playing: 0 } as const;

function seeking(answer: (path: string, init: FetchInit) => { status?: number; body: unknown } | Promise<never>) {
  const log: string[] = [];
  const seek = new Seek(answering(answer), {
    matched: (id) => log.push(`matched ${id}`),
    failed: (problem) => log.push(`failed ${problem.code}`),
    asSomebody: (act) => act(),
  });
  return { seek, log };
}

test('a wait ends with the match', async () => {
  const { seek, log } = seeking((path, { method }) => ({
    body: method === 'POST' ? { id: 't1', status: 'waiting', match_id: null } : { id: 't1', status: 'matched', match_id: path.includes('t1') ? 'm1' : null },
  }));
  const done = seek.start(POOL);
  assert.equal(seek.seeking?.pool.id, '3+2');
  await done;
  assert.deepEqual(log, ['matched m1']);
  assert.equal(seek.seeking, null);
});

test('a wait that is refused is told, and over', async () => {
  const { seek, log } = seeking(() => ({ status: 403, body: { code: 'no_guests', title: '', detail: '' } }));
  await seek.start(POOL);
  assert.deepEqual(log, ['failed no_guests']);
  assert.equal(seek.seeking, null);
});

test('whoever stops waiting a moment too late still comes to the match', async () => {
  let waits: (() => void) | null = null;
  const { seek, log } = seeking((path, { method, signal }) => {
    if (method === 'POST') {
      return { body: { id: 't1', status: 'waiting', match_id: null } };
    }
    if (method === 'DELETE') {
      return { status: 409, body: { code: 'already_matched', title: '', detail: '' } };
    }
    if (path.includes('wait_ms')) {
      return new Promise((_, reject) => {
        (signal as AbortSignal).addEventListener('abort', () => reject(new Error('aborted')));
        waits?.();
      });
    }
    return { body: { id: 't1', status: 'matched', match_id: 'm1' } };
  });
  const isWaiting = new Promise<void>((resolve) => (waits = resolve));
  const done = seek.start(POOL);
  await isWaiting;
  seek.stop();
  await done;
  for (let turn = 0; turn < 50 && log.length === 0; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(log, ['matched m1']);
});
