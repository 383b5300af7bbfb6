import { beforeEach, describe, expect, it } from 'vitest';
import { type Facts, factsOf, Ladder, outgoingKbit, starved } from '../src/call/ladder';

const LOOK = 2_500;
let ladder: Ladder;
let at: number;

beforeEach(() => {
  ladder = new Ladder();
  at = 0;
});

/** So many looks at a link like this; the rungs that were taken. */
function looks(count: number, facts: Partial<Facts>): string[] {
  const rungs: string[] = [];
  for (let i = 0; i < count; i += 1) {
    at += LOOK;
    ladder.look({ at, short: false, ...facts });
    const { rung } = ladder.sending;
    if (rungs.at(-1) !== rung) rungs.push(rung);
  }
  return rungs;
}

describe('the ladder', () => {
  it('is gone down as the link worsens, straight to where the picture fits', () => {
    expect(looks(5, { kbit: 2_000 })).toEqual(['full']);
    expect(looks(4, { kbit: 300, short: true })).toEqual(['full', 'smaller']);
    expect(looks(4, { kbit: 150, short: true })).toEqual(['smaller', 'slow']);
    expect(looks(4, { kbit: 80, short: true })).toEqual(['slow', 'stills']);
    expect(ladder.shortage).toEqual({ rung: 'stills', reason: 'link' });
    ladder = new Ladder();
    expect(looks(4, { kbit: 30, short: true })).toEqual(['full', 'audio']);
    ladder = new Ladder();
    expect(looks(2, { kbit: 300, short: true })).toEqual(['full', 'smaller']);
  });

  it('is not gone down for a moment, nor because a still picture takes little', () => {
    looks(1, { kbit: 80, short: true });
    expect(looks(3, { kbit: 900 })).toEqual(['full']);
    expect(looks(20, { kbit: 80 })).toEqual(['full']);
    expect(ladder.shortage).toBeUndefined();
  });

  it('is gone down though its looks differ on whether there is room for still pictures', () => {
    expect(looks(1, { kbit: 80, short: true })).toEqual(['full']);
    expect(looks(1, { kbit: 0, short: true })).toEqual(['stills']);
    ladder = new Ladder();
    expect(looks(1, { kbit: 0, short: true })).toEqual(['full']);
    expect(looks(1, { kbit: 80, short: true })).toEqual(['stills']);
  });

  it('is gone up again step by step, with something to spare', () => {
    looks(4, { kbit: 150, short: true });
    expect(looks(10, { kbit: 250 })).toEqual(['slow']);
    expect(looks(10, { kbit: 400 })).toEqual(['slow', 'smaller']);
    expect(looks(10, { kbit: 2_000 })).toEqual(['smaller', 'full']);
  });

  it('tries video again after a while, and more seldom each time it was in vain', () => {
    const weak = { kbit: 80, short: true };
    looks(4, weak);
    const tries: number[] = [];
    let before = ladder.sending.rung;
    while (at < 300_000) {
      looks(1, weak);
      const { rung } = ladder.sending;
      if (rung !== before && rung !== 'stills') tries.push(at);
      before = rung;
    }
    const pauses = tries.slice(1).map((time, i) => time - (tries[i] ?? 0));
    expect(tries.length).toBeLessThan(6);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(looks(100, { kbit: 2_000 })).toEqual(['stills', 'slow', 'smaller', 'full']);
  });

  it('gives video that is tried again time to find out what the link carries now', () => {
    ladder.layered = true;
    const weak = { kbit: 80, short: true };
    expect(looks(2, weak)).toEqual(['full', 'stills']);
    looks(5, weak);
    expect(looks(5, weak)).toEqual(['full']);
    expect(looks(1, weak)).toEqual(['stills']);
  });

  it('leaves smaller sizes to the browser where it sends several', () => {
    ladder.layered = true;
    expect(looks(10, { kbit: 200, short: true })).toEqual(['full']);
    expect(looks(10, { kbit: 80 })).toEqual(['full']);
    expect(looks(5, { kbit: 80, short: true })).toEqual(['full', 'stills']);
    expect(looks(12, { kbit: 2_000 }).at(-1)).toBe('full');
  });

  it('says of several sizes that the largest is missing, once that is certain', () => {
    ladder.layered = true;
    const small = { kbit: 300, short: true, small: true };
    expect(looks(3, small)).toEqual(['full']);
    expect(looks(1, { kbit: 300, short: true })).toEqual(['full']);
    expect(looks(4, small)).toEqual(['full', 'smaller']);
    expect(ladder.shortage).toEqual({ rung: 'smaller', reason: 'link' });
    expect(looks(3, { kbit: 2_000 })).toEqual(['smaller']);
    expect(looks(1, { kbit: 2_000 })).toEqual(['full']);
    expect(looks(10, { kbit: 2_000, small: true })).toEqual(['full']);
    looks(4, small);
    expect(looks(2, { kbit: 80, short: true, small: true })).toEqual(['smaller', 'stills']);
    ladder = new Ladder();
    ladder.layered = true;
    expect(looks(2, { kbit: 50, short: true })).toEqual(['full', 'audio']);
  });

  it('goes no higher than a data budget allows, at once', () => {
    ladder.keepTo({ kbitPerSecond: 300, pictures: true });
    expect(ladder.sending).toEqual({ rung: 'smaller', kbit: 250 });
    expect(ladder.shortage).toEqual({ rung: 'smaller', reason: 'budget' });
    ladder.keepTo({ kbitPerSecond: 120, pictures: true });
    expect(ladder.sending.rung).toBe('slow');
    ladder.layered = true;
    expect(ladder.sending.rung).toBe('smaller');
    ladder.keepTo({ kbitPerSecond: 70, pictures: true });
    expect(ladder.sending.rung).toBe('stills');
    ladder.keepTo({ pictures: false });
    expect(ladder.shortage).toEqual({ rung: 'audio', reason: 'budget' });
    ladder.keepTo(undefined);
    expect(ladder.sending).toEqual({ rung: 'full', kbit: undefined });
  });

  it('names the link where that is worse than the budget', () => {
    ladder.keepTo({ kbitPerSecond: 300, pictures: true });
    looks(4, { kbit: 80, short: true });
    expect(ladder.shortage).toEqual({ rung: 'stills', reason: 'link' });
  });
});

describe('what the browser believes it can send', () => {
  it('is read of the path in use', () => {
    const all = [
      { id: 'T', type: 'transport', selectedCandidatePairId: 'P2' },
      { id: 'P1', type: 'candidate-pair', availableOutgoingBitrate: 9_000 },
      { id: 'P2', type: 'candidate-pair', availableOutgoingBitrate: 250_000 },
    ];
    const stats = new Map(all.map((stat) => [stat.id, stat])) as unknown as RTCStatsReport;
    expect(outgoingKbit(stats)).toBe(250);
    expect(outgoingKbit(new Map() as unknown as RTCStatsReport)).toBeUndefined();
  });
});

describe('a picture of which the browser sends the least it can', () => {
  const line = (more: object) => ({ type: 'outbound-rtp', kind: 'video', active: true, mediaSourceId: 'S', ...more });
  const path = [
    { type: 'transport', selectedCandidatePairId: 'P' },
    { id: 'P', type: 'candidate-pair', availableOutgoingBitrate: 134_000 },
  ];
  const stats = (...lines: object[]) => new Map(Object.entries([...path, ...lines])) as unknown as RTCStatsReport;

  it('is one that is to be sent, and of which no size has any bits to speak of', () => {
    expect(starved(stats(line({}), line({ targetBitrate: 0 })))).toBe(true);
    expect(starved(stats(line({ targetBitrate: 40_000 }), line({})))).toBe(true);
    expect(starved(stats(line({ targetBitrate: 40_001 }), line({})))).toBe(false);
    expect(starved(stats(line({ targetBitrate: 30_000 }), line({ targetBitrate: 30_000 })))).toBe(false);
    const others = [
      line({ active: false }),
      line({ mediaSourceId: undefined }),
      line({ kind: 'audio' }),
      line({ type: 'other' }),
    ];
    expect(starved(stats(...others))).toBe(false);
    expect(starved(stats())).toBe(false);
  });

  it('says that there is no room for it, and of what is sent counts what arrives', () => {
    const least = stats(line({ targetBitrate: 30_000 }));
    expect(factsOf(7, least, {})).toEqual({ at: 7, kbit: 109, short: true });
    expect(factsOf(7, least, { kbitPerSecondOut: 100, lossOutPercent: 50 }).kbit).toBe(50);
    expect(factsOf(7, least, { kbitPerSecondOut: 100, lossOutPercent: 10 }).kbit).toBe(90);
    expect(factsOf(7, least, { kbitPerSecondOut: 100, lossOutPercent: 9 }).kbit).toBe(109);
    expect(factsOf(7, least, { limitedBy: 'cpu' })).toEqual({ at: 7, kbit: 134, short: false });
    const more = stats(line({ targetBitrate: 150_000 }));
    expect(factsOf(7, more, { kbitPerSecondOut: 120, lossOutPercent: 25 })).toEqual({ at: 7, kbit: 134, short: false });
    expect(factsOf(7, more, { limitedBy: 'bandwidth' }).short).toBe(true);
    expect(factsOf(7, new Map() as unknown as RTCStatsReport, {}).kbit).toBeUndefined();
  });
});
