import { beforeEach, describe, expect, it } from 'vitest';
import type { CallView, Person } from '../src/api/types';
import { Piecewise } from '../src/call/piecewise';
import { shortageLines, stillsFrom, stillsWanted } from '../src/call/shortages';
import { type Part, StillsIn } from '../src/call/stills-in.svelte';
import { StillsOut } from '../src/call/stills-out';
import { FakeClock, settle, track } from './fakes';

let clock: FakeClock;

/** What has just begun runs, then time passes. */
async function pass(ms: number): Promise<void> {
  await settle();
  await clock.advance(ms);
}

beforeEach(() => {
  clock = new FakeClock();
});

describe('pieces', () => {
  it('are as large as the link carries in a moment, with as long a pause after each', async () => {
    const sizes: number[] = [];
    const began: number[] = [];
    const bytesPerMs = 10;
    const piece = async (from: number, bytes: number) => {
      sizes.push(bytes);
      began.push(clock.now());
      clock.sleep(bytes / bytesPerMs);
      return from + bytes;
    };
    const done = new Piecewise(clock).all(piece, (at) => at >= 40_000, new AbortController().signal);
    await pass(60_000);
    expect(await done).toBe(true);
    expect(sizes.slice(0, 4)).toEqual([4_096, 3_000, 3_000, 3_000]);
    for (let i = 1; i < 4; i += 1) expect((began[i] ?? 0) - (began[i - 1] ?? 0)).toBeGreaterThanOrEqual(599);
  });

  it('go on after a break where they stopped', async () => {
    const asked: number[] = [];
    const piece = async (from: number, bytes: number) => {
      asked.push(from);
      clock.sleep(100);
      if (asked.length === 2) throw new Error('network');
      return from + bytes;
    };
    const done = new Piecewise(clock).all(piece, (at) => at > 8_000, new AbortController().signal);
    await pass(60_000);
    expect(await done).toBe(true);
    expect(asked.slice(0, 3)).toEqual([0, 4_096, 4_096]);
  });
});

describe('still pictures that go out', () => {
  it('follow one another as long as they are wanted, each whole', async () => {
    const puts: { id: string; offset: number; bytes: number }[] = [];
    let ids = 0;
    const out = new StillsOut({
      clock,
      newId: () => `s${++ids}`,
      take: async () => new Uint8Array(10_000),
      put: async (_, id, offset, size, bytes) => {
        clock.sleep(100);
        puts.push({ id, offset, bytes: bytes.length });
        return Math.min(offset + bytes.length, size);
      },
    });
    const wanted = { callId: 'c', track: track('video') as unknown as MediaStreamTrack };
    out.follow(wanted);
    out.follow({ ...wanted });
    await pass(4_000);
    expect(new Set(puts.map(({ id }) => id))).toEqual(new Set(['s1']));
    expect(puts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(10_000);
    await pass(5_000);
    expect(ids).toBe(2);
    out.follow(undefined);
    await pass(60_000);
    expect(ids).toBe(2);
  });
});

describe('still pictures that come in', () => {
  let newest: { id: string; size: number };
  let asked: { from: number; id: string | undefined }[];
  let forgotten: string[];
  let stills: StillsIn;

  beforeEach(() => {
    newest = { id: 'one', size: 6_000 };
    asked = [];
    forgotten = [];
    let urls = 0;
    stills = new StillsIn({
      clock,
      get: async (_call, _contact, from, bytes, id): Promise<Part | undefined> => {
        asked.push({ from, id });
        clock.sleep(100);
        if (id !== undefined && id !== newest.id) return undefined;
        const length = Math.min(bytes, newest.size - from);
        return { id: newest.id, of: newest.size, ageMs: 3_000, bytes: new Uint8Array(length) };
      },
      url: () => `blob:${++urls}`,
      forget: (url) => forgotten.push(url),
    });
  });

  it('are fetched in pieces, with the time they were taken at', async () => {
    stills.follow('c', [7]);
    await pass(2_000);
    expect(asked).toEqual([
      { from: 0, id: undefined },
      { from: 4_096, id: 'one' },
    ]);
    const shown = stills.shown.get(7);
    expect(shown?.url).toBe('blob:1');
    expect((shown?.at ?? 0) + 3_000).toBeLessThanOrEqual(clock.now());
  });

  it('take the place of older ones, and are gone once they are not wanted', async () => {
    stills.follow('c', [7]);
    await pass(2_000);
    newest = { id: 'two', size: 100 };
    stills.heard(7);
    stills.heard(8);
    await pass(2_000);
    expect(stills.shown.get(7)?.url).toBe('blob:2');
    expect(forgotten).toEqual(['blob:1']);
    stills.follow('c', []);
    expect([...stills.shown.keys()]).toEqual([]);
    expect(forgotten).toEqual(['blob:1', 'blob:2']);
  });

  it('begin anew where the rest of one is gone', async () => {
    stills.follow('c', [7]);
    await settle();
    newest = { id: 'two', size: 3_000 };
    stills.heard(7);
    await pass(3_000);
    expect(stills.shown.get(7)).toBeDefined();
    expect(asked.at(-1)).toEqual({ from: 0, id: undefined });
  });
});

describe('still pictures that are not wanted any more', () => {
  let answers: ((part: Part) => void)[];
  let asked: string[];
  let stills: StillsIn;

  beforeEach(() => {
    answers = [];
    asked = [];
    stills = new StillsIn({
      clock,
      get: (callId, contact) => {
        asked.push(`${callId} ${contact}`);
        return new Promise((resolve) => answers.push(resolve));
      },
      url: () => 'blob:1',
      forget: () => undefined,
    });
  });

  const whole = { id: 'one', of: 100, ageMs: 0, bytes: new Uint8Array(100) };

  it('are not shown when they come all the same', async () => {
    stills.follow('c', [7]);
    await settle();
    stills.follow('c', []);
    answers[0]!(whole);
    await pass(5_000);
    expect([...stills.shown.keys()]).toEqual([]);
  });

  it('are fetched again if they are wanted again meanwhile', async () => {
    stills.follow('c', [7]);
    await settle();
    stills.follow('c', []);
    stills.follow('c', [7]);
    await pass(1_000);
    expect(asked).toEqual(['c 7']);
    answers[0]!(whole);
    await pass(5_000);
    answers[1]!(whole);
    await pass(5_000);
    expect(asked).toEqual(['c 7', 'c 7']);
    expect([...stills.shown.keys()]).toEqual([7]);
  });

  it('are not taken for those of the next call', async () => {
    stills.follow('c', [7]);
    await settle();
    answers[0]!(whole);
    await pass(5_000);
    stills.follow('d', [7]);
    expect([...stills.shown.keys()]).toEqual([]);
    await settle();
    expect(asked).toEqual(['c 7', 'd 7']);
  });
});

describe('what follows from weak links', () => {
  const person = (id: number, more: Partial<Person> = {}): Person => ({
    contact: { id, displayName: `P${id}` },
    state: 'joined',
    online: true,
    media: { microphone: true, camera: true },
    ...more,
  });
  const call = (...people: Person[]) => ({ you: 1, people }) as unknown as CallView;
  const stills = { rung: 'stills', reason: 'link' } as const;

  it('pictures are sent if the own link or that of a viewer carries no video', () => {
    expect(stillsWanted(call(person(1), person(2)), 'full')).toBe(false);
    expect(stillsWanted(call(person(1), person(2)), 'stills')).toBe(true);
    expect(stillsWanted(call(person(1), person(2, { receives: stills })), 'full')).toBe(true);
    expect(stillsWanted(call(person(1), person(2, { receives: stills })), 'audio')).toBe(false);
    expect(stillsWanted(call(person(1), person(2, { receives: stills, state: 'left' })), 'full')).toBe(false);
  });

  it('pictures are fetched of those who send them, or of all', () => {
    const off = person(4, { media: { microphone: true, camera: false } });
    const weak = person(3, { media: { microphone: true, camera: true, sends: stills } });
    expect(stillsFrom(call(person(1), person(2), weak, off))).toEqual([3]);
    expect(stillsFrom(call(person(1, { receives: stills }), person(2), weak, off))).toEqual([2, 3]);
    const used = { rung: 'audio', reason: 'budget' } as const;
    expect(stillsFrom(call(person(1, { receives: used }), weak))).toEqual([]);
  });

  it('everybody reads whose side it is, the worse of both directions', () => {
    const slow = { rung: 'slow', reason: 'budget' } as const;
    const lines = shortageLines(
      call(
        person(1, { receives: slow }),
        person(2, { media: { microphone: true, camera: true, sends: slow }, receives: stills }),
        person(3),
      ),
    );
    const budget = { sends: { rung: 'stills', reason: 'budget' }, microphone: true, camera: true } as const;
    const of = (one: CallView['people'][number]) => shortageLines(call(person(1), one)).map(({ id }) => id);
    expect(of(person(2, { receives: slow })), 'through the server it is his own').toEqual(['short-budget-slow']);
    const direct = { ...call(person(1, { media: budget }), person(2, { media: budget })), mediaPlan: { mode: 'p2p' } };
    expect(shortageLines(direct as unknown as CallView)).toEqual([{ id: 'short-own-budget-stills', name: '' }]);
    expect(lines).toEqual([
      { id: 'short-own-budget-slow', name: '' },
      { id: 'short-link-stills', name: 'P2' },
    ]);
  });
});
