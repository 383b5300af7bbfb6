import type { CallView, ClientFrame, Person, Ring, ServerMessage } from '../src/api/types';
import type { SocketLike } from '../src/signalling/client';
import type { Clock } from '../src/signalling/clock';

/** Time moved by hand. */
export class FakeClock implements Clock {
  private at = 1_000_000;
  private last = 0;
  private timers = new Map<number, { due: number; run: () => void }>();

  now = () => this.at;

  setTimeout(run: () => void, milliseconds: number): number {
    this.last += 1;
    this.timers.set(this.last, { due: this.at + milliseconds, run });
    return this.last;
  }

  clearTimeout(timer: number | undefined): void {
    if (timer !== undefined) this.timers.delete(timer);
  }

  /** Time passes, and nothing runs. */
  sleep(milliseconds: number): void {
    this.at += milliseconds;
  }

  /** Runs what is due, in order, and lets promises settle in between. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.at + milliseconds;
    for (;;) {
      const next = [...this.timers].filter(([, t]) => t.due <= end).sort((a, b) => a[1].due - b[1].due)[0];
      if (!next) break;
      this.timers.delete(next[0]);
      this.at = Math.max(this.at, next[1].due);
      next[1].run();
      await settle();
    }
    this.at = end;
    await settle();
  }
}

export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

export class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  sent: ClientFrame[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientFrame);
  }

  close(): void {
    this.closed = true;
  }

  serve(frame: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  welcome(resumed = false, sessionId = 's1'): void {
    this.serve({
      type: 'welcome',
      protocol: 1,
      sessionId,
      resumed,
      user: {
        userDbId: 8,
        userId: 'tester',
        displayName: 'Tester',
        domain: 'ubimax',
        roles: ['expert'],
        email: null,
        phoneNumber: null,
        operator: false,
      },
      serverTime: '2026-11-22T10:00:00.000Z',
      pingSeconds: 10,
      graceSeconds: 30,
    });
  }

  types(): string[] {
    return this.sent.map((f) => f.type);
  }
}

export function person(id: number, state: Person['state'], online = true): Person {
  return { contact: { id, displayName: `Person ${id}`, userDbId: id, userId: `p${id}`, domain: 'd' }, state, online };
}

export function view(over: Partial<CallView> = {}): CallView {
  return {
    callId: 'call-1',
    id: 12,
    callTitle: 'Pump 7',
    callReason: 'STANDARD',
    callType: 'MESH',
    callStatus: 'Started',
    plannedDateTime: null,
    startedDateTime: null,
    you: 1,
    seat: 'here',
    creator: 1,
    people: [person(1, 'joined'), person(2, 'ringing')],
    mediaPlan: { mode: 'p2p', epoch: 1, peer: null, offerer: false },
    version: 1,
    ...over,
  };
}

export function ring(over: Partial<Ring> = {}): Ring {
  return {
    callId: 'call-1',
    callTitle: 'Pump 7',
    callReason: 'STANDARD',
    callType: 'MESH',
    from: person(2, 'joined').contact,
    popup: true,
    until: '2026-11-22T10:00:45.000Z',
    ...over,
  };
}

let tracks = 0;

export class FakeTrack {
  readonly id = `track-${++tracks}`;
  enabled = true;
  stopped = false;
  muted = false;
  onended: (() => void) | null = null;
  onunmute: (() => void) | null = null;

  constructor(
    readonly kind: 'audio' | 'video',
    private readonly deviceId = '',
    private readonly size: { width?: number; height?: number } = {},
  ) {}

  getSettings() {
    return { deviceId: this.deviceId, ...this.size };
  }

  stop(): void {
    this.stopped = true;
  }
}

export function track(kind: 'audio' | 'video', deviceId?: string): FakeTrack & MediaStreamTrack {
  return new FakeTrack(kind, deviceId) as FakeTrack & MediaStreamTrack;
}
