/** How somebody wants to be reached, as it is being entered. */
import type { Reach, ReachChange, Rung, RungChannel, Weekday, WeekHours } from '../api/types';

export const DAYS: Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

export interface Row {
  days: Weekday[];
  from: string;
  to: string;
}

/** By what a message goes; a team is none. */
export type MessageChannel = Exclude<RungChannel, 'team'>;

/** A message to an address of one's account, or to one's browsers. */
export interface Step {
  channel: MessageChannel;
  on: boolean;
  after: number;
}

const NIGHT: Row = { days: DAYS, from: '22:00', to: '06:00' };
const HALF_HOUR = 30 * 60_000;
/** What is offered where the domain has no such step. */
const AFTER = { push: 0, email: 15, sms: 15 };
const CHANNELS: MessageChannel[] = ['push', 'email', 'sms'];
/** A ring on a page lasts for 45 seconds. */
const TEAM_AFTER = 30;

/** Times to be left alone until; `morning` is at eight of the next day on the clocks of this device. */
export function untils(now: number): { id: string; until: string }[] {
  const morning = new Date(now);
  morning.setDate(morning.getDate() + 1);
  morning.setHours(8, 0, 0, 0);
  return [
    { id: 'reach-dnd-half-hour', until: new Date(now + HALF_HOUR).toISOString() },
    { id: 'reach-dnd-hour', until: new Date(now + 2 * HALF_HOUR).toISOString() },
    { id: 'reach-dnd-morning', until: morning.toISOString() },
  ];
}

export class ReachForm {
  zone = $state('');
  rows = $state<Row[]>([]);
  own = $state(false);
  /** Of letters and text messages; empty: the domain's. */
  language = $state('');
  steps = $state<Step[]>([]);
  /** The last step: who comes instead. */
  team = $state<{ on: boolean; id: number | undefined; after: number }>({
    on: false,
    id: undefined,
    after: TEAM_AFTER,
  });

  readonly hoursComplete = $derived(this.rows.every(({ days, from, to }) => days.length > 0 && from && to));

  /** Those that are not asked about here go on as they are. */
  private others: Rung[] = [];

  take(reach: Reach, zone: string): void {
    const hours = reach.own.quietHours;
    this.language = reach.own.language ?? '';
    this.zone = hours?.timeZone ?? zone;
    // A field for times knows no 24:00; where it ends, the next day begins.
    this.rows = (hours?.spans ?? []).map(({ days, from, to }) => ({ days, from, to: to === '24:00' ? '00:00' : to }));
    this.own = Boolean(reach.own.rungs);
    const rungs = reach.own.rungs ?? reach.domainRungs;
    this.others = rungs.filter((rung) => rung.address === 'request');
    this.steps = CHANNELS.map((channel) => {
      const known = rungs.find((rung) => rung.channel === channel && rung.address !== 'request');
      return { channel, on: known !== undefined, after: known?.afterSeconds ?? AFTER[channel] };
    });
    const team = rungs.find((rung) => rung.channel === 'team');
    this.team = { on: team !== undefined, id: team?.team ?? undefined, after: team?.afterSeconds ?? TEAM_AFTER };
  }

  add(): void {
    this.rows.push({ ...NIGHT, days: [...NIGHT.days] });
  }

  remove(index: number): void {
    this.rows.splice(index, 1);
  }

  choose(row: Row, day: Weekday, on: boolean): void {
    row.days = DAYS.filter((known) => (known === day ? on : row.days.includes(known)));
  }

  hours(): ReachChange {
    const quietHours: WeekHours = { timeZone: this.zone, spans: this.rows.map((row) => ({ ...row })) };
    return { quietHours: this.rows.length > 0 ? quietHours : null };
  }

  spoken(): ReachChange {
    return { language: this.language || null };
  }

  rungs(): ReachChange {
    if (!this.own) return { rungs: null };
    const steps = this.steps.filter(({ on }) => on);
    const rungs = steps.map(({ channel, after }): Rung => {
      const afterSeconds = seconds(after);
      return channel === 'push' ? { channel, afterSeconds } : { channel, address: 'stored', afterSeconds };
    });
    const { on, id, after } = this.team;
    const team: Rung[] = on && id !== undefined ? [{ channel: 'team', team: id, afterSeconds: seconds(after) }] : [];
    return { rungs: [...this.others, ...rungs, ...team] };
  }
}

function seconds(after: number): number {
  return Math.min(600, Math.max(0, Math.round(after || 0)));
}
