import { expect, it } from 'vitest';
import { parse } from '../src/app/router.svelte';

it.each([
  ['/', { page: 'contacts' }],
  ['/nowhere', { page: 'contacts' }],
  ['/planned', { page: 'planned' }],
  ['/planned/new', { page: 'plan' }],
  ['/planned/a-b', { page: 'plan', callId: 'a-b' }],
  ['/history', { page: 'history' }],
  ['/check', { page: 'check' }],
  ['/history/', { page: 'history' }],
  ['/history/a%20b', { page: 'story', callId: 'a b' }],
  ['/call/7', { page: 'story', callId: '7', invited: true }],
  ['/settings', { page: 'settings' }],
  ['/call', { page: 'contacts' }],
  ['/administration', { page: 'administration', part: 'teams' }],
  ['/administration/teams/new', { page: 'administration', part: 'teams', id: 'new' }],
  ['/administration/webhooks/a-b', { page: 'administration', part: 'webhooks', id: 'a-b' }],
  ['/administration/links/7', { page: 'administration', part: 'links', id: '7' }],
  ['/administration/secrets', { page: 'administration', part: 'teams' }],
  ['/history/%E0%A4%A', { page: 'story', callId: '%E0%A4%A' }],
])('the address %s names a page', (path, route) => {
  expect(parse(path)).toEqual(route);
});
