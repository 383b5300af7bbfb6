/** What measured values mean to somebody who asks why a call is bad. A pure function of them. */
import type { MediaReport } from '../api/types';

/** From 4, good, down to 1, hardly usable; 0 is no connection. */
export type Bars = 0 | 1 | 2 | 3 | 4;

/** Ids of sentences. */
export type Reason =
  | 'quality-lost'
  | 'quality-cpu'
  | 'quality-weak-out'
  | 'quality-weak-in'
  | 'quality-loss-in'
  | 'quality-loss-out'
  | 'quality-delay'
  | 'quality-sound'
  | 'quality-tcp'
  | 'quality-tls'
  | 'quality-relayed';

export interface Verdict {
  bars: Bars;
  /** The weightiest first. */
  reasons: Reason[];
}

export type Figures = Partial<MediaReport>;

/** A value from which on there are three bars, two, one. */
type Steps = [three: number, two: number, one: number];

const LOSS: Steps = [1.5, 4, 12];
const DELAY: Steps = [250, 450, 900];
const JITTER: Steps = [40, 80, 200];
const CONCEALED: Steps = [2, 6, 15];
/** Of the time, in percent. */
const FROZEN: Steps = [2, 8, 25];
/** With fewer frames a second a picture that moves does not look so. A still screen sends few by itself, which is no fault. */
const FEW_FRAMES = 5;

/** How a whole connection is, or one person's lines of it. `seconds`: the time these figures are of. */
export function judge(figures: Figures, connected: boolean, seconds: number): Verdict {
  if (!connected) return { bars: 0, reasons: ['quality-lost'] };
  const frozen = seconds > 0 ? (figures.freezeMs ?? 0) / (seconds * 10) : 0;
  const lossy = bars(figures.lossInPercent, LOSS);
  // A picture that stands still although nothing is lost comes too slowly.
  const slow = Math.min(bars(figures.jitterMs, JITTER), lossy === 4 ? bars(frozen, FROZEN) : 4, frames(figures));
  const found: [Reason, number][] = [
    ['quality-cpu', figures.limitedBy === 'cpu' ? 2 : 4],
    ['quality-loss-in', Math.min(lossy, lossy < 4 ? bars(frozen, FROZEN) : 4)],
    ['quality-loss-out', bars(figures.lossOutPercent, LOSS)],
    ['quality-weak-out', figures.limitedBy === 'bandwidth' ? 2 : 4],
    ['quality-weak-in', slow],
    ['quality-delay', bars(figures.rttMs, DELAY)],
    // What is lost is heard; said once it is enough.
    ['quality-sound', lossy === 4 ? bars(figures.concealedPercent, CONCEALED) : 4],
    ['quality-tcp', figures.path === 'tcp' ? 3 : 4],
    ['quality-tls', figures.path === 'tls' ? 3 : 4],
  ];
  const bad = found.filter(([, value]) => value < 4).sort((a, b) => a[1] - b[1]);
  const worst = Math.min(4, ...bad.map(([, value]) => value)) as Bars;
  const reasons = bad.map(([reason]) => reason);
  // By itself it is no fault.
  if (figures.path === 'relayed' && bad.length > 0) reasons.push('quality-relayed');
  return { bars: worst, reasons };
}

/** Those whose lines are bad while the own connection is not: it is theirs that is. */
export function atTheirEnd(own: Verdict, others: ReadonlyMap<number, Verdict>): number[] {
  const bad = [...others].filter(([, verdict]) => verdict.bars <= 2);
  const good = [...others].some(([, verdict]) => verdict.bars >= 3);
  const explained = own.reasons.some((reason) => reason === 'quality-delay' || reason === 'quality-lost');
  return good && !explained ? bad.map(([contact]) => contact) : [];
}

function bars(value: number | null | undefined, [three, two, one]: Steps): number {
  if (typeof value !== 'number' || value < three) return 4;
  if (value < two) return 3;
  return value < one ? 2 : 1;
}

function frames({ framesPerSecondIn, freezes }: Figures): number {
  return typeof framesPerSecondIn === 'number' && framesPerSecondIn < FEW_FRAMES && (freezes ?? 0) > 0 ? 2 : 4;
}
