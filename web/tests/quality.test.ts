import { beforeEach, describe, expect, it } from 'vitest';
import type { MediaReport } from '../src/api/types';
import { Quality } from '../src/call/quality.svelte';
import type { Connection } from '../src/call/session';
import { FakeClock, settle, track } from './fakes';

let clock: FakeClock;
let told: { callId: string; report: MediaReport }[];
let bytes: number;
let lost: number;
let certificate: string;
let connection: Connection;
let callId: string | undefined;
const picture = track('video');
let quality: Quality;

function stats(): RTCStatsReport {
  bytes += 1_000;
  const all = [
    { id: 'C', type: 'certificate', fingerprint: certificate },
    { id: 'T', type: 'transport', selectedCandidatePairId: 'P' },
    { id: 'P', type: 'candidate-pair', bytesReceived: bytes },
    {
      id: 'I',
      type: 'inbound-rtp',
      kind: 'video',
      trackIdentifier: picture.id,
      bytesReceived: bytes,
      packetsReceived: bytes / 10,
      packetsLost: lost,
    },
  ];
  return new Map(all.map((stat) => [stat.id, stat])) as unknown as RTCStatsReport;
}

beforeEach(async () => {
  clock = new FakeClock();
  told = [];
  bytes = 0;
  lost = 0;
  certificate = 'one';
  connection = 'connected';
  callId = 'c';
  quality = new Quality({
    clock,
    callId: () => callId,
    stats: async () => stats(),
    connection: () => connection,
    remote: () => new Map([[7, { camera: picture as unknown as MediaStreamTrack }]]),
    tell: (callId, report) => told.push({ callId, report }),
  });
  quality.start();
  await settle();
});

describe('the quality of a call', () => {
  it('is told as soon as something is measured, every five seconds, and at the end', async () => {
    await clock.advance(2_500);
    expect(told.length).toBe(1);
    await clock.advance(10_000);
    expect(told.length).toBe(3);
    await clock.advance(2_500);
    quality.stop();
    expect(told.map(({ callId }) => callId)).toEqual(['c', 'c', 'c', 'c']);
    // 1,000 bytes at each look.
    expect(told.map(({ report }) => report.kbitPerSecondIn)).toEqual([3.2, 3.2, 3.2, 3.2]);
    await clock.advance(60_000);
    expect(told.length).toBe(4);
  });

  it('is told of no call that was left before anything was measured', () => {
    quality.stop();
    expect(told).toEqual([]);
  });

  it('is not told while nothing is connected, and at once when it is', async () => {
    connection = 'connecting';
    quality.start();
    await settle();
    await clock.advance(60_000);
    expect([told, quality.own]).toEqual([[], undefined]);
    connection = 'connected';
    quality.connected();
    await settle();
    await clock.advance(2_500);
    expect([told.length, quality.own?.bars]).toEqual([1, 4]);
  });

  it('is judged for oneself and for each of the others', async () => {
    await clock.advance(2_500);
    expect([quality.own?.bars, quality.others.get(7)?.bars]).toEqual([4, 4]);
    lost += 25;
    await clock.advance(2_500);
    expect([quality.own?.bars, quality.others.get(7)?.bars]).toEqual([1, 1]);
    connection = 'reconnecting';
    await clock.advance(2_500);
    expect([quality.own?.bars, quality.others.get(7)?.bars]).toEqual([0, 0]);
  });

  it('begins anew with a new connection, whose counters do', async () => {
    await clock.advance(5_000);
    told = [];
    bytes = 0;
    certificate = 'two';
    await clock.advance(2_500);
    expect(told).toEqual([]);
    await clock.advance(2_500);
    expect(told.map(({ report }) => report.kbitPerSecondIn)).toEqual([3.2]);
  });
});
