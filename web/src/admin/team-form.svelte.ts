/** A team as it is being entered. */
import type { MemberProfile, TeamBody, TeamQueueSettings, TeamRecord, TeamStrategy, WeekHours } from '../api/types';
import { HoursForm, type Row } from '../call/week-hours.svelte';

export interface Member {
  id: number;
  /** Skills and languages, between commas. */
  tags: string;
}

const SHIFT: Row = { days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'], from: '08:00', to: '17:00' };
/** What the server takes. */
export const TURN = { usual: 20, least: 5, most: 120 };
const ESCALATION = { least: 10, most: 7 * 24 * 3_600 };
const LIFE = { least: 60, most: 30 * 24 * 3_600 };
const USUAL_MINUTES = 10;

export class TeamForm {
  /** Of the team that is changed; of a new one as soon as it is there. */
  id: number | undefined;
  name = $state('');
  members = $state<Member[]>([]);
  strategy = $state<TeamStrategy>('all');
  seconds = $state<number | null>(TURN.usual);
  onlyOnShift = $state(false);
  daysOff = $state<string[]>([]);
  nextTeam = $state<number | undefined>();
  escalateTo = $state<number | undefined>();
  escalateMinutes = $state<number | null>(USUAL_MINUTES);
  /** Nothing: requests wait for as long as it takes. */
  expireMinutes = $state<number | null>(null);
  readonly hours = new HoursForm(SHIFT);

  /** What keeps it from being saved, as the id of words. */
  readonly wrong = $derived.by(() => {
    if (!this.name.trim()) return 'team-name-missing';
    if (!this.hours.complete) return 'reach-hours-wrong';
    if (this.daysOff.length > 0 && this.hours.rows.length === 0) return 'team-days-need-hours';
    if (this.escalateTo !== undefined && !this.escalateMinutes) return 'team-escalate-missing';
    return undefined;
  });

  /** Hours of members who have some of their own: they are not asked about here, and stay. */
  private ownHours = new Map<number, WeekHours>();

  begin(zone: string): void {
    this.hours.take(undefined, zone);
  }

  take(team: TeamRecord, queue: TeamQueueSettings, zone: string): void {
    const { ringing, profiles = [] } = team;
    const profile = (id: number) => profiles.find(({ userDbId }) => userDbId === id);
    this.id = team.id;
    this.name = team.name;
    this.members = team.members.map((id) => ({ id, tags: (profile(id)?.tags ?? []).join(', ') }));
    this.ownHours = new Map(profiles.flatMap(({ userDbId, hours }) => (hours ? [[userDbId, hours] as const] : [])));
    this.strategy = ringing?.strategy ?? 'all';
    this.seconds = ringing?.seconds ?? TURN.usual;
    this.onlyOnShift = ringing?.onlyOnShift ?? false;
    this.hours.take(ringing?.hours, zone);
    this.daysOff = [...(ringing?.daysOff ?? [])].sort();
    this.nextTeam = team.nextTeam ?? undefined;
    this.escalateTo = queue.escalateTo ?? undefined;
    this.escalateMinutes = minutes(queue.escalateSeconds) ?? USUAL_MINUTES;
    this.expireMinutes = minutes(queue.expireSeconds);
  }

  add(id: number): void {
    if (!this.members.some((member) => member.id === id)) this.members.push({ id, tags: '' });
  }

  remove(id: number): void {
    this.members = this.members.filter((member) => member.id !== id);
  }

  /** One place further up: where they are rung one after another, that is sooner. */
  moveUp(id: number): void {
    const at = this.members.findIndex((member) => member.id === id);
    const [member] = at > 0 ? this.members.splice(at, 1) : [];
    if (member) this.members.splice(at - 1, 0, member);
  }

  addDayOff(day: string): void {
    if (day && !this.daysOff.includes(day)) this.daysOff = [...this.daysOff, day].sort();
  }

  removeDayOff(day: string): void {
    this.daysOff = this.daysOff.filter((known) => known !== day);
  }

  body(): TeamBody {
    const { strategy, onlyOnShift, daysOff } = this;
    const seconds = within(this.seconds ?? TURN.usual, TURN);
    const profiles = this.members
      .map((member) => this.profile(member))
      .filter(({ tags, hours }) => tags?.length || hours);
    return {
      name: this.name.trim(),
      members: this.members.map(({ id }) => id),
      ringing: { strategy, seconds, onlyOnShift, hours: this.hours.value, daysOff: [...daysOff] },
      profiles,
      nextTeam: this.nextTeam ?? null,
    };
  }

  queue(): TeamQueueSettings {
    const escalates = this.escalateTo !== undefined;
    return {
      escalateTo: this.escalateTo ?? null,
      escalateSeconds: escalates ? within((this.escalateMinutes ?? USUAL_MINUTES) * 60, ESCALATION) : null,
      expireSeconds: this.expireMinutes ? within(this.expireMinutes * 60, LIFE) : null,
    };
  }

  private profile({ id, tags }: Member): MemberProfile {
    const words = tags.split(',').map((tag) => tag.trim());
    return { userDbId: id, tags: words.filter(Boolean), hours: this.ownHours.get(id) };
  }
}

/** With as many digits as it takes to be the same seconds again. */
function minutes(seconds: number | null | undefined): number | null {
  return seconds ? Math.round((seconds / 60) * 100) / 100 : null;
}

function within(value: number, { least, most }: { least: number; most: number }): number {
  return Math.min(most, Math.max(least, Math.round(value)));
}
