/** What somebody enters to plan a call or to move one, and what is wrong with it. */
import type { CallView, CreateCallRequest, UpdateCallRequest } from '../api/types';
import { knows, localTime, neighbours, type Occurrence, occurrences } from './zones';

/** What the entered time is: not whole yet, past, skipped by the clocks, shown by them twice, or one to send. */
export type When =
  | { state: 'missing' }
  | { state: 'past' }
  | { state: 'skipped'; instead: string[] }
  | { state: 'twice'; which: Occurrence[] }
  | { state: 'once' };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** So much past still means now, for the server. */
const PAST_TOLERANCE = 5 * MINUTE;

export class PlanForm {
  title = $state('');
  date = $state('');
  time = $state('');
  zone = $state('');
  /** Which one of two is meant, by its offset. */
  offset = $state('');
  people = $state.raw<ReadonlySet<number>>(new Set());
  teams = $state.raw<ReadonlySet<number>>(new Set());

  readonly local = $derived(`${this.date}T${this.time}`);
  readonly when = $derived.by((): When => {
    if (!this.date || !this.time) return { state: 'missing' };
    const found = occurrences(this.local, this.zone);
    const last = found.at(-1);
    if (!last) return { state: 'skipped', instead: neighbours(this.local, this.zone) };
    if (last.at < this.now() - PAST_TOLERANCE) return { state: 'past' };
    return found.length > 1 ? { state: 'twice', which: found } : { state: 'once' };
  });
  readonly complete = $derived(
    this.when.state === 'once' ||
      (this.when.state === 'twice' && this.when.which.some(({ offset }) => offset === this.offset)),
  );

  private sent: { body: string; key: string } | undefined;

  /** `now`: where the clocks stand; `newKey`: something nobody else has. */
  constructor(
    private readonly now: () => number,
    private readonly newKey: () => string,
  ) {}

  /** A call in the hour after the next. */
  begin(zone: string): void {
    this.show(Math.floor(this.now() / HOUR) * HOUR + 2 * HOUR, zone);
  }

  /** The call as it is planned, in the zone it was planned in. */
  take(call: CallView, zone: string): void {
    this.title = call.callTitle;
    const planned = call.plannedTimeZone;
    this.show(Date.parse(call.plannedDateTime ?? ''), planned && knows(planned) ? planned : zone);
  }

  chooseUser(userDbId: number, on: boolean): void {
    this.people = changed(this.people, userDbId, on);
  }

  chooseTeam(id: number, on: boolean): void {
    this.teams = changed(this.teams, id, on);
  }

  creation(): CreateCallRequest {
    const title = this.title.trim();
    const direct = this.people.size === 1 && this.teams.size === 0;
    return {
      ...(title && { callTitle: title }),
      callType: direct ? 'MESH' : 'SFU',
      invitedContacts: [...this.people].map((userDbId) => ({ userDbId })),
      invitedTeams: [...this.teams].map((id) => ({ id })),
      useStoredAddresses: true,
      ...this.moment(),
    };
  }

  update(callId: string): UpdateCallRequest {
    const title = this.title.trim();
    return { callId, ...(title && { callTitle: title }), ...this.moment() };
  }

  /** The same for the same request, so that one that is sent again makes no second call. */
  keyOf(request: CreateCallRequest): string {
    const body = JSON.stringify(request);
    if (this.sent?.body !== body) this.sent = { body, key: this.newKey() };
    return this.sent.key;
  }

  private moment() {
    const offset = this.when.state === 'twice' ? this.offset : '';
    return { plannedLocalTime: `${this.local}${offset}`, plannedTimeZone: this.zone };
  }

  private show(at: number, zone: string): void {
    this.zone = zone;
    const [date = '', time = ''] = localTime(at, zone).split('T');
    this.date = date;
    this.time = time;
    if (this.when.state === 'twice') this.offset = this.when.which.find((one) => one.at === at)?.offset ?? '';
  }
}

function changed(set: ReadonlySet<number>, item: number, on: boolean): ReadonlySet<number> {
  const copy = new Set(set);
  if (on) copy.add(item);
  else copy.delete(item);
  return copy;
}
