import { describe, expect, it } from 'vitest';
import { atTheirEnd, type Figures, judge, type Reason, type Verdict } from '../src/call/judge';

const fine: Figures = {
  path: 'direct',
  rttMs: 40,
  jitterMs: 8,
  lossInPercent: 0.2,
  lossOutPercent: 0,
  kbitPerSecondIn: 1_500,
  concealedPercent: 0.3,
  heightIn: 720,
  framesPerSecondIn: 30,
  freezes: 0,
  freezeMs: 0,
};

const cases: [what: string, change: Figures, bars: number, reasons: Reason[]][] = [
  ['a good call', {}, 4, []],
  ['a call of which nothing is known yet', Object.fromEntries(Object.keys(fine).map((k) => [k, undefined])), 4, []],
  ['a relay alone is no fault', { path: 'relayed' }, 4, []],
  ['a relay makes a delay longer', { path: 'relayed', rttMs: 500 }, 2, ['quality-delay', 'quality-relayed']],
  ['UDP is blocked', { path: 'tcp' }, 3, ['quality-tcp']],
  ['UDP and TCP are blocked', { path: 'tls' }, 3, ['quality-tls']],
  ['some loss', { lossInPercent: 2 }, 3, ['quality-loss-in']],
  ['much loss', { lossInPercent: 6 }, 2, ['quality-loss-in']],
  ['terrible loss', { lossInPercent: 30 }, 1, ['quality-loss-in']],
  ['loss makes pictures stand still', { lossInPercent: 2, freezes: 2, freezeMs: 500 }, 2, ['quality-loss-in']],
  ['loss is heard, and said once', { lossInPercent: 6, concealedPercent: 20 }, 2, ['quality-loss-in']],
  ['loss on the way out', { lossOutPercent: 5 }, 2, ['quality-loss-out']],
  ['a weak link out', { limitedBy: 'bandwidth' }, 2, ['quality-weak-out']],
  ['a slow machine', { limitedBy: 'cpu' }, 2, ['quality-cpu']],
  ['a weak link in: it comes unevenly', { jitterMs: 120 }, 2, ['quality-weak-in']],
  ['a weak link in: it stands still, and nothing is lost', { freezes: 1, freezeMs: 2_000 }, 1, ['quality-weak-in']],
  ['a weak link in: few pictures', { framesPerSecondIn: 2, freezes: 1, freezeMs: 50 }, 2, ['quality-weak-in']],
  ['a still screen', { framesPerSecondIn: 1 }, 4, []],
  ['sound that had to be made up', { concealedPercent: 8 }, 2, ['quality-sound']],
  ['far away', { rttMs: 300 }, 3, ['quality-delay']],
  [
    'the weightiest comes first',
    { path: 'tcp', rttMs: 300, lossOutPercent: 20 },
    1,
    ['quality-loss-out', 'quality-delay', 'quality-tcp'],
  ],
];

describe('a verdict', () => {
  it.each(cases)('%s', (_, change, bars, reasons) => {
    expect(judge({ ...fine, ...change }, true, 5)).toEqual({ bars, reasons });
  });

  it('is the same for all while nothing is connected', () => {
    expect(judge({ ...fine, lossInPercent: 50 }, false, 5)).toEqual({ bars: 0, reasons: ['quality-lost'] });
  });
});

describe('whose end it is', () => {
  const verdict = (bars: Verdict['bars'], ...reasons: Reason[]): Verdict => ({ bars, reasons });
  const others = new Map([
    [2, verdict(1, 'quality-loss-in')],
    [3, verdict(4)],
  ]);

  it('is theirs, if others come well', () => {
    expect(atTheirEnd(verdict(2, 'quality-loss-in'), others)).toEqual([2]);
  });

  it('is not known, if nobody else comes', () => {
    expect(atTheirEnd(verdict(1, 'quality-loss-in'), new Map([[2, verdict(1)]]))).toEqual([]);
  });

  it('is the own, if the way to the server is bad', () => {
    expect(atTheirEnd(verdict(1, 'quality-delay'), others)).toEqual([]);
  });
});
