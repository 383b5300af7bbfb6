import { beforeEach, describe, expect, it } from 'vitest';
import { type Facts, type Manner, Uplink, UplinkWatch } from '../src/call/uplink';
import { FakeClock } from './fakes';

let uplink: Uplink;
let at: number;

beforeEach(() => {
  uplink = new Uplink();
  at = 1_000_000;
});

/** A look each second; the seconds at which it was asked, counted from the first. */
function looks(estimates: number[], more: Partial<Facts> = {}): number[] {
  const asked: number[] = [];
  for (const [second, kbit] of estimates.entries()) {
    at += 1_000;
    if (uplink.look({ at, kbit, wanted: 900, ...more })) asked.push(second);
  }
  return asked;
}

const steady = (count: number, kbit: number) => Array<number>(count).fill(kbit);

describe('over a weak link', () => {
  const sends = (kbit: number, count: number) => {
    looks(steady(count, kbit));
    return uplink.manner.thrifty ? 'thrifty' : 'plain';
  };

  it('the picture goes out in frames that all depend on each other, until there is something to spare', () => {
    expect(sends(2_000, 3)).toBe('plain');
    expect(sends(600, 10)).toBe('plain');
    expect(sends(599, 1)).toBe('plain');
    expect(sends(599, 1)).toBe('thrifty');
    expect(sends(799, 10)).toBe('thrifty');
    expect(sends(800, 1)).toBe('thrifty');
    expect(sends(800, 1)).toBe('plain');
  });

  it('the picture stays as it is while there is none, and by a single look right after a change', () => {
    expect(sends(300, 2)).toBe('thrifty');
    looks(steady(3, 300), { kbit: undefined });
    expect(uplink.manner.thrifty).toBe(true);
    expect(sends(300, 1)).toBe('thrifty');
    uplink = new Uplink();
    expect(sends(300, 2)).toBe('thrifty');
    expect(sends(2_000, 1)).toBe('thrifty');
  });

  it('one that dips for a moment changes nothing', () => {
    for (let dip = 0; dip < 5; dip += 1) {
      sends(300, 1);
      expect(sends(650, 1)).toBe('plain');
    }
  });
});

describe('sound', () => {
  const repeats = (lossPercent: number | undefined, count = 1) => {
    looks(steady(count, 2_000), { lossPercent });
    return uplink.manner.repeats;
  };

  it('is repeated while it gets lost, and for a while after', () => {
    expect(repeats(undefined)).toBe(false);
    expect(repeats(1.9)).toBe(false);
    expect(repeats(2)).toBe(true);
    expect(repeats(1.5, 30)).toBe(true);
    expect(repeats(0, 5)).toBe(true);
    expect(repeats(1)).toBe(true);
    expect(repeats(0.9, 10)).toBe(true);
    expect(repeats(0.9)).toBe(false);
  });

  it('is repeated for as long as nothing is said of losses, once there were some', () => {
    expect(repeats(5)).toBe(true);
    expect(repeats(0, 10)).toBe(true);
    expect(repeats(undefined, 30)).toBe(true);
    expect(repeats(0)).toBe(false);
  });

  it('is not repeated for what a link lost when it became weaker', () => {
    looks([2_000, 200, ...steady(7, 200)], { lossPercent: 10 });
    expect(uplink.manner.repeats).toBe(true);
    uplink = new Uplink();
    looks([2_000, 200], { lossPercent: 0 });
    looks(steady(7, 200), { lossPercent: 10 });
    expect(uplink.manner.repeats).toBe(false);
    looks(steady(1, 200), { lossPercent: 10 });
    expect(uplink.manner.repeats).toBe(true);
  });

  it('is so without a camera, too', () => {
    looks(steady(1, 300), { kbit: undefined, lossPercent: 5 });
    expect(uplink.manner).toEqual({ thrifty: false, repeats: true });
  });
});

describe('whether the link carries more', () => {
  it('is not asked as long as it carries what is wanted', () => {
    expect(looks(steady(100, 900))).toEqual([]);
  });

  it('is asked soon after it became weak, then more and more seldom', () => {
    const asked = looks([1_000, ...steady(100, 200)]);
    expect(asked).toEqual([4, 9, 16, 27, 43, 66, 96]);
  });

  it('is asked soon again once that has helped, which shows at once', () => {
    looks([1_000, ...steady(28, 200)]);
    expect(looks([300, ...steady(5, 300)])).toEqual([1]);
    looks(steady(30, 300));
    expect(looks(steady(12, 400))).toEqual([4]);
  });

  it('is not asked while the estimate falls', () => {
    expect(looks([1_000, ...Array.from({ length: 50 }, (_, second) => 400 - 3 * second)])).toEqual([]);
  });

  it('is asked at once when it rises above where it turned back before', () => {
    const waves = Array.from({ length: 70 }, (_, second) => [230, 260, 290, 245][second % 4] as number);
    looks([1_000, ...waves]);
    expect(looks([270, 300, 320, 340, 360, 380])).toEqual([2, 4]);
  });

  it('is asked at most every other second while it rises, and not again for what it has risen to', () => {
    const waves = Array.from({ length: 70 }, (_, second) => [230, 260, 290, 245][second % 4] as number);
    looks([1_000, ...waves]);
    expect(looks([270, 320, 350, 380])).toEqual([1, 3]);
    expect(looks(steady(6, 380))).toEqual([]);
  });

  it.each([
    [250, [2]],
    [249, []],
  ])('is asked soon again only if that has helped, as with an estimate of 200 that becomes %i', (kbit, asked) => {
    looks([1_000, ...steady(27, 200)]);
    expect(looks(steady(5, kbit))).toEqual(asked);
  });

  it.each([
    [139, [3]],
    [140, []],
  ])('begins anew on a link that has become weaker, as with an estimate of 200 that falls to %i', (kbit, asked) => {
    looks([1_000, ...steady(30, 200)]);
    expect(looks(steady(6, kbit))).toEqual(asked);
  });

  it('is not asked for a rise above what another link carried', () => {
    looks([1_000, 300, 260, 300, 260]);
    expect(looks([100, 200, 330])).toEqual([]);
  });
});

describe('the watch', () => {
  const stats = (more: object[] = []) =>
    new Map<string, object>(
      [
        { id: 'T', type: 'transport', selectedCandidatePairId: 'P' },
        { id: 'P', type: 'candidate-pair', availableOutgoingBitrate: 300_000 },
        { id: 'O', type: 'outbound-rtp', kind: 'audio', fractionLost: 1 },
        { id: 'V', type: 'remote-inbound-rtp', kind: 'video', fractionLost: 1 },
        ...more,
      ].map((stat, place) => [`${place}`, stat]),
    );
  const lossy = { id: 'A', type: 'remote-inbound-rtp', kind: 'audio', fractionLost: 0.02 };
  let time: FakeClock;
  let looked: number;
  let said: (Manner | 'ask')[];
  let wanted: number | undefined;
  let answer: () => Promise<RTCStatsReport>;
  let watch: UplinkWatch;

  beforeEach(() => {
    time = new FakeClock();
    looked = 0;
    said = [];
    wanted = 900;
    answer = async () => stats() as unknown as RTCStatsReport;
    watch = new UplinkWatch(time, {
      stats: () => {
        looked += 1;
        return answer();
      },
      wanted: () => wanted,
      changed: (manner) => said.push(manner),
      ask: () => said.push('ask'),
    });
    watch.start();
  });

  it('looks once a second, however often it is started, and says what has changed only', async () => {
    watch.start();
    await time.advance(4_900);
    expect([looked, said]).toEqual([4, [{ thrifty: true, repeats: false }, 'ask']]);
  });

  it('goes by the losses of sound alone', async () => {
    answer = async () => stats([lossy]) as unknown as RTCStatsReport;
    await time.advance(1_000);
    expect(said).toEqual([{ thrifty: false, repeats: true }]);
  });

  it('does not judge by an estimate of sound alone', async () => {
    wanted = undefined;
    await time.advance(20_000);
    expect([looked, said]).toEqual([20, []]);
  });

  it('goes on after a look in vain', async () => {
    answer = () => Promise.reject(new Error('closed'));
    await time.advance(2_000);
    answer = async () => stats([lossy]) as unknown as RTCStatsReport;
    await time.advance(1_000);
    expect([looked, said.length]).toEqual([3, 1]);
  });

  it('that is stopped says nothing of a look that is under way, and takes no other', async () => {
    let give: (found: RTCStatsReport) => void = () => undefined;
    answer = () => new Promise((resolve) => (give = resolve));
    await time.advance(1_000);
    watch.stop();
    give(stats([lossy]) as unknown as RTCStatsReport);
    await time.advance(5_000);
    expect([looked, said]).toEqual([1, []]);
  });
});
