/**
 * What the own link to the server carries, and what follows for how a page sends: which frames others depend on, whether sound is
 * repeated, and when the browser is to find out whether the link carries more.
 */
import type { Clock } from '../signalling/clock';
import { outgoingKbit } from './ladder';

/** How things look. */
export interface Facts {
  /** Milliseconds. */
  at: number;
  /** What the browser believes it can send, in kbit/s, and what would be sent if the link carried it. */
  kbit?: number | undefined;
  wanted: number;
  /** How much of the sound got lost on the way, in percent. */
  lossPercent?: number | undefined;
}

/** How to send. */
export interface Manner {
  /** Frames that refer to the one before, instead of some that can be left out for others: over a weak link the same bits show twice as many. */
  thrifty: boolean;
  /** Each sound once more with the next: survives losses, and takes half as much again. */
  repeats: boolean;
}

export const PLAIN: Manner = { thrifty: false, repeats: false };

/** In kbit/s. Changing over costs a key frame. */
const THRIFTY_BELOW = 600;
const PLAIN_FROM = 800;
/** So often in a row it must look alike. */
const TURN_LOOKS = 2;

/** From such a loss on sound is repeated, until it has been below the other for so long. */
const LOSSY_PERCENT = 2;
const CLEAN_PERCENT = 1;
const CLEAN_MS = 10_000;
/** What a link loses that has just become weaker was in its queue, and reports of it come late. To send more would make it worse. */
const QUEUE_MS = 8_000;

/** An estimate that falls to this share has found a weaker link. */
const FALLEN = 0.7;
/** One that rises above where it had to turn back before is on a better link: so much is more than chance. */
const RISEN = 1.08;
/** Without a sign it is asked after so long, then more and more seldom: it costs a burst of packets, which a weak link feels. */
const PATIENCE_MS = 3_000;
const LESS_OFTEN = 1.5;
const MOST_PATIENCE_MS = 30_000;
const AGAIN_MS = 2_000;
/** Asking has helped if the estimate is so much higher afterwards. */
const HELPED = 1.25;

/** Pure. */
export class Uplink {
  manner = PLAIN;
  private otherwise = 0;
  private cleanSince: number | undefined;
  private before: number | undefined;
  /** The highest estimate that did not hold. */
  private ceiling = Number.POSITIVE_INFINITY;
  private asked: { at: number; kbit: number } | undefined;
  private weakSince = 0;
  private fallenAt = Number.NEGATIVE_INFINITY;
  private patience = PATIENCE_MS;

  /** True if the browser should find out now whether the link carries more. */
  look(facts: Facts): boolean {
    const { at, kbit, wanted } = facts;
    const asks = kbit !== undefined && this.asks(at, kbit, wanted);
    const thrifty = kbit === undefined ? this.manner.thrifty : this.thrifty(kbit);
    this.manner = { thrifty, repeats: this.repeats(facts) };
    return asks;
  }

  private thrifty(kbit: number): boolean {
    const { thrifty } = this.manner;
    const turns = thrifty ? kbit >= PLAIN_FROM : kbit < THRIFTY_BELOW;
    this.otherwise = turns ? this.otherwise + 1 : 0;
    if (this.otherwise < TURN_LOOKS) return thrifty;
    this.otherwise = 0;
    return !thrifty;
  }

  private repeats({ at, lossPercent }: Facts): boolean {
    const { repeats } = this.manner;
    if (lossPercent === undefined) return repeats;
    this.cleanSince = lossPercent < CLEAN_PERCENT ? (this.cleanSince ?? at) : undefined;
    if (lossPercent >= LOSSY_PERCENT && at - this.fallenAt >= QUEUE_MS) return true;
    return repeats && (this.cleanSince === undefined || at - this.cleanSince < CLEAN_MS);
  }

  private asks(at: number, kbit: number, wanted: number): boolean {
    const { before } = this;
    this.before = kbit;
    const falls = before !== undefined && kbit < before * FALLEN;
    if (falls) this.fallenAt = at;
    if (before === undefined || kbit >= wanted || falls) {
      this.begin(at);
      return false;
    }
    if (kbit < before) {
      const ceiling = Number.isFinite(this.ceiling) ? this.ceiling : 0;
      this.ceiling = Math.max(ceiling, before);
      return false;
    }
    const since = at - (this.asked?.at ?? this.weakSince);
    // An estimate goes up and down by itself, but not that fast.
    if (this.asked && since <= AGAIN_MS && kbit >= this.asked.kbit * HELPED) this.patience = PATIENCE_MS;
    const risen = kbit > this.ceiling * RISEN && since >= AGAIN_MS;
    if (!risen && since < this.patience) return false;
    if (risen) this.ceiling = kbit;
    this.patience = Math.min(this.patience * LESS_OFTEN, MOST_PATIENCE_MS);
    this.asked = { at, kbit };
    return true;
  }

  /** Nothing is known of this link. */
  private begin(at: number): void {
    this.ceiling = Number.POSITIVE_INFINITY;
    this.asked = undefined;
    this.weakSince = at;
    this.patience = PATIENCE_MS;
  }
}

export interface UplinkEvents {
  stats(): Promise<RTCStatsReport>;
  /** In kbit/s; nothing while there is no picture to send. */
  wanted(): number | undefined;
  changed(manner: Manner): void;
  ask(): void;
}

const LOOK_MS = 1_000;

/** Looks at the link as long as it is told to. */
export class UplinkWatch {
  private readonly uplink = new Uplink();
  private timer: number | undefined;
  private running = false;

  constructor(
    private readonly clock: Clock,
    private readonly events: UplinkEvents,
  ) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    this.next();
  }

  stop(): void {
    this.running = false;
    this.clock.clearTimeout(this.timer);
  }

  private next(): void {
    this.timer = this.clock.setTimeout(() => void this.look(), LOOK_MS);
  }

  private async look(): Promise<void> {
    const stats = await this.events.stats().catch(() => undefined);
    if (!this.running) return;
    this.next();
    if (!stats) return;
    const before = this.uplink.manner;
    const wanted = this.events.wanted();
    const kbit = wanted === undefined ? undefined : outgoingKbit(stats);
    const asks = this.uplink.look({ at: this.clock.now(), kbit, wanted: wanted ?? 0, lossPercent: soundLost(stats) });
    const { manner } = this.uplink;
    if (manner.thrifty !== before.thrifty || manner.repeats !== before.repeats) this.events.changed(manner);
    if (asks) this.events.ask();
  }
}

/** By the server's last report, in percent. */
function soundLost(stats: RTCStatsReport): number | undefined {
  const all = [...stats.values()] as Record<string, unknown>[];
  const lost = all.find(({ type, kind }) => type === 'remote-inbound-rtp' && kind === 'audio')?.fractionLost;
  return typeof lost === 'number' ? lost * 100 : undefined;
}
