import type { ClientFrame, ServerMessage } from '../api/types';
import type { Clock } from './clock';

/** A refusal by the server (its code), or one of ours: `timeout`, `connection_lost`, `withdrawn`. */
export class RequestError extends Error {
  constructor(
    readonly code: string,
    detail: string = code,
  ) {
    super(detail);
  }
}

/** The code of whatever was thrown. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'internal';
}

type WithId = Extract<ClientFrame, { id: number }>;
/** A frame that wants an answer, before it has its id. */
export type RequestFrame = WithId extends infer F ? (F extends WithId ? Omit<F, 'id'> : never) : never;

/** What the server says to a request that it grants. */
export type Answer = Extract<ServerMessage, { type: 'ok' }>;

interface Pending {
  frame: WithId;
  /** Which connection it was last sent on; undefined while it waits for one. */
  sentOn: number | undefined;
  resolve(answer: Answer): void;
  reject(error: RequestError): void;
  timer: number;
}

const TIMEOUT_MS = 10_000;

/** Frames that may be sent twice without harm. A second createCall would ring people twice. */
function repeatable(frame: WithId): boolean {
  return frame.type !== 'createCall';
}

/** Frames that mean the same in a new session. `join` does not: it needs `rejoin`, which only the call's state knows. */
function sessionless(frame: WithId): boolean {
  return frame.type === 'leave' || frame.type === 'decline' || frame.type === 'end';
}

/** The requests that wait for their answer, across connections. */
export class Requests {
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;

  constructor(private readonly clock: Clock) {}

  /** Takes up a request; the caller sends the returned frame, if connected, and says so with `sent`. */
  add(request: RequestFrame): { frame: WithId; answer: Promise<Answer> } {
    const id = this.nextId++;
    const frame = { ...request, id } as WithId;
    const answer = new Promise<Answer>((resolve, reject) => {
      const timer = this.clock.setTimeout(() => this.fail(id, new RequestError('timeout')), TIMEOUT_MS);
      this.pending.set(id, { frame, sentOn: undefined, resolve, reject, timer });
    });
    return { frame, answer };
  }

  sent(id: number, connection: number): void {
    const pending = this.pending.get(id);
    if (pending) pending.sentOn = connection;
  }

  succeed(answer: Answer): void {
    this.take(answer.id)?.resolve(answer);
  }

  fail(id: number, error: RequestError): void {
    this.take(id)?.reject(error);
  }

  /** Nobody wants the answer any more. What has been sent is answered all the same. */
  withdraw(id: number): void {
    if (this.pending.get(id)?.sentOn === undefined) this.fail(id, new RequestError('withdrawn'));
  }

  failAll(error: RequestError): void {
    for (const id of [...this.pending.keys()]) this.fail(id, error);
  }

  /** Frames nobody has sent yet. */
  unsent(): WithId[] {
    return [...this.pending.values()].filter((p) => p.sentOn === undefined).map((p) => p.frame);
  }

  /** Frames that an earlier connection may have swallowed, and that may be sent again. */
  doubtful(connection: number): WithId[] {
    return [...this.pending.values()]
      .filter((p) => p.sentOn !== undefined && p.sentOn < connection && repeatable(p.frame))
      .map((p) => p.frame);
  }

  /** The session is new: what was sent in the old one is either asked again or lost. */
  sessionLost(): void {
    for (const [id, pending] of [...this.pending]) {
      if (pending.sentOn === undefined) continue;
      if (sessionless(pending.frame)) pending.sentOn = undefined;
      else this.fail(id, new RequestError('connection_lost'));
    }
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    if (!pending) return undefined;
    this.pending.delete(id);
    this.clock.clearTimeout(pending.timer);
    return pending;
  }
}
