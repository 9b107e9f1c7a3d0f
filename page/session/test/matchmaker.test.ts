/** Requests to a matchmaker of this test: what is sent, and what becomes of what comes back. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { type FetchInit, Matchmaker, type MatchmakerOptions, Problem } from '../src/index.ts';

interface Asked {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

type Answer = { status?: number; json?: unknown; text?: string; headers?: Record<string, string> } | 'unreached' | 'never';

/** A matchmaker that gives these answers one after the other, the last one for ever. */
function answering(answers: readonly Answer[], options: Partial<MatchmakerOptions> = {}) {
  const asked: Asked[] = [];
  const fetch = async (url: string, init: FetchInit = {}) => {
    asked.push({
      method: init.method ?? 'GET',
      path: url.replace('http://here', ''),
      headers: init.headers ?? {},
      body: init.body === undefined ? undefined : JSON.parse(init.body),
    });
    const answer = answers[Math.min(asked.length, answers.length) - 1]!;
    if (answer === 'unreached') throw new TypeError('Failed to fetch');
    if (answer === 'never') {
      await new Promise((_, reject) => init.signal.addEventListener('abort', () => reject(new Error('aborted'))));
      throw new Error('unreachable');
    }
    const status = answer.status ?? 200;
    return {
      ok: status < 300,
      status,
      headers: { get: (name: string) => answer.headers?.[name] ?? null },
      text: async () => answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json)),
    };
  };
  const matchmaker = new Matchmaker({ base: 'http://here/', fetch, token: () => 'the.token', random: () => 0, ...options });
  return { matchmaker, asked };
}

const problem = (code: string, status: number, retryAfter?: number): Answer => ({
  status,
  json: { code, title: 'A title', detail: 'A detail.', status },
  headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
});

async function failing(call: Promise<unknown>): Promise<Problem> {
  const error = await call.then(() => assert.fail('it did not fail'), (error: unknown) => error);
  assert.ok(error instanceof Problem);
  return error;
}

describe('a request', () => {
  const terms = { control: { initial_ms: 180_000, increment_ms: 2_000 } };
  for (const [name, call, method, path, body] of [
    ['guest', (m: Matchmaker) => m.guest(), 'POST', '/v1/players', {}],
    ['guest of a name', (m: Matchmaker) => m.guest('Ann'), 'POST', '/v1/players', { name: 'Ann' }],
    ['signUp', (m: Matchmaker) => m.signUp({ name: 'Ann', password: 'secret 12' }), 'POST', '/v1/accounts', { name: 'Ann', password: 'secret 12' }],
    ['signIn', (m: Matchmaker) => m.signIn({ code: 'x' }), 'POST', '/v1/login', { code: 'x' }],
    ['signOut', (m: Matchmaker) => m.signOut(), 'POST', '/v1/account/logout', undefined],
    ['account', (m: Matchmaker) => m.account(), 'GET', '/v1/account', undefined],
    ['setPassword', (m: Matchmaker) => m.setPassword({ new: 'secret 13' }), 'POST', '/v1/account/password', { new: 'secret 13' }],
    ['apiTokens', (m: Matchmaker) => m.apiTokens(), 'GET', '/v1/account/tokens', undefined],
    ['createApiToken', (m: Matchmaker) => m.createApiToken({ label: 'bot', scopes: ['play'] }), 'POST', '/v1/account/tokens', { label: 'bot', scopes: ['play'] }],
    ['removeApiToken', (m: Matchmaker) => m.removeApiToken('ab'), 'DELETE', '/v1/account/tokens/ab', undefined],
    ['player', (m: Matchmaker) => m.player('a/b'), 'GET', '/v1/players/a%2Fb', undefined],
    ['playerNamed', (m: Matchmaker) => m.playerNamed('Bö'), 'GET', '/v1/players?name=B%C3%B6', undefined],
    ['ratings', (m: Matchmaker) => m.ratings('ann'), 'GET', '/v1/players/ann/ratings', undefined],
    ['ratingHistory', (m: Matchmaker) => m.ratingHistory('ann', 'standard-blitz', { before: 7 }), 'GET', '/v1/players/ann/ratings/standard-blitz?before=7', undefined],
    ['games', (m: Matchmaker) => m.games('ann', { limit: 20, result: '1-0' }), 'GET', '/v1/players/ann/games?limit=20&result=1-0', undefined],
    ['ticket', (m: Matchmaker) => m.ticket(terms), 'POST', '/v1/tickets', terms],
    ['ticketById', (m: Matchmaker) => m.ticketById('t'), 'GET', '/v1/tickets/t', undefined],
    ['cancel', (m: Matchmaker) => m.cancel('t'), 'DELETE', '/v1/tickets/t', undefined],
    ['challenge', (m: Matchmaker) => m.challenge({ ...terms, open: true }), 'POST', '/v1/challenges', { ...terms, open: true }],
    ['challengeById', (m: Matchmaker) => m.challengeById('c'), 'GET', '/v1/challenges/c', undefined],
    ['challenges', (m: Matchmaker) => m.challenges(), 'GET', '/v1/challenges', undefined],
    ['accept', (m: Matchmaker) => m.accept('c'), 'POST', '/v1/challenges/c/accept', undefined],
    ['decline', (m: Matchmaker) => m.decline('c', 'no_bot'), 'POST', '/v1/challenges/c/decline', { reason: 'no_bot' }],
    ['cancelChallenge', (m: Matchmaker) => m.cancelChallenge('c'), 'DELETE', '/v1/challenges/c', undefined],
    ['match', (m: Matchmaker) => m.match('0AZaz9876543'), 'GET', '/v1/matches/0AZaz9876543', undefined],
    ['live', (m: Matchmaker) => m.live({ limit: 5, speed: 'blitz' }), 'GET', '/v1/matches/live?limit=5&speed=blitz', undefined],
    ['transfer', (m: Matchmaker) => m.transfer(), 'POST', '/v1/transfers', {}],
    ['redeem', (m: Matchmaker) => m.redeem('abc'), 'POST', '/v1/transfers/abc/redeem', undefined],
    ['demo', (m: Matchmaker) => m.demo(), 'GET', '/demo', undefined],
    ['killOwner', (m: Matchmaker) => m.killOwner('0AZaz9876543'), 'POST', '/demo/kill-owner', { match_id: '0AZaz9876543' }],
  ] as const) {
    test(name, async () => {
      const { matchmaker, asked } = answering([{ json: {} }]);
      await call(matchmaker);
      assert.equal(asked.length, 1);
      assert.deepEqual([asked[0]!.method, asked[0]!.path, asked[0]!.body], [method, path, body]);
      assert.equal(asked[0]!.headers['authorization'], 'Bearer the.token');
      assert.equal(asked[0]!.headers['content-type'], body === undefined ? undefined : 'application/json');
    });
  }

  test('of a player without a token has none', async () => {
    const { matchmaker, asked } = answering([{ json: {} }], { token: () => null });
    await matchmaker.guest();
    assert.equal(asked[0]!.headers['authorization'], undefined);
  });

  test('for a list gives the list', async () => {
    assert.deepEqual(await answering([{ json: { pools: [1] } }]).matchmaker.pools(), [1]);
    assert.deepEqual(await answering([{ json: { open: [2] } }]).matchmaker.openChallenges(), [2]);
    assert.equal(await answering([{ text: '[Event "?"]' }]).matchmaker.pgn('m'), '[Event "?"]');
    assert.equal(await answering([{ status: 204 }]).matchmaker.cancel('t'), undefined);
  });
});

describe('a problem', () => {
  test('has the words of the matchmaker', async () => {
    const { matchmaker, asked } = answering([problem('name_taken', 409)]);
    const { code, title, detail, status, retryAfterMs, isPassing } = await failing(matchmaker.signUp({ name: 'Ann', password: 'secret 12' }));
    assert.deepEqual({ code, title, detail, status, retryAfterMs, isPassing }, {
      code: 'name_taken',
      title: 'A title',
      detail: 'A detail.',
      status: 409,
      retryAfterMs: null,
      isPassing: false,
    });
    assert.equal(asked.length, 1);
  });

  test('of a proxy, and an answer that is none, are unreadable', async () => {
    const { matchmaker } = answering([{ status: 404, text: '<html>' }]);
    const { code, status } = await failing(matchmaker.account());
    assert.deepEqual([code, status], ['unreadable', 404]);
    for (const text of ['', '<html>', '7', '"text"', 'null']) {
      assert.equal((await failing(answering([{ text }]).matchmaker.account())).code, 'unreadable');
    }
  });

  test('that passes is tried again, under the same key', async () => {
    const { matchmaker, asked } = answering([problem('overloaded', 503, 0), 'unreached', { json: { id: 't' } }]);
    assert.equal((await matchmaker.ticket({ control: { initial_ms: 1 } })).id, 't');
    const keys = asked.map(({ headers }) => headers['idempotency-key']);
    assert.equal(keys.length, 3);
    assert.ok(/^[!-~]{1,255}$/.test(keys[0]!), keys[0]);
    assert.equal(new Set(keys).size, 1);
    const other = answering([{ json: {} }]);
    await other.matchmaker.ticket({ control: { initial_ms: 1 } });
    assert.notEqual(other.asked[0]!.headers['idempotency-key'], keys[0]);
  });

  test('is given up after three tries, or at once where it says to wait for long', async () => {
    const busy = answering([problem('overloaded', 503, 0)]);
    assert.equal((await failing(busy.matchmaker.account())).code, 'overloaded');
    assert.equal(busy.asked.length, 3);
    const limited = answering([problem('rate_limited', 429, 7)]);
    assert.equal((await failing(limited.matchmaker.account())).retryAfterMs, 7_000);
    assert.equal(limited.asked.length, 1);
  });

  test('of a request whose repetition could do harm is not tried again', async () => {
    const { matchmaker, asked } = answering(['unreached']);
    assert.equal((await failing(matchmaker.killOwner('0AZaz9876543'))).code, 'network');
    assert.equal(asked.length, 1);
  });

  test('of a caller who gave up is told as such', async () => {
    const { matchmaker } = answering(['never']);
    const aborter = new AbortController();
    const reading = failing(matchmaker.match('m', aborter.signal));
    aborter.abort();
    assert.equal((await reading).code, 'aborted');
  });

  test('of a page without a demonstration is none', async () => {
    assert.equal(await answering([problem('route_not_found', 404)]).matchmaker.demo(), null);
    assert.equal(await answering([{ text: '<html>' }]).matchmaker.demo(), null);
    assert.equal((await failing(answering([problem('internal', 500, 9)]).matchmaker.demo())).code, 'internal');
  });
});

describe('a ticket', () => {
  const waiting = { json: { id: 't', status: 'waiting', match_id: null } };
  const matched = { json: { id: 't', status: 'matched', match_id: '0AZaz9876543' } };

  test('is waited for until it does not wait, through passing problems', async () => {
    const { matchmaker, asked } = answering([waiting, problem('overloaded', 503, 0), 'unreached', waiting, matched]);
    const seen: (string | null)[] = [];
    const ticket = await matchmaker.wait('t', undefined, (problem) => seen.push(problem?.code ?? null));
    assert.equal(ticket.match_id, '0AZaz9876543');
    assert.deepEqual(seen, ['overloaded', 'network', null]);
    assert.deepEqual(new Set(asked.map(({ path }) => path)), new Set(['/v1/tickets/t?wait_ms=20000']));
  });

  test('that is gone is not waited for', async () => {
    const { matchmaker } = answering([waiting, problem('ticket_not_found', 404)]);
    assert.equal((await failing(matchmaker.wait('t'))).code, 'ticket_not_found');
  });

  test('is waited for until the caller gives up, also between two tries', async () => {
    const { matchmaker } = answering([problem('overloaded', 503, 3_000)]);
    const aborter = new AbortController();
    const waited = failing(matchmaker.waitChallenge('t', aborter.signal, () => setImmediate(() => aborter.abort())));
    assert.equal((await waited).code, 'aborted');
  });
});

describe('a seat', () => {
  const seat = { match_id: 'm', role: 'white', token: 'a.b.c', expires_at: 1, shard: { id: 's', web_socket: 'ws://127.0.0.1:1/' } };

  test('is asked for once, and checked', async () => {
    const { matchmaker, asked } = answering([{ json: seat }]);
    assert.deepEqual(await matchmaker.seat('m'), seat);
    await matchmaker.watch('m');
    assert.deepEqual(asked.map(({ method, path }) => `${method} ${path}`), ['POST /v1/matches/m/seat', 'POST /v1/matches/m/watch']);
    const failed = answering(['unreached']);
    assert.equal((await failing(failed.matchmaker.seat('m'))).code, 'network');
    assert.equal(failed.asked.length, 1);
  });

  test('that cannot be used is unreadable', async () => {
    for (const wrong of [{ ...seat, token: 7 }, { ...seat, role: 'king' }, { ...seat, shard: null }, { ...seat, shard: {} }, { ...seat, token: 'x'.repeat(1_025) }]) {
      assert.equal((await failing(answering([{ json: wrong }]).matchmaker.seat('m'))).code, 'unreadable');
    }
  });
});
