/** How the call is right now, for the screen, and what of it the server is told. */
import type { MediaReport } from '../api/types';
import type { Clock } from '../signalling/clock';
import { atTheirEnd, judge, type Verdict } from './judge';
import { type Incoming, type Look, type Measured, measure } from './measure';
import type { Connection, Remote } from './session';

/** How often to look. Browsers answer from a cache for a moment, and a mark that jumps tells nothing. */
const LOOK_MS = 2_500;
/** How often the server is told. */
const REPORT_MS = 5_000;

export interface QualityEnvironment {
  clock: Clock;
  /** The call in which this page sits. */
  callId(): string | undefined;
  stats(): Promise<RTCStatsReport | undefined>;
  connection(): Connection;
  remote(): Remote;
  tell(callId: string, report: MediaReport): void;
  /** There are new figures. */
  measured?(look: Look, report: MediaReport): void;
}

const UNKNOWN: Verdict = { bars: 4, reasons: [] };

export class Quality {
  /** Of the own connection; nothing, as long as nothing has been measured. */
  own = $state.raw<Verdict | undefined>();
  figures = $state.raw<MediaReport | undefined>();
  /** By contact. */
  others = $state.raw<ReadonlyMap<number, Verdict>>(new Map());
  readonly theirs = $derived(atTheirEnd(this.own ?? UNKNOWN, this.others));

  private timer: number | undefined;
  private last: { callId: string; look: Look } | undefined;
  private told: { callId: string; look: Look } | undefined;
  private toldAt = Number.NEGATIVE_INFINITY;
  /** Counts calls: an answer of the browser may come after the end of the one it is about. */
  private turn = 0;

  constructor(private readonly env: QualityEnvironment) {}

  start(): void {
    this.stop();
    void this.look(this.turn);
  }

  /** Media flow, for the first time or again: there is something to look at. */
  connected(): void {
    this.env.clock.clearTimeout(this.timer);
    void this.look(++this.turn);
  }

  /** Tells the server what it has not been told yet: the call is about to be left. */
  stop(): void {
    this.turn += 1;
    this.env.clock.clearTimeout(this.timer);
    if (this.last && this.last !== this.told) this.report();
    this.last = this.told = this.own = this.figures = undefined;
    this.toldAt = Number.NEGATIVE_INFINITY;
    this.others = new Map();
  }

  private async look(turn: number): Promise<void> {
    const stats = await this.env.stats();
    if (turn !== this.turn) return;
    const callId = this.env.callId();
    const flows = this.env.connection() === 'connected' || this.env.connection() === 'reconnecting';
    if (stats && callId && flows) this.see(callId, { at: this.env.clock.now(), stats });
    else this.own = this.last = this.told = undefined;
    this.timer = this.env.clock.setTimeout(() => void this.look(turn), LOOK_MS);
  }

  private see(callId: string, look: Look): void {
    const before = this.last;
    this.last = { callId, look };
    // Another connection than before has other counters, which begin anew.
    if (before?.callId !== callId || !sameConnection(before.look.stats, look.stats)) {
      this.told = this.last;
      return;
    }
    const measured = measure(before.look, look);
    const connected = this.env.connection() === 'connected';
    this.figures = measured.report;
    this.env.measured?.(look, measured.report);
    this.own = judge(measured.report, connected, measured.seconds);
    this.others = othersOf(measured, this.env.remote(), connected);
    if (look.at - this.toldAt >= REPORT_MS) this.report();
  }

  private report(): void {
    if (!this.last || !this.told) return;
    const { report } = measure(this.told.look, this.last.look);
    this.told = this.last;
    this.toldAt = this.last.look.at;
    this.env.tell(this.last.callId, report);
  }
}

function othersOf({ lines, seconds }: Measured, remote: Remote, connected: boolean): Map<number, Verdict> {
  const others = new Map<number, Verdict>();
  for (const [contact, tracks] of remote) {
    const own = Object.values(tracks).flatMap((track) => lines.get(track.id) ?? []);
    // Of somebody who sends nothing there is nothing to say.
    if (own.length > 0 || !connected) others.set(contact, judge(worst(own), connected, seconds));
  }
  return others;
}

/** Of sound and picture together the worse. */
function worst(lines: Incoming[]) {
  const most = (name: keyof Incoming) => Math.max(0, ...lines.map((line) => line[name] ?? 0));
  const rates = lines.flatMap((line) => line.framesPerSecondIn ?? []);
  return {
    lossInPercent: most('lossInPercent'),
    jitterMs: most('jitterMs'),
    concealedPercent: most('concealedPercent'),
    freezes: most('freezes'),
    freezeMs: most('freezeMs'),
    framesPerSecondIn: rates.length > 0 ? Math.min(...rates) : undefined,
  };
}

function sameConnection(before: RTCStatsReport, now: RTCStatsReport): boolean {
  const names = (stats: RTCStatsReport) =>
    [...stats.values()].filter((stat) => stat.type === 'certificate').map((stat) => stat.fingerprint as string);
  const [then, since] = [names(before), names(now)];
  return then.length === 0 || then.some((name) => since.includes(name));
}
