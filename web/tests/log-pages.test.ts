import { beforeEach, expect, it } from 'vitest';
import { RestError } from '../src/api/client';
import type { CallLog, CallLogPage } from '../src/api/types';
import { LogPages } from '../src/call/log-pages.svelte';
import { settle } from './fakes';

let asked: { before: number | undefined; answer(page: CallLogPage): void; fail(code: string): void }[];
let pages: LogPages;

beforeEach(() => {
  asked = [];
  pages = new LogPages(
    (before) =>
      new Promise((answer, reject) => asked.push({ before, answer, fail: (code) => reject(new RestError(code)) })),
  );
});

const page = (ids: number[], next: number | null) =>
  ({ calls: ids.map((id) => ({ id, callId: `c${id}` }) as CallLog), next }) as CallLogPage;
const ids = () => pages.calls.map((log) => log.id);

it('a page follows the other, up to the last', async () => {
  void pages.load();
  expect([pages.phase, pages.more]).toEqual(['loading', false]);
  asked[0]?.answer(page([9, 8], 8));
  await settle();
  expect(pages.more).toBe(true);
  void pages.load();
  expect(asked[1]?.before).toBe(8);
  asked[1]?.answer(page([7], null));
  await settle();
  expect([ids(), pages.more]).toEqual([[9, 8, 7], false]);
});

it('clicking twice shows nothing twice', async () => {
  void pages.load();
  void pages.load();
  for (const { answer } of asked) answer(page([9], 9));
  await settle();
  expect(ids()).toEqual([9]);
});

it('a page that failed is asked for again, and shows meanwhile that it is', async () => {
  void pages.load();
  asked[0]?.fail('network');
  await settle();
  expect([pages.phase, pages.code]).toEqual(['failed', 'network']);
  void pages.load();
  expect(pages.phase).toBe('loading');
  asked[1]?.answer(page([9], null));
  await settle();
  expect([pages.phase, ids()]).toEqual(['there', [9]]);
});
