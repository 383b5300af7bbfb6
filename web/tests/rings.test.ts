import { beforeEach, expect, it } from 'vitest';
import { Rings } from '../src/call/rings';
import { FakeClock, ring } from './fakes';

const AT_SERVER = '2026-11-22T10:00:00.000Z';
let clock: FakeClock;
let rings: Rings;

beforeEach(() => {
  clock = new FakeClock();
  const signalling = { inCall: false, tell: () => undefined, request: () => Promise.reject() };
  rings = new Rings({ clock, signalling, visible: () => true });
  rings.tellTime(AT_SERVER);
});

it('a ring of which nothing more is heard ends by the server’s clock, a moment late', async () => {
  rings.begin(ring({ until: '2026-11-22T10:00:45.000Z' }));
  await clock.advance(45_900);
  expect(rings.size).toBe(1);
  await clock.advance(100);
  expect(rings.size).toBe(0);
});

it('a ring that goes on for longer is not ended by what was known of it before', async () => {
  rings.begin(ring({ until: '2026-11-22T10:00:45.000Z' }));
  rings.begin(ring({ until: '2026-11-22T10:01:30.000Z' }));
  await clock.advance(60_000);
  expect(rings.size).toBe(1);
  expect(rings.end('call-1')?.until).toBe('2026-11-22T10:01:30.000Z');
  expect([rings.size, rings.end('call-1')]).toEqual([0, undefined]);
});
