import { describe, expect, it } from 'vitest';
import { type Look, measure } from '../src/call/measure';

type Stats = Record<string, Record<string, unknown>>;

function look(seconds: number, stats: Stats): Look {
  const report = new Map(Object.entries(stats).map(([id, stat]) => [id, { id, ...stat }]));
  return { at: seconds * 1000, stats: report as unknown as RTCStatsReport };
}

const way = (over: Record<string, unknown> = {}, counts = { bytesSent: 0, bytesReceived: 0 }): Stats => ({
  T: { type: 'transport', selectedCandidatePairId: 'P' },
  P: { type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', currentRoundTripTime: 0.05, ...counts },
  L: { type: 'local-candidate', candidateType: 'host', protocol: 'udp', ...over },
  R: { type: 'remote-candidate', candidateType: 'host', protocol: 'udp' },
});

describe('what is measured between two looks', () => {
  it.each([
    ['direct', {}],
    ['tcp', { protocol: 'tcp' }],
    ['relayed', { candidateType: 'relay', relayProtocol: 'udp' }],
    ['tcp', { candidateType: 'relay', relayProtocol: 'tcp' }],
    ['tls', { candidateType: 'relay', relayProtocol: 'tls' }],
  ])('the way is %s where the candidate says %j', (path, over) => {
    expect(measure(look(0, way(over)), look(5, way(over))).report.path).toBe(path);
  });

  it('rates and losses are those of the time between', () => {
    const incoming = (counts: object) => ({
      I: { type: 'inbound-rtp', kind: 'video', trackIdentifier: 't', ...counts },
    });
    const before = {
      ...way({}, { bytesSent: 1_000, bytesReceived: 50_000 }),
      ...incoming({
        bytesReceived: 10,
        packetsReceived: 900,
        packetsLost: 500,
        freezeCount: 7,
        totalFreezesDuration: 9,
      }),
    };
    const now = {
      ...way({}, { bytesSent: 63_500, bytesReceived: 675_000 }),
      ...incoming({
        bytesReceived: 20,
        packetsReceived: 990,
        packetsLost: 510,
        freezeCount: 9,
        totalFreezesDuration: 9.25,
        jitter: 0.012,
        frameHeight: 360,
        framesPerSecond: 24,
      }),
    };
    const { report, lines, seconds } = measure(look(10, before), look(15, now));
    expect(seconds).toBe(5);
    expect(report).toEqual({
      path: 'direct',
      rttMs: 50,
      jitterMs: 12,
      lossInPercent: 10,
      kbitPerSecondIn: 1000,
      kbitPerSecondOut: 100,
      heightIn: 360,
      framesPerSecondIn: 24,
      freezes: 2,
      freezeMs: 250,
    });
    expect(lines.get('t')).toMatchObject({ lossInPercent: 10, freezes: 2 });
  });

  it('what goes and comes by every pair of addresses counts', () => {
    const other = (counts: object) => ({ Q: { type: 'candidate-pair', nominated: true, ...counts } });
    const before = { ...way({}, { bytesSent: 5_000, bytesReceived: 70_000 }), ...other({ bytesReceived: 1_000 }) };
    const now = {
      ...way({}, { bytesSent: 30_000, bytesReceived: 70_000 }),
      ...other({ bytesSent: 25_000, bytesReceived: 51_000 }),
    };
    const { report } = measure(look(0, before), look(5, now));
    expect([report.kbitPerSecondOut, report.kbitPerSecondIn]).toEqual([80, 80]);
    expect(measure(look(0, before), look(5, other({ bytesReceived: 51_000 }))).report.kbitPerSecondIn).toBeUndefined();
  });

  it('lines on which nothing comes do not count', () => {
    const idle = {
      I: { type: 'inbound-rtp', kind: 'video', bytesReceived: 5, jitter: 9, frameHeight: 90, framesPerSecond: 0 },
    };
    const { report, lines } = measure(look(0, { ...way(), ...idle }), look(5, { ...way(), ...idle }));
    expect([report.jitterMs, report.framesPerSecondIn, lines.size]).toEqual([undefined, undefined, 0]);
  });

  it('sound that was made up counts, silence that was made up does not', () => {
    const sound = (counts: object) => ({ A: { type: 'inbound-rtp', kind: 'audio', trackIdentifier: 'a', ...counts } });
    const before = sound({ bytesReceived: 1, concealedSamples: 0, silentConcealedSamples: 0, totalSamplesReceived: 0 });
    const now = sound({
      bytesReceived: 2,
      concealedSamples: 300,
      silentConcealedSamples: 200,
      totalSamplesReceived: 1000,
    });
    expect(measure(look(0, before), look(5, now)).report.concealedPercent).toBe(10);
  });

  it('of what is sent, the other end says what was lost, and the browser what held the picture back', () => {
    const sent = (packets: number, lost: number, why: string): Stats => ({
      O: {
        type: 'outbound-rtp',
        kind: 'video',
        bytesSent: packets,
        packetsSent: packets,
        frameHeight: 720,
        qualityLimitationReason: why,
      },
      Q: {
        type: 'outbound-rtp',
        kind: 'video',
        bytesSent: packets,
        packetsSent: packets,
        frameHeight: 180,
        qualityLimitationReason: 'none',
      },
      F: { type: 'remote-inbound-rtp', localId: 'O', packetsLost: lost },
    });
    const { report } = measure(look(0, sent(100, 5, 'none')), look(5, sent(200, 15, 'cpu')));
    expect(report).toMatchObject({ lossOutPercent: 10, heightOut: 720, limitedBy: 'cpu' });
    expect(measure(look(0, sent(100, 5, '')), look(5, sent(108, 20, ''))).report.lossOutPercent).toBe(100);
    expect(measure(look(0, sent(1, 0, '')), look(5, sent(2, 0, 'bandwidth'))).report.limitedBy).toBe('bandwidth');
  });

  it('what is sent again does not make the losses look smaller', () => {
    const sent = (once: number, again: number, lost: number): Stats => {
      const counts = { packetsSent: once + again, retransmittedPacketsSent: again };
      return {
        O: { type: 'outbound-rtp', kind: 'video', bytesSent: once, ...counts },
        F: { type: 'remote-inbound-rtp', localId: 'O', packetsLost: lost },
      };
    };
    const { report } = measure(look(0, sent(1000, 300, 200)), look(5, sent(1500, 600, 400)));
    expect(report.lossOutPercent).toBe(40);
  });
});
