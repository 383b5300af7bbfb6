/** How somebody wants to be reached, as it is being entered. */
import type { Reach, ReachChange, Rung, RungChannel } from '../api/types';
import { DAYS, HoursForm, type Row } from './week-hours.svelte';

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
  readonly week = new HoursForm(NIGHT);
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

  /** Those that are not asked about here go on as they are. */
  private others: Rung[] = [];

  take(reach: Reach, zone: string): void {
    this.week.take(reach.own.quietHours, zone);
    this.language = reach.own.language ?? '';
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

  hours(): ReachChange {
    return { quietHours: this.week.value ?? null };
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
