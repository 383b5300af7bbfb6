/** Whether what this page sends comes through at once, by what the other end reports of it. */

/** `held`: it waits in a queue, or too much of it gets lost; `jammed`: so much that it is no chance. `free`: neither. In between nothing is said. */
export type Way = 'free' | 'held' | 'jammed' | undefined;

/** Beyond the shortest time there and back, in milliseconds. */
const WAITS_MS = 250;
const PROMPT_MS = 100;
/** Devices that have much to do are late, too, but seldom by that much. */
const JAMMED_MS = 750;
/** The shortest may be that of a path which is not taken any more: it is believed in less and less. */
const CREEP_MS = 2;
/** Of the packets. Some get lost over good radio links, too. */
const TOO_MANY_LOST = 0.15;
const FEW_LOST = 0.1;
const MOST_LOST = 0.3;
/** Sound is reported on every five seconds or so; what is older is of another time. */
const FRESH_MS = 6_000;

interface Stat {
  id: string;
  type: string;
  timestamp: number;
  [figure: string]: unknown;
}

export class WayWatch {
  private least = Number.POSITIVE_INFINITY;
  private sent = new Map<string, number>();

  look(stats: RTCStatsReport): Way {
    const all = [...stats.values()] as Stat[];
    const now = Math.max(...all.map(({ timestamp }) => timestamp));
    const reports = all.filter(({ type, timestamp }) => type === 'remote-inbound-rtp' && now - timestamp < FRESH_MS);
    const waits = this.waits(all, reports);
    const lost = this.lost(all, reports);
    if (waits >= JAMMED_MS || lost >= MOST_LOST) return 'jammed';
    if (waits >= WAITS_MS || lost >= TOO_MANY_LOST) return 'held';
    return waits < PROMPT_MS && lost < FEW_LOST ? 'free' : undefined;
  }

  private waits(all: Stat[], reports: Stat[]): number {
    const selected = all.find(({ type }) => type === 'transport')?.selectedCandidatePairId;
    const pair = all.find(({ id, type }) => type === 'candidate-pair' && id === selected);
    const seconds = [pair?.currentRoundTripTime, ...reports.map(({ roundTripTime }) => roundTripTime)];
    const known = seconds.filter((value) => typeof value === 'number').map((value) => value * 1000);
    if (known.length === 0) return 0;
    this.least = Math.min(this.least + CREEP_MS, ...known);
    return Math.max(...known) - this.least;
  }

  /** Each line's share counts as much as was sent on it: of a few packets one is no share at all. */
  private lost(all: Stat[], reports: Stat[]): number {
    let [packets, lost] = [0, 0];
    const sent = new Map<string, number>();
    for (const { id, type, packetsSent } of all) {
      if (type !== 'outbound-rtp' || typeof packetsSent !== 'number') continue;
      sent.set(id, packetsSent);
      const fraction = reports.find(({ localId }) => localId === id)?.fractionLost;
      if (typeof fraction !== 'number') continue;
      const more = Math.max(packetsSent - (this.sent.get(id) ?? 0), 0);
      packets += more;
      lost += more * fraction;
    }
    this.sent = sent;
    return packets > 0 ? lost / packets : 0;
  }
}
