/** What the browser's statistics say of a connection between two looks at them, as plain values. */
import type { MediaReport } from '../api/types';
import { pathOf } from './path';

export interface Look {
  /** Milliseconds. */
  at: number;
  stats: RTCStatsReport;
}

/** What comes on one line. Absent is what is not known, or not to be known of sound or pictures. */
export interface Incoming {
  lossInPercent?: number;
  jitterMs?: number;
  concealedPercent?: number;
  framesPerSecondIn?: number;
  heightIn?: number;
  freezes: number;
  freezeMs: number;
}

export interface Measured {
  seconds: number;
  report: MediaReport;
  /** By the track's id; only those on which something came. */
  lines: ReadonlyMap<string, Incoming>;
}

/** As far as it is used here. */
interface Stat {
  id: string;
  type: string;
  kind?: string;
  localId?: string;
  trackIdentifier?: string;
  selectedCandidatePairId?: string;
  nominated?: boolean;
  state?: string;
  localCandidateId?: string;
  candidateType?: string;
  protocol?: string;
  relayProtocol?: string;
  qualityLimitationReason?: string;
  active?: boolean;
  [count: string]: unknown;
}

export function measure(before: Look, now: Look): Measured {
  const seconds = Math.max((now.at - before.at) / 1000, 0.001);
  const all = [...now.stats.values()] as Stat[];
  const grown = (stat: Stat, name: string) => since(before.stats.get(stat.id) as Stat | undefined, stat, name);
  const incoming = all.filter((stat) => stat.type === 'inbound-rtp' && grown(stat, 'bytesReceived') > 0);
  const outgoing = all.filter((stat) => stat.type === 'outbound-rtp' && grown(stat, 'bytesSent') > 0);
  const lines = new Map(incoming.map((stat) => [stat.trackIdentifier ?? stat.id, lineOf(stat, grown)]));
  const pair = pairOf(all);
  // The other end may send by another pair than the one that is selected here, and each may be another one by now than before.
  const pairs = all.filter(({ type }) => type === 'candidate-pair');
  const kbit = (name: string) => pair && (total(pairs, grown, name) * 8) / 1000 / seconds;
  const pictures = [...lines.values()].filter((line) => line.heightIn !== undefined);
  const sent = outgoing.filter((stat) => stat.kind === 'video');
  const report: MediaReport = {
    path: pair && wayOf(now.stats, pair),
    rttMs: scaled(pair?.currentRoundTripTime, 1000),
    jitterMs: most([...lines.values()].map((line) => line.jitterMs)),
    lossInPercent: share(total(incoming, grown, 'packetsLost'), total(incoming, grown, 'packetsReceived')),
    lossOutPercent: lossOut(all, outgoing, grown),
    kbitPerSecondIn: kbit('bytesReceived'),
    kbitPerSecondOut: kbit('bytesSent'),
    concealedPercent: most([...lines.values()].map((line) => line.concealedPercent)),
    heightIn: most(pictures.map((line) => line.heightIn)),
    heightOut: most(sent.map((stat) => number(stat.frameHeight))),
    framesPerSecondIn: least(pictures.map((line) => line.framesPerSecondIn)),
    framesPerSecondOut: most(sent.map((stat) => number(stat.framesPerSecond))),
    freezes: sum(pictures.map((line) => line.freezes)),
    freezeMs: sum(pictures.map((line) => line.freezeMs)),
    limitedBy: limit(sent),
  };
  return { seconds, report: JSON.parse(JSON.stringify(report)) as MediaReport, lines };
}

type Grown = (stat: Stat, name: string) => number;

function lineOf(stat: Stat, grown: Grown): Incoming {
  const line: Incoming = {
    lossInPercent: share(Math.max(grown(stat, 'packetsLost'), 0), grown(stat, 'packetsReceived')),
    jitterMs: scaled(stat.jitter, 1000),
    freezes: Math.max(grown(stat, 'freezeCount'), 0),
    freezeMs: Math.max(grown(stat, 'totalFreezesDuration'), 0) * 1000,
  };
  if (stat.kind === 'video') {
    line.heightIn = number(stat.frameHeight);
    line.framesPerSecondIn = number(stat.framesPerSecond);
  } else {
    // Silence that is made up is none that anybody misses.
    const made = grown(stat, 'concealedSamples') - grown(stat, 'silentConcealedSamples');
    const played = grown(stat, 'totalSamplesReceived');
    if (played > 0) line.concealedPercent = (Math.max(made, 0) / played) * 100;
  }
  return line;
}

function lossOut(all: Stat[], outgoing: Stat[], grown: Grown): number | undefined {
  const told = all.filter(
    (stat) => stat.type === 'remote-inbound-rtp' && outgoing.some(({ id }) => id === stat.localId),
  );
  if (told.length === 0) return undefined;
  const sent = outgoing.filter(({ id }) => told.some(({ localId }) => localId === id));
  const lost = total(told, grown, 'packetsLost');
  // What is sent again counts as sent, but no end says whether that gets lost.
  const once = total(sent, grown, 'packetsSent') - total(sent, grown, 'retransmittedPacketsSent');
  // Over a slow link it tells now of more that was sent before.
  return share(lost, Math.max(once - lost, 0));
}

/** The pair of addresses in use. */
function pairOf(all: Stat[]): Stat | undefined {
  const selected = all.find((stat) => stat.type === 'transport')?.selectedCandidatePairId;
  return all.find((stat) =>
    selected ? stat.id === selected : stat.type === 'candidate-pair' && stat.nominated && stat.state === 'succeeded',
  );
}

function wayOf(stats: RTCStatsReport, pair: Stat): MediaReport['path'] {
  const local = stats.get(pair.localCandidateId ?? '') as Stat | undefined;
  if (local?.candidateType === 'relay' && local.relayProtocol === 'tls') return 'tls';
  if (local?.candidateType === 'relay' && local.relayProtocol === 'tcp') return 'tcp';
  if (pathOf(stats) === 'relay') return 'relayed';
  return local?.protocol === 'tcp' ? 'tcp' : 'direct';
}

function limit(sent: Stat[]): MediaReport['limitedBy'] {
  const reasons = sent.map((stat) => stat.qualityLimitationReason);
  if (reasons.includes('cpu')) return 'cpu';
  return reasons.includes('bandwidth') ? 'bandwidth' : undefined;
}

/** A counter's growth; one that was not there before has grown from nothing. */
function since(before: Stat | undefined, now: Stat, name: string): number {
  return (number(now[name]) ?? 0) - (number(before?.[name]) ?? 0);
}

function total(stats: Stat[], grown: Grown, name: string): number {
  return Math.max(sum(stats.map((stat) => grown(stat, name))), 0);
}

/** How much the first is of both. */
function share(part: number, rest: number): number | undefined {
  return part + rest > 0 ? (part / (part + rest)) * 100 : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function scaled(value: unknown, factor: number): number | undefined {
  const known = number(value);
  return known === undefined ? undefined : known * factor;
}

function sum(values: number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function most(values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}

function least(values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
