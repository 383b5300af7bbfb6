import { beforeEach, describe, expect, it } from 'vitest';
import { type Facts, Uplink } from '../src/call/uplink';

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
    expect(sends(590, 1)).toBe('plain');
    expect(sends(590, 1)).toBe('thrifty');
    expect(sends(790, 10)).toBe('thrifty');
    expect(sends(800, 1)).toBe('thrifty');
    expect(sends(800, 1)).toBe('plain');
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
});
