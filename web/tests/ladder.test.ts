import { beforeEach, describe, expect, it } from 'vitest';
import { type Facts, factsOf, Ladder, outgoingKbit, starved } from '../src/call/ladder';
import type { Way } from '../src/call/way';

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

  it('is gone down with more patience while the browser believes in more than it gives the picture', () => {
    expect(looks(3, { kbit: 109, short: true, unsure: true })).toEqual(['full']);
    expect(looks(1, { kbit: 109, short: true, unsure: true })).toEqual(['stills']);
    ladder = new Ladder();
    expect(looks(2, { kbit: 109, short: true, unsure: false })).toEqual(['full', 'stills']);
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
    ladder.layered = true;
    const weak = { kbit: 80, short: true };
    looks(5, weak);
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
    expect(looks(100, { kbit: 2_000 })).toEqual(['stills', 'full']);
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

describe('the ladder straight to the other end', () => {
  const weak = { kbit: 80, short: true } as const;
  const rung = () => [ladder.sending.rung, ladder.rungTold];

  /** Ends at the look after which the whole picture is tried. */
  function untilTried(way: Way, most = 100): number {
    const from = at;
    for (let look = 0; look < most && ladder.sending.rung === ladder.rungTold; look += 1) looks(1, { kbit: 104, way });
    expect(ladder.sending.rung).toBe('full');
    return at - from;
  }

  it('is gone up at once to where a trial has shown room, though the browser believes in little', () => {
    looks(2, weak);
    expect(rung()).toEqual(['stills', 'stills']);
    expect(untilTried('free')).toBe(10_000);
    expect(ladder.shortage).toEqual({ rung: 'stills', reason: 'link' });
    looks(2, { kbit: 134, way: 'free' });
    expect(rung()).toEqual(['full', 'stills']);
    looks(1, { kbit: 134, way: 'free' });
    expect(rung()).toEqual(['full', 'full']);
    expect(ladder.shortage).toBeUndefined();
  });

  it('is gone up as far as the picture fits', () => {
    looks(2, weak);
    untilTried('free');
    looks(7, { kbit: 250, short: true, way: 'free' });
    expect(rung()).toEqual(['full', 'stills']);
    looks(1, { kbit: 250, short: true, way: 'free' });
    expect(rung()).toEqual(['smaller', 'smaller']);
    expect(untilTried('free')).toBe(10_000);
    looks(8, { kbit: 250, short: true, way: 'free' });
    expect(rung()).toEqual(['smaller', 'smaller']);
  });

  it('gives a trial up at the first look at a jam, or the second at harm, and tries more seldom, but not ever more', () => {
    looks(2, weak);
    const pauses = Array.from({ length: 4 }, (_, trial) => {
      const pause = untilTried('free');
      looks(trial % 2 ? 1 : 2, { kbit: 134, short: true, way: trial % 2 ? 'jammed' : 'held' });
      expect(rung()).toEqual(['stills', 'stills']);
      return pause;
    });
    expect(pauses).toEqual([10_000, 20_000, 30_000, 30_000]);
  });

  it('goes on with a trial that a single look speaks against', () => {
    looks(2, weak);
    untilTried('free');
    for (let time = 0; time < 2; time += 1) {
      looks(1, { kbit: 134, way: 'held' });
      expect(rung()).toEqual(['full', 'stills']);
      looks(2, { kbit: 134, way: 'free' });
    }
    looks(1, { kbit: 134, way: 'free' });
    expect(rung()).toEqual(['full', 'full']);
  });

  it('does not forget that trials were in vain when one succeeds for a moment', () => {
    looks(2, weak);
    untilTried('free');
    looks(3, { kbit: 134, way: 'free' });
    expect(looks(2, weak)).toEqual(['full', 'stills']);
    expect(untilTried('free')).toBe(20_000);
    looks(3, { kbit: 134, way: 'free' });
    expect(looks(10, { kbit: 134, way: 'free' })).toEqual(['full']);
    expect(looks(2, weak)).toEqual(['full', 'stills']);
    expect(untilTried('free')).toBe(10_000);
  });

  it('tries nothing while what is sent does not come through, and sends sound only then', () => {
    looks(2, weak);
    expect(looks(6, { way: 'held' })).toEqual(['stills']);
    expect(looks(1, { way: 'held' })).toEqual(['audio']);
    expect(ladder.shortage).toEqual({ rung: 'audio', reason: 'link' });
    expect(looks(100, { way: 'held' })).toEqual(['audio']);
    expect(looks(100, {})).toEqual(['audio']);
  });

  it('takes it for no sign that the other end holds things up for a moment', () => {
    looks(2, weak);
    looks(4, { way: 'free' });
    looks(1, { kbit: 134, short: true, way: 'jammed' });
    looks(3, { way: 'free' });
    looks(3, { way: 'held' });
    expect(rung()).toEqual(['stills', 'stills']);
    looks(1, { way: 'free' });
    expect(looks(1, { way: 'free' })).toEqual(['stills']);
    expect(rung()).toEqual(['stills', 'stills']);
  });

  it('tries as soon as what did not come through does', () => {
    looks(2, weak);
    for (let trial = 0; trial < 2; trial += 1) {
      untilTried('free');
      looks(1, { kbit: 134, short: true, way: 'jammed' });
    }
    looks(7, { way: 'held' });
    expect(rung()).toEqual(['audio', 'audio']);
    expect(untilTried('free')).toBe(7_500);
    expect(rung()).toEqual(['full', 'stills']);
  });

  it('tries no more than a data budget allows', () => {
    looks(2, weak);
    ladder.keepTo({ kbitPerSecond: 70, pictures: true });
    looks(40, { way: 'free' });
    expect(rung()).toEqual(['stills', 'stills']);
    ladder.keepTo({ kbitPerSecond: 300, pictures: true });
    looks(3, { way: 'free' });
    expect(rung()).toEqual(['smaller', 'stills']);
  });

  it('tries nothing once the call goes through the server', () => {
    looks(2, weak);
    untilTried('free');
    ladder.layered = true;
    expect(rung()).toEqual(['stills', 'stills']);
    looks(1, {});
    ladder.layered = false;
    looks(10, {});
    expect(rung()).toEqual(['stills', 'stills']);
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
    expect(factsOf(7, least, {})).toEqual({ at: 7, kbit: 109, short: true, unsure: true });
    const { kbit, unsure } = factsOf(7, least, { kbitPerSecondOut: 100, lossOutPercent: 50 });
    expect([kbit, unsure]).toEqual([50, false]);
    expect(factsOf(7, least, { kbitPerSecondOut: 100, lossOutPercent: 10 }).kbit).toBe(90);
    expect(factsOf(7, least, { kbitPerSecondOut: 100, lossOutPercent: 9 }).kbit).toBe(109);
    expect(factsOf(7, least, { limitedBy: 'cpu' })).toEqual({ at: 7, kbit: 134, short: false });
    const more = stats(line({ targetBitrate: 150_000 }));
    expect(factsOf(7, more, { kbitPerSecondOut: 120, lossOutPercent: 25 })).toEqual({ at: 7, kbit: 134, short: false });
    expect(factsOf(7, more, { limitedBy: 'bandwidth' }).short).toBe(true);
    expect(factsOf(7, new Map() as unknown as RTCStatsReport, {}).kbit).toBeUndefined();
  });
});
