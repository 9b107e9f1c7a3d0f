import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOf, routeOf, type Route } from '../../src/router.ts';
import { afterwards } from '../../src/account/afterwards.ts';
import { parseTransfer, transferLink } from '../../src/transfer/link.ts';

test('every address has its route, and every route its address', () => {
  const table: [string, Route][] = [
    ['/', { name: 'lobby' }],
    ['/match/0123456789AB', { name: 'match', id: '0123456789AB' }],
    ['/challenge/0123456789AB', { name: 'challenge', id: '0123456789AB' }],
    ['/games/0123456789AB', { name: 'games', id: '0123456789AB' }],
    ['/player/ann', { name: 'player', id: 'ann' }],
    ['/tv', { name: 'tv' }],
    ['/transfer', { name: 'transfer' }],
    ['/account', { name: 'account' }],
    ['/about', { name: 'about' }],
  ];
  for (const [path, route] of table) {
    assert.deepEqual(routeOf(path), route);
    assert.equal(pathOf(route), path);
    assert.deepEqual(routeOf(`${path}/`), route);
  }
});

test('ids of players of outside issuers survive the address', () => {
  const id = 'google-oauth2|10.a:b@c';
  assert.deepEqual(routeOf(pathOf({ name: 'player', id })), { name: 'player', id });
});

test('what is no address of the page is not found', () => {
  const paths = ['/nope', '/match', '/match/short', '/match/0123456789AB/x', '/match/0123456789A-', '/player/%E0%A4%A', '/player/a%20b', '/tv/now', `/player/${'a'.repeat(65)}`];
  for (const path of paths) {
    assert.deepEqual(routeOf(path), { name: 'not_found' }, path);
  }
});

test('a sign-in leads back to where it came from, but never to another site', () => {
  assert.equal(afterwards('?then=%2Fmatch%2F0123456789AB'), '/match/0123456789AB');
  assert.equal(afterwards('?then=/tv'), '/tv');
  for (const search of ['', '?then=//evil.example', '?then=https://evil.example/', '?then=/nope', '?then=tv']) {
    assert.equal(afterwards(search), null, search);
  }
});

test('a transfer link holds its code and its match in the fragment', () => {
  const code = 'abcdefghijkl0123456789XY';
  assert.equal(transferLink(code, '0123456789AB'), `/transfer#${code}&match=0123456789AB`);
  assert.deepEqual(parseTransfer(`#${code}&match=0123456789AB`), { code, matchId: '0123456789AB' });
  assert.deepEqual(parseTransfer(`#${code}`), { code, matchId: null });
  assert.deepEqual(parseTransfer(`#${code}&match=../x`), { code, matchId: null });
  for (const fragment of ['', '#', '#short', '#&match=0123456789AB', `#${code}-`]) {
    assert.equal(parseTransfer(fragment), null, fragment);
  }
});
