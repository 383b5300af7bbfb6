import { expect } from '@playwright/test';

export interface Contact {
  id: number;
  displayName: string | null;
  userDbId: number | null;
  userId: string | null;
}

export interface CallLog {
  id: number;
  callId: string;
  callTitle: string;
  callType: string;
  callStatus: 'Planned' | 'Started' | 'Ended';
  creatorContact: Contact;
  invitedContacts: Contact[];
  callEvents: { id: number; type: string; contact: Contact }[];
  callHistory: { type: string }[];
  callStatistics: CallStatistics[];
}

export interface CallStatistics {
  contact: Contact;
  why: string;
  reconnects: number;
  measuredSeconds: number;
  paths: { path: string; mode: string; seconds: number }[];
  kbitPerSecondIn?: { mean: number; max: number };
  rttMs?: { mean: number; max: number };
}

export interface User {
  userDbId: number;
  userId: string;
  displayName: string;
  domain: string;
}

/** Somebody who speaks REST with the server: a connector, or a story that looks behind the screen. */
export class Api {
  private constructor(
    private readonly base: string,
    readonly token: string,
    readonly user: User,
  ) {}

  static async login(base: string, userId: string): Promise<Api> {
    const body = JSON.stringify({ domain: 'ubimax', userId, password: 'demo' });
    const answer = await fetch(`${base}/auth/login`, { method: 'POST', body });
    expect(answer.status, 'login').toBe(200);
    const { accessToken, user } = (await answer.json()) as { accessToken: string; user: User };
    return new Api(base, accessToken, user);
  }

  /** Like the connectors in the field: no content-type. */
  async createCall(request: object): Promise<CallLog> {
    return (await this.ask('/rtc/createCall', { method: 'POST', body: JSON.stringify(request) })) as CallLog;
  }

  async invite(callId: string, user: User): Promise<void> {
    const body = JSON.stringify({ callId, invitedContacts: [contact(user)] });
    await this.ask('/rtc/inviteToCall', { method: 'POST', body });
  }

  /** As an administrator. */
  async change(path: string, body: object): Promise<void> {
    await this.ask(path, { method: 'PATCH', body: JSON.stringify(body) });
  }

  /** As an administrator. */
  async createTeam(name: string, members: User[]): Promise<void> {
    const body = JSON.stringify({ name, members: members.map(({ userDbId }) => userDbId) });
    await this.ask('/admin/teams', { method: 'POST', body });
  }

  /** The personal link of a guest. */
  async guestLink(callId: string, contactId: number): Promise<string> {
    return ((await this.post('/rtc/getGuestLink', { callId, contactId })) as { link: string }).link;
  }

  get(path: string): Promise<unknown> {
    return this.ask(path);
  }

  post(path: string, body: object): Promise<unknown> {
    return this.ask(path, { method: 'POST', body: JSON.stringify(body) });
  }

  async log(callId: string): Promise<CallLog> {
    return (await this.ask(`/rtc/getCallLogById?callId=${callId}`)) as CallLog;
  }

  async calls(): Promise<CallLog[]> {
    return ((await this.ask('/rtc/getCallLogs')) as { calls: CallLog[] }).calls;
  }

  /** The caller's only call. */
  async onlyCall(): Promise<CallLog> {
    const [call, ...others] = await this.calls();
    expect(others, 'there is only one call').toEqual([]);
    if (!call) throw new Error(`${this.user.userId} has no call`);
    return call;
  }

  /** The story a call log tells: `Created glasses1`, `Join tester` … */
  async events(callId: string): Promise<string[]> {
    return told(await this.log(callId));
  }

  /** Waits until the log tells exactly this. */
  async tells(callId: string, events: string[], status: CallLog['callStatus']): Promise<void> {
    await expect
      .poll(async () => {
        const log = await this.log(callId);
        return { events: told(log), status: log.callStatus };
      })
      .toEqual({ events, status });
  }

  private async ask(path: string, init: RequestInit = {}): Promise<unknown> {
    const answer = await fetch(this.base + path, { ...init, headers: { authorization: `Bearer ${this.token}` } });
    const text = await answer.text();
    expect(answer.status, `${path}: ${text}`).toBe(200);
    return JSON.parse(text);
  }
}

export function told(log: CallLog): string[] {
  return log.callEvents.map((event) => `${event.type} ${event.contact.userId}`);
}

/** A user as the contact of a request. */
export function contact(user: User): object {
  const { userDbId, userId, displayName, domain } = user;
  return { userDbId, userId, displayName, domain, email: null, phoneNumber: null };
}
