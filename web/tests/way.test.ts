import { beforeEach, describe, expect, it } from 'vitest';
import { type Way, WayWatch } from '../src/call/way';

let watch: WayWatch;
let packets: number;

beforeEach(() => {
  watch = new WayWatch();
  packets = 0;
});

interface Report {
  seconds?: number | undefined;
  lost?: number;
  /** Seconds ago. */
  age?: number;
}

/** A look at a connection on which fifty packets of sound have been sent since the last, and ten of a picture. */
function look(pair: number | undefined, sound: Report = {}, picture: Report = {}): Way {
  packets += 10;
  const report = (kind: string, { seconds, lost = 0, age = 1 }: Report) => ({
    id: `R${kind}`,
    type: 'remote-inbound-rtp',
    timestamp: 100_000 - age * 1000,
    localId: kind,
    roundTripTime: seconds,
    fractionLost: lost,
  });
  const all = [
    { id: 'T', type: 'transport', timestamp: 100_000, selectedCandidatePairId: 'P' },
    { id: 'Q', type: 'candidate-pair', currentRoundTripTime: 9 },
    { id: 'P', type: 'candidate-pair', currentRoundTripTime: pair },
    { id: 'S', type: 'outbound-rtp', packetsSent: packets * 5 },
    { id: 'V', type: 'outbound-rtp', packetsSent: packets },
    report('S', sound),
    report('V', picture),
  ].map((stat) => ({ timestamp: 100_000, ...stat }));
  return watch.look(new Map(all.map((stat) => [stat.id, stat])) as unknown as RTCStatsReport);
}

describe('the way to the other end', () => {
  it('is free where nothing waits, held where it waits longer than at its best', () => {
    expect([0.3, 0.04, 0.13, 0.2, 0.3].map((seconds) => look(seconds))).toEqual([
      'free',
      'free',
      'free',
      undefined,
      'held',
    ]);
    expect(look(0.04, { seconds: 0.3 })).toBe('held');
    expect(look(0.04, {}, { seconds: 0.6 })).toBe('held');
    expect(look(0.04, {}, { seconds: 0.9 })).toBe('jammed');
    expect(look(0.04)).toBe('free');
  });

  it('is held where too much of all that is sent gets lost, not where it is one of a few packets', () => {
    expect(look(0.04, { lost: 0.09 })).toBe('free');
    expect(look(0.04, {}, { lost: 0.5 })).toBe('free');
    expect(look(0.04, { lost: 0.13 })).toBeUndefined();
    expect(look(0.04, { lost: 0.2 }, { lost: 0.5 })).toBe('held');
  });

  it('is not judged by reports of another time', () => {
    look(0.04);
    expect(look(0.04, { lost: 0.5, seconds: 0.9, age: 6 })).toBe('free');
    expect(look(0.04, { lost: 0.5, seconds: 0.9, age: 5 })).toBe('jammed');
  });

  it('may become a longer one', () => {
    look(0.04);
    const ways = Array.from({ length: 150 }, () => look(0.3));
    expect(ways[0]).toBe('held');
    expect(ways.at(-1)).toBe('free');
  });

  it('is free as far as nothing is known', () => {
    expect(look(undefined)).toBe('free');
    expect(watch.look(new Map() as unknown as RTCStatsReport)).toBe('free');
  });
});
